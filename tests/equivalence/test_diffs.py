"""A run does not differ from itself, and what differs is the same thing from both sides, for the whole corpus."""

import json
import shutil
from contextlib import closing
from pathlib import Path

import drivers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.app.compare.compare import compare_runs
from magnus.app.compare.compare_steps import aligned
from magnus.app.compare.document import document
from magnus.app.compare.read_run import ReadRun, alike
from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration

CORPUS = Path(__file__).parents[1] / "corpus"
NAMES = sorted(file.stem for file in CORPUS.glob("*.yaml"))


def differences(folder, *run_ids):
    configuration = load_configuration("", {}, folder)
    catalog = services.catalog(configuration, folder)
    with closing(services.run_log_store(configuration, folder)) as store:
        first, second = (ReadRun(store.get_run(run_id), store, catalog) for run_id in run_ids)
        return compare_runs(first, second, alike(first, second))


def turned(change):
    return change.kind, change.what, change.after, change.before


def straight(change):
    return change.kind, change.what, change.before, change.after


@pytest.fixture(params=NAMES)
def two_runs(request, tmp_path):
    for file in CORPUS.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    shutil.copy(CORPUS / f"{request.param}.yaml", tmp_path / "p.yaml")
    drivers.executed(tmp_path, "a", {"when": "2024-05-06", "text": "007"})
    with (tmp_path / "work.py").open("a") as file:
        file.write("\nMORE = 1\nprint(end='')\n")
    drivers.executed(tmp_path, "b", {"when": "2024-05-07", "other": "1"})
    return tmp_path


def test_a_run_does_not_differ_from_itself_and_two_runs_differ_in_the_same_from_both_sides(two_runs):
    itself = differences(two_runs, "a", "a")
    assert (itself.causes, itself.steps, itself.run, itself.notes) == ((), (), (), ())
    assert not itself.verdict.differs
    one, other = differences(two_runs, "a", "b"), differences(two_runs, "b", "a")
    assert {"when", "text", "other"} <= {cause.what for cause in one.causes}
    assert [straight(cause) for cause in one.causes] == [turned(cause) for cause in other.causes]
    assert [cause.steps for cause in one.causes] == [cause.steps for cause in other.causes]
    assert [(s.name, s.first, s.second) for s in one.steps] == [(s.name, s.second, s.first) for s in other.steps]
    for step, counterpart in zip(one.steps, other.steps, strict=True):
        assert sorted(map(straight, step.changes), key=str) == sorted(map(turned, counterpart.changes), key=str)
    assert one.verdict.step == other.verdict.step
    json.dumps(document(one), allow_nan=True)


@given(st.lists(st.sampled_from("abcdefg"), unique=True), st.lists(st.sampled_from("abcdefg"), unique=True))
def test_the_order_does_not_depend_on_which_comes_first(first, second):
    order = aligned(first, second)
    assert order == aligned(second, first)
    assert sorted(order) == sorted({*first, *second})
    assert aligned(first, first) == first
    if first == [name for name in second if name in first]:
        assert order == second
