"""The place of a step in a fresh process: read from few records after successes, and the same as from all records."""

from random import Random
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from magnus.engine.reentry.attempts import EarlierSecrets
from magnus.engine.rules import scope as scopes
from magnus.engine.rules import traversal
from magnus.engine.secrets.masking import Masker
from magnus.engine.step import place
from magnus.errors import RunLogStoreError
from magnus.graph.nodes import Graph, TaskNode, TaskSpec, TerminalNode
from magnus.graph.path import BranchPath
from magnus.interfaces.run_log_store import DamagedRecord
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import Status, StepRecord
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import run_record

ROOT = BranchPath()
RUN = run_record("r")


class CountingStore(BufferedRunLogStore):
    """A store that counts steps, and remembers which records were read."""

    def __init__(self, folder):
        super().__init__(BufferedOptions(), folder)
        self.create_run(RUN)
        self.read, self.listed = [], 0

    def count_steps(self, run_id, branch):
        return len(super().list_steps(run_id, branch))

    def get_step(self, run_id, path):
        self.read.append(path.name)
        return super().get_step(run_id, path)

    def list_steps(self, run_id, branch):
        self.listed += 1
        return super().list_steps(run_id, branch)


def graph(length, on_failure=None):
    """A chain; `on_failure` has the later steps that failures lead to."""
    on_failure = on_failure or {}
    nodes = {
        f"s{n}": TaskNode(
            f"s{n}", TaskSpec("python", "f"), f"s{n + 1}" if n + 1 < length else "success", on_failure.get(f"s{n}")
        )
        for n in range(length)
    }
    ends = {name: TerminalNode(name, succeeds=name == "success") for name in ("success", "fail")}
    return Graph("s0", {**nodes, **ends})


def put(store, within, name, status=Status.SUCCESS):
    """Run the step in a process of its own."""
    path = ROOT.step(name)
    position, scope = place.before(within, store, RUN, path)
    sets = {"last": JsonParameter(name), name: JsonParameter(position)} if status is Status.SUCCESS else {}
    step = StepRecord(path, position, status, "task", parameters=sets)
    if status is not Status.PROCESSING:
        step = replace(step, scope=scopes.carried(position, scope, step))
    store.put_step("r", step)


def test_after_many_successes_few_records_are_read(tmp_path):
    store, within = CountingStore(tmp_path), graph(200)
    for n in range(150):
        put(store, within, f"s{n}")
    store.read.clear()
    position, scope = place.before(within, store, RUN, ROOT.step("s150"))
    assert position == 150
    assert scope.parameters.keys() == {"last", *RUN.parameters, *(f"s{n}" for n in range(150))}
    assert scope.parameters["last"] == JsonParameter("s149")
    assert store.read == ["s150", *(f"s{n}" for n in range(149, 126, -1))]
    assert store.listed == 0


def test_behind_a_failure_no_record_carries_a_scope(tmp_path, monkeypatch):
    monkeypatch.setattr(scopes, "CARRIED_EVERY", 2)
    store, within = CountingStore(tmp_path), graph(8, {"s2": "s4"})
    for name, status in (("s0", "SUCCESS"), ("s1", "SUCCESS"), ("s2", "FAIL"), ("s4", "SUCCESS"), ("s5", "SUCCESS")):
        put(store, within, name, Status(status))
    assert [step.path.name for step in store.list_steps("r", ROOT) if step.scope is not None] == ["s1"]


def from_all_records(store, within, path):
    """The position and the parameters by all records, as if none carried a scope."""
    steps = [replace(step, scope=None) for step in store.list_steps("r", ROOT)]
    scope = scopes.folded(scopes.initial(RUN), traversal.way_to(within, steps, path.name))
    return traversal.position_of(steps, path), scope.parameters


@pytest.mark.parametrize("every", [1, 2, 3])
def test_whatever_an_engine_runs_the_place_is_that_of_all_records(tmp_path, monkeypatch, every):
    monkeypatch.setattr(scopes, "CARRIED_EVERY", every)
    near = 0
    for seed in range(60):
        random = Random(seed)
        length = random.randint(3, 7)
        later = {f"s{n}": f"s{random.randint(n + 1, length - 1)}" for n in range(length - 1) if random.random() < 0.5}
        store, within, at = CountingStore(tmp_path), graph(length, later), 0
        for _ in range(random.randint(1, 12)):
            name = f"s{at}"
            known = store.get_step("r", ROOT.step(name))
            if known is None or known.status is not Status.SUCCESS:
                put(store, within, name, random.choices([*Status][-3:], weights=(1, 6, 2))[0])
            known = store.get_step("r", ROOT.step(name))
            for other in (*(f"s{n}" for n in range(length)), "success", "fail"):
                path = ROOT.step(other)
                store.listed = 0
                position, scope = place.before(within, store, RUN, path)
                near += store.listed == 0
                assert (position, scope.parameters) == from_all_records(store, within, path), (seed, other)
                assert place.position(within, store, "r", path) == position
            follows = at + 1 if known.status is Status.SUCCESS else int(later.get(name, "s0")[1:])
            at = follows if follows < length and random.random() < 0.9 else random.randrange(length)
    assert near > 200


class DamagedStore(CountingStore):
    """A store that lost the success of a step."""

    def __init__(self, folder, damaged):
        super().__init__(folder)
        self.damaged = damaged

    def damaged_records(self, run_id):
        return [DamagedRecord(self.damaged, "its checksum is wrong", "line 7")]


def test_a_step_does_not_run_without_the_parameters_of_a_damaged_record(tmp_path):
    store, within = DamagedStore(tmp_path, "s1"), graph(5)
    put(store, within, "s0")
    put(store, within, "s1", Status.PROCESSING)
    with pytest.raises(RunLogStoreError) as caught:
        place.before(within, store, RUN, ROOT.step("s2"))
    [problem] = caught.value.problems
    assert problem.message == "the record of step 's1' is damaged, line 7: its checksum is wrong"
    assert problem.fix == "run that step again: magnus execute_single_node r s1"
    put(store, within, "s1")
    assert place.before(within, store, RUN, ROOT.step("s2"))[0] == 2


@pytest.mark.parametrize("damaged", ["", "s0", "m/0/s1"])
def test_a_damaged_record_that_is_not_missing_stops_no_step(tmp_path, damaged):
    store, within = DamagedStore(tmp_path, damaged), graph(5)
    put(store, within, "s0")
    assert place.before(within, store, RUN, ROOT.step("s3"))[0] == 1


class Secrets:
    def get(self, name):
        return f"value of {name}"


@pytest.mark.parametrize("secret_steps", [3, 40])
def test_secrets_of_steps_that_started_are_masked_and_few_records_are_read(tmp_path, secret_steps):
    store, within = CountingStore(tmp_path), graph(100)
    nodes = {
        name: replace(node, secrets=(f"key-{name}",)) if name in {f"s{2 * n}" for n in range(secret_steps)} else node
        for name, node in within.nodes.items()
    }
    for n in range(3):
        put(store, within, f"s{n}")
    store.read.clear()
    store.listed, masker = 0, Masker()
    services = SimpleNamespace(run_log_store=store, secrets=Secrets())
    context = SimpleNamespace(graph=replace(within, nodes=nodes), services=services, masker=masker)
    EarlierSecrets(context).mask(RUN)
    assert masker.mask("value of key-s0, value of key-s2, value of key-s4") == "*****, *****, value of key-s4"
    assert (store.read, store.listed) == ((["s0", "s2", "s4"], 0) if secret_steps == 3 else ([], 1))
