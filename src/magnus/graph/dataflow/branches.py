"""Computes the data that the branches of a composite set, for each kind of branches. Called by `flow`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from msgspec.structs import replace

from magnus.graph.branches import names_set, set_by_several, spelled
from magnus.graph.dataflow.facts import Certainty, Need
from magnus.graph.dataflow.findings import Findings
from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Shape, joined, kinds
from magnus.graph.dataflow.visible_data import (
    BranchCursor,
    Fact,
    VisibleData,
    all_spellings,
    as_text,
    matchable,
    meeting,
)
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, MappedBranches, RepeatedBranch, StaticBranches
from magnus.graph.reachability import unavoidable
from magnus.values import Json

_LIST: Final = AcceptedShape(frozenset({"list"}), wording="a list", objects=True)
_BOOLEAN: Final = AcceptedShape(frozenset({"bool"}), wording="true or false", objects=True)
_FIX: Final = "name a branch by that value, or add a default"
_MOST_ITERATIONS: Final = 3


class BranchWalk(Protocol):
    """The walk through the pipeline that the composite is in; `reduced` gives the shape of what a reducer returns."""

    findings: Findings
    reduced: Callable[[str], Shape]

    def graph(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
        """The data a (sub)pipeline sets when it succeeds; None when no path leads to its success."""
        ...

    def silently(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
        """The same without a finding."""
        ...

    def apart(self, graph: Graph, seen: VisibleData, cursor: BranchCursor) -> tuple[VisibleData | None, Findings]:
        """The same with the findings of the (sub)pipeline apart from all others."""
        ...

    def need(self, node: CompositeNode, field: str, need: Need, seen: VisibleData, cursor: BranchCursor) -> Fact | None:
        """The data of the parameter that the composite needs; a finding where it is missing or has another shape."""
        ...


def after_all(flow: BranchWalk, node: CompositeNode, seen: VisibleData, cursor: BranchCursor) -> VisibleData | None:
    """After a `parallel` or a `dag`: the data of all branches, the later over the earlier."""
    assert isinstance(node.branches, StaticBranches)
    ends: dict[str, VisibleData] = {}
    for key, graph in node.branches.graphs.items():
        inside = cursor.inside(key) if node.branches.are_named else cursor
        end = flow.graph(graph, seen, inside)
        if end is not None:
            ends[key] = end
    if len(ends) < len(node.branches.graphs):
        return None
    declared = {name for name, _ in set_by_several(node)}
    for what in ("parameters", "files"):
        _conflicts(flow.findings, node, {key: getattr(end, what) for key, end in ends.items()}, declared, cursor)
        declared = set()
    data = VisibleData()
    for end in ends.values():
        data = data.followed_by(end)
    return replace(data, via="")


def _conflicts(
    findings: Findings,
    node: CompositeNode,
    ends: Mapping[str, Mapping[str, Fact]],
    declared: set[str],
    cursor: BranchCursor,
) -> None:
    """Warn of names that several branches set, except declared names."""
    setting: dict[str, list[str]] = {}
    for key, facts in ends.items():
        for name, fact in facts.items():
            if fact.certainty is not Certainty.UNCLEAR and not set("*?[") & set(name):
                setting.setdefault(name, []).append(key)
    for name, keys in setting.items():
        shapes = [ends[key][name].shape for key in keys]
        same = shapes[0].values is not None and all(shape.values == shapes[0].values for shape in shapes)
        if len(keys) > 1 and name not in declared and not same:
            findings.conflict(node, name, keys, cursor.around)


def after_one(
    flow: BranchWalk, node: CompositeNode, choice: ChosenBranch, seen: VisibleData, cursor: BranchCursor
) -> VisibleData | None:
    """After a `conditional`: the data of the one branch that ran, combined over all branches that may run."""
    need = Need(choice.parameter, f"the parameter '{choice.parameter}'", _accepted_by(choice), fix=_FIX)
    fact = flow.need(node, "parameter", need, seen, cursor)
    texts = _texts(fact)
    ways: list[tuple[VisibleData, str]] = []
    not_chosen: list[tuple[VisibleData, str]] = []
    for key, graph in choice.graphs.items():
        may_run = texts is None or bool(texts & spelled(key))
        end = flow.graph(graph, seen, cursor.inside(key).where_reached(is_reached=may_run))
        if end is not None:
            (ways if may_run else not_chosen).append((end, f"when '{choice.parameter}' is '{key}'"))
    if fact is not None:
        flow.findings.unmatched(node, choice, fact, cursor.around)
    if choice.default is not None:
        may_run = texts is None or bool(texts - all_spellings(choice.graphs))
        end = flow.graph(choice.default, seen, cursor.where_reached(is_reached=may_run))
        others = f"when '{choice.parameter}' is none of {', '.join(map(repr, choice.graphs))}"
        if end is not None and may_run:
            ways.append((end, others))
    if not ways and choice.default is None and texts is not None and not texts & all_spellings(choice.graphs):
        ways = not_chosen  # there is a finding already; the steps behind are checked as if one were chosen
    return replace(meeting(ways), via="") if ways else None


def _accepted_by(choice: ChosenBranch) -> AcceptedShape:
    if choice.default is not None:
        return AcceptedShape()
    keys = all_spellings(choice.graphs)
    names = ", ".join(repr(key) for key in choice.graphs)

    def refuses(value: Json, _text: str | None) -> str:
        return "" if as_text(value) in keys else f"it is {as_text(value)!r}"

    return AcceptedShape(matchable(choice.graphs), wording=f"one of {names}", refuses=refuses)


def _texts(fact: Fact | None) -> set[str] | None:
    """All texts that the value may have; None when they are unknown."""
    if fact is None or fact.certainty is not Certainty.CERTAIN or fact.shape.values is None:
        return None
    return {as_text(value) for value, _ in fact.shape.values}


def after_map(
    flow: BranchWalk, node: CompositeNode, mapped: MappedBranches, seen: VisibleData, cursor: BranchCursor
) -> VisibleData | None:
    """After a `map`: lists of the values its branches set."""
    need = Need(mapped.iterate_on, f"the parameter '{mapped.iterate_on}'", _LIST, fix="let it be a list")
    fact = flow.need(node, "iterate_on", need, seen, cursor)
    shape = fact.shape if fact is not None else ANYTHING
    element = Fact(shape=shape.item or ANYTHING)
    inner = replace(seen, parameters={**seen.parameters, mapped.iterate_as: element})
    lists = None if shape.values is None else [bool(value) for value, _ in shape.values]
    is_filled = lists is not None and all(lists)
    end = flow.graph(mapped.graph, inner, cursor.where_reached(is_reached=lists is None or any(lists)))
    if end is None:
        return None
    declared = set(names_set(mapped.graph))
    parameters = {}
    for name, inside in end.parameters.items():
        if name == mapped.iterate_as:
            continue
        collected = _listed(inside) if mapped.reducer is None else replace(inside, shape=_reduced(flow, mapped.reducer))
        if inside.certainty is Certainty.CERTAIN and not is_filled and name not in declared:
            collected = Fact(Certainty.POSSIBLE, collected.shape, f"when '{mapped.iterate_on}' is empty")
        parameters[name] = collected
    unclear = Certainty.CERTAIN if is_filled else Certainty.UNCLEAR
    files = {name: replace(file, certainty=max(file.certainty, unclear)) for name, file in end.files.items()}
    return replace(end, parameters=parameters, files=files, via="")


def _reduced(flow: BranchWalk, reducer: str) -> Shape:
    """The shape of a reduced list; a list without elements stays a list."""
    shape = flow.reduced(reducer)
    return shape if shape == ANYTHING else replace(shape, values=None)


def _listed(fact: Fact) -> Fact:
    """The fact of the list that a map collects from its branches."""
    item = fact.shape if fact.certainty is Certainty.CERTAIN else joined((fact.shape, kinds("null")))
    item = Shape(item.kinds, item.item, item.fields, None, item.wording)
    return replace(fact, shape=Shape(frozenset({"list"}), None if item == ANYTHING else item))


def after_loop(
    flow: BranchWalk, node: CompositeNode, loop: RepeatedBranch, seen: VisibleData, cursor: BranchCursor
) -> VisibleData | None:
    """After a `loop`: the data of its iterations.

    The first iteration sees the data from before the loop. Later ones also see the data that earlier iterations set.
    """
    first = _with_index(loop, seen)
    end, first_findings = flow.apart(loop.graph, first, cursor)
    if end is None:
        flow.findings.add_all(first_findings)
        return None
    if loop.max_iterations > 1:
        later, end = _settled(flow, loop, node.name, seen, end, cursor)
        _, always = flow.apart(loop.graph, later, cursor)
        first_findings = _of_iterations(loop.graph, first_findings, always, node.name)
    flow.findings.add_all(first_findings)
    data = _with_index(loop, end)
    if loop.break_on is not None:
        after = _with_index(loop, seen).followed_by(end)
        flow.findings.break_on(node, loop.break_on, after.find(loop.break_on), after.parameters, cursor, _BOOLEAN)
    return replace(data, via="")


def _with_index(loop: RepeatedBranch, seen: VisibleData) -> VisibleData:
    if loop.index_as is None:
        return seen
    return replace(seen, parameters={**seen.parameters, loop.index_as: Fact(shape=kinds("int"))})


def _settled(
    flow: BranchWalk, loop: RepeatedBranch, name: str, seen: VisibleData, first: VisibleData, cursor: BranchCursor
) -> tuple[VisibleData, VisibleData]:
    """The data that later iterations may see, and the data that all iterations set."""
    end = first
    for _ in range(_MOST_ITERATIONS):
        lacking = f"in the first iteration of '{name}'"
        parameters, files = dict(seen.parameters), dict(seen.files)
        _may_be_there(parameters, end.parameters, lacking, without=loop.index_as)
        _may_be_there(files, end.files, lacking, without=None)
        later = VisibleData(parameters, files, seen.is_open or end.is_open, seen.files_open or end.files_open)
        again = flow.silently(loop.graph, _with_index(loop, later), cursor)
        both = first if again is None else _either(first, again)
        if both == end:
            return _with_index(loop, later), end
        end = both
    shapeless = {key: replace(fact, shape=ANYTHING) for key, fact in end.parameters.items()}
    unshaped = {
        **later.parameters,
        **{key: replace(later.parameters.get(key, fact), shape=ANYTHING) for key, fact in shapeless.items()},
    }
    return _with_index(loop, replace(later, parameters=unshaped)), replace(end, parameters=shapeless)


def _may_be_there(facts: dict[str, Fact], own: Mapping[str, Fact], lacking: str, *, without: str | None) -> None:
    for name, fact in own.items():
        if name == without:
            continue
        before = facts.get(name)
        if before is None:
            unclear = fact.certainty is Certainty.UNCLEAR
            facts[name] = Fact(Certainty.UNCLEAR if unclear else Certainty.POSSIBLE, fact.shape, lacking)
        else:
            facts[name] = replace(before, shape=joined((before.shape, fact.shape)))


def _either(first: VisibleData, later: VisibleData) -> VisibleData:
    """The data after one iteration or more: the data of the first, and data that later ones may add."""

    def met(one: Mapping[str, Fact], other: Mapping[str, Fact]) -> dict[str, Fact]:
        names: Sequence[str] = [*one, *(name for name in other if name not in one)]
        return {
            name: Fact(
                one[name].certainty if name in one else max(other[name].certainty, Certainty.UNCLEAR),
                joined(facts[name].shape for facts in (one, other) if name in facts),
                one[name].lacking if name in one else other[name].lacking,
            )
            for name in names
        }

    return VisibleData(
        met(first.parameters, later.parameters),
        met(first.files, later.files),
        first.is_open or later.is_open,
        first.files_open or later.files_open,
    )


def _of_iterations(graph: Graph, first: Findings, always: Findings, name: str) -> Findings:
    """The findings of every iteration, and the findings of the first one about steps that always run."""
    sure = {id(node) for node in unavoidable(graph)}
    findings = Findings()
    findings.add_all(always)
    findings.add_all(first.only(sure).beyond(always, f", in the first iteration of '{name}'"))
    return findings
