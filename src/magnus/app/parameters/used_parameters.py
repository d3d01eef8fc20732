"""Finds the parameters that the steps of a pipeline may use, and the initial parameters that no step uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct

from magnus.app.composition import services
from magnus.app.parameters.initial_parameters import InitialParameters, ParameterOrigin, spelled_otherwise
from magnus.definition.compiler import StepPlace
from magnus.errors import Problem
from magnus.graph.nodes import ChosenBranch, CompositeNode, MappedBranches, RepeatedBranch, TaskNode
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.task_kind import SourceFile
from magnus.suggest import near

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it

_MOST_NAMES: Final = 5
_FIX: Final = "leave them out, or see that a step takes them"

Describe: TypeAlias = Callable[[TaskNode], "Description"]


class UsedParameters(Struct, frozen=True):
    """The names that steps need, further names in their text, and `is_open` when some step may use any parameter."""

    names: frozenset[str]
    mentioned: frozenset[str]
    is_open: bool

    def has(self, name: str) -> bool:
        """Whether a step uses it; names differ by more than case."""
        return name.casefold() in {other.casefold() for other in (*self.names, *self.mentioned)}


def used_parameters(steps: Iterable[StepPlace], describe: Describe) -> UsedParameters:
    """The names of the parameters that the steps use."""
    names: set[str] = set()
    mentioned: set[str] = set()
    is_open = False
    for step in steps:
        match step.node:
            case TaskNode() as task:
                description = describe(task)
                names.update(need.name for need in description.needs)
                mentioned.update(description.uses or ())
                is_open = is_open or description.uses is None
            case CompositeNode(branches=MappedBranches(iterate_on=name) | ChosenBranch(parameter=name)):
                names.add(name)
            case CompositeNode(branches=RepeatedBranch(break_on=str(name))):
                names.add(name)
            case CompositeNode():
                pass
    return UsedParameters(frozenset(names), frozenset(mentioned), is_open)


def fitted_to_steps(
    initial: InitialParameters, steps: Sequence[StepPlace], catalog: Catalog, working_directory: Path
) -> InitialParameters:
    """As `fitted`, with a look at the steps only where some name stands nowhere in them; nothing is imported."""
    if are_all_mentioned(initial.origins, steps, working_directory):
        return initial
    from magnus.app.parameters.data_flow import DataFlow  # lazy: most names are right

    flow = DataFlow(steps, catalog, working_directory, imports=False)
    return fitted(initial, used_parameters(steps, lambda task: flow.facts(task).description))


def are_all_mentioned(names: Iterable[str], steps: Iterable[StepPlace], working_directory: Path) -> bool:
    """Whether each of the names stands somewhere in the steps or in their code: then there is nothing to look for."""
    missing = set(names)
    for text in _texts(steps, working_directory):
        missing = {name for name in missing if name not in text}
        if not missing:
            return True
    return not missing


def _texts(steps: Iterable[StepPlace], working_directory: Path) -> Iterator[str]:
    files: set[Path] = set()
    for step in steps:
        match step.node:
            case TaskNode(task=task):
                yield task.command
                kind = services.task_kind(task.kind)
                file = kind.source_file(task, working_directory) if isinstance(kind, SourceFile) else None
                if file is not None and file not in files:
                    files.add(file)
                    yield _text(file)
            case CompositeNode(branches=branches):
                yield " ".join(str(getattr(branches, name, "")) for name in ("iterate_on", "parameter", "break_on"))


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def fitted(initial: InitialParameters, used: UsedParameters) -> InitialParameters:
    """The parameters under the names that steps use, with a warning of each that none does."""
    scope, origins = dict(initial.scope), dict(initial.origins)
    warnings = list(initial.warnings)
    for name in [name for name, where in origins.items() if where.is_option and not used.has(name)]:
        underscored = name.replace("-", "_")
        if underscored != name and underscored not in scope and underscored in used.names:
            warnings.append(spelled_otherwise(origins[name], name, underscored))
            scope = {underscored if key == name else key: value for key, value in scope.items()}
            origins = {underscored if key == name else key: where for key, where in origins.items()}
    if not used.is_open:
        warnings += _unused({name: where for name, where in origins.items() if not used.has(name)}, used)
    return InitialParameters(scope, origins, tuple(warnings))


def _unused(origins: Mapping[str, ParameterOrigin], used: UsedParameters) -> Iterator[Problem]:
    """A warning of each that was probably meant to be another, and one of all others."""
    others: list[str] = []
    for name, where in origins.items():
        match = near(name, sorted(used.names))
        if match:
            message = f"no step uses the parameter '{name}'"
            yield Problem(message, f"did you mean '{match}'?", where.location, severity="warning")
        else:
            others.append(name)
    if len(others) == 1:
        where = origins[others[0]]
        fix = "leave it out, or see that a step takes it"
        yield Problem(f"no step uses the parameter '{others[0]}'", fix, where.location, severity="warning")
    elif others:
        listed = ", ".join(f"'{name}'" for name in others[:_MOST_NAMES])
        more = f" and {len(others) - _MOST_NAMES} more" if len(others) > _MOST_NAMES else ""
        message = f"no step uses the parameters {listed}{more}"
        yield Problem(message, _FIX, origins[others[0]].location, severity="warning")
