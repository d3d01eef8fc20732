"""What holds for every record: it comes back as it was, is shown as valid JSON, and no damage makes another of it."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from magnus.graph.path import BranchPath
from magnus.run_log import codec
from magnus.run_log.records import Status
from magnus.run_log.view import document
from magnus.run_log_stores import record_line
from magnus.run_log_stores.index import Index
from magnus.testing.records import run_records, step_paths, step_records

few = settings(max_examples=50, deadline=None)


@few
@given(step_records())
def test_a_step_comes_back_as_it_was(step):
    assert codec.step_from_json(json.loads(codec.to_bytes(codec.step_to_json(step)))) == step


@few
@given(step_records(), st.booleans())
def test_a_common_record_is_written_as_every_other(step, is_common):
    if is_common:
        rare = {"metrics": {}, "catalog": (), "mock": False, "earlier_attempts": 0, "given_up": ()}
        step = replace(step, **rare, scope=None, branching=None, cache=None, code_identities=None)
    written = codec.step_to_bytes(step)
    assert codec.from_bytes(written) == codec.from_bytes(codec.to_bytes(codec.step_to_json(step)))
    assert codec.step_from_bytes(written) == codec.step_from_json(codec.from_bytes(written)) == step


@few
@given(run_records())
def test_a_run_comes_back_as_it_was(run):
    assert codec.run_from_json(json.loads(codec.to_bytes(codec.run_to_json(run)))) == run


@few
@given(step_records())
def test_a_line_says_what_its_record_is_about(step):
    line = record_line.with_checksum(record_line.encoded(step))
    assert line.count(b"\n") == 2
    about = record_line.heading(line.strip(b"\n"))
    assert about == record_line.Heading(str(step.path), step.status is Status.SUCCESS)


@few
@given(step_records(), st.data())
def test_a_changed_byte_is_noticed(step, data):
    line = record_line.with_checksum(record_line.encoded(step))[1:-1]
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    assert record_line.heading(line[:place] + bytes([other]) + line[place + 1 :]) is None


@few
@given(step_records(), st.data())
def test_a_cut_line_is_noticed(step, data):
    line = record_line.with_checksum(record_line.encoded(step))[1:-1]
    assert record_line.heading(line[: data.draw(st.integers(0, len(line) - 1))]) is None


@few
@given(st.lists(st.tuples(step_paths(), st.booleans())))
def test_the_index_is_a_dict_in_which_the_first_success_stands(puts):
    index, expected = Index(), {}
    for place, (path, success) in enumerate(puts):
        index.note(str(path), place, success=success)
        if path not in expected or not puts[expected[path]][1]:
            expected[path] = place
    for path, place in expected.items():
        assert index.place(str(path)) == place
        assert set(index.places(str(path.branch))) == {
            p for other, p in expected.items() if other.branch == path.branch
        }


@few
@given(run_records(), st.lists(step_records(step_paths().filter(lambda path: len(path.parts) == 1)), max_size=3))
def test_every_run_is_shown_as_valid_json(run, steps):
    shown = document(run, lambda branch: steps if branch == BranchPath() else ())
    assert shown["run_id"] == run.run_id
    assert set(shown["steps"]) == {step.path.name for step in steps}
    assert list(shown) == [
        *("run_id", "dag_hash", "use_cached", "tag", "original_run_id", "status", "message"),
        *("steps", "parameters", "run_config", "start_time", "end_time"),
    ]
