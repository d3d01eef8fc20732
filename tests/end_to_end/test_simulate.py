"""`magnus simulate` as users see it: what it shows, how it is stopped, and that nothing is left of it."""

import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest
import yaml
from safety_net import LONGEST_SECONDS


def shell(command, **more):
    return {"command_type": "shell", "command": command, "next": "success", **more}


def steps(**steps):
    return {"start_at": next(iter(steps)), "steps": steps}


@pytest.fixture
def project(folder):
    return Project(folder)


class Project:
    """A folder with a pipeline that is written down for Argo."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder.path
        self.environment = folder.environment

    def write(self, dag, *more, **options):
        volume = {"name": "data", "mount_path": str(self.path / "volume")}
        services = {
            "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [volume], **options}},
            "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(self.path / "volume/logs")}},
            "catalog": {"type": "do-nothing"},
        }
        (self.path / "pipeline.yaml").write_text(yaml.safe_dump({"dag": dag}))
        (self.path / "argo.yaml").write_text(yaml.safe_dump(services))
        done = self.folder.magnus("execute", "-c", "argo.yaml", *more)
        assert done.status == 0, done.err

    def simulate(self, *arguments):
        return self.folder.magnus("simulate", "-p", "run_id=it", *arguments)

    def begun(self, *arguments):
        """A simulation whose step is under way."""
        process = self.folder.start("simulate", "-p", "run_id=it", *arguments)
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (self.path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        return process, int((self.path / "begun").read_text())


def said(done):
    """What was said, without times."""
    text = re.sub(r"(?m)^\S+Z ", "", done.err)
    return re.sub(r"in [\d.]+ m?s", "in T", text).splitlines()


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc").is_dir() else True


def gone(pid):
    deadline = time.monotonic() + LONGEST_SECONDS
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not lives(pid)


def test_progress_is_that_of_a_run(project):
    flaky = shell(f"echo hello; cd {project.path}; [ -e there ] || {{ touch there; exit 3; }}", max_attempts=2)
    branches = {"left": steps(b=shell("true")), "right": steps(b=shell("exit 4"))}
    project.write(
        steps(a={**flaky, "next": "both"}, both={"type": "parallel", "branches": branches, "next": "success"})
    )
    done = project.simulate("--max-pods", "1")
    assert done.status == 1
    assert said(done) == [
        "run it started (argo-pipeline.yaml)",
        "  a: started",
        "  a | hello",
        "  a: attempt 1 failed, the next one starts: exit status 3",
        "  hello",
        "  a | hello",
        "  a: SUCCESS in T",
        "  both: started",
        "  both/left/b: started",
        "  both/left/b: SUCCESS in T",
        "  both/right/b: started",
        "  both/right/b: FAIL in T: exit status 4",
        "  both: FAIL in T: branch 'right' failed",
        "run it: FAIL in T: step 'both' failed: branch 'right' failed",
        "  resume where it stopped: magnus simulate argo-pipeline.yaml -p original_run_id=it",
    ]


def test_quiet_says_why_it_failed_alone(project):
    project.write(steps(a=shell("echo hello; exit 3")))
    assert said(project.simulate("-q")) == [
        "run it: FAIL in T: step 'a' failed: exit status 3",
        "  hello",
        "  resume where it stopped: magnus simulate argo-pipeline.yaml -p original_run_id=it",
    ]
    project.write(steps(a=shell("echo hello")))
    done = project.folder.magnus("simulate", "-q")
    assert (done.status, done.err) == (0, "")


LEAVES = shell("echo made > made; rm input; ls; export MAGNUS_PRM_seen=$(ls)")


def test_each_pod_works_in_a_fresh_copy_of_the_project(project):
    (project.path / "input").write_text("input")
    project.write(steps(a={**LEAVES, "next": "b"}, b=LEAVES))
    done = project.simulate()
    assert done.status == 0, done.err
    assert "made" in done.log["steps"]["b"]["attempts"][0]["parameters"]["seen"]
    assert done.log["parameters"]["seen"].split() == [
        "argo-pipeline.yaml", "argo.yaml", "made", "pipeline.yaml",
    ]  # fmt: skip
    assert (project.path / "input").read_text() == "input"
    assert not (project.path / "made").exists()
    assert list(Path(project.environment["TMPDIR"]).iterdir()) == []


def test_pods_share_the_project_where_that_is_asked_for(project):
    (project.path / "input").write_text("input")
    project.write(steps(a={**LEAVES, "next": "b"}, b=shell("[ -e made ]")))
    assert project.simulate("--share-project").status == 0
    assert (project.path / "made").exists()


def test_faults_without_a_pod_are_told(project):
    project.write(steps(a=shell("true")))
    done = project.simulate("--fail", "a:1", "--kill", "b")
    assert done.status == 0
    assert "warning: there was no pod for --fail a:1" in done.err
    assert "warning: there was no pod for --kill b" in done.err
    assert project.folder.magnus("simulate", "--fail", "a").status == 1


def test_a_volume_of_processes_is_where_they_see_it(project):
    project.write(steps(a=shell("true")))
    assert project.simulate("--volume", "data=volume").status == 0
    (project.path / "other").mkdir()
    elsewhere = project.simulate("--volume", "data=other")
    assert elsewhere.status == 2
    assert "processes see the volume 'data' at" in elsewhere.err
    assert "the workflow has no volume 'date'" in project.simulate("--volume", "date=other").err
    assert "--mount-project and --network are for --containers" in project.simulate("--mount-project").err


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_simulation_that_is_stopped_ends_its_pods_and_the_run(project, number, status):
    project.write(steps(a=shell(f"cd {project.path}; echo $$ > begun.new; mv begun.new begun; sleep 3600")))
    process, pid = project.begun()
    process.send_signal(number)
    out, error = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == status
    assert "a: FAIL in" in error
    assert "run it: FAIL in" in error
    log = yaml.safe_load(out)
    assert (log["status"], log["steps"]["a"]["message"]) == ("FAIL", "interrupted")
    assert log["message"] == "interrupted"
    assert gone(pid)


def test_no_pod_outlives_a_simulation_that_is_killed(project):
    project.write(steps(a=shell(f"cd {project.path}; echo $$ > begun.new; mv begun.new begun; sleep 3600")))
    process, pid = project.begun()
    process.kill()
    process.communicate(timeout=LONGEST_SECONDS)
    assert gone(pid)
    for left in Path(project.environment["TMPDIR"]).iterdir():  # nobody was there to remove it
        shutil.rmtree(left)
