"""How much of long texts a report shows, so that it stays small however much a run said. Pure."""

import json
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

_BYTES_OF_ESCAPE: Final = 6


class Budget(Struct, frozen=True):
    """Bytes for all texts of a kind together, so many for a run of 100 steps, and more for every further step.

    No text is longer than `longest`.
    """

    base: int
    each: int
    longest: int

    def limit(self, sizes: Sequence[int], steps: int) -> int:
        """How many bytes each text may have at most."""
        return min(self.longest, fair_limit(sizes, self.base + self.each * max(0, steps - 100)))


def fair_limit(sizes: Sequence[int], budget: int) -> int:
    """The largest limit with which texts of these sizes, each cut to it, fit into the budget together."""
    left = budget
    ascending = sorted(sizes)
    for number, size in enumerate(ascending):
        share = left // (len(ascending) - number)
        if size > share:
            return share
        left -= size
    return budget


def size_of(text: str) -> int:
    """The bytes that a text takes in the page, at most."""
    try:
        encoded = len(msgspec.json.encode(text))
    except UnicodeEncodeError:
        encoded = len(json.dumps(text))
    return encoded + (_BYTES_OF_ESCAPE - 1) * text.count("<")


def characters_within(text: str, size: int, limit: int) -> int:
    """About how many characters of a text of this size take so many bytes."""
    return len(text) if size <= limit else len(text) * limit // size
