"""Secrets of a step: obtained, masked before anybody has them, and kept out of results."""

import pytest

from magnus import get_secret, set_parameter, track_this
from magnus.engine.interaction.current_step import CurrentStep, entered
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.engine.secrets.masking import Masker
from magnus.errors import SecretsError, TaskFailed
from magnus.graph.path import StepPath
from magnus.interfaces.secrets import Secret
from magnus.run_log.parameters import JsonParameter, MetricParameter

PATH = StepPath(("fit",))


class Provider:
    """Gives what it was made with; raises what is an error."""

    def __init__(self, **values):
        self.values = values

    def get(self, name):
        value = self.values[name]
        if isinstance(value, Exception):
            raise value
        return value


def secrets_of(masker=None, warnings=None, **values):
    return StepSecrets(Provider(**values), masker or Masker(), PATH, [].append if warnings is None else warnings.append)


def current(**values):
    return CurrentStep("a-run", "", PATH, {}, secrets=secrets_of(**values))


def test_a_secret_is_known_and_told_before_it_is_handed_out():
    told = []
    masker = Masker(told.append)
    secrets = secrets_of(masker, key="hidden value")
    assert [secrets.get("key"), secrets.get("key")] == ["hidden value"] * 2
    assert told == [Secret("key", "hidden value")]
    assert repr(told) == "[Secret('key')]"
    assert masker.mask("a hidden value") == "a *****"


def test_a_short_secret_is_handed_out_with_a_warning():
    warnings = []
    assert secrets_of(None, warnings, pin="123").get("pin") == "123"
    assert warnings == ["secret 'pin' has fewer than 4 characters and cannot be masked"]


def test_a_provider_that_breaks_is_a_secrets_error_without_its_text():
    secrets = secrets_of(key=RuntimeError("hidden value"), number=5, own=SecretsError("its own words"))
    with pytest.raises(SecretsError, match="the secrets provider failed to look up 'key': RuntimeError") as caught:
        secrets.get("key")
    assert caught.value.__suppress_context__
    with pytest.raises(SecretsError, match="gave no text for 'number', but a value of type int"):
        secrets.get("number")
    with pytest.raises(SecretsError, match="its own words"):
        secrets.get("own")


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_variable_can_hold_is_for_get_secret_alone(value):
    secrets = secrets_of(key=value)
    assert secrets.get("key") == value
    with pytest.raises(SecretsError, match="the secret 'key' holds characters that no environment variable can hold"):
        secrets.variable("key")


@pytest.mark.parametrize(
    "value",
    ["<hidden value>", ["a", {"b": "hidden value"}], {"hidden value": 1}, JsonParameter(1, "hidden value"),
     MetricParameter({"0": "hidden%20value"})],
)  # fmt: skip
def test_results_that_contain_one_are_named_without_it(value):
    secrets = secrets_of(key="hidden value")
    assert secrets.refusals("parameter", {"x": value}) == {}
    secrets.get("key")
    [(name, said)] = secrets.refusals("parameter", {"x": value, "fine": "value"}).items()
    assert name == "x"
    assert said.startswith("step 'fit' may not set the parameter 'x': its value contains a secret")
    assert "hidden" not in said


def test_inside_a_step_it_can_be_had_and_not_be_kept():
    step = current(key="hidden value", none=SecretsError("there is none", fix="make one"))
    with entered(step):
        assert get_secret("key") == "hidden value"
        with pytest.raises(SecretsError, match="error: there is none\n  fix: make one"):
            get_secret("none")
        with pytest.raises(TaskFailed, match="step 'fit' may not set the parameter 'x'"):
            set_parameter(x="the hidden value", y=1)
        with pytest.raises(TaskFailed, match="step 'fit' may not set the metric 'm'"):
            track_this(m="the hidden value", step=1)
    assert (step.parameters_set, step.metrics, len(step.refused)) == ({}, {}, 2)


def test_without_a_provider_it_says_so():
    with entered(CurrentStep("a-run", "", PATH, {})), pytest.raises(SecretsError, match="has no secrets provider"):
        get_secret("key")
