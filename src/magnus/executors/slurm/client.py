"""The client of Slurm: submits, lists and cancels jobs by the commands `sbatch`, `squeue`, `scancel` and `scontrol`."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from magnus.executors.jobs.batch_system import Batch, Full, Job, Limits, NoAnswer, Phase, Refused
from magnus.executors.slurm import commands
from magnus.executors.slurm.job_script import job_script
from magnus.executors.slurm.options import SlurmOptions, flags, of_step
from magnus.executors.slurm.queue import job_id_in, jobs_in, queue_format, setting_in
from magnus.system.atomic_files import write_text

_ALIVE: Final = frozenset({Phase.WAITING, Phase.RUNNING})
_LONGEST_COMMENT: Final = 200
_GRACE_SECONDS: Final = 3.0
_PAUSE_SECONDS: Final = 0.5
_MOST_IDS: Final = 500
"""In one command, so that its line stays short."""
_LONGEST_NAMES: Final = 100_000
"""The most characters of names in one argument; Linux takes 131,071."""


class SlurmClient:
    """Jobs of the user in the queue of Slurm."""

    def __init__(self, options: SlurmOptions, working_directory: Path) -> None:
        self._options = options
        self._working_directory = working_directory
        self._cluster = [f"--clusters={options.clusters}"] if options.clusters else []
        self._keys: dict[str, str] = {}
        """By job the key of its batch, where this process submitted it: a site may change comments of jobs."""

    def limits(self) -> Limits:
        """The limits of the cluster, as its controller says them."""
        try:
            output = commands.run(["scontrol", *self._cluster, "show", "config"])
        except Full as error:
            raise NoAnswer(error.problems[0].message) from error
        array, age = setting_in(output, "MaxArraySize"), setting_in(output, "MinJobAge")
        if not array.isdecimal() or not age.isdecimal():
            raise Refused(
                "'scontrol show config' does not say MaxArraySize and MinJobAge", fix="see that it is Slurm's"
            )
        return Limits(batch=max(1, int(array)), remembers_seconds=float(age))

    def submit(self, batch: Batch) -> Mapping[int, str]:
        """Submit one job, or one array of jobs."""
        if "\\" in str(batch.logs):
            message = f"Slurm writes no output of jobs into the folder '{batch.logs}', since it drops the backslash"
            raise Refused(message, fix="set 'log_folder' to a folder whose path has none")
        options, count = of_step(self._options, batch.override), len(batch.titles)
        script = batch.script.with_suffix(".sbatch")
        write_text(script, job_script(batch.script))
        array = [f"--array=0-{count - 1}"] if count > 1 else []
        output = commands.run(
            [
                "sbatch",
                "--parsable",
                f"--job-name={job_name(batch.run_id)}",
                f"--comment={_comment(batch)}",
                f"--output={_pattern(batch.logs)}/{'%A_%a' if array else '%j'}.out",
                "--open-mode=append",
                f"--chdir={self._working_directory}",
                "--export=ALL",
                *self._cluster,
                *array,
                *flags(options),
                str(script),
            ],
            {},
        )
        job = job_id_in(output)
        self._keys[job] = batch.key
        return {index: f"{job}_{index}" for index in range(count)} if array else {0: job}

    def jobs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Job]]:
        """The jobs of the runs, by one `squeue`, or by more where the names of the runs fill its line."""
        runs = {job_name(run_id): run_id for run_id in run_ids}
        jobs: dict[str, list[Job]] = {}
        for names in _lines_of(runs):
            for name, job in self._listed(
                "--states=all", f"--name={','.join(names)}", longest_name=max(map(len, names))
            ):
                if name in runs:  # squeue takes `a` for `A`
                    batch = self._keys.get(job.id.partition("_")[0], job.batch)
                    jobs.setdefault(runs[name], []).append(replace(job, batch=batch))
        return jobs

    def cancel(self, ids: Sequence[str]) -> None:
        """Interrupt the jobs, give them a moment to record it, and end them. Slurm kills what is left after its KillWait."""
        alive = self._alive(ids)
        self._scancel([job for job, phase in alive.items() if phase is Phase.WAITING])
        running = [job for job, phase in alive.items() if phase is not Phase.WAITING]
        self._scancel(running, "--signal=INT", "--full")
        deadline = time.monotonic() + _GRACE_SECONDS
        while running and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
            running = list(self._alive(running))
        self._scancel(running)

    def _alive(self, ids: Sequence[str]) -> dict[str, Phase]:
        """The jobs that wait or run now, of these."""
        phases = {job.id: job.phase for _, job in self._listed()}
        return {job: phases[job] for job in ids if phases.get(job) in _ALIVE}

    def _listed(self, *which: str, longest_name: int = 1) -> Sequence[tuple[str, Job]]:
        """The jobs with their names, which are cut to that length."""
        user = f"--user={os.getuid()}"
        argv = [
            "squeue",
            "--noheader",
            "--array",
            user,
            *self._cluster,
            *which,
            f"--Format={queue_format(longest_name)}",
        ]
        try:
            output = commands.run(argv)
        except (Refused, Full) as error:  # jobs that were submitted run on, also where squeue fails
            [problem] = error.problems
            raise NoAnswer(problem.message, fix=problem.fix) from error
        return list(jobs_in(output))

    def _scancel(self, ids: Sequence[str], *how: str) -> None:
        """Signal or end jobs. It is no failure if some are over; the silence of the controller is one."""
        for start in range(0, len(ids), _MOST_IDS):
            with suppress(Refused, Full):
                commands.run(["scancel", "--quiet", *self._cluster, *how, *ids[start : start + _MOST_IDS]])


def job_name(run_id: str) -> str:
    """The name of all jobs of a run; characters that `squeue --name` splits at are encoded."""
    return f"magnus-{quote(run_id, safe='')}"


def _lines_of(names: Iterable[str]) -> Iterator[Sequence[str]]:
    """The names in parts that one argument can have."""
    part: list[str] = []
    length = 0
    for name in names:
        if part and length + len(name) >= _LONGEST_NAMES:
            yield part
            part, length = [], 0
        part.append(name)
        length += len(name) + 1
    if part:
        yield part


def _comment(batch: Batch) -> str:
    """The key of the batch and the steps, as far as they fit."""
    text = " ".join([batch.key, *batch.titles])
    return text if len(text) <= _LONGEST_COMMENT else f"{text[: _LONGEST_COMMENT - 3]}..."


def _pattern(folder: Path) -> str:
    """The folder in a pattern of names of files, where `%` has a meaning."""
    return str(folder).replace("%", "%%")
