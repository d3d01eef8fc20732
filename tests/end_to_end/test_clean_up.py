"""`magnus gc` and `magnus catalog verify`, as a user types them."""

import json

import pytest
from msgspec.structs import replace

from magnus.run_log.records import Owner, Status
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.testing.maintained_catalog_contract import old
from magnus.testing.records import run_record

PIPELINE = """
dag:
  start_at: make
  steps:
    make:
      type: task
      command_type: shell
      command: "printf '%s' $x > a.txt; printf same > same.txt"
      next: success
      catalog: {put: ["*.txt"]}
"""


@pytest.fixture
def three_runs(folder):
    folder.write("p.yaml", PIPELINE)
    for number in range(3):
        ran = folder.magnus("execute", "p.yaml", "--x", str(number), "--run-id", f"run{number}", "--tag", f"t{number}")
        assert ran.status == 0, ran.err
    old((folder.path / ".catalog" / ".store").rglob("*"))
    return folder


def trees(folder):
    return sorted(entry.name for entry in (folder.path / ".catalog").iterdir() if entry.name[0] != ".")


def test_without_rules_no_run_goes(three_runs):
    said = three_runs.magnus("gc", "--yes")
    assert (said.status, said.err) == (0, "")
    assert said.out == "removed: files of 0 runs; 3 kept\nremoved: 0 files, 0 B of content that no run needs\n"
    assert trees(three_runs) == ["run0", "run1", "run2"]


def test_what_would_be_done_is_a_table_and_is_not_done(three_runs):
    said = three_runs.magnus("gc", "--keep-last", "1")
    heading, first, second, *rest = said.out.splitlines()
    assert heading.split() == ["run", "status", "started", "age", "tag", "files", "size"]
    assert (first.split()[:2], first.split()[-4:]) == (["run0", "SUCCESS"], ["t0", "2", "5", "B"])
    assert second.startswith("run1")
    assert rest == [
        "would remove: files of 2 runs; 1 kept",
        "would remove: 2 files, 2 B of content that no run needs",
        "nothing was changed; --yes does it",
    ]
    assert trees(three_runs) == ["run0", "run1", "run2"]


def test_yes_does_it_and_the_rest_is_whole(three_runs):
    said = three_runs.magnus("gc", "--keep-tag", "t1", "--yes", "--json")
    answer = json.loads(said.out)
    assert [run["run_id"] for run in answer["runs"]] == ["run0", "run2"]
    assert answer["kept"] == {"run1": "its tag is 't1'"}
    assert answer["content"] == {"removed": {"files": 2, "size": 2}, "young": {"files": 0, "size": 0}}
    assert trees(three_runs) == ["run1"]
    verified = three_runs.magnus("catalog", "verify")
    assert (verified.status, verified.out) == (
        0,
        "read 2 files, 5 B of 1 run: nothing is wrong; the files of 2 runs were removed by gc\n",
    )
    assert three_runs.magnus("show", "run0", "--json").log["status"] == "SUCCESS"


def test_run_logs_go_too_when_asked(three_runs):
    assert three_runs.magnus("gc", "--keep-status", "FAIL", "--run-logs", "--yes").status == 0
    assert three_runs.runs() == []
    assert [file.name for file in (three_runs.path / ".run_log_store").iterdir()] == [".gitignore"]
    assert three_runs.magnus("show", "run0").status == 2


def test_content_that_was_just_put_is_left_for_a_day(folder):
    folder.write("p.yaml", PIPELINE)
    ran = folder.magnus("execute", "p.yaml", "--x", "1")
    packages = ran.log["run_config"]["packages"]["size"]
    said = folder.magnus("gc", "--keep-last", "0", "--yes")
    assert "removed: 0 files, 0 B of content that no run needs; put recently, and left: 3 files, " in said.out
    said = folder.magnus("gc", "--keep-last", "0", "--yes", "--json")
    assert json.loads(said.out)["content"]["young"] == {"files": 3, "size": 5 + packages}
    assert folder.magnus("gc", "--keep-days", "1").out.startswith("would remove: files of 0 runs; 1 kept\n")


def test_damage_is_found_and_is_exit_status_1(three_runs):
    same = next(file for file in (three_runs.path / ".catalog" / ".store").glob("??/*") if file.read_bytes() == b"same")
    same.chmod(0o644)
    same.write_bytes(b"SAME")
    said = three_runs.magnus("catalog", "verify", "run0", "run2")
    assert said.status == 1
    assert said.out.splitlines() == [
        "run   step  file      problem",
        "run0  make  same.txt  damaged",
        "run2  make  same.txt  damaged",
        "read 3 files, 6 B of 2 runs: 2 wrong",
    ]
    same.unlink()
    said = three_runs.magnus("catalog", "verify", "run1", "--json")
    [wrong] = json.loads(said.out)["wrong"]
    assert (said.status, wrong["step"], wrong["name"], wrong["problem"]) == (1, "make", "same.txt", "missing")


@pytest.mark.parametrize(
    "arguments",
    [
        ("gc", "--keep-days", "-1"),
        ("gc", "--keep-last", "many"),
        ("gc", "--keep-status", "GOOD"),
        ("gc", "-c", "missing.yaml"),
        ("catalog", "verify", "missing"),
        ("catalog", "verify", "../x"),
        ("catalog", "mend"),
    ],
    ids=" ".join,
)
def test_wrong_input_is_said(folder, arguments):
    said = folder.magnus(*arguments)
    assert (said.status, said.out) == (2, "")
    assert said.err


def test_nothing_is_there_yet(folder):
    assert folder.magnus("gc", "--keep-last", "0", "--yes").status == 0
    assert folder.magnus("catalog", "verify").out == "read 0 files, 0 B of 0 runs: nothing is wrong\n"
    assert [*folder.path.iterdir()] == []


def test_recent_content_goes_when_asked_and_not_while_a_run_goes_on(three_runs):
    old((three_runs.path / ".catalog" / ".store").rglob("*"), seconds=120)
    kept = three_runs.magnus("gc", "--keep", "run2", "--yes")
    assert "removed: 0 files, 0 B of content that no run needs; put recently, and left: 2 files" in kept.out
    said = three_runs.magnus("gc", "--keep", "run", "--recent", "--yes")
    assert (said.status, "'run' is a prefix of 3 run ids" in said.err) == (2, True)
    done = three_runs.magnus("gc", "--keep", "latest", "--recent", "--yes")
    assert "removed: 2 files, 2 B of content that no run needs\n" in done.out
    assert trees(three_runs) == ["run2"]
    assert three_runs.magnus("catalog", "verify", "latest").out.startswith(
        "read 2 files, 5 B of 1 run: nothing is wrong"
    )


def test_content_of_today_stays_while_a_run_goes_on(three_runs):
    store = FileSystemRunLogStore(FileSystemOptions(), three_runs.path)
    store.create_run(replace(run_record(), run_id="elsewhere", status=Status.PROCESSING, owner=Owner("other-host", 1)))
    said = three_runs.magnus("gc", "--keep-last", "0", "--recent", "--yes")
    assert said.status == 2
    assert "the run 'elsewhere' is running, and may need content of the last day" in said.err
