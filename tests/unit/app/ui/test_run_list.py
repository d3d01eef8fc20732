"""The list of runs in pages."""

import json
import re

import pytest

from magnus.app.ui.run_columns import RunColumns
from magnus.app.ui.run_list import RunList, list_request
from magnus.errors import InvalidInput
from magnus.run_log.records import Status


@pytest.fixture
def listed(runs):
    """Four runs, the newest one first: d, c, b, a."""
    for number, (run_id, status, pipeline, lr) in enumerate(
        [("a", Status.SUCCESS, "training", 0.3), ("b", Status.FAIL, "training", 0.1), ("c", Status.SUCCESS, "scoring", 0.2), ("d", Status.PROCESSING, "training", None)]
    ):  # fmt: skip
        more = {} if lr is None else {"lr": lr}
        message = "step 'fit' failed: no label" if status is Status.FAIL else ""
        runs.run(
            run_id,
            status,
            after=60 * number,
            took=10 - number,
            pipeline=pipeline,
            tag=f"t{number % 2}",
            message=message,
            **more,
        )
    return RunList(runs.store, RunColumns(runs.store, runs.viewer.working_directory))


def names(runs, **query):
    return [
        row.run_id
        for row in runs.page(
            list_request({name: value if isinstance(value, list) else [value] for name, value in query.items()})
        ).rows
    ]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "dcba"),
        ({"status": "FAIL"}, "b"),
        ({"status": ["FAIL", "success"]}, "cba"),
        ({"pipeline": "training"}, "dba"),
        ({"tag": "t1"}, "db"),
        ({"text": "FIT label"}, "b"),
        ({"text": "train"}, "dba"),
        ({"text": "nothing"}, ""),
        ({"since": "2026-03-01T12:02:00+00:00"}, "dc"),
        ({"before": "2026-03-01T12:02:00+00:00"}, "ba"),
        ({"pipeline": "training", "status": "SUCCESS"}, "a"),
        ({"sort": "run", "order": "up"}, "abcd"),
        ({"sort": "started", "order": "up"}, "abcd"),
        ({"sort": "took", "status": ["SUCCESS", "FAIL"]}, "abc"),
        ({"sort": "params.lr"}, "acbd"),
        ({"sort": "params.lr", "order": "up"}, "bcad"),
        ({"sort": "params.unknown"}, "dcba"),
        ({"offset": "1", "limit": "2"}, "cb"),
        ({"offset": "9"}, ""),
    ],
)  # fmt: skip
def test_filters_and_orders(listed, query, found):
    assert names(listed, **query) == list(found)


@pytest.mark.parametrize(
    "query",
    [{"status": ["NO"]}, {"since": ["yesterday-ish"]}, {"offset": ["-1"]}, {"limit": ["²"]}, {"offset": ["9" * 40]}],
)
def test_what_means_nothing_is_an_error(query):
    with pytest.raises(InvalidInput):
        list_request(query)


def test_a_part_says_what_there_is_besides(listed):
    part = listed.page(
        list_request(
            {"pipeline": ["training"], "status": ["FAIL"], "limit": ["1"], "column": ["params.lr", "params.no"]}
        )
    )
    assert (part.matching, part.runs) == (1, 4)
    assert part.statuses == {"SUCCESS": 1, "FAIL": 1, "PROCESSING": 1}
    assert part.pipelines == ["training", "scoring"]
    assert part.tags == ["t1", "t0"]
    [row] = part.rows
    assert (row.run_id, row.took, row.message, row.cells) == ("b", 9000.0, "step 'fit' failed: no label", [0.1, None])


def test_a_damaged_run_is_one_clear_line(runs, listed):
    runs.store.close()
    [file] = runs.viewer.working_directory.rglob("b.jsonl")
    file.write_text("no record\n")
    rows = listed.page(list_request({})).rows
    assert [row.run_id for row in rows] == ["d", "c", "a", "b"]
    assert rows[-1].status == "DAMAGED"
    assert "b.jsonl" in rows[-1].message


def data(body):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', body, re.DOTALL)[1])


def test_the_page_has_the_first_part_in_it(listed, serve):
    client = serve()
    status, _, body = client.ask("/?status=SUCCESS")
    assert status == 200
    assert [row["run_id"] for row in data(body)["page"]["rows"]] == ["c", "a"]
    status, headers, body = client.ask("/runs.json?sort=run&order=up&limit=2")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert [row["run_id"] for row in json.loads(body)["rows"]] == ["a", "b"]
    assert json.loads(client.ask("/columns.json")[2]) == {"names": ["params.lr"]}


def test_a_wrong_filter_is_said_on_the_page_and_in_data(listed, serve):
    client = serve()
    status, _, body = client.ask("/?since=then")
    assert status == 400
    assert "'then' is neither an age nor a time" in data(body)["problem"]
    status, _, body = client.ask("/runs.json?since=then")
    assert (status, list(json.loads(body))) == (400, ["problem"])


def test_the_stream_says_when_the_list_has_changed(runs, listed, serve):
    client = serve()
    version = json.loads(client.ask("/runs.json")[2])["version"]
    with client.events(f"/runs.events?seen={version}") as event:
        runs.run("e", after=999)
        name, text = event()
    assert name == "runs"
    assert json.loads(text) != version
    assert json.loads(client.ask("/runs.json")[2])["rows"][0]["run_id"] == "e"
