"""Divides a long pipeline into parts, for engines that take at most so many steps in one piece.

A cut is a place where all steps before lead to one step alone, or to the end by failure: the parts then follow one another.
Where there are too few such places, a part takes the first steps of the rest, and calls further parts for the steps that
these lead to. A pipeline takes one way at a time, so at most one of them runs, and it is as deep as the way is long.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

Leads: TypeAlias = Mapping[str, Sequence[tuple[str | None, bool]]]
"""For every step that is no end: the steps it leads to, by success before by failure, and None where it is the last
step of the pipeline; in the order of running."""

_SEARCHED: Final = 8
"""The share of a part, one in so many of its steps, in which the place with the fewest calls is looked for."""

_MOST_PARTS: Final = 100
"""Of one pipeline; where more are needed, so many ways lie over each place that a pipeline gets too large."""


class Rest(Struct, frozen=True):
    """The first steps from one on, in one part, and the first steps of the parts that it may call."""

    steps: Sequence[str]
    goes_on_to: Sequence[str]


def in_order(start_at: str, targets: Callable[[str], Sequence[str]]) -> Sequence[str]:
    """The steps that can be reached, each behind all that lead to it; those reached by an earlier target come last."""
    finished: dict[str, None] = {}
    open_steps: list[tuple[str, Iterator[str]]] = [(start_at, iter(targets(start_at)))]
    started = {start_at}
    while open_steps:
        name, left = open_steps[-1]
        target = next(left, None)
        if target is None:
            finished[name] = None
            open_steps.pop()
        elif target not in started:
            started.add(target)
            open_steps.append((target, iter(targets(target))))
    return list(reversed(finished))


def parts(leads: Leads, fail: str, most: int) -> Sequence[Sequence[str]]:
    """The steps in parts of at most `most`, where cuts allow it; one part if they are few enough."""
    order = list(leads)
    if len(order) <= most:
        return [order]
    cuts = _cuts(order, leads, fail)
    found: list[Sequence[str]] = []
    start = 0
    while len(order) - start > most:
        cut = max((cut for cut in cuts if start < cut <= start + most), default=None)
        if cut is None:
            cut = min((cut for cut in cuts if cut > start), default=len(order))
        found.append(order[start:cut])
        start = cut
    return [*found, order[start:]] if start < len(order) else found


def _cuts(order: Sequence[str], leads: Leads, fail: str) -> Sequence[int]:
    """The places in the order where all steps before lead to the step at that place, or fail."""
    place = {name: number for number, name in enumerate(order)}
    end = len(order)
    cuts = []
    furthest = 0
    for number, name in enumerate(order):
        if number and furthest <= number:
            cuts.append(number)
        for target, succeeds in leads[name]:
            if target != fail or succeeds:
                furthest = max(furthest, end if target is None else place.get(target, end))
    return cuts


def rests(start_at: str, leads: Leads, fail: str, most: int) -> Mapping[str, Rest]:
    """The pipeline in parts of at most `most` steps, by the step that each starts with, wherever its edges lead.

    Nothing where one part is enough, where parts that follow one another are small enough, or where too many are needed.
    """
    if max(map(len, parts(leads, fail, most))) <= most:
        return {}
    by_success_first = in_order(start_at, lambda name: _targets(leads, name))
    order = [name for name in by_success_first if name in leads]  # so handlers are near their steps
    place = {name: number for number, name in enumerate(order)}
    found: dict[str, Rest] = {}
    waiting = [start_at]
    while waiting:
        entry = waiting.pop()
        if len(found) > _MOST_PARTS:
            return {}
        if entry not in found:
            found[entry] = _rest(order[place[entry] :], leads, most)
            waiting += found[entry].goes_on_to
    return found


def _rest(order: Sequence[str], leads: Leads, most: int) -> Rest:
    """The first steps that can be reached from the first one of `order`, as many as leave few calls behind them."""
    reached, steps = {order[0]}, []
    for name in order:
        if name in reached:
            steps.append(name)
            reached.update(_targets(leads, name))
            if len(steps) > most:
                break
    if len(steps) <= most:
        return Rest(steps, ())
    cuts = [Rest(steps[:size], _left(steps[:size], leads)) for size in range(most, most - most // _SEARCHED - 1, -1)]
    return min(cuts, key=lambda cut: len(cut.goes_on_to))


def _left(steps: Sequence[str], leads: Leads) -> Sequence[str]:
    """The steps that these lead to beyond them, in the order in which they do."""
    inside = set(steps)
    targets = dict.fromkeys(target for step in steps for target in _targets(leads, step))
    return [target for target in targets if target in leads and target not in inside]


def _targets(leads: Leads, name: str) -> Sequence[str]:
    return [target for target, _ in leads.get(name, ()) if target is not None]
