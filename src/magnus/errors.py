"""Every error magnus raises, and the problems they carry.

::

    MagnusError                     what, where, what to do; knows its exit code
    |- InvalidInput          (2)    what the user wrote or typed is wrong; carries every problem found
    |  |- InvalidDefinition         the pipeline
    |  |- InvalidConfiguration      the configuration
    |  |- InvalidParameters         initial parameters
    |  |- InvalidRunId              a run id that cannot be used
    |  |  `- RunExists              ... because a run of that id exists
    |  `- RunNotFound               no run of that id in the run log store
    |- ServiceError          (3)    something magnus relies on failed
    |  |- RunLogStoreError
    |  |- CatalogError
    |  |  `- DamagedContent         ... because content does not have the hash it is kept under
    |  |- SecretsError
    |  |- ExperimentTrackerError    shown as a warning: it fails no step and no run
    |  |  `- TrackerUnreachable     ... it may be there later
    |  `- JobsUnknown               no answer on whether jobs of a run still run
    |- TaskFailed                   ends an attempt; becomes the message of the step, never reaches a user as an error
    |  `- ProcessDied               ... because its process died
    `- RunFailed             (1)    the run reached its fail step
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from magnus.values import UserObject

__all__ = [
    "CatalogError",
    "DamagedContent",
    "ExperimentTrackerError",
    "InvalidConfiguration",
    "InvalidDefinition",
    "InvalidInput",
    "InvalidParameters",
    "InvalidRunId",
    "JobsUnknown",
    "Location",
    "MagnusError",
    "Problem",
    "ProcessDied",
    "RunExists",
    "RunFailed",
    "RunLogStoreError",
    "RunNotFound",
    "SecretsError",
    "ServiceError",
    "TaskFailed",
    "TrackerUnreachable",
    "in_order",
]

_MOST_STEPS: Final = 10


class Location(Struct, frozen=True):
    """A place in a file; lines and columns count from 1, 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        column = f":{self.column}" if self.column else ""
        return f"{self.file}:{self.line}{column}" if self.line else self.file


class Problem(Struct, frozen=True):
    """One thing that is wrong, where it is, and what to write instead.

    `is_shared` says that it has one cause and one fix, however many steps have it: it is shown once, with the steps.
    """

    message: str
    fix: str = ""
    location: Location | None = None
    step: str = ""
    severity: Literal["error", "warning"] = "error"
    is_shared: bool = False

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        step = f"step '{self.step}': " if self.step else ""
        fix = f"\n  fix: {self.fix}" if self.fix else ""
        return f"{where}{self.severity}: {step}{self.message}{fix}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once: problems without a file first, then by file, in their order, and by place."""
    once = tuple(_shared_once(dict.fromkeys(problems)))
    files: dict[str, int] = {}
    for problem in once:
        files.setdefault("" if problem.location is None else problem.location.file, len(files))

    def place(problem: Problem) -> tuple[int, int, int]:
        where = problem.location
        return (-1, 0, 0) if where is None else (files[where.file], where.line, where.column)

    return tuple(sorted(once, key=place))


def _shared_once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems, of shared ones the first, which names all the steps that have it."""
    steps: dict[tuple[str, str], dict[str, None]] = {}
    problems = tuple(problems)
    for problem in problems:
        if problem.is_shared:
            steps.setdefault((problem.message, problem.fix), {})[problem.step] = None
    for problem in problems:
        if not problem.is_shared:
            yield problem
        elif names := steps.pop((problem.message, problem.fix), None):
            named = ", ".join(f"'{name}'" for name in list(names)[:_MOST_STEPS])
            more = f" and {len(names) - _MOST_STEPS} more" if len(names) > _MOST_STEPS else ""
            yield (
                problem
                if len(names) == 1
                else replace(problem, message=f"{problem.message}; the steps {named}{more} need it", step="")
            )


class MagnusError(Exception):
    """Base of every error of magnus: says what is wrong, where, and what to do about it."""

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, fix: str = "", location: Location | None = None, step: str = "") -> None:
        self.problems: tuple[Problem, ...] = (Problem(message, fix, location, step),)
        super().__init__(message)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of the traceback: the error says where it is."""
        return f"{type(self).__name__}: {str(self).removeprefix('error: ')}".split("\n")


class InvalidInput(MagnusError):
    """What the user wrote or typed is wrong."""

    exit_code = 2

    @classmethod
    def of(cls, problems: Sequence[Problem]) -> "InvalidInput":
        """An error that carries several problems at once, in the order given."""
        error = cls(problems[0].message)
        error.problems = tuple(problems)
        return error


class InvalidDefinition(InvalidInput):
    """The pipeline is wrong."""


class InvalidConfiguration(InvalidInput):
    """The configuration is wrong."""


class InvalidParameters(InvalidInput):
    """The initial parameters are wrong."""


class InvalidRunId(InvalidInput):
    """The run id cannot be used."""


class RunExists(InvalidRunId):
    """A run of this id exists; two runs never share an id."""


class RunNotFound(InvalidInput):
    """The run log store holds no run of this id."""


class ServiceError(MagnusError):
    """Something magnus relies on (a store, a disk, another program) failed."""


class RunLogStoreError(ServiceError):
    """The run log store could not do a request."""


class CatalogError(ServiceError):
    """The catalog could not do a request."""


class DamagedContent(CatalogError):
    """Content in the catalog does not have the hash it is kept under."""


class SecretsError(ServiceError):
    """The secrets provider could not do a request; the message never holds a value."""


class ExperimentTrackerError(ServiceError):
    """The experiment tracker could not do a request, and never will."""


class TrackerUnreachable(ExperimentTrackerError):
    """The experiment tracker cannot be reached now; missed values are sent again later."""


class JobsUnknown(ServiceError):
    """Whether jobs of runs still run is not known: a batch system, or a container engine, does not answer.

    `runs` are the ids of these runs; empty for all runs of the request.
    """

    def __init__(self, message: str, *, fix: str = "", runs: Sequence[str] = ()) -> None:
        super().__init__(message, fix=fix)
        self.runs = frozenset(runs)


class TaskFailed(MagnusError):
    """An attempt of a step ends with this message; raised by task kinds and around them."""

    exit_code = 1

    def __str__(self) -> str:
        return self.problems[0].message


class ProcessDied(TaskFailed):
    """A process that ran steps for an executor died in the middle of one.

    `pid` is its number, `shown` how many bytes of the output of this attempt were reported, `seconds` how long the
    attempt took. `job` is the id of the job of a batch system that it was in, `machine` where that ran; "" for none.
    `reason` is why the batch system stopped the job, in its words; "" if it does not say, or did not stop it.
    """

    def __init__(
        self, message: str, *, pid: int, shown: int, seconds: float, job: str = "", machine: str = "", reason: str = ""
    ) -> None:
        super().__init__(message)
        self.pid = pid
        self.shown = shown
        self.seconds = seconds
        self.job = job
        self.machine = machine
        self.reason = reason


class RunFailed(MagnusError):
    """The run reached its fail step; `run` is the run, as `Pipeline.execute` returns it."""

    exit_code = 1
    run: UserObject = None
