"""Where the items of each layer stand from left to right: in their order, apart, and close to what they lead to."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from magnus.app.drawing.layers import Item, Lane, Layers, Link

_SWEEPS: Final = 6
_APART: Final = 28.0
_LANE_APART: Final = 18.0
_NEXT, _FAILURE, _ALONE = 4.0, 0.002, 0.0001
_STRAIGHTER: Final = 4.0  # what a lane weighs more, from layer to layer


def centres(found: Layers, widths: Mapping[str, float]) -> dict[Item, float]:
    """The middle of each item; the leftmost edge of all is 0."""
    places: dict[Item, float] = {}
    for row in found.items:
        places |= _fitted(row, widths, dict.fromkeys(row, 0.0), dict.fromkeys(row, 1.0))
    above, below = _neighbours(found)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        for row in found.items if down else reversed(found.items):
            wanted, weights = _wishes(row, above if down else below, places)
            places |= _fitted(row, widths, wanted, weights)
    left = min(place - _width(item, widths) / 2 for item, place in places.items())
    return {item: place - left for item, place in places.items()}


def _neighbours(found: Layers) -> tuple[dict[Item, list[tuple[Item, float]]], dict[Item, list[tuple[Item, float]]]]:
    above: dict[Item, list[tuple[Item, float]]] = {}
    below: dict[Item, list[tuple[Item, float]]] = {}
    for links in found.links:
        for link in links:
            above.setdefault(link.target, []).append((link.source, _weight(link)))
            below.setdefault(link.source, []).append((link.target, _weight(link)))
    return above, below


def _weight(link: Link) -> float:
    weight = _FAILURE if link.failure else _NEXT
    return weight * _STRAIGHTER if isinstance(link.source, Lane) and isinstance(link.target, Lane) else weight


def _wishes(
    row: Sequence[Item], neighbours: Mapping[Item, Sequence[tuple[Item, float]]], places: Mapping[Item, float]
) -> tuple[dict[Item, float], dict[Item, float]]:
    """Where the neighbours want each item, and how much."""
    wanted, weights = {}, {}
    for item in row:
        near = neighbours.get(item, ())
        total = sum(weight for _, weight in near)
        wanted[item] = sum(places[other] * weight for other, weight in near) / total if total else places[item]
        weights[item] = total or _ALONE
    return wanted, weights


def _fitted(
    row: Sequence[Item], widths: Mapping[str, float], wanted: Mapping[Item, float], weights: Mapping[Item, float]
) -> dict[Item, float]:
    """The places next to those wanted, by weighted least squares, at which the row keeps its order and distances.

    Pooled adjacent violators: neighbours that would come too close move as one block.
    """
    offsets = [0.0]
    for one, other in pairwise(row):
        offsets.append(offsets[-1] + _distance(one, other, widths))
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of items
    for item, offset in zip(row, offsets, strict=True):
        block = (wanted[item] - offset, weights[item], 1)
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
