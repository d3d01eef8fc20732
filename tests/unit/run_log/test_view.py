"""The run log as people and programs read it."""

import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from magnus.graph.path import BranchPath
from magnus.run_log.parameters import CountedMetric, JsonParameter, MetricParameter, ObjectParameter
from magnus.run_log.records import CatalogRecord, CodeIdentity, Status, StepRecord
from magnus.run_log.view import document, document_lines
from magnus.testing.records import MOMENT, run_record, step_record

FILE = CatalogRecord("data/data.txt", "f" * 64, "a-run/data/data.txt", "/tmp/.catalog", "put", 12)


def steps(*records):
    return lambda branch: records if branch == BranchPath() else ()


def ended(status=Status.SUCCESS):
    return replace(run_record(status=status), end_time=MOMENT)


def test_a_whole_document_reads_like_this():
    first = replace(step_record("a step"), catalog=(FILE,), metrics={"loss": CountedMetric({0: 1.5})})
    last = StepRecord(BranchPath().step("success"), 1, Status.SUCCESS, "success")
    assert "".join(document_lines(ended(), steps(first, last))) == DOCUMENT


def test_each_of_several_items_stands_on_a_line():
    step = step_record("a")
    attempts = (step.attempts[0], replace(step.attempts[0], attempt_number=1))
    files = (FILE, replace(FILE, stage="get"))
    text = "".join(document_lines(ended(), steps(replace(step, attempts=attempts, catalog=files))))
    starts = [line.strip()[:20] for line in text.splitlines() if line.startswith(" " * 8)]
    assert starts == ['{"attempt_number": 0', '{"attempt_number": 1', *['{"name": "data/data.'] * 2]


def test_a_run_without_anything_in_it_is_valid():
    bare = replace(run_record(), parameters={}, code_identities=(), run_config={})
    shown = document(bare, steps())
    assert (shown["steps"], shown["parameters"], shown["run_config"], shown["end_time"]) == ({}, {}, {}, None)


def test_it_is_made_one_step_at_a_time():
    asked = []

    def endless(branch):
        for position in range(10**9):
            asked.append(position)
            yield step_record(f"step {position}", position=position)

    lines = document_lines(run_record(), endless)
    for _ in range(4):
        next(lines)
    assert asked == [0, 1, 2]


def test_parameters_are_the_initial_ones_and_what_successful_steps_set_in_order():
    run = replace(ended(), parameters={"x": JsonParameter(1, "1"), "y": JsonParameter("kept")})
    shown = document(
        run,
        steps(
            replace(step_record("a"), parameters={"x": JsonParameter(2), "m": MetricParameter(0.5)}),
            replace(step_record("b", position=1, status=Status.FAIL), parameters={"z": JsonParameter("of a failure")}),
            replace(step_record("c", position=2), parameters={"x": JsonParameter(3), "o": ObjectParameter("o", "ff")}),
        ),
    )
    assert shown["parameters"] == {"x": 3, "y": "kept", "m": 0.5, "o": {"object": "o", "data_hash": "ff"}}


def test_a_step_has_the_code_identities_of_the_run_unless_it_has_its_own():
    image = CodeIdentity("sha256:1", "docker", code_identifier_dependable=True)
    shown = document(ended(), steps(step_record("a"), replace(step_record("b"), code_identities=(image,))))
    assert [shown["steps"][name]["code_identities"][0]["code_identifier_type"] for name in "ab"] == ["git", "docker"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.000423, "0:00:00.000423"),
        (0.0, "0:00:00.000000"),
        (59.9999999, "0:01:00.000000"),
        (3725.5, "1:02:05.500000"),
        (90000, "25:00:00.000000"),
    ],
)
def test_durations(seconds, text):
    attempt = replace(step_record().attempts[0], duration=seconds)
    shown = document(run_record(), steps(replace(step_record("a"), attempts=(attempt,))))
    assert shown["steps"]["a"]["attempts"][0]["duration"] == text


def test_times_always_have_microseconds():
    run = replace(run_record(), start_time=datetime(2022, 1, 18, 11, 46, 8, tzinfo=UTC))
    assert document(run, steps())["start_time"] == "2022-01-18 11:46:08.000000+00:00"


def test_numbers_that_json_does_not_have_are_text():
    metrics = {"nan": float("nan"), "list": [float("inf"), {"low": float("-inf")}], "one": 1.5}
    text = "".join(document_lines(ended(), steps(replace(step_record("a"), metrics=metrics))))
    shown = json.loads(text, parse_constant=pytest.fail)
    assert shown["steps"]["a"]["user_defined_metrics"] == {
        "nan": "NaN",
        "list": ["Infinity", {"low": "-Infinity"}],
        "one": 1.5,
    }


def test_every_text_is_valid_and_stays_readable_where_it_can():
    odd = 'quote" backslash\\ newline\n \x00 ünïcödé'
    lines = list(document_lines(ended(), steps(replace(step_record(odd), message=odd), step_record("half \udcff"))))
    text = "".join(lines)
    assert "ünïcödé" in text
    shown = json.loads(text.encode())
    assert shown["steps"][odd]["message"] == odd
    assert "half \udcff" in shown["steps"]


def test_values_that_json_and_utf_8_both_lack_come_together():
    metrics = {"\udcff": float("nan")}
    text = "".join(document_lines(ended(), steps(replace(step_record("a"), metrics=metrics))))
    assert json.loads(text.encode())["steps"]["a"]["user_defined_metrics"] == {"\udcff": "NaN"}


def test_a_run_that_goes_on_is_shown_as_it_is():
    shown = document(run_record(), steps(step_record("a", status=Status.PROCESSING)))
    assert (shown["status"], shown["message"]) == ("PROCESSING", "")
    assert (shown["steps"]["a"]["status"], shown["steps"]["a"]["message"]) == ("PROCESSING", "")


def test_a_lost_run_and_its_unfinished_steps_have_failed():
    lost = "lost: process 4242 on host 'x' is gone"
    shown = document(run_record(), steps(step_record("a"), step_record("b", status=Status.PROCESSING)), lost=lost)
    assert (shown["status"], shown["message"]) == ("FAIL", lost)
    assert [(step["status"], step["message"]) for step in shown["steps"].values()] == [
        ("SUCCESS", ""),
        ("FAIL", "lost"),
    ]


def test_a_run_that_ended_is_not_lost_though_its_process_is_gone():
    shown = document(ended(), steps(step_record("a")), lost="lost: process 1 on host 'x' is gone")
    assert (shown["status"], shown["message"]) == ("SUCCESS", "")


def test_a_step_that_never_ended_in_a_run_that_did_is_lost():
    shown = document(ended(Status.FAIL), steps(step_record("a", status=Status.PROCESSING)))
    assert (shown["steps"]["a"]["status"], shown["steps"]["a"]["message"]) == ("FAIL", "lost")


DOCUMENT = """\
{
  "run_id": "a-run",
  "dag_hash": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
  "use_cached": false,
  "tag": "",
  "original_run_id": "",
  "status": "SUCCESS",
  "message": "",
  "steps": {
    "a step": {
      "name": "a step", "internal_name": "a step", "status": "SUCCESS", "step_type": "task",
      "message": "", "mock": false,
      "code_identities": [{"code_identifier": "cccccccccccccccccccccccccccccccccccccccc", \
"code_identifier_type": "git", "code_identifier_dependable": true, "code_identifier_url": "", "code_identifier_message": ""}],
      "attempts": [{"attempt_number": 0, "start_time": "2022-01-18 11:46:08.530138+00:00", \
"end_time": "2022-01-18 11:46:08.530138+00:00", "duration": "0:00:00.000423", "status": "SUCCESS", "message": "", \
"parameters": {"x": 3}}],
      "user_defined_metrics": {"loss": {"0": 1.5}}, "branches": {}, \
"data_catalog": [{"name": "data/data.txt", "data_hash": "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", \
"catalog_relative_path": "a-run/data/data.txt", "catalog_handler_location": "/tmp/.catalog", "stage": "put", "size": 12}]
    },
    "success": {
      "name": "success", "internal_name": "success", "status": "SUCCESS", "step_type": "success",
      "message": "", "mock": false,
      "code_identities": [{"code_identifier": "cccccccccccccccccccccccccccccccccccccccc", \
"code_identifier_type": "git", "code_identifier_dependable": true, "code_identifier_url": "", "code_identifier_message": ""}],
      "attempts": [],
      "user_defined_metrics": {}, "branches": {}, "data_catalog": []
    }
  },
  "parameters": {
    "x": 0
  },
  "run_config": {
    "executor": {"type": "local", "config": {}}
  },
  "start_time": "2022-01-18 11:46:08.530138+00:00",
  "end_time": "2022-01-18 11:46:08.530138+00:00"
}
"""
