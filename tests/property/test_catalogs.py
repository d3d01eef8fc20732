"""What holds of catalogs and globs whatever the names, the patterns and the damage."""

from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from magnus.catalogs.file_system import folders
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.engine.files.catalog_files import matching_entries, matching_files
from magnus.errors import CatalogError
from magnus.run_log.records import CatalogRecord
from magnus.system.system_calls import REAL
from magnus.testing.pieces import contents, write
from magnus.testing.records import branch_paths, step_paths

TEXT = st.text(max_size=12) | st.text("./%~,a\udcff\n", max_size=12) | st.sampled_from(("x" * 300, "ü" * 300))


def is_one_plain_name(name):
    return bool(name) and name not in {".", ".."} and not {"/", "\0"} & set(name) and len(name.encode()) <= 255


@given(TEXT, TEXT)
def test_runs_have_folders_of_their_own_that_are_plain_names(one, other):
    assert is_one_plain_name(folders.run_folder(one))
    assert not folders.run_folder(one).startswith(".")
    assert (folders.run_folder(one) == folders.run_folder(other)) == (one == other)


@given(branch_paths(), branch_paths())
def test_branches_have_folders_of_their_own_that_are_plain_names(one, other):
    assert all(map(is_one_plain_name, folders.branch_folders(one)))
    assert (folders.branch_folders(one) == folders.branch_folders(other)) == (one == other)


@given(step_paths(), step_paths())
def test_steps_have_logs_of_their_own_that_are_plain_names(one, other):
    assert is_one_plain_name(folders.log_file(one))
    assert (folders.log_file(one) == folders.log_file(other)) == (one == other)


FILE_NAMES = st.text("./%ab", max_size=6) | st.sampled_from(
    (".logs/a", "%.logs/a", "%%.logs/a", ".branches", "a/.logs")
)


@given(FILE_NAMES, FILE_NAMES)
def test_files_have_places_of_their_own_in_the_tree_or_are_refused(one, other):
    try:
        places = [folders.tree_parts(folders.parts_of(name)) for name in (one, other)]
    except CatalogError:
        return
    assert (places[0] == places[1]) == (one == other)
    assert not {".logs", ".branches"} & {place[0] for place in places}
    assert Path("/root", *places[0]).resolve().is_relative_to("/root")


PARTS = st.text("ab.", min_size=1, max_size=3).filter(lambda part: part not in {".", ".."})
PATHS = st.lists(PARTS, min_size=1, max_size=3)
PATTERNS = st.lists(PARTS | st.text("ab.*?", min_size=1, max_size=3) | st.just("**"), min_size=1, max_size=4).filter(
    lambda parts: not {".", ".."} & set(parts)
)


def means(pattern, path):
    """The rule, said slowly: the pattern means the path, or a folder it lies in with nothing dotted below."""
    return any(
        means_exactly(pattern, path[:length]) and not any(part.startswith(".") for part in path[length:])
        for length in range(1, len(path) + 1)
    )


def means_exactly(pattern, path):
    if not pattern:
        return not path
    if pattern[0] == "**":
        rest = means_exactly(pattern[1:] or ["*"], path)
        return rest or (bool(path) and not path[0].startswith(".") and means_exactly(pattern, path[1:]))
    if not path or (path[0].startswith(".") and not pattern[0].startswith(".")):
        return False
    return fnmatchcase(path[0], pattern[0]) and means_exactly(pattern[1:], path[1:])


@st.composite
def trees(draw):
    """Names of files of which none is a folder of another."""
    paths = draw(st.lists(PATHS, max_size=8))
    return {
        "/".join(path): path
        for path in paths
        if not any(path != other and other[: len(path)] == path for other in paths)
    }


@settings(deadline=None)
@given(trees(), st.lists(PATTERNS, max_size=3))
def test_globs_mean_the_same_on_a_disk_among_entries_and_by_the_rule(tree, patterns):
    texts = ["/".join(pattern) for pattern in patterns]
    entries = {name: CatalogRecord(name, "", "", "", "put", 0) for name in tree}
    said = {name for name, path in tree.items() if any(means(pattern, path) for pattern in patterns)}
    unmatched = [
        text
        for text, pattern in zip(texts, patterns, strict=True)
        if not any(means(pattern, path) for path in tree.values())
    ]
    with TemporaryDirectory() as folder:
        write(Path(folder), dict.fromkeys(tree, b""))
        assert set(contents(Path(folder))) == set(tree)
        on_disk = matching_files(Path(folder), texts, hidden=())
    assert on_disk == matching_entries(entries, texts)
    assert list(on_disk.names) == sorted(said)
    assert list(on_disk.unmatched) == unmatched


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_cache_of_hashes_cut_or_changed_anywhere_never_says_a_wrong_hash(data):
    with TemporaryDirectory() as temporary:
        file, folder = Path(temporary, "a file"), Path(temporary, "hashes")
        file.write_bytes(b"x")
        status = file.stat()
        for number in range(4):
            cache = HashCache(str(folder), REAL)
            cache.remember(str(file), status, f"{number:064}", read_at=status.st_ctime_ns + 2 * 10**9)
            cache.save()
        [shard] = folder.iterdir()
        content = bytearray(shard.read_bytes())
        for _ in range(data.draw(st.integers(0, 3))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
        shard.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        found = HashCache(str(folder), REAL).find(str(file), status)
        assert found in {"", *(f"{number:064}" for number in range(4))}
