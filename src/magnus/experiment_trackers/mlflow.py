"""The `mlflow` experiment tracker: a run of magnus is a run of MLflow, found again by its tag `magnus.run_id`.

Flat, everything is in that run, and what steps in branches say has the names of the branches before it; nested, each
step is a run of its own below it. MLflow is loaded when there is something to say; this is its only home.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus.errors import ExperimentTrackerError
from magnus.experiment_trackers.mlflow_calls import calling
from magnus.experiment_trackers.mlflow_files import SentFiles
from magnus.experiment_trackers.mlflow_values import (
    LONGEST_PARAMETER,
    LONGEST_TAG,
    chunks,
    cut,
    leaves,
    measurements_of,
    name_of,
    text_of,
)
from magnus.graph.path import StepPath
from magnus.interfaces.experiment_tracker import TrackedFile, TrackedRun, TrackedStep
from magnus.run_log.records import Status
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from mlflow import MlflowClient  # lazy: it takes a second to load

if find_spec("mlflow") is None:  # said when the configuration is read, though the client is loaded much later
    raise ModuleNotFoundError("No module named 'mlflow'", name="mlflow")

_MOST_METRICS: Final = 1000
_MOST_PARAMETERS: Final = 100
_INTERRUPTED: Final = "interrupted"


class MlflowOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where and how MLflow tracks.

    Attributes:
        server_url: the tracking URI; empty: the default of MLflow.
        experiment_name: the experiment that runs belong to; it is made when there is none.
        autolog: turns on `mlflow.autolog()` inside `get_experiment_tracker_context()`.
        nested: makes a child run of every step.
        artifacts: globs of names in the catalog, or names of objects; these files become artifacts of the run.
        models: names of objects that become models of MLflow, each with the flavor, such as `sklearn`.
    """

    server_url: str = ""
    experiment_name: str = "Default"
    autolog: bool = False
    nested: bool = False
    artifacts: tuple[str, ...] = ()
    models: Mapping[str, str] = {}


class MlflowTracker:
    """Tells an MLflow tracking server, or any other tracking store of MLflow."""

    options = MlflowOptions
    names_steps = True

    def __init__(self, options: MlflowOptions, _working_directory: Path) -> None:
        self._options = options
        self._files = SentFiles(options.artifacts, options.models)
        self._ids: dict[tuple[tuple[str, str], ...], str] = {}

    def begin_run(self, run: TrackedRun, parameters: Mapping[str, Json]) -> None:
        """Make the run of MLflow, with the parameters."""
        with calling():
            self._log_parameters(self._run(run), parameters, within=(), otherwise=("initial",))

    def end_step(self, run: TrackedRun, step: TrackedStep) -> None:
        """Add the step to the run, or make a child run of it."""
        with calling():
            if self._options.nested:
                self._end_child(run, step)
                return
            own = step.path.branch.parts and (step.names or step.path.parts)
            measurements = measurements_of(step.metrics, within=own)
            if measurements.numbers or measurements.texts:
                self._log_metrics(self._run(run), measurements.numbers, measurements.texts, step)
            if step.parameters:
                self._log_parameters(
                    self._run(run), step.parameters, within=own, otherwise=step.names or step.path.parts
                )

    def end_run(self, run: TrackedRun, status: Status, message: str) -> None:
        """End the run of MLflow with the status of the run of magnus."""
        with calling():
            run_id = self._run(run)
            if message:
                self._client.set_tag(run_id, "magnus.message", cut(message, LONGEST_TAG))
            interrupted = message == _INTERRUPTED
            ended = None if run.end_time is None else _milliseconds(run.end_time)
            self._client.set_terminated(run_id, "KILLED" if interrupted else _STATUS[status], ended)

    def takes(self, file: TrackedFile) -> bool:
        """Whether the options name the file."""
        return self._files.has(file)

    def log_file(self, run: TrackedRun, step: TrackedStep, file: TrackedFile) -> None:
        """Store the file in the run, below the names of the branches before the step; or in the child run of the step."""
        with calling():
            names = step.names or step.path.parts
            run_id = self._child(run, step.path, names=names) if self._options.nested else self._run(run)
            folder = "" if self._options.nested or not step.path.branch.parts else name_of(names)
            self._files.send(self._client, run_id, file, folder=folder, active=self.context(run, step.path))

    @contextmanager
    def context(self, run: TrackedRun, path: StepPath) -> Iterator[UserObject]:
        """Inside, the run is the active one of `mlflow.log_metric` and the like, and the server the one they talk to."""
        import mlflow  # lazy: as above

        with calling():
            run_id = self._child(run, path) if self._options.nested else self._run(run)
        is_set: bool = mlflow.is_tracking_uri_set()  # type: ignore[no-untyped-call]
        before = mlflow.get_tracking_uri() if is_set else None
        try:
            with calling():
                if self._options.server_url:
                    mlflow.set_tracking_uri(self._options.server_url)
                active = mlflow.start_run(run_id, nested=mlflow.active_run() is not None)
                if self._options.autolog:
                    mlflow.autolog()
            yield active
        finally:
            with calling():
                if self._options.autolog:
                    mlflow.autolog(disable=True)
                current = mlflow.active_run()
                if current is not None and current.info.run_id == run_id:
                    mlflow.end_run("RUNNING")  # magnus says when it has finished
                mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None: as if it had not been set

    @property
    def to_be_loaded(self) -> str:
        """MLflow, unless something loaded it."""
        return "" if "mlflow.tracking" in sys.modules else "mlflow"

    @cached_property
    def _client(self) -> "MlflowClient":
        from mlflow import MlflowClient  # lazy: as above

        return MlflowClient(self._options.server_url or None)

    @cached_property
    def _experiment(self) -> str:
        """The id of the experiment, which is created if there is none."""
        from mlflow.exceptions import MlflowException  # lazy: as above

        name = self._options.experiment_name
        experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            with suppress(MlflowException):  # another process may have made it meanwhile
                return str(self._client.create_experiment(name))
            experiment = self._client.get_experiment_by_name(name)
        if experiment is None:
            raise ExperimentTrackerError(f"there is no experiment '{name}', and it cannot be made")
        return str(experiment.experiment_id)

    def _run(self, run: TrackedRun) -> str:
        """The id that MLflow has for the run."""
        tags = {"magnus.tag": run.tag, "magnus.pipeline": run.pipeline, "magnus.artifacts": run.artifacts}
        tags |= {"mlflow.source.git.commit": run.commit, "mlflow.source.git.repoURL": run.repository}
        started = None if run.start_time is None else _milliseconds(run.start_time)
        return self._find_or_create({"magnus.run_id": run.run_id}, name=run.run_id, tags=tags, start_time=started)

    def _child(
        self, run: TrackedRun, path: StepPath, *, names: Sequence[str] = (), start_time: int | None = None
    ) -> str:
        """The id that MLflow has for the step."""
        key_tags = {"magnus.step_of": run.run_id, "magnus.step": str(path)}
        tags = {"mlflow.parentRunId": self._run(run)}
        return self._find_or_create(key_tags, name="/".join(names or path.parts), tags=tags, start_time=start_time)

    def _find_or_create(
        self, key_tags: Mapping[str, str], *, name: str, tags: Mapping[str, str], start_time: int | None = None
    ) -> str:
        """The id of the run with the tags `key_tags`.

        MLflow has no unique keys. Two processes that make the run at once both look again and keep the one that started
        first; the other is deleted.
        """
        key = tuple(key_tags.items())
        if key not in self._ids:
            self._ids[key] = self._first(key_tags) or self._created(
                key_tags, name=name, tags=tags, start_time=start_time
            )
        return self._ids[key]

    def _first(self, key_tags: Mapping[str, str]) -> str:
        """The id of the first run with the tags; "" if there is none."""
        conditions = [f"tags.`{key}` {_equals(value)}" for key, value in key_tags.items()]
        runs = self._client.search_runs(
            [self._experiment], " and ".join(conditions), order_by=["attributes.start_time ASC"], max_results=100
        )
        same = [run for run in runs if all(run.data.tags.get(key) == value for key, value in key_tags.items())]
        return min(((run.info.start_time, run.info.run_id) for run in same), default=(0, ""))[1]

    def _created(
        self, key_tags: Mapping[str, str], *, name: str, tags: Mapping[str, str], start_time: int | None
    ) -> str:
        all_tags = {key: cut(value, LONGEST_TAG) for key, value in {**key_tags, **tags}.items() if value}
        new: str = self._client.create_run(self._experiment, start_time, all_tags, run_name=name).info.run_id
        first = self._first(key_tags) or new
        if first != new:
            self._client.delete_run(new)
        return first

    def _end_child(self, run: TrackedRun, step: TrackedStep) -> None:
        run_id = self._child(run, step.path, names=step.names, start_time=_milliseconds(step.start_time))
        measurements = measurements_of(step.metrics)
        self._log_metrics(run_id, measurements.numbers, measurements.texts, step)
        self._log_parameters(run_id, step.parameters, within=(), otherwise=step.names or step.path.parts)
        self._client.set_terminated(run_id, _STATUS[step.status], _milliseconds(step.end_time))

    def _log_metrics(
        self, run_id: str, numbers: Sequence[tuple[str, float, int]], texts: Mapping[str, str], step: TrackedStep
    ) -> None:
        """The time is the time of the step, so that metrics sent twice are the same to MLflow."""
        from mlflow.entities import Metric, RunTag  # lazy: as above

        time = _milliseconds(step.end_time)
        for some in chunks([Metric(name, value, time, counted) for name, value, counted in numbers], _MOST_METRICS):
            self._client.log_batch(run_id, metrics=some)
        for tags in chunks([RunTag(name, text) for name, text in texts.items()], _MOST_PARAMETERS):
            self._client.log_batch(run_id, tags=tags)

    def _log_parameters(
        self, run_id: str, parameters: Mapping[str, Json], *, within: Sequence[str], otherwise: Sequence[str]
    ) -> None:
        """Parameters below the names of `within`, or of `otherwise` where that one is known with another value.

        MLflow refuses to change a parameter; one that is known under both names is left as it is.
        """
        from mlflow.entities import Param  # lazy: as above

        existing = self._client.get_run(run_id).data.params if parameters else {}
        named: dict[str, str] = {}
        for name, value in leaves(parameters):
            text, own = cut(text_of(value), LONGEST_PARAMETER), name_of([*within, name])
            named[own if existing.get(own, text) == text else name_of([*otherwise, name])] = text
        new = [Param(name, text) for name, text in named.items() if name not in existing]
        for some in chunks(new, _MOST_PARAMETERS):
            self._client.log_batch(run_id, params=some)


_STATUS: Final = {Status.SUCCESS: "FINISHED", Status.FAIL: "FAILED"}


def _milliseconds(time: datetime) -> int:
    return int(time.timestamp() * 1000)


def _equals(value: str) -> str:
    """The condition; where a quotation mark is in the value, one that finds more than this value."""
    if "'" not in value:
        return f"= '{value}'"
    return "LIKE '{}'".format(value.replace("'", "_"))
