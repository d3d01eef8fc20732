"""The jobs of a run are submitted together, watched by their marks, and lost only when the batch system says so."""

import errno
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus.engine.processes import liveness
from magnus.engine.reentry.protocol import event_line
from magnus.errors import ProcessDied, TaskFailed
from magnus.executors.jobs import ledger, left_jobs
from magnus.executors.jobs.batch_system import Full, Job, Limits, NoAnswer, Phase, Refused
from magnus.executors.jobs.executor import JobExecutor
from magnus.executors.jobs.options import JobOptions
from magnus.executors.jobs.requests import Submitted
from magnus.executors.jobs.run_folder import RunFolder
from magnus.executors.jobs.watch import Watch
from magnus.graph.path import BranchPath
from magnus.interfaces.executor import ReentrySpec, StepRequest
from magnus.interfaces.reentry import step_command
from magnus.interfaces.reporter import StepEnded, StepOutput, StepWaiting, Warned
from magnus.run_log.records import RunRecord, Status

ROOT = BranchPath()


class ScriptedSystem:
    """A batch system in memory: `errors` are raised by the next calls of a name; `known` are its jobs by id."""

    def __init__(self) -> None:
        self.batches = []
        self.cancelled = []
        self.known = {}
        self.errors = {"limits": [], "submit": [], "jobs": [], "cancel": []}
        self.calls = dict.fromkeys(self.errors, 0)
        self.most = 1000
        self.takes_without_answer = False

    def _call(self, name):
        self.calls[name] += 1
        if self.errors[name] and (error := self.errors[name].pop(0)) is not None:
            raise error

    def limits(self):
        self._call("limits")
        return Limits(self.most, 300.0)

    def submit(self, batch):
        try:
            self._call("submit")
        except NoAnswer:
            if self.takes_without_answer:
                self._take(batch)
            raise
        return self._take(batch)

    def _take(self, batch):
        self.batches.append(batch)
        ids = {index: f"{len(self.batches)}_{index}" for index in range(len(batch.titles))}
        for index, job_id in ids.items():
            self.known[job_id] = Job(job_id, batch.key, index, Phase.WAITING, "PENDING", "Priority")
        return ids

    def jobs(self, run_ids):
        assert list(run_ids) == ["mine"]
        self._call("jobs")
        return {"mine": list(self.known.values())}

    def cancel(self, ids):
        self._call("cancel")
        self.cancelled += ids
        for job_id in ids:
            if job_id in self.known:
                self.known[job_id] = replace(self.known[job_id], phase=Phase.KILLED, state="CANCELLED")

    def set(self, job_id, phase, **more):
        self.known[job_id] = replace(self.known[job_id], phase=phase, **more)


class Run:
    """A run with its watch; time passes only between turns."""

    def __init__(self, folder: Path, **options) -> None:
        self.at = 0.0
        self.system = ScriptedSystem()
        self.events = []
        self.files = RunFolder(folder / "jobs", "mine")
        self.files.make({})
        self.overrides = {}
        spec = ReentrySpec(
            run_id="mine",
            version="1",
            working_directory=folder,
            written=(),
            read=(),
            environment={},
            command=step_command,
            override=lambda path: self.overrides.get(path.name, ""),
            report=self.events.append,
        )
        self.spec = spec
        self.watch = Watch(self.system, JobOptions(Path("jobs"), **options), spec, self.files, lambda: self.at)

    def submit(self, *names):
        futures = [Future() for _ in names]
        for name, future in zip(names, futures, strict=True):
            request = StepRequest("mine", ROOT.step(name), "", "")
            self.watch.add(Submitted(request, future, self.spec.override(request.path)))
        return futures

    def turn(self, seconds=0.0):
        """Let so much time pass, with all the turns that are due."""
        end = self.at + seconds
        while True:
            due = self.watch.turn()
            if due is None or due > end:
                break
            self.at = max(self.at, due)
        self.at = end

    def started(self, job="1_0", restarts=0, machine="node-1"):
        self._mark(job, restarts, "start", f"{machine}\n{job}\n\n")
        self.system.set(job, Phase.RUNNING, restarts=restarts)

    def exited(self, job="1_0", status=0, restarts=0):
        self._mark(job, restarts, f"end.{status}", "")

    def wrote(self, *events, job="1_0"):
        known = self.system.known[job]
        with (self.files.private / "events" / f"{known.batch}-{known.index}").open("ab") as file:
            file.write(b"\n" + b"".join(event_line(event) for event in events))

    def _mark(self, job, restarts, kind, text):
        known = self.system.known[job]
        (self.files.private / "marks" / f"{known.batch}-{known.index}.{restarts}.{kind}").write_text(text)

    def ended(self, name="a", status=Status.SUCCESS):
        return StepEnded(ROOT.step(name), "task", status, "", 1.0)


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def test_what_is_submitted_at_once_is_one_batch(run):
    run.submit(*(f"s{number}" for number in range(1000)))
    run.turn(2)
    assert [len(batch.titles) for batch in run.system.batches] == [1000]
    assert len(ledger.read(run.files)[run.system.batches[0].key].ids) == 1000


def test_batches_are_as_large_as_the_batch_system_allows(run):
    run.system.most = 300
    run.submit(*(f"s{number}" for number in range(1000)))
    run.turn(10)
    assert [len(batch.titles) for batch in run.system.batches] == [300, 300, 300, 100]


def test_steps_with_another_override_are_another_batch(run):
    run.overrides = {"b": "large"}
    run.submit("a", "b", "c")
    run.turn(5)
    assert [(batch.override, list(batch.titles)) for batch in run.system.batches] == [
        ("", ["a", "c"]),
        ("large", ["b"]),
    ]


def test_a_full_batch_system_gets_less_and_loses_nothing(run):
    run.system.errors["submit"] = [Full("no"), Full("no"), Full("no")]
    run.submit(*(f"s{number}" for number in range(8)))
    run.turn(300)
    assert sorted(title for batch in run.system.batches for title in batch.titles) == [
        f"s{number}" for number in range(8)
    ]
    assert len(run.system.batches[0].titles) == 1


def test_a_batch_system_that_is_full_for_long_is_asked_seldom(run):
    run.system.errors["submit"] = [Full("no")] * 1000
    [future] = run.submit("a")
    run.turn(600)
    assert run.system.calls["submit"] < 20
    assert not future.done()


def test_what_is_refused_fails_with_the_words_of_the_batch_system(run):
    run.system.errors["submit"] = [Refused("invalid partition: nowhere")]
    [future] = run.submit("a")
    run.turn(1)
    with pytest.raises(TaskFailed, match="invalid partition: nowhere"):
        future.result(0)


def test_a_submission_without_an_answer_is_not_submitted_twice(run):
    run.system.errors["submit"] = [NoAnswer("the connection was closed")]
    run.system.takes_without_answer = True
    [future] = run.submit("a")
    run.turn(60)
    assert run.system.calls["submit"] == 1
    run.started()
    run.wrote(run.ended())
    run.exited()
    run.turn(2)
    assert future.result(0) is None


def test_marks_of_a_submission_without_an_answer_are_kept(run):
    run.system.errors["submit"] = [NoAnswer("the connection was closed")]
    run.system.errors["jobs"] = [NoAnswer("no")] * 3
    run.system.takes_without_answer = True
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.wrote(run.ended())
    run.exited()
    run.turn(120)
    assert future.result(0) is None


def test_a_submission_that_was_not_carried_out_is_repeated_and_its_jobs_run_nothing_if_they_come_late(run):
    run.system.errors["submit"] = [NoAnswer("the connection was closed")]
    run.submit("a")
    run.turn(60)
    assert run.system.calls["submit"] == 2
    first, second = ledger.read(run.files)
    assert run.files.claimant(first, 0) == "REVOKED"
    assert run.files.claimant(second, 0) == ""


def test_a_job_that_starts_when_its_submission_is_given_up_is_watched_and_the_others_are_repeated(run):
    run.system.errors["submit"] = [NoAnswer("the connection was closed")]
    first, second = run.submit("a", "b")
    run.turn(1)
    [key] = ledger.read(run.files)
    (run.files.private / "claims" / f"{key}-1").symlink_to("9_1")  # the queue does not show it yet
    run.turn(30)
    assert [list(batch.titles) for batch in run.system.batches] == [["a"]]
    assert [run.files.claimant(key, index) for index in (0, 1)] == ["REVOKED", "9_1"]
    run.system.known["9_1"] = Job("9_1", key, 1, Phase.RUNNING, "RUNNING")
    run.started("9_1")
    run.wrote(run.ended("b"), job="9_1")
    run.exited("9_1")
    run.turn(2)
    assert (first.done(), second.result(0)) == (False, None)


def test_of_jobs_that_a_submission_made_twice_one_is_cancelled(run):
    run.submit("a")
    run.turn(1)
    key = run.system.batches[0].key
    run.system.known["2_0"] = Job("2_0", key, 0, Phase.RUNNING, "RUNNING")
    (run.files.private / "claims" / f"{key}-0").symlink_to("2_0")
    run.turn(60)
    assert run.system.cancelled == ["1_0"]


def test_a_requeued_job_is_no_end(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.exited(status=143)
    run.system.set("1_0", Phase.WAITING, restarts=1, reason="BeginTime")
    run.turn(300)
    assert not future.done()
    run.started(restarts=1)
    run.wrote(run.ended())
    run.exited(restarts=1)
    run.turn(2)
    assert future.result(0) is None


def test_a_job_that_a_signal_ended_is_dead_when_it_is_over(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.exited(status=143)
    run.turn(60)
    assert not future.done(), "the batch system still says that it runs"
    run.system.set("1_0", Phase.EXITED)
    run.turn(60)
    with pytest.raises(ProcessDied, match=r"job 1_0 .* on node-1 exited with status 143 \(SIGTERM\)") as raised:
        future.result(0)
    assert (raised.value.job, raised.value.machine) == ("1_0", "node-1")


def test_a_killed_job_never_comes_back(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.system.set("1_0", Phase.KILLED, state="NODE_FAIL")
    run.turn(60)
    with pytest.raises(ProcessDied, match="was stopped: NODE_FAIL"):
        future.result(0)
    assert run.system.cancelled == ["1_0"]
    assert run.files.claimant(run.system.batches[0].key, 0) == "REVOKED"


def test_a_job_that_is_lost_before_its_step_starts_is_no_attempt(run):
    [future] = run.submit("a")
    for number in range(1, 4):
        run.turn(10)
        run.system.set(f"{number}_0", Phase.KILLED, state="PREEMPTED")
        run.turn(60)
        assert not future.done()
    assert [len(batch.titles) for batch in run.system.batches] == [1, 1, 1, 1]
    assert sum("it had not started the step" in event.message for event in run.events if isinstance(event, Warned)) == 3
    run.system.set("4_0", Phase.KILLED, state="PREEMPTED")
    run.turn(60)
    with pytest.raises(ProcessDied, match="PREEMPTED"):
        future.result(0)


def test_an_answer_that_is_older_than_the_start_does_not_undo_it(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.system.set("1_0", Phase.WAITING)
    run.turn(100)
    run.system.set("1_0", Phase.KILLED, state="NODE_FAIL")
    run.turn(100)
    with pytest.raises(ProcessDied, match="NODE_FAIL"):
        future.result(0)
    assert len(run.system.batches) == 1


def test_an_answer_that_is_older_than_the_end_does_not_undo_it(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.exited(status=137)
    run.system.set("1_0", Phase.WAITING)
    run.turn(50)
    run.system.set("1_0", Phase.EXITED)
    run.turn(50)
    with pytest.raises(ProcessDied, match="status 137"):
        future.result(0)


def test_a_waiting_job_that_a_user_cancels_is_not_submitted_again(run):
    [future] = run.submit("a")
    run.turn(1)
    run.system.set("1_0", Phase.KILLED, state="CANCELLED", by_user=True)
    run.turn(60)
    with pytest.raises(ProcessDied, match="CANCELLED"):
        future.result(0)
    assert len(run.system.batches) == 1


def test_a_fault_cancels_the_jobs(run):
    [future] = run.submit("a")
    run.turn(1)
    run.watch.fail(ValueError("a fault"))
    assert run.system.cancelled == ["1_0"]
    assert isinstance(future.exception(0), ValueError)


def test_a_fault_while_steps_are_submitted_fails_them_too(run):
    run.system.errors["submit"] = [ValueError("a fault")]
    futures = run.submit("a", "b")
    with pytest.raises(ValueError, match="a fault"):
        run.turn(1)
    run.watch.fail(ValueError("a fault"))
    assert [type(future.exception(0)) for future in futures] == [ValueError, ValueError]


def test_a_fault_fails_the_steps_whose_futures_are_not_done(run):
    first, second = run.submit("a", "b")
    run.turn(1)
    first.set_result(None)
    run.watch.fail(ValueError("a fault"))
    assert isinstance(second.exception(0), ValueError)


@pytest.mark.parametrize("phase", [None, Phase.EXITED])
def test_a_job_without_a_mark_is_lost_after_a_grace(run, phase):
    [future] = run.submit("a")
    run.turn(1)
    if phase is None:
        del run.system.known["1_0"]
    else:
        run.system.set("1_0", phase)
    run.turn(50)
    assert not future.done(), "its mark may be late"
    run.turn(100)
    words = "left no exit status" if phase is None else "did not start the step: see that its machine sees the folder"
    with pytest.raises(ProcessDied, match=words):
        future.result(0)


def test_a_job_that_started_and_left_no_mark_of_its_end(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.system.set("1_0", Phase.EXITED)
    run.turn(100)
    with pytest.raises(ProcessDied, match="left no exit status"):
        future.result(0)


def test_a_job_whose_folder_is_not_there_shows_its_output(run):
    [future] = run.submit("a")
    run.turn(1)
    (run.files.logs / "1_0.out").write_text("magnus: the folder cannot be written on node-1, or is gone\n")
    run.system.set("1_0", Phase.EXITED, state="FAILED", place="node-1")
    run.turn(100)
    with pytest.raises(ProcessDied) as caught:
        future.result(0)
    message = caught.value.problems[0].message
    assert message.startswith("the job 1_0 of the batch system on node-1 is over (FAILED), and did not start the step")
    assert message.endswith("1_0.out:\nmagnus: the folder cannot be written on node-1, or is gone")


def test_an_incomplete_line_of_the_ledger_hides_no_batch(run):
    with (run.files.private / "ledger").open("wb") as file:
        file.write(b'{"batch": "m0123')
    run.submit("a")
    run.turn(1)
    [batch] = ledger.read(run.files).values()
    assert batch.ids == {0: "1_0"}


def test_a_late_mark_counts(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.system.set("1_0", Phase.EXITED)
    run.turn(40)
    run.wrote(run.ended())
    run.exited()
    run.turn(2)
    assert future.result(0) is None


def test_a_silent_batch_system_ends_nothing(run):
    [future] = run.submit("a")
    run.turn(1)
    run.system.errors["jobs"] = [NoAnswer("no route to host")] * 10000
    run.turn(3600)
    assert not future.done()
    assert run.system.calls["jobs"] < 150
    assert any(isinstance(event, Warned) and "no route to host" in event.message for event in run.events)


def test_a_run_in_which_nothing_happens_asks_seldom(run):
    run.submit("a")
    run.turn(3600)
    assert run.system.calls["jobs"] <= 35


def test_many_evictions_do_not_ask_often(run):
    run.submit(*(f"s{number}" for number in range(200)))
    run.turn(1)
    for number in range(200):
        run.started(f"1_{number}")
    run.turn(1)
    for number in range(200):
        run.exited(f"1_{number}", 143)
        run.turn(1)
    assert run.system.calls["jobs"] <= 20


def test_a_job_that_failed_before_its_step_says_so(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.exited(status=127)
    run.turn(2)
    with pytest.raises(TaskFailed, match="exited with status 127 before the step had a result") as raised:
        future.result(0)
    assert not isinstance(raised.value, ProcessDied)


def test_events_are_reported_as_they_are_written(run):
    run.submit("a")
    run.turn(1)
    run.started()
    run.wrote(StepOutput(ROOT.step("a"), b"one\n"))
    run.turn(2)
    run.wrote(StepOutput(ROOT.step("a"), b"two\n"))
    run.turn(2)
    assert [event.data for event in run.events if isinstance(event, StepOutput)] == [b"one\n", b"two\n"]


def test_output_of_many_megabytes_arrives_before_the_end(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.wrote(*[StepOutput(ROOT.step("a"), bytes(100_000))] * 50, run.ended())
    run.exited()
    run.turn(2)
    assert future.result(0) is None
    assert sum(len(event.data) for event in run.events if isinstance(event, StepOutput)) == 5_000_000


def test_the_reason_why_a_step_waits_is_reported_once(run):
    run.submit("a")
    run.turn(200)
    run.system.set("1_0", Phase.WAITING, reason="Resources")
    run.turn(200)
    waiting = [(event.job, event.reason) for event in run.events if isinstance(event, StepWaiting)]
    assert waiting == [("1_0", ""), ("1_0", "Priority"), ("1_0", "Resources")]


def test_a_stop_cancels_what_waits_and_what_runs(run):
    waits, runs = run.submit("a", "b")
    run.turn(1)
    run.started("1_1")
    run.turn(1)
    run.watch.stop()
    later = run.submit("c")[0]
    run.turn(0)
    assert run.system.cancelled == ["1_0", "1_1"]
    run.exited("1_1", 130)
    run.turn(5)
    assert run.watch.is_idle
    assert waits.cancelled()
    assert later.cancelled()
    assert runs.done()
    assert (run.files.private / "stopped").exists()


def test_a_stop_cancels_jobs_whose_submission_got_no_answer(run):
    run.system.errors["submit"] = [NoAnswer("the connection was closed")]
    run.system.takes_without_answer = True
    run.submit("a")
    run.system.errors["jobs"] = [NoAnswer("no")]
    run.turn(0.1)
    assert run.system.calls["submit"] == 1
    run.watch.stop()
    run.turn(30)
    assert run.system.cancelled == ["1_0"]
    assert run.watch.is_idle


def test_a_stop_is_repeated_until_the_batch_system_answers(run):
    run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.system.errors["cancel"] = [NoAnswer("no")] * 3
    run.watch.stop()
    run.turn(30)
    assert run.system.cancelled == ["1_0"]
    assert run.watch.is_idle


def test_a_stop_ends_also_when_the_batch_system_never_answers(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.system.errors["cancel"] = run.system.errors["jobs"] = [NoAnswer("no")] * 10000
    run.watch.stop()
    run.turn(120)
    assert run.watch.is_idle
    assert future.done()
    assert any(isinstance(event, Warned) and "1_0" in event.message for event in run.events)
    assert run.watch.leaves_jobs


def test_a_stop_leaves_jobs_of_a_run_of_another_folder_with_the_same_id(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.system.known["9"] = Job("9", ledger.new_key(), 0, Phase.RUNNING, "RUNNING")
    run.watch.stop()
    run.turn(30)
    assert future.done()
    assert run.system.cancelled == ["1_0"]
    assert not run.watch.leaves_jobs


def test_jobs_of_a_run_of_another_folder_with_the_same_id_are_not_its_own(run):
    run.submit("a")
    run.turn(1)
    run.system.known["9"] = Job("9", ledger.new_key(), 0, Phase.RUNNING, "RUNNING")
    run.system.known["10"] = Job("10", "(null)", 0, Phase.RUNNING, "RUNNING")
    record = RunRecord("mine", Status.PROCESSING, "", datetime.now(UTC), liveness.this_process())
    jobs = left_jobs.running_jobs(run.system, run.files.logs.parent, [record])["mine"]
    assert [(job.id, job.step) for job in jobs] == [("1_0", "a"), ("10", "")]


class OneRun:
    """Runs steps of the run."""

    def __init__(self, run):
        self.run = run

    def reentry_spec(self):
        return self.run.spec


@pytest.mark.parametrize("fault", [ValueError("a fault"), None])
def test_files_by_which_a_later_run_finds_jobs_are_kept_where_jobs_may_be_left(run, fault):
    run.system.errors["jobs"] = [fault]
    options = JobOptions(Path("jobs"), poll_seconds=0.01)
    with JobExecutor(run.system, options, OneRun(run)) as executor:
        future = executor.submit(StepRequest("mine", ROOT.step("a"), "", ""))
        if fault is not None:
            assert future.exception(60) is fault
    assert not (run.files.private / "environment").exists()
    assert bool(ledger.read(run.files)) == (fault is not None)


def test_a_folder_that_is_gone_fails_the_steps_with_its_name(run):
    run.files.remove()
    [future] = run.submit("a")
    run.turn(1)
    with pytest.raises(TaskFailed, match=r"the folder of jobs '.*\.jobs' cannot be written"):
        future.result(0)


def test_a_disk_that_is_full_fails_the_steps_with_the_name_of_the_folder(run):
    run.system.errors["submit"] = [OSError(errno.ENOSPC, "No space left on device")]
    [future] = run.submit("a")
    run.turn(1)
    with pytest.raises(TaskFailed, match=r"'.*\.jobs' cannot be written: No space left on device"):
        future.result(0)


def test_a_folder_that_vanishes_loses_the_jobs_after_a_grace(run):
    [future] = run.submit("a")
    run.turn(1)
    run.started()
    run.turn(1)
    run.files.remove()
    run.turn(30)
    assert not future.done()
    run.system.set("1_0", Phase.EXITED)
    run.turn(200)
    with pytest.raises(ProcessDied):
        future.result(0)
