"""The pages of the server, and what it says where a page cannot be shown."""

import json
import re
from urllib.parse import quote

import pytest

from magnus.app.ui.comparison import comparison
from magnus.app.ui.run_columns import RunColumns
from magnus.errors import InvalidInput, RunLogStoreError
from magnus.run_log.records import Status

HOSTILE = "</script><script>alert(1)</script><!-- @@data@@"


def data(body):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', body, re.DOTALL)[1])


def test_a_run_is_shown_by_its_id(runs, serve):
    run = runs.run("calm-abel-1", lr=0.1)
    runs.step(run, "fit", metrics={"auc": 0.9})
    status, _, body = serve().ask("/run?id=calm-abel-1")
    shown = data(body)
    assert (status, shown["is_over"]) == (200, True)
    assert [row["name"] for row in shown["rows"]] == ["training", "fit"]


@pytest.mark.parametrize("text", ["calm", "latest"])
def test_a_prefix_of_an_id_leads_to_the_run(runs, serve, text):
    runs.run("calm-abel-1")
    status, headers, _ = serve().ask(f"/run?id={text}")
    assert (status, headers["location"]) == (302, "run?id=calm-abel-1")


@pytest.mark.parametrize("text", ["", "none", "../../etc/passwd", "a/b", "\0", HOSTILE, "x" * 5000])
def test_what_is_no_run_is_one_clear_line(runs, serve, text):
    runs.run("calm-abel-1")
    client = serve()
    status, _, body = client.ask(f"/run?id={quote(text)}")
    assert status in {400, 404}
    assert data(body)["problem"]
    assert client.ask(f"/compare?id={quote(text)}&id=calm-abel-1")[0] in {400, 404}
    assert body.count("<script") == 2


@pytest.mark.parametrize(
    "path", ["/nothing", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/web/live.js", "//run"]
)
def test_there_are_no_other_addresses(runs, serve, path):
    assert serve().ask(path)[0] == 404


def test_a_damaged_run_is_one_clear_line(runs, serve):
    runs.run("one")
    runs.store.close()
    [file] = runs.viewer.working_directory.rglob("one.jsonl")
    file.write_text("no record\n")
    status, _, body = serve().ask("/run?id=one")
    assert status == 503
    assert "one.jsonl" in data(body)["problem"]


def test_a_store_that_is_away_is_said_and_recovers(runs, serve, monkeypatch):
    runs.run("one", Status.PROCESSING)
    with monkeypatch.context() as away:

        def fail(*_arguments):
            raise RunLogStoreError("the store is away", fix="start it")

        away.setattr(type(runs.store), "get_run", fail)
        away.setattr(type(runs.store), "summaries", fail)
        client = serve()
        assert data(client.ask("/run?id=one")[2])["problem"] == "the store is away; start it"
        assert data(client.ask("/")[2])["problem"] == "the store is away; start it"
        with client.events("/run.events?id=one") as event, client.events("/runs.events") as other:
            assert event() == other() == ("problem", '"the store is away; start it"')
            away.undo()
            assert [event()[0], event()[0]] == ["recovered", "report"]
            assert [other()[0], other()[0]] == ["recovered", "runs"]
    assert client.ask("/run?id=one")[0] == 200


def test_hostile_texts_become_no_markup(runs, serve):
    run = runs.run("one", Status.FAIL, pipeline=HOSTILE, tag=HOSTILE, message=HOSTILE, **{HOSTILE: HOSTILE})
    runs.step(run, HOSTILE, Status.FAIL, message=HOSTILE, metrics={HOSTILE: HOSTILE})
    runs.run("two", pipeline=HOSTILE, x=HOSTILE)
    client = serve()
    for path in (
        "/",
        f"/?column={quote('params.' + HOSTILE)}",
        "/run?id=one",
        "/compare?id=one&id=two",
        f"/?text={quote(HOSTILE)}",
    ):
        status, _, body = client.ask(path)
        assert status == 200
        assert body.count("<script") == 2, path


@pytest.fixture
def compared(runs):
    for number, (lr, auc) in enumerate([(0.1, 0.8), (0.2, 0.9), (0.2, 0.7)]):
        run = runs.run(f"run-{number}", after=number, lr=lr, seed=1)
        runs.step(run, "fit", metrics={"auc": auc}, model=f"m{number}")
    records = [runs.store.get_run(f"run-{number}") for number in range(3)]
    return lambda *chosen: comparison(
        [records[number] for number in chosen],
        runs.store,
        runs.viewer.catalog,
        RunColumns(runs.store, runs.viewer.working_directory),
    )


def test_values_stand_side_by_side(compared):
    made = compared(0, 1, 2)
    assert [side.run_id for side in made.runs] == ["run-0", "run-1", "run-2"]
    assert {row.name: row.cells for row in made.values} == {
        "metrics.auc": [0.8, 0.9, 0.7], "params.lr": [0.1, 0.2, 0.2], "params.model": ["m0", "m1", "m2"], "params.seed": [1, 1, 1],
    }  # fmt: skip
    assert len(made.against) == 2


def test_what_differs_is_said_as_diff_says_it(compared):
    [other] = compared(0, 1).against
    assert other.differs
    assert other.causes == ["parameter 'lr' was 0.1, is 0.2 (initial)"]
    [step] = other.steps
    assert [(change.kind, change.what, change.before, change.after) for change in step.changes] == [
        ("set", "model", "m0", "m1"), ("metric", "auc", "0.8", "0.9"),
    ]  # fmt: skip


@pytest.mark.parametrize("chosen", [(), (0,), (0,) * 13])
def test_one_run_is_compared_with_nothing(compared, chosen):
    with pytest.raises(InvalidInput):
        compared(*chosen)


def test_the_page_compares_runs(compared, serve):
    status, _, body = serve().ask("/compare?id=run-0&id=run-1&id=run-0")
    assert status == 200
    assert [run["run_id"] for run in data(body)["runs"]] == ["run-0", "run-1"]
