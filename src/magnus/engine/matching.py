"""The files of a folder that globs mean, found in one walk that enters no folder it need not. Used by `engine.data`."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from magnus.engine.globs import Globs, Progress
from magnus.errors import TaskFailed

Kind: TypeAlias = Literal["file", "folder", "link"]
Parts: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matches:
    """What globs mean: the names of files, sorted, each once; and the patterns that mean none."""

    names: tuple[str, ...]
    unmatched: tuple[str, ...]


def matching_files(folder: Path, patterns: Sequence[str], *, hidden: Sequence[Path]) -> Matches:
    """The files below `folder`, by their names relative to it; those in `hidden` folders only where they are named.

    Links are followed where they stay in the folder. TaskFailed when a pattern is absolute or has `..` in it, when
    what it matches is a link that leads out of the folder, and when a folder cannot be read.
    """
    walk = _Walk(Globs.of(patterns), os.path.realpath(folder), _hidden_below(folder, hidden))
    walk.enter((), walk.globs.start, frozenset({walk.root}))
    unmatched = (pattern for number, pattern in enumerate(walk.globs.patterns) if number not in walk.matched)
    return Matches(tuple(sorted(walk.names)), tuple(unmatched))


def _hidden_below(folder: Path, hidden: Sequence[Path]) -> frozenset[Parts]:
    """The hidden folders that are below the folder, relative to it, as they are named and as they really are."""
    root, below = Path(os.path.realpath(folder)), set()
    for path in hidden:
        for base, other in ((folder, path), (root, Path(os.path.realpath(path)))):
            if other != base and other.is_relative_to(base):
                below.add(other.relative_to(base).parts)
    return frozenset(below)


@dataclass(slots=True)
class _Walk:
    """One walk; `names` are the files found, `matched` the numbers of the patterns that mean one."""

    globs: Globs
    root: str
    hidden: frozenset[Parts]
    names: list[str] = field(default_factory=list)
    matched: set[int] = field(default_factory=set)

    def enter(self, below: Parts, progress: Progress, above: frozenset[str]) -> None:
        """Walk the folder `below` the root; `above` are the real paths of links and folders they must not lead to."""
        path = "/".join((self.root, *below))
        for name, kind in _entries(path, self.globs.wanted(progress)):
            parts = (*below, name)
            reached = self.globs.naming(parts) if parts in self.hidden else self.globs.advance(progress, name)
            if not reached:
                continue
            match kind:
                case "folder":
                    self.enter(parts, reached, above)
                case "file":
                    self._found(parts, reached)
                case "link":
                    self._follow(parts, reached, above)

    def _found(self, parts: Parts, reached: Progress) -> None:
        if matching := self.globs.matching(reached):
            self.matched |= matching
            self.names.append("/".join(parts))

    def _follow(self, parts: Parts, reached: Progress, above: frozenset[str]) -> None:
        """What a link leads to, if it is in the folder. A link to a folder it lies in is not followed."""
        path = "/".join((self.root, *parts))
        target = os.path.realpath(path)
        if not f"{target}/".startswith(f"{self.root.rstrip('/')}/"):
            if self.globs.matching(reached) or self.globs.naming(parts):
                raise TaskFailed(f"catalog put: '{'/'.join(parts)}' is a link that leads out of '{self.root}'")
        elif self._is_hidden(target) and not self.globs.naming(parts):
            return
        elif not stat.S_ISDIR(_mode(path)):
            self._found(parts, reached)
        elif target not in above and not f"{path}/".startswith(f"{target}/"):
            self.enter(parts, reached, above | {target})

    def _is_hidden(self, target: str) -> bool:
        parts = tuple(target[len(self.root) :].strip("/").split("/"))
        return any(parts[: len(hidden)] == hidden for hidden in self.hidden)


def _entries(path: str, wanted: frozenset[str] | None) -> Iterator[tuple[str, Kind]]:
    """What is in the folder, or what of `wanted` is, in order."""
    if wanted is not None:
        found = ((name, _mode(f"{path}/{name}", follow=False)) for name in wanted)
        yield from sorted((name, _kind(mode)) for name, mode in found if mode)
        return
    try:
        with os.scandir(path) as entries:
            listed: list[tuple[str, Kind]] = [(entry.name, _kind_of(entry)) for entry in entries]
    except OSError as error:
        raise TaskFailed(f"catalog put: the folder '{path}' cannot be read: {error.strerror}") from error
    yield from sorted(listed)


def _kind_of(entry: "os.DirEntry[str]") -> Kind:
    if entry.is_symlink():
        return "link"
    return "folder" if entry.is_dir(follow_symlinks=False) else "file"


def _kind(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return "link"
    return "folder" if stat.S_ISDIR(mode) else "file"


def _mode(path: str, *, follow: bool = True) -> int:
    """The mode of what is there; 0 when nothing is."""
    try:
        return os.stat(path, follow_symlinks=follow).st_mode
    except OSError:
        return 0
