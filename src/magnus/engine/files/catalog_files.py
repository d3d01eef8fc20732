"""Moves files between a step and the catalog: it puts the files that its globs mean, but none of sibling branches.

Called by `engine.step.run_step`. Globs are relative to the data folder of the step; names are relative to the working
directory, so that a file has the same name for all steps and the catalog shows the tree of the project.

In pods each step has a working directory of its own, so a pattern such as `out/*` never means the files of a sibling
branch. Where branches share one, the files that siblings put and that the step finds untouched are left out of a put.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.engine.files.match_files import Globs, Matches, Progress, matching_files
from magnus.engine.files.objects import OBJECTS
from magnus.errors import TaskFailed
from magnus.graph.nodes import CatalogSpec, CompositeNode, Graph, RepeatedBranch
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import CatalogRecord, StepRecord

__all__ = [
    "Matches",
    "get_files",
    "keep_files",
    "mark_preexisting",
    "matching_entries",
    "matching_files",
    "named_from_root",
    "put_files",
]

_CLOCK_STEP_SECONDS: Final = 0.02
"""File systems take the time from a clock that goes in steps, and may be late by one."""
_NANOSECONDS: Final = 1_000_000_000
_MOST_NAMES_SHOWN: Final = 10


def get_files(
    catalog: Catalog,
    spec: CatalogSpec,
    *,
    run_id: str,
    branch: BranchPath,
    working_directory: Path,
    visible: Mapping[str, CatalogRecord],
) -> tuple[CatalogRecord, ...]:
    """Bring what the `get` globs match among the `visible` entries, and return these with stage `get`.

    TaskFailed when a glob matches nothing, unless the catalog is one that keeps nothing; CatalogError from it.
    """
    entries = files_to_get(catalog, spec, working_directory=working_directory, visible=visible)
    return catalog.get(run_id, branch, entries, working_directory) if entries else ()


def files_to_get(
    catalog: Catalog, spec: CatalogSpec, *, working_directory: Path, visible: Mapping[str, CatalogRecord]
) -> Sequence[CatalogRecord]:
    """The visible entries that the `get` globs match. Raises TaskFailed like `get_files`."""
    prefix = _prefix(_data_folder(catalog, spec, working_directory))
    matches = matching_entries(_below(visible, prefix), spec.get)
    if matches.unmatched and catalog.capabilities.keeps:
        patterns = ", ".join(f"'{pattern}'" for pattern in matches.unmatched)
        raise TaskFailed(f"catalog get: nothing in the catalog matches {patterns}{_in(prefix)}; {known(visible)}")
    return [visible[prefix + name] for name in matches.names]


def files_to_put(catalog: Catalog, spec: CatalogSpec, working_directory: Path, hidden: Sequence[Path]) -> Sequence[str]:
    """The names of the files that the `put` globs match now. TaskFailed when a glob means nothing in the project."""
    below = _data_folder(catalog, spec, working_directory)
    prefix = _prefix(below)
    return [prefix + name for name in _matching_in(working_directory / below, spec.put, hidden).names]


def put_files(
    catalog: Catalog,
    spec: CatalogSpec,
    *,
    run_id: str,
    branch: BranchPath,
    working_directory: Path,
    hidden: Sequence[Path],
    got: Sequence[CatalogRecord],
    own: Callable[[Sequence[str]], Sequence[str]] = tuple,
) -> tuple[tuple[CatalogRecord, ...], tuple[str, ...]]:
    """Keep the files that the `put` globs match; return their entries, and a warning for each glob without a match and each
    match that is no file.

    What is in `hidden` folders is matched only by globs that name them. A file that still has the content it was
    `got` with is left out, and so are matches that `own` does not return. TaskFailed when the step, or else the catalog, is strict and a glob matches nothing;
    then nothing is kept. CatalogError from the catalog.
    """
    below = _data_folder(catalog, spec, working_directory)
    matches = _matching_in(working_directory / below, spec.put, hidden)
    if not catalog.capabilities.keeps:
        return (), ()
    prefix = _prefix(below)
    warnings = tuple(f"catalog put: no file matches '{pattern}'{_in(prefix)}" for pattern in matches.unmatched)
    left_out = tuple(f"catalog put: {sentence}, and is left out" for sentence in matches.left_out)
    if warnings and (catalog.strict if spec.strict is None else spec.strict):
        raise TaskFailed("\n".join((*left_out, *warnings)))
    names = own([prefix + name for name in matches.names])
    unchanged = {entry.name: entry.data_hash for entry in got}
    put = catalog.put(run_id, branch, working_directory, names, unchanged=unchanged, store_copy=spec.store_copy)
    return put, (*left_out, *warnings)


def mark_preexisting(
    put: Sequence[CatalogRecord], working_directory: Path, *, started_at: datetime, project: Path | None = None
) -> tuple[CatalogRecord, ...]:
    """The entries, which say of each file whether it was there, as it is, before the run started; in doubt it was not.

    `project` is the folder that the working directory is a copy of, which has its times.
    """
    before = started_at.timestamp() - _CLOCK_STEP_SECONDS
    folder, original = str(working_directory), str(project or working_directory)
    return tuple(
        replace(entry, preexisting=True) if _is_older(entry.name, folder, original, before) else entry for entry in put
    )


def _is_older(name: str, folder: str, original: str, before: float) -> bool:
    try:
        own = os.stat(f"{folder}/{name}")  # noqa: PTH116 - thousands of files
        if folder == original:
            return own.st_ctime < before
        first = os.stat(f"{original}/{name}")  # noqa: PTH116 - as above
    except OSError:
        return False
    return (own.st_mtime_ns, own.st_size) == (first.st_mtime_ns, first.st_size) and first.st_ctime < before


def keep_files(catalog: Catalog, folder: Path, *, run_id: str, branch: BranchPath) -> tuple[CatalogRecord, ...]:
    """Keep every file below `folder`, which need not be there, and return their entries. CatalogError from the catalog."""
    if not catalog.capabilities.keeps or not folder.is_dir():
        return ()
    names = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return catalog.put(run_id, branch, folder, names, unchanged={})


def named_from_root(
    catalog: Catalog, spec: CatalogSpec, patterns: Sequence[str], working_directory: Path
) -> tuple[str, ...]:
    """The globs as they are from the working directory on. TaskFailed when one of them means nothing that is in it."""
    if not patterns:
        return ()
    Globs.of(patterns)
    prefix = _prefix(_data_folder(catalog, spec, working_directory))
    return tuple(prefix + pattern for pattern in patterns)


def matching_entries(entries: Mapping[str, CatalogRecord], patterns: Sequence[str]) -> Matches:
    """The names among the entries that globs mean. TaskFailed when a pattern is absolute or has `..` in it."""
    globs = Globs.of(patterns)
    names, matched = [], set()
    in_folders: dict[str, Progress] = {}
    for name in entries:
        folder, _, last = name.rpartition("/")
        if (progress := in_folders.get(folder)) is None:
            progress = globs.start
            for part in folder.split("/") if folder else ():
                progress = globs.advance(progress, part)
            in_folders[folder] = progress
        progress = globs.advance(progress, last)
        if matching := globs.matching(progress):
            matched |= matching
            names.append(name)
    unmatched = (pattern for number, pattern in enumerate(globs.patterns) if number not in matched)
    return Matches(tuple(sorted(names)), tuple(unmatched))


def _matching_in(folder: Path, patterns: Sequence[str], hidden: Sequence[Path]) -> Matches:
    """Likewise of a folder, which need not be there."""
    if not patterns or not folder.is_dir():
        Globs.of(patterns)
        return Matches((), tuple(patterns))
    return matching_files(folder, patterns, hidden=hidden)


def _data_folder(catalog: Catalog, spec: CatalogSpec, working_directory: Path) -> str:
    """The folder that globs are relative to, itself relative to the working directory; "" for the working directory.

    TaskFailed if it is not below the working directory, also through a link: its files could have the names of files of
    the project.
    """
    named = catalog.compute_data_folder if spec.compute_data_folder is None else spec.compute_data_folder
    root = os.path.realpath(working_directory)
    relative = os.path.relpath(_absolute(named, working_directory, root), root)
    real = os.path.realpath(f"{root}/{relative}")
    if relative == ".." or relative.startswith("../") or not f"{real}/".startswith(f"{root.rstrip('/')}/"):
        raise TaskFailed(f"the compute_data_folder '{named}' is outside the working directory; name a folder in it")
    return "" if relative == "." else relative


def _absolute(named: str, working_directory: Path, root: str) -> str:
    """The folder below `root`, which the working directory really is, however it is named."""
    path = Path(os.path.normpath(working_directory / named))
    return f"{root}/{path.relative_to(working_directory)}" if path.is_relative_to(working_directory) else str(path)


def _prefix(folder: str) -> str:
    return f"{folder}/" if folder else ""


def _below(visible: Mapping[str, CatalogRecord], prefix: str) -> Mapping[str, CatalogRecord]:
    if not prefix:
        return visible
    return {name.removeprefix(prefix): entry for name, entry in visible.items() if name.startswith(prefix)}


def _in(prefix: str) -> str:
    return f" in '{prefix.removesuffix('/')}'" if prefix else ""


def known(visible: Mapping[str, CatalogRecord]) -> str:
    """What a step sees of the catalog, in words; objects are not among the files."""
    names = sorted(name for name in visible if not name.startswith(OBJECTS))
    if not names:
        return "it holds no files that this step can see"
    shown = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES_SHOWN])
    more = f" and {len(names) - _MOST_NAMES_SHOWN} more" if len(names) > _MOST_NAMES_SHOWN else ""
    return f"it holds {shown}{more}"


def has_siblings(graph: Graph, branch: BranchPath) -> bool:
    """Whether other branches may run beside the branch, or have run, that it does not see."""
    return any(True for _ in _composites(graph, branch))


def put_by_siblings(
    graph: Graph,
    store: RunLogStore,
    run_id: str,
    branch: BranchPath,
    *,
    names: Collection[str],
    folder: Path,
    start: int,
) -> frozenset[str]:
    """The `names` of files below `folder` that siblings of the branch put and that were not changed since `start`.

    RunLogStoreError when the records cannot be read.
    """
    run_start = (store.get_run(run_id).start_time.timestamp() - _CLOCK_STEP_SECONDS) * _NANOSECONDS
    untouched = {name for name in names if run_start < _changed(f"{folder}/{name}") < start}
    if not untouched:
        return frozenset()
    found: set[str] = set()
    for composite, own in _composites(graph, branch):
        record = store.get_step(run_id, composite)
        for key in record.branching.keys if record is not None and record.branching is not None else ():
            if key != own:
                found |= untouched & set(_names_put(store, run_id, composite.into(key)))
    return frozenset(found)


def _composites(graph: Graph, branch: BranchPath) -> Iterator[tuple[StepPath, str]]:
    """The composites around the branch whose branches do not see each other, each with the key of the way down."""
    for depth in range(0, len(branch.parts), 2):
        composite = StepPath(branch.parts[: depth + 1])
        node = graph.step(composite)
        assert isinstance(node, CompositeNode)
        if not isinstance(node.branches, RepeatedBranch):
            yield composite, branch.parts[depth + 1]


def _names_put(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[str]:
    """The names of all files that steps of the branch put, also in branches inside it."""
    for step in store.list_steps(run_id, branch):
        yield from _put_by(step)
        for key in step.branching.keys if step.branching is not None else ():
            yield from _names_put(store, run_id, step.path.into(key))


def _put_by(step: StepRecord) -> Iterator[str]:
    return (entry.name for entry in step.catalog if entry.stage == "put")


def _changed(path: str) -> int:
    """When the file, or what leads to it, was last changed, in nanoseconds since 1970; 0 when it is gone."""
    try:
        return os.stat(path).st_ctime_ns  # noqa: PTH116 - thousands of files
    except OSError:
        return 0
