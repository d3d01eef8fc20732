"""The container engine, through the Docker SDK: the one place that knows it. Docker, and podman's compatible socket."""

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.types import LogConfig, Mount
from docker.utils.socket import frames_iter
from msgspec import Struct
from requests.exceptions import RequestException

from magnus.errors import TaskFailed
from magnus.executors.container.labels import HOST, to_be_done
from magnus.executors.container.mounts import Folder
from magnus.executors.container.options import Resources
from magnus.executors.container.outcome import HELP, Ended, version_in, without_magnus

_STDERR: Final = 2
_RETURN_SECONDS: Final = 10.0
_RETRY_SECONDS: Final = 0.2
_NO_COMMAND: Final = ("executable file", "no such file or directory", "permission denied")

_STOP_SECONDS: Final = 10
"""What a container that is stopped from outside has to record that; podman would give it no time if nothing is said."""


class Image(Struct, frozen=True):
    """An image that is here: its name, what the engine calls it, and the digest that tells it from all others."""

    name: str
    id: str
    digest: str


class Job(Struct, frozen=True):
    """A container to be run.

    `is_removed` says that it goes when it has ended, `read` which of its files are wanted before. Without a working
    directory it has that of its image; `is_entrypoint` says that the command stands for the entrypoint of the image too.
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

    Whatever it cannot do is TaskFailed, with what to do about it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._connecting = Lock()
        self._client: Any = None
        self._images: dict[str, Image] = {}
        self._versions: dict[str, str] = {}
        self._is_rootless = False

    def close(self) -> None:
        """Let go of the engine."""
        if self._client is not None:
            self._client.close()

    def image(self, name: str, pull: Literal["missing", "always", "never"]) -> Image:
        """The image of this name, the same for a whole run; it is pulled as said."""
        with self._lock, _translated(f"the image '{name}' cannot be used"):
            if name not in self._images:
                if pull == "always":
                    self._pull(name)
                self._images[name] = self._found(name) or self._pulled(name, pull)
            return self._images[name]

    def run(self, job: Job, hear: Callable[[bytes, bytes], None], begun: Callable[[str], None]) -> Ended:
        """Run the container to its end.

        `hear` gets what comes out of it, standard output and standard error; `begun` its id, before it is started and
        once more when it has been.
        """
        with _translated(f"the container of the image '{job.image.name}' cannot be run"):
            container = self._created(job)
            try:
                begun(container)
                self._followed(container, job, hear, begun)
                code = self._waited(container)
                state = self._api.inspect_container(container)["State"]
                return Ended(code, bool(state.get("OOMKilled")), self._read(container, job.read))
            finally:
                if job.is_removed:
                    self._remove(container)

    def signal(self, container: str, name: str) -> None:
        """Send a signal to the container; nothing, when it has ended."""
        with suppress(DockerException, RequestException):
            self._api.kill(container, name)

    def version(self, job: Job) -> str:
        """The version of magnus in the image of the job; "" when it cannot be run. Looked for once an image."""
        if job.image.id not in self._versions:
            said: list[bytes] = []
            try:
                self.run(job, lambda out, _: said.append(out), lambda _: None)
                self._versions[job.image.id] = version_in(b"".join(said).decode(errors="replace"))
            except TaskFailed:
                self._versions[job.image.id] = ""
        return self._versions[job.image.id]

    def clean_up(self, host: str) -> None:
        """Remove what processes of this host left that are gone, as their labels say."""
        with _translated("containers that were left cannot be removed"):
            for found in self._api.containers(all=True, filters={"label": [f"{HOST}={host}"]}):
                match to_be_done(found.get("Labels") or {}, found.get("State", "")):
                    case "remove":
                        self._remove(found["Id"])
                    case "kill":
                        self.signal(found["Id"], "SIGKILL")
                    case "nothing":
                        pass

    @property
    def _api(self) -> Any:
        with self._connecting:
            if self._client is None:
                client = docker.from_env()
                try:
                    options = client.info().get("SecurityOptions") or []
                except BaseException:
                    client.close()
                    raise
                self._is_rootless = any("rootless" in option for option in options)
                self._client = client
            return self._client.api

    def _found(self, name: str) -> Image | None:
        try:
            found = self._api.inspect_image(name)
        except ImageNotFound:
            return None
        digests = [digest.rpartition("@")[2] for digest in found.get("RepoDigests") or []]
        return Image(name, found["Id"], (digests or [found["Id"]])[0])

    def _pulled(self, name: str, pull: str) -> Image:
        if pull == "never":
            raise TaskFailed(f"there is no image '{name}' here, and pull_policy is 'never': build it, {HELP}")
        self._pull(name)
        found = self._found(name)
        if found is None:
            raise TaskFailed(f"there is no image '{name}': build it, {HELP}")
        return found

    def _pull(self, name: str) -> None:
        try:
            said = list(self._api.pull(name, tag=None if _has_tag(name) else "latest", stream=True, decode=True))
            _raise_what_was_said(said)
        except (DockerException, RequestException) as error:
            reason = _reason(error)
            raise TaskFailed(
                f"there is no image '{name}' here, and it cannot be pulled: build it, {HELP}\n{reason}"
            ) from error

    def _created(self, job: Job) -> str:
        api, resources = self._api, job.resources
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
        """Who the container runs as; root of an engine without privileges is the user who runs that."""
        if job.user is not None:
            return job.user
        return "0:0" if self._is_rootless else f"{os.getuid()}:{os.getgid()}"

    def _environment(self, job: Job) -> dict[str, str]:
        """The variables of the job; a user whom the image does not know has no home there."""
        is_stranger = job.user is None and self._user(job) != "0:0"
        return {**({"HOME": "/tmp"} if is_stranger else {}), **job.environment}  # noqa: S108

    def _followed(
        self, container: str, job: Job, hear: Callable[[bytes, bytes], None], begun: Callable[[str], None]
    ) -> None:
        """Start the container, and hear it to its end."""
        with _looked_for(job):
            output = self._api.attach_socket(container, {"stdout": 1, "stderr": 1, "stream": 1})
        try:
            with _looked_for(job):
                self._api.start(container)
            begun(container)
            for kind, piece in _frames(output):
                hear(*((b"", piece) if kind == _STDERR else (piece, b"")))
        finally:
            output._response.close()  # noqa: SLF001 - the SDK keeps it there for this
            output.close()

    def _read(self, container: str, paths: Sequence[str]) -> dict[str, bytes]:
        """What the files of the container hold that are there."""
        found: dict[str, bytes] = {}
        for path in paths:
            with suppress(NotFound):
                pieces, _ = self._api.get_archive(container, path)
                with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as archive:
                    members = archive.getmembers()
                    file = archive.extractfile(members[0]) if members else None
                    if file is not None:
                        found[path] = file.read()
        return found

    def _waited(self, container: str) -> int:
        """The exit status. An engine that is started anew meanwhile is asked again; what it said before is heard."""
        deadline = time.monotonic() + _RETURN_SECONDS
        while True:
            try:
                return int(self._api.wait(container, timeout=None)["StatusCode"])
            except APIError:
                raise
            except (RequestException, OSError) as error:
                if time.monotonic() > deadline:
                    raise TaskFailed(
                        "the container engine does not answer any more, and the container of the step may still run: "
                        f"start the engine, and then the run again\n{_reason(error)}"
                    ) from error
            time.sleep(_RETRY_SECONDS)

    def _remove(self, container: str) -> None:
        with suppress(NotFound, APIError, RequestException):  # it is being removed already, or there is no engine
            self._api.remove_container(container, force=True, v=True)


def _frames(output: Any) -> Iterator[tuple[int, bytes]]:
    """What comes out of a container, until it ends or the engine does."""
    with suppress(ConnectionError):
        yield from frames_iter(output, tty=False)


@contextmanager
def _looked_for(job: Job) -> Iterator[None]:
    """Say so when the command of the job is not in the image; podman looks for it when it is attached to."""
    try:
        yield
    except APIError as error:
        reason = _reason(error)
        if any(part in reason.lower() for part in _NO_COMMAND) and job.command[0] in reason:
            raise without_magnus(job.image.name, reason) from error
        raise


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except APIError as error:
        raise TaskFailed(f"{what}: {_reason(error)}") from error
    except (DockerException, RequestException, OSError) as error:
        host = os.environ.get("DOCKER_HOST", "")
        where = f"at DOCKER_HOST={host}" if host else "on this machine (DOCKER_HOST is not set)"
        raise TaskFailed(
            f"no container engine answers {where}: start Docker, or podman's service, and see that you may use it\n"
            f"{_reason(error)}"
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error).strip()


def _raise_what_was_said(said: Sequence[Mapping[str, Any]]) -> None:
    """Podman says only in its answer that it could not pull."""
    for line in said:
        if "error" in line:
            raise DockerException(line["error"])


def _has_tag(name: str) -> bool:
    return ":" in name.rpartition("/")[2] or "@" in name
