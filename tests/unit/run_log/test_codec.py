"""How records are written down."""

import json

import pytest
from msgspec.structs import replace

from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.parameters import JsonParameter, MetricParameter
from magnus.run_log.records import CatalogRecord, Status, StepRecord
from magnus.testing.records import run_record, step_record


def test_a_step_is_written_with_what_it_is_known_by_in_front_and_without_defaults():
    step = replace(step_record("a step", position=3), attempts=(), parameters={})
    assert codec.to_bytes(codec.step_to_json(step)) == (b'{"step":"a%20step","position":3,"status":"SUCCESS"}')


def test_a_step_is_written_readably():
    assert json.loads(codec.to_bytes(codec.step_to_json(step_record("a step")))) == {
        "step": "a%20step",
        "position": 0,
        "status": "SUCCESS",
        "attempts": [
            {
                "start_time": "2022-01-18T11:46:08.530138Z",
                "end_time": "2022-01-18T11:46:08.530138Z",
                "duration": 0.000423,
                "parameters": {"x": 3},
            }
        ],
        "parameters": {"x": 0},
    }


def test_a_step_that_was_written_in_full_by_an_earlier_version_reads_the_same():
    written = json.loads(codec.to_bytes(codec.step_to_json(step_record("a step"))))
    attempt = {"attempt_number": 0, "status": "SUCCESS", **written["attempts"][0]}
    in_full = {**written, "step_type": "task", "attempts": [attempt], "parameters": {"x": {"json": 0}}}
    assert codec.step_from_json(in_full) == step_record("a step")


@pytest.mark.parametrize("value", [None, 1, "json", ["json"], {}, {"json": 1}, {"metric": 1}])
@pytest.mark.parametrize("text", [None, "text"])
def test_a_parameter_comes_back_whatever_its_value_looks_like(value, text):
    step = replace(step_record(), parameters={"x": JsonParameter(value, text)})
    assert codec.step_from_json(json.loads(codec.to_bytes(codec.step_to_json(step)))) == step


class _Text(str):
    """A text of a type of its own, as libraries have."""

    __slots__ = ()


_FLOATS = (0.0, -0.0, 1e-4, 5e-05, 0.1, 123456.789, 9.9e15, 1e16, 1.5e-300, float("nan"))
_TEXTS = ("", "é\x00\x7f\u2028", '"\\/\n', "\ud800", _Text("text"))
_OTHERS = (None, True, 0, -(2**70), ["list", 5e-05], {"a": {"b": 1e22}})


@pytest.mark.parametrize("value", [*_FLOATS, *_TEXTS, *_OTHERS])
def test_a_record_is_written_as_the_standard_library_writes_it_whatever_its_values_are(value):
    attempt = replace(step_record().attempts[0], parameters={"x": value}, duration=5e-05 if value is None else 0.25)
    step = replace(step_record(), attempts=(attempt,), parameters={"é": JsonParameter(value)}, message="é\t")
    stored = codec.step_to_json(step)
    text = json.dumps(stored, ensure_ascii=value == "\ud800", separators=(",", ":"))
    assert codec.to_bytes(stored) == text.encode()


def test_attempts_keep_numbers_and_statuses_of_their_own():
    attempt = replace(step_record().attempts[0], message="again", lost=True, parameters={})
    attempts = (
        replace(attempt, attempt_number=2, status=Status.FAIL),
        replace(attempt, attempt_number=1, status=Status.SUCCESS),
        replace(attempt, attempt_number=0, status=Status.PROCESSING),
    )
    step = replace(step_record(), attempts=attempts, step_type="stub")
    assert codec.step_from_json(json.loads(codec.to_bytes(codec.step_to_json(step)))) == step


def test_an_attempt_keeps_its_job_with_machine_and_memory():
    attempt = replace(step_record().attempts[0], job="17_2", machine="node-1", peak_memory=312_000_000)
    step = replace(step_record(), attempts=(attempt,))
    written = json.loads(codec.to_bytes(codec.step_to_json(step)))
    assert [written["attempts"][0][name] for name in ("job", "machine", "peak_memory")] == [
        "17_2",
        "node-1",
        312_000_000,
    ]
    assert codec.step_from_json(written) == step


def test_a_run_is_written_with_its_id_in_front():
    assert codec.to_bytes(codec.run_to_json(run_record("a-run"))).startswith(b'{"run":"a-run","status":"PROCESSING",')


def test_text_stays_readable_unless_only_an_escape_can_say_it():
    assert codec.to_bytes({"name": "ünïcödé"}) == '{"name":"ünïcödé"}'.encode()
    assert codec.to_bytes({"name": "ü\udcff"}) == b'{"name":"\\u00fc\\udcff"}'


def test_a_metric_that_is_not_a_number_comes_back():
    step = replace(step_record(), parameters={"loss": MetricParameter(float("nan"))})
    back = codec.step_from_json(json.loads(codec.to_bytes(codec.step_to_json(step))))
    assert str(back.parameters["loss"]) == "MetricParameter(value=nan)"


@pytest.mark.parametrize("value", [object(), b"bytes", {1, 2}, {("a", "b"): 1}])
def test_what_has_no_json_is_refused(value):
    with pytest.raises(TypeError):
        codec.to_bytes({"value": value})


def test_what_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        codec.to_bytes({"value": endless})


def test_a_typical_step_takes_less_than_a_kilobyte():
    first = StepRecord(step_record().path, 0, Status.PROCESSING, "task")
    written = [codec.to_bytes(codec.step_to_json(step)) for step in (first, step_record())]
    assert sum(map(len, written)) < 600


@pytest.mark.parametrize("name", ["data/a", 'd"\\\n/ü', "half of a pair \ud83d"])
def test_files_come_back_beside_what_only_the_json_of_python_reads(name):
    files = tuple(CatalogRecord(name, "a" * 64, f"run/{name}", ".catalog", "put", 5, new) for new in (True, False))
    step = replace(step_record("a"), catalog=files, parameters={"loss": MetricParameter(float("nan"))})
    text = codec.to_bytes(codec.step_to_json(step))
    assert codec.step_from_json(codec.from_bytes(text)).catalog == files
    assert mentioned_hashes([text]) == {"a" * 64}
    assert text.count(b"\n") == 0
    assert text.count(b'"found":true') == 1
    assert b"NaN" in text


def test_a_file_of_no_known_stage_is_refused():
    step = replace(step_record("a"), catalog=(CatalogRecord("a", "a" * 64, "a", ".catalog", "put", 5),))
    stored = codec.from_bytes(codec.to_bytes(codec.step_to_json(step)).replace(b'"put"', b'"set"'))
    with pytest.raises(ValueError, match="stage"):
        codec.step_from_json(stored)
