"""What an executor can say of the jobs of earlier runs: which still run, their end, and the folders with their output."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

from msgspec import Struct

from magnus.run_log.records import RunRecord

__all__ = ["FindsJobs", "KeepsOutput", "RunningJob", "counted"]

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

        Runs without such jobs may be left out. JobsUnknown, with the runs that it is about, when there is no answer within
        some seconds.
        """
        ...

    @staticmethod
    def cancel_jobs(options: Any, run: RunRecord, jobs: Sequence[RunningJob], /) -> None:
        """End these jobs of the run, and let no job of it start a step any more that is still on its way to the batch system.

        `jobs` may be empty. The jobs may still run for a moment when this returns. JobsUnknown likewise.
        """
        ...


@runtime_checkable
class KeepsOutput(Protocol):
    """Ability of the class of an executor that leaves a folder for the users of each run, such as the output of its jobs.

    The function belongs to the class, and gets the options that the run recorded.
    """

    capabilities: Any
    """As of every executor. Its `keeps` names the folders in which the executor has files of its own."""

    @staticmethod
    def output_folders(options: Any, run_id: str, /) -> Sequence[Path]:
        """The folders that the executor made for this run alone, absolute or below the working directory.

        Each is in a folder of `keeps`. `magnus gc` removes them with the run, with all that is in them, so a folder is left
        out that was there before the run. A folder may be missing.
        """
        ...


def counted(jobs: Sequence[RunningJob], word: str) -> str:
    """`1 job still runs: 17`, or `3 jobs still run: 17, 18_2, 18_3`."""
    ids = ", ".join(job.id for job in jobs[:_MOST_SHOWN])
    more = f", and {len(jobs) - _MOST_SHOWN} more" if len(jobs) > _MOST_SHOWN else ""
    verb = f"1 {word} still runs" if len(jobs) == 1 else f"{len(jobs)} {word}s still run"
    return f"{verb}: {ids}{more}"
