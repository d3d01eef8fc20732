"""Leads links that name the user's project by an absolute path into the restored project, so that no step writes to the first."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from magnus.app.reproduce.repository import git, own_environment
from magnus.errors import InvalidInput


def lead_into(target: Path, original: Path, environment: Mapping[str, str]) -> None:
    """Change such links in the folder `target`, which stands for `original`; its git sees no change in them."""
    for link in _links(target):
        inside = _inside(link.readlink(), original)
        if inside is None:
            continue
        link.unlink()
        link.symlink_to(target / inside)
        with suppress(InvalidInput):  # git does not track the link
            arguments = ("update-index", "--skip-worktree", "--", link.name)
            git(arguments, link.parent, own_environment(environment))


def _links(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files) if os.path.islink(os.path.join(place, name)))  # noqa: PTH114, PTH118 - thousands of files
        if ".git" in folders:
            folders.remove(".git")


def _inside(leads_to: Path, original: Path) -> Path | None:
    """The path within the project to which an absolute link leads; None for any other link."""
    if not leads_to.is_absolute():
        return None
    top = original.resolve()
    for place in (Path(os.path.normpath(leads_to)), leads_to.resolve()):
        for folder in (original, top):
            if place.is_relative_to(folder):
                return place.relative_to(folder)
    return None
