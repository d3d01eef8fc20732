"""Has all that is known of the code that a task reaches. Used by `follower` and `dependencies`."""

from collections.abc import Mapping
from typing import NamedTuple

from magnus.tasks.source.definitions import FileStatus


class Reach(NamedTuple):
    """All code that a task reaches.

    Attributes:
        pieces: as `CodeDependencies.of` gives them.
        statuses: the files that were read for them, each with its status before that; () for one that is not there.
        sees_all: whether the code may read any parameter of its step, or start a program that may.
        sees_files: whether the code may ask the catalog for any file or object.
        moves_imports: whether the code may change the folders in which modules are found.
        too_large: a folder with more modules than are read, any of which the code may import; "" if there is none.
    """

    pieces: Mapping[str, str]
    statuses: Mapping[str, FileStatus]
    sees_all: bool
    sees_files: bool = False
    moves_imports: bool = False
    too_large: str = ""

    @property
    def problem(self) -> str:
        """Why these may not be all pieces; "" if they are."""
        if self.moves_imports:
            return "its code changes where python finds modules (sys.path, PYTHONPATH)"
        if self.too_large:
            return (
                f"its code computes the name of a module that it imports, and '{self.too_large}' has too many to read"
            )
        return ""

    def joined(self, other: "Reach") -> "Reach":
        """Both."""
        return Reach(
            {**self.pieces, **other.pieces},
            {**self.statuses, **other.statuses},
            self.sees_all or other.sees_all,
            self.sees_files or other.sees_files,
            self.moves_imports or other.moves_imports,
            self.too_large or other.too_large,
        )
