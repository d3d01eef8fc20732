"""Jobs of Step Functions that are killed, machines that go away and executions that are stopped, and how their runs continue."""

import contextlib
import json
import signal

import drivers
import interpreted
import pytest
from msgspec.structs import replace

pytestmark = pytest.mark.timeout(1200)
ON_PROCESSES = pytest.mark.xdist_group("more step functions")

WAITS = """
import pathlib, time

def first():
    return 1

def wait(a):
    place = pathlib.Path({place!r})
    tries = [*place.iterdir()]
    (place / str(len(tries))).touch()
    while not tries and not (place.parent / "go").exists():
        time.sleep(0.02)
    return len(tries)

def last(a, b):
    return a + b
"""
"""The first try of `wait` waits, all others return."""


class Project:
    """A pipeline in a folder whose second step waits when it is tried for the first time."""

    def __init__(self, services, folder, *, options=None, **step):
        self.services, self.folder, self.tries = services, folder / "project", folder / "tries"
        self.folder.mkdir()
        self.tries.mkdir()
        (self.folder / "work.py").write_text(WAITS.format(place=str(self.tries)))
        steps = {
            "first": {"command": "work.first", "returns": ["a"]},
            "wait": {"command": "work.wait", "returns": ["b"], **step},
            "last": {"command": "work.last", "returns": ["c"]},
        }
        (self.folder / "p.yaml").write_text(json.dumps({"dag": {"steps": steps}}))
        store = interpreted.stores(services, f"faults/{folder.name}")
        defaults = {"run_log_store": store, "catalog": store}
        (self.folder / "magnus-config.yaml").write_text(json.dumps({"defaults": defaults}))
        self.machine = interpreted.create(services, self.folder, {}, **(options or {}))
        self.name = self.machine.rpartition(":")[2]

    def start(self, **given):
        """The execution, and the job in the middle of the step."""
        execution = self.services.start(self.machine, self.name, **given)
        self.services.wait_for(lambda: [*self.tries.iterdir()])
        [job] = [one for one in self.services.running_jobs() if self.name in one["command"]]
        return execution, job

    def log(self, run_id=""):
        return interpreted.log_of_run(self.folder, run_id or self.name)

    def attempts(self):
        return [attempt["status"] for attempt in self.log()["steps"]["wait"]["attempts"]]

    def resumed_here(self):
        """The run log of a run of the local executor that resumes the run."""
        file = self.folder / "magnus-config.yaml"
        services = json.loads(file.read_text())["defaults"]
        (self.folder / "here.yaml").write_text(json.dumps({**services, "executor": {"type": "local"}}))
        request = replace(drivers.asked(self.folder, "here"), use_cached=self.name, configuration_file="here.yaml")
        with contextlib.chdir(self.folder):
            prepared = drivers.prepare(request, drivers.Silent())
            drivers.execute(prepared, drivers.Silent(), lambda _text: None)
            return drivers.log_of(prepared, "here")

    def resumed_there(self):
        """The run log of another execution that resumes the run."""
        end = self.services.wait(self.services.start(self.machine, f"{self.name}-again", original_run_id=self.name))
        assert end.status == "SUCCEEDED", end
        return self.log(f"{self.name}-again")


@pytest.fixture
def project(step_functions, tmp_path, request):
    return Project(step_functions, tmp_path, **getattr(request, "param", {}))


@ON_PROCESSES
@pytest.mark.parametrize("project", [{"max_attempts": 2}], indirect=True)
def test_a_killed_job_is_an_attempt_and_the_next_one_runs(project, step_functions):
    execution, job = project.start()
    step_functions.kill(job, signal.SIGKILL)
    assert step_functions.wait(execution).status == "SUCCEEDED"
    log = project.log()
    assert (log["status"], log["parameters"]["c"]) == ("SUCCESS", 2)
    assert project.attempts() == ["FAIL", "SUCCESS"]


@ON_PROCESSES
def test_a_killed_task_of_ecs_is_an_attempt_and_the_next_one_runs(step_functions, tmp_path):
    project = Project(step_functions, tmp_path, options=step_functions.on_ecs(), max_attempts=2)
    execution, job = project.start()
    step_functions.kill(job, signal.SIGKILL)
    assert step_functions.wait(execution).status == "SUCCEEDED"
    assert project.attempts() == ["FAIL", "SUCCESS"]


@ON_PROCESSES
def test_a_task_of_ecs_that_takes_too_long_ends_and_fails_the_run(step_functions, tmp_path):
    project = Project(step_functions, tmp_path, options={**step_functions.on_ecs(), "timeout": 60})
    definition = interpreted.definition(project.folder)
    assert definition["States"]["wait"]["TimeoutSeconds"] == 60
    definition["States"]["wait"]["TimeoutSeconds"] = 1
    step_functions.states.update_state_machine(stateMachineArn=project.machine, definition=json.dumps(definition))
    execution, job = project.start()
    assert step_functions.wait(execution).error == "magnus.RunFailed"
    step_functions.wait_for(lambda: job not in step_functions.running_jobs())
    assert project.log()["status"] == "FAIL"


@ON_PROCESSES
def test_a_killed_job_without_attempts_left_fails_the_run_which_is_resumed(project, step_functions):
    execution, job = project.start()
    step_functions.kill(job, signal.SIGKILL)
    end = step_functions.wait(execution)
    assert (end.status, end.error) == ("FAILED", "magnus.RunFailed")
    assert project.log()["status"] == "FAIL"
    for resumed in (project.resumed_there(), project.resumed_here()):
        assert (resumed["status"], resumed["steps"]["first"]["mock"]) == ("SUCCESS", True)
        assert resumed["parameters"]["c"] == 1 + resumed["parameters"]["b"]


@ON_PROCESSES
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_job_whose_machine_goes_away_runs_again(project, step_functions, number):
    execution, job = project.start()
    step_functions.kill(job, number, "Host EC2 (instance i-0123) terminated.")
    assert step_functions.wait(execution).status == "SUCCEEDED", step_functions.printed()[-3000:]
    log = project.log()
    assert (log["status"], log["parameters"]["c"]) == ("SUCCESS", 2)
    assert project.attempts() == ["FAIL", "SUCCESS"]


@ON_PROCESSES
@pytest.mark.parametrize("hangs", [False, True])
def test_a_stopped_execution_ends_its_run_in_the_log_which_is_resumed(project, step_functions, hangs):
    execution, job = project.start()
    if hangs:
        step_functions.kill(job, signal.SIGSTOP)
    step_functions.stop(execution)
    assert step_functions.wait(execution).status == "ABORTED"
    if hangs:
        assert project.log()["status"] == "PROCESSING"
        step_functions.kill(job, signal.SIGKILL)
    step_functions.wait_for(lambda: job not in step_functions.running_jobs())
    closing = interpreted.definition(project.folder, "end-machine")
    closing["States"]["wait"]["Seconds"] = 1
    detail = {"name": project.name, "executionArn": execution, "status": "ABORTED"}
    machine = step_functions.machine(f"{project.name}-end", closing)
    end = step_functions.wait(step_functions.start(machine, f"{project.name}-end", detail=detail))
    assert end.status == "SUCCEEDED", end
    log = project.log()
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    for resumed in (project.resumed_here(), project.resumed_there()):
        assert (resumed["status"], resumed["steps"]["first"]["mock"]) == ("SUCCESS", True)
        assert resumed["parameters"]["c"] == 1 + resumed["parameters"]["b"]


WAITS_IN_S3 = """
import os, time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

KEYS = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"

def wait(mark):
    url = f"{os.environ['AWS_ENDPOINT_URL']}/magnus/{mark}"
    try:
        urlopen(Request(url, headers={"Authorization": KEYS}))
    except HTTPError:
        urlopen(Request(url, b"begun", {"Authorization": KEYS}, method="PUT"))
        time.sleep(3600)
    return 7
"""


@pytest.mark.slow
@pytest.mark.xdist_group("docker")
def test_a_container_that_is_killed_is_an_attempt_and_the_next_one_runs(step_functions_in_containers, tmp_path):
    services, mark = step_functions_in_containers, f"marks/{tmp_path.name}"
    (tmp_path / "work.py").write_text(WAITS_IN_S3)
    step = {"command": "work.wait", "returns": ["b"], "max_attempts": 2}
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"steps": {"wait": step}}}))
    store = interpreted.stores(services, f"faults/{tmp_path.name}")
    (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": {"run_log_store": store, "catalog": store}}))
    machine = interpreted.create(services, tmp_path, {"mark": mark})
    run_id = machine.rpartition(":")[2]
    execution = services.start(machine, run_id)
    services.wait_for(lambda: services.s3.list_objects_v2(Bucket="magnus", Prefix=mark)["KeyCount"])
    [job] = [one for one in services.running_jobs() if run_id in one["command"]]
    services.kill(job, signal.SIGKILL)
    assert services.wait(execution).status == "SUCCEEDED", services.printed()[-3000:]
    log = interpreted.log_of_run(tmp_path, run_id)
    assert (log["status"], log["parameters"]["b"]) == ("SUCCESS", 7)
    assert [attempt["status"] for attempt in log["steps"]["wait"]["attempts"]] == ["FAIL", "SUCCESS"]
