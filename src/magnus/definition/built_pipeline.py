"""A pipeline that a program built, in place of a file. Made by `magnus.sdk`, read by `definition.loader`."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.values import UserObject

METHOD: Final = "__magnus_pipeline__"
"""The name of the method that makes an object a pipeline: it takes no arguments and returns a BuiltPipeline."""


class BuiltPipeline(Struct, frozen=True):
    """A pipeline in the form of a file, with the lines of the program that built it.

    Attributes:
        document: the pipeline as a file would hold it.
        functions: the functions that no other process can import, by the commands that stand for them.
        parts: the pipeline objects inside this one.
        wrong: the mistakes that no file can hold, by the key path where they would be.
    """

    document: Document
    functions: Mapping[str, Callable[..., UserObject]]
    parts: tuple[UserObject, ...] = ()
    wrong: tuple[tuple[KeyPath, Problem], ...] = ()


class PipelineObject(Protocol):
    """An object that is a pipeline, such as a `Pipeline` of `magnus.sdk`."""

    def __magnus_pipeline__(self) -> BuiltPipeline:
        """The pipeline as a file would hold it."""
        ...
