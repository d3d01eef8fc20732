"""What a process did with one step of a run that another engine drives. Pure; made by `engine_run`."""

from msgspec import Struct

from magnus.engine.rules import fan
from magnus.errors import InvalidInput
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import StepPath
from magnus.run_log.records import Branching, Status, StepRecord


class Act(Struct, frozen=True):
    """What a process did with the step at `path`.

    Attributes:
        status: how the step stands now.
        branches: the paths of the branches to run next.
        tries_again: whether it failed and has attempts left, which other processes make.
    """

    path: StepPath
    status: Status
    branches: tuple[str, ...] = ()
    tries_again: bool = False


def composite_act(node: CompositeNode, record: StepRecord) -> Act:
    """The state of a composite, with the branches to run now: all that have started, of a loop the last one."""
    if record.status is not Status.PROCESSING or record.branching is None:
        return Act(record.path, record.status)
    return Act(record.path, record.status, tuple(str(record.path.into(key)) for key in fan.keys_to_join(node, record)))


def is_joined(loop: StepRecord, iterations: Branching, number: int) -> bool:
    """Whether the iteration was joined before; InvalidInput if it has not started."""
    current = iterations.count - 1
    if number > current:
        message = f"iteration {number} of '{loop.path}' has not started: iteration {current} is the current one"
        raise InvalidInput(message, fix=f"join it first, with '--round {current}'")
    return number < current
