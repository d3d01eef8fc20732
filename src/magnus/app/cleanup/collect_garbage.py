"""The use case *gc*: removes the runs that no retention rule keeps, and content that no run needs.

Runs are read from the run log store one record each. All records of a run are read only where the store cannot say
which content they refer to.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.cleanup.output_folders import OutputFolder, output_folders, remove
from magnus.app.composition.jobs_of_runs import NO_JOBS, JobsOfRun, jobs_of_runs
from magnus.app.composition.output_of_runs import OutputOfRuns, RunOutput
from magnus.app.inspect.find import find_run
from magnus.app.inspect.run_state import RunState, states_of
from magnus.app.inspect.viewer import MaintainedServices, steps_below
from magnus.errors import InvalidConfiguration, InvalidInput, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Collected, Usage
from magnus.interfaces.run_log_store import RemovesLeftovers, RemovesRuns
from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import ENDED, RunRecord, Status


class RunFacts(Struct, frozen=True):
    """The facts in the record of a run; `over` says that it has finished, or that its process is certainly gone, and no job
    of it may run.

    The status of a run that is lost is FAIL, as `magnus show` has it.
    """

    run_id: str
    status: Status
    start_time: datetime
    tag: str = ""
    over: bool = True
    original_run_id: str = ""


class Rules(Struct, frozen=True):
    """Runs that match any rule are kept. Without a rule all runs are kept.

    Attributes:
        days: keeps runs started less than so many days ago.
        last: keeps so many of the newest runs.
        tags: keeps runs with one of these tags.
        statuses: keeps runs with one of these statuses.
        runs: keeps these, by their ids.
    """

    days: float | None = None
    last: int | None = None
    tags: frozenset[str] = frozenset()
    statuses: frozenset[Status] = frozenset()
    runs: frozenset[str] = frozenset()

    @property
    def are_given(self) -> bool:
        """Whether there is a rule."""
        return self.days is not None or self.last is not None or bool(self.tags or self.statuses or self.runs)


def keep_reasons(runs: Sequence[RunFacts], rules: Rules, now: datetime) -> Mapping[str, str]:
    """Why runs are kept, by run id; a run that is not named there may go.

    A run that is not over is kept, and so is one that a kept run resumed, also by way of others.
    """
    newest = sorted(runs, key=lambda run: (run.start_time, run.run_id), reverse=True)
    last = frozenset(run.run_id for run in newest[: rules.last or 0])
    reasons = {run.run_id: reason for run in runs if (reason := _reason(run, rules, now, last))}
    by_id = {run.run_id: run for run in runs}
    for run_id in tuple(reasons):
        for original in _originals(by_id[run_id], by_id):
            reasons.setdefault(original, f"resumed by {run_id}")
    return reasons


def runs_to_remove(runs: Iterable[RunFacts], reasons: Mapping[str, str]) -> Sequence[RunFacts]:
    """The runs that nothing keeps, the oldest first."""
    return sorted((run for run in runs if run.run_id not in reasons), key=lambda run: (run.start_time, run.run_id))


def _reason(run: RunFacts, rules: Rules, now: datetime, last: frozenset[str]) -> str:
    reasons = (
        (not run.over, "it may be running"),
        (not rules.are_given, "no rule says which runs go"),
        (rules.days is not None and now - run.start_time < _days(rules.days), f"younger than {rules.days or 0:g} days"),
        (run.run_id in last, f"one of the last {rules.last}"),
        (run.tag in rules.tags, f"its tag is '{run.tag}'"),
        (run.run_id in rules.runs, "it is named"),
        (run.status in rules.statuses, f"its status is {run.status.value}"),
    )
    return next((reason for keeps, reason in reasons if keeps), "")


def _days(number: float) -> timedelta:
    """As long as there can be, at most."""
    return timedelta(days=min(number, timedelta.max.days))


def _originals(run: RunFacts, by_id: Mapping[str, RunFacts]) -> Iterator[str]:
    """The runs that this one resumed, the latest first."""
    seen = {run.run_id}
    original = by_id.get(run.original_run_id)
    while original is not None and original.run_id not in seen:
        seen.add(original.run_id)
        yield original.run_id
        original = by_id.get(original.original_run_id)


_LEFTOVER_AGE = timedelta(days=1)


class RemovedRun(Struct, frozen=True):
    """A run that is removed, the files it has, and the folders that its executor left for users."""

    run: RunFacts
    usage: Usage
    folders: Sequence[OutputFolder] = ()


class CleanUpResult(Struct, frozen=True):
    """What a clean-up removed, or would remove.

    Attributes:
        runs: the runs that are removed.
        keep_reasons: why other runs stay, by their ids.
        content: the content that is removed.
        run_logs: whether run logs are removed too.
    """

    runs: Sequence[RemovedRun]
    keep_reasons: Mapping[str, str]
    content: Collected
    run_logs: bool


def clean_up(
    services: MaintainedServices,
    rules: Rules,
    now: datetime,
    *,
    run_logs: bool,
    really: bool,
    recent: bool = False,
) -> CleanUpResult:
    """Remove the files of the runs that no rule keeps, with `run_logs` also their run logs; then content nobody needs.

    Runs of the rules are found by `find_run`. Without `really` nothing is changed, and the result says what would be
    removed. With `recent` content that was put within the last day is removed too.

    Raises InvalidConfiguration when run logs cannot be removed, InvalidInput when a run is running and `recent` is set,
    and ServiceError when a service fails; then what was removed before stays removed.
    """
    with closing(services.store):
        return _CleanUp(services).run(rules, now, run_logs=run_logs, really=really, recent=recent)


class _CleanUp:
    """One clean-up of the services."""

    def __init__(self, services: MaintainedServices) -> None:
        self._store = services.store
        self._catalog = services.catalog
        self._output = OutputOfRuns()
        self._folders: dict[str, RunOutput] = {}
        """By run, where its executor left any."""

    def run(self, rules: Rules, now: datetime, *, run_logs: bool, really: bool, recent: bool) -> CleanUpResult:
        """As `clean_up`."""
        if recent and (unfinished := self._unfinished_runs()):
            message = f"the run '{unfinished[0]}' is running, and may need content of the last day"
            raise InvalidInput(message, fix="wait for its end, or leave out --recent")
        if run_logs and not isinstance(self._store, RemovesRuns):
            raise InvalidConfiguration("run logs cannot be removed from this run log store", fix="leave out --run-logs")
        rules = replace(rules, runs=frozenset(find_run(self._store, run).run_id for run in rules.runs))
        facts, keep_reasons = self._decide(rules, now)
        removed = [
            RemovedRun(run, usage or Usage(), folders)
            for run in runs_to_remove(facts, keep_reasons)
            for usage, folders in [self._files_of(run)]
            if usage is not None or any(not folder.problem for folder in folders) or run_logs
        ]
        run_ids = [each.run.run_id for each in removed]
        if really:
            removed = [replace(each, folders=[remove(folder) for folder in each.folders]) for each in removed]
            self._remove(run_ids, run_logs=run_logs)
            if isinstance(self._store, RemovesLeftovers):
                self._store.remove_leftovers(now - _LEFTOVER_AGE)
        content = self._collect(run_ids, really=really, recent=recent)
        return CleanUpResult(removed, keep_reasons, content, run_logs)

    def _decide(self, rules: Rules, now: datetime) -> tuple[Sequence[RunFacts], Mapping[str, str]]:
        """The facts of the runs, and why some are kept."""
        facts, unfinished, with_output, unreadable = [], [], [], {}
        for run_id in self._store.list_runs():
            try:
                run = self._store.get_run(run_id)
            except RunLogStoreError:
                unreadable[run_id] = "its record cannot be read"
            except RunNotFound:
                continue  # it was removed just now
            else:
                if (output := self._output.of(run)).folders:
                    self._folders[run.run_id] = output
                if run.status not in ENDED:
                    unfinished.append(run)
                elif output.folders:
                    with_output.append(_with_executor_alone(run))
                else:
                    facts.append(_facts(run, RunState(run.status, run.message)))
        states, jobs = states_of(unfinished), jobs_of_runs(with_output)
        facts += (_facts(run, states[run.run_id]) for run in unfinished)
        facts += (_facts(run, _state(run, jobs.get(run.run_id, NO_JOBS))) for run in with_output)
        return facts, {**keep_reasons(facts, rules, now), **unreadable}

    def _files_of(self, run: RunFacts) -> tuple[Usage | None, Sequence[OutputFolder]]:
        """The files of the run in the catalog, if it has any, and the folders of its executor."""
        folders = list(output_folders(self._folders.get(run.run_id, RunOutput())))
        return self._catalog.usage(run.run_id), folders

    def _remove(self, run_ids: Sequence[str], *, run_logs: bool) -> None:
        """Remove the files of each run first: as long as there are some, the run is listed."""
        for run_id in run_ids:
            self._catalog.remove_run(run_id)
            if run_logs and isinstance(self._store, RemovesRuns):
                with suppress(RunNotFound):  # another process was faster
                    self._store.remove_run(run_id)

    def _unfinished_runs(self) -> list[str]:
        """The runs that may still be running."""
        unfinished = []
        for run_id in self._store.list_runs():
            with suppress(RunLogStoreError, RunNotFound):
                if (run := self._store.get_run(run_id)).status not in ENDED:
                    unfinished.append(run)
        return [run_id for run_id, state in states_of(unfinished).items() if not state.is_over]

    def _collect(self, removed: Sequence[str], *, really: bool, recent: bool) -> Collected:
        """Collect content that no run with files refers to; the runs are listed again, as some may just have started."""
        listed = self._store.list_runs()
        remaining = set(listed).difference(removed)
        referred = frozenset[str]().union(
            *(self._mentioned(run_id) for run_id in sorted(remaining) if not self._catalog.was_removed(run_id))
        )

        def is_quiet() -> bool:
            return set(self._store.list_runs()) <= set(listed) and not self._unfinished_runs()

        quiet = is_quiet if recent else None
        if really:
            return self._catalog.collect(referred, listed, is_quiet=quiet)
        return self._catalog.collect(referred, listed, without=removed, pretend=True, is_quiet=quiet)

    def _mentioned(self, run_id: str) -> frozenset[str]:
        with suppress(RunNotFound):  # another process removed it
            if isinstance(self._store, RemovesRuns):
                return self._store.mentioned_hashes(run_id)
            steps = (codec.step_to_json(step) for step in steps_below(self._store, run_id, BranchPath()))
            run = codec.run_to_json(self._store.get_run(run_id))
            return mentioned_hashes(map(codec.to_bytes, steps)) | mentioned_hashes([codec.to_bytes(run)])
        return frozenset()


def _with_executor_alone(run: RunRecord) -> RunRecord:
    """The record without its pipeline, since many are in memory at a time."""
    return replace(run, run_config={"executor": run.run_config.get("executor")})


def _state(run: RunRecord, jobs: JobsOfRun) -> RunState:
    """The state of a run that has finished: jobs may be left that did not end in time."""
    return RunState(Status.PROCESSING if jobs.sentence else run.status, run.message, has_jobs=bool(jobs.sentence))


def _facts(run: RunRecord, state: RunState) -> RunFacts:
    return RunFacts(
        run_id=run.run_id,
        status=Status.FAIL if state.lost else run.status,
        start_time=run.start_time,
        tag=run.tag,
        over=state.is_over,
        original_run_id=run.original_run_id,
    )
