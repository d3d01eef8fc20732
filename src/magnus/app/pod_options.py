"""What containers of pods get of this machine."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class PodOptions(Struct, frozen=True):
    """The run, the folders of volumes by name, the folder of the project if pods see it, and the network if not the usual one."""

    run_id: str
    volumes: Mapping[str, Path]
    project: Path | None = None
    network: str = ""
