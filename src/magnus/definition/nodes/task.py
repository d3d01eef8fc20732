"""`type: task`: one unit of work."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from magnus.definition.durations import Seconds
from magnus.graph.nodes import CatalogSpec, Return, TaskNode, TaskSpec
from magnus.values import Json

_MODEL = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _one_as_list(written: Json) -> Json:
    return [written] if isinstance(written, str) else written


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_as_list)]
"""A list of texts; one text alone stands for a list of one."""


class Catalog(BaseModel):
    """`catalog:` of a task: globs of files to take before it runs, and to keep afterwards."""

    model_config = _MODEL

    get: Texts = ()
    put: Texts = ()
    compute_data_folder: str | None = None
    store_copy: bool = True
    strict: bool | None = None


class ReturnItem(BaseModel):
    """One item of `returns:`; a name alone is an item of kind `json`."""

    model_config = _MODEL

    name: str
    kind: Literal["json", "object", "metric"] = "json"


def _named(written: Json) -> Json:
    return {"name": written} if isinstance(written, str) else written


class Task(BaseModel):
    """A task. `options` are the fields that only its command type knows."""

    model_config = _MODEL

    name: str
    command: str
    command_type: str = "python"
    description: str = ""
    next: str
    on_failure: str | None = None
    catalog: Catalog = Field(default_factory=Catalog)
    returns: tuple[Annotated[ReturnItem, BeforeValidator(_named)], ...] | None = None
    secrets: Texts = ()
    max_attempts: int = Field(default=1, ge=1)
    retry_delay: Seconds = Field(default=0.0, ge=0)
    timeout: Seconds | None = Field(default=None, gt=0)
    overrides: Mapping[str, str] = Field(default_factory=dict)
    options: Mapping[str, Json] = Field(default_factory=dict)

    @classmethod
    def read(cls, name: str, fields: Mapping[str, Json]) -> Self:
        """The task from its fields as written; what it does not know is kept for its command type."""
        own = {key: value for key, value in fields.items() if key in cls.model_fields and key not in _NOT_WRITTEN}
        options = {key: value for key, value in fields.items() if key not in own and key != "retry"}
        if "retry" in fields and "max_attempts" not in fields:
            own["max_attempts"] = fields["retry"]
        elif "retry" in fields:
            options["retry"] = fields["retry"]
        return cls.model_validate({**own, "name": name, "options": options})

    def lower(self) -> TaskNode:
        """The task of the graph."""
        returns = None if self.returns is None else tuple(Return(item.name, item.kind) for item in self.returns)
        return TaskNode(
            name=self.name,
            task=TaskSpec(self.command_type, self.command, dict(self.options), returns),
            next=self.next,
            on_failure=self.on_failure,
            catalog=CatalogSpec(**dict(self.catalog)),
            secrets=self.secrets,
            max_attempts=self.max_attempts,
            retry_delay=self.retry_delay,
            timeout=self.timeout,
            overrides=dict(self.overrides),
        )


_NOT_WRITTEN = frozenset({"name", "options"})

TASK_FIELDS = tuple(name for name in Task.model_fields if name not in _NOT_WRITTEN)
"""What every task may say, whatever its command type."""
