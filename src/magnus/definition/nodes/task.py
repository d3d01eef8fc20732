"""`type: task`: one unit of work."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Annotated, ClassVar, Final, Literal, Self

from msgspec import Meta, Struct, field

from magnus.definition import fields as written_fields
from magnus.definition.field_types import Duration, PositiveDuration, Texts
from magnus.definition.nodes.contract import Graphs, NodeTraits, Pipelines
from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.graph.nodes import CacheSpec, CatalogSpec, Return, TaskNode, TaskSpec
from magnus.suggest import near
from magnus.values import Json


class Catalog(Struct, frozen=True, forbid_unknown_fields=True):
    """`catalog:` of a task: globs of files to take before it runs, and to keep afterwards.

    Attributes:
        get: globs of the files to take from the catalog before the step runs; one that matches nothing fails the step.
        put: globs of the files to keep in the catalog after the step, failed or not.
        compute_data_folder: the folder that the globs are relative to; the folder of the catalog by default.
        store_copy: false records the hashes of files and keeps no copy of them.
        strict: whether a `put` without a match fails the step; the setting of the catalog by default.
    """

    get: Texts = Texts()
    put: Texts = Texts()
    compute_data_folder: str | None = None
    store_copy: bool = True
    strict: bool | None = None

    def lower(self) -> CatalogSpec:
        """The same in the graph."""
        return CatalogSpec(tuple(self.get), tuple(self.put), self.compute_data_folder, self.store_copy, self.strict)


class Cache(Struct, frozen=True, forbid_unknown_fields=True):
    """`cache:` of a task: reuse the result of an earlier step with the same code, inputs and files.

    Attributes:
        version: any text; results of another version are not reused.
        max_age: the age up to which a result is reused: seconds, or text such as 30d; any age by default.
        ignore: names of parameters that do not change the result.
        environment: whether another python, or other installed packages, mean another result.
    """

    version: str | int | float = ""
    max_age: PositiveDuration | None = None
    ignore: Texts = Texts()
    environment: bool = False

    def lower(self) -> CacheSpec:
        """The same in the graph."""
        age = None if self.max_age is None else float(self.max_age)
        return CacheSpec(str(self.version), age, tuple(self.ignore), self.environment)


class CacheDefault(Struct, frozen=True):
    """`cache:` of a pipeline, for all its tasks that say nothing.

    Attributes:
        cache: whether the tasks reuse results of earlier steps, or how.
    """

    cache: bool | Cache | None = None

    def lower(self) -> CacheSpec | None:
        """The same in the graph; None where tasks always run."""
        match self.cache:
            case None | False:
                return None
            case True:
                return CacheSpec()
            case Cache() as cache:
                return cache.lower()


class ReturnItem(Struct, frozen=True, forbid_unknown_fields=True):
    """One item of `returns:`; a name alone is an item of kind `json`.

    Attributes:
        name: the name of the parameter that holds the result.
        kind: `json` for a value, `object` for anything that can be pickled, `metric` for a parameter that is also tracked.
        format: how an object is written: a type of pickler, such as `parquet`; the configured pickler by default.
    """

    name: str
    kind: Literal["json", "object", "metric"] = "json"
    format: str = ""


_OBJECT: Final = "object:"
_KINDS: Final = ("json", "object", "metric")
RETURN_FIELDS: Final = frozenset(ReturnItem.__struct_fields__)
"""The fields of an item of `returns:`; an item with another one alone is `name: kind`."""


def fields_of_kind(kind: Json) -> dict[str, Json]:
    """The fields of an item of `returns:` that is written as `name: kind`; `object:FORMAT` is an object with its format."""
    if isinstance(kind, str) and (form := kind.removeprefix(_OBJECT)) not in {kind, ""}:
        return {"kind": "object", "format": form}
    return {"kind": kind}


class Task(Struct, frozen=True, forbid_unknown_fields=True):
    """One unit of work; the type where none is written.

    Attributes:
        name: the name of the step, which is its key under `steps`.
        command: what to run: `module.function`, a lambda, a shell command or the path of a notebook.
        next: the step that follows when this one succeeds; by default the step below, and `success` after the last.
        command_type: what runs the command.
        description: what the step is for; it changes nothing.
        on_failure: the step, or the pipeline, that follows when this one fails; the fail step by default.
        catalog: files to take from the catalog before the step runs, and to keep afterwards.
        returns: the results, in order; each a name, `name: kind`, `name: object:FORMAT`, or a mapping with the fields.
        secrets: names of the secrets that the task finds in its environment.
        max_attempts: how often the task is tried, the first time included.
        retry_delay: the time between two attempts: seconds, or text such as 1h30m.
        timeout: the time that an attempt may take: seconds, or text such as 1h30m.
        overrides: names of executor options of their own for this step, by the type of the executor.
        cache: whether the result of an earlier step with the same code and inputs is reused, or how; as the pipeline says by default.
        options: the fields that only its command type knows.
    """

    traits: ClassVar = NodeTraits(outlined=True)

    name: str
    command: str
    next: str
    command_type: str = "python"
    description: str = ""
    on_failure: str | None = None
    catalog: Catalog = Catalog()
    returns: tuple[str | ReturnItem, ...] | None = None
    secrets: Texts = Texts()
    max_attempts: Annotated[int, Meta(ge=1)] = 1
    retry_delay: Duration = Duration()
    timeout: PositiveDuration | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    cache: bool | Cache | None = None
    options: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The task from its fields as written; unknown fields become options of its command type."""
        own = {key: value for key, value in fields.items() if key in TASK_FIELDS}
        options = {key: value for key, value in fields.items() if key not in own and key != "retry"}
        if "retry" in fields and "max_attempts" not in fields:
            own["max_attempts"] = fields["retry"]
        elif "retry" in fields:
            options["retry"] = fields["retry"]
        for required in ("command", "next"):
            if required not in own and (misspelt := near(required, options)):
                own[misspelt] = options.pop(misspelt)
        task = written_fields.read(cls, {**own, "name": name, "options": options})
        if complaints := list(_wrong_returns(task.returns or ())):
            raise WrongFields(complaints)
        return task

    def pipelines(self) -> Pipelines:
        """None."""
        return {}

    def lower(self, graphs: Graphs) -> TaskNode:  # noqa: ARG002 - it has none
        """The task of the graph."""
        return TaskNode(
            name=self.name,
            task=TaskSpec(self.command_type, self.command, self.options, self._returns()),
            next=self.next,
            on_failure=self.on_failure,
            catalog=self.catalog.lower(),
            secrets=tuple(self.secrets),
            max_attempts=self.max_attempts,
            retry_delay=float(self.retry_delay),
            timeout=None if self.timeout is None else float(self.timeout),
            overrides=self.overrides,
            cache=CacheDefault(self.cache).lower(),
        )

    def _returns(self) -> tuple[Return, ...] | None:
        if self.returns is None:
            return None
        return tuple(
            Return(item) if isinstance(item, str) else Return(item.name, item.kind, item.format)
            for item in self.returns
        )


def _wrong_returns(returns: Iterable[str | ReturnItem]) -> Iterator[Complaint]:
    for number, item in enumerate(returns):
        if isinstance(item, ReturnItem) and item.format and item.kind != "object":
            message = f"returns.{number}.format is the format of an object, and '{item.name}' is of kind {item.kind}"
            yield Complaint(("returns", number, "format"), message, "write kind: object, or leave it out")
        elif isinstance(item, str) and ":" in item:
            name, _, kind = (part.strip() for part in item.partition(":"))
            if kind.partition(":")[0] in _KINDS:
                message = f"returns.{number} is the text '{item}', which is no name with its kind"
                yield Complaint(("returns", number), message, f"write {{{name}: {kind}}}")


def name_by_command(command: str, command_type: str) -> str:
    """The name of a task that gets none: of its function, its notebook or its program; `task` where it has no such name."""
    match command_type:
        case "python":
            name = command.replace(":", ".").rpartition(".")[2]
        case "notebook":
            name = PurePath(command).stem
        case "shell":
            name = PurePath(next(iter(command.split()), "")).name or command_type
        case _:
            name = ""
    return "task" if "$" in name else name.translate(str.maketrans(".%", "__")) or "task"


TASK_FIELDS: Final = tuple(name for name in Task.__struct_fields__ if name not in {"name", "options"})
"""The fields of tasks of every command type."""
