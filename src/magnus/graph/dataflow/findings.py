"""Collects the findings about the data flow of a pipeline, and puts them into words. Pure; used by `flow`."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.dataflow.facts import Certainty, Need
from magnus.graph.dataflow.shapes import AcceptedShape, Fit, fitting
from magnus.graph.dataflow.visible_data import BranchCursor, Fact, can_choose
from magnus.graph.nodes import ChosenBranch, CompositeNode, TaskNode
from magnus.suggest import near

_CAUGHT: Final = "; the step always fails, and the pipeline continues by on_failure"
_NOT_REACHED: Final = "; the initial parameters do not choose this branch"


Severity: TypeAlias = Literal["error", "warning"]


class Finding(Struct, frozen=True):
    """A problem of a step; `keys` lead to the field, `missing` is the name of a parameter that no step before sets."""

    node: TaskNode | CompositeNode
    around: tuple[str, ...]
    keys: tuple[str | int, ...]
    message: str
    fix: str
    severity: Severity = "error"
    missing: str = ""

    def with_setters(self, setters: Mapping[str, str]) -> "Finding":
        """The same, naming the step that sets the missing parameter out of sight."""
        setter = setters.get(self.missing)
        if not setter or setter == "/".join(self.around):
            return self
        fix = f"step '{setter}' sets it; let that one come before, in this branch or around it"
        return replace(self, fix=fix)


class Findings:
    """Findings, one for each field and name; a later one replaces a milder one."""

    def __init__(self) -> None:
        self.by_place: dict[tuple[int, tuple[str | int, ...], str], Finding] = {}
        """By node, field, and the name of the parameter or file."""

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.by_place.values())

    def add(self, finding: Finding, about: str) -> None:
        """Add it, unless there is a worse one for the same field and name."""
        key = (id(finding.node), finding.keys, about)
        if key not in self.by_place or self.by_place[key].severity == "warning":
            self.by_place[key] = finding

    def add_all(self, others: "Findings") -> None:
        """Add all of them."""
        for (_, _, about), finding in others.by_place.items():
            self.add(finding, about)

    def only(self, nodes: Container[int]) -> "Findings":
        """The findings about these nodes, by identity."""
        selection = Findings()
        selection.by_place = {key: finding for key, finding in self.by_place.items() if key[0] in nodes}
        return selection

    def beyond(self, others: "Findings", when: str) -> "Findings":
        """The findings that the others do not have in these words; `when` is added to their messages."""
        selection = Findings()
        for key, finding in self.by_place.items():
            if key not in others.by_place or others.by_place[key].message != finding.message:
                selection.by_place[key] = replace(finding, message=f"{finding.message}{when}")
        return selection

    def judge(
        self,
        node: TaskNode | CompositeNode,
        field: str,
        need: Need,
        fact: Fact | None,
        there: Mapping[str, Fact],
        cursor: BranchCursor,
    ) -> None:
        """Add a finding when a parameter is missing, may be missing, or cannot have the expected shape."""
        around, (severity, caught) = cursor.around, _weight(cursor) if need.is_fatal else ("warning", "")
        if fact is None:
            if need.is_required:
                message = f"{need.title} is set by no step before, and is no initial parameter{caught}"
                self.add(
                    Finding(node, around, (field,), message, _give(need.name, there), severity, need.name), need.name
                )
            return
        if fact.certainty is Certainty.POSSIBLE and need.is_required:
            message = f"{need.title} may be missing: it is not set {fact.lacking}"
            fix = f"set '{need.name}' there too, or do not depend on it here"
            if fact.lacking.endswith(" is empty"):
                fix = f"declare '{need.name}' under returns in the branch: then it is [] where there are no elements"
            self.add(Finding(node, around, (field,), message, fix, "warning"), need.name)
        fits = fitting(fact.shape, need.accepts)
        if fits.fit is Fit.YES or (fact.certainty is not Certainty.CERTAIN and fits.fit is Fit.PERHAPS):
            return
        accepted, fix = (
            need.accepts.wording or "something else",
            need.fix or f"change the type of '{need.name}' on one side",
        )
        if fits.fit is Fit.PERHAPS:
            severity, what = "warning", f"and {fits.reason}, which does not always fit"
        elif fact.certainty is Certainty.CERTAIN:
            what = f"but {fits.reason}{caught}"
        else:
            severity, what = "warning", f"but where it is set {fits.reason}"
        message = f"{need.title} must be {accepted}, {what}"
        self.add(Finding(node, around, (field,), message, fix, severity), f"type of {need.name}")

    def judge_file(
        self,
        node: TaskNode,
        number: int,
        pattern: str,
        matching: Sequence[Fact],
        there: Iterable[str],
        cursor: BranchCursor,
    ) -> None:
        """Add a finding about a `get` for which no step, or not every path, puts a file."""
        severity, caught = _weight(cursor)
        if matching:
            message = f"'{pattern}' may be missing in the catalog: nothing puts it {matching[0].lacking}"
            fix, severity = "put it there too", "warning"
        else:
            match = near(pattern, there)
            puts = ", ".join(map(repr, there))
            message = f"no step before puts '{pattern}' into the catalog{caught}"
            fix = (
                f"did you mean '{match}'?"
                if match
                else f"put it in an earlier step{f'; there are {puts}' if puts else ''}"
            )
        keys = ("catalog", "get", number)
        self.add(Finding(node, cursor.around, keys, message, fix, severity), pattern)

    def judge_use(self, node: TaskNode, name: str, cursor: BranchCursor) -> None:
        """Warn of a file that the task seems to read and that its working directory will lack."""
        message = f"the step names '{name}', which a step before puts; it is not there, since each step has a folder of its own"
        fix = f"bring it from the catalog: catalog: {{get: ['{name}']}}"
        self.add(Finding(node, cursor.around, ("command",), message, fix, "warning"), name)

    def conflict(self, node: CompositeNode, name: str, keys: Sequence[str], around: tuple[str, ...]) -> None:
        """Warn of branches that set the same name, or put the same file."""
        message = f"the branches {', '.join(map(repr, keys))} all set '{name}'; the last one wins"
        self.add(Finding(node, around, ("branches",), message, "give the results different names", "warning"), name)

    def unmatched(self, node: CompositeNode, choice: ChosenBranch, fact: Fact, around: tuple[str, ...]) -> None:
        """Warn of branches of a conditional that no value of its parameter can choose."""
        if fact.certainty is not Certainty.CERTAIN or fact.shape.kinds is None:
            return
        if fact.shape.values is not None and len(fact.shape.values) == 1:  # perhaps an initial parameter
            return
        for key in choice.graphs:
            if not can_choose(fact.shape, key):
                message = f"no value of '{choice.parameter}' chooses this branch: it is {fact.shape}"
                fix = "name the branch by a value of the parameter, as JSON"
                self.add(Finding(node, around, ("branches", key), message, fix, "warning"), key)

    def break_on(
        self,
        node: CompositeNode,
        name: str,
        fact: Fact | None,
        there: Mapping[str, Fact],
        cursor: BranchCursor,
        accepts: AcceptedShape,
    ) -> None:
        """Add a finding about a loop that never ends early, or whose parameter is no boolean."""
        if fact is None:
            message = f"nothing sets '{name}', so the loop always runs all its iterations"
            fix = _give(name, there)
            self.add(Finding(node, cursor.around, ("break_on",), message, fix, "warning", name), name)
            return
        need = Need(name, f"the parameter '{name}'", accepts, is_required=False, fix="let it be a boolean")
        self.judge(node, "break_on", need, fact, there, cursor)


def _weight(cursor: BranchCursor) -> tuple[Severity, str]:
    """The severity of a step that fails for certain, and why it is no error."""
    if not cursor.is_reached:
        return "warning", _NOT_REACHED
    return ("warning", _CAUGHT) if cursor.is_caught else ("error", "")


def _give(name: str, there: Iterable[str]) -> str:
    if set("=<>()[]{}") & set(name):
        return "name a parameter here, and nothing else"
    match = near(name, there)
    suggestion = f"did you mean '{match}'? else " if match and match != name else ""
    return f"{suggestion}set '{name}' in a step before, or give it: --{name} VALUE, or a parameters file"
