"""Cuts a long pipeline into parts, since Argo takes at most so many tasks in one dag.

A cut is where everything before goes on to one step alone, or to the end by failure: the parts then follow one another.
"""

from collections.abc import Iterator, Mapping, Sequence

from magnus.graph.graph import Graph
from magnus.graph.nodes import TerminalNode


def edges(graph: Graph) -> Mapping[str, Sequence[tuple[str, bool]]]:
    """For every step that can be reached and is no end: where it goes, and whether by success; in the order of running."""
    fail = graph.terminal(succeeds=False).name
    found: dict[str, Sequence[tuple[str, bool]]] = {}
    for name in _ordered(graph, fail):
        node = graph.nodes[name]
        if not isinstance(node, TerminalNode):
            found[name] = ((node.next, True), (node.on_failure or fail, False))
    return found


def _ordered(graph: Graph, fail: str) -> Sequence[str]:
    """The steps that can be reached, each behind all that lead to it."""
    finished: dict[str, None] = {}
    on_the_way = [(graph.start_at, _targets(graph, graph.start_at, fail))]
    begun = {graph.start_at}
    while on_the_way:
        name, targets = on_the_way[-1]
        target = next(targets, None)
        if target is None:
            finished[name] = None
            on_the_way.pop()
        elif target not in begun:
            begun.add(target)
            on_the_way.append((target, _targets(graph, target, fail)))
    return list(reversed(finished))


def _targets(graph: Graph, name: str, fail: str) -> Iterator[str]:
    node = graph.nodes[name]
    if not isinstance(node, TerminalNode):
        yield node.on_failure or fail
        yield node.next


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
