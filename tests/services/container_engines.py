"""Fixtures: container engines of the tests' own, and the image that the documentation shows.

A plugin of pytest, so that all tests share them. Where no engine is installed the tests are skipped; not in CI.
"""

import os
from pathlib import Path

import dockerd
import podman
import pytest

HOW_TO = Path(__file__).parents[2] / "docs/how-to/run-in-containers.md"
IMAGE = "my-pipeline"
EXTRAS = ("botocore", "ipykernel", "nbclient", "nbformat", "obstore", "psycopg", "psycopg-binary")
"""What the extras `aws`, `notebook`, `object-store` and `postgres` install, in the base since there is no registry."""


@pytest.fixture(scope="session")
def docker_host():
    """The address of a Docker engine."""
    need(dockerd.missing())
    with dockerd.running() as address:
        yield address


@pytest.fixture(scope="session")
def podman_host():
    """The address of a service of podman."""
    need(podman.missing())
    with podman.running() as address:
        yield address


def need(missing):
    if missing:
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


@pytest.fixture(scope="session")
def image(docker_host, tmp_path_factory):
    """The image of the documentation, built by its Dockerfile on a base that stands for the one named there."""
    import docker
    import images

    from magnus import __version__

    folder = tmp_path_factory.mktemp("image")
    images.filled(folder / "base.tar", *EXTRAS)
    with dockerd.client(docker_host) as client:
        changes = [f"ENV {name}={value}" for name, value in images.ENVIRONMENT.items()]
        repository, tag = from_line().removeprefix("FROM ").split(":")
        client.api.import_image(str(folder / "base.tar"), repository=repository, tag=tag, changes=changes)
        (folder / "base.tar").unlink()
        (folder / "Dockerfile").write_text(dockerfile())
        (folder / "requirements.txt").write_text("PyYAML\n")
        arguments = {"MAGNUS_VERSION": __version__}
        try:
            client.images.build(path=str(folder), tag=IMAGE, buildargs=arguments, network_mode="none", rm=True)
        except docker.errors.BuildError as error:
            pytest.fail("".join(line.get("stream", "") for line in error.build_log))
    return IMAGE


@pytest.fixture(scope="session")
def podman_image(podman_host, docker_host, image):
    """The same image, where podman finds it."""
    with dockerd.client(docker_host) as docker, dockerd.client(podman_host) as client:
        client.images.load(docker.images.get(image).save(named=True))
    return image


@pytest.fixture(scope="session")
def engine(request):
    """The address of an engine that has the image: Docker's, or that of the engine given as parameter."""
    name = getattr(request, "param", "docker")
    request.getfixturevalue({"docker": "image", "podman": "podman_image"}[name])
    return request.getfixturevalue(f"{name}_host")


@pytest.fixture
def client(engine, monkeypatch):
    """Steps run by that engine, and leave no container behind."""
    monkeypatch.setenv("DOCKER_HOST", engine)
    with dockerd.client(engine) as made:
        yield made
        left = made.containers.list(all=True)
        for container in left:
            container.remove(force=True)
        assert not left


def dockerfile():
    return HOW_TO.read_text().partition("```dockerfile\n")[2].partition("```")[0]


def from_line():
    return dockerfile().splitlines()[0]
