"""The Step Functions that tests talk to do what those of AWS do, where machines of magnus count on it."""

import json
import signal
from itertools import count

import pytest
from step_functions import QUEUE

pytestmark = pytest.mark.xdist_group("more step functions")
NUMBERS = count()
JOB = "arn:aws:states:::batch:submitJob.sync"
SUCCEEDED = {"Type": "Succeed"}
COUNTS = 'import os, sys; file = open(sys.argv[1], "a+"); file.write("."); sys.exit(file.tell() < int(sys.argv[2]))'
"""Fails until it is called for the n-th time."""


@pytest.fixture
def definition(step_functions, tmp_path):
    """The name of a definition of jobs that work in an empty folder."""
    return defined(step_functions, tmp_path, {})


def defined(services, folder, properties, **more):
    name = f"jobs-{next(NUMBERS)}"
    services.image(name, folder)
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "512"}]
    container = {"image": name, "resourceRequirements": needs, **properties}
    services.batch.register_job_definition(
        jobDefinitionName=name, type="container", containerProperties=container, **more
    )
    return name


def job(definition, command, **more):
    key = "Command" if isinstance(command, list) else "Command.$"
    called = {"JobName": "a", "JobQueue": QUEUE, "JobDefinition": definition, "ContainerOverrides": {key: command}}
    return {"Type": "Task", "Resource": JOB, "Parameters": called, "ResultPath": None, **more}


def chain(**states):
    following = [*list(states)[1:], "end"]
    linked = {name: {"Next": after, **state} for (name, state), after in zip(states.items(), following, strict=True)}
    return {"StartAt": next(iter(states)), "States": {**linked, "end": SUCCEEDED}}


def started(services, machine, **given):
    name = f"rig-{next(NUMBERS)}"
    return services.start(services.machine(name, machine), name, **given)


def test_the_validator_finds_targets_that_are_missing(asl_faults):
    machine = chain(a={"Type": "Pass"})
    assert asl_faults(machine) == []
    machine["States"]["a"]["Next"] = "nowhere"
    assert [fault.partition(":")[0] for fault in asl_faults(machine)] == ["MISSING_TRANSITION_TARGET"] * 2


def test_a_job_has_its_command_environment_secrets_and_a_folder_of_its_own(step_functions, tmp_path):
    manager, store = (step_functions.client(name) for name in ("secretsmanager", "ssm"))
    whole = manager.create_secret(Name="keys", SecretString='{"field": "of a field"}')["ARN"]
    store.put_parameter(Name="/of/store", Value="of the store", Type="SecureString")
    secrets = [
        {"name": "FIELD", "valueFrom": f"{whole}:field::"},
        {"name": "STORED", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/of/store"},
    ]
    properties = {"environment": [{"name": "GIVEN", "value": "of the definition"}], "secrets": secrets}
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "file").touch()
    definition = defined(step_functions, tmp_path / "image", properties)
    script = 'ls > "$0"; echo "$GIVEN, $FIELD, $STORED" >> "$0"; rm file'
    machine = chain(a=job(definition, "States.Array('sh', '-c', $.script, $.target)"))
    target = tmp_path / "target"
    for _ in range(2):
        end = step_functions.wait(started(step_functions, machine, script=script, target=str(target)))
        assert end.status == "SUCCEEDED", end
    assert target.read_text() == "file\nof the definition, of a field, of the store\n"


def test_each_attempt_of_a_task_is_a_job(step_functions, definition, tmp_path):
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "BackoffRate": 1, "MaxAttempts": 2}]
    caught = [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "caught"}]
    file, other = tmp_path / "tries", tmp_path / "others"
    machine = chain(
        a=job(definition, ["python", "-c", COUNTS, str(file), "3"], Retry=retry),
        b=job(definition, ["python", "-c", COUNTS, str(other), "4"], Retry=retry, Catch=caught, Next="end"),
        caught={"Type": "Fail", "Error": "as it should"},
    )
    end = step_functions.wait(started(step_functions, machine))
    assert (end.status, end.error) == ("FAILED", "as it should")
    assert (file.read_text(), other.read_text()) == ("...", "...")


@pytest.mark.parametrize(("reason", "tries"), [("Host EC2 (instance i-1) terminated.", 2), ("", 1)])
def test_batch_starts_a_job_again_whose_host_is_gone(step_functions, tmp_path, reason, tries):
    rules = [{"onStatusReason": "Host EC2*", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
    definition = defined(step_functions, tmp_path, {}, retryStrategy={"attempts": 3, "evaluateOnExit": rules})
    waits = "import pathlib, sys, time; file = pathlib.Path(sys.argv[1]); there = file.exists(); file.touch(); there or time.sleep(3600)"
    execution = started(step_functions, chain(a=job(definition, ["python", "-c", waits, str(tmp_path / "begun")])))
    step_functions.wait_for((tmp_path / "begun").exists)
    [running] = [one for one in step_functions.running_jobs() if str(tmp_path / "begun") in one["command"]]
    step_functions.kill(running, signal.SIGKILL, reason)
    assert step_functions.wait(execution).status == ("SUCCEEDED" if reason else "FAILED")
    [described] = step_functions.batch.describe_jobs(jobs=[running["id"]])["jobs"]
    assert len(described["attempts"]) == tries


def test_a_stopped_execution_ends_its_job(step_functions, definition, tmp_path):
    script = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); open(sys.argv[1], 'w'); time.sleep(3600)"
    )
    execution = started(step_functions, chain(a=job(definition, ["python", "-c", script, str(tmp_path / "begun")])))
    step_functions.wait_for((tmp_path / "begun").exists)
    [running] = [one for one in step_functions.running_jobs() if str(tmp_path / "begun") in one["command"]]
    step_functions.stop(execution)
    assert step_functions.wait(execution).status == "ABORTED"
    step_functions.wait_for(lambda: running not in step_functions.running_jobs())
    [described] = step_functions.batch.describe_jobs(jobs=[running["id"]])["jobs"]
    assert described["status"] == "FAILED"
    assert described["attempts"][-1]["container"]["exitCode"] == 3


MAP = {
    "read": {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Parameters": {"Bucket": "magnus", "Key.$": "$.key"},
        "ResultSelector": {"numbers.$": "States.StringToJson($.Body)"},
        "ResultPath": "$.started",
    },
    "each": {
        "Type": "Map",
        "ItemsPath": "$.started.numbers",
        "ItemSelector": {"number.$": "States.Format('{}', $$.Map.Item.Value)", "folder.$": "$.folder"},
        "ItemProcessor": {"ProcessorConfig": {"Mode": "INLINE"}},
        "ResultPath": None,
    },
}


@pytest.fixture
def over_a_list(step_functions, definition, tmp_path):
    """A machine with a map over a list in S3, and its input."""
    step_functions.s3.put_object(Bucket="magnus", Key="some/list.json", Body=json.dumps([0, 1, 2]))
    touch = job(definition, "States.Array('touch', States.Format('{}/{}', $.folder, $.number))", Next="done")
    done = {"Type": "Pass", "Result": 0, "End": True}
    inner = {"StartAt": "touch", "States": {"touch": touch, "done": done}}
    processor = {**MAP["each"]["ItemProcessor"], **inner}
    machine = chain(**{**MAP, "each": {**MAP["each"], "ItemProcessor": processor}})
    yield machine, {"key": "some/list.json", "folder": str(tmp_path)}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0", "1", "2"]


def test_a_map_over_a_list_in_s3(step_functions, over_a_list):
    machine, given = over_a_list
    assert step_functions.wait(started(step_functions, machine, **given)).status == "SUCCEEDED"


def test_another_interpreter_runs_the_same_jobs(local_step_functions, over_a_list):
    machine, given = over_a_list
    end = local_step_functions({"definition": machine, "input": given, "name": "n", "arn": "a"})
    assert end == {"status": "SUCCEEDED", "error": "", "cause": ""}
