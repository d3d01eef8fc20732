"""What a resumed run does about jobs of its original that still run."""

import pytest
from orphans import orphan

from magnus.app.run.original_run import original_run
from magnus.app.run.running_jobs import RunningJobs
from magnus.errors import InvalidInput, JobsUnknown
from magnus.run_log.records import Status
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore

pytestmark = pytest.mark.usefixtures("orphans")


class Resuming:
    """A resumed run that found its original; `pauses` are the seconds it waited, `lines` what it reported."""

    def __init__(self, run, *, until=None):
        self.run = run
        self.pauses, self.lines = [], []
        self._until = until or (lambda _number: None)

    def settle(self, still_running="wait", **more):
        RunningJobs(still_running, self.lines.append, pause=self._pause, **more).settle(self.run)

    def _pause(self, seconds):
        self.pauses.append(seconds)
        self._until(len(self.pauses))


def test_it_waits_until_all_jobs_are_over(orphans):
    orphans.jobs = {"a": ["17", "18_2"]}

    def end_one(number):
        jobs = orphans.jobs["a"]
        jobs.pop()
        if number == 2:
            del orphans.jobs["a"]

    resuming = Resuming(orphan("a"), until=end_one)
    resuming.settle()
    assert len(resuming.pauses) == 2
    assert resuming.lines == [
        "the run 'a' has no orchestrator any more, but 2 jobs still run: 17, 18_2; magnus waits for their end "
        "(Ctrl-C leaves them running, --still-running cancel ends them)",
        "  'step 17' (17, RUNNING)",
        "  'step 18_2' (18_2, RUNNING)",
        "nothing of the run 'a' runs any more",
    ]
    assert orphans.cancelled == []


def test_an_interruption_leaves_the_jobs_running(orphans):
    orphans.jobs = {"a": ["17"]}

    def interrupt(_number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Resuming(orphan("a"), until=interrupt).settle()
    assert (orphans.jobs, orphans.cancelled) == ({"a": ["17"]}, [])


def test_it_cancels_the_jobs_and_waits_for_their_end(orphans):
    orphans.jobs = {"a": ["17", "18"]}
    resuming = Resuming(orphan("a"))
    resuming.settle("cancel")
    assert orphans.cancelled == ["17", "18"]
    assert "magnus cancels them" in resuming.lines[0]
    assert orphans.requests == [["a"]] * 3


def test_a_plan_shows_the_jobs_and_leaves_them_alone(orphans):
    orphans.jobs = {"a": ["17"]}
    resuming = Resuming(orphan("a"))
    resuming.settle("show")
    assert resuming.lines[0].endswith("1 job still runs: 17; without --dry-run magnus waits for its end")
    assert (resuming.pauses, orphans.cancelled) == ([], [])


def test_a_run_that_still_runs_can_be_refused(orphans):
    orphans.jobs = {"a": ["17"]}
    with pytest.raises(InvalidInput, match="has no orchestrator any more, but 1 job still runs: 17"):
        Resuming(orphan("a")).settle("refuse")


def test_the_engine_of_the_new_run_is_believed(orphans):
    Resuming(orphan("a", silent=True)).settle("ignore")
    assert orphans.requests == []


@pytest.mark.parametrize("still_running", ["wait", "cancel", "refuse"])
def test_without_an_answer_the_run_is_not_resumed_unless_the_user_says_that_it_is_lost(still_running):
    resuming = Resuming(orphan("a", silent=True))
    with pytest.raises(InvalidInput, match="not known: the controller does not answer") as refused:
        resuming.settle(still_running)
    assert "--assume-lost" in refused.value.problems[0].fix
    resuming.settle(still_running, assume_lost=True)
    assert resuming.lines == []


@pytest.mark.parametrize("still_running", ["wait", "cancel", "refuse", "show"])
def test_without_an_answer_a_run_that_finished_is_resumed_and_the_doubt_is_reported(still_running):
    resuming = Resuming(orphan("a", silent=True, status=Status.FAIL))
    resuming.settle(still_running)
    assert resuming.lines == [
        "it could not be confirmed that no job of the run 'a' still runs: the controller does not answer; "
        "magnus continues, since the run cancelled them when it finished"
    ]
    assert resuming.pauses == []
    confirmed = Resuming(orphan("a", status=Status.FAIL))
    confirmed.settle(still_running)
    assert confirmed.lines == []


def test_a_plan_without_an_answer_says_that_the_run_is_not_resumed_now():
    resuming = Resuming(orphan("a", silent=True))
    resuming.settle("show")
    assert resuming.lines == [
        "the run 'a' may still be running: its orchestrator is gone; whether a job of it still runs is not known: "
        "the controller does not answer; without --dry-run magnus does not resume it now"
    ]


def test_a_controller_that_falls_silent_while_a_run_waits_is_asked_again(orphans, monkeypatch):
    orphans.jobs = {"a": ["17"]}
    answers = iter(["jobs", "silence", "silence", "nothing", "nothing"])

    def look():
        match next(answers):
            case "silence":
                raise JobsUnknown("no route to the controller")
            case "nothing":
                orphans.jobs = {}

    monkeypatch.setattr(orphans, "look", look)
    resuming = Resuming(orphan("a"))
    resuming.settle()
    assert len(resuming.pauses) == 2
    assert [line for line in resuming.lines if "magnus waits for an answer" in line] == [
        "whether a job of it still runs is not known: no route to the controller; magnus waits for an answer"
    ]


def test_jobs_that_cannot_be_cancelled_stop_the_resumed_run(orphans, monkeypatch):
    orphans.jobs = {"a": ["17"]}

    def cancel_jobs(_options, _run, _jobs):

        raise JobsUnknown("no route to the controller")

    monkeypatch.setattr(orphans, "cancel_jobs", cancel_jobs)
    with pytest.raises(InvalidInput, match="cannot be cancelled: no route to the controller"):
        Resuming(orphan("a")).settle("cancel")


@pytest.mark.parametrize("status", [Status.PROCESSING, Status.FAIL])
def test_jobs_of_runs_that_did_not_succeed_are_settled_before_they_are_resumed(tmp_path, status):
    store = FileSystemRunLogStore(FileSystemOptions(), tmp_path)
    store.create_run(orphan("a", status=status))
    store.create_run(orphan("done", status=Status.SUCCESS))
    settled = []
    for run_id in ("a", "done"):
        original_run(store, run_id, settle=settled.append)
    assert [run.run_id for run in settled] == ["a"]
    store.close()
