"""Makes the states of a process plan: one for each process, and those between them that choose and repeat branches.

A (sub)pipeline is a graph of states that starts at one place and ends in one. A branch ends in a state that gives 0, however
it went: the fan-in learns from the run log which branches failed. So the branches of a step run to their end.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-amazon-states-language.html
"""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from magnus.engine.rules.fan import key_of_default
from magnus.graph.nodes import ChosenBranch, MappedBranches, RepeatedBranch, StaticBranches
from magnus.transpilers.process_plan import Composite, PipelinePlan, Single, end_of
from magnus.transpilers.step_functions import state_data
from magnus.transpilers.step_functions.jobs import Jobs
from magnus.transpilers.step_functions.map_modes import MapModes
from magnus.transpilers.step_functions.names import is_kept, state_names
from magnus.values import Json

FAILED: Final = "magnus.RunFailed"
"""The error of an execution whose pipeline failed."""

_EMPTY_LIST: Final = 2
"""The size in bytes of an object with an empty list."""

State = dict[str, Json]


class Block(Struct, frozen=True):
    """States by name, and the one they start at."""

    start_at: str
    states: Mapping[str, Json]

    def written(self) -> State:
        """As a branch or an iteration of a state has it."""
        return {"StartAt": self.start_at, "States": dict(self.states)}


class Machine:
    """Makes the states of one machine, whose names are all different."""

    def __init__(self, jobs: Jobs, modes: MapModes) -> None:
        self.jobs = jobs
        self.modes = modes
        self._names = state_names()

    def name(self, text: str, otherwise: str = "step") -> str:
        """A name that no state has."""
        return self._names.of(text, otherwise)

    def pipeline(self, plan: PipelinePlan) -> Block:
        """The states of the pipeline itself."""
        return _Pipeline(self, plan, "", is_root=True).block()

    def branch(self, plan: PipelinePlan, label: str) -> Block:
        """The states of the pipeline of a branch."""
        return _Pipeline(self, plan, f"{label} ", is_root=False).block()


class _Pipeline:
    """One (sub)pipeline; `label` stands before the names of its states."""

    def __init__(self, machine: Machine, plan: PipelinePlan, label: str, *, is_root: bool) -> None:
        self._machine = machine
        self._plan = plan
        self._label = label
        self._is_root = is_root
        self._entries = {name: machine.name(label + name) for name in plan.units}
        self._end = machine.name(f"{label}succeeded" if is_root else f"{label}end")
        self._failed = machine.name(f"{label}failed") if is_root else self._end

    def block(self) -> Block:
        """Its states, in the order of running."""
        states: dict[str, Json] = {}
        for name, unit in self._plan.units.items():
            match unit:
                case Single():
                    states[self._entries[name]] = self._single(name, unit)
                case Composite():
                    composite = _Composite(self._machine, unit, self._label + name, is_root=self._is_root)
                    states.update(composite.states(self._entries[name], *self._following(unit)))
        reached = self._ends_reached()
        states.update({name: end for name, end in self._ends().items() if name in reached})
        return Block(self._entries[self._plan.graph.start_at], states)

    def _following(self, unit: Single | Composite) -> tuple[str, str]:
        """The states that follow success and failure."""
        succeeded = self._end if unit.succeeded is None else self._entries[unit.succeeded]
        return succeeded, self._failed if unit.failed is None else self._entries[unit.failed]

    def _single(self, name: str, unit: Single) -> State:
        state = self._machine.jobs.process(unit.process, is_root=self._is_root)
        succeeded, failed = self._following(unit)
        if (end := end_of(unit)) is not None:
            succeeded, failed = (self._end if end.succeeds else self._failed), self._failed
        return {**_named(name), **state, **caught(failed), "Next": succeeded}

    def _ends_reached(self) -> set[str]:
        """The ends that the units lead to: AWS refuses a state that nothing leads to."""
        reached = set[str]()
        for unit in self._plan.units.values():
            end = end_of(unit)
            if end is not None:
                reached |= {self._end if end.succeeds else self._failed, self._failed}
            else:
                reached |= set(self._following(unit))
        return reached

    def _ends(self) -> State:
        if not self._is_root:
            return {self._end: {"Type": "Pass", "Result": 0, "End": True}}
        cause = "the pipeline failed: the run log says why"
        return {self._end: {"Type": "Succeed"}, self._failed: {"Type": "Fail", "Error": FAILED, "Cause": cause}}


class _Composite:
    """The states of a step with branches."""

    def __init__(self, machine: Machine, unit: Composite, label: str, *, is_root: bool) -> None:
        self._machine = machine
        self._jobs = machine.jobs
        self._handover = machine.jobs.handover
        self._unit = unit
        self._name = unit.node.name
        self._label = label
        self._is_root = is_root

    def states(self, entry: str, succeeded: str, failed: str) -> State:
        """All of them by name; `entry` is the first one, and one of the others follows the last."""
        states: State = {}
        first = entry
        if self._unit.fan_out is not None:
            first = self._machine.name(f"{self._label} branches")
            start = self._jobs.process(self._unit.fan_out, is_root=self._is_root)
            states[entry] = {**_named(self._name), **start, **caught(failed), "Next": first}
        match self._unit.node.branches:
            case RepeatedBranch():
                return {**states, **self._repeated(first, succeeded, failed)}
            case StaticBranches(graphs=graphs):
                join = self._machine.name(f"{self._label} join")
                states.update(self._static(first, [*graphs], join))
            case ChosenBranch(graphs=graphs, default=default):
                join = self._machine.name(f"{self._label} join")
                keys = [*graphs, *([] if default is None else [key_of_default(graphs)])]
                states.update(self._chosen(first, keys, join))
            case MappedBranches():
                join = self._machine.name(f"{self._label} join")
                states.update(self._mapped(first, join))
        fan_in = self._jobs.process(self._unit.fan_in, is_root=self._is_root)
        states[join] = {**fan_in, **caught(failed), "Next": succeeded}
        return states

    def _static(self, first: str, keys: Sequence[str], join: str) -> State:
        return {first: self._parallel(keys, self._unit.plans, join)}

    def _parallel(self, keys: Sequence[str], plans: Sequence[PipelinePlan], join: str) -> State:
        """The state that runs these branches; the fan-in follows however they went."""
        branches: list[Json] = []
        for key, plan in zip(keys, plans, strict=True):
            data = state_data.branch_data(self._name, key, is_root=self._is_root)
            branches.append(self._branch(key, plan, data).written())
        return {"Type": "Parallel", "Branches": branches, "ResultPath": None, **caught(join), "Next": join}

    def _branch(self, key: str, plan: PipelinePlan, data: Mapping[str, Json]) -> Block:
        """A branch of a `Parallel` state, which makes its state data first."""
        label = f"{self._label} {key}"
        start = self._machine.name(f"{label} start")
        inner = self._machine.branch(plan, label)
        make: State = {**_named(key), "Type": "Pass", "Parameters": dict(data), "Next": inner.start_at}
        return Block(start, {start: make, **inner.states})

    def _read(self, following: str, otherwise: str) -> State:
        """The state that reads the numbers of the branches."""
        return {
            **self._handover.read(self._name, is_root=self._is_root),
            **caught(otherwise),
            "Next": following,
        }

    def _chosen(self, first: str, keys: Sequence[str], join: str) -> State:
        choose = self._machine.name(f"{self._label} choose")
        states: State = {first: self._read(choose, join), choose: None}
        choices: list[Json] = []
        for number, (key, plan) in enumerate(zip(keys, self._unit.plans, strict=True)):
            body = self._machine.name(f"{self._label} {key}")
            states[body] = self._parallel([key], [plan], join)
            is_it: State = {"Variable": state_data.FIRST_NUMBER, "NumericEquals": number}
            choices.append({"And": [_is_started(), is_it], "Next": body})
        states[choose] = {"Type": "Choice", "Choices": choices, "Default": join}
        return states

    def _mapped(self, first: str, join: str) -> State:
        each = self._machine.name(f"{self._label} each")
        mode = self._machine.modes.of(self._unit)
        inner = self._machine.branch(self._unit.plans[0], self._label).written()
        state: State = {
            "Type": "Map",
            "Comment": mode.reason,
            "ItemSelector": state_data.element_data(self._name, is_root=self._is_root),
            "MaxConcurrency": self._jobs.settings(self._unit.override).max_concurrency,
        }
        following: State = {"ResultPath": None, **caught(join), "Next": join}
        if not mode.is_distributed:
            processor: State = {"ProcessorConfig": {"Mode": "INLINE"}, **inner}
            state |= {"ItemsPath": state_data.NUMBERS, "ItemProcessor": processor, **following}
            return {first: self._read(each, join), each: state}
        choose = self._machine.name(f"{self._label} any")
        processor = {"ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}, **inner}
        reader = self._handover.reader(self._name, is_root=self._is_root)
        state |= {"ItemReader": reader, "ToleratedFailurePercentage": 100, "ItemProcessor": processor, **following}
        is_any: State = {"Variable": "$.started.size", "NumericGreaterThan": _EMPTY_LIST, "Next": each}
        look = {**self._handover.size(self._name, is_root=self._is_root), **caught(join), "Next": choose}
        return {first: look, choose: {"Type": "Choice", "Choices": [is_any], "Default": join}, each: state}

    def _repeated(self, first: str, succeeded: str, failed: str) -> State:
        """Iterations, each behind the joining of the one before, as long as that names another one."""
        choose, body, join = (self._machine.name(f"{self._label} {end}") for end in ("again", "iteration", "join"))
        data = state_data.branch_data(self._name, state_data.FIRST_NUMBER, is_root=self._is_root)
        inner = self._branch("iteration", self._unit.plans[0], data).written()
        fan_in = self._jobs.join_round(self._unit.fan_in, is_root=self._is_root)
        return {
            first: self._read(choose, failed),
            choose: {"Type": "Choice", "Choices": [{**_is_started(), "Next": body}], "Default": succeeded},
            body: {"Type": "Parallel", "Branches": [inner], "ResultPath": None, **caught(join), "Next": join},
            join: {**fan_in, **caught(failed), "Next": first},
        }


def caught(following: str) -> State:
    """If a state fails for any reason, the other one follows, with the same state data."""
    return {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": following}]}


def _is_started() -> State:
    return {"Variable": state_data.FIRST_NUMBER, "IsPresent": True}


def _named(name: str) -> State:
    """The name of a step or a branch, where the state cannot have it as its own."""
    return {} if is_kept(name) else {"Comment": name}
