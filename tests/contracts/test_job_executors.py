"""The base of batch systems keeps the contract of executors of jobs, with the batch system for tests."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from magnus.engine.reentry.protocol import event_line
from magnus.executors.jobs.executor import JobExecutor
from magnus.executors.jobs.options import JobOptions
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.executor import ReentrySpec, StepRequest
from magnus.interfaces.reporter import Event, StepEnded
from magnus.run_log.records import Status
from magnus.testing.batch_system.client import FakeBatchSystem
from magnus.testing.batch_system.executor import install
from magnus.testing.batch_system.state import Fault, FaultKind
from magnus.testing.executor_contract import run
from magnus.testing.job_executor_contract import JobExecutorContract
from magnus.values import Json


class FakeSite:
    folder = ".jobs-of-runs"

    def __init__(self, folder: Path) -> None:
        self.system = FakeBatchSystem(folder)
        together = {"together": {"together": True}}
        self.configuration: Mapping[str, Json] = {
            "type": "fake-batch",
            "config": {"state": str(folder), "overrides": together},
        }

    def requeue(self, job: str) -> None:
        self.system.order(job, "requeue")

    def fail_machine(self, job: str) -> None:
        self.system.order(job, "fail")

    def be_silent(self) -> None:
        self.system.change(lambda state: setattr(state, "is_silent", True))

    def answer(self) -> None:
        self.system.change(lambda state: setattr(state, "is_silent", False))

    def submissions(self) -> int:
        return self.system.calls("submit")


class ManySteps:
    """A runner whose steps are a line of shell, which reports the end of the step as magnus does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[Event] = []

    def reentry_spec(self) -> ReentrySpec:
        return ReentrySpec(
            run_id="mine",
            version="1",
            working_directory=self.folder,
            written=(),
            read=(),
            environment={},
            command=lambda request: ["magnus", event_line(self._ended(request.path)).decode().strip()],
            override=lambda _path: "",
            report=self.events.append,
        )

    def _ended(self, path: StepPath) -> StepEnded:
        return StepEnded(path, "task", Status.SUCCESS, "", 0.0)


def test_a_thousand_steps_are_one_submission_and_hardly_a_question(tmp_path: Path) -> None:
    site = FakeSite(tmp_path / "state")
    site.system.change(lambda state: setattr(state, "machines", 16))
    program = ("sh", "-c", 'echo "$0" >> "$MAGNUS_JOB_EVENTS"')
    options = JobOptions(folder=Path("jobs"), program=lambda _override: program)
    runner = ManySteps(tmp_path)
    began = time.monotonic()
    with JobExecutor(site.system, options, runner) as executor:  # type: ignore[arg-type]
        paths = [BranchPath().step(f"s{number}") for number in range(1000)]
        futures = [executor.submit(StepRequest("mine", path, "", "")) for path in paths]
        for future in futures:
            assert future.result(1000) is None
        seconds = time.monotonic() - began
    site.system.close()
    assert sum(isinstance(event, StepEnded) for event in runner.events) == 1000
    assert site.system.calls("submit") <= 2
    assert site.system.calls("jobs") <= 2 + seconds / 30


class TestFakeBatchSystem(JobExecutorContract):
    @pytest.fixture
    def site(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
        folder = tmp_path_factory.mktemp("batch")
        for name, value in install(folder / "installed").items():
            monkeypatch.setenv(name, value)
        site = FakeSite(folder / "state")
        yield site
        site.system.close()

    def test_machines_that_fail_before_the_first_line_cost_no_attempt(self, folder: Path, site: FakeSite) -> None:
        site.system.change(lambda state: setattr(state, "starts_that_fail", 2))
        log = run(folder, one_step("echo ran >> ran"))
        assert [attempt["status"] for attempt in log["steps"]["a"]["attempts"]] == ["SUCCESS"]
        assert (folder / "ran").read_text() == "ran\n"

    @pytest.mark.parametrize("kind", ["silent", "lost", "late", "doubled", "full"])
    def test_a_submission_that_goes_wrong_runs_the_step_once(
        self, folder: Path, site: FakeSite, kind: FaultKind
    ) -> None:
        site.system.fail_calls(Fault("submit", kind), Fault("jobs", "silent", count=2), Fault("limits", "silent"))
        log = run(folder, one_step("echo ran >> ran; sleep 1"))
        assert len(log["steps"]["a"]["attempts"]) == 1
        assert (folder / "ran").read_text() == "ran\n"

    def test_what_the_batch_system_refuses_fails_with_its_words(self, folder: Path, site: FakeSite) -> None:
        site.system.fail_calls(Fault("submit", "refused"))
        log = run(folder, one_step("true"), status=1)
        assert log["steps"]["a"]["message"] == "invalid partition specified: nowhere"

    def test_a_job_that_the_queue_forgets_and_that_ends_is_no_loss(self, folder: Path, site: FakeSite) -> None:
        site.system.change(lambda state: setattr(state, "remembers_seconds", 0.0))
        assert run(folder, one_step("sleep 1"))["status"] == "SUCCESS"

    def test_a_folder_of_jobs_that_vanishes_loses_no_result(self, folder: Path, site: FakeSite) -> None:
        log = run(folder, one_step(f"echo ran >> ran; rm -rf {site.folder}"))
        assert [attempt["status"] for attempt in log["steps"]["a"]["attempts"]] == ["SUCCESS"]
        assert (folder / "ran").read_text() == "ran\n"

    def test_a_setup_that_fails_says_so(self, folder: Path, site: FakeSite) -> None:
        setup = {
            **site.configuration,
            "config": {**site.configuration["config"], "setup": ["echo no module >&2; exit 7"]},
        }
        (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": {"executor": setup}}))
        log = run(folder, one_step("true"), status=1)
        message = log["steps"]["a"]["message"]
        assert "exited with status 7 before the step had a result; its output is in " in message
        assert message.endswith(":\nno module")

    def test_a_setup_that_fails_under_a_trap_of_the_user_is_seen_at_once(self, folder: Path, site: FakeSite) -> None:
        setup = ["set -e", "trap 'touch cleaned' EXIT", "echo no module >&2; exit 7"]
        config = {**site.configuration["config"], "setup": setup, "grace_seconds": 10_000.0}
        configuration = {"defaults": {"executor": {**site.configuration, "config": config}}}
        (folder / "magnus-config.yaml").write_text(json.dumps(configuration))
        log = run(folder, one_step("true"), status=1)
        assert "exited with status 7 before the step had a result" in log["steps"]["a"]["message"]
        assert (folder / "cleaned").exists()


def one_step(command: str) -> Json:
    step = {"type": "task", "command_type": "shell", "command": command, "next": "success"}
    return {"start_at": "a", "steps": {"a": step}}
