"""The functions for user code, where no step runs; inside steps they are tested end to end."""

import pytest

from magnus import get_parameter, get_run_id, get_secret, get_tag, set_parameter, track_this
from magnus.engine.interaction.current_step import CurrentStep, entered
from magnus.errors import TaskFailed
from magnus.graph.path import StepPath
from magnus.run_log.parameters import CountedMetric, JsonParameter


@pytest.mark.parametrize(
    "call",
    [
        get_parameter,
        get_run_id,
        get_tag,
        lambda: get_secret("x"),
        lambda: set_parameter(x=1),
        lambda: track_this(loss=1.0),
    ],
    ids=["get_parameter", "get_run_id", "get_tag", "get_secret", "set_parameter", "track_this"],
)
def test_outside_a_step_each_says_so(call, monkeypatch):
    monkeypatch.delenv("MAGNUS_STEP_CHANNEL", raising=False)
    with pytest.raises(
        TaskFailed,
        match=r"^no step is running here; call this inside a task of a pipeline, or call start_interactive_session\(\) before$",
    ):
        call()


def test_inside_a_step_they_reach_it():
    step = CurrentStep("a-run", "nightly", StepPath(("a",)), {"Rate": JsonParameter("5")})
    with entered(step):
        assert (get_run_id(), get_tag()) == ("a-run", "nightly")
        assert get_parameter("rate", cast_as=int) == 5
        assert get_parameter() == {"Rate": "5"}
        set_parameter(x=[1])
        track_this(loss=0.5)
        track_this(step=2, Loss=0.25)
        with pytest.raises(TaskFailed, match="there is no parameter 'y'; the parameters are 'Rate', 'x'"):
            get_parameter("y")
    assert step.parameters_set == {"x": JsonParameter([1])}
    assert step.metrics == {"loss": CountedMetric({2: 0.25})}
