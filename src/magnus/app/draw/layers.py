"""Arranges the steps of a graph in layers: their order in each, and the place of each across the picture.

Long edges pass a layer in a lane. Edges of one sort to one step share a lane, so a handler that
two hundred steps lead to has one line beside them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from msgspec import Struct

_ORDERING_SWEEPS: Final = 4
_PLACING_SWEEPS: Final = 6
_APART: Final = 28.0
_LANE_APART: Final = 18.0
_NEXT, _FAILURE, _ALONE = 4.0, 0.002, 0.0001
_STRAIGHTER: Final = 4.0  # what a lane weighs more, from layer to layer


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
                is_shared = lane in items[rank]
                items[rank].setdefault(lane)
                links[rank - 1][Link(source, lane, failure)] = None
                source = lane
                if is_shared:
                    break
            else:
                items[ranks[target]].setdefault(target)
                links[ranks[target] - 1][Link(source, target, failure)] = None
    return Layers(_ordered([tuple(row) for row in items], [tuple(row) for row in links]), tuple(map(tuple, links)))


def _ranks(steps: Mapping[str, Sequence[tuple[bool, str]]]) -> dict[str, int]:
    """The layer of each step: one below the lowest step that leads to it."""
    ranks = dict.fromkeys(steps, 0)
    for name, edges in steps.items():
        for _, target in edges:
            ranks[target] = max(ranks[target], ranks[name] + 1)
    return ranks


def _ordered(items: Sequence[tuple[Item, ...]], links: Sequence[tuple[Link, ...]]) -> tuple[tuple[Item, ...], ...]:
    """The items so that few links cross: each towards the middle of its neighbours, up and down, the best kept."""
    best = current = list(items)
    fewest = _crossings(best, links)
    for sweep in range(_ORDERING_SWEEPS):
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
        means = {
            item: sum(neighbours) / len(neighbours) if neighbours else float(place)
            for place, (item, neighbours) in enumerate(places.items())
        }
        swept[number] = tuple(sorted(swept[number], key=means.__getitem__))
    return swept


def _crossings(rows: Sequence[tuple[Item, ...]], links: Sequence[tuple[Link, ...]]) -> int:
    count = 0
    for (upper, lower), between in zip(pairwise(rows), links, strict=False):
        above = {item: place for place, item in enumerate(upper)}
        below = {item: place for place, item in enumerate(lower)}
        ends = sorted((above[link.source], below[link.target]) for link in between)
        count += sum(a[1] > b[1] for number, a in enumerate(ends) for b in ends[number + 1 :] if a[0] < b[0])
    return count


def centres(layered: Layers, widths: Mapping[str, float]) -> dict[Item, float]:
    """The middle of each item; the leftmost edge of all is 0."""
    places: dict[Item, float] = {}
    for row in layered.items:
        places |= _fitted(row, widths, dict.fromkeys(row, 0.0), dict.fromkeys(row, 1.0))
    above, below = _neighbours(layered)
    for sweep in range(_PLACING_SWEEPS):
        down = sweep % 2 == 0
        for row in layered.items if down else reversed(layered.items):
            targets, weights = _targets(row, above if down else below, places)
            places |= _fitted(row, widths, targets, weights)
    left = min(place - _width(item, widths) / 2 for item, place in places.items())
    return {item: place - left for item, place in places.items()}


def _neighbours(layered: Layers) -> tuple[dict[Item, list[tuple[Item, float]]], dict[Item, list[tuple[Item, float]]]]:
    above: dict[Item, list[tuple[Item, float]]] = {}
    below: dict[Item, list[tuple[Item, float]]] = {}
    for links in layered.links:
        for link in links:
            above.setdefault(link.target, []).append((link.source, _weight(link)))
            below.setdefault(link.source, []).append((link.target, _weight(link)))
    return above, below


def _weight(link: Link) -> float:
    weight = _FAILURE if link.failure else _NEXT
    return weight * _STRAIGHTER if isinstance(link.source, Lane) and isinstance(link.target, Lane) else weight


def _targets(
    row: Sequence[Item], neighbours: Mapping[Item, Sequence[tuple[Item, float]]], places: Mapping[Item, float]
) -> tuple[dict[Item, float], dict[Item, float]]:
    """The place to which its neighbours draw each item, and the weight of it."""
    targets, weights = {}, {}
    for item in row:
        near = neighbours.get(item, ())
        total = sum(weight for _, weight in near)
        targets[item] = sum(places[other] * weight for other, weight in near) / total if total else places[item]
        weights[item] = total or _ALONE
    return targets, weights


def _fitted(
    row: Sequence[Item], widths: Mapping[str, float], targets: Mapping[Item, float], weights: Mapping[Item, float]
) -> dict[Item, float]:
    """The places nearest to the targets, by weighted least squares, at which the row keeps its order and distances.

    Pooled adjacent violators: neighbours that would come too close move as one block.
    """
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + _distance(one, other, widths))
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of items
    for item, offset in zip(row, offsets, strict=True):
        block = (targets[item] - offset, weights[item], 1)
        while blocks and blocks[-1][0] >= block[0]:
            mean, weight, count = blocks.pop()
            total = weight + block[1]
            block = ((mean * weight + block[0] * block[1]) / total, total, count + block[2])
        blocks.append(block)
    means = [mean for mean, _, count in blocks for _ in range(count)]
    return {item: mean + offset for item, mean, offset in zip(row, means, offsets, strict=True)}


def _distance(one: Item, other: Item, widths: Mapping[str, float]) -> float:
    apart = _LANE_APART if isinstance(one, Lane) or isinstance(other, Lane) else _APART
    return (_width(one, widths) + _width(other, widths)) / 2 + apart


def _width(item: Item, widths: Mapping[str, float]) -> float:
    return 0.0 if isinstance(item, Lane) else widths[item]
