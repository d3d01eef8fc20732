"""A run log store against a plain dict: Hypothesis puts and gets in any order, and the two must agree.

Used by the contract suite of run log stores.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from magnus.errors import RunExists, RunNotFound
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import RemovesRuns, RunLogStore
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.testing.records import run_records, step_paths, step_records

_RUN_IDS = st.sampled_from(("a", "a-b", "A b.c", "ä"))
_STORES = st.integers(0, 1)


def state_machine(
    place: Callable[[], AbstractContextManager[Callable[[], RunLogStore]]],
) -> type[RuleBasedStateMachine]:
    """The machine for stores on a place; two of them are open, as in two processes, and either may be asked."""

    class RunLogStoreMachine(_Machine):
        def open_place(self) -> AbstractContextManager[Callable[[], RunLogStore]]:
            return place()

    RunLogStoreMachine.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
    return RunLogStoreMachine


class _Machine(RuleBasedStateMachine):
    """The rules; a subclass says where the stores are."""

    paths = Bundle("paths")

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[str, RunRecord] = {}
        self.steps: dict[str, dict[StepPath, StepRecord]] = {}
        self.cleanup = ExitStack()
        open_store = self.cleanup.enter_context(self.open_place())
        self.stores = (open_store(), open_store())

    def open_place(self) -> AbstractContextManager[Callable[[], RunLogStore]]:
        raise NotImplementedError

    def teardown(self) -> None:
        for store in self.stores:
            store.close()
        self.cleanup.close()

    @initialize(target=paths, path=step_paths())
    def first_path(self, path: StepPath) -> StepPath:
        return path

    @rule(target=paths, path=step_paths())
    def another_path(self, path: StepPath) -> StepPath:
        return path

    @rule(run=run_records(_RUN_IDS), store=_STORES)
    def create(self, run: RunRecord, store: int) -> None:
        try:
            self.stores[store].create_run(run)
        except RunExists:
            assert run.run_id in self.runs
        else:
            assert run.run_id not in self.runs
            self.runs[run.run_id] = run
            self.steps[run.run_id] = {}

    @rule(run=run_records(_RUN_IDS), store=_STORES)
    def update(self, run: RunRecord, store: int) -> None:
        try:
            self.stores[store].update_run(run)
        except RunNotFound:
            assert run.run_id not in self.runs
        else:
            assert run.run_id in self.runs
            self.runs[run.run_id] = run

    @rule(run_id=_RUN_IDS, step=step_records(paths), store=_STORES, durable=st.booleans())
    def put(self, run_id: str, step: StepRecord, store: int, *, durable: bool) -> None:
        try:
            self.stores[store].put_step(run_id, step, durable=durable)
        except RunNotFound:
            assert run_id not in self.runs
            return
        before = self.steps[run_id].get(step.path)
        if before is None or before.status is not Status.SUCCESS:
            self.steps[run_id][step.path] = step

    @rule(run_id=_RUN_IDS, path=paths, store=_STORES)
    def get(self, run_id: str, path: StepPath, store: int) -> None:
        try:
            got = self.stores[store].get_step(run_id, path)
        except RunNotFound:
            assert run_id not in self.runs
        else:
            assert got == self.steps[run_id].get(path)

    @rule(run_id=_RUN_IDS, store=_STORES)
    def remove(self, run_id: str, store: int) -> None:
        chosen = self.stores[store]
        if isinstance(chosen, RemovesRuns):
            try:
                chosen.remove_run(run_id)
            except RunNotFound:
                assert run_id not in self.runs
            else:
                del self.runs[run_id], self.steps[run_id]

    @rule(store=_STORES)
    def close(self, store: int) -> None:
        self.stores[store].close()

    @invariant()
    def stores_say_what_the_dict_says(self) -> None:
        for store in self.stores:
            assert list(store.list_runs()) == sorted(self.runs)
            for run_id, run in self.runs.items():
                assert store.get_run(run_id) == run
                self.list_as_the_dict(store, run_id)

    def list_as_the_dict(self, store: RunLogStore, run_id: str) -> None:
        branches: dict[BranchPath, dict[StepPath, StepRecord]] = {}
        for path, step in self.steps[run_id].items():
            branches.setdefault(path.branch, {})[path] = step
        for branch, steps in branches.items():
            listed = store.list_steps(run_id, branch)
            assert {step.path: step for step in listed} == steps
            assert [step.position for step in listed] == sorted(step.position for step in steps.values())
