"""Images of containers: found on this machine, or pulled from a registry."""

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, Literal

from docker.errors import DockerException, ImageNotFound
from msgspec import Struct
from requests.exceptions import RequestException

from magnus.errors import TaskFailed
from magnus.executors.container.docker_client import DockerClient, reason_of, translated
from magnus.executors.container.outcome import HELP


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
