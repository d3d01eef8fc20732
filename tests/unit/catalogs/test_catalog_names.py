"""Names of files are checked; names of runs, branches and steps are encoded into names of folders and files."""

import re

import pytest

from magnus.catalogs.file_system import folders
from magnus.catalogs.file_system.run_tree import RunTree
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.system.system_calls import REAL

ROOT = BranchPath()


@pytest.mark.parametrize(
    ("run_id", "folder"),
    [
        ("happy-curie-1412", "happy-curie-1412"),
        ("My run (2)", "My run (2)"),
        ("ünï", "ünï"),
        ("v1.2", "v1.2"),
        ("../x", "%2E.%2Fx"),
        (".store", "%2Estore"),
        ("..", "%2E."),
        ("a\nb", "a%0Ab"),
        ("50%", "50%25"),
        ("\udcff", "%ED%B3%BF"),
        ("", "%"),
    ],
)
def test_a_run_has_a_folder_of_its_own_name_where_that_is_safe(run_id, folder):
    assert folders.run_folder(run_id) == folder


def test_a_name_too_long_for_a_file_system_is_shortened_with_a_hash():
    one, other = folders.run_folder("ü" * 500), folders.run_folder("ü" * 499 + "x")
    assert one != other
    assert len(one.encode()) <= 255
    assert re.fullmatch(r"ü{80}%~[0-9a-f]{32}", one)


def test_the_root_has_the_folder_of_the_run_itself():
    assert folders.branch_folders(ROOT) == ()


@pytest.mark.parametrize(
    ("branch", "folder"),
    [
        (ROOT.step("map").into("0"), "map,0"),
        (ROOT.step("a map").into("0").step("b").into("x,y"), "a%20map,0,b,x%2Cy"),
        (ROOT.step("").into(""), ","),
        (ROOT.step("a/0").into("b"), "a%2F0,b"),
    ],
)
def test_a_branch_has_one_folder_however_deep_it_is(branch, folder):
    assert folders.branch_folders(branch) == (".branches", folder)


def test_a_step_has_a_log_named_like_its_path():
    assert folders.log_file(ROOT.step("step shell")) == "step%20shell.log"
    assert folders.log_file(ROOT.step("map").into("0").step("a")) == "map,0,a.log"
    assert len(folders.log_file(ROOT.step("x" * 1000))) < 255


@pytest.mark.parametrize(
    ("parts", "place"),
    [
        (("data", "a"), ("data", "a")),
        ((".logs", "a"), ("%.logs", "a")),
        ((".branches",), ("%.branches",)),
        (("%.logs", "a"), ("%%.logs", "a")),
        (("a", ".logs"), ("a", ".logs")),
    ],
)
def test_files_of_the_project_are_kept_apart_from_those_of_the_catalog(parts, place):
    assert folders.tree_parts(parts) == place


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "", "a//b", "a/./b"])
def test_a_name_that_leads_out_is_refused(name):
    with pytest.raises(CatalogError) as refused:
        folders.parts_of(name)
    assert str(refused.value) == (
        f"error: '{name}' is not the name of a file below a folder\n"
        "  fix: use a relative path without empty parts, '.' and '..'"
    )


@pytest.mark.parametrize(
    "name", ["/a", "data//a", "data/.", "data/..", "data/", "data/a\0", "data/\ud800", "/data/a", "./a", "data/../a"]
)
def test_a_name_that_leads_out_is_refused_beside_names_that_do_not(tmp_path, name):
    of_user = folders.UserFolder(tmp_path)
    tree = RunTree(str(tmp_path), "run", ROOT, REAL, durable=False)
    for plain in ("a", "data/a", "data/b"):
        assert of_user.place(plain) == f"{of_user.root}/{plain}"
        assert tree.relative(plain) == f"run/{plain}"
    for place in (of_user.place, tree.relative):
        with pytest.raises(CatalogError):
            place(name)


@pytest.mark.parametrize(
    ("name", "place"), [(".logs", "%.logs"), ("%a", "%%a"), ("data/.a", "data/.a"), ("ü", "ü"), ("d\t/\t", "d\t/\t")]
)
def test_a_name_of_its_own_kind_is_placed_beside_plain_names(tmp_path, name, place):
    of_user = folders.UserFolder(tmp_path)
    tree = RunTree(str(tmp_path), "run", ROOT, REAL, durable=False)
    for _ in range(2):
        assert of_user.place(name) == f"{of_user.root}/{name}"
        assert tree.relative(name) == f"run/{place}"
        assert (of_user.place("data/a"), tree.relative("a")) == (f"{of_user.root}/data/a", "run/a")


def test_names_that_differ_by_case_alone_are_found():
    assert folders.differing_by_case(["b", "data/A", "Data/a"]) == ("data/A", "Data/a")
    assert folders.differing_by_case(["a", "a", "b"]) is None
