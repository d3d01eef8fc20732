"""A pipeline that a program built, in place of a file. Made by `magnus.sdk`, read by `definition.loader`."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.values import UserObject

METHOD: Final = "__magnus_pipeline__"
"""What an object has that is a pipeline: a method of this name, without arguments, that gives a BuiltPipeline."""


class BuiltPipeline(Struct, frozen=True):
    """What would be written in a file, with the places in programs where it was written.

    `functions` are those that no other process can find, by the commands that stand for them; `parts` the objects that
    are pipelines in it; `wrong` is what no file can say, by where it would stand.
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
