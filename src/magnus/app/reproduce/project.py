"""Restores the project of a run in a folder of its own: the commit, uncommitted changes, and files that the run stored."""

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from magnus.app.inspect.viewer import steps_below
from magnus.app.reproduce import links, recorded_files, repository, uncommitted
from magnus.app.reproduce.repository import Repository
from magnus.engine.files.project_copy import ProjectCopy
from magnus.errors import CatalogError, InvalidInput
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import CodeIdentity, RunRecord, StepRecord

_CHANGES = "changes.diff"
_MOST_NAMED = 10
_HIDES = {b"no", b"false", b"off", b"0"}
"""The values of `status.showUntrackedFiles` under which git status has no untracked files."""


class Project(Struct, frozen=True):
    """The restored project.

    Attributes:
        folder: stands for the working directory of the run.
        top: the folder of the whole project, which has `folder` in it.
        original: stands for `top` in the files of the user.
        notes: sentences on all that may not be as it was.
    """

    folder: Path
    top: Path
    original: Path
    notes: tuple[str, ...]


class Source(Struct, frozen=True):
    """Where the project comes from; `hidden` are the folders in which magnus itself writes."""

    run: RunRecord
    store: RunLogStore
    catalog: Catalog
    working_directory: Path
    hidden: Collection[Path]
    environment: Mapping[str, str]


def restore_project(source: Source, target: Path) -> Project:
    """Restore the project in the folder `target`, which is made.

    InvalidInput if its commit, its changes or one of its files cannot be had; the user's files are only read.
    """
    steps = _steps(source)
    identity = next((one for one in source.run.code_identities if one.code_identifier_type == "git"), None)
    project = _copied(source, target, steps) if identity is None else _checked_out(source, target, steps, identity)
    entries = list(recorded_files.files_before(steps))
    recorded_files.restore(entries, source.catalog, project.folder, source.working_directory)
    return project


def _steps(source: Source) -> list[StepRecord]:
    return list(steps_below(source.store, source.run.run_id, BranchPath()))


def _copied(source: Source, target: Path, steps: Sequence[StepRecord]) -> Project:
    """The project as it is now, without results of the run."""
    here = source.working_directory
    ProjectCopy(here, source.hidden).make(target)
    for result in recorded_files.results_here(steps, here):
        (target / Path(result).relative_to(here)).unlink(missing_ok=True)
    note = "the run recorded no commit, so its code and files are taken from the project as they are now"
    return Project(target, target, here, (note,))


def _checked_out(source: Source, target: Path, steps: Sequence[StepRecord], identity: CodeIdentity) -> Project:
    here = source.working_directory
    found = repository.repository_of(here, source.environment)
    commit, url = identity.code_identifier, identity.code_identifier_url
    if found is None:
        message = f"the run has the commit {commit}, and '{here}' is in no git repository"
        raise InvalidInput(message, fix=f"work in a clone: git clone {url or 'URL'}")
    notes = list(repository.check_out(found, commit, target, source.environment, url))
    if repository.is_sparse(here, source.environment):
        notes.append("the work tree here is sparse; all files of the commit were there")
    if not identity.code_identifier_dependable:
        left_out = recorded_files.results_here(steps, here)
        notes += _changes(source, found, target, left_out, identity)
    links.lead_into(target, found.top, source.environment)
    folder = target / os.path.relpath(here.resolve(), found.top.resolve())
    if not folder.is_dir():
        message = (
            f"the commit {commit} of the run has no folder '{os.path.relpath(here.resolve(), found.top.resolve())}'"
        )
        raise InvalidInput(message, fix="call magnus reproduce in the folder in which the run was started")
    return Project(folder.resolve(), target, found.top, tuple(notes))


def _changes(
    source: Source, found: Repository, target: Path, left_out: Collection[str], identity: CodeIdentity
) -> Iterator[str]:
    """Bring the uncommitted changes; yields a sentence for all that the run did not store."""
    stored = source.run.run_config.get("changes")
    if stored:
        diff = _diff(source.catalog, stored["data_hash"], stored["size"])
        uncommitted.apply_diff(diff, target, source.environment)
        yield from _in_submodules(uncommitted.submodules_of(diff))
        untracked = uncommitted.untracked_names(diff)
        names = list(uncommitted.bring(untracked, found.top, target, left_out))
        yield from _in_repositories(untracked)
        if names:
            yield f"git did not track {_listed(names)}, so the run did not store them; they are as they are now"
        return
    message = identity.code_identifier_message
    names, more = uncommitted.changed_names(
        source.working_directory, identity.code_identifier, message, source.environment
    )
    brought = list(uncommitted.bring(names, found.top, target, left_out))
    fix = "the catalog option capture_diff: true stores changes of the next runs"
    yield f"the run had uncommitted changes, and did not store them ({message}); {fix}"
    folders = [name for name in names if name not in brought and (found.top / name).is_dir()]
    yield from _in_submodules([name for name in folders if not name.endswith("/")])
    yield from _in_repositories(folders)
    if brought:
        yield f"{_listed(brought)}: uncommitted in the run, so taken from the project as it is now"
    if more:
        yield f"{more} more files were uncommitted in the run, and are taken from its commit: it did not name them"


def _in_submodules(names: Sequence[str]) -> Iterator[str]:
    for name in names:
        yield f"the run had changes in the submodule '{name}', which is taken from the commit of the project"


def _in_repositories(names: Sequence[str]) -> Iterator[str]:
    """Sentences on repositories in the project that are no submodules; git ends their names so."""
    for name in names:
        if name.endswith("/"):
            yield f"'{name}' is a git repository of its own in the project, so it was not there"


def _diff(catalog: Catalog, data_hash: str, size: int) -> bytes:
    try:
        with catalog.open(_CHANGES, data_hash, size) as file:
            return file.read()
    except CatalogError as error:
        message = f"the uncommitted changes of the run cannot be restored: {error.problems[0].message}"
        raise InvalidInput(message, fix="magnus catalog verify lists content that is missing or damaged") from error


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(f"'{name}'" for name in names[:_MOST_NAMED]) + more


def ignored_files(source: Source, project: Project) -> Iterator[str]:
    """Sentences on the files of the user's project that the run could not record, which were not restored."""
    if project.original == source.working_directory and not (project.top / ".git").exists():
        return
    setting = ("config", "--default", "normal", "--get", "status.showUntrackedFiles")
    try:
        ignored = _missing(source, project, "--ignored")
        shows = repository.git(setting, source.working_directory, source.environment).strip().lower()
        untracked = _missing(source, project) if shows in _HIDES else []
    except InvalidInput:  # there is no git, or none any more
        return
    if ignored:
        yield f"git ignores {_listed(ignored)}, and the run did not store them, so they were not there; put the files that steps read into the catalog"
    if untracked:
        yield f"git does not show untracked files here, so the run did not record {_listed(untracked)}, and they were not there"


def _missing(source: Source, project: Project, *options: str) -> list[str]:
    """The files that git does not track and that the restored project does not have."""
    listed = ("ls-files", "--others", *options, "--exclude-standard", "--directory", "--full-name", "-z", "--", ":/")
    found = repository.git(listed, source.working_directory, source.environment)
    names = map(os.fsdecode, filter(None, found.split(b"\0")))
    hidden = {os.path.abspath(folder) for folder in source.hidden}  # noqa: PTH100 - as text
    hidden |= recorded_files.results_here(_steps(source), source.working_directory)
    left_out = [name for name in names if not _is_no_input(project.original / name, hidden)]
    return [name for name in left_out if not os.path.lexists(project.top / name)]


def _is_no_input(place: Path, hidden: Collection[str]) -> bool:
    """Whether it is a result of the run, or a folder of magnus, of Python or an environment."""
    return str(place) in hidden or place.name == "__pycache__" or (place / "pyvenv.cfg").exists()


def import_path(project: Project) -> list[str]:
    """The folders of the restored project that stand for folders of the user's project on the import path of this process.

    They are from entries of the path, as editable installations add them, and from their import hooks.
    """
    own = project.original.resolve()
    prefix = Path(sys.prefix).resolve()
    folders = [Path(entry).resolve() for entry in (*sys.path, *_hooked()) if entry]
    inside = [folder for folder in folders if folder.is_relative_to(own) and not folder.is_relative_to(prefix)]
    places = [project.top / folder.relative_to(own) for folder in dict.fromkeys(inside)]
    return [str(place) for place in places if place.is_dir() and place.resolve() != project.folder]


def _hooked() -> Iterator[str]:
    """The folders of packages that import hooks of setuptools know."""
    for finder in sys.meta_path:
        mapping = getattr(sys.modules.get(getattr(finder, "__module__", "")), "MAPPING", None)
        if isinstance(mapping, dict):
            yield from (str(Path(place).parent) for place in mapping.values() if isinstance(place, str))
