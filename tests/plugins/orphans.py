"""An executor whose jobs outlive the process of their run, as far as tests of that need one, and runs of it."""

import os
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from magnus.errors import JobsUnknown
from magnus.interfaces.capabilities import ExecutorCapabilities
from magnus.interfaces.jobs_of_runs import RunningJob
from magnus.run_log.records import Owner, Status
from magnus.testing.records import run_record

GONE = Owner(os.uname().nodename, 2**22 + 1)


class OrphanOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`site` tells batch systems from each other; `silent` is one without an answer."""

    site: str = ""
    silent: bool = False


class Orphans:
    """The class of the executor; `jobs` are the ids that still run by run, `requests` the runs of each request."""

    options = OrphanOptions
    capabilities = ExecutorCapabilities()
    job_word = "job"

    jobs: dict[str, list[str]]
    requests: list[list[str]]
    cancelled: list[str]
    look: Callable[[], None]

    @classmethod
    def reset(cls):
        """Forget all jobs."""
        cls.jobs, cls.requests, cls.cancelled = {}, [], []
        cls.look = lambda: None

    @classmethod
    def running_jobs(cls, options, runs):
        cls.requests.append([run.run_id for run in runs])
        cls.look()
        if options.silent:
            raise JobsUnknown("the controller does not answer")
        return {
            run.run_id: [RunningJob(job, f"step {job}", "RUNNING") for job in cls.jobs[run.run_id]]
            for run in runs
            if run.run_id in cls.jobs
        }

    @classmethod
    def cancel_jobs(cls, options, run, jobs):
        if options.silent:
            raise JobsUnknown("the controller does not answer")
        cls.cancelled += [job.id for job in jobs]
        cls.jobs.pop(run.run_id, None)


def orphan(run_id, *, executor="orphans", owner=GONE, status=Status.PROCESSING, **config):
    """A run whose process is gone."""
    run = run_record(run_id, status=status)
    return replace(run, owner=owner, run_config={"executor": {"type": executor, "config": config}})
