"""What an executor can say of jobs that outlive the process of their run: which still run, and their end."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, runtime_checkable

from msgspec import Struct

from magnus.run_log.records import RunRecord

__all__ = ["FindsJobs", "RunningJob", "counted"]

_MOST_SHOWN: Final = 10


class RunningJob(Struct, frozen=True):
    """A job of a run which runs, or waits for its start.

    Attributes:
        id: the name that the batch system and its users have for it, such as `17_2`.
        step: the path of its step; "" if that is not known.
        state: in the words of the batch system, such as `PENDING`.
    """

    id: str
    step: str = ""
    state: str = ""


@runtime_checkable
class FindsJobs(Protocol):
    """Ability of the class of an executor whose jobs still run when the process of their run is gone.

    The functions belong to the class: nothing of the executor starts. Both functions get the options that the run recorded.
    """

    job_word: str
    """What users call such a job: `job`, `container`."""

    @staticmethod
    def running_jobs(options: Any, runs: Sequence[RunRecord], /) -> Mapping[str, Sequence[RunningJob]]:
        """The jobs of these runs which run or wait for their start, by the id of the run, found by one request.

        Runs without such jobs may be left out. JobsUnknown when there is no answer within some seconds.
        """
        ...

    @staticmethod
    def cancel_jobs(options: Any, run: RunRecord, jobs: Sequence[RunningJob], /) -> None:
        """End these jobs of the run, and let no job of it start a step any more that is still on its way to the batch system.

        `jobs` may be empty. The jobs may still run for a moment when this returns. JobsUnknown likewise.
        """
        ...


def counted(jobs: Sequence[RunningJob], word: str) -> str:
    """`1 job still runs: 17`, or `3 jobs still run: 17, 18_2, 18_3`."""
    ids = ", ".join(job.id for job in jobs[:_MOST_SHOWN])
    more = f", and {len(jobs) - _MOST_SHOWN} more" if len(jobs) > _MOST_SHOWN else ""
    verb = f"1 {word} still runs" if len(jobs) == 1 else f"{len(jobs)} {word}s still run"
    return f"{verb}: {ids}{more}"
