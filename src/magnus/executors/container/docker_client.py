"""The connection to a container engine through the Docker SDK, and its images; it alone knows how the engine fails.

Images are found on this machine, or pulled from a registry.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, Literal

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from msgspec import Struct
from requests.exceptions import RequestException

from magnus.errors import TaskFailed
from magnus.executors.container.outcome import HELP


class DockerClient:
    """The engine that `DOCKER_HOST` names, or the one of this machine, connected to when it is first used.

    It may be used by several threads. `timeout` is how many seconds an answer may take; by default as the SDK says.

    Attributes:
        is_rootless: whether the engine runs without privileges, once it was used.
    """

    def __init__(self, timeout: float | None = None) -> None:
        self.is_rootless = False
        self._timeout = {} if timeout is None else {"timeout": timeout}
        self._connecting = Lock()
        self._client: Any = None

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()

    @property
    def api(self) -> Any:
        """The low-level API of the SDK."""
        with self._connecting:
            if self._client is None:
                client = docker.from_env(**self._timeout)
                try:
                    options = client.info().get("SecurityOptions") or []
                except BaseException:
                    client.close()
                    raise
                self.is_rootless = any("rootless" in option for option in options)
                self._client = client
            return self._client.api


@contextmanager
def translated(problem: str) -> Iterator[None]:
    """Errors of the engine as TaskFailed: the problem, and what the user can do about it."""
    try:
        yield
    except APIError as error:
        raise TaskFailed(f"{problem}: {reason_of(error)}") from error
    except (DockerException, RequestException, OSError) as error:
        host = os.environ.get("DOCKER_HOST", "")
        where = f"at DOCKER_HOST={host}" if host else "on this machine (DOCKER_HOST is not set)"
        raise TaskFailed(
            f"no container engine answers {where}: start Docker, or podman's service, and see that you may use it\n"
            f"{reason_of(error)}"
        ) from error


def reason_of(error: Exception) -> str:
    """The reason that the engine gives."""
    return str(getattr(error, "explanation", None) or error).strip()


class Image(Struct, frozen=True):
    """An image on this machine: its name, the id that the engine gives it, and its digest."""

    name: str
    id: str
    digest: str


class Images:
    """The images of a run, each looked for once. May be used by several threads."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client
        self._lock = Lock()
        self._images: dict[str, Image] = {}

    def get(self, name: str, pull: Literal["missing", "always", "never"]) -> Image:
        """The image of this name, the same for a whole run; it is pulled as `pull` says."""
        with self._lock, translated(f"the image '{name}' cannot be used"):
            if name not in self._images:
                if pull == "always":
                    self._pull(name)
                self._images[name] = self._local(name) or self._pulled(name, pull)
            return self._images[name]

    def _local(self, name: str) -> Image | None:
        try:
            image = self._client.api.inspect_image(name)
        except ImageNotFound:
            return None
        digests = [digest.rpartition("@")[2] for digest in image.get("RepoDigests") or []]
        return Image(name, image["Id"], (digests or [image["Id"]])[0])

    def _pulled(self, name: str, pull: str) -> Image:
        if pull == "never":
            raise TaskFailed(f"there is no image '{name}' here, and pull_policy is 'never': build it, {HELP}")
        self._pull(name)
        image = self._local(name)
        if image is None:
            raise TaskFailed(f"there is no image '{name}': build it, {HELP}")
        return image

    def _pull(self, name: str) -> None:
        try:
            answers = list(
                self._client.api.pull(name, tag=None if _has_tag(name) else "latest", stream=True, decode=True)
            )
            _raise_error_in(answers)
        except (DockerException, RequestException) as error:
            reason = reason_of(error)
            raise TaskFailed(
                f"there is no image '{name}' here, and it cannot be pulled: build it, {HELP}\n{reason}"
            ) from error


def _raise_error_in(answers: Sequence[Mapping[str, Any]]) -> None:
    """DockerException when an answer has an error: podman gives no other sign that it could not pull."""
    for answer in answers:
        if "error" in answer:
            raise DockerException(answer["error"])


def _has_tag(name: str) -> bool:
    return ":" in name.rpartition("/")[2] or "@" in name
