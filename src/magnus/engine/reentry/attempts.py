"""Which attempts of a task a process makes that another engine started. Pure but for the time; used by `engine_run`."""

from msgspec import Struct

from magnus.engine.context import now
from magnus.engine.step import lost_attempts
from magnus.graph.nodes import TaskNode
from magnus.graph.path import StepPath
from magnus.run_log.records import Status, StepRecord


class OneAttempt(Struct, frozen=True):
    """One attempt is to be made.

    Attributes:
        exit_status: of the process before, as the engine says; None where it says nothing.
        attempts: how many there are, where that is more than the step says.
    """

    exit_status: int | None = None
    attempts: int = 0


class Attempts:
    """The attempts to make now of the task at `path`, of which the run log has the record `known`.

    With `one` the next one alone. `is_left` says that the run has passed the task, or finished: then an engine tries the
    workflow again, and the attempts before do not count.

    Attributes:
        number: of the one attempt to make, None for all that are left.
        before: the record that the attempts before left, None before the first one.
        are_over: whether none is to be made, since the task failed as often as it may.
        is_silent_start: whether nobody else says that the step starts.
        leave_another: whether another process makes the next attempt when this one fails.
    """

    def __init__(
        self, path: StepPath, node: TaskNode, known: StepRecord | None, one: OneAttempt | None, *, is_left: bool
    ) -> None:
        self.path = path
        again = known is not None and (is_left or (one is None and known.status is Status.FAIL))
        if again and known is not None:
            self.before: StepRecord | None = lost_attempts.tried_again(known, now())
        else:
            self.before = lost_attempts.continued(known, one.exit_status if one else None, now())
        counted = self.before.attempts[self.before.earlier_attempts :] if self.before is not None else ()
        failures = lost_attempts.own_failures(counted) if one else len(counted)
        most = max(one.attempts if one else 0, node.max_attempts)
        is_one = one is not None and failures < most
        self.number = len(self.before.attempts if self.before is not None else ()) if is_one else None
        self.are_over = one is not None and not is_one and known is not None and known.status is Status.FAIL
        self.is_silent_start = again and self.number is None
        self.leave_another = self.number is not None and failures + 1 < most
