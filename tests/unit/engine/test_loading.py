"""What a step loads is reported when it takes long, and once that it is over."""

import time

import pytest

from magnus.engine.interaction.current_step import CurrentStep
from magnus.engine.step.attempts import Loading
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import StepLoading

PATH = StepPath(("train",))


class Events(list):
    report = list.append


@pytest.fixture
def step():
    return CurrentStep("run", "", PATH, {})


def test_what_loads_for_long_is_reported_once_and_its_end_too(step):
    events = Events()
    loading = Loading(step, events)
    step.answer("load", {"what": "torch"})
    step.loading_since = time.monotonic() - 60
    for _ in range(3):
        loading.look()
    assert events == [StepLoading(PATH, "torch")]
    step.answer("load", {"what": ""})
    for _ in range(3):
        loading.look()
    assert events == [StepLoading(PATH, "torch"), StepLoading(PATH, "")]


def test_what_loads_quickly_is_not_reported(step):
    events = Events()
    step.load("json")
    step.loading_since = time.monotonic() + 3600
    Loading(step, events).look()
    step.load("")
    Loading(step, events).look()
    assert events == []
