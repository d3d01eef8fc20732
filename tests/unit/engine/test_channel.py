"""The step channel: processes of a step reach it, and those of another step do not."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from magnus.engine.interaction.channel import Channel, ask
from magnus.engine.interaction.current_step import CurrentStep
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.run_log.parameters import CountedMetric, JsonParameter


@pytest.fixture
def channel():
    with TemporaryDirectory(dir="/tmp") as folder, Channel(Path(folder)) as opened:
        yield opened


def step(name="a", **parameters):
    return CurrentStep("a-run", "a tag", StepPath((name,)), {n: JsonParameter(v) for n, v in parameters.items()})


def test_a_process_of_the_step_reads_and_sets(channel):
    current = step(x=1)
    address = channel.open(current)
    assert ask(address, "get_parameters", {}) == {"x": 1}
    ask(address, "set_parameters", {"y": [1, "zwei"]})
    assert ask(address, "get_parameters", {}) == {"x": 1, "y": [1, "zwei"]}
    assert current.parameters_set == {"y": JsonParameter([1, "zwei"])}
    ask(address, "track", {"metrics": {"loss": 0.5}, "step": 3})
    assert current.metrics == {"loss": CountedMetric({3: 0.5})}
    assert ask(address, "get_run", {}) == {"run_id": "a-run", "tag": "a tag"}


def test_an_address_is_of_one_step_and_ends_with_it(channel):
    first, second = channel.open(step(x=1)), channel.open(step("b", x=2))
    assert (ask(first, "get_parameters", {}), ask(second, "get_parameters", {})) == ({"x": 1}, {"x": 2})
    channel.close(first)
    with pytest.raises(TaskFailed, match="the step this process belongs to has finished"):
        ask(first, "set_parameters", {"x": 3})
    assert ask(second, "get_parameters", {}) == {"x": 2}


def test_what_it_does_not_know_is_refused(channel):
    with pytest.raises(TaskFailed, match="this version of magnus does not know 'dance'"):
        ask(channel.open(step()), "dance", {})


def test_a_channel_that_is_gone(tmp_path):
    with pytest.raises(TaskFailed, match=r"the step this process belongs to cannot be reached: .*No such file"):
        ask(f"{tmp_path}/channel#token", "get_run", {})
