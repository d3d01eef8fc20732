"""The use cases *gc* and *catalog verify*: what runs left is removed, or read again to see that it is whole.

Runs are read from the run log store one record each, and looked into only where their files are verified, or where a
store cannot say by itself what content its runs speak of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from magnus.app import retention, services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find_run import find_run
from magnus.app.retention import Rules, RunFacts
from magnus.engine import liveness
from magnus.errors import InvalidConfiguration, InvalidInput, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Collected, Maintained, Usage
from magnus.interfaces.run_log_store import RemovesLeftovers, RemovesRuns, RunLogStore
from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.parameters import large_ones
from magnus.run_log.records import ENDED, CatalogRecord, RunRecord, Status, StepRecord

_LEFTOVER_AGE = timedelta(days=1)


class Going(Struct, frozen=True):
    """A run that goes, and the files it has."""

    run: RunFacts
    usage: Usage


class CleanUp(Struct, frozen=True):
    """What a clean-up removed, or would remove; `kept` says why other runs stay, `records` that run logs go, too."""

    going: Sequence[Going]
    kept: Mapping[str, str]
    content: Collected
    records: bool


class Wrong(Struct, frozen=True):
    """A file of a step whose content is not what it was, or a run that cannot be read; `problem` in a few words."""

    run_id: str
    step: str
    name: str
    problem: str
    data_hash: str = ""


class Verified(Struct, frozen=True):
    """What was read again, each content once, and what of it is wrong; `removed` are runs whose files were removed."""

    runs: int
    content: Usage
    wrong: Sequence[Wrong]
    removed: Sequence[str]


class Upkeep:
    """Looks after the run log store and the catalog of a configuration."""

    def __init__(self, configuration_file: str, environment: Mapping[str, str], working_directory: Path) -> None:
        configuration = load_configuration(configuration_file, environment, working_directory)
        self._store = services.run_log_store(configuration, working_directory)
        catalog = services.catalog(configuration, working_directory)
        if not isinstance(catalog, Maintained) and catalog.capabilities.keeps:
            raise InvalidConfiguration(
                f"the catalog of type '{configuration.catalog.type}' cannot be cleaned up or verified by magnus",
                fix="use the means of what it keeps files in",
                location=configuration.catalog.locate(),
            )
        self._catalog = catalog if isinstance(catalog, Maintained) else _NoFiles()

    def clean_up(self, rules: Rules, now: datetime, *, records: bool, really: bool, recent: bool = False) -> CleanUp:
        """Remove the runs that no rule keeps: their files, and with `records` their run logs; then content nobody needs.

        Runs of the rules are found by `find_run`. Only when `really`; else nothing is changed, and what is said is what would be. InvalidConfiguration when run
        logs cannot be removed, ServiceError when a service fails; then what was removed before is removed.

        With `recent` content that was put within the last day goes too. InvalidInput while a run goes on.
        """
        with closing(self._store):
            if recent and (living := self._living()):
                message = f"the run '{living[0]}' goes on, and may need what was put within the last day"
                raise InvalidInput(message, fix="wait for its end, or leave out --recent")
            self._refuse_lasting(records=records)
            rules = replace(rules, runs=frozenset(find_run(self._store, run).run_id for run in rules.runs))
            facts, kept = self._decided(rules, now)
            going = [
                Going(run, usage or Usage())
                for run in retention.going(facts, kept)
                if (usage := self._catalog.usage(run.run_id)) is not None or records
            ]
            ids = [gone.run.run_id for gone in going]
            if really:
                self._remove(ids, records=records)
                if isinstance(self._store, RemovesLeftovers):
                    self._store.remove_leftovers(now - _LEFTOVER_AGE)
            content = self._collect(ids, really=really, recent=recent)
        return CleanUp(going, kept, content, records)

    def verify(self, run_ids: Sequence[str]) -> Verified:
        """Read again the content that the runs, or all there are, speak of; raises as `find_run`."""
        with closing(self._store):
            asked = [find_run(self._store, run_id).run_id for run_id in run_ids]
            wanted = tuple(dict.fromkeys(asked)) or self._store.list_runs()
            removed = [run_id for run_id in wanted if self._catalog.was_removed(run_id)]
            found, wrong = self._entries([run_id for run_id in wanted if run_id not in set(removed)])
        entries = [entry for _, _, entry in found]
        for (run_id, step, entry), problem in zip(found, self._catalog.verify(entries), strict=True):
            if problem:
                wrong.append(Wrong(run_id, step, entry.name, problem, entry.data_hash))
        sizes = {entry.data_hash: entry.size for entry in entries}
        return Verified(len(wanted) - len(removed), Usage(len(sizes), sum(sizes.values())), wrong, removed)

    def _entries(self, run_ids: Sequence[str]) -> tuple[list[tuple[str, str, CatalogRecord]], list[Wrong]]:
        """What the runs kept, by run and step; and the runs that cannot be read."""
        found, unreadable = [], []
        for run_id in run_ids:
            try:
                found += [(run_id, step, entry) for step, entry in _puts(self._store, run_id)]
            except RunLogStoreError as error:
                unreadable.append(Wrong(run_id, "", "", f"its run log cannot be read: {error.problems[0].message}"))
        return found, unreadable

    def _refuse_lasting(self, *, records: bool) -> None:
        if records and not isinstance(self._store, RemovesRuns):
            raise InvalidConfiguration("run logs cannot be removed from this run log store", fix="leave out --run-logs")

    def _decided(self, rules: Rules, now: datetime) -> tuple[Sequence[RunFacts], Mapping[str, str]]:
        """What is known of the runs, and why some are kept."""
        facts, unreadable = [], {}
        for run_id in self._store.list_runs():
            try:
                facts.append(_facts(self._store.get_run(run_id)))
            except RunLogStoreError:
                unreadable[run_id] = "its record cannot be read"
            except RunNotFound:
                continue  # it was removed just now
        return facts, {**retention.kept(facts, rules, now), **unreadable}

    def _remove(self, run_ids: Sequence[str], *, records: bool) -> None:
        """The files of each run first: as long as there are some, the run is known."""
        for run_id in run_ids:
            self._catalog.remove_run(run_id)
            if records and isinstance(self._store, RemovesRuns):
                with suppress(RunNotFound):  # somebody else was faster
                    self._store.remove_run(run_id)

    def _living(self) -> list[str]:
        """The runs of which nobody can say that they are over."""
        found = []
        for run_id in self._store.list_runs():
            with suppress(RunLogStoreError, RunNotFound):
                if not _facts(self._store.get_run(run_id)).over:
                    found.append(run_id)
        return found

    def _collect(self, going: Sequence[str], *, really: bool, recent: bool) -> Collected:
        """Collect what no run speaks of that has its files; the runs are listed anew, as some may just have begun."""
        known = self._store.list_runs()
        gone = frozenset(going)
        remaining = [run_id for run_id in known if run_id not in gone and not self._catalog.was_removed(run_id)]
        referred = frozenset[str]().union(*(self._mentioned(run_id) for run_id in remaining))

        def is_quiet() -> bool:
            return set(self._store.list_runs()) <= set(known) and not self._living()

        asked = is_quiet if recent else None
        if really:
            return self._catalog.collect(referred, known, is_quiet=asked)
        return self._catalog.collect(referred, known, without=going, pretend=True, is_quiet=asked)

    def _mentioned(self, run_id: str) -> frozenset[str]:
        with suppress(RunNotFound):  # removed by somebody else
            if isinstance(self._store, RemovesRuns):
                return self._store.mentioned_hashes(run_id)
            steps = (codec.to_bytes(codec.step_to_json(step)) for step in _steps(self._store, run_id, BranchPath()))
            return mentioned_hashes(steps) | mentioned_hashes(
                [codec.to_bytes(codec.run_to_json(self._store.get_run(run_id)))]
            )
        return frozenset()


def _facts(run: RunRecord) -> RunFacts:
    is_lost = run.status not in ENDED and bool(liveness.lost(run.owner))
    return RunFacts(
        run_id=run.run_id,
        status=Status.FAIL if is_lost else run.status,
        start_time=run.start_time,
        tag=run.tag,
        over=is_lost or run.status in ENDED,
        original_run_id=run.original_run_id,
    )


def _puts(store: RunLogStore, run_id: str) -> Iterator[tuple[str, CatalogRecord]]:
    """What steps of the run kept, each with the path of the first step that speaks of it, those in branches before.

    What the run itself kept, the changes of its code and large parameters, comes first, with no path.
    """
    run = store.get_run(run_id)
    changes = run.run_config.get("changes")
    if changes:
        yield "", CatalogRecord("changes.diff", changes["data_hash"], ".logs/changes.diff", "", "put", changes["size"])
    seen = set()
    yield from (("", entry) for entry in _large(run.parameters.values()))
    for step in _steps(store, run_id, BranchPath()):
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


def _steps(store: RunLogStore, run_id: str, branch: BranchPath) -> Iterator[StepRecord]:
    """The steps of a branch, each after those in its own branches."""
    for step in store.list_steps(run_id, branch):
        for key in step.branching.keys if step.branching else ():
            yield from _steps(store, run_id, step.path.into(key))
        yield step


class _NoFiles:
    """What there is to look after of a catalog that keeps nothing."""

    def usage(self, _run_id: str) -> None:
        """No run has files."""

    def remove_run(self, _run_id: str) -> None:
        """There is nothing to remove."""

    def was_removed(self, _run_id: str) -> bool:
        """Nothing is."""
        return False

    def collect(self, *_referred: object, **_options: object) -> Collected:
        """There is nothing to collect."""
        return Collected()

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """What it does not keep is not wrong."""
        return [""] * len(entries)
