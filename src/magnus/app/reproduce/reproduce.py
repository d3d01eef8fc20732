"""The use case *reproduce*: restores the project of a run, runs it again there, compares the runs, and says the verdict.

The second run is a run of the log, made by a process of its own in the restored project (`run_again`). The user's work tree
and the first run are only read.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from msgspec import Struct, field

from magnus.app.compare.compare import compare_runs
from magnus.app.compare.compare_steps import pairs
from magnus.app.compare.read_run import ReadRun, alike
from magnus.app.composition import executors, services
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.load_configuration import FILE_VARIABLE, FOLDER_VARIABLE, load_configuration
from magnus.app.composition.run_context import temporary_folder
from magnus.app.inspect.find import find_run
from magnus.app.reproduce import notes
from magnus.app.reproduce.project import Project, Source, ignored_files, import_path, restore_project
from magnus.app.reproduce.project_folder import project_folder
from magnus.app.reproduce.repository import own_environment
from magnus.app.reproduce.verdict import (
    Judgement,
    Reproduction,
    data_differences,
    differing_steps,
    judged,
    surroundings,
    to_judge,
    without_places,
)
from magnus.app.run.interactive_session import SESSION_FILE
from magnus.app.run.original_run import importable_pipeline, original_run
from magnus.app.run.running_jobs import RunningJobs
from magnus.engine.context import Services, now
from magnus.engine.processes.children import run_to_end
from magnus.errors import InvalidConfiguration, InvalidInput, ServiceError
from magnus.interfaces.capabilities import Locality
from magnus.run_log.records import RunRecord, Status
from magnus.run_log.run_ids import check_new_run_id, new_run_id
from magnus.system.atomic_files import remove_folder
from magnus.values import Json

_FOR_THE_RUN: Final = ("MAGNUS_PRM_", "MAGNUS_TRACK_")
"""Prefixes of variables that are inputs of a run; the first run has its own."""
_MOST_JUDGED: Final = 20
_RAN: Final = (0, 1)
_INVALID: Final = 2
_LOCAL: Final = "define them at the top level of the script or of a module, and run it again"


class ReproduceRequest(Struct, frozen=True):
    """The request for a reproduction.

    Attributes:
        run: the run, by its id, a prefix of it, or `latest`.
        environment: the environment variables.
        configuration_file: the file that names the services; "" for that of the run.
        arguments: values by name for initial parameters that the run log has masked.
        run_id: the id of the second run; "" for a new one.
        folder: where the project is restored, and stays; "" for a folder that is removed.
        once: whether steps that differ run no further time.
        working_directory: the user's project.
    """

    run: str
    environment: Mapping[str, str]
    configuration_file: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    run_id: str = ""
    folder: str = ""
    once: bool = False
    working_directory: Path = field(default_factory=Path.cwd)


def reproduce(request: ReproduceRequest, say: Callable[[str], None]) -> Reproduction:
    """Run the run again in a restored project, and compare the two; `say` shows a line to the user.

    InvalidInput if there is no such run, it still runs, its project cannot be restored, or it cannot start again.
    """
    if request.run_id:
        check_new_run_id(request.run_id)
    configuration, record = _found(request, say)
    _check(configuration, record)
    built = services.services(configuration, request.working_directory)
    with closing(built.run_log_store), _folder(request) as folder:
        source = Source(
            record,
            built.run_log_store,
            built.catalog,
            request.working_directory,
            services.hidden_folders(built),
            request.environment,
        )
        say(f"restoring the project of '{record.run_id}' in {folder}")
        project = restore_project(source, folder)
        again = _Again(request, configuration, source, project)
        run_id = request.run_id or new_run_id(now(), os.urandom)
        again.run(run_id)
        return _compared(built, record, run_id, again, configuration)


def _found(request: ReproduceRequest, say: Callable[[str], None]) -> tuple[Configuration, RunRecord]:
    """The run, and the configuration of the request, else that of the run."""
    folder, environment = request.working_directory, request.environment
    configuration = load_configuration(request.configuration_file, environment, folder)
    with closing(services.run_log_store(configuration, folder)) as store:
        record = original_run(store, request.run, settle=RunningJobs("refuse", say).settle)
    file = str(record.run_config.get("configuration_file") or "")
    if request.configuration_file or not file or file == configuration.file:
        return configuration, record
    own = load_configuration(file, environment, folder)
    with closing(services.run_log_store(own, folder)) as store:
        return own, find_run(store, record.run_id)


def _check(configuration: Configuration, record: RunRecord) -> None:
    """Refuse what cannot run again, before a project is restored."""
    if executors.transpiler(configuration) is not None:
        raise InvalidConfiguration(
            f"the executor '{configuration.executor.type}' only writes the pipeline down for another engine",
            fix="name a configuration with an executor that runs it here and the same run log and catalog: -c FILE",
            location=configuration.executor.locate(),
        )
    if record.run_config.get("pipeline_file") == SESSION_FILE:
        message = (
            f"the run '{record.run_id}' is an interactive session, and its run log does not have what was typed in it"
        )
        raise InvalidInput(message, fix="put the code into a function, and run it as a task")
    importable_pipeline(record, "", fix=_LOCAL)


@contextmanager
def _folder(request: ReproduceRequest) -> Iterator[Path]:
    """The folder of the project, which does not exist yet; one of the request stays, unless there is an error."""
    if request.folder:
        folder = (request.working_directory / request.folder).absolute()
        if os.path.lexists(folder):
            raise InvalidInput(f"'{request.folder}' exists already", fix="name a folder that does not exist")
        try:
            yield folder
        except BaseException:
            remove_folder(folder)
            raise
        return
    with project_folder(temporary_folder(request.environment)) as private:
        yield private.resolve() / "project"


class _Again:
    """Runs the run again, and steps of it a further time, by processes in the restored project."""

    def __init__(
        self, request: ReproduceRequest, configuration: Configuration, source: Source, project: Project
    ) -> None:
        self.request = request
        self.source = source
        self.project = project
        self._run = source.run.run_id
        self._options = ["-c", configuration.file] if configuration.file else []
        self._environment = _environment(request, project)

    def run(self, run_id: str) -> None:
        """Run it to its end; InvalidInput if it could not start, and ServiceError if a service failed."""
        named = [f"--{name}={value}" for name, value in self.request.arguments.items()]
        command = [*self._command(self._run), "--run-id", run_id, *named]
        status = run_to_end(command, self.project.folder, self._environment, stdout=subprocess.DEVNULL)
        if status < 0:
            message = f"the process that ran '{self._run}' again was killed by {signal.Signals(-status).name}"
            raise ServiceError(message, fix=f"the new run, as far as it came: magnus show {run_id}")
        if status not in _RAN:
            error = InvalidInput if status == _INVALID else ServiceError
            raise error(f"the run '{self._run}' could not run again; the lines above say why")

    def steps(self, run_id: str, paths: Sequence[str]) -> dict[str, tuple[Judgement, str]]:
        """The judgement on each step of the second run."""
        steps = [word for path in paths for word in ("--step", path)]
        with TemporaryFile() as answers, TemporaryFile() as output:
            command = [*self._command(run_id), *steps]
            run_to_end(command, self.project.folder, self._environment, stdout=answers, stderr=output)
            answers.seek(0)
            lines = [json.loads(line) for line in answers.read().splitlines()]
        return {line["path"]: _judgement(line) for line in lines}

    def _command(self, run: str) -> list[str]:
        return [sys.executable, "-m", "magnus", "run_again", run, *self._options]


def _environment(request: ReproduceRequest, project: Project) -> Mapping[str, str]:
    """The environment of the processes: of the user, without inputs of a run and places of other repositories."""
    own = own_environment(request.environment)
    kept = {name: value for name, value in own.items() if not name.startswith(_FOR_THE_RUN) and name != FILE_VARIABLE}
    path = [*import_path(project), *filter(None, [kept.get("PYTHONPATH", "")])]
    return {**kept, FOLDER_VARIABLE: str(request.working_directory), "PYTHONPATH": os.pathsep.join(path)}


def _judgement(answer: Mapping[str, Json]) -> tuple[Judgement, str]:
    if "refused" in answer:
        return "not judged", str(answer["refused"])
    if answer["same"]:
        return "same again", ""
    kinds = dict.fromkeys(" ".join(filter(None, (one["kind"], one["what"]))) for one in answer["differences"])
    return "not deterministic", ", ".join(kinds)


def _compared(
    built: Services, record: RunRecord, run_id: str, again: _Again, configuration: Configuration
) -> Reproduction:
    store = built.run_log_store
    first, second = (
        ReadRun(one, store, built.catalog) for one in (store.get_run(record.run_id), store.get_run(run_id))
    )
    difference = compare_runs(first, second, alike(first, second))
    places, side_by_side = _places(again), pairs(first, second)
    steps = differing_steps(difference, side_by_side, places)
    paths = to_judge(steps, _MOST_JUDGED)
    if paths and not again.request.once:
        steps = judged(steps, _judgements(configuration, again, run_id, paths))
    return Reproduction(
        original=record.run_id,
        run_id=run_id,
        status=second.record.status.value,
        steps=steps,
        run=tuple(
            change
            for change in without_places(difference.run, places)
            if change.kind == "status" or (not steps and second.record.status is Status.FAIL)
        ),
        data=(
            *data_differences(difference),
            *notes.other_files(side_by_side, (cause.what for cause in difference.causes if cause.kind == "data")),
        ),
        not_compared=tuple(notes.not_compared(first, second, side_by_side)),
        surroundings=(
            *surroundings(difference),
            *notes.not_the_same(first, second, side_by_side),
            *again.project.notes,
            *(ignored_files(again.source, again.project) if steps else ()),
        ),
        compared=len(notes.tasks(side_by_side)),
        folder=str(again.project.folder) if again.request.folder else "",
    )


def _places(again: _Again) -> Mapping[str, str]:
    """The folders of the project, the inner ones first."""
    project, here = again.project, again.request.working_directory
    return dict.fromkeys(map(str, (project.folder, project.top, here, project.original)), "")


def _judgements(
    configuration: Configuration, again: _Again, run_id: str, paths: Sequence[str]
) -> Mapping[str, tuple[Judgement, str]]:
    spread = executors.executor_capabilities(configuration)
    if spread.reenters or spread.mocks or spread.runs_on is Locality.NETWORK:
        reason = f"the executor is '{configuration.executor.type}'"
        return dict.fromkeys(paths, ("not judged", reason))
    return again.steps(run_id, paths)
