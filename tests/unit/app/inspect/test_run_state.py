"""How a run stands whose process is gone: lost only when none of its jobs runs any more."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from orphans import orphan

from magnus.app.inspect.list_runs import RunFilter, list_runs, run_filter
from magnus.app.inspect.run_document import document
from magnus.app.inspect.run_state import state_of, states_of
from magnus.app.inspect.show_run import run_tree
from magnus.app.report.write_report import report_html
from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.engine.processes import liveness
from magnus.run_log.records import RunHealth, Status
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("orphans")


@pytest.fixture
def store(tmp_path):
    return BufferedRunLogStore(BufferedOptions(), tmp_path)


def test_a_run_is_lost_when_none_of_its_jobs_runs(orphans):
    run = orphan("a")
    assert state_of(run).status is RunHealth.LOST
    orphans.jobs = {"a": ["17", "18_2", "18_3"]}
    state = state_of(run)
    assert (state.status, state.is_over, state.has_jobs) == (Status.PROCESSING, False, True)
    assert state.message == "its orchestrator is gone; 3 jobs still run: 17, 18_2, 18_3"
    orphans.jobs = {"a": ["17"]}
    assert state_of(run).message == "its orchestrator is gone; 1 job still runs: 17"


def test_of_many_jobs_the_first_are_named(orphans):
    orphans.jobs = {"a": [f"9_{number}" for number in range(1000)]}
    message = state_of(orphan("a")).message
    assert message.startswith("its orchestrator is gone; 1000 jobs still run: 9_0, 9_1,")
    assert message.endswith(", 9_9, and 990 more")


def test_without_an_answer_a_run_is_not_lost(orphans):
    state = state_of(orphan("a", silent=True))
    assert state.status is Status.PROCESSING
    assert state.message == (
        "its orchestrator is gone; whether a job of it still runs is not known: the controller does not answer"
    )


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (orphan("a", executor="missing"), "executor has no type 'missing'"),
        (orphan("a", unheard_of=1), "executor 'orphans': unknown field 'unheard_of'"),
    ],
    ids=["type", "option"],
)
def test_an_executor_that_cannot_be_asked_leaves_the_run_in_doubt(run, reason):
    state = state_of(run)
    assert state.status is Status.PROCESSING
    assert f"whether a job of it still runs is not known: {reason}" in state.message


def test_executors_are_asked_once_for_all_runs_with_their_options(orphans):
    runs = [
        orphan("a"),
        orphan("b"),
        orphan("c", site="other"),
        orphan("local", executor="local"),
        orphan("ended", status=Status.FAIL),
        orphan("here", owner=liveness.this_process()),
    ]
    states = states_of(runs)
    assert sorted(orphans.requests) == [["a", "b"], ["c"]]
    assert [states[run.run_id].status for run in runs] == [
        *[RunHealth.LOST] * 4,
        Status.FAIL,
        Status.PROCESSING,
    ]


def test_a_list_asks_for_runs_as_they_are_taken(store, orphans):
    for number in range(1000):
        store.create_run(orphan(f"run{number:04}"))
    orphans.jobs = {"run0999": ["1"], "run0000": ["2"]}
    listed = list_runs(store, RunFilter())
    assert next(listed).message.endswith("1 job still runs: 1")
    assert [len(asked) for asked in orphans.requests] == [32]
    rest = list(listed)
    assert rest[-1].message.endswith("1 job still runs: 2")
    assert [run.status for run in rest[:-1]] == [RunHealth.LOST] * 998
    assert len(orphans.requests) == 3


def test_the_list_is_filtered_by_how_runs_stand(store, orphans):
    store.create_run(orphan("lost"))
    store.create_run(orphan("going"))
    orphans.jobs = {"going": ["17"]}
    assert [run.run_id for run in list_runs(store, run_filter(statuses=["LOST"]))] == ["lost"]
    [going] = list_runs(store, run_filter(statuses=["PROCESSING"]))
    assert (going.run_id, going.has_jobs) == ("going", True)


def test_the_report_of_a_run_says_what_still_runs(store, orphans):
    store.create_run(orphan("a"))
    orphans.jobs = {"a": ["17"]}
    page = report_html(store.get_run("a"), store, DoNothingCatalog(DoNothingOptions(), Path.cwd()), NOW)
    assert "its orchestrator is gone; 1 job still runs: 17" in page
    assert '"status":"PROCESSING"' in page
    orphans.jobs = {}
    page = report_html(store.get_run("a"), store, DoNothingCatalog(DoNothingOptions(), Path.cwd()), NOW)
    assert '"status":"LOST"' in page


def test_a_shown_run_and_its_document_go_by_its_jobs(store, orphans):
    store.create_run(orphan("a"))
    orphans.jobs = {"a": ["17"]}
    tree = run_tree(store, store.get_run("a"))
    assert (tree.status, tree.message) == (Status.PROCESSING, "its orchestrator is gone; 1 job still runs: 17")
    assert len(orphans.requests) == 1
    assert '"status": "PROCESSING"' in "".join(document(store, store.get_run("a")))
    orphans.jobs = {}
    assert '"status": "FAIL"' in "".join(document(store, store.get_run("a")))
