"""How much of long texts a report shows, so that it stays small however much a run said. Pure."""

from collections.abc import Sequence

from msgspec import Struct


class Budget(Struct, frozen=True):
    """Bytes for all texts of a kind together, so many for a run of 100 steps, and more for every further step."""

    base: int
    each: int
    longest: int

    def limit(self, sizes: Sequence[int], steps: int) -> int:
        """How long each text may be at most, in the unit of `sizes`."""
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
