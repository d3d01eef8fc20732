"""The use case *the context of the experiment tracker*, in a process that a task started. Called by `magnus.interaction`."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import convert

from magnus.app.composition import services
from magnus.engine.interaction.tracking import opened
from magnus.graph.path import StepPath
from magnus.interfaces.experiment_tracker import TrackedRun
from magnus.values import Json, UserObject


def context_elsewhere(described: Json, warn: Callable[[str], None]) -> AbstractContextManager[UserObject]:
    """The context of the step that described itself so."""
    run = convert(described["run"], TrackedRun)
    return opened(services.experiment_tracker(described), run, StepPath.parse(described["path"]), warn)
