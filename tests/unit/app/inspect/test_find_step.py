"""Steps by what people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.app.inspect.find import find_step, names_of
from magnus.errors import InvalidInput
from magnus.graph.path import StepPath, print_names
from magnus.run_log.records import Branching, Status, StepRecord


class Steps:
    """A store that has the steps of one run."""

    def __init__(self, *records):
        self.records = records

    def get_step(self, _run_id, path):
        return next((record for record in self.records if record.path == path), None)

    def list_steps(self, _run_id, branch):
        return [record for record in self.records if record.branch == branch]


def step(*parts, branching=None):
    return StepRecord(StepPath(parts), 0, Status.SUCCESS, "task", branching=branching)


NAMES = st.text(min_size=1, max_size=5) | st.sampled_from(["a/b", "a.b", "%", "a%2Fb", "a b", "#1", "\x1b", "0"])


@given(st.lists(NAMES, min_size=3, max_size=3), st.lists(NAMES, max_size=3))
def test_what_is_printed_finds_the_step_again(parts, others):
    around = step(parts[0], branching=Branching(names=(parts[1],)))
    store = Steps(around, step(*parts), *(step(name) for name in set(others) - {parts[0]}))
    for path in (around.path, StepPath(tuple(parts))):
        printed = print_names(names_of(store, "r", path))
        assert printed.isprintable()
        assert find_step(store, "r", printed).record.path == path


@given(st.lists(st.integers(0, 5) | st.sampled_from(["a", "a b", "#1"]), min_size=1, max_size=5), st.data())
def test_every_branch_of_a_map_is_found_by_its_name_and_its_number(values, data):
    number = data.draw(st.integers(0, len(values) - 1))
    path = StepPath(("m", str(number), "x"))
    store = Steps(
        step("m", branching=Branching(count=len(values), values=tuple(values))),
        *(step("m", str(key), "x") for key in range(len(values))),
    )
    names = names_of(store, "r", path)
    assert find_step(store, "r", print_names(names)) == find_step(store, "r", ".".join(names))
    assert find_step(store, "r", f"m/#{number}/x").record.path == path


def test_what_can_mean_several_steps_is_refused_with_all_of_them():
    one, branched = Branching(names=("c",)), step("a", "b", "x")
    store = Steps(
        step("a", branching=Branching(names=("b",))),
        branched,
        step("a.b", branching=one),
        step("a.b", "x", "y"),
        step("a.b.x"),
    )
    assert find_step(store, "r", "a.b.x").record.path == StepPath(("a.b.x",))
    store = Steps(*store.records[:2], step("a.b/x"), step("b", branching=one))
    with pytest.raises(InvalidInput, match=r"'a.b/x' fits several steps") as raised:
        find_step(store, "r", "a.b/x")
    assert raised.value.problems[0].fix == "write 'a/b/x' or 'a.b%2Fx'"


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("m/lond/work", "'m/london/work'"),
        ("m.oslo", "'m/oslo/work'"),
        ("work", "'m/london/work' or 'm/oslo/work'"),
        ("use-it", "'use%2Fit'"),
    ],
)
def test_near_steps_are_said_by_their_elements(text, near):
    store = Steps(
        step("use/it"), step("m", branching=Branching(count=2, values=("london", "oslo"))),
        step("m", "0", "work"), step("m", "1", "work"),
    )  # fmt: skip
    with pytest.raises(InvalidInput, match="no step") as raised:
        find_step(store, "r", text)
    assert raised.value.problems[0].fix == f"did you mean {near}?"
