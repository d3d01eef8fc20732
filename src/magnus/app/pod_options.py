"""What containers of pods get of this machine."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from magnus.engine.project_copy import ProjectCopy


class PodOptions(Struct, frozen=True):
    """What a pod gets.

    Attributes:
        run_id: of the run that the pods are for.
        volumes: the folders of volumes by name.
        project: the folder of the project, if pods see it.
        copy: how each pod gets a fresh copy of the project in its place; None where all share it.
        network: "" for the usual one.
    """

    run_id: str
    volumes: Mapping[str, Path]
    project: Path | None = None
    copy: ProjectCopy | None = None
    network: str = ""
