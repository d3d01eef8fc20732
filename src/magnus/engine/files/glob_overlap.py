"""Whether two globs may mean the same file: what a step gets, and what another one put. Pure; used by `app.check`."""

from functools import lru_cache

from magnus.engine.files.globs import Globs, part_is_wild, part_matches

_ANY_DEPTH = "**"


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
