"""Finds containers of runs whose process is gone, and ends them. Called by the class of the executor."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from typing import Final

from docker.errors import APIError, NotFound

from magnus.errors import JobsUnknown, TaskFailed
from magnus.executors.container.docker_client import DockerClient, translated
from magnus.executors.container.labels import RUN, RUNNING, STEP, run_of
from magnus.interfaces.jobs_of_runs import RunningJob
from magnus.run_log.records import RunRecord

_ANSWER_SECONDS: Final = 5
_GRACE_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.05
_ID_LENGTH: Final = 12
"""Of the id that `docker ps` shows."""


def running_containers(runs: Sequence[RunRecord]) -> Mapping[str, Sequence[RunningJob]]:
    """The containers of the runs that are not over, by the id of the run; JobsUnknown when no engine answers."""
    containers: dict[str, list[RunningJob]] = {}
    with _client() as client:
        for container in client.api.containers(all=True, filters={"label": [RUN]}):
            labels, state = container.get("Labels") or {}, container.get("State", "")
            if state in RUNNING and (run_id := run_of(labels, runs)):
                job = RunningJob(container["Id"][:_ID_LENGTH], labels.get(STEP, ""))
                containers.setdefault(run_id, []).append(job)
    return containers


def end_containers(run: RunRecord, jobs: Sequence[RunningJob]) -> None:
    """Interrupt the containers as a user who stops a run does; kill the ones that are there some seconds later."""
    with _client() as client:
        _signal(client, jobs, "SIGINT")
        deadline = time.monotonic() + _GRACE_SECONDS
        while (rest := running_containers([run])) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        _signal(client, rest.get(run.run_id, ()), "SIGKILL")


def _signal(client: DockerClient, jobs: Sequence[RunningJob], name: str) -> None:
    for job in jobs:
        with suppress(NotFound, APIError):  # it has exited
            client.api.kill(job.id, name)


@contextmanager
def _client() -> Iterator[DockerClient]:
    try:
        with closing(DockerClient(_ANSWER_SECONDS)) as client, translated("containers cannot be listed"):
            yield client
    except TaskFailed as error:
        raise JobsUnknown(error.problems[0].message.partition("\n")[0]) from error
