"""The files of a folder that globs mean, found in one walk that enters no folder it need not. Used by `engine.files.catalog_files`."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from msgspec import Struct, field

from magnus.engine.files.globs import Globs, Progress
from magnus.errors import TaskFailed

Kind: TypeAlias = Literal["file", "folder", "link", "special"]
Parts: TypeAlias = tuple[str, ...]


class Matches(Struct, frozen=True):
    """What globs mean.

    Attributes:
        names: of files, sorted, each once.
        unmatched: the patterns that mean no file.
        left_out: a sentence for each match that is no file, such as a link to nothing or a pipe; sorted.
    """

    names: tuple[str, ...]
    unmatched: tuple[str, ...]
    left_out: tuple[str, ...] = ()


def matching_files(folder: Path, patterns: Sequence[str], *, hidden: Sequence[Path]) -> Matches:
    """The files below `folder`, by their names relative to it; files in `hidden` folders only if a pattern names these.

    Links are followed where they stay in the folder. Links to nothing, pipes, sockets and devices are left out. TaskFailed when a pattern is absolute or has `..` in it, when
    what it matches is a link that leads out of the folder, and when a folder cannot be read.
    """
    walk = _Walk(Globs.of(patterns), os.path.realpath(folder), _hidden_below(folder, hidden))
    walk.enter(_Place((), (), ()), walk.globs.start)
    unmatched = (pattern for number, pattern in enumerate(walk.globs.patterns) if number not in walk.matched)
    return Matches(tuple(sorted(walk.names)), tuple(unmatched), tuple(sorted(walk.left_out)))


def _hidden_below(folder: Path, hidden: Sequence[Path]) -> frozenset[Parts]:
    """The hidden folders that are below the folder, relative to it, as they are named and as they really are."""
    root = Path(os.path.realpath(folder))
    pairs = [pair for path in hidden for pair in ((folder, path), (root, Path(os.path.realpath(path))))]
    return frozenset(path.relative_to(base).parts for base, path in pairs if path != base and path.is_relative_to(base))


class _Place(Struct, frozen=True):
    """A folder below the root: its name, where it really is, and the real places from which links led to it."""

    name: Parts
    real: Parts
    came_from: tuple[Parts, ...]

    def below(self, name: str) -> "_Place":
        return _Place((*self.name, name), (*self.real, name), self.came_from)

    def behind(self, name: str, target: Parts) -> "_Place":
        return _Place((*self.name, name), target, (*self.came_from, self.real))

    def lies_in(self, target: Parts) -> bool:
        """Whether a link to the target would make a circle."""
        return any(place[: len(target)] == target for place in (*self.came_from, self.real))


class _Walk(Struct):
    """One walk; `names` are the files found, `matched` the numbers of the patterns that mean one."""

    globs: Globs
    root: str
    hidden: frozenset[Parts]
    names: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    matched: set[int] = field(default_factory=set)

    def enter(self, place: _Place, progress: Progress) -> None:
        """Walk a folder."""
        path = "/".join((self.root, *place.name))
        for name, kind in _entries(path, self.globs.wanted(progress)):
            reached = self.globs.advance(progress, name)
            if self.hidden and (*place.real, name) in self.hidden:
                reached = self.globs.naming((*place.name, name))
            if not reached:
                continue
            match kind:
                case "folder":
                    self.enter(place.below(name), reached)
                case "file":
                    self._found((*place.name, name), reached)
                case "link":
                    self._follow(place, name, reached)
                case "special":
                    self._leave_out((*place.name, name), reached, "is a pipe, a socket or a device")

    def _found(self, parts: Parts, reached: Progress) -> None:
        if matching := self.globs.matching(reached):
            self.matched |= matching
            self.names.append("/".join(parts))

    def _leave_out(self, parts: Parts, reached: Progress, reason: str) -> None:
        if self.globs.matching(reached):
            self.left_out.append(f"'{'/'.join(parts)}' {reason}")

    def _follow(self, place: _Place, name: str, reached: Progress) -> None:
        """What a link leads to, if it is in the folder. A link to a folder it lies in is not followed."""
        parts = (*place.name, name)
        named = self.globs.naming(parts)
        path = Path(os.path.realpath("/".join((self.root, *parts))))
        if not path.is_relative_to(self.root):
            if named or self.globs.matching(reached):
                raise TaskFailed(f"catalog put: '{'/'.join(parts)}' is a link that leads out of '{self.root}'")
            return
        target = path.relative_to(self.root).parts
        if not named and any(target[: len(hidden)] == hidden for hidden in self.hidden):
            return
        mode = _mode(str(path))
        if stat.S_ISREG(mode):
            self._found(parts, reached)
        elif not stat.S_ISDIR(mode):
            leads_to = (
                "a pipe, a socket or a device" if mode and not stat.S_ISLNK(mode) else "nothing (a dangling link)"
            )
            self._leave_out(parts, reached, f"is a link to {leads_to}")
        elif not place.lies_in(target):
            self.enter(place.behind(name, target), reached)


def _entries(path: str, wanted: frozenset[str] | None) -> Iterator[tuple[str, Kind]]:
    """What is in the folder, or what of `wanted` is, in order."""
    if wanted is not None:
        found = ((name, _mode(f"{path}/{name}")) for name in wanted)
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
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if entry.is_file(follow_symlinks=False) else "special"


def _kind(mode: int) -> Kind:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "folder"
    return "file" if stat.S_ISREG(mode) else "special"


def _mode(path: str) -> int:
    """The mode of what is there, which may be a link; 0 when nothing is."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0
