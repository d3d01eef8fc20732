"""The data flow of a pipeline: asks task kinds what is known of tasks, and `graph.dataflow.flow` what comes of it. Used by `app.check`."""

from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import services
from magnus.definition.compiler import StepPlace
from magnus.engine.files.catalog_files import named_from_root
from magnus.engine.files.match_files import may_overlap
from magnus.errors import InvalidConfiguration, Location, MagnusError, Problem
from magnus.graph.dataflow.facts import UNKNOWN, Description, Setting
from magnus.graph.dataflow.findings import Finding
from magnus.graph.dataflow.flow import TaskFacts, follow
from magnus.graph.dataflow.shapes import Shape, of_value
from magnus.graph.dataflow.visible_data import Fact, VisibleData
from magnus.graph.nodes import CatalogSpec, Graph, MappedBranches, TaskNode
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.task_kind import StaticAnalysis
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    ListParameter,
    MetricParameter,
    ObjectParameter,
    Parameter,
    Scope,
    shown,
)

if TYPE_CHECKING:
    from magnus.tasks.static.reducers import Reducer  # lazy: most pipelines have no reducer


_NO_NAME: Final = "returns a value, which has no name"


class DescribedTask(Struct, frozen=True):
    """A task, where it is written, and what is known of it."""

    node: TaskNode
    step: StepPlace
    facts: TaskFacts

    @property
    def keeps_files(self) -> bool:
        """Whether the catalog has to keep something for it, beside what it prints."""
        return bool(self.node.catalog.put or any(item.kind == "object" for item in self.node.task.returns or ()))


class DataFlow:
    """The data flow of one pipeline. `steps` are the places of all steps; mocked steps come first.

    What the steps of the names `unsure` set beside what can be seen nobody can tell. `apart` says that each step has a
    working directory of its own.
    """

    def __init__(
        self,
        steps: Iterable[StepPlace],
        catalog: Catalog,
        working_directory: Path,
        *,
        imports: bool,
        apart: bool = False,
        unsure: Container[str] = (),
    ) -> None:
        self._catalog = catalog
        self._unsure = unsure
        self._apart = apart
        self._working_directory = working_directory
        self._imports = imports
        self._by_node: dict[int, StepPlace] = {}
        self._by_name: dict[str, StepPlace] = {}
        for step in steps:
            self._by_node.setdefault(id(step.node), step)
            self._by_name.setdefault(step.step, step)
        self._facts_by_task: dict[int, TaskFacts] = {}
        self._reducers: dict[str, Reducer] = {}
        self._not_imported: set[str] = set()
        self.described: list[DescribedTask] = []

    def of_task(self, node: TaskNode, step: StepPlace) -> Iterator[Problem]:
        """What is wrong with a task itself; what is known of it is kept."""
        facts = self.facts(node)
        self.described.append(DescribedTask(node, step, facts))
        for problem in facts.description.problems:
            if step.step in self._unsure and problem.message.endswith(_NO_NAME):  # what it declares cannot be read
                continue
            if " cannot be imported: " in problem.message:  # once is enough, however many steps it stops
                if problem.message in self._not_imported:
                    continue
                self._not_imported.add(problem.message)
            yield Problem(problem.message, problem.fix, step.locate("command"), step.step, problem.severity)
        yield from self._of_data_folder(node, step)
        objects = [item.name for item in node.task.returns or () if item.kind == "object"]
        if objects and not self._catalog.capabilities.keeps:
            message = f"'{objects[0]}' is declared as an object, and the catalog keeps nothing"
            fix = "configure a catalog that keeps files, or declare it as json"
            yield Problem(message, fix, step.locate("returns"), step.step)

    def _of_data_folder(self, node: TaskNode, step: StepPlace) -> Iterator[Problem]:
        spec = node.catalog
        try:
            named_from_root(self._catalog, spec, ("*",) if spec.get or spec.put else (), self._working_directory)
        except MagnusError as error:
            message = error.problems[0].message
            place = step.locate("catalog", "compute_data_folder")
            yield Problem(message, "name a folder in the working directory", place, step.step)

    def problems(self, graph: Graph, parameters: Scope | None) -> Iterator[Problem]:
        """What is wrong with the data flow of the pipeline that begins with these parameters; None when nobody can tell."""
        initial = {name: Fact(shape=_shape(parameter)) for name, parameter in (parameters or {}).items()}
        start = VisibleData(initial, is_open=parameters is None)
        keeps = self._catalog.capabilities.keeps
        for finding in follow(
            graph, start, self.facts, may_overlap, self._reduced, keeps_files=keeps, own_folders=self._apart
        ):
            yield self._problem(finding)

    def facts(self, node: TaskNode) -> TaskFacts:
        """The description of a task; it is computed once."""
        facts = self._facts_by_task.get(id(node))
        if facts is None:
            facts = self._facts_by_task[id(node)] = self._facts(node)
        return facts

    def _facts(self, node: TaskNode) -> TaskFacts:
        description = self._description(node)
        needs = tuple(need for need in description.needs if need.name not in node.secrets)
        description = replace(description, needs=needs)
        spec, catalog, folder = node.catalog, self._catalog, self._working_directory
        try:
            gets = named_from_root(catalog, spec, spec.get, folder)
            puts = (*named_from_root(catalog, spec, spec.put, folder), *_from_root(catalog, description.puts, folder))
        except MagnusError:  # the check of the step reports it
            return TaskFacts(replace(description, puts_others=True))
        return TaskFacts(replace(description, puts=()), gets, puts)

    def _description(self, node: TaskNode) -> Description:
        task = node.task
        if not task.kind:  # it stands for a step that could not be read
            return UNKNOWN
        declared = Description(sets=tuple(Setting(item.name) for item in task.returns or ()))
        unknown = replace(UNKNOWN, sets=declared.sets)
        try:
            kind = services.task_kind(task.kind)
            if any(problem.severity == "error" for problem in kind.problems(task, self._working_directory)):
                return unknown
            if not isinstance(kind, StaticAnalysis):
                return unknown
            description = kind.describe(task, self._working_directory, imports=self._imports)
            step = self._by_node.get(id(node))
            is_unsure = step is not None and step.step in self._unsure
            return replace(description, sets_others=True, puts_others=True) if is_unsure else description
        except InvalidConfiguration:  # the check of the step reports it
            return unknown

    def of_map(self, mapped: MappedBranches, step: StepPlace) -> Iterator[Problem]:
        """What is wrong with the reducer of a map."""
        if mapped.reducer is not None and (message := self._reducer(mapped.reducer).message):
            fix = "let it take *values: it is called with one value for each element"
            yield Problem(message, fix, step.locate("reducer"), step.step, "warning")

    def _reduced(self, reducer: str) -> Shape:
        return self._reducer(reducer).shape

    def _reducer(self, reducer: str) -> "Reducer":
        from magnus.tasks.static.reducers import described_reducer  # lazy: most pipelines have no reducer

        if reducer not in self._reducers:
            self._reducers[reducer] = described_reducer(reducer, self._working_directory, imports=self._imports)
        return self._reducers[reducer]

    def _problem(self, finding: Finding) -> Problem:
        path = "/".join(finding.around)
        step = self._by_node.get(id(finding.node)) or self._by_name.get(path)
        place: Location | None = None if step is None else step.locate(*finding.keys)
        return Problem(finding.message, finding.fix, place, path if step is None else step.step, finding.severity)


def _from_root(catalog: Catalog, patterns: Iterable[str], folder: Path) -> Iterator[str]:
    """Patterns of code, which are relative to the working directory; patterns without a meaning there fail the step."""
    for pattern in patterns:
        try:
            yield from named_from_root(catalog, CatalogSpec(compute_data_folder=""), (pattern,), folder)
        except MagnusError:
            yield "**/*"


def _shape(parameter: Parameter) -> Shape:
    match parameter:
        case JsonParameter(value=value, text=text):
            return of_value(value, text)
        case MetricParameter(value=value):
            return of_value(value)
        case LargeParameter():
            return of_value(shown(parameter))
        case ListParameter():
            return Shape(frozenset({"list"}))
        case ObjectParameter():
            return Shape(frozenset({"object"}))
