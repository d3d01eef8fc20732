"""Runs as objects: `magnus.run` and `magnus.runs`."""

import re
from datetime import timedelta

import pytest
from msgspec.structs import replace

import magnus
from magnus.catalogs.file_system.catalog import FileSystemCatalog
from magnus.catalogs.file_system.catalog import FileSystemOptions as CatalogOptions
from magnus.engine.processes import liveness
from magnus.errors import InvalidConfiguration, InvalidInput, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, Branching, Status, StepRecord
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.testing.records import MOMENT, run_record

ROOT = BranchPath()


def step(path, position, status=Status.SUCCESS, **fields):
    attempt = AttemptRecord(0, MOMENT, MOMENT + timedelta(seconds=1.5), 1.5, status, parameters={"item": 1})
    return StepRecord(path, position, status, "task", attempts=(attempt,), **fields)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGNUS_CONFIGURATION_FILE", raising=False)
    return FileSystemRunLogStore(FileSystemOptions(), tmp_path)


@pytest.fixture
def done(store, tmp_path):
    """A run with a step that kept a file and printed something, and a map over two elements."""
    ended = {"status": Status.SUCCESS, "end_time": MOMENT + timedelta(seconds=3)}
    run = replace(run_record("done"), tag="t", run_config={"dag": {"name": "p"}}, **ended)
    catalog = FileSystemCatalog(CatalogOptions(), tmp_path)
    (tmp_path / "x.csv").write_text("1,2\n")
    entries = catalog.put("done", ROOT, tmp_path, ["x.csv"], unchanged={})
    with catalog.open_log("done", ROOT.step("a")) as log:
        log.write("said ✓\n".encode())
    each = replace(step(ROOT.step("each"), 1), attempts=(), branching=Branching(count=2, values=("north", "south")))
    store.create_run(run)
    store.put_step("done", step(ROOT.step("a"), 0, catalog=entries, metrics={"loss": 0.5}, parameters=of(y=1)))
    store.put_step("done", each)
    for key, status in (("0", Status.SUCCESS), ("1", Status.FAIL)):
        inner = each.path.into(key)
        store.put_step("done", step(inner.step("b"), 0, status, parameters=of(z=int(key))))
        store.put_step("done", StepRecord(inner.step("end"), 1, status, "success" if key == "0" else "fail"))
    return magnus.run("done")


def of(**values):
    return {name: JsonParameter(value) for name, value in values.items()}


def test_a_run_says_what_is_known_of_it(done):
    assert (done.run_id, done.status, done.pipeline, done.tag, done.message) == ("done", "SUCCESS", "p", "t", "")
    assert (done.start_time, done.duration, done.is_over) == (MOMENT, timedelta(seconds=3), True)
    assert done.parameters == {"x": 3, "y": 1}
    assert done.metrics == {"loss": 0.5}
    assert done.document()["parameters"] == {"x": 3, "y": 1}
    assert repr(done) == "<Run 'done' SUCCESS>"


def test_steps_lead_to_files_logs_and_branches(done, tmp_path):
    first, each = done.steps.values()
    assert (first.name, first.status, first.inputs, first.parameters) == ("a", "SUCCESS", {"item": 1}, {"y": 1})
    assert (first.duration, first.end_time - first.start_time) == (timedelta(seconds=1.5), timedelta(seconds=1.5))
    assert done.steps["a"].artifacts["x.csv"].path() == tmp_path / ".catalog" / "done" / "x.csv"
    assert done.artifacts["x.csv"].path().read_text() == "1,2\n"
    assert first.log() == "said ✓\n"
    assert each.log() == ""
    assert list(each.branches) == ["0", "1"]
    assert [(branch.key, branch.value, branch.status) for branch in each.branches.values()] == [
        ("0", "north", "SUCCESS"),
        ("1", "south", "FAIL"),
    ]
    assert each.branches["south"].steps["b"].parameters == each.branches[1].parameters | {"z": 1} == {"z": 1}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.steps["eech"], "there is no step 'eech'; did you mean 'each'?"),
        (lambda run: run.steps["zzz"], "there is no step 'zzz'; there are 'a', 'each'"),
        (lambda run: run.parameters["z"], "there is no parameter 'z'; there are 'x', 'y'"),
        (lambda run: run.artifacts["y.csv"], "there is no artifact 'y.csv'; did you mean 'x.csv'?"),
        (lambda run: run.steps["each"].metrics["loss"], "there is no metric 'loss'; there is none"),
        (lambda run: run.steps["each"].branches[2], "there is no branch '2'; there are 'north', 'south'"),
    ],
)
def test_a_name_that_is_not_there_is_said_with_those_that_are(done, ask, said):
    with pytest.raises(KeyError) as raised:
        ask(done)
    assert str(raised.value) == said


def test_a_run_that_goes_on_is_read_anew(store):
    store.create_run(replace(run_record("on"), owner=liveness.this_process()))
    run = magnus.run("on")
    [listed] = magnus.runs()
    assert [each.status for each in (run, listed)] == ["PROCESSING"] * 2
    assert (dict(run.steps), run.is_over, run.end_time) == ({}, False, None)
    store.put_step("on", step(ROOT.step("a"), 0, Status.PROCESSING))
    assert [run.steps["a"].status, listed.steps["a"].status] == ["PROCESSING"] * 2
    store.put_step("on", step(ROOT.step("a"), 0))
    store.update_run(replace(run_record("on"), status=Status.FAIL, message="why", end_time=MOMENT))
    for each in (run, listed):
        assert (each.status, each.message, each.steps["a"].status) == ("FAIL", "why", "SUCCESS")


def test_a_run_whose_process_is_gone_is_lost_and_so_are_its_steps(store):
    owner = replace(liveness.this_process(), process_start="another")
    store.create_run(replace(run_record("gone"), owner=owner))
    store.put_step("gone", step(ROOT.step("a"), 0, Status.PROCESSING))
    run = magnus.run()
    assert (run.status, run.steps["a"].status, run.duration) == ("LOST", "LOST", None)
    assert run.message.endswith("is gone")
    assert [found.run_id for found in magnus.runs(status="LOST")] == ["gone"]
    assert len(magnus.runs(status=["FAIL", "success"])) == 0


def test_runs_are_a_sequence_the_newest_first(store):
    for number in range(30):
        start = MOMENT + timedelta(minutes=number)
        ended = {"status": Status.SUCCESS, "end_time": start + timedelta(seconds=1)}
        store.create_run(replace(run_record(f"r{number}"), start_time=start, tag=f"t{number % 2}", **ended))
    found = magnus.runs()
    assert [run.run_id for run in found] == [f"r{number}" for number in reversed(range(30))]
    assert (len(found), found[0].run_id, found[-1].run_id) == (30, "r29", "r0")
    assert [run.run_id for run in found[1:3]] == ["r28", "r27"]
    assert [run.run_id for run in magnus.runs(tag="t1", limit=2)] == ["r29", "r27"]
    assert [run.run_id for run in magnus.runs(before=MOMENT + timedelta(minutes=1))] == ["r0"]
    assert repr(found).splitlines()[::25] == ["r29  SUCCESS  2022-01-18 12:15:08", "and 5 more"]
    assert found._repr_html_().count("<tr>") == 26
    assert "and 5 more" in found._repr_html_()
    assert (repr(found[:0]), repr(found[:1])) == ("no runs", "r29  SUCCESS  2022-01-18 12:15:08")


def test_runs_are_looked_for_when_they_are_asked_for(store):
    found = magnus.runs()
    store.create_run(run_record("a"))
    assert len(found) == 1
    store.create_run(run_record("b"))
    assert len(found) == 1
    assert len(magnus.runs()) == 2


def test_damaged_runs_are_among_them_and_harm_nobody(store, tmp_path):
    store.create_run(run_record("whole"))
    (tmp_path / ".run_log_store" / "broken.jsonl").write_text("garbage")
    found = magnus.runs()
    assert [(run.run_id, run.status) for run in found] == [("whole", "PROCESSING"), ("broken", "DAMAGED")]
    assert "holds no record" in found[1].message
    assert "DAMAGED" in found._repr_html_() + found[1]._repr_html_()
    with pytest.raises(RunLogStoreError, match="holds no record"):
        _ = found[1].parameters


def test_html_is_whole_and_escaped(store):
    evil = "<script>alert('x')</script>"
    run = replace(run_record("evil"), tag=evil, message=evil, status=Status.FAIL, run_config={"dag": {"name": evil}})
    store.create_run(run)
    store.put_step("evil", step(ROOT.step(evil), 0, Status.FAIL, message=evil, metrics={evil: evil}))
    for html in (magnus.run("evil")._repr_html_(), magnus.runs()._repr_html_()):
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        opened, closed = (re.findall(rf"<{slash}(\w+)", html) for slash in ("", "/"))
        assert sorted(tag for tag in opened if tag != "br") == sorted(closed)
        assert len(html) < 4000


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1.0 s"), (59.96, "1 m 00 s"), (120, "2 m 00 s"), (3600, "1 h 00 m")]
)
def test_html_says_how_long_it_took(store, seconds, text):
    run = run_record("timed")
    store.create_run(replace(run, status=Status.SUCCESS, end_time=run.start_time + timedelta(seconds=seconds)))
    assert text in magnus.run("timed")._repr_html_()
    assert text in magnus.runs()._repr_html_()


def test_text_of_users_steers_nothing_where_runs_are_shown(store):
    evil = "\x1b[2J\u202eabc\x07"
    store.create_run(
        replace(run_record("evil"), tag=evil, message=evil, status=Status.FAIL, run_config={"dag": {"name": evil}})
    )
    store.put_step("evil", step(ROOT.step("a"), 0, Status.FAIL, message=evil, metrics={evil: evil}))
    shown = (magnus.run("evil")._repr_html_(), magnus.runs()._repr_html_(), repr(magnus.runs()))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", "".join(shown))
    assert all(r"\x1b[2J\u202eabc\x07" in text for text in shown)


def test_what_cannot_be_found_is_said(store, tmp_path):
    with pytest.raises(RunNotFound, match="there are no runs yet"):
        magnus.run()
    store.create_run(run_record("abc"))
    assert magnus.run("ab").run_id == "abc"
    with pytest.raises(RunNotFound, match="there is no run 'abd'"):
        magnus.run("abd")
    with pytest.raises(InvalidInput, match="'GOOD' is not a status"):
        magnus.runs(status="GOOD")
    (tmp_path / "c.yaml").write_text("catalog: {type: do-nothing}")
    store.put_step("abc", step(ROOT.step("a"), 0))
    with pytest.raises(InvalidConfiguration, match="does not give back what steps printed"):
        magnus.run("abc", configuration_file=tmp_path / "c.yaml").steps["a"].log()
