"""Runs containers through the Docker SDK, on Docker or podman's compatible socket."""

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from docker.errors import APIError, DockerException, NotFound
from docker.types import LogConfig, Mount
from docker.utils.socket import frames_iter
from msgspec import Struct
from requests.exceptions import RequestException

from magnus.errors import TaskFailed
from magnus.executors.container.docker_client import DockerClient, Image, Images, reason_of, translated
from magnus.executors.container.labels import HOST, to_be_done
from magnus.executors.container.mounts import Folder
from magnus.executors.container.options import Resources
from magnus.executors.container.outcome import ContainerExit, version_in, without_magnus

_STDERR: Final = 2
_RETURN_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.2
_NO_COMMAND: Final = ("executable file", "no such file or directory", "permission denied")

_STOP_SECONDS: Final = 10
"""The time in which a stopped container records that; without a value podman gives it no time."""


class Job(Struct, frozen=True):
    """A container to be run.

    If `is_removed`, it is removed when it has exited. `read` are the files to read before that. Without a
    `working_directory` it has the one of its image. If `is_entrypoint`, the command replaces the entrypoint of the image.
    """

    image: Image
    command: Sequence[str]
    environment: Mapping[str, str]
    folders: Sequence[Folder]
    working_directory: Path | None
    labels: Mapping[str, str]
    resources: Resources
    network: str | None = None
    user: str | None = None
    is_removed: bool = True
    is_entrypoint: bool = False
    read: Sequence[str] = ()


class DockerEngine:
    """The engine that `DOCKER_HOST` names, or the one of this machine. May be used by several threads.

    It raises TaskFailed for all that it cannot do, with what the user can do about it.
    """

    def __init__(self) -> None:
        self._client = DockerClient()
        self.images = Images(self._client)
        self._versions: dict[str, str] = {}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def run(self, job: Job, hear: Callable[[bytes, bytes], None], report_id: Callable[[str], None]) -> ContainerExit:
        """Run the container until it exits.

        `hear` gets its standard output and standard error; `report_id` gets its id, once before it is started and once
        afterwards.
        """
        with translated(f"the container of the image '{job.image.name}' cannot be run"):
            container = self._created(job)
            try:
                report_id(container)
                self._follow(container, job, hear, report_id)
                code = self._waited(container)
                state = self._client.api.inspect_container(container)["State"]
                return ContainerExit(code, bool(state.get("OOMKilled")), self._read(container, job.read))
            finally:
                if job.is_removed:
                    self._remove(container)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to the container, unless it has exited."""
        with suppress(DockerException, RequestException):
            self._client.api.kill(container, name)

    def version(self, job: Job) -> str:
        """The version of magnus in the image of the job; "" when it cannot be run. Looked for once an image."""
        if job.image.id not in self._versions:
            output: list[bytes] = []
            try:
                self.run(job, lambda out, _: output.append(out), lambda _: None)
                self._versions[job.image.id] = version_in(b"".join(output).decode(errors="replace"))
            except TaskFailed:
                self._versions[job.image.id] = ""
        return self._versions[job.image.id]

    def clean_up(self, host: str) -> None:
        """Remove the containers of dead processes of this host, by their labels."""
        with translated("containers that were left cannot be removed"):
            for container in self._client.api.containers(all=True, filters={"label": [f"{HOST}={host}"]}):
                match to_be_done(container.get("Labels") or {}, container.get("State", "")):
                    case "remove":
                        self._remove(container["Id"])
                    case "kill":
                        self.signal(container["Id"], "SIGKILL")
                    case "nothing":
                        pass

    def _created(self, job: Job) -> str:
        api, resources = self._client.api, job.resources
        limits = {} if resources.cpu is None else {"nano_cpus": int(resources.cpu * 1e9)}
        if resources.memory is not None:
            limits |= {"mem_limit": int(resources.memory), "memswap_limit": int(resources.memory)}
        mounts = [
            Mount(str(f.inside or f.path), str(f.path), type="bind", read_only=f.is_read_only) for f in job.folders
        ]
        host = api.create_host_config(
            mounts=mounts,
            network_mode=job.network,
            security_opt=["label=disable"],  # with SELinux a container may not use folders of users otherwise
            log_config=LogConfig(type="none")
            if job.is_removed
            else None,  # its output is heard; nobody asks for it later
            **limits,
        )
        created = api.create_container(
            job.image.id,
            None if job.is_entrypoint else list(job.command),
            entrypoint=list(job.command) if job.is_entrypoint else None,
            environment=self._environment(job),
            working_dir=None if job.working_directory is None else str(job.working_directory),
            labels=dict(job.labels),
            user=self._user(job),
            stop_signal="SIGTERM",  # also of an image that asks for SIGINT, which is the user's stop
            stop_timeout=_STOP_SECONDS,
            host_config=host,
        )
        return str(created["Id"])

    def _user(self, job: Job) -> str:
        """The user of the container; root of an engine without privileges is the user who runs the engine."""
        if job.user is not None:
            return job.user
        return "0:0" if self._client.is_rootless else f"{os.getuid()}:{os.getgid()}"

    def _environment(self, job: Job) -> dict[str, str]:
        """The variables of the job; a user whom the image does not know has no home there."""
        is_stranger = job.user is None and self._user(job) != "0:0"
        return {**({"HOME": "/tmp"} if is_stranger else {}), **job.environment}  # noqa: S108

    def _follow(
        self, container: str, job: Job, hear: Callable[[bytes, bytes], None], report_id: Callable[[str], None]
    ) -> None:
        """Start the container, and read its output until it exits."""
        with _looked_for(job):
            output = self._client.api.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1})
        try:
            with _looked_for(job):
                self._client.api.start(container)
            report_id(container)
            for kind, piece in _frames(output):
                hear(*((b"", piece) if kind == _STDERR else (piece, b"")))
        finally:
            output._response.close()  # noqa: SLF001 - the SDK keeps it there for this
            output.close()

    def _read(self, container: str, paths: Sequence[str]) -> dict[str, bytes]:
        """The contents of those files that the container has."""
        contents: dict[str, bytes] = {}
        for path in paths:
            with suppress(NotFound):
                pieces, _ = self._client.api.get_archive(container, path)
                with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
                    members = archive.getmembers()
                    file = archive.extractfile(members[0]) if members else None
                    if file is not None:
                        contents[path] = file.read()
        return contents

    def _waited(self, container: str) -> int:
        """The exit status. If the engine restarts meanwhile, the request is sent again."""
        deadline = time.monotonic() + _RETURN_SECONDS
        while True:
            try:
                return int(self._client.api.wait(container, timeout=None)["StatusCode"])
            except APIError:
                raise
            except (RequestException, OSError) as error:
                if time.monotonic() > deadline:
                    raise TaskFailed(
                        "the container engine does not answer any more, and the container of the step may still run: "
                        f"start the engine, and then the run again\n{reason_of(error)}"
                    ) from error
            time.sleep(_RETRY_SECONDS)

    def _remove(self, container: str) -> None:
        with suppress(NotFound, APIError, RequestException):  # it is being removed already, or there is no engine
            self._client.api.remove_container(container, force=True, v=True)


def _frames(output: Any) -> Iterator[tuple[int, bytes]]:
    """The output of a container, until it ends or the engine does."""
    with suppress(ConnectionError):
        yield from frames_iter(output, tty=False)


@contextmanager
def _looked_for(job: Job) -> Iterator[None]:
    """Say so when the command of the job is not in the image; podman looks for it when it is attached to."""
    try:
        yield
    except APIError as error:
        reason = reason_of(error)
        if any(part in reason.lower() for part in _NO_COMMAND) and job.command[0] in reason:
            raise without_magnus(job.image.name, reason) from error
        raise
