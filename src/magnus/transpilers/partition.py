"""Cuts a long pipeline into parts, since Argo takes at most so many tasks in one dag.

A cut is where everything before goes on to one step alone, or to the end by failure: the parts then follow one another.
Where there are too few such places, a dag takes the first steps of the rest, and calls further dags for whatever these
lead to. A pipeline takes one way at a time, so at most one of them runs, and it is as deep as the way is long.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from magnus.graph.nodes import Graph, TerminalNode

_SEARCHED: Final = 8
"""The part of a dag, one in so many of its steps, in which the place with the fewest calls is looked for."""


_MOST_DAGS: Final = 100
"""Of one pipeline; where more are needed, so many ways lie over each place that a workflow gets too large."""


class Rest(Struct, frozen=True):
    """What runs from a step on: the steps in one dag, and those with which the dags begin that it may call."""

    steps: Sequence[str]
    goes_on_to: Sequence[str]


def edges(graph: Graph) -> Mapping[str, Sequence[tuple[str, bool]]]:
    """For every step that can be reached and is no end: where it goes, and whether by success; in the order of running."""
    fail = graph.terminal(succeeds=False).name
    found: dict[str, Sequence[tuple[str, bool]]] = {}
    for name in _ordered(graph, fail):
        node = graph.nodes[name]
        if not isinstance(node, TerminalNode):
            found[name] = ((node.next, True), (node.on_failure or fail, False))
    return found


def _ordered(graph: Graph, fail: str, *, keeps_handlers_near: bool = False) -> Sequence[str]:
    """The steps that can be reached, each behind all that lead to it; those that handle its failure at its end, or next to it."""
    finished: dict[str, None] = {}
    on_the_way = [(graph.start_at, _targets(graph, graph.start_at, fail, success_first=keeps_handlers_near))]
    begun = {graph.start_at}
    while on_the_way:
        name, targets = on_the_way[-1]
        target = next(targets, None)
        if target is None:
            finished[name] = None
            on_the_way.pop()
        elif target not in begun:
            begun.add(target)
            on_the_way.append((target, _targets(graph, target, fail, success_first=keeps_handlers_near)))
    return list(reversed(finished))


def _targets(graph: Graph, name: str, fail: str, *, success_first: bool) -> Iterator[str]:
    node = graph.nodes[name]
    if not isinstance(node, TerminalNode):
        targets = (node.on_failure or fail, node.next)
        yield from reversed(targets) if success_first else targets


def parts(graph: Graph, most: int) -> Sequence[Sequence[str]]:
    """The steps that are no ends, in parts of at most `most`, where cuts allow it; one part if they are few enough."""
    leads = edges(graph)
    order = list(leads)
    if len(order) <= most:
        return [order]
    cuts = _cuts(order, leads, graph.terminal(succeeds=False).name)
    found: list[Sequence[str]] = []
    start = 0
    while len(order) - start > most:
        cut = max((cut for cut in cuts if start < cut <= start + most), default=None)
        if cut is None:
            cut = min((cut for cut in cuts if cut > start), default=len(order))
        found.append(order[start:cut])
        start = cut
    return [*found, order[start:]] if start < len(order) else found


def _cuts(order: Sequence[str], leads: Mapping[str, Sequence[tuple[str, bool]]], fail: str) -> Sequence[int]:
    """The places in the order before which everything goes on to the step at that place, or fails."""
    place = {name: number for number, name in enumerate(order)}
    end = len(order)
    cuts = []
    furthest = 0
    for number, name in enumerate(order):
        if number and furthest <= number:
            cuts.append(number)
        for target, succeeds in leads[name]:
            if target != fail or succeeds:
                furthest = max(furthest, place.get(target, end))
    return cuts


def rests(graph: Graph, most: int) -> Mapping[str, Rest]:
    """The pipeline in dags of at most `most` steps, by the step that each begins with, wherever its edges lead.

    Nothing where one dag is enough, where parts that follow one another are small enough, or where too many are needed.
    """
    if max(map(len, parts(graph, most))) <= most:
        return {}
    leads = edges(graph)
    fail = graph.terminal(succeeds=False).name
    order = [name for name in _ordered(graph, fail, keeps_handlers_near=True) if name in leads]
    place = {name: number for number, name in enumerate(order)}
    found: dict[str, Rest] = {}
    waiting = [graph.start_at]
    while waiting:
        entry = waiting.pop()
        if len(found) > _MOST_DAGS:
            return {}
        if entry not in found:
            found[entry] = _rest(order[place[entry] :], leads, most)
            waiting += found[entry].goes_on_to
    return found


def _rest(order: Sequence[str], leads: Mapping[str, Sequence[tuple[str, bool]]], most: int) -> Rest:
    """The first steps that can be reached from the first one of `order`, as many as leave few calls behind them."""
    reached, steps = {order[0]}, []
    for name in order:
        if name in reached:
            steps.append(name)
            reached.update(target for target, _ in leads[name])
            if len(steps) > most:
                break
    if len(steps) <= most:
        return Rest(steps, ())
    cuts = [Rest(steps[:size], _left(steps[:size], leads)) for size in range(most, most - most // _SEARCHED - 1, -1)]
    return min(cuts, key=lambda cut: len(cut.goes_on_to))


def _left(steps: Sequence[str], leads: Mapping[str, Sequence[tuple[str, bool]]]) -> Sequence[str]:
    """The steps that these lead to beyond them, in the order in which they do."""
    inside = set(steps)
    targets = dict.fromkeys(target for step in steps for target, _ in leads[step])
    return [target for target in targets if target in leads and target not in inside]
