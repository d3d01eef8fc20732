"""Builds the context of a run: its services, and the resources it holds open in this process, such as a private folder."""

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus.app.composition.services import hidden_folders
from magnus.engine.context import Clock, RunContext, Services
from magnus.engine.interaction.channel import Channel, ParametersFile
from magnus.engine.interaction.tracking import StepNames, Tracking
from magnus.engine.output.capture import OutputCapture
from magnus.engine.processes import forks
from magnus.engine.processes.guard import Guard
from magnus.engine.secrets.masking import Masker
from magnus.errors import ServiceError
from magnus.graph.nodes import Graph
from magnus.interfaces.capabilities import Located
from magnus.interfaces.reporter import Reporter
from magnus.system import descendants
from magnus.system.private_folders import private_folder

if TYPE_CHECKING:
    from magnus.engine.files.project_copy import ProjectCopy  # lazy: as where it is used

_LONGEST_PARENT_BYTES: Final = 50


class _Opened(Struct, frozen=True):
    """What a run holds open in this process."""

    folder: Path
    guard: Guard
    channel: Channel
    parameters_file: ParametersFile
    output_capture: OutputCapture


@contextmanager
def run_context(  # noqa: PLR0913 - what a run is made of
    run_id: str,
    graph: Graph,
    built: Services,
    reporter: Reporter,
    *,
    working_directory: Path,
    temporary: Path,
    masker: Masker | None = None,
    output: Path | None = None,
    tag: str = "",
    definition_file: str = "",
    configuration_file: str = "",
    shared: Collection[Path] | None = None,
    own_folders: Collection[Path] = (),
) -> Iterator[RunContext]:
    """The context of one run in this process; what it holds open is closed afterwards.

    It makes a folder for its own files in `temporary`, and removes it afterwards. `output` is the file for the output of
    steps, if the output outlives this process. With `shared` each step works in a fresh copy of the project, which shares
    only these folders with the project. `own_folders` are folders of the executor.
    """
    masker, clock, hidden = masker or Masker(), Clock(), (*hidden_folders(built), *own_folders)
    forks.watch()
    with _tracking(built, reporter, masker, clock) as tracking, _opened(temporary, masker, output) as opened:
        yield RunContext(
            run_id=run_id,
            graph=graph,
            services=built,
            reporter=reporter,
            working_directory=working_directory,
            folder=opened.folder,
            output_capture=opened.output_capture,
            channel=opened.channel,
            guard=opened.guard,
            masker=masker,
            parameters_file=opened.parameters_file,
            tracking=tracking,
            clock=clock,
            hidden=hidden,
            project_copy=None if shared is None else _project_copy(working_directory, hidden, shared),
            artifacts=str(built.catalog.location) if isinstance(built.catalog, Located) else "",
            tag=tag,
            definition_file=definition_file,
            configuration_file=configuration_file,
            script=_script(graph, working_directory),
        )


@contextmanager
def _tracking(built: Services, reporter: Reporter, masker: Masker, clock: Clock) -> Iterator[Tracking]:
    tracking = Tracking(
        built.experiment_tracker,
        built.experiment_tracker_settings,
        masker=masker,
        reporter=reporter,
        now=clock.now,
        monotonic=clock.monotonic,
        names=StepNames(built.run_log_store),
        contents=(built.catalog, built.picklers),
    )
    with closing(tracking):
        yield tracking


def _project_copy(working_directory: Path, hidden: Collection[Path], shared: Collection[Path]) -> "ProjectCopy":
    from magnus.engine.files.project_copy import ProjectCopy  # lazy: few executors copy the project

    return ProjectCopy(working_directory, hidden, shared)


@contextmanager
def _opened(temporary: Path, masker: Masker, output: Path | None) -> Iterator[_Opened]:
    """ServiceError when there can be no folder in `temporary`."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(temporary, descendants.PREFIX))
            opened = _Opened(
                folder,
                stack.enter_context(Guard(folder)),
                stack.enter_context(Channel(folder)),
                stack.enter_context(ParametersFile(folder)),
                stack.enter_context(OutputCapture(masker, folder, output)),
            )
        except OSError as error:
            reason = f"no folder for the run can be made in '{temporary}': {error.strerror}"
            raise ServiceError(reason, fix="set TMPDIR to a folder that can be written") from error
        yield opened


def _script(graph: Graph, working_directory: Path) -> Path | None:
    """The script that a command of the graph names first."""
    if not any(".py:" in task.command for task in graph.task_outlines()):
        return None
    from magnus.tasks.source.locate import split_script_command  # lazy: most pipelines call functions of modules

    scripts = (split_script_command(task.command, working_directory) for task in graph.task_outlines())
    return next((script[0] for script in scripts if script), None)


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Where the user wants temporary files, unless the path leaves no room for the name of a unix socket; absolute.

    Processes of a step reach the step from any working directory.
    """
    name = environment.get("TMPDIR", "")
    folder = os.path.abspath(name)  # noqa: PTH100 - it resolves `..` as tempfile does
    return Path(folder if name and len(os.fsencode(folder)) <= _LONGEST_PARENT_BYTES else "/tmp")  # noqa: S108
