"""Whatever a batch system does, each step finishes once, and no step runs in two jobs at the same time.

A simulated cluster in virtual time: it requeues and kills jobs, forgets the ones that are over, is silent, loses answers,
carries submissions out late or twice, and shows marks late.
"""

import os
from collections import Counter
from concurrent.futures import Future
from pathlib import Path
from random import Random

import pytest
from msgspec import Struct

from magnus.engine.reentry.protocol import event_line
from magnus.errors import ProcessDied
from magnus.executors.jobs.batch_system import Full, Job, Limits, NoAnswer, Phase
from magnus.executors.jobs.options import JobOptions
from magnus.executors.jobs.requests import Submitted
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.watch import Watch
from magnus.graph.path import BranchPath
from magnus.interfaces.executor import ReentrySpec, StepRequest
from magnus.interfaces.reentry import step_command
from magnus.interfaces.reporter import StepEnded
from magnus.run_log.records import Status

ROOT = BranchPath()
ALIVE = {Phase.WAITING, Phase.RUNNING}


class SimulatedJob(Struct):
    id: str
    batch: str
    index: int
    title: str
    at: float
    phase: Phase = Phase.WAITING
    state: str = "PENDING"
    restarts: int = 0
    works: bool = False
    over_at: float = 0.0


class Cluster:
    """Jobs in virtual time; `at` is set by the test."""

    def __init__(self, random: Random, files: RunFolder) -> None:
        self.random = random
        self.files = files
        self.at = 0.0
        self.jobs_by_id = {}
        self.late_marks = []
        self.last = 0
        self.cancelled_by_user = set()
        self.finished = Counter()
        self.calls = Counter()
        self.calm = False

    # --- the protocol

    def limits(self):
        self._maybe(0.2)
        return Limits(7, 60.0)

    def submit(self, batch):
        self.calls["submit"] += 1
        chance = 1.0 if self.calm else self.random.random()
        if chance < 0.1:
            raise NoAnswer("nothing happened")
        if chance < 0.2:
            raise Full("too many")
        late = self.random.uniform(1, 8) if chance < 0.3 else 0.0
        ids = self._take(batch, self.at + late)
        if 0.3 < chance < 0.4:
            self._take(batch, self.at + self.random.uniform(0, 20))
        if chance < 0.35:
            raise NoAnswer("the answer was lost")
        return ids

    def jobs(self, run_ids):
        self.calls["jobs"] += 1
        self._maybe(0.3)
        [run_id] = run_ids
        jobs = [
            Job(job.id, job.batch, job.index, job.phase, job.state, restarts=job.restarts)
            for job in self.jobs_by_id.values()
            if job.at <= self.at and (job.phase in ALIVE or self.at < job.over_at + 60)
        ]
        return {run_id: jobs}

    def cancel(self, ids):
        self._maybe(0.3)
        for job in map(self.jobs_by_id.get, ids):
            if job is not None and job.phase in ALIVE:
                self._end(job, Phase.KILLED, "CANCELLED")

    def _maybe(self, chance):
        if not self.calm and self.random.random() < chance:
            raise NoAnswer("no route to host")

    def _take(self, batch, at):
        self.last += 1
        ids = {}
        for index, title in enumerate(batch.titles):
            ids[index] = f"{self.last}_{index}"
            self.jobs_by_id[ids[index]] = SimulatedJob(ids[index], batch.key, index, title, at)
        return ids

    # --- what happens

    def happen(self):
        """Let something happen to each job that is alive."""
        for job in self.jobs_by_id.values():
            if job.phase in ALIVE and job.at <= self.at:
                self._happen_to(job, self.random.random())
        ready = [late for late in self.late_marks if late[0] <= self.at]
        self.late_marks = [late for late in self.late_marks if late[0] > self.at]
        for _, name, text in ready:
            (self.files.private / "marks" / name).write_text(text)
        working = Counter(job.title for job in self.jobs_by_id.values() if job.works)
        assert all(count == 1 for count in working.values()), working

    def _happen_to(self, job, chance):
        if job.phase is Phase.WAITING:
            if chance < 0.3:
                self._start(job)
            elif chance < 0.32 and not self.calm:
                self._end(job, Phase.KILLED, "PREEMPTED")
        elif chance < 0.3 or self.calm:
            self._exit(job, 0)
        elif chance < 0.4:
            self._exit(job, 143, requeued=True)
        elif chance < 0.45:
            self._end(job, Phase.KILLED, "NODE_FAIL")
        elif chance < 0.5:
            self._exit(job, 143)
        elif chance < 0.55:
            self._requeue(job)

    def _start(self, job):
        job.phase, job.state = Phase.RUNNING, "RUNNING"
        claim = self.files.private / "claims" / f"{job.batch}-{job.index}"
        try:
            claim.symlink_to(job.id)
        except FileExistsError:
            if os.readlink(claim) != job.id:
                self._end(job, Phase.EXITED, "COMPLETED")
                return
        job.works = True
        self._mark(job, "start", f"node\n{job.id}\n\n")

    def _exit(self, job, status, *, requeued=False):
        if status == 0:
            self.finished[job.title] += 1
            with (self.files.private / "events" / f"{job.batch}-{job.index}").open("ab") as file:
                path = ROOT.step(job.title)
                file.write(b"\n" + event_line(StepEnded(path, "task", Status.SUCCESS, "", 1.0)))
        self._mark(job, f"end.{status}", "")
        if requeued:
            self._requeue(job)
        else:
            self._end(job, Phase.EXITED, "COMPLETED" if status == 0 else "FAILED")

    def _mark(self, job, kind, text):
        late = self.random.choice([0, 0, 0, 5, 15])
        self.late_marks.append((self.at + late, f"{job.batch}-{job.index}.{job.restarts}.{kind}", text))

    def _requeue(self, job):
        job.phase, job.state, job.works, job.restarts = Phase.WAITING, "PENDING", False, job.restarts + 1

    def _end(self, job, phase, state):
        job.phase, job.state, job.works, job.over_at = phase, state, False, self.at


class Storm:
    """A run of some steps, which are submitted again when their jobs die, as by the walk of a run."""

    def __init__(self, folder: Path, seed: int) -> None:
        random = Random(seed)
        files = RunFolder(folder, "mine")
        files.make({})
        self.cluster = Cluster(random, files)
        spec = ReentrySpec("mine", "1", folder, (), (), {}, step_command, lambda _path: "", lambda _event: None)
        options = JobOptions(folder, grace_seconds=40.0)
        self.watch = Watch(self.cluster, options, spec, files, lambda: self.cluster.at)
        self.running = {}
        self.deaths = Counter()
        self.results = Counter()
        for number in range(20):
            self.submit(f"s{number}")

    def submit(self, name):
        future = Future()
        self.running[name] = future
        self.watch.add(Submitted(StepRequest("mine", ROOT.step(name), "", ""), future, ""))

    def second(self):
        """Let a second pass."""
        self.cluster.at += 1.0
        self.cluster.happen()
        while (due := self.watch.turn()) is not None and due <= self.cluster.at:
            pass
        for name, future in list(self.running.items()):
            if future.done():
                del self.running[name]
                self.take(name, future)

    def take(self, name, future):
        try:
            future.result(0)
        except ProcessDied:
            self.deaths[name] += 1
            self.submit(name)
        else:
            self.results[name] += 1


@pytest.mark.parametrize("seed", range(60))
def test_each_step_finishes_once_and_never_runs_twice_at_a_time(tmp_path, seed):
    storm = Storm(tmp_path, seed)
    for second in range(6000):
        storm.cluster.calm = second > 1500
        storm.second()
        if not storm.running:
            break
    assert not storm.running
    assert set(storm.results.values()) == {1}
    assert all(storm.cluster.finished[name] >= 1 for name in storm.results)


@pytest.mark.parametrize("seed", range(60))
def test_a_stop_leaves_no_job_and_no_waiting_future(tmp_path, seed):
    storm = Storm(tmp_path, seed)
    for _ in range(Random(seed).randrange(40)):
        storm.second()
    storm.watch.stop()
    for second in range(300):
        storm.cluster.calm = second > 20
        storm.cluster.at += 1.0
        while (due := storm.watch.turn()) is not None and due <= storm.cluster.at:
            pass
        if storm.watch.is_idle:
            break
    assert storm.watch.is_idle
    assert all(future.done() for future in storm.running.values())
    alive = [job for job in storm.cluster.jobs_by_id.values() if job.phase in ALIVE and job.at <= storm.cluster.at]
    claims = {(job.batch, job.index): storm.cluster.files.claimant(job.batch, job.index) for job in alive}
    assert all(claim != job.id for job, claim in zip(alive, claims.values(), strict=True)), "none of them runs a step"
