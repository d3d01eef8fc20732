"""Layers of a graph: which steps stand on one height, in which order, and the lanes in which long edges pass them.

Edges of one sort to one step share a lane, so that a handler that two hundred steps lead to has one line beside them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

_SWEEPS: Final = 4


class Lane(Struct, frozen=True):
    """Where edges to `target` pass the layer with this number."""

    target: str
    failure: bool
    layer: int


Item: TypeAlias = str | Lane
"""A step by name, or a lane."""


class Link(Struct, frozen=True):
    """A piece of an edge, from one layer to the next; `failure` says that it is one of `on_failure`."""

    source: Item
    target: Item
    failure: bool


class Layers(Struct, frozen=True):
    """The items of each layer from left to right, and the links of each with the layer below it."""

    items: tuple[tuple[Item, ...], ...]
    links: tuple[tuple[Link, ...], ...]


def layers(steps: Mapping[str, Sequence[tuple[bool, str]]]) -> Layers:
    """The layers of steps, given so that every edge leads on: for each its edges, `failure` and target."""
    ranks = _ranks(steps)
    items: list[dict[Item, None]] = [{} for _ in range(max(ranks.values()) + 1)]
    links: list[dict[Link, None]] = [{} for _ in items]
    for name, edges in steps.items():
        items[ranks[name]].setdefault(name)
        for failure, target in edges:
            source: Item = name
            for rank in range(ranks[name] + 1, ranks[target]):
                lane = Lane(target, failure, rank)
                known = lane in items[rank]
                items[rank].setdefault(lane)
                links[rank - 1][Link(source, lane, failure)] = None
                source = lane
                if known:
                    break
            else:
                items[ranks[target]].setdefault(target)
                links[ranks[target] - 1][Link(source, target, failure)] = None
    return Layers(_ordered([tuple(row) for row in items], [tuple(row) for row in links]), tuple(map(tuple, links)))


def _ranks(steps: Mapping[str, Sequence[tuple[bool, str]]]) -> dict[str, int]:
    """The layer of each step: one below the lowest of those that lead to it."""
    ranks = dict.fromkeys(steps, 0)
    for name, edges in steps.items():
        for _, target in edges:
            ranks[target] = max(ranks[target], ranks[name] + 1)
    return ranks


def _ordered(items: Sequence[tuple[Item, ...]], links: Sequence[tuple[Link, ...]]) -> tuple[tuple[Item, ...], ...]:
    """The items so that few links cross: each towards the middle of its neighbours, up and down, the best kept."""
    best = current = list(items)
    fewest = _crossings(best, links)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        current = _swept(current, links, down=sweep % 2 == 0)
        crossings = _crossings(current, links)
        if crossings < fewest:
            best, fewest = current, crossings
    return tuple(best)


def _swept(
    rows: Sequence[tuple[Item, ...]], links: Sequence[tuple[Link, ...]], *, down: bool
) -> list[tuple[Item, ...]]:
    swept = list(rows)
    for number in range(1, len(rows)) if down else range(len(rows) - 2, -1, -1):
        fixed = {item: place for place, item in enumerate(swept[number - 1 if down else number + 1])}
        places: dict[Item, list[int]] = {item: [] for item in swept[number]}
        for link in links[number - 1 if down else number]:
            item, neighbour = (link.target, link.source) if down else (link.source, link.target)
            places[item].append(fixed[neighbour])
        wanted = {
            item: sum(found) / len(found) if found else float(place)
            for place, (item, found) in enumerate(places.items())
        }
        swept[number] = tuple(sorted(swept[number], key=wanted.__getitem__))
    return swept


def _crossings(rows: Sequence[tuple[Item, ...]], links: Sequence[tuple[Link, ...]]) -> int:
    count = 0
    for (upper, lower), between in zip(pairwise(rows), links, strict=False):
        above = {item: place for place, item in enumerate(upper)}
        below = {item: place for place, item in enumerate(lower)}
        ends = sorted((above[link.source], below[link.target]) for link in between)
        count += sum(a[1] > b[1] for number, a in enumerate(ends) for b in ends[number + 1 :] if a[0] < b[0])
    return count
