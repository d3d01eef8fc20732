"""`magnus reproduce`: a run runs again from what was recorded of it, and nothing of the user changes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace
from safety_net import LONGEST_SECONDS

from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.viewer import steps_below
from magnus.graph.path import BranchPath

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"]
WORK = """\
import random
import helper

class Model:
    def __init__(self, depth):
        self.depth = depth

def load(n: int):
    open("raw.csv", "w").write("1\\n" * n)
    return {"rows": n, "nested": {"a": [1, {"b": n}]}}

def fit(nested, rate=0.5):
    return Model(helper.DEPTH), {"train": [0.5, rate * helper.DEPTH]}

def guess():
    return {"p": [0, {"q": random.random()}]}

def use(g):
    return g["p"][1]["q"] + 1

def count(n):
    return n + helper.DEPTH
"""
PIPELINE = """\
dag:
  steps:
    load: {command: work.load, catalog: {put: "*.csv"}}
    fit: {command: work.fit, returns: [m: object, auc: metric], catalog: {get: raw.csv}}
    sh: {command: "export lines=$(wc -l < raw.csv)", command_type: shell, returns: [lines]}
"""
IGNORED = ".catalog\n.run_log_store\n__pycache__\nraw.csv\n"
CAPTURE = "catalog: {type: file-system, config: {capture_diff: true}}\n"


def git(folder, *arguments, cwd=None):
    subprocess.run([*GIT, *arguments], cwd=cwd or folder.path, check=True, capture_output=True, timeout=LONGEST_SECONDS)


def commit(folder, message="more"):
    git(folder, "add", ".")
    git(folder, "commit", "-qm", message)


def state(folder):
    """All that must not change: every file of the project and of its repository, but for the folders of magnus."""
    found = {}
    for place, folders, files in os.walk(folder.path):
        folders[:] = [name for name in folders if name not in {".catalog", ".run_log_store", "__pycache__"}]
        for name in files:
            file = os.path.join(place, name)
            facts = os.lstat(file)
            content = os.readlink(file) if os.path.islink(file) else Path(file).read_bytes()
            found[file] = (content, facts.st_mode, facts.st_mtime_ns, facts.st_ino)
    return found


@pytest.fixture
def project(folder):
    folder.write("work.py", WORK)
    folder.write("helper.py", "DEPTH = 3\n")
    folder.write("p.yaml", PIPELINE)
    folder.write("capture.yaml", CAPTURE)
    folder.write(".gitignore", IGNORED)
    git(folder, "init", "-q")
    commit(folder, "first")
    return folder


def reproduced(folder, run, *more, status=0, env=None):
    """The document of a reproduction, which changed nothing of the user and nothing of the run."""
    before = state(folder)
    run = json.loads(folder.magnus("show", run, "--json", *options(more)).out)["run_id"]
    shown = folder.magnus("show", run, "--json", *options(more)).out
    result = folder.magnus("reproduce", run, "--json", *more, env=env)
    assert result.status == status, result.err + result.out
    assert state(folder) == before
    assert folder.magnus("show", run, "--json", *options(more)).out == shown
    document = json.loads(result.out)
    assert document["reproduced"] is (status == 0)
    new = json.loads(folder.magnus("show", document["run_id"], "--json", *options(more)).out)
    assert new["run_config"]["reproduces"] == document["original_run_id"]
    return document


def options(more):
    return more[more.index("-c") : more.index("-c") + 2] if "-c" in more else ()


def steps(document):
    return {step["path"]: step for step in document["steps"]}


def test_a_clean_tree(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r", "--tag", "t")
    project.write("helper.py", "DEPTH = 5\n")
    commit(project, "second")
    project.write("helper.py", "DEPTH = 7\n")
    project.write("raw.csv", "other")
    document = reproduced(project, "r", env={"MAGNUS_PRM_n": "9"})
    assert (document["steps"], document["surroundings"]) == ([], [])
    assert document["verdict"] == "reproduced: 3 steps of 'r' came out the same"
    new = json.loads(project.magnus("show", document["run_id"], "--json").out)
    original = json.loads(project.magnus("show", "r", "--json").out)
    for field in ("code_identities", "tag", "dag_hash"):
        assert new.get(field) == original.get(field)
    assert new["parameters"]["n"] == 4
    text = project.magnus("reproduce", "r")
    assert text.status == 0
    assert text.out.startswith("reproduced: 3 steps of 'r' came out the same\nthe new run is '")


def test_stored_uncommitted_changes_are_applied(project):
    project.write("helper.py", "DEPTH = 5\n")
    project.write("new ü.py", "")
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r", "-c", "capture.yaml")
    git(project, "checkout", "-q", "--", ".")
    document = reproduced(project, "r")
    assert document["surroundings"] == [
        "git did not track 'new ü.py', so the run did not store them; they are as they are now"
    ]


def test_changes_that_were_not_stored_are_named_and_taken_as_they_are_now(project):
    project.write("helper.py", "DEPTH = 5\n")
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    document = reproduced(project, "r")
    assert document["surroundings"] == [
        "the run had uncommitted changes, and did not store them (changed: helper.py);"
        " the catalog option capture_diff: true stores changes of the next runs",
        "'helper.py': uncommitted in the run, so taken from the project as it is now",
    ]
    project.write("helper.py", "DEPTH = 6\n")
    document = reproduced(project, "r", status=1)
    assert steps(document).keys() == {"fit"}
    assert steps(document)["fit"]["judgement"] == "same again"
    changes = {change["what"]: change for change in steps(document)["fit"]["changes"]}
    assert (changes["auc.train[1]"]["before"], changes["auc.train[1]"]["after"]) == (2.5, 3.0)
    assert len(changes["m"]["before"]) == 64
    assert document["surroundings"][0] == "code of step 'fit': helper.py: DEPTH"


def test_a_step_that_is_not_deterministic_is_named(project):
    steps_ = "{g: {command: work.guess, returns: [g]}, u: {command: work.use, returns: [u]}}"
    project.write("r.yaml", f"dag: {{steps: {steps_}}}")
    commit(project)
    project.magnus("execute", "r.yaml", "--run-id", "r")
    document = reproduced(project, "r", status=1)
    assert document["not_deterministic"] == ["g"]
    assert [change["what"] for change in steps(document)["g"]["changes"]] == ["g.p[1].q"]
    assert {path: step["judgement"] for path, step in steps(document).items()} == {
        "g": "not deterministic",
        "u": "inputs",
    }
    text = project.magnus("reproduce", "r")
    assert text.status == 1
    assert "not deterministic: a further run with the same code and inputs had another result (set g)" in text.out
    once = reproduced(project, "r", "--once", status=1)
    assert once["not_deterministic"] == []


def test_files_that_the_run_stored_are_restored(project):
    project.write("data/in put.bin", "first")
    project.write(".gitignore", IGNORED + "data\n")
    project.write("d.yaml", "dag: {steps: {a: {command: 'export x=$(cat data/*)', command_type: shell, returns: [x],"
                            " catalog: {put: 'data/*'}}}}")  # fmt: skip
    commit(project)
    os.utime(project.path / "data/in put.bin", (1, 1))
    project.magnus("execute", "p.yaml", "--n", "1")  # time goes by: files that are too young may be results
    wait_for_older(project.path / "data/in put.bin")
    project.magnus("execute", "d.yaml", "--run-id", "r")
    project.write("data/in put.bin", "second")
    assert reproduced(project, "r")["surroundings"] == []
    [content] = [file for file in (project.path / ".catalog/.store").glob("??/*") if file.read_bytes() == b"first"]
    content.chmod(0o644)
    content.write_text("flipp")
    result = project.magnus("reproduce", "r")
    assert result.status == 2
    assert "the file 'data/in put.bin' of the run cannot be restored" in result.err
    assert "Traceback" not in result.err
    project.write("data/in put.bin", "first")
    assert reproduced(project, "r")["surroundings"] == []


def wait_for_older(file):
    """Wait until the change of the file is older than the doubt of magnus about times."""
    wait_until(lambda: time.time() - file.stat().st_ctime > 0.1)


def test_missing_or_damaged_changes_are_one_error(project):
    project.write("helper.py", "DEPTH = 5\n")
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r", "-c", "capture.yaml")
    for file in (project.path / ".catalog/.store").glob("??/*"):
        if b"DEPTH = 5" in file.read_bytes():
            file.unlink()
    before = state(project)
    result = project.magnus("reproduce", "r")
    assert (result.status, result.out) == (2, "")
    assert "error: the uncommitted changes of the run cannot be restored" in result.err
    assert state(project) == before


def test_a_project_without_git(folder):
    folder.write("work.py", WORK)
    folder.write("helper.py", "DEPTH = 3\n")
    folder.write("p.yaml", PIPELINE)
    folder.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    document = reproduced(folder, "r")
    note = "the run recorded no commit, so its code and files are taken from the project as they are now"
    assert document["surroundings"] == [note]
    folder.write("helper.py", "DEPTH = 4\n")
    document = reproduced(folder, "r", status=1)
    assert document["surroundings"] == ["code of step 'fit': helper.py: DEPTH", note]


def test_a_commit_that_is_not_here(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    subprocess.run(["rm", "-rf", ".git"], cwd=project.path, check=True)
    result = project.magnus("reproduce", "r")
    assert result.status == 2
    assert "is in no git repository" in result.err
    git(project, "init", "-q")
    project.write("other", "")
    commit(project)
    result = project.magnus("reproduce", "r")
    assert result.status == 2
    assert "of the run is not in the repository" in result.err


def test_a_failed_run(project):
    project.write(
        "f.yaml",
        "dag: {steps: {l: {command: work.load}, f: {command: 'cat no-such-file; exit 3', command_type: shell}}}",
    )
    commit(project)
    assert project.magnus("execute", "f.yaml", "--n", "1", "--run-id", "r").status == 1
    document = reproduced(project, "r")
    assert (document["status"], document["compared_steps"]) == ("FAIL", 2)


NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None,
         "source": "n = 0"},
        {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None,
         "source": "doubled = n * 2"},
    ],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip
ALL_KINDS = """\
dag:
  steps:
    read: {command: n.ipynb, command_type: notebook, returns: [doubled]}
    each:
      type: map
      iterate_on: ns
      iterate_as: n
      branch: {command: work.count, returns: [c]}
    again: {type: loop, max_iterations: 3, index_as: i, branch: {command: "lambda i: i + 1", command_type: python-lambda, returns: [x]}}
    choose:
      type: conditional
      parameter: word
      branches: {a: {command: work.guess, returns: [g]}, b: {command: work.load}}
    both: {type: parallel, branches: {l: {command: work.count, returns: [l]}, r: {command: work.guess, returns: [h]}}}
"""


@pytest.mark.parametrize("executor", ["local", "workers"])
def test_every_kind_of_step_on_executors_of_this_machine(project, executor):
    project.write("n.ipynb", json.dumps(NOTEBOOK))
    project.write("all.yaml", ALL_KINDS)
    project.write(
        "c.yaml", f"executor: {{type: local, config: {{enable_parallel: {str(executor == 'workers').lower()}}}}}"
    )
    commit(project)
    arguments = ("--n", "2", "--ns", "[1, 1, 2]", "--word", "a")
    ran = project.magnus("execute", "all.yaml", "--run-id", "r", "-c", "c.yaml", *arguments)
    assert ran.status == 0, ran.err
    document = reproduced(project, "r", status=1)
    assert set(document["not_deterministic"]) == {step["path"] for step in document["steps"]}
    assert {step["path"].partition("/")[0] for step in document["steps"]} == {"choose", "both"}
    assert document["surroundings"] == []
    document = reproduced(project, "r", "--once", status=1)
    assert {step["judgement"] for step in document["steps"]} == {None}


@pytest.mark.parametrize(
    "store",
    ["{type: chunked-fs}", "{type: sql, config: {url: 'sqlite:///runs.db'}}", "{type: file-system, config: {log_folder: logs}}",
     "{type: object-store, config: {url: 'file:objects'}}"],
)  # fmt: skip
def test_stores_of_the_users_folder(project, store):
    project.write(".gitignore", IGNORED + "runs.db*\nlogs\nobjects\n")
    project.write("c.yaml", f"run_log_store: {store}\nsecrets: {{type: dotenv}}\n")
    commit(project)
    if "file:objects" in store:
        text = (project.path / "c.yaml").read_text().replace("file:objects", f"file://{project.path}/objects")
        project.write("c.yaml", text)
        commit(project)
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r", "-c", "c.yaml")
    result = project.magnus("reproduce", "r", "-c", "c.yaml", "--json")
    assert result.status == 0, result.err
    document = json.loads(result.out)
    assert document["reproduced"]
    listed = project.magnus("runs", "-c", "c.yaml").out
    assert document["run_id"] in listed


def test_a_kept_folder_and_an_id(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    result = project.magnus("reproduce", "r", "--folder", "../kept", "--run-id", "again", "--json")
    assert result.status == 0
    assert json.loads(result.out)["run_id"] == "again"
    kept = project.path.parent / "kept"
    assert json.loads(result.out)["folder"] == str(kept)
    assert (kept / "raw.csv").read_text() == "1\n" * 4
    refused = project.magnus("reproduce", "r", "--folder", "../kept")
    assert refused.status == 2
    assert "exists already" in refused.err


def test_other_packages_are_named(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    packages = project.path.parent / "packages"
    (packages / "odd_package-2.5.dist-info").mkdir(parents=True)
    document = reproduced(project, "r", env={"PYTHONPATH": str(packages)})
    assert document["surroundings"] == ["package odd-package is new, 2.5"]


def test_secrets_are_looked_up_anew_and_masked_parameters_are_given_again(project):
    project.write(".env", "KEY=open-sesame\n")
    project.write(".gitignore", IGNORED + ".env\n")
    project.write("c.yaml", "secrets: {type: dotenv}\n")
    project.write(
        "s.yaml", "dag: {steps: {a: {command: 'test $KEY = open-sesame', command_type: shell, secrets: KEY}}}"
    )
    commit(project)
    assert project.magnus("execute", "s.yaml", "-c", "c.yaml", "--run-id", "r", "--word", "open-sesame").status == 0
    refused = project.magnus("reproduce", "r")
    assert refused.status == 2
    assert "the initial parameter 'word' of the run 'r' held a secret" in refused.err
    document = reproduced(project, "r", "--word", "open-sesame")
    assert document["surroundings"] == ["secrets are not recorded, and were looked up again: KEY"]


PROGRAM = """\
from magnus import Pipeline, PythonTask
import work

if __name__ == "__main__":
    fit = PythonTask(name="fit", function=work.count, returns=["c"])
    Pipeline(steps=[fit]).execute(run_id="r", parameters={"n": 2})
"""


def test_a_run_of_a_program(project):
    project.write("program.py", PROGRAM)
    commit(project)
    project.python("program.py")
    project.write("helper.py", "DEPTH = 50\n")
    document = reproduced(project, "r")
    assert document["surroundings"] == [
        "a program built the pipeline (program.py); it is taken from the run log, and the program did not run"
    ]


def test_functions_that_only_a_program_has_are_refused(project):
    program = PROGRAM.replace("function=work.count", "function=lambda n: n")
    project.write("program.py", program)
    project.python("program.py")
    result = project.magnus("reproduce", "r")
    assert result.status == 2
    assert "calls functions that only its program has" in result.err


def test_a_project_in_a_subfolder_with_odd_names_submodules_and_sources_in_a_folder(folder, tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "value.txt").write_text("7")
    git(folder, "init", "-q", cwd=inner)
    git(folder, "add", ".", cwd=inner)
    git(folder, "commit", "-qm", "first", cwd=inner)
    git(folder, "init", "-q")
    git(folder, "submodule", "add", "-q", str(inner), "sub ö/inner")
    folder.write('na"me, and 2 more/$x ü.txt', "1")
    folder.write("sub ö/src/pack/__init__.py", "def f():\n    return int(open('inner/value.txt').read()) + 1\n")
    folder.write("sub ö/p.yaml", "dag: {steps: {a: {command: pack.f, returns: [x]}, "
                 "b: {command: 'cat ../na*/*', command_type: shell}}}")  # fmt: skip
    folder.write(".gitignore", ".catalog\n.run_log_store\n__pycache__\n")
    commit(folder, "first")
    folder.path = folder.path / "sub ö"
    folder.environment["PYTHONPATH"] = str(folder.path / "src")
    ran = folder.magnus("execute", "p.yaml", "--run-id", "r")
    assert ran.status == 0, ran.err
    folder.write("src/pack/__init__.py", "def f():\n    return 0\n")
    document = reproduced(folder, "r")
    assert document["surroundings"] == []
    (folder.path / "inner/value.txt").write_text("70")
    (folder.path.parent / 'na"me, and 2 more/$x ü.txt').write_text("2")
    folder.write("src/pack/__init__.py", "def f():\n    return int(open('inner/value.txt').read()) + 2\n")
    folder.write("capture.yaml", CAPTURE)
    folder.magnus("execute", "p.yaml", "--run-id", "stored", "-c", "capture.yaml")
    document = reproduced(folder, "stored", status=1)
    assert any("changes in the submodule 'sub ö/inner'" in line for line in document["surroundings"])
    folder.magnus("execute", "p.yaml", "--run-id", "dirty")
    document = reproduced(folder, "dirty", status=1)
    assert [step["path"] for step in document["steps"]] == ["a"]
    assert any("'sub ö/src/pack/__init__.py'" in line and "$x ü.txt" in line for line in document["surroundings"])
    assert any("changes in the submodule 'sub ö/inner'" in line for line in document["surroundings"])


def test_a_run_that_reused_steps_and_one_that_ended_early(project):
    project.write(
        "f.yaml", "dag: {steps: {l: {command: work.load}, f: {command: 'test $MAGNUS_PRM_ok', command_type: shell}}}"
    )
    commit(project)
    project.magnus("execute", "f.yaml", "--n", "1", "--run-id", "a", "--ok", "")
    assert project.magnus("retry", "a", "--run-id", "b", "--ok", "yes").status == 0
    document = reproduced(project, "b")
    assert document["surroundings"] == ["reused from earlier runs in 'b', and run here: l"]
    project.magnus("execute", "f.yaml", "--n", "1", "--run-id", "u", "--ok", "", "--until", "l")
    assert reproduced(project, "u")["compared_steps"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("nothing",), "there is no run 'nothing'"), (("r", "--run-id", "r"), "r"), (("r", "--folder", "."), "exists already")],
)  # fmt: skip
def test_bad_input_is_one_error(project, arguments, message):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    result = project.magnus("reproduce", *arguments)
    assert (result.status, result.out) == (2, "")
    assert message in result.err
    assert "Traceback" not in result.err


def test_an_engine_cannot_run_it_here(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    project.write("argo.yaml", "executor: {type: argo, config: {image: i}}")
    result = project.magnus("reproduce", "r", "-c", "argo.yaml")
    assert result.status == 2
    assert "the executor 'argo' only writes the pipeline down for another engine" in result.err


SLOW = """\
dag:
  steps:
    a: {command: 'if [ -n "$SLOW" ]; then touch "$SLOW"; sleep 600; fi', command_type: shell}
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_what_it_started_ends_with_it(project, tmp_path, number, status):
    project.write("slow.yaml", SLOW)
    commit(project)
    project.magnus("execute", "slow.yaml", "--run-id", "r")
    started = tmp_path / "started"
    reproducing = project.start("reproduce", "r", "--run-id", "again", env={"SLOW": str(started)})
    wait_until(started.exists)
    reproducing.send_signal(number)
    _, error = reproducing.communicate(timeout=LONGEST_SECONDS)
    assert reproducing.returncode == status, error

    def run():
        return json.loads(project.magnus("show", "again", "--json").out)

    wait_until(lambda: run()["status"] == "FAIL")
    assert run()["message"] == "interrupted"
    for left in Path(project.environment["TMPDIR"]).iterdir():  # of the killed process, which the next run removes
        assert number == signal.SIGKILL
        assert left.name.startswith("magnus-")
    assert project.magnus("reproduce", "r", "--run-id", "third").status == 0


def wait_until(condition):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_step_that_makes_its_folder_or_adds_to_a_file_is_deterministic(project):
    command = "mkdir made; date +%N > made/now; echo line >> lines; export x=$(cat lines)"
    project.write("m.yaml", f"dag: {{steps: {{a: {{command: '{command}', command_type: shell, returns: [x],"
                  " catalog: {put: ['made/*', lines]}}}}")  # fmt: skip
    project.write(".gitignore", IGNORED + "made\nlines\n")
    commit(project)
    assert project.magnus("execute", "m.yaml", "--run-id", "r").status == 0
    document = reproduced(project, "r", status=1)
    assert [change["what"] for change in steps(document)["a"]["changes"]] == ["made/now"]
    assert document["not_deterministic"] == ["a"]
    assert steps(document)["a"]["reason"] == "put made/now"


def test_every_form_of_change_is_restored_under_every_configuration_of_git(project):
    hook = project.path / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {project.path.parent}/hooked\n")
    hook.chmod(0o755)
    for name, value in (("diff.noprefix", "true"), ("diff.context", "0"), ("diff.relative", "true"),
                        ("diff.up.textconv", "tr a-z A-Z <"), ("core.quotePath", "false")):  # fmt: skip
        git(project, "config", name, value)
    project.write(".gitattributes", "*.txt diff=up\n")
    for name in ("a b.txt", "gone.txt", "named.txt", "n\new.txt", "run.sh"):
        project.write(name, f"{name}\n2\n3\n4\n5\n6\n7\n")
    (project.path / "bin").write_bytes(b"\x00\x01")
    (project.path / "link").symlink_to("a b.txt")
    listing = "cat *.txt bin link run.sh; ls -lR --time-style=+ *.txt bin link run.sh"
    project.write(
        "f.yaml",
        f"dag: {{steps: {{a: {{command: 'export x=$(({listing}) | base64 -w0)', command_type: shell, returns: [x]}}}}}}",
    )
    commit(project)
    project.write("a b.txt", "more\n")
    project.write("n\new.txt", "n\new.txt\n2\n3\nfour\n5\n6\n7\n")
    git(project, "rm", "-q", "gone.txt")
    git(project, "mv", "named.txt", "other.txt")
    (project.path / "run.sh").chmod(0o755)
    (project.path / "bin").write_bytes(b"\x00\x02\x03")
    (project.path / "link").unlink()
    (project.path / "link").symlink_to("bin")
    project.write("staged.txt", "staged\n")
    git(project, "add", "staged.txt")
    assert project.magnus("execute", "f.yaml", "--run-id", "stored", "-c", "capture.yaml").status == 0
    assert project.magnus("execute", "f.yaml", "--run-id", "not-stored").status == 0
    assert len(reproduced(project, "not-stored")["surroundings"]) == 2
    git(project, "stash", "-q")
    assert reproduced(project, "stored")["surroundings"] == []
    assert not (project.path.parent / "hooked").exists()


def test_in_python(project):
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    steps_ = "{g: {command: work.guess, returns: [g]}}"
    project.write("r.yaml", f"dag: {{steps: {steps_}}}")
    project.magnus("execute", "r.yaml", "--run-id", "random")
    project.write("ask.py", "import magnus, sys\nresult = magnus.reproduce(sys.argv[1])\n"
                  "print(result.reproduced, result.verdict, result.not_deterministic, result.run_id)\n")  # fmt: skip
    assert project.python("ask.py", "r").stdout.startswith("True reproduced: 3 steps of 'r' came out the same () ")
    assert project.python("ask.py", "random").stdout.startswith(
        "False not reproduced: 1 of 1 step of 'random' differ ('g',) "
    )


def test_a_file_that_git_ignores_is_named_where_the_new_run_fails(project):
    project.write(".gitignore", IGNORED + "data\n")
    project.write("data/x", "1")
    project.write(
        "parts/d.yaml",
        "dag: {steps: {a: {command: 'export x=$(cat data/x) && test $x', command_type: shell, returns: [x]}}}",
    )
    project.write("i.yaml", "dag: {steps: {inner: {type: dag, dag_definition: parts/d.yaml}}}")
    commit(project)
    assert project.magnus("execute", "i.yaml", "--run-id", "r").status == 0
    document = reproduced(project, "r", status=1)
    [step] = document["steps"]
    assert (step["path"], step["judgement"]) == ("inner/dag/a", "same again")
    assert {
        change["what"]: (change["before"], change["after"]) for change in step["changes"] if change["kind"] == "status"
    } == {"": ("SUCCESS", "FAIL")}
    [note] = document["surroundings"]
    assert note.startswith("git ignores 'data/', and the run did not store them, so they were not there")


def test_a_run_of_another_python_and_machine(project, monkeypatch):
    """There is one Python here, so the record of the run says that it was another one."""
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    monkeypatch.chdir(project.path)
    services_ = services.services(load_configuration("", {}, project.path), project.path)
    store = services_.run_log_store
    run = store.get_run("r")
    around = {**run.run_config["environment"], "python": "3.99.1", "platform": "Darwin-23-arm64"}
    owner = replace(run.owner, host="elsewhere")
    store.create_run(replace(run, run_id="other", owner=owner, run_config={**run.run_config, "environment": around}))
    for step in steps_below(store, "r", BranchPath()):
        store.put_step("other", step)
    store.close()
    version = ".".join(map(str, sys.version_info[:3]))
    surroundings = reproduced(project, "other")["surroundings"]
    assert surroundings[0].startswith("platform was Darwin-23-arm64, is Linux")
    assert surroundings[1:] == [f"python was 3.99.1, is {version}", f"machine was elsewhere, is {run.owner.host}"]


def test_a_linked_work_tree(project):
    git(project, "worktree", "add", "-q", "../linked", "-b", "other")
    project.path = project.path.parent / "linked"
    project.write("helper.py", "DEPTH = 5\n")
    commit(project)
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    project.write("helper.py", "DEPTH = 6\n")
    assert reproduced(project, "r")["surroundings"] == []


def test_failed_messages_may_name_the_folder(project):
    command = "echo $PWD/missing >&2; exit 3"
    project.write("m.yaml", f"dag: {{steps: {{a: {{command: '{command}', command_type: shell}}}}}}")
    project.write("fail.py", "import os\n\ndef f():\n    raise ValueError(os.getcwd() + '/x')\n")
    project.write("f.yaml", "dag: {steps: {a: {command: fail.f}}}")
    commit(project)
    for file in ("m.yaml", "f.yaml"):
        project.magnus("execute", file, "--run-id", file[0])
        assert reproduced(project, file[0])["status"] == "FAIL"


def test_what_is_no_run_of_tasks(project):
    project.write(
        "session.py", "import magnus\nmagnus.start_interactive_session(run_id='s')\nmagnus.end_interactive_session()\n"
    )
    project.write("mocked.yaml", "executor: {type: mocked}")
    commit(project)
    project.python("session.py")
    refused = project.magnus("reproduce", "s")
    assert refused.status == 2
    assert "the run 's' is an interactive session" in refused.err
    project.magnus("execute", "p.yaml", "--n", "4", "--run-id", "r")
    document = reproduced(project, "r", "-c", "mocked.yaml", status=1)
    assert {step["judgement"] for step in document["steps"]} == {"not judged"}
    assert document["surroundings"][0] == "configuration: executor.type was local, is mocked"
    project.magnus("execute_function", "work.load", "--n", "3", "--run-id", "f")
    assert reproduced(project, "f")["compared_steps"] == 1


def test_folders_and_files_of_any_name_in_any_locale(project):
    project.path = project.path.rename(project.path.with_name('odd "q\\ n\new ü'))
    project.environment["LC_ALL"] = "C"
    odd = os.path.join(os.fsencode(project.path), b"b\xff\xfe.bin")
    project.write(
        "b.yaml", "dag: {steps: {a: {command: 'export x=$(cat b* n* | wc -c)', command_type: shell, returns: [x]}}}"
    )
    with open(odd, "wb") as file:
        file.write(b"x")
    commit(project)
    with open(odd, "wb") as file:
        file.write(b"yy")
    with open(os.path.join(os.fsencode(project.path), b"n\xff"), "wb") as file:
        file.write(b"zzz")
    for number, options_ in enumerate([(), ("-c", "capture.yaml")]):
        assert project.magnus("execute", "b.yaml", "--run-id", f"r{number}", *options_).status == 0
        assert reproduced(project, f"r{number}")["reproduced"]


HOOK = """\
import importlib.util, sys
MAPPING = {"pack": PLACE}

class _EditableFinder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, MAPPING[name] + "/__init__.py") if name in MAPPING else None

def install():
    sys.meta_path.append(_EditableFinder)
"""


def test_an_editable_installation_means_the_restored_project(project, tmp_path):
    """It is as setuptools makes one: an import hook with a mapping of packages to folders."""
    project.write("src/pack/__init__.py", "def f():\n    return 1\n")
    project.write("e.yaml", "dag: {steps: {a: {command: pack.f, returns: [x]}}}")
    commit(project)
    site = tmp_path / "site"
    site.mkdir()
    (site / "__editable___pack_finder.py").write_text(HOOK.replace("PLACE", repr(str(project.path / "src/pack"))))
    (site / "sitecustomize.py").write_text("import __editable___pack_finder as finder\nfinder.install()\n")
    project.environment["PYTHONPATH"] = str(site)
    ran = project.start("execute", "e.yaml", "--run-id", "r")
    _, error = ran.communicate(timeout=LONGEST_SECONDS)
    assert ran.returncode == 0, error
    project.write("src/pack/__init__.py", "def f():\n    return 2\n")
    again = project.start("reproduce", "r")
    output, error = again.communicate(timeout=LONGEST_SECONDS)
    assert again.returncode == 0, output + error


def test_a_run_of_another_engine_with_a_configuration_that_runs_here(project, tmp_path):
    volume = tmp_path / "volume"
    volume.mkdir()
    stores = (
        f"run_log_store: {{type: chunked-fs, config: {{log_folder: {volume}/log}}}}\n"
        f"catalog: {{type: file-system, config: {{catalog_location: {volume}/catalog}}}}\n"
    )
    options_ = f"{{image: i, persistent_volumes: [{{name: v, mount_path: {volume}}}]}}"
    project.write("argo.yaml", f"{stores}executor: {{type: argo, config: {options_}}}\n")
    project.write("here.yaml", stores)
    project.write(".gitignore", IGNORED + "argo-pipeline.yaml\n")
    project.write("p.yaml", PIPELINE.replace("returns: [lines]}", "returns: [lines], catalog: {get: raw.csv}}"))
    commit(project)
    assert project.magnus("execute", "p.yaml", "-c", "argo.yaml", "--n", "4").status == 0
    assert project.magnus("simulate", "argo-pipeline.yaml").status == 0
    document = reproduced(project, "latest", "-c", "here.yaml")
    assert document["compared_steps"] == 3
    assert "configuration: executor.type was argo, is local" in document["surroundings"]
