"""Plans a run of a pipeline with cached steps: which steps are reused, which run, and why. Nothing runs or is written.

Called by `--dry-run`, and at the start of every run of such a pipeline. A step behind one that runs is certain only if it uses none of its results, since nobody knows these yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from magnus.app.run.create_run import context_of
from magnus.app.run.prepare import PreparedRun
from magnus.engine.context import RunContext
from magnus.engine.rules import fan
from magnus.engine.rules import scope as scopes
from magnus.engine.run.cached import NO_EARLIER_RESULT, CachedResults
from magnus.errors import InvalidInput, TaskFailed
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    TaskNode,
    TerminalNode,
    branch_of,
    graphs_of,
)
from magnus.graph.path import BranchPath, StepPath, print_names
from magnus.interfaces.reporter import Planned, Reporter
from magnus.run_log.parameters import Parameter
from magnus.run_log.records import BranchScope, Owner, RunRecord, Status, StepRecord
from magnus.run_log.step_walk import branches_of

_MOST_SHOWN: Final = 10
_NO_CACHE: Final = "it has no cache"


class CachePlan(Struct, frozen=True):
    """The number of reused steps; and the steps that run, and that may run, each with the reason."""

    reused: int
    runs: tuple[tuple[str, str], ...]
    may_run: tuple[tuple[str, str], ...]

    def lines(self) -> list[str]:
        """The plan as text."""
        return [self._counts(), *_listed("runs", self.runs), *_listed("may run", self.may_run)]

    def start_lines(self) -> list[str]:
        """The plan as text for the start of a run: its numbers, and what changed since earlier runs."""
        news = [(name, why) for name, why in self.runs if why not in {_NO_CACHE, NO_EARLIER_RESULT}]
        return [self._counts(), *_listed("runs", news)]

    def _counts(self) -> str:
        counts = ((self.reused, "reused"), (len(self.runs), "to run"), (len(self.may_run), "that may run"))
        return "steps: " + ", ".join(f"{count} {word}" for count, word in counts if count)


def _listed(verb: str, steps: Sequence[tuple[str, str]]) -> Iterator[str]:
    """The first steps, a line each."""
    yield from (f"  {verb} '{name}': {why}" for name, why in steps[:_MOST_SHOWN])
    if len(steps) > _MOST_SHOWN:
        yield f"  and {len(steps) - _MOST_SHOWN} more"


def show_plan(prepared: PreparedRun, reporter: Reporter) -> None:
    """Report the plan; InvalidInput when no step has a cache."""
    if not any(task.cache is not None for task in prepared.pipeline.graph.tasks()):
        fix = "write cache: true in a step, or name a run to resume with --use-cached RUN"
        raise InvalidInput("--dry-run shows which results are reused, and no step of the pipeline has a cache", fix=fix)
    with context_of(prepared, reporter) as context:
        for line in cache_plan(context, prepared).lines():
            reporter.report(Planned(line))


def cache_plan(context: RunContext, prepared: PreparedRun) -> CachePlan:
    """The plan of a run that `context` is for; the run has no record."""
    request = prepared.request
    config = {"no_cache": request.no_cache, "refresh": list(request.refresh)}
    started = context.clock.now()
    owner = Owner("", 0)
    run = RunRecord("", Status.CREATED, "", started, owner, parameters=prepared.parameters, run_config=config)
    return _plan(context, prepared, _Walk(CachedResults(context, run), request.until))


def announce_plan(context: RunContext, prepared: PreparedRun, cached: CachedResults) -> None:
    """Report the plan of the run that starts, with what changed since earlier runs. The content of results is not read."""
    walk = _Walk(cached, prepared.request.until, verified=False)
    for line in _plan(context, prepared, walk).start_lines():
        context.reporter.report(Planned(line))


def _plan(context: RunContext, prepared: PreparedRun, walk: "_Walk") -> CachePlan:
    walk.branch(context.graph, BranchPath(), BranchScope(prepared.parameters), _Unknown())
    return CachePlan(walk.reused, tuple(walk.runs), tuple(walk.may_run))


class _Unknown:
    """What steps that run will leave: the names of parameters, or any, and files; each with such a step."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.any_name = ""
        self.files = ""

    def add(self, node: TaskNode, step: str) -> None:
        """Add the results of a task that runs."""
        if node.task.returns is None:
            self.any_name = self.any_name or step
        self.names.update(dict.fromkeys((item.name for item in node.task.returns or ()), step))
        self.files = self.files or (step if node.catalog.put else "")

    def add_all(self, node: CompositeNode, step: str) -> None:
        """Add the results that a composite may have, with any branches."""
        for graph in graphs_of(node):
            for task in graph.tasks():
                self.add(task, step)

    def copy(self) -> "_Unknown":
        """What a branch knows as little as the steps around it."""
        other = _Unknown()
        other.names, other.any_name, other.files = dict(self.names), self.any_name, self.files
        return other

    def add_branch(self, other: "_Unknown", step: str) -> None:
        """Add the results of a branch of the step, which move up when it has finished."""
        self.names.update(dict.fromkeys(other.names.keys() - self.names.keys(), step))
        self.any_name = self.any_name or (step if other.any_name else "")
        self.files = self.files or (step if other.files else "")

    def source(self, names: Iterable[str] | None, *, uses_files: bool) -> str:
        """A step that runs whose result is used under one of the names, all for None; "" for none."""
        if uses_files and self.files:
            return self.files
        if names is None:
            return self.any_name or next(iter(self.names.values()), "")
        folded = {name.casefold(): step for name, step in self.names.items()}
        listed = list(names)
        found = next((folded[name.casefold()] for name in listed if name.casefold() in folded), "")
        return found or (self.any_name if listed else "")


class _Walk:
    """Follows the pipeline on its way of success. With `verified` the content of results is read."""

    def __init__(self, cached: CachedResults, until: str, *, verified: bool = True) -> None:
        self._cached = cached
        self._verified = verified
        self._until = until
        self.reused = 0
        self.runs: list[tuple[str, str]] = []
        self.may_run: list[tuple[str, str]] = []
        self._labels: dict[BranchPath, str] = {}

    def branch(self, graph: Graph, branch: BranchPath, scope: BranchScope, unknown: _Unknown) -> fan.Outcome | None:
        """Plan the steps of a branch; returns its outcome if all its steps are reused."""
        node, own, is_known, position = graph.nodes[graph.start_at], BranchScope(), True, 0
        while not isinstance(node, TerminalNode):
            path = branch.step(node.name)
            if isinstance(node, TaskNode):
                record = self._task(node, path, scope, unknown)
            else:
                record = self._composite(node, path, position, scope, unknown)
            is_known = is_known and record is not None
            if record is not None:
                scope, own = scopes.after(scope, record), scopes.after(own, record)
            if not branch.parts and node.name == self._until:
                break
            node, position = graph.nodes[node.next], position + 1
        if not is_known:
            return None
        succeeds = not isinstance(node, TerminalNode) or node.succeeds
        return fan.Outcome(branch.parts[-1] if branch.parts else "", succeeds, own.parameters, own.files)

    def _task(self, node: TaskNode, path: StepPath, scope: BranchScope, unknown: _Unknown) -> StepRecord | None:
        name = self._name(path)
        if node.cache is None or node.mock:
            self.runs.append((name, _NO_CACHE))
        else:
            inputs = self._cached.keys.inputs(node)
            ignored = set(node.cache.ignore)
            names = None if inputs.parameters is None else inputs.parameters - ignored
            source = unknown.source(names, uses_files=inputs.any_file or bool(node.catalog.get))
            if source:
                self.may_run.append((name, f"it may use a result of '{source}'"))
            else:
                decision = self._cached.peek(path, scope, verified=self._verified)
                if isinstance(decision, StepRecord):
                    self.reused += 1
                    return decision
                self.runs.append((name, decision))
        unknown.add(node, name)
        return None

    def _composite(
        self, node: CompositeNode, path: StepPath, position: int, scope: BranchScope, unknown: _Unknown
    ) -> StepRecord | None:
        name = self._name(path)
        source = unknown.source(_read_by(node), uses_files=False)
        if source:
            self.may_run.append((name, f"its branches depend on a result of '{source}'"))
            unknown.add_all(node, name)
            return None
        record = fan.start(node, path, position, scope)
        if record.status is Status.FAIL:
            self.runs.append((name, f"it cannot start: {record.message}"))
            unknown.add_all(node, name)
        else:
            while (outcomes := self._branches(node, record, unknown)) is not None:
                record = fan.join(node, record, outcomes, _no_reducer)
                if record.status is Status.SUCCESS:
                    return record
                if record.status is Status.FAIL:  # a reducer, which only a run calls
                    unknown.add_all(node, name)
                    break
        return None

    def _branches(self, node: CompositeNode, record: StepRecord, unknown: _Unknown) -> Sequence[fan.Outcome] | None:
        """The outcomes of the branches, of a loop of its last iteration; None if a step in one runs."""
        self._labels.update({branch.path: branch.label for branch in branches_of(record)})
        outcomes: list[fan.Outcome | None] = []
        inner_unknown: list[_Unknown] = []
        for key in fan.keys_to_join(node, record):
            inner_unknown.append(inner := unknown.copy())
            scope = fan.branch_scope(node, record, key)
            outcomes.append(self.branch(branch_of(node, key), record.path.into(key), scope, inner))
        for inner in inner_unknown:
            unknown.add_branch(inner, self._name(record.path))
        known = [outcome for outcome in outcomes if outcome is not None]
        return known if len(known) == len(outcomes) else None

    def _name(self, path: StepPath) -> str:
        """The name of the step for people."""
        names = [
            part if number % 2 == 0 else self._labels.get(BranchPath(path.parts[: number + 1]), part)
            for number, part in enumerate(path.parts)
        ]
        return print_names(tuple(names))


def _read_by(node: CompositeNode) -> Sequence[str]:
    """The parameters that decide which branches a composite has."""
    match node.branches:
        case MappedBranches(iterate_on=name) | ChosenBranch(parameter=name) | RepeatedBranch(break_on=str(name)):
            return (name,)
        case _:
            return ()


def _no_reducer(*_: object) -> Parameter:
    raise TaskFailed("only a run calls reducers")
