"""Manifests for Argo, simulated with pods as containers of a real Docker engine."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml
from container_engines import IMAGE
from safety_net import LONGEST_SECONDS

pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.usefixtures("client")]

COMPLETE = "complete:1"
VOLUME = "/mnt/data"
PIPELINE = {
    "start_at": "each",
    "steps": {
        "each": {
            "type": "map",
            "iterate_on": "xs",
            "iterate_as": "x",
            "branch": {"start_at": "work", "steps": {"work": {"command": "work.work", "next": "success"}}},
            "next": "success",
        }
    },
}
WORK = "import os\n\ndef work(x: int):\n    return {'y': x * int(os.environ['FACTOR'])}\n"


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project", tmp_path / "volume")


class Project:
    """A pipeline, what Argo is to run of it, and the folder that stands for its volume."""

    def __init__(self, path, volume):
        self.path, self.volume = path, volume
        path.mkdir()
        volume.mkdir()
        (path / "work.py").write_text(WORK)
        (path / "secrets.yaml").write_text("factors: {main: 7}")

    def write(self, dag=PIPELINE, **more):
        secret = {"environment_variable": "FACTOR", "secret_name": "factors", "secret_key": "main"}
        volumes = [{"name": "data", "mount_path": VOLUME}]
        options = {"image": IMAGE, "persistent_volumes": volumes, "secrets_from_k8s": [secret], **more}
        services = {
            "executor": {"type": "argo", "config": {"image_pull_policy": "Never", **options}},
            "run_log_store": {"type": "chunked-fs", "config": {"log_folder": f"{VOLUME}/logs"}},
            "catalog": {"type": "file-system", "config": {"catalog_location": f"{VOLUME}/catalog"}},
        }
        (self.path / "pipeline.yaml").write_text(yaml.safe_dump({"dag": dag}))
        (self.path / "argo.yaml").write_text(yaml.safe_dump(services))
        self.magnus("execute", "-c", "argo.yaml", "--xs", "[1, 2]")

    def command(self, *arguments):
        given = ["-p", "run_id=it", "--volume", f"data={self.volume}", "--secrets", "secrets.yaml"]
        more = ["--containers", "--network", "none", *given]
        return [sys.executable, "-m", "magnus", "simulate", *more, *arguments]

    def simulate(self, *arguments, status=0):
        done = subprocess.run(
            self.command(*arguments), cwd=self.path, capture_output=True, text=True, timeout=LONGEST_SECONDS
        )
        assert done.returncode == status, done.stderr
        return done

    def magnus(self, *arguments):
        command = [sys.executable, "-m", "magnus", *arguments]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        assert done.returncode == 0, done.stderr


def test_an_image_with_everything_needs_nothing_of_this_machine(project, client):
    project.write(image=COMPLETE, retry_strategy={"limit": 1})
    files = "pipeline.yaml argo.yaml work.py"
    (project.path / "Dockerfile").write_text(f"FROM {IMAGE}\nWORKDIR /project\nCOPY {files} ./\n")
    client.images.build(path=str(project.path), tag=COMPLETE, network_mode="none", rm=True)
    for name in files.split():
        (project.path / name).unlink()
    done = project.simulate("--kill", "each/0/work:0")
    assert "/work: attempt 1 failed, the next one starts: pod deleted" in done.stderr, done.stderr
    log = json.loads(done.stdout)
    assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", [7, 14])
    assert {file.stat().st_uid for file in project.volume.rglob("*")} == {os.getuid()}


def test_a_project_is_mounted_where_that_is_asked_for(project):
    project.write(resources={"limits": {"memory": "256Mi", "cpu": "500m"}})
    assert json.loads(project.simulate("--mount-project").stdout)["parameters"]["y"] == [7, 14]
    without = project.simulate("-p", "run_id=without", status=1)
    assert without.stdout == ""
    assert "each: FAIL in" in without.stderr
    assert ".yaml' does not exist" in without.stderr


def test_pods_that_take_too_long_are_ended(project):
    project.write(
        {"start_at": "a", "steps": {"a": {"command": "sleep 3600", "command_type": "shell", "next": "success"}}}
    )
    manifest = yaml.safe_load((project.path / "argo-pipeline.yaml").read_text())
    [pod] = [one for one in manifest["spec"]["templates"] if "--then" in one.get("container", {}).get("command", ())]
    pod["activeDeadlineSeconds"] = 3
    (project.path / "argo-pipeline.yaml").write_text(yaml.safe_dump(manifest))
    done = project.simulate("--mount-project", status=1)
    assert "a: FAIL in" in done.stderr
    assert json.loads(done.stdout)["status"] == "FAIL"


def test_what_is_not_there_is_said_before_anything_runs(project):
    project.write(image="nowhere:1")
    assert "there is no image 'nowhere:1'" in project.simulate(status=3).stderr
    project.volume.rmdir()
    assert "for the volume 'data'" in project.simulate(status=2).stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_no_container_outlives_its_simulation(project, client, number):
    step = {"command": f"touch {VOLUME}/begun; sleep 3600", "command_type": "shell", "next": "success"}
    project.write({"start_at": "a", "steps": {"a": step}})
    process = subprocess.Popen(project.command("--mount-project"), cwd=project.path, stdout=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST_SECONDS
    while not (project.volume / "begun").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(number)
    out, _ = process.communicate(timeout=LONGEST_SECONDS)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert json.loads(out)["status"] == "FAIL"
    else:
        project.write(image="nowhere:1")
        project.simulate(status=3)
    assert client.containers.list(all=True) == []
