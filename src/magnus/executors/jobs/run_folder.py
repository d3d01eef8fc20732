"""The files by which the jobs of a run and the process that watches them talk: a folder that all machines share.

`<folder>/<run id>/` has the output of jobs, for users, and an empty file `.of-run` if it was made for the run: then it is
removed with the run. Its folder `.jobs` is private to the user and to the run::

    environment       variables of the steps, with secrets among them
    batches/KEY.sh    the scripts of batches
    claims/KEY-N      a link whose target is the id of the job that runs the step, or `REVOKED`
    marks/KEY-N.R.start, marks/KEY-N.R.end.STATUS
                      job N of a batch started, or exited with this status, after R requeues
    events/KEY-N      what magnus in the job reports
    ledger            the batches of the run, with their jobs
    stopped           is there when the run was stopped: a job that starts later runs nothing
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.executors.jobs.script import JobScript, environment_text
from magnus.system import atomic_files
from magnus.system.system_calls import REAL

__all__ = ["Mark", "RunFolder", "Start"]

_PRIVATE: Final = ".jobs"
_OF_RUN: Final = ".of-run"
_PARTS: Final = ("batches", "claims", "events", "marks", "new")
_REVOKED: Final = "REVOKED"
_MOST_EVENTS_BYTES: Final = 1024 * 1024
_TAIL_BYTES: Final = 4096


class Mark(Struct, frozen=True):
    """A mark that a job left: it started, or exited with a status, after so many requeues.

    Attributes:
        batch: the key of the batch.
        index: of the job in it.
        restarts: how often it was requeued before.
        status: its exit status; None of a start.
        name: of the file.
    """

    batch: str
    index: int
    restarts: int
    status: int | None
    name: str


class Start(Struct, frozen=True):
    """What a job notes when it starts; "" for what it does not know.

    Attributes:
        machine: its machine.
        job: its id.
        log: the file of its output.
        restarts: how often it was requeued before.
    """

    machine: str = ""
    job: str = ""
    log: str = ""
    restarts: int = 0


class RunFolder:
    """The files of one run.

    Attributes:
        logs: the folder for the output of jobs.
        private: the folder `.jobs` in it.
    """

    def __init__(self, folder: Path, run_id: str) -> None:
        self.logs = folder / run_id
        self.private = self.logs / _PRIVATE

    @property
    def is_over(self) -> bool:
        """Whether the private files were removed, and the output of jobs was left: then no job runs any more."""
        return self.logs.is_dir() and not self.private.exists()

    @property
    def is_of_run(self) -> bool:
        """Whether the folder was made for the run: a folder of the user may have had its name before."""
        return (self.logs / _OF_RUN).is_file()

    def make(self, environment: Mapping[str, str]) -> None:
        """Make the folders, and write the variables of steps. OSError."""
        atomic_files.make_own_folder(self.logs.parent)
        with suppress(FileExistsError):
            self.logs.mkdir()
            (self.logs / _OF_RUN).touch()
        for folder in (self.private, *(self.private / name for name in _PARTS)):
            folder.mkdir(mode=0o700, exist_ok=True)
        self._write("environment", environment_text(environment), 0o600)

    def write_script(self, script: JobScript) -> Path:
        """Write the script of a batch; the file. OSError."""
        return self._write(f"batches/{script.key}.sh", script.text(), 0o700)

    def marks(self) -> list[Mark]:
        """The marks that are there now; none when the folder is gone."""
        try:
            names = os.listdir(self.private / "marks")  # noqa: PTH208 - one call, and no more for each name
        except OSError:
            return []
        return [mark for name in names if (mark := _mark(name)) is not None]

    def remove_marks(self, marks: Sequence[Mark]) -> None:
        """Remove marks that were read, so that the list of marks stays short."""
        for mark in marks:
            with suppress(OSError):
                (self.private / "marks" / mark.name).unlink()

    def start_of(self, mark: Mark) -> Start:
        """The content of the mark of a start."""
        try:
            text = (self.private / "marks" / mark.name).read_text("utf-8", "surrogateescape")
        except OSError:
            return Start(restarts=mark.restarts)
        machine, job, log = (*text.split("\n", 2), "", "", "")[:3]
        return Start(machine, job, log.removesuffix("\n"), mark.restarts)

    def events(self, batch: str, index: int, offset: int) -> bytes:
        """What the job reported behind this place of its file; at most 1 MiB."""
        try:
            descriptor = os.open(self.private / "events" / f"{batch}-{index}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return os.pread(descriptor, _MOST_EVENTS_BYTES, offset)
        except OSError:
            return b""
        finally:
            os.close(descriptor)

    def remove_events(self, batch: str, index: int) -> None:
        """Remove the file of a job that is over."""
        with suppress(OSError):
            (self.private / "events" / f"{batch}-{index}").unlink()

    def claimant(self, batch: str, index: int) -> str:
        """The id of the job that runs the step; "" when none has started."""
        try:
            return str(self._claim(batch, index).readlink())
        except OSError:
            return ""

    def revoke(self, batch: str, index: int) -> None:
        """Let no job start this step any more; one that started before is not stopped. Where that fails, nothing happens."""
        temporary = self.private / "new" / f"revoked-{batch}-{index}"
        with suppress(OSError):
            with suppress(FileExistsError):
                temporary.symlink_to(_REVOKED)
            temporary.replace(self._claim(batch, index))

    def revoke_unclaimed(self, batch: str, index: int) -> str:
        """Let no job start this step any more, unless one has started it: then its id, else ""."""
        try:
            self._claim(batch, index).symlink_to(_REVOKED)
        except FileExistsError:
            claimant = self.claimant(batch, index)
            return "" if claimant == _REVOKED else claimant
        except OSError:
            return ""
        return ""

    def stop(self) -> None:
        """Let no job of the run start a step any more."""
        with suppress(OSError):
            (self.private / "stopped").touch()

    def end_of_log(self, log: str) -> str:
        """The end of the output of a job; "" when it has none or cannot be read."""
        if not log:
            return ""
        try:
            with Path(log).open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except (OSError, ValueError):
            return ""

    def remove_secrets(self) -> None:
        """Remove the variables of steps, where jobs of the run may still be there."""
        with suppress(OSError):
            (self.private / "environment").unlink()

    def remove(self) -> None:
        """Remove all but the output of jobs; also the folder of the run, if there is none."""
        atomic_files.remove_folder(self.private)
        with suppress(OSError):
            if os.listdir(self.logs) == [_OF_RUN]:  # noqa: PTH208 - two names are enough
                (self.logs / _OF_RUN).unlink()
            self.logs.rmdir()

    def _claim(self, batch: str, index: int) -> Path:
        return self.private / "claims" / f"{batch}-{index}"

    def _write(self, name: str, text: str, mode: int) -> Path:
        file = self.private / name
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
        try:
            os.fchmod(descriptor, mode)
            atomic_files.write_all(descriptor, text.encode("utf-8", "surrogateescape"), REAL)
        finally:
            os.close(descriptor)
        return file


def _mark(name: str) -> Mark | None:
    """The mark whose file has this name; None of any other file."""
    job, _, rest = name.partition(".")
    batch, _, index = job.rpartition("-")
    restarts, _, rest = rest.partition(".")
    kind, _, status = rest.partition(".")
    try:
        if kind == "start":
            return Mark(batch, int(index), int(restarts), None, name)
        return Mark(batch, int(index), int(restarts), int(status), name) if kind == "end" else None
    except ValueError:
        return None
