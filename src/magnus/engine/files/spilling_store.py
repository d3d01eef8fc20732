"""A run log store in which large values are references: they are in the catalog before the record is in the store.

Made by `app.composition` around every run log store, so that no other code has to know where a value is kept. A value that
nobody asks for is not read: what is returned holds parameters that read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import TypeVar

from msgspec.structs import replace

from magnus.engine.files.large_values import SHORT, LargeValues
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import ServiceCapabilities
from magnus.interfaces.run_log_store import OPTIONAL, RunLogStore
from magnus.run_log import codec
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    Parameter,
    argument_reference,
    large_ones,
    to_json,
)
from magnus.run_log.records import ENDED, AttemptRecord, Branching, BranchScope, RunRecord, StepRecord
from magnus.values import Json

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class SpillingStore:
    """The store, with `values` for large values. It has the optional methods that the store has."""

    def __new__(cls, store: RunLogStore, _values: LargeValues) -> "SpillingStore":  # noqa: PYI034 - a subclass is made
        """Make a class with the optional attributes of the store as properties, since Protocols check attributes."""
        own = (*dir(type(store)), *getattr(store, "__dict__", ()))
        return object.__new__(_with_optional(OPTIONAL.intersection(own)))

    def __init__(self, store: RunLogStore, values: LargeValues) -> None:
        self._store = store
        self._values = values
        self._last_result: tuple[str, StepRecord] | None = None

    def __reduce__(self) -> tuple[type["SpillingStore"], tuple[RunLogStore, LargeValues]]:
        """Another process makes the class with the optional methods again."""
        return SpillingStore, (self._store, self._values)

    @property
    def capabilities(self) -> ServiceCapabilities:
        """The capabilities of the store."""
        return self._store.capabilities

    def create_run(self, run: RunRecord) -> None:
        """Make the run."""
        self._store.create_run(self._slim_run(run))

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run."""
        run = self._store.get_run(run_id)
        self._bind(run.parameters.values())
        return run

    def update_run(self, run: RunRecord) -> None:
        """Replace the record of the run."""
        self._store.update_run(self._slim_run(run))

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs."""
        return self._store.list_runs()

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:
        """Keep what is large, and put the record."""
        slim = step if _holds_short_alone(step) else _Slimming(self._values, run_id, step.branch).step(step)
        self._store.put_step(run_id, slim, durable=durable)
        self._last_result = (run_id, slim) if step.status in ENDED else None

    def result(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record of a step that has just finished, as `get_step` returns it.

        If this process put it, it is not read again, which would be another request to a server for each step. No other
        process puts a record of the step meanwhile.
        """
        put_run_id, put = self._last_result or ("", None)
        if put is None or put_run_id != run_id or put.path != path:
            return self.get_step(run_id, path)
        self._last_result = None
        if put.holds_scalars_alone:
            return put
        step = codec.step_from_bytes(codec.step_to_bytes(put))
        self._bind_step(step)
        return step

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record of the step."""
        step = self._store.get_step(run_id, path)
        if step is not None:
            self._bind_step(step)
        return step

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of the steps of a branch."""
        steps = self._store.list_steps(run_id, branch)
        for step in steps:
            self._bind_step(step)
        return steps

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def _slim_run(self, run: RunRecord) -> RunRecord:
        slim = _Slimming(self._values, run.run_id, BranchPath()).parameters(run.parameters)
        return run if slim is run.parameters else replace(run, parameters=slim)

    def _bind_step(self, step: StepRecord) -> None:
        self._bind(step.parameters.values())
        if step.scope is not None:
            self._bind(step.scope.parameters.values())
            self._bind(step.scope.map_variables.values())
        if step.branching is not None:
            self._bind((step.branching.values,))

    def _bind(self, values: Iterable[object]) -> None:
        for parameter in large_ones(values):
            parameter.contents = self._values


def result_of(store: RunLogStore, run_id: str, path: StepPath) -> StepRecord | None:
    """The record of a step that has just finished."""
    return store.result(run_id, path) if isinstance(store, SpillingStore) else store.get_step(run_id, path)


@cache
def _with_optional(names: frozenset[str]) -> type[SpillingStore]:
    return type("SpillingStore", (SpillingStore,), {name: property(attrgetter(f"_store.{name}")) for name in names})


def _holds_short_alone(step: StepRecord) -> bool:
    """Whether nothing in the record can be large, as most steps have few numbers."""
    if step.scope is not None or step.branching is not None:
        return False
    for parameter in step.parameters.values():
        if not isinstance(parameter, JsonParameter) or type(parameter.value) not in SHORT:
            return False
    return all(type(value) in SHORT for attempt in step.attempts for value in attempt.parameters.values())


class _Slimming:
    """The records of one branch with references for what is large in them; records without are what they were."""

    def __init__(self, values: LargeValues, run_id: str, branch: BranchPath) -> None:
        self._values = values
        self._run_id = run_id
        self._branch = branch

    def step(self, step: StepRecord) -> StepRecord:
        """Everything in the record of a step."""
        attempts = tuple(map(self._attempt, step.attempts))
        parameters = self.parameters(step.parameters)
        scope = None if step.scope is None else self._scope(step.scope)
        branching = None if step.branching is None else self._branching(step.path.name, step.branching)
        same = parameters is step.parameters and scope is step.scope and branching is step.branching
        if same and all(map(_is_same, attempts, step.attempts)):
            return step
        return replace(step, attempts=attempts, parameters=parameters, scope=scope, branching=branching)

    def parameters(self, parameters: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
        """Parameters by name."""
        return _changed(parameters, {name: self._parameter(name, value) for name, value in parameters.items()})

    def _parameter(self, name: str, parameter: Parameter) -> Parameter:
        match parameter:
            case JsonParameter(value=value, text=text):
                return self._kept(name, value, text) or parameter
            case LargeParameter():
                self._values.adopt(self._run_id, self._branch, parameter)
                return parameter
            case ListParameter(items=items):
                slim = tuple(self._parameter(name, item) for item in items)
                return parameter if all(map(_is_same, slim, items)) else ListParameter(slim)
            case _:
                return parameter

    def _attempt(self, attempt: AttemptRecord) -> AttemptRecord:
        slim = {name: self._handed(name, value) for name, value in attempt.parameters.items()}
        changed = _changed(attempt.parameters, slim)
        return attempt if changed is attempt.parameters else replace(attempt, parameters=changed)

    def _handed(self, name: str, value: Json) -> Json:
        kept = argument_reference(value) or self._kept(name, value)
        return value if kept is None else to_json(kept)

    def _scope(self, scope: BranchScope) -> BranchScope:
        parameters = self.parameters(scope.parameters)
        variables = _changed(
            scope.map_variables,
            {name: self._kept(name, value) or value for name, value in scope.map_variables.items()},
        )
        if parameters is scope.parameters and variables is scope.map_variables:
            return scope
        return BranchScope(parameters, scope.files, variables)

    def _branching(self, name: str, branching: Branching) -> Branching:
        if branching.values is None:
            return branching
        kept = self._kept(name, branching.values)
        return branching if kept is None else replace(branching, values=kept)

    def _kept(self, name: str, value: Json | LargeParameter, text: str | None = None) -> LargeParameter | None:
        if isinstance(value, LargeParameter):
            self._values.adopt(self._run_id, self._branch, value)
            return value
        return self._values.kept(self._run_id, self._branch, name, value, text)


def _is_same(one: object, other: object) -> bool:
    return one is other


def _changed(before: Mapping[KeyT, ValueT], after: Mapping[KeyT, ValueT]) -> Mapping[KeyT, ValueT]:
    """What is after, but the same object as before when nothing in it is another."""
    return before if all(map(_is_same, before.values(), after.values())) else after
