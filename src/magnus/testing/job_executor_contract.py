"""The contract suite of executors whose steps are jobs of a batch system: subclass `JobExecutorContract`.

::

    class TestMyExecutor(JobExecutorContract):
        @pytest.fixture
        def site(self) -> Iterator[BatchSite]:
            ...  # start the batch system, and stop it afterwards

The configuration is that of the site. The tests run pipelines with the command `magnus`, kill and requeue jobs by the
site, and count what they cost.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pytest

from magnus.app.text.units import size
from magnus.executors.jobs.batch_system import BatchSystem, Job, Phase
from magnus.executors.jobs.run_folder import RunFolder
from magnus.testing.executor_contract import (
    LONGEST_SECONDS,
    ProcessExecutorContract,
    command_line,
    output_of,
    run,
    until,
)
from magnus.values import Json

__all__ = ["BatchSite", "JobExecutorContract"]


class BatchSite(Protocol):
    """A batch system that a test may disturb.

    Attributes:
        configuration: of the executor, whose override `together` runs a composite in one job.
        system: a client, beside the client of the run.
        folder: the files of jobs, relative to the working directory.
    """

    configuration: Mapping[str, Json]
    system: BatchSystem
    folder: str

    def requeue(self, job: str) -> None:
        """Evict the job, and let it wait again under its id."""
        ...

    def fail_machine(self, job: str) -> None:
        """Let the machine of the job fail; the job does not run again."""
        ...

    def be_silent(self) -> None:
        """Answer no call from now on; jobs still run."""
        ...

    def answer(self) -> None:
        """Answer again."""
        ...

    def submissions(self) -> int:
        """The number of submissions so far."""
        ...


_WAITS = 'echo "$MAGNUS_JOB" >> starts; until [ -e go ]; do sleep 0.05; done; touch "end.$MAGNUS_STEP_ATTEMPT"'


def _shell(command: str, **more: Json) -> Json:
    return {"type": "task", "command_type": "shell", "command": command, "next": "success", **more}


def _dag(start_at: str, **steps: Json) -> Json:
    return {"start_at": start_at, "steps": steps}


def _together(site: BatchSite, step: Json) -> Json:
    """A map whose steps run in one job."""
    return _dag("a", a={
        "type": "map",
        "iterate_on": "xs",
        "iterate_as": "x",
        "overrides": {str(site.configuration["type"]): "together"},
        "branch": _dag("b", b=step),
        "next": "success",
    })  # fmt: skip


class JobExecutorContract(ProcessExecutorContract):
    """Subclass it with a name that begins with `Test`, and with a fixture `site`."""

    @pytest.fixture
    def site(self) -> BatchSite:
        """The batch system."""
        raise NotImplementedError

    @pytest.fixture(autouse=True)
    def _configured(self, site: BatchSite) -> None:
        self.configuration = site.configuration  # type: ignore[misc]

    def test_a_job_its_machine_and_its_memory_are_in_the_run_log(self, folder: Path) -> None:
        log = run(folder, _dag("a", a=_shell(f"{sys.executable} -c 'bytes(range(256)) * 800_000'")))
        [attempt] = log["steps"]["a"]["attempts"]
        shown = output_of(folder, "show", log["run_id"], "--step", "a")
        memory = attempt["peak_memory"]
        assert 200_000_000 < memory < 400_000_000
        assert f"UTC, job {attempt['job']} on {attempt['machine']}, {size(memory)} of memory\n" in shown

    def test_a_requeued_job_is_no_end(self, folder: Path, site: BatchSite) -> None:
        with _started(folder, _dag("a", a=_shell(_WAITS, max_attempts=3))) as process:
            site.requeue(_job(folder, site).id)
            until(lambda: len(_starts(folder)) == 2)
            (folder / "go").touch()
            assert process.wait(LONGEST_SECONDS) == 0
        log = json.loads(output_of(folder, "show", "mine", "--json"))
        assert [attempt["status"] for attempt in log["steps"]["a"]["attempts"]] == ["FAIL", "SUCCESS"]
        assert len(set(_starts(folder))) == 1, "it is the same job"

    def test_a_job_whose_machine_fails_is_attempted_again(self, folder: Path, site: BatchSite) -> None:
        with _started(folder, _dag("a", a=_shell(_WAITS, max_attempts=2))) as process:
            first = _job(folder, site)
            site.fail_machine(first.id)
            until(lambda: len(_starts(folder)) == 2)
            (folder / "go").touch()
            assert process.wait(LONGEST_SECONDS) == 0
        attempts = json.loads(output_of(folder, "show", "mine", "--json"))["steps"]["a"]["attempts"]
        assert [attempt["status"] for attempt in attempts] == ["FAIL", "SUCCESS"]
        assert first.id in attempts[0]["message"]
        assert attempts[0]["job"] == first.id != attempts[1]["job"]

    def test_a_silent_controller_ends_nothing(self, folder: Path, site: BatchSite) -> None:
        with _started(folder, _dag("a", a=_shell(_WAITS))) as process:
            site.be_silent()
            try:
                (folder / "go").touch()
                assert process.wait(LONGEST_SECONDS) == 0
            finally:
                site.answer()
        assert len(_starts(folder)) == 1

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_an_interruption_leaves_no_job(self, folder: Path, site: BatchSite, number: signal.Signals) -> None:
        dag = _dag("a", a={
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": _dag("b", b=_shell(_WAITS)),
            "next": "success",
        })  # fmt: skip
        with _started(folder, dag, parameters={"xs": list(range(8))}) as process:
            process.send_signal(number)
            assert process.wait(LONGEST_SECONDS) == 128 + number
        assert _open(_jobs(site, "mine")) == []
        assert not RunFolder(folder / site.folder, "mine").private.exists()
        log = json.loads(output_of(folder, "show", "mine", "--json"))
        assert (log["status"], log["message"]) == ("FAIL", "interrupted")

    def test_jobs_of_a_killed_run_are_known_and_a_retry_waits_for_them(self, folder: Path, site: BatchSite) -> None:
        with _started(folder, _dag("a", a=_shell(_WAITS))) as process:
            process.kill()
            process.wait(LONGEST_SECONDS)
        job = _job(folder, site).id
        assert f"1 job still runs: {job}" in output_of(folder, "show", "mine")
        listed = site.system.jobs(["min", "mine", "mine-too"])
        open_jobs = {run_id: [one.id for one in _open(jobs)] for run_id, jobs in listed.items()}
        assert {run_id: ids for run_id, ids in open_jobs.items() if ids} == {"mine": [job]}
        command = [sys.executable, "-m", "magnus", "retry", "mine", "--run-id", "again"]
        with (folder / "retried").open("wb") as output:
            retry = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=output)
        with retry:
            until(lambda: b"magnus waits for its end" in (folder / "retried").read_bytes())
            (folder / "go").touch()
            assert retry.wait(LONGEST_SECONDS) == 0, (folder / "retried").read_text()
        assert len(_starts(folder)) == 1, "no path runs twice"
        assert not RunFolder(folder / site.folder, "mine").private.exists()

    def test_jobs_of_a_killed_run_can_be_cancelled(self, folder: Path) -> None:
        with _started(folder, _dag("a", a=_shell(_WAITS))) as process:
            process.kill()
            process.wait(LONGEST_SECONDS)
        command = [sys.executable, "-m", "magnus", "retry", "mine", "--run-id", "again", "--still-running", "cancel"]
        with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as retry:
            until(lambda: len(_starts(folder)) == 2)
            (folder / "go").touch()
            assert retry.wait(LONGEST_SECONDS) == 0
        log = json.loads(output_of(folder, "show", "mine", "--json"))
        step = log["steps"]["a"]
        assert (step["status"], step["message"]) == ("FAIL", "interrupted")

    def test_the_output_of_jobs_goes_with_its_run(self, folder: Path, site: BatchSite) -> None:
        runs = [str(run(folder, _dag("a", a=_shell("true")))["run_id"]) for _ in range(2)]
        folders = [RunFolder(folder / site.folder, run_id).logs for run_id in runs]
        assert all(any(logs.iterdir()) for logs in folders)
        assert str(folders[0].relative_to(folder)) in output_of(folder, "gc", "--keep", runs[1])
        output_of(folder, "gc", "--keep", runs[1], "--yes")
        assert [logs.exists() for logs in folders] == [False, True]

    def test_files_of_jobs_are_no_results(self, folder: Path) -> None:
        step = _shell("touch made", catalog={"put": "**/*"})
        log = run(folder, _dag("a", a=step))
        names = [entry["name"] for entry in log["steps"]["a"]["data_catalog"]]
        assert "made" in names
        assert not [name for name in names if "environment" in name or name.endswith((".sh", ".out"))]

    def test_secrets_of_the_environment_reach_steps_and_no_other_place(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TOKEN", "never-to-be-seen")
        services = json.loads((folder / "magnus-config.yaml").read_text())
        services["defaults"]["secrets"] = {"type": "env-secrets-manager"}
        (folder / "magnus-config.yaml").write_text(json.dumps(services))
        command = 's=never-to-be; grep -rl "$s-seen" . > found; echo "<$TOKEN>"; test "$TOKEN" = "$s-seen"'
        log = run(folder, _dag("a", a=_shell(command, secrets="TOKEN")))
        assert log["status"] == "SUCCESS"
        during = (folder / "found").read_text().splitlines()
        assert [Path(name).name for name in during] == ["environment"]
        after = [file for file in folder.rglob("*") if file.is_file()]
        assert not [file for file in after if b"never-to-be-seen" in file.read_bytes()]

    def test_a_step_may_print_megabytes_and_leave_processes(self, folder: Path) -> None:
        command = "(sleep 3600 &) ; head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the end"
        (folder / "p.yaml").write_text(json.dumps({"dag": _dag("a", a=_shell(command))}))
        done = subprocess.run(command_line(), cwd=folder, capture_output=True, check=False, timeout=LONGEST_SECONDS)
        assert done.returncode == 0
        assert b"the end" in done.stderr
        assert done.stderr.count(b"x") >= 3_000_000

    def test_a_map_is_few_submissions(self, folder: Path, site: BatchSite) -> None:
        dag = _dag("a", a={
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": _dag("b", b=_shell("echo $x")),
            "next": "success",
        })  # fmt: skip
        (folder / "parameters.yaml").write_text(json.dumps({"xs": list(range(12))}))
        before = site.submissions()
        assert run(folder, dag, more=("-p", "parameters.yaml"))["status"] == "SUCCESS"
        assert site.submissions() - before <= 2

    def test_one_job_runs_a_composite(self, folder: Path, site: BatchSite) -> None:
        dag = _together(site, {"type": "task", "command": "contract_work.square", "next": "success"})
        (folder / "parameters.yaml").write_text(json.dumps({"xs": [1, 2, 3]}))
        before = site.submissions()
        log = run(folder, dag, more=("-p", "parameters.yaml"))
        assert log["parameters"]["y"] == [1, 4, 9]
        assert site.submissions() - before == 1

    def test_a_task_that_has_no_branches_is_not_run_together(self, folder: Path, site: BatchSite) -> None:
        overrides = {str(site.configuration["type"]): "together"}
        (folder / "p.yaml").write_text(json.dumps({"dag": _dag("a", a=_shell("true", overrides=overrides))}))
        for command in (command_line(), [sys.executable, "-m", "magnus", "check", "p.yaml"]):
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
            )
            assert done.returncode in {1, 2}
            assert "'a' has no branches, and its override 'together' has 'together: true'" in done.stdout + done.stderr

    def test_a_composite_whose_machine_fails_is_continued_in_another_job(self, folder: Path, site: BatchSite) -> None:
        command = 'echo "$x" >> done; if [ "$x" = 2 ]; then ' + _WAITS + "; fi"
        dag = _together(site, _shell(command, max_attempts=2))
        with _started(folder, dag, parameters={"xs": [1, 2]}) as process:
            until(lambda: len((folder / "done").read_text().split()) == 2)
            until(lambda: _status_in(folder, "1") == "SUCCESS")
            site.fail_machine(_job(folder, site).id)
            until(lambda: len(_starts(folder)) == 2)
            (folder / "go").touch()
            assert process.wait(LONGEST_SECONDS) == 0
        assert sorted((folder / "done").read_text().split()) == ["1", "2", "2"], "what has finished stands"

    def test_a_composite_whose_machines_fail_is_given_up(self, folder: Path, site: BatchSite) -> None:
        with _started(folder, _together(site, _shell(_WAITS)), parameters={"xs": [1]}) as process:
            first = _job(folder, site).id
            site.fail_machine(first)
            assert process.wait(LONGEST_SECONDS) == 1
        step = json.loads(output_of(folder, "show", "mine", "--json"))["steps"]["a"]
        assert step["status"] == "FAIL"
        assert first in step["message"]
        [branch] = step["branches"].values()
        assert branch["steps"]["b"]["status"] == "FAIL"

    def test_a_folder_of_jobs_that_cannot_be_made_is_named(self, folder: Path, site: BatchSite) -> None:
        (folder / site.folder).write_text("a file")
        (folder / "p.yaml").write_text(json.dumps({"dag": _dag("a", a=_shell("true"))}))
        done = subprocess.run(
            command_line(), cwd=folder, capture_output=True, text=True, check=False, timeout=LONGEST_SECONDS
        )
        assert done.returncode != 0
        assert "the folder of jobs" in done.stderr
        assert "Traceback" not in done.stderr

    def test_odd_names_are_names(self, folder: Path) -> None:
        name = "über \"the\" 'moon'\n$(touch hacked) `touch hacked` ;&"
        dag = {"start_at": name, "steps": {name: _shell("true")}}
        log = run(folder, dag)
        assert log["steps"][name]["status"] == "SUCCESS"
        assert not (folder / "hacked").exists()


class _Started(subprocess.Popen[bytes]):
    """A run whose step `a` has started."""


def _started(folder: Path, dag: Json, parameters: Mapping[str, Json] | None = None) -> _Started:
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    (folder / "parameters.yaml").write_text(json.dumps(dict(parameters or {})))
    command = command_line("--run-id", "mine", "-p", "parameters.yaml")
    with (folder / "stderr").open("wb") as stderr:
        process = _Started(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=stderr)

    def has_started() -> bool:
        assert process.poll() is None, (folder / "stderr").read_text()
        return bool(_starts(folder))

    until(has_started)
    return process


def _starts(folder: Path) -> Sequence[str]:
    """The ids of the jobs that started the step, one for each time."""
    file = folder / "starts"
    return file.read_text().splitlines() if file.exists() else []


def _status_in(folder: Path, branch: str) -> str:
    """The status of the step in a branch of the composite; its record comes after its last output."""
    log = json.loads(output_of(folder, "show", "mine", "--json"))
    steps = log["steps"]["a"]["branches"].get(branch, {"steps": {}})["steps"]
    return str(steps["b"]["status"]) if "b" in steps else ""


def _open(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that wait or run; the batch system may still list jobs that an earlier run with the same id had."""
    return [job for job in jobs if job.phase in {Phase.WAITING, Phase.RUNNING}]


def _jobs(site: BatchSite, run_id: str) -> Sequence[Job]:
    return site.system.jobs([run_id]).get(run_id, ())


def _job(folder: Path, site: BatchSite) -> Job:
    """The job that runs the step."""
    jobs: list[Job] = []

    def runs() -> bool:
        jobs[:] = [job for job in _jobs(site, "mine") if job.phase is Phase.RUNNING]
        return bool(jobs)

    until(runs)
    assert _starts(folder)[-1] == jobs[0].id
    return jobs[0]
