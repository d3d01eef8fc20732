"""Which folder of this machine stands for which volume of a simulated workflow."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from magnus.errors import InvalidInput
from magnus.transpilers.argo.manifest import WorkflowSpec


def folders(
    spec: WorkflowSpec, given: Mapping[str, str], working_directory: Path, *, in_containers: bool
) -> dict[str, Path]:
    """The folder of every volume whose folder is given, or which there is at the path where pods see it.

    InvalidInput for a volume that the workflow does not have, and for a folder that pods cannot see where they look for it.
    """
    known = [volume.name for volume in spec.volumes]
    for name in given:
        if name not in known:
            there = ", ".join(f"'{one}'" for one in known) or "none"
            raise InvalidInput(f"the workflow has no volume '{name}'", fix=f"volumes of it: {there}")
    found = {name: (working_directory / text).absolute() for name, text in given.items()}
    for name, place in mount_paths(spec):
        folder = found.setdefault(name, place)
        if in_containers:
            _check_is_folder(name, folder, is_given=name in given)
        elif name in given and folder.resolve() != place.resolve():
            fix = f"run them with --containers, or let '{place}' be a symbolic link to that folder"
            raise InvalidInput(f"processes see the volume '{name}' at '{place}' alone, and not in '{folder}'", fix=fix)
    return found


def mount_paths(spec: WorkflowSpec) -> Iterator[tuple[str, Path]]:
    """Where pods see which volume."""
    for template in spec.templates:
        for mount in template.container.volume_mounts if template.container else ():
            yield mount.name, Path(mount.mount_path)


def _check_is_folder(name: str, folder: Path, *, is_given: bool) -> None:
    if not folder.is_dir():
        fix = "make it" if is_given else f"name a folder that stands for it: --volume {name}=FOLDER"
        raise InvalidInput(f"there is no folder '{folder}' for the volume '{name}'", fix=fix)
