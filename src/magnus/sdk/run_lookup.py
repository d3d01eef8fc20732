"""Looks up runs, however they were started, and compares them: `magnus.run`, `magnus.runs`, `magnus.diff`, `magnus.reproduce`."""

import json
import os
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from magnus.app.inspect.find import find_run
from magnus.app.inspect.list_runs import RunFilter, list_runs, run_filter
from magnus.app.inspect.run_object import Run, Runs
from magnus.app.inspect.viewer import Viewer
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.app.compare.comparison import Comparison  # lazy: as where it is used
    from magnus.app.reproduce.verdict import Reproduction


def run(run_id: str = "latest", configuration_file: "str | os.PathLike[str]" = "") -> Run:
    """The run with this id or with this unique prefix of its id; or the run that started last.

    `configuration_file` names the services; the default is the default of `magnus execute`.

    Raises:
        RunNotFound: there is no such run.
        InvalidInput: the id is malformed, several runs start with it, or the configuration is wrong.
        RunLogStoreError: its record cannot be read.
    """
    viewer = _viewer(configuration_file)
    return Run(
        find_run(viewer.store, run_id), viewer.store, viewer.working_directory, lambda: viewer.logs, viewer.contents
    )


def runs(
    *,
    status: str | Collection[str] = (),
    tag: str | Collection[str] = (),
    pipeline: str | Collection[str] = (),
    since: str | timedelta | datetime = "",
    before: str | timedelta | datetime = "",
    limit: int | None = None,
    configuration_file: "str | os.PathLike[str]" = "",
) -> Runs:
    """The runs there are, the newest first, which are looked for when they are first asked for.

    Args:
        status: only runs of this status, or of one of these, such as `"FAIL"` or `"LOST"`.
        tag: only runs with this tag, or one of these.
        pipeline: only runs of the pipeline of this name, or of one of these.
        since: only runs that started then or later: an age (`"2d"`, a timedelta), a date as text or a datetime.
        before: only runs that started before; written likewise.
        limit: the largest number of runs.
        configuration_file: names the services; the default is the default of `magnus execute`.

    Raises:
        InvalidInput: a status, a time or the configuration is wrong.
    """
    which = run_filter(statuses=_each(status), tags=_each(tag), pipelines=_each(pipeline), since=since, before=before)
    return Runs(partial(_found, _viewer(configuration_file), which, limit))


def diff(
    first: str | Run, second: str | Run = "latest", *, configuration_file: "str | os.PathLike[str]" = ""
) -> "Comparison":
    """Compare two runs, the earliest cause first, as `magnus diff` does.

    Args:
        first: a run, its id, a unique prefix of it, or `latest`.
        second: the run to compare with; the default is the run that started last.
        configuration_file: names the services; the default is the default of `magnus execute`.

    Raises:
        RunNotFound: there is no such run.
        InvalidInput: an id is malformed, several runs start with it, or the configuration is wrong.
        RunLogStoreError: a record cannot be read.
    """
    from magnus.app.compare.compare import diff  # lazy: most programs compare no runs
    from magnus.app.compare.comparison import Comparison

    one, other = (run.run_id if isinstance(run, Run) else run for run in (first, second))
    return Comparison(diff(one, other, os.fspath(configuration_file), dict(os.environ)))


def reproduce(
    run_id: str = "latest",
    *,
    configuration_file: "str | os.PathLike[str]" = "",
    parameters: Mapping[str, Json] | None = None,
    once: bool = False,
) -> "Reproduction":
    """Run a run again in a restored project, in a process of its own, and compare the results, as `magnus reproduce` does.

    Args:
        run_id: the id of the run, a unique prefix of it, or `latest`.
        configuration_file: names the services; the default is the configuration of the run.
        parameters: values for initial parameters that held a secret, which the run log does not have.
        once: whether steps that differ do not run a further time, by which steps that are not deterministic are found.

    Raises:
        RunNotFound: there is no such run.
        InvalidInput: the project of the run cannot be restored, or the run cannot start again.
        ServiceError: a service failed.
    """
    from magnus.app.reproduce.reproduce import ReproduceRequest, reproduce  # lazy: most programs reproduce no run

    request = ReproduceRequest(
        run=run_id,
        environment=dict(os.environ),
        configuration_file=os.fspath(configuration_file),
        arguments={
            name: value if isinstance(value, str) else json.dumps(value) for name, value in (parameters or {}).items()
        },
        once=once,
    )
    return reproduce(request, lambda _line: None)


def _viewer(configuration_file: "str | os.PathLike[str]") -> Viewer:
    return Viewer(os.fspath(configuration_file), dict(os.environ), Path.cwd())


def _each(value: str | Collection[str]) -> Collection[str]:
    return (value,) if isinstance(value, str) else value


def _found(viewer: Viewer, which: RunFilter, limit: int | None) -> Sequence[Run]:
    records = islice(list_runs(viewer.store, which), limit)
    return [Run(each, viewer.store, viewer.working_directory, lambda: viewer.logs, viewer.contents) for each in records]
