"""Finds the files of a folder that the globs of a user mean, in one walk, and decides whether two globs overlap.

Used by `engine.files.catalog_files`. The walk enters no folder it need not. The rules: `*`, `?` and `[...]` stay within one
part of a path; `**` stands for any number of folders; a match that is a folder stands for all files below it; what begins
with a dot is matched only by a part that does too; nothing outside the folder is matched, be it by an absolute path, by `..`
or through a link.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from magnus.errors import TaskFailed

_WILD: Final = frozenset("*?[")
_ANY_DEPTH: Final = "**"

Progress: TypeAlias = frozenset[tuple[int, int]]
"""How far patterns have come along a path: the number of a pattern, and of its parts that were used up."""


class Globs(Struct, frozen=True):
    """Patterns, all followed at the same time along the parts of a path."""

    patterns: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]
    have_any_depth: bool

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "Globs":
        """The patterns; TaskFailed when one of them could lead out of its folder."""
        parts = tuple(map(_parts_of, patterns))
        return cls(tuple(patterns), parts, any(_ANY_DEPTH in each for each in parts))

    @property
    def start(self) -> Progress:
        """Where all patterns are at the folder itself."""
        return self._with_skipped({(number, 0) for number in range(len(self.parts))})

    def advance(self, progress: Progress, name: str) -> Progress:
        """Where they are after one more part of the path; empty when none of them means anything there."""
        dotted = name.startswith(".")
        reached: set[tuple[int, int]] = set()
        for number, used in progress:
            parts = self.parts[number]
            if used == len(parts) or parts[used] == _ANY_DEPTH:
                if not dotted:
                    reached.add((number, used))
            elif part_matches(parts[used], name):
                reached.add((number, used + 1))
        return self._with_skipped(reached)

    def matching(self, progress: Progress) -> set[int]:
        """The patterns that mean the path that was come along, or a folder it lies in."""
        return {number for number, used in progress if used == len(self.parts[number])}

    def naming(self, path: tuple[str, ...]) -> Progress:
        """Where the patterns are at the path that spell it out, part by part and without wildcards."""
        length = len(path)
        spelled = {(number, length) for number, parts in enumerate(self.parts) if parts[:length] == path}
        return self._with_skipped(spelled)

    def wanted(self, progress: Progress) -> frozenset[str] | None:
        """The only names that can come next; None when any name can."""
        nexts = [(self.parts[number], used) for number, used in progress]
        if any(used == len(parts) or part_is_wild(parts[used]) for parts, used in nexts):
            return None
        return frozenset(parts[used] for parts, used in nexts)

    def _with_skipped(self, progress: set[tuple[int, int]]) -> Progress:
        """With `**` standing for no folder, too."""
        if not self.have_any_depth:
            return frozenset(progress)
        for number, used in tuple(progress):
            parts, skipped = self.parts[number], used
            while skipped < len(parts) and parts[skipped] == _ANY_DEPTH:
                skipped += 1
                progress.add((number, skipped))
        return frozenset(progress)


def _parts_of(pattern: str) -> tuple[str, ...]:
    if pattern.startswith("/"):
        raise TaskFailed(f"the catalog pattern '{pattern}' is absolute; write it relative to the data folder")
    if not pattern or "\0" in pattern:
        raise TaskFailed(f"the catalog pattern {pattern!r} can match nothing; name files, or write '**/*' for all")
    parts = tuple(part for part in pattern.split("/") if part not in {"", "."})
    if ".." in parts:
        raise TaskFailed(f"the catalog pattern '{pattern}' leads out of the data folder; write it without '..'")
    return (*parts, "*") if parts and parts[-1] == _ANY_DEPTH else parts


def part_is_wild(part: str) -> bool:
    """Whether a part of a pattern holds a wildcard."""
    return not _WILD.isdisjoint(part)


def part_matches(part: str, name: str) -> bool:
    """Whether the part of a pattern matches the name; equal text always matches, also with special characters."""
    if part == name:
        return True
    if not part_is_wild(part) or (name.startswith(".") and not part.startswith(".")):
        return False
    return part == "*" or _expression(part).match(name) is not None


@lru_cache(maxsize=256)
def _expression(part: str) -> re.Pattern[str]:
    from fnmatch import translate  # lazy: most patterns are names and '*'

    return re.compile(translate(part))


@lru_cache(maxsize=65536)
def may_overlap(one: str, other: str) -> bool:
    """Whether some path is meant by both, or is in a folder that one of them means; True whenever in doubt."""
    first, second = Globs.of((one, other)).parts
    return _meet(first, second)


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if not one or not other:  # a match that is a folder stands for what is in it
        return not any(part.startswith(".") for part in (*one, *other))
    if one[0] == _ANY_DEPTH:
        return _meet(one[1:], other) or (_can_be_skipped(other[0]) and _meet(one, other[1:]))
    if other[0] == _ANY_DEPTH:
        return _meet(other, one)
    return _parts_overlap(one[0], other[0]) and _meet(one[1:], other[1:])


def _can_be_skipped(part: str) -> bool:
    return not part.startswith(".")


def _parts_overlap(one: str, other: str) -> bool:
    if one == other:
        return True
    if not part_is_wild(one):
        return part_is_wild(other) and part_matches(other, one)
    if not part_is_wild(other):
        return part_matches(one, other)
    return _agree(_before(one), _before(other)) and _agree(_before(one[::-1]), _before(other[::-1]))


def _before(part: str) -> str:
    """What stands before the first wildcard; of a part read backwards, what stands after the last."""
    return part[: next((place for place, character in enumerate(part) if character in "*?[]"), len(part))]


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


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
