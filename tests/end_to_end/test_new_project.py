"""`magnus init` writes a project that runs, in folders of any name, and never half of one."""

import json
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from magnus import __version__
from magnus.app.new_project import write_project as module
from magnus.app.new_project.write_project import write_project
from magnus.errors import InvalidInput

FILES = [
    ".gitignore",
    "README.md",
    "magnus-config.yaml",
    "parameters.yaml",
    "pipeline.yaml",
    "pyproject.toml",
    "steps.py",
    "tests/test_pipeline.py",
]
NAMES = [
    "my project",
    "Prognose für Äpfel",
    "予測",
    "class",
    "magnus",
    "yaml",
    "random",
    "steps",
    "tests",
    "a.b-c",
    "it's $HOME; *",
    "-x",
    "one\ttab [link](x)",
    "a" * 200,
]
ROOT = Path(__file__).parents[2]
README = ROOT / "src/magnus/app/new_project/files/README.md"


def below(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if not file.is_dir())


def within(folder, name):
    """The same user in a folder below."""
    inner = type(folder)(folder.path / name, Path(folder.environment["TMPDIR"]), folder.commands)
    assert inner.path.is_dir()
    return inner


def pytest_in(folder):
    """The tests of a project, as its user runs them."""
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(folder.path.parent / "of pytest"),
    ]
    done = subprocess.run(argv, cwd=folder.path, env=folder.environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_new_project_runs_is_sound_is_drawn_and_passes_its_tests(folder):
    made = folder.magnus("init", "forecast")
    assert (made.status, made.err) == (0, "")
    assert made.out.endswith(
        " to forecast\n"
        "next:\n"
        "  cd forecast\n"
        "  magnus execute          # run the pipeline\n"
        "  magnus report latest    # write the run as one HTML file\n"
        "  python -m pytest        # test it; before: pip install pytest\n"
    )
    project = within(folder, "forecast")
    assert below(project.path) == FILES
    checked = project.magnus("check")
    assert (checked.status, checked.out) == (0, "pipeline.yaml: nothing is wrong (5 steps)\n")
    run = project.magnus("execute")
    assert run.status == 0, run.err
    assert run.log["parameters"]["best_window"] == 5
    assert run.out.count('"step_type"') > 20, "a terminal would be flooded by the run log of a new user's first run"
    assert "window of " in project.magnus("logs", "latest").out
    assert (project.path / "report.md").read_text().startswith("# The best window has 5 days\n")
    assert project.magnus("report", "latest").status == 0
    assert "each window  map  window in windows" in project.magnus("graph").out
    assert "3 passed" in pytest_in(project)
    again = project.magnus("execute", "--seed", "8")
    assert again.status == 0
    difference = project.magnus("diff", "previous", "latest")
    assert difference.out.startswith("parameter 'seed' was 7, is 8 (initial)"), difference.out


def test_the_readme_of_a_project_has_commands_that_are_there(folder):
    folder.magnus("init")
    named = re.findall(r"^magnus (\w+)", (folder.path / "README.md").read_text(), re.MULTILINE)
    assert len(named) > 4
    for command in named:
        assert folder.magnus(command, "--help").status == 0, command


def test_git_ignores_what_runs_write(folder):
    folder.magnus("init")
    assert folder.magnus("execute").status == 0
    assert folder.magnus("report", "latest").status == 0
    subprocess.run(["git", "init", "-q"], cwd=folder.path, check=True)
    listed = ["git", "ls-files", "--others", "--exclude-standard"]
    untracked = subprocess.run(listed, cwd=folder.path, capture_output=True, text=True, check=True).stdout
    assert sorted(untracked.split()) == FILES


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_may_have_any_name(folder, name):
    made = folder.magnus("init", "--", name)
    assert (made.status, made.err) == (0, ""), made.err
    project = within(folder, name)
    assert below(project.path) == FILES
    written = tomllib.loads((project.path / "pyproject.toml").read_text())["project"]["name"]
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", written)
    assert written not in {"magnus", "pytest", "pyyaml"}
    run = project.magnus("execute")
    assert run.status == 0, run.err
    assert run.log["parameters"]["best_window"] == 5


@pytest.mark.parametrize("name", ["magnus", "random"])
def test_the_tests_of_a_project_pass_whatever_its_name(folder, name):
    folder.magnus("init", name)
    assert "3 passed" in pytest_in(within(folder, name))


@pytest.mark.parametrize("name", ["it's $HOME; *", "-x", "my project", "予測", "a\nb 'c'", os.fsdecode(b"\xff\xfe")])
def test_the_command_that_is_shown_changes_to_the_folder(folder, name):
    shown = folder.magnus("init", "--", name).out
    [change] = re.findall(r"^  (cd .*)$", shown, re.MULTILINE)
    argv = ["bash", "-c", f"{change} && pwd"]
    done = subprocess.run(argv, cwd=folder.path, capture_output=True, check=True)
    assert os.fsdecode(done.stdout) == f"{folder.path.resolve() / name}\n"


def test_folders_above_are_made_too(folder):
    assert folder.magnus("init", "a/b/c").status == 0
    assert below(folder.path) == [f"a/b/c/{name}" for name in FILES]


def test_other_files_may_be_there(folder):
    folder.write("notes.txt", "mine")
    folder.write("tests/test_mine.py", "")
    made = folder.magnus("init")
    assert (made.status, made.err) == (0, "")
    assert "cd " not in made.out
    assert below(folder.path) == sorted([*FILES, "notes.txt", "tests/test_mine.py"])
    assert (folder.path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("there", "named"),
    [
        (["README.md", "steps.py"], "'README.md', 'steps.py'"),
        (["tests/test_pipeline.py"], "'tests/test_pipeline.py'"),
        (["tests"], "'tests'"),
        (["steps/__init__.py"], "'steps'"),
    ],
)
def test_no_file_is_overwritten(folder, there, named):
    for name in there:
        folder.write(name, "mine")
    result = folder.magnus("init")
    assert (result.status, result.out) == (2, "")
    assert result.err == (
        f"error: files are not overwritten, and '.' has {named} already\n"
        "  fix: choose another folder, such as a new one: magnus init NAME\n"
    )
    assert below(folder.path) == sorted(there)
    assert {(folder.path / name).read_text() for name in there} == {"mine"}


def test_a_link_to_nothing_is_not_overwritten(folder):
    (folder.path / "steps.py").symlink_to("nowhere")
    assert folder.magnus("init").status == 2
    assert below(folder.path) == ["steps.py"]


def test_a_second_project_does_not_replace_the_first(folder):
    assert folder.magnus("init", "p").status == 0
    (folder.path / "p/steps.py").write_text("mine")
    again = folder.magnus("init", "p")
    assert again.status == 2
    assert "'p' has 'README.md', 'pipeline.yaml', 'steps.py'" in again.err
    assert (folder.path / "p/steps.py").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("loop", "(Too many levels of symbolic links|a link leads to itself)"),
        ("a" * 300, "File name too long"),
    ],
)
def test_what_is_in_the_way_is_one_clear_error(folder, name, reason):
    folder.write("file", "mine")
    (folder.path / "loop").symlink_to("loop")
    result = folder.magnus("init", name)
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(
        rf"error: no project can be written to '{name}': {reason}\n  fix: choose another folder\n", result.err
    )
    assert below(folder.path) == ["file", "loop"]


def test_a_name_that_is_empty_is_refused(folder):
    result = folder.magnus("init", "")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: the name of the folder is empty\n")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="this system has no /proc")
def test_a_folder_in_which_nobody_may_make_files_is_one_clear_error(folder):
    result = folder.magnus("init", "/proc/new")
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(
        r"error: no project can be written to '/proc/new': .+\n  fix: choose another folder\n", result.err
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to read-only folders")
@pytest.mark.parametrize("name", [".", "new"])
def test_a_read_only_folder_is_one_clear_error(folder, name):
    folder.path.chmod(0o555)
    try:
        result = folder.magnus("init", name)
    finally:
        folder.path.chmod(0o755)
    assert (result.status, result.out) == (2, "")
    assert (
        result.err == f"error: no project can be written to '{name}': Permission denied\n  fix: choose another folder\n"
    )
    assert below(folder.path) == []


@pytest.mark.parametrize("place", ["new/below", "there"])
@pytest.mark.parametrize("file", range(len(FILES)))
@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_fault_at_any_file_leaves_the_folder_as_it_was(tmp_path, monkeypatch, place, file, fault):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/mine").touch()
    create, calls = module.create, []

    def failing(*arguments, **options):
        calls.append(arguments)
        if len(calls) > file:
            raise fault
        create(*arguments, **options)

    monkeypatch.setattr(module, "create", failing)
    with pytest.raises(InvalidInput if isinstance(fault, OSError) else KeyboardInterrupt):
        write_project(str(tmp_path / place))
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["there", "there/mine"]


def test_a_file_that_appears_meanwhile_stays(tmp_path, monkeypatch):
    create = module.create

    def late(file, *arguments, **options):
        if file.name == "parameters.yaml":
            file.write_text("of another program")
        create(file, *arguments, **options)

    monkeypatch.setattr(module, "create", late)
    with pytest.raises(InvalidInput, match=r"files are not overwritten: 'parameters.yaml'"):
        write_project(str(tmp_path))
    assert below(tmp_path) == ["parameters.yaml"]
    assert (tmp_path / "parameters.yaml").read_text() == "of another program"


@pytest.mark.parametrize(
    ("origin", "requirement"),
    [
        (None, f"magnus=={__version__}"),
        (
            {"url": "file:///home/ada/my%20magnus", "dir_info": {"editable": True}},
            "magnus @ file:///home/ada/my%20magnus",
        ),
        (
            {"url": "file:///tmp/magnus-1-py3-none-any.whl", "archive_info": {}},
            "magnus @ file:///tmp/magnus-1-py3-none-any.whl",
        ),
        (
            {"url": "https://example.org/m.git", "vcs_info": {"vcs": "git", "commit_id": "12ab"}},
            "magnus @ git+https://example.org/m.git@12ab",
        ),
    ],
)
def test_a_project_needs_the_magnus_that_wrote_it(tmp_path, monkeypatch, origin, requirement):
    class Installed:
        def read_text(self, name):
            return json.dumps(origin) if name == "direct_url.json" and origin else None

    def installed(name):
        if name != "magnus":
            raise PackageNotFoundError
        return Installed()

    monkeypatch.setattr(module, "distribution", installed)
    write_project(str(tmp_path / "p"))
    written = tomllib.loads((tmp_path / "p/pyproject.toml").read_text())
    assert written["project"]["dependencies"] == [requirement]


def test_no_placeholder_is_left(tmp_path):
    write_project(str(tmp_path / "p"))
    assert [name for name in FILES if "{{" in (tmp_path / "p" / name).read_text()] == []
    assert (tmp_path / "p/README.md").read_text() == README.read_text().replace("{{title}}", "p")
