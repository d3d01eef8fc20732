"""The facts of a run as flat frozen records, each with one writer at a time, and how long steps took by them.

A step's success, the parameters it set, its metrics and its catalog entries are one record, so that a step is
done or not done, never half done. Order never comes from clocks: a record carries its position in its branch.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import TERMINAL_TYPES
from magnus.run_log.parameters import JsonParameter, LargeParameter, Metric, Parameter
from magnus.values import Json


class Status(StrEnum):
    """Where a run, a step or an attempt is in its life."""

    CREATED = "CREATED"
    TRIGGERED = "TRIGGERED"
    PROCESSING = "PROCESSING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"


class RunHealth(StrEnum):
    """A state that no record holds and a reader detects: the process is gone, or the run log cannot be read."""

    LOST = "LOST"
    DAMAGED = "DAMAGED"


RunStatus: TypeAlias = Status | RunHealth
"""How a run or a step is shown."""


ENDED: Final = frozenset({Status.SUCCESS, Status.FAIL})
"""Statuses that do not change any more."""
IMPORTING: Final = "import"
"""In the configuration of a run that is being imported: the digest of its records, of which some may be missing."""
COMMON_TYPE: Final = "task"
"""The type that the stored record of a step does not name."""
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
TERMINALS: Final = frozenset(TERMINAL_TYPES.values())
"""The types of steps that end a (sub)pipeline."""


class CodeIdentity(Struct, frozen=True):
    """Which code ran: a commit, an image digest. `dependable` says that nothing was changed, staged or untracked."""

    code_identifier: str
    code_identifier_type: str
    code_identifier_dependable: bool
    code_identifier_url: str = ""
    code_identifier_message: str = ""


class CatalogRecord(Struct, frozen=True, omit_defaults=True):
    """One file that was put into or taken from the catalog; `data_hash` is its SHA-256 in hex, `size` in bytes.

    `preexisting` is for files that were put: the file had this content before the run started, so it is no result.
    Its records are what msgspec makes of it, since there may be thousands.
    """

    name: str
    data_hash: str
    catalog_relative_path: str
    catalog_handler_location: str
    stage: Literal["get", "put"]
    size: int
    preexisting: bool = field(default=False, name="found")


class AttemptRecord(Struct, frozen=True):
    """One call of a task. `parameters` are the arguments of the task, large values and objects as references.

    `duration` is in seconds of a monotonic clock. `lost` means that the task did not fail by itself: its machine went
    away, or the engine stopped its process. `job` is the id of the job of a batch system that made it, `machine` where
    that ran; "" where there is none. `peak_memory` is the most memory in bytes that a process of that job has had by then; 0
    where there is no job, or its process did not live to say it.
    """

    attempt_number: int
    start_time: datetime
    end_time: datetime
    duration: float
    status: Status
    message: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    lost: bool = False
    job: str = ""
    machine: str = ""
    peak_memory: int = 0


class BranchScope(Struct, frozen=True):
    """The scope of the next step of a branch: parameters by name, and catalog entries by the name of the file.

    Attributes:
        map_variables: the elements of the maps around it, outermost first, by the names they go by.
        is_final: whether all steps before succeeded, so that no later attempt can change the scope.
    """

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    files: Mapping[str, CatalogRecord] = field(default_factory=dict)
    map_variables: Mapping[str, Json | LargeParameter] = field(default_factory=dict)
    is_final: bool = True


class Branching(Struct, frozen=True):
    """The branches of a composite: by name, or `count` of them, numbered from 0; `values` are the elements of a map.

    All of them may be one large value; `elements` reads it.
    """

    names: tuple[str, ...] = ()
    count: int = 0
    values: tuple[Json, ...] | LargeParameter | None = None

    @property
    def elements(self) -> Sequence[Json] | None:
        """The elements of a map; CatalogError when they are large, and not there any more."""
        if not isinstance(self.values, LargeParameter):
            return self.values
        read: Sequence[Json] = self.values.value
        return read

    @property
    def keys(self) -> Sequence[str]:
        """The keys of the branches in paths, in order."""
        return self.names or [str(number) for number in range(self.count)]

    def has(self, key: str) -> bool:
        """Whether there is a branch of this key; without making all keys, since every step of a large map asks."""
        if self.names:
            return key in self.names
        return key.isascii() and key.isdigit() and int(key) < self.count and str(int(key)) == key


class CacheRecord(Struct, frozen=True):
    """The decision on a step with `cache`.

    Attributes:
        key: the SHA-256, in hex, of all that decides its result; "" if it cannot be computed.
        inputs: the parts of the key by readable names; long values as short hashes.
        reason: why the step ran; "" if it reused a result.
        run_id: the run of the step that computed the reused result; "" if the step ran.
        step: the path of that step.
        compared_with: the run whose step the reason compares with; "" for none.
    """

    key: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    run_id: str = ""
    step: str = ""
    compared_with: str = ""


class StepRecord(Struct, frozen=True):
    """A step of a run, keyed by its path.

    Attributes:
        position: place in the order of its branch, from 0.
        message: why it failed; of an unfinished step why it waits for its next process, "" while one runs it.
        parameters: what the step set; empty unless it succeeded.
        scope: what the branch sees after this step, where the record carries it; it does every so often
            so that a step in a fresh process need not read all records before it. In the record of an unfinished
            composite: the scope that its branches (of a loop: the current iteration) start with.
        branching: the branches of a composite; None for every other step.
        code_identities: None when the run has the same.
        earlier_attempts: how many of the attempts were made before the engine tried a failed run again; they do not count
            among `max_attempts`.
        given_up: of an end: the steps of its branch that ran on another way, before the engine tried a failed run again.
            What they set is not seen by the steps behind them.
        cache: None for a step without `cache`.
    """

    path: StepPath
    position: int
    status: Status
    step_type: str
    message: str = ""
    mock: bool = False
    attempts: tuple[AttemptRecord, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    catalog: tuple[CatalogRecord, ...] = ()
    scope: BranchScope | None = None
    branching: Branching | None = None
    code_identities: tuple[CodeIdentity, ...] | None = None
    earlier_attempts: int = 0
    given_up: tuple[str, ...] = ()
    cache: CacheRecord | None = None

    @property
    def branch(self) -> BranchPath:
        """The (sub)pipeline the step is in."""
        return self.path.branch

    @property
    def has_unnamed_branch(self) -> bool:
        """Whether its one branch has no name of its own: then its key in paths is the type of the step."""
        return self.branching is not None and self.branching.names == (self.step_type,)

    @property
    def is_terminal(self) -> bool:
        """Whether it is the end of its (sub)pipeline."""
        return self.step_type in TERMINALS

    @property
    def holds_scalars_alone(self) -> bool:
        """Whether no value in it can change, as a list of the user could after the record was put."""
        if self.scope is not None or self.branching is not None or self.metrics:
            return False
        for parameter in self.parameters.values():
            if not isinstance(parameter, JsonParameter) or type(parameter.value) not in _SCALARS:
                return False
        return all(type(value) in _SCALARS for attempt in self.attempts for value in attempt.parameters.values())


def is_cached(step: StepRecord) -> bool:
    """Whether the step has the result of an earlier step with the same key."""
    return step.cache is not None and bool(step.cache.run_id)


def terminal_record(path: StepPath, position: int, status: Status, step_type: str, when: datetime) -> StepRecord:
    """The record of a terminal step that was reached: it has one attempt, which takes no time."""
    return StepRecord(path, position, status, step_type, attempts=(AttemptRecord(0, when, when, 0.0, status),))


class Owner(Struct, frozen=True):
    """The process that runs a run: enough to judge, on the same host, whether it is still there.

    `process_start` is what the operating system says of the start of the process, to tell it from a later one of
    the same number; "" where it does not say. `workflow` is the unique id of the workflow of another engine that the run
    belongs to, `workflow_name` what that engine calls it; "" where there is none.
    """

    host: str
    pid: int
    process_start: str = ""
    workflow: str = ""
    workflow_name: str = ""


class RunRecord(Struct, frozen=True):
    """A run: its request and its status. `parameters` are the initial ones."""

    run_id: str
    status: Status
    dag_hash: str
    start_time: datetime
    owner: Owner
    end_time: datetime | None = None
    message: str = ""
    tag: str = ""
    use_cached: bool = False
    original_run_id: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    code_identities: tuple[CodeIdentity, ...] = ()
    run_config: Mapping[str, Json] = field(default_factory=dict)


class Span(Struct, frozen=True):
    """From when to when something was at work, in UTC."""

    start: datetime
    end: datetime

    @property
    def duration(self) -> timedelta:
        """How long that is."""
        return self.end - self.start


def span_of(step: StepRecord) -> Span | None:
    """That of the attempts of a step; None when there was none, and of terminal steps, which take no time."""
    if not step.attempts or step.is_terminal:
        return None
    last = step.attempts[-1]
    return Span(step.attempts[0].start_time, last.start_time + timedelta(seconds=last.duration))


def around(spans: Iterable[Span | None]) -> Span | None:
    """The shortest one that holds them all; None when there is none."""
    present = [span for span in spans if span is not None]
    return Span(min(span.start for span in present), max(span.end for span in present)) if present else None


def seconds(span: Span | None) -> float:
    """The seconds of a span; 0 for None."""
    return 0.0 if span is None else span.duration.total_seconds()
