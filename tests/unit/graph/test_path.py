import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.graph.path import BranchPath, StepPath

parts = st.lists(st.text(), min_size=1, max_size=5)


@given(parts)
def test_a_path_parses_back(names):
    kind = StepPath if len(names) % 2 else BranchPath
    path = kind(tuple(names))
    assert kind.parse(str(path)) == path


def test_the_root_parses_back():
    assert BranchPath.parse(str(BranchPath())) == BranchPath()


def test_a_path_prints_like_a_url():
    assert str(StepPath(("a b", "x/y", "ü.1"))) == "a%20b/x%2Fy/%C3%BC%2E1"


@pytest.mark.parametrize("text", ["%", "%2", "%zz", "a/b"])
def test_what_is_no_step_path_is_refused(text):
    with pytest.raises(ValueError, match=r"percent-encoded|path of a branch"):
        StepPath.parse(text)


def test_steps_and_branches_lead_to_each_other():
    step = BranchPath().step("a")
    branch = step.into("0")
    assert branch.composite == step
    assert branch.step("b").branch == branch
    assert branch.step("b").name == "b"
