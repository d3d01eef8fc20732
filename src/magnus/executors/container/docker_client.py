"""The connection to a container engine, through the Docker SDK: the one place that knows where it is and how it fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException

from magnus.errors import TaskFailed


class DockerClient:
    """The engine that `DOCKER_HOST` names, or the one of this machine, connected to when it is first used.

    It may be used by several threads.

    Attributes:
        is_rootless: whether the engine runs without privileges, once it was used.
    """

    def __init__(self) -> None:
        self.is_rootless = False
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
                client = docker.from_env()
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
