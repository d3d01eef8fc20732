"""Decides fan-outs and fan-ins: the branches of a composite step, and the results of the step from them. Pure.

Used by `engine.run.control`, which puts the records, `engine.reentry.engine_run` and `app.run.resume_plan`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from magnus.engine import faults
from magnus.engine.values.parameter_values import as_text, find
from magnus.errors import TaskFailed
from magnus.graph.branches import key_for, names_set
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Reducer,
    RepeatedBranch,
    StaticBranches,
)
from magnus.graph.path import StepPath
from magnus.run_log.parameters import (
    JsonParameter,
    ListParameter,
    MetricParameter,
    Parameter,
    Scope,
    holds_objects,
    plain,
)
from magnus.run_log.records import Branching, BranchScope, CatalogRecord, Status, StepRecord
from magnus.run_log.step_walk import labels
from magnus.values import Json

Reduce = Callable[[Reducer, str, Sequence[Parameter]], Parameter]
"""Calls a reducer, for a name, with what all branches set; raises TaskFailed."""

_NOTHING = JsonParameter(None)
_NAME_OF_DEFAULT = "default"


class Outcome(Struct, frozen=True):
    """The result of a branch: the parameters it set and the files it put itself, without its initial scope."""

    key: str
    succeeded: bool
    parameters: Mapping[str, Parameter]
    files: Mapping[str, CatalogRecord]


def start(node: CompositeNode, path: StepPath, position: int, scope: BranchScope) -> StepRecord:
    """The record of a composite whose branches can start, or that failed since they cannot."""
    record = StepRecord(path, position, Status.PROCESSING, node.written_as, scope=scope)
    try:
        return replace(record, branching=_branching(node, scope.parameters))
    except Exception as error:  # noqa: BLE001 - as in `join`
        return _failed(record, faults.failure_of(error))


def branch_scope(node: CompositeNode, record: StepRecord, key: str) -> BranchScope:
    """What the first step of a branch sees."""
    scope = record.scope or BranchScope()
    match node.branches:
        case MappedBranches(iterate_as=name) as mapped if record.branching and record.branching.values is not None:
            value = (record.branching.elements or ())[int(key)]
            element = _element(mapped, scope.parameters, int(key), value)
            return BranchScope({**scope.parameters, name: element}, scope.files, {**scope.map_variables, name: value})
        case RepeatedBranch(index_as=str(name)):
            return BranchScope({**scope.parameters, name: JsonParameter(int(key))}, scope.files, scope.map_variables)
        case _:
            return scope if scope.is_final else replace(scope, is_final=True)


def _element(mapped: MappedBranches, parameters: Scope, position: int, value: Json) -> Parameter:
    """The element of a map as its branch sees it: the value, or the object that it refers to."""
    own_name = find(parameters, mapped.iterate_on)
    source = None if own_name is None else parameters[own_name]
    return source.items[position] if isinstance(source, ListParameter) else JsonParameter(value)


def join(node: CompositeNode, record: StepRecord, outcomes: Iterable[Outcome], reduce: Reduce) -> StepRecord:
    """The record of the composite after all of its branches, in their order; of a loop: after this iteration.

    The composite has finished, or it is a loop that has another iteration.
    """
    try:
        return _join(node, record, list(outcomes), reduce)
    except Exception as error:  # noqa: BLE001 - a fault of magnus, or of the catalog, fails the composite as a task
        return _failed(record, faults.failure_of(error))


def _join(node: CompositeNode, record: StepRecord, outcomes: Sequence[Outcome], reduce: Reduce) -> StepRecord:
    failed = [outcome.key for outcome in outcomes if not outcome.succeeded]
    if failed:
        return _failed(record, _names(node, record, failed))
    match node.branches:
        case RepeatedBranch() as loop:
            return after_iteration(loop, record, outcomes[-1])
        case MappedBranches() as mapped:
            parameters = _collected(mapped, outcomes, reduce)
        case StaticBranches() | ChosenBranch():
            parameters = {name: value for outcome in outcomes for name, value in outcome.parameters.items()}
    files = {name: entry for outcome in outcomes for name, entry in outcome.files.items()}
    return _succeeded(record, parameters, files)


def restart(node: CompositeNode, record: StepRecord, earlier: StepRecord | None) -> StepRecord:
    """The record of a composite that starts again; a map fails if it has other elements than its `earlier` record."""
    before = None if earlier is None else earlier.branching
    if before is None or record.branching is None or not isinstance(node.branches, MappedBranches):
        return record
    if before.elements != record.branching.elements:
        message = (
            "its elements differ from those at its first start in this run, whose results stand: "
            "resume this run in a new one"
        )
        return StepRecord(record.path, record.position, Status.FAIL, record.step_type, message=message)
    return record


def _branching(node: CompositeNode, parameters: Scope) -> Branching:
    match node.branches:
        case StaticBranches(graphs=graphs):
            return Branching(tuple(graphs))
        case ChosenBranch() as chosen:
            return Branching((_chosen(chosen, parameters),))
        case MappedBranches(iterate_on=name):
            values = _elements(name, parameters)
            return Branching(count=len(values), values=tuple(values))
        case RepeatedBranch():
            return Branching(count=1)


def _value(role: str, name: str, parameters: Scope) -> Parameter:
    own_name = find(parameters, name)
    if own_name is None:
        there = ", ".join(repr(other) for other in parameters) or "none"
        raise TaskFailed(f"{role} names the parameter '{name}', which is not there; the parameters are {there}")
    return parameters[own_name]


def _elements(name: str, parameters: Scope) -> list[Json]:
    value = plain(_value("iterate_on", name, parameters))
    if not isinstance(value, list):
        raise TaskFailed(
            f"iterate_on names the parameter '{name}', which is {as_text(JsonParameter(value))}, not a list"
        )
    return value


def _chosen(chosen: ChosenBranch, parameters: Scope) -> str:
    """The key of the branch that matches the value of the parameter, or of the default."""
    text = as_text(_value("parameter", chosen.parameter, parameters))
    key = key_for(chosen.graphs, text)
    if key is not None:
        return key
    if chosen.default is None:
        keys = ", ".join(repr(key) for key in chosen.graphs)
        raise TaskFailed(f"'{chosen.parameter}' is {text!r}, which is none of {keys}, and there is no default")
    return key_of_default(chosen.graphs)


def key_of_default(graphs: Mapping[str, Graph]) -> str:
    """The key that the default has in paths."""
    return _NAME_OF_DEFAULT if _NAME_OF_DEFAULT not in graphs else f"({_NAME_OF_DEFAULT})"


def _collected(mapped: MappedBranches, outcomes: Sequence[Outcome], reduce: Reduce) -> dict[str, Parameter]:
    """A list for every name that any branch set, with an entry for each branch."""
    if not outcomes:
        return {name: JsonParameter([]) for name in names_set(mapped.graph) if name != mapped.iterate_as}
    names = dict.fromkeys(name for outcome in outcomes for name in outcome.parameters)
    names.pop(mapped.iterate_as, None)
    return {name: _list(name, mapped, outcomes, reduce) for name in names}


def _list(name: str, mapped: MappedBranches, outcomes: Sequence[Outcome], reduce: Reduce) -> Parameter:
    items = [outcome.parameters.get(name, _NOTHING) for outcome in outcomes]
    if mapped.reducer is not None:
        return _reduced(name, mapped.reducer, mapped.function, items, reduce)
    if any(holds_objects(parameter) for parameter in items):
        return ListParameter(tuple(items))
    values = [plain(parameter) for parameter in items]
    is_metric = any(isinstance(parameter, MetricParameter) for parameter in items)
    return MetricParameter(values) if is_metric else JsonParameter(values)


def _reduced(
    name: str, reducer: str, function: Reducer | None, values: Sequence[Parameter], reduce: Reduce
) -> Parameter:
    try:
        reduced = reduce(function or reducer, name, values)
    except TaskFailed as error:
        raise TaskFailed(f"the reducer {reducer} failed for '{name}': {error.problems[0].message}") from error
    is_metric = any(isinstance(parameter, MetricParameter) for parameter in values)
    return MetricParameter(reduced.value) if is_metric and isinstance(reduced, JsonParameter) else reduced


def after_iteration(loop: RepeatedBranch, record: StepRecord, outcome: Outcome) -> StepRecord:
    """The record of a loop after a successful iteration: the results of all iterations, and the next one if there is one."""
    own = {name: value for name, value in outcome.parameters.items() if name != loop.index_as}
    if loop.index_as is not None:
        own[loop.index_as] = JsonParameter(int(outcome.key))
    parameters = {**record.parameters, **own}
    files = {**{entry.name: entry for entry in record.catalog}, **outcome.files}
    scope = record.scope or BranchScope()
    scope = BranchScope({**scope.parameters, **own}, {**scope.files, **outcome.files}, scope.map_variables)
    iterations = record.branching.count if record.branching else 1
    if _breaks(loop, {**scope.parameters, **outcome.parameters}) or iterations >= loop.max_iterations:
        return _succeeded(record, parameters, files)
    return replace(
        record,
        parameters=parameters,
        catalog=tuple(files.values()),
        scope=scope,
        branching=Branching(count=iterations + 1),
    )


def _breaks(loop: RepeatedBranch, parameters: Scope) -> bool:
    own_name = None if loop.break_on is None else find(parameters, loop.break_on)
    if own_name is None:
        return False
    match plain(parameters[own_name]):
        case bool() as ends:
            return ends
        case other:
            text = f"'{other}'" if isinstance(other, str) else as_text(JsonParameter(other))
            raise TaskFailed(f"break_on names the parameter '{loop.break_on}', which is {text}, not true or false")


def _succeeded(record: StepRecord, parameters: Scope, files: Mapping[str, CatalogRecord]) -> StepRecord:
    return replace(record, status=Status.SUCCESS, parameters=parameters, catalog=tuple(files.values()), scope=None)


def _failed(record: StepRecord, message: str) -> StepRecord:
    return replace(record, status=Status.FAIL, message=message, parameters={}, catalog=(), scope=None)


def keys_to_join(node: CompositeNode, record: StepRecord) -> Sequence[str]:
    """The keys of the branches to join next: all, of a loop that of the current iteration."""
    keys = record.branching.keys if record.branching else ()
    return keys[-1:] if isinstance(node.branches, RepeatedBranch) else keys


def _names(node: CompositeNode, record: StepRecord, failed: Sequence[str]) -> str:
    """That these branches failed, named as the run log names them."""
    branching = record.branching or Branching()
    called = dict(zip(branching.keys, labels(branching), strict=True))
    is_loop = isinstance(node.branches, RepeatedBranch)
    what = "iteration" if is_loop else "branch"
    is_number = is_loop or branching.values is not None
    names = (called[key] if is_number and called[key].isdecimal() else f"'{called[key]}'" for key in failed)
    several = "iterations" if is_loop else "branches"
    return f"{what if len(failed) == 1 else several} {', '.join(names)} failed"
