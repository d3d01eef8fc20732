"""The use case *catalog verify*: content that runs keep is read again, to find content that is missing or damaged."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing

from msgspec import Struct

from magnus.app.inspect.find import find_run
from magnus.app.inspect.viewer import MaintainedServices, steps_below
from magnus.errors import RunLogStoreError
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Usage
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import large_ones
from magnus.run_log.records import CatalogRecord


class ContentProblem(Struct, frozen=True):
    """A file of a step whose content is missing or damaged, or a run that cannot be read; `problem` in a few words."""

    run_id: str
    step: str
    name: str
    problem: str
    data_hash: str = ""


class VerifyResult(Struct, frozen=True):
    """The content that was read, each once, and its problems; `removed` are runs whose files a clean-up removed."""

    runs: int
    content: Usage
    problems: Sequence[ContentProblem]
    removed: Sequence[str]


class _Put(Struct, frozen=True):
    """An entry that a step of a run put."""

    run_id: str
    step: str
    entry: CatalogRecord


def verify(services: MaintainedServices, run_ids: Sequence[str]) -> VerifyResult:
    """Read again the content that these runs, or all runs, refer to; raises as `find_run`."""
    store, catalog = services.store, services.catalog
    with closing(store):
        named = [find_run(store, run_id).run_id for run_id in run_ids]
        chosen = tuple(dict.fromkeys(named)) or store.list_runs()
        removed = [run_id for run_id in chosen if catalog.was_removed(run_id)]
        puts, problems = _puts_of(store, [run_id for run_id in chosen if run_id not in set(removed)])
    entries = [put.entry for put in puts]
    for put, problem in zip(puts, catalog.verify(entries), strict=True):
        if problem:
            problems.append(ContentProblem(put.run_id, put.step, put.entry.name, problem, put.entry.data_hash))
    sizes = {entry.data_hash: entry.size for entry in entries}
    return VerifyResult(len(chosen) - len(removed), Usage(len(sizes), sum(sizes.values())), problems, removed)


def _puts_of(store: RunLogStore, run_ids: Sequence[str]) -> tuple[list[_Put], list[ContentProblem]]:
    """The entries of the runs, and the runs that cannot be read."""
    puts, unreadable = [], []
    for run_id in run_ids:
        try:
            puts += [_Put(run_id, step, entry) for step, entry in _puts(store, run_id)]
        except RunLogStoreError as error:
            problem = f"its run log cannot be read: {error.problems[0].message}"
            unreadable.append(ContentProblem(run_id, "", "", problem))
    return puts, unreadable


def _puts(store: RunLogStore, run_id: str) -> Iterator[tuple[str, CatalogRecord]]:
    """The entries of the run, each with the path of the first step that names it; steps in branches come before.

    Entries of the run itself, the changes of its code and large parameters, come first, with no path.
    """
    run = store.get_run(run_id)
    changes = run.run_config.get("changes")
    if changes:
        yield "", CatalogRecord("changes.diff", changes["data_hash"], ".logs/changes.diff", "", "put", changes["size"])
    seen = set()
    yield from (("", entry) for entry in _large(run.parameters.values()))
    for step in steps_below(store, run_id, BranchPath()):
        values = (*step.parameters.values(), step.branching and step.branching.values)
        for entry in (*step.catalog, *_large(values)):
            key = (entry.name, entry.data_hash, entry.catalog_relative_path)
            if entry.catalog_relative_path and key not in seen:
                seen.add(key)
                yield str(step.path), entry


def _large(values: Iterable[object]) -> Iterator[CatalogRecord]:
    """The contents of large values, as entries of a catalog."""
    for large in large_ones(values):
        yield CatalogRecord(large.catalog_name, large.data_hash, large.catalog_name, "", "put", large.size)
