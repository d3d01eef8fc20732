"""The options of containers, as users write them."""

import pytest

from magnus.definition import fields
from magnus.definition.wrong_fields import WrongFields
from magnus.executors.container.options import ContainerOptions, Memory, Resources, environment, of_step


def read(**written):
    return fields.read(ContainerOptions, {"docker_image": "i", **written})


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("512m", 512 << 20),
        ("2g", 2 << 30),
        ("1.5Gi", 3 << 29),
        ("8192k", 8 << 20),
        ("64MB", 64 << 20),
        (9_000_000, 9_000_000),
    ],
)
def test_memory_is_in_powers_of_1024(written, size):
    assert Memory.read(written) == size


@pytest.mark.parametrize("written", ["much", "", "-1g", "1x", True, None, "1 g b"])
def test_what_is_no_memory_is_refused(written):
    with pytest.raises(ValueError, match="must be an amount of memory such as 512m or 2g"):
        Memory.read(written)


def test_less_than_engines_allow_is_refused():
    with pytest.raises(ValueError, match="must be at least 6m, not 64"):
        Memory.read(64)


@pytest.mark.parametrize("text", ["2g", "100m", "6145k", "9000001 bytes"])
def test_memory_prints_in_the_largest_unit_that_is_whole(text):
    assert str(Memory.read(text.removesuffix(" bytes"))) == text


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"docker_image": ""}, "^docker_image must not be empty$"),
        ({"max_workers": 0}, "max_workers"),
        ({"pull_policy": "sometimes"}, "pull_policy"),
        ({"resources": {"cpu": 0}}, "cpu"),
        ({"resources": {"memory": "much"}}, "must be an amount of memory"),
        ({"overrides": {"big": {"imag": "x"}}}, "^unknown field 'overrides.big.imag'$"),
        (
            {"overrides": {"big": {"resources": {"memory": "1m"}}}},
            "^overrides.big.resources.memory must be at least 6m",
        ),
        ({"environment": {"A": [1]}}, "^environment.A must be "),
        ({"environment": {"A=B": "1"}}, "^environment cannot have the name 'A=B'$"),
        ({"overrides": {"big": {"environment": {"": "1"}}}}, "^overrides.big.environment cannot have the name ''$"),
        ({"dokcer_image": "x"}, "dokcer_image"),
    ],
)
def test_what_is_wrong_is_named(wrong, message):
    with pytest.raises(WrongFields, match=message):
        read(**wrong)


def test_the_image_is_required():
    with pytest.raises(WrongFields, match="'docker_image' is missing"):
        fields.read(ContainerOptions, {})


def test_a_step_without_overrides_has_the_options_of_all():
    step = of_step(read(environment={"A": "1"}, resources={"cpu": 2}), "")
    assert (step.image, step.environment, step.resources, step.run_in_local) == (
        "i",
        {"A": "1"},
        Resources(cpu=2),
        False,
    )


def test_overrides_add_to_the_environment_and_replace_the_rest_one_by_one():
    other = {"image": "j", "environment": {"B": 2}, "resources": {"memory": "1g"}, "run_in_local": False}
    options = read(environment={"A": "1", "B": "1"}, resources={"cpu": 2}, overrides={"o": other}, run_in_local=True)
    step = of_step(options, "o")
    assert (step.image, step.environment) == ("j", {"A": "1", "B": 2})
    assert (step.resources, step.run_in_local) == (Resources(cpu=2, memory=Memory(1 << 30)), False)


def test_an_image_may_be_called_by_both_names():
    options = read(overrides={"a": {"image": "j"}, "b": {"docker_image": "k"}})
    assert [of_step(options, name).image for name in "ab"] == ["j", "k"]


def test_variables_are_text_and_those_without_a_value_are_handed_on_if_they_are_there():
    written = {"A": 1, "B": True, "C": 1.5, "D": "d", "E": None, "F": None}
    assert environment(written, {"E": "e", "A": "other"}) == {"A": "1", "B": "true", "C": "1.5", "D": "d", "E": "e"}
