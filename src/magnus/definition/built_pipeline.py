"""A pipeline in place of a file: a program built it, or the record of a run has it.

Made by `magnus.sdk` and by use cases of `app`, read by `definition.loader`.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct, field

from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.values import Json, UserObject

METHOD: Final = "__magnus_pipeline__"
"""The name of the method that makes an object a pipeline: it takes no arguments and returns a BuiltPipeline."""


class BuiltPipeline(Struct, frozen=True):
    """A pipeline in the form of a file, with the lines of the program that built it.

    Attributes:
        document: the pipeline as a file would hold it.
        functions: the functions that no other process can import, by the commands that stand for them.
        parts: the pipeline objects inside this one.
        wrong: the mistakes that no file can hold, by the key path where they would be.
        included: the pipelines of files that it names, which are used in place of the files.
    """

    document: Document
    functions: Mapping[str, Callable[..., UserObject]]
    parts: tuple[UserObject, ...] = ()
    wrong: tuple[tuple[KeyPath, Problem], ...] = ()
    included: Mapping[str, Json] = field(default_factory=dict)


def recorded_pipeline(config: Mapping[str, Json]) -> BuiltPipeline:
    """The pipeline of a run as its record has it in `run_config`, with the files that it names as they were."""
    document = Document(str(config.get("pipeline_file") or ""), {"dag": config.get("dag")}, {}, {})
    return BuiltPipeline(document, {}, included=config.get("included") or {})


class PipelineObject(Protocol):
    """An object that is a pipeline, such as a `Pipeline` of `magnus.sdk`."""

    def __magnus_pipeline__(self) -> BuiltPipeline:
        """The pipeline as a file would hold it."""
        ...
