"""Where a walk through a graph stands: in which branches, and in the composites they belong to. Used by the orchestrator."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from magnus.engine.rules import scope as scopes
from magnus.engine.rules.traversal import Action
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import BranchPath
from magnus.run_log.records import BranchScope, Span, StepRecord, around

if TYPE_CHECKING:
    from magnus.engine.rules.fan import Outcome  # lazy: as where it is used


class Place:
    """One (sub)pipeline on its way: what comes next in it, what that sees, and what was set in it so far.

    `original` is the branch of another run that it takes steps over from, as long as it does.
    """

    __slots__ = ("_own", "action", "branch", "message", "original", "scope", "span", "succeeded", "within")

    def __init__(
        self,
        branch: BranchPath,
        scope: BranchScope,
        action: Action,
        within: "Composite | None" = None,
        original: BranchPath | None = None,
    ) -> None:
        self.branch = branch
        self.scope = scope
        self.action = action
        self.within = within
        self.original = original
        self.succeeded = False
        self.message = ""
        self.span: Span | None = None
        self._own = BranchScope()

    def take(self, step: StepRecord, span: Span | None) -> None:
        """What comes next sees what the step left, which was at work as `span` says."""
        self.span = span if self.span is None else around((self.span, span))
        self.scope = scopes.after(self.scope, step)
        if self.within is not None:
            self._own = scopes.after(self._own, step)

    def outcome(self) -> "Outcome":
        """The outcome of the branch."""
        from magnus.engine.rules.fan import Outcome  # lazy: most pipelines have no branches

        return Outcome(self.branch.parts[-1], self.succeeded, self._own.parameters, self._own.files)


class Composite:
    """A composite step whose branches run; `place` is where it stands itself.

    Of a loop it has the current iteration alone. `waits` says that it is waiting in the walk, since some of its branches
    have not started.
    """

    __slots__ = ("_all", "_keys", "_known", "node", "original", "outcomes", "place", "record", "span", "waits")

    def __init__(self, node: CompositeNode, record: StepRecord, place: Place) -> None:
        self.node = node
        self.record = record
        self.place = place
        self.span: Span | None = None
        self.waits = False
        self.original: StepRecord | None = None
        self._known: Mapping[str, str] | None = None
        self.outcomes: dict[str, Outcome] = {}
        self._all: Sequence[str] = record.branching.keys if record.branching else ()
        self._keys = iter(self._all)

    def take(self, outcome: "Outcome", span: Span | None) -> None:
        """Note the outcome of a branch, which was at work for `span`."""
        self.outcomes[outcome.key] = outcome
        self.span = span if self.span is None else around((self.span, span))

    @property
    def has_ended(self) -> bool:
        """Whether all of its branches have, as far as it has any."""
        return len(self.outcomes) == len(self._all)

    def original_of(self, key: str) -> BranchPath | None:
        """The branch of another run that this one resumes; `original` is the step there."""
        if self.original is None:
            return None
        if self._known is None:
            from magnus.engine.run.reuse import counterparts  # lazy: most runs resume no other

            self._known = counterparts(self.record.branching, self.original.branching)
        known = self._known.get(key)
        return None if known is None else self.original.path.into(known)

    def next_key(self) -> str | None:
        """The key of a branch that has not started; None if all have."""
        key = next(self._keys, None)
        self.waits = key is not None
        return key

    def in_order(self) -> "Iterator[Outcome]":
        """The outcomes of the branches, in their order."""
        return (self.outcomes[key] for key in self._all)

    def start_iteration(self, record: StepRecord) -> None:
        """Take the record of a loop with another iteration: its last branch is the one to run now."""
        self.record = record
        self._known = None
        self.outcomes.clear()
        self._all = record.branching.keys[-1:] if record.branching else ()
        self._keys = iter(self._all)
