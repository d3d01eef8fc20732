"""The branch of a conditional is chosen by JSON text first, and then by the words YAML and Python have for it."""

import pytest

from magnus.graph.branches import key_for


@pytest.mark.parametrize(
    ("keys", "text", "chosen"),
    [
        (["a", "b"], "b", "b"),
        (["yes", "true"], "true", "true"),
        (["yes", "no"], "true", "yes"),
        (["yes", "no"], "no", "no"),
        (["off", "on"], "false", "off"),
        (["True", "False"], "false", "False"),
        (["~", "1"], "null", "~"),
        (["1", "1.5"], "1.5", "1.5"),
        (["yes"], "Yes", None),
        ([], "a", None),
    ],
)
def test_the_key_of_a_value(keys, text, chosen):
    assert key_for(keys, text) == chosen
