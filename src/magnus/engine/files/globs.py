"""Globs as users write them under `catalog:`: which files they mean, which they must not, and whether two overlap.

Used by `engine.files.catalog_files`. The rules: `*`, `?` and `[...]` stay within one part of a path; `**` stands for any number of
folders; a match that is a folder stands for all files below it; what begins with a dot is matched only by a part
that does too; nothing outside the folder is matched, be it by an absolute path, by `..` or through a link.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeAlias

from msgspec import Struct

from magnus.errors import TaskFailed

_WILD: Final = frozenset("*?[")
_ANY_DEPTH: Final = "**"

Progress: TypeAlias = frozenset[tuple[int, int]]
"""How far patterns have come along a path: the number of a pattern, and of its parts that were used up."""


class Globs(Struct, frozen=True):
    """Patterns, all followed at the same time along the parts of a path."""

    patterns: tuple[str, ...]
    parts: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "Globs":
        """The patterns; TaskFailed when one of them could lead out of its folder."""
        return cls(tuple(patterns), tuple(map(_parts_of, patterns)))

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
