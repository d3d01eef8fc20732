"""One step on its way, as `engine.step.run_step` and `engine.step.attempts` share it."""

import os

from magnus.engine.context import RunContext
from magnus.engine.files.objects import StepObjects
from magnus.engine.interaction.step_secrets import StepSecrets
from magnus.graph.nodes import TaskNode
from magnus.interfaces.executor import StepRequest
from magnus.interfaces.reporter import Warned
from magnus.interfaces.task_kind import TaskKind
from magnus.run_log.records import BranchScope, StepRecord
from magnus.system.atomic_files import remove_folder


class RunningStep:
    """One step on its way.

    Attributes:
        record: what is known of it so far.
        scope: what it sees.
        variables: what its environment holds beyond the one magnus was started with; None takes a name out.
        folder: for files of its own, which is there when the task made it.
        working_directory: where the task works and its files are: that of the run, or a copy of the project.
        objects: objects as the step keeps and loads them.
    """

    def __init__(
        self, context: RunContext, node: TaskNode, request: StepRequest, record: StepRecord, scope: BranchScope
    ) -> None:
        self.context = context
        self.node = node
        self.request = request
        self.record = record
        self.scope = scope
        self.kind: TaskKind = context.services.task_kind(node.task.kind)
        self.secrets = StepSecrets(context.services.secrets, context.masker, request.path, self.warn)
        self.variables: dict[str, str | None] = {}
        self.folder = context.folder / os.urandom(3).hex()  # short: a task may have sockets in it
        self.working_directory = context.working_directory
        self.objects = _objects(context, request)
        self._was_called = False

    def keep(self, record: StepRecord) -> None:
        """Put the record, which is what is known of the step from now on."""
        self.record = record
        self.context.services.run_log_store.put_step(self.request.run_id, record)

    def warn(self, warning: str, once: str = "") -> None:
        """Report a warning of the step; of several with the same `once` the first of the run is shown."""
        self.context.reporter.report(Warned(self.context.masker.mask(warning), self.request.path, once))

    def isolate(self) -> None:
        """Work in a fresh copy of the project, where steps do; TaskFailed when it cannot be made."""
        if self.context.project_copy is not None:
            copy = self.folder.with_name(f"{self.folder.name}.project")
            self.context.project_copy.make(copy)
            self.working_directory = copy

    def call(self) -> None:
        """The task is called now, and may make its folder; what the attempt before left there is removed."""
        self.remove_folder()
        self._was_called = True

    @property
    def has_folder(self) -> bool:
        """Whether the task made its folder."""
        self._was_called = self._was_called and os.path.exists(self.folder)  # noqa: PTH110 - `Path.exists` takes three times as long
        return self._was_called

    def remove_folder(self) -> None:
        """Remove the folder of the step, where there is one."""
        if self.has_folder:
            remove_folder(self.folder)

    def remove_folders(self) -> None:
        """Remove it, and the copy of the project that the step worked in."""
        self.remove_folder()
        if self.working_directory is not self.context.working_directory:
            remove_folder(self.working_directory)


def _objects(context: RunContext, request: StepRequest) -> StepObjects:
    services, branch = context.services, request.path.branch
    return StepObjects(services.catalog, services.picklers, request.run_id, branch, context.script, context.masker)
