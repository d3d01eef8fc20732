"""The three shapes of a step: task, composite, terminal. Every node type a user can write lowers to one of them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct, field

from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.graph.graph import Graph


TERMINAL_TYPES: Final = {True: "success", False: "fail"}
"""The node types of terminals, by whether reaching them is a success; also the names of terminals that nobody wrote."""
_PLAIN_TASK: Final = "task"


class Return(Struct, frozen=True):
    """One declared result of a task: its name as a parameter and how the value is kept."""

    name: str
    kind: Literal["json", "object", "metric"] = "json"


class TaskSpec(Struct, frozen=True):
    """What a task does: the task kind that runs it, the command, and the options of that kind.

    `returns` is None when nothing was declared, which differs from a declaration of no results. `function` is what the
    command stands for, where nothing but this process has it.
    """

    kind: str
    command: str = ""
    options: Mapping[str, Json] = field(default_factory=dict)
    returns: tuple[Return, ...] | None = None
    function: Callable[..., UserObject] | None = None


class CatalogSpec(Struct, frozen=True):
    """Files a task takes from the catalog before it runs and gives to it afterwards, as glob patterns.

    `compute_data_folder` and `strict` are None when the catalog's own options decide.
    """

    get: tuple[str, ...] = ()
    put: tuple[str, ...] = ()
    compute_data_folder: str | None = None
    store_copy: bool = True
    strict: bool | None = None


class TaskNode(Struct, frozen=True):
    """One unit of work. Times are in seconds; `max_attempts` counts the first attempt too.

    `mock` says that it stands for the task that was written and is not it, `is_placeholder` that the user wrote a step
    that does nothing yet.
    """

    name: str
    task: TaskSpec
    next: str
    on_failure: str | None = None
    catalog: CatalogSpec = CatalogSpec()
    secrets: tuple[str, ...] = ()
    max_attempts: int = 1
    retry_delay: float = 0.0
    timeout: float | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    written_as: str = _PLAIN_TASK
    mock: bool = False
    is_placeholder: bool = False

    @property
    def label(self) -> str:
        """The task kind, or the node type where that is more than a plain task."""
        return self.task.kind if self.written_as == _PLAIN_TASK else self.written_as


class StaticBranches(Struct, frozen=True):
    """Branches known from the definition, all of which run (`parallel`, `dag`).

    `are_named` is false where the user gave the branch no name: then its key is no part of the names of steps in it.
    """

    graphs: Mapping[str, "Graph"]
    are_named: bool = True


Reducer: TypeAlias = str | Callable[..., UserObject]
"""A function: its dotted path, a lambda as text, or itself."""


class MappedBranches(Struct, frozen=True):
    """One run of the graph per element of a list parameter (`map`).

    `function` is what the reducer stands for, where nothing but this process has it.
    """

    graph: "Graph"
    iterate_on: str
    iterate_as: str
    reducer: str | None = None
    function: Callable[..., UserObject] | None = None


class ChosenBranch(Struct, frozen=True):
    """The one graph whose key equals a parameter, compared as JSON text (`conditional`)."""

    parameter: str
    graphs: Mapping[str, "Graph"]
    default: "Graph | None" = None


class RepeatedBranch(Struct, frozen=True):
    """The graph again and again, until a boolean parameter says stop (`loop`)."""

    graph: "Graph"
    max_iterations: int
    break_on: str | None = None
    index_as: str | None = None


Branches: TypeAlias = StaticBranches | MappedBranches | ChosenBranch | RepeatedBranch
"""Where the branches of a composite come from."""


class CompositeNode(Struct, frozen=True):
    """A step made of branches; they differ only in where the branches come from."""

    name: str
    branches: Branches
    next: str
    on_failure: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    written_as: str = "parallel"


class TerminalNode(Struct, frozen=True):
    """An end of a (sub)pipeline: reaching it decides whether the (sub)pipeline succeeded."""

    name: str
    succeeds: bool

    @property
    def written_as(self) -> str:
        """The node type a user writes for it."""
        return TERMINAL_TYPES[self.succeeds]


Node: TypeAlias = TaskNode | CompositeNode | TerminalNode
"""A node of the graph."""
