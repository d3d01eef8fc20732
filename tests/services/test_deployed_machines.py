"""What is written for AWS creates machines that run: the CloudFormation template, and the script of commands of `aws`.

Their jobs are of AWS Batch or tasks of ECS, and their run logs may be in PostgreSQL.
"""

import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import interpreted
import object_servers
import pytest
import test_corpus
from step_functions import KEYS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.xdist_group("more step functions")]
COMMAND_LINE = Path(__file__).parents[2] / ".venvs/aws-cli"
NAMES = sorted(set(test_corpus.NAMES) - {"files"})
TAGS = {"team": "sales", "cost-center": "7"}
OPTIONS = {"tags": TAGS, "schedule": "rate(1 day)"}


def by_stack(services, folder, name):
    """Create the stack of the template; the ARN of its machine."""
    template = (folder / interpreted.FOLDER / "template.json").read_text()
    stacks = services.client("cloudformation")
    stacks.create_stack(StackName=name, TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    [stack] = stacks.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}["Machine"]


def there(services, name):
    """What is there of the machine: roles, active definitions of jobs, machines and rules, each as it is."""
    iam, events, states = services.client("iam"), services.client("events"), services.states
    names = [one["RoleName"] for one in iam.list_roles()["Roles"] if one["RoleName"].startswith(f"{name}-")]
    definitions = services.batch.describe_job_definitions(status="ACTIVE")["jobDefinitions"]
    latest = {one["jobDefinitionName"]: one for one in sorted(definitions, key=lambda one: one["revision"])}
    tasks = services.client("ecs").list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
    latest.update({arn.rpartition("/")[2].partition(":")[0]: {"arn": arn} for arn in tasks})
    machines = {one["name"]: one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]}
    rules = {one["Name"]: one for one in events.list_rules()["Rules"] if one["Name"].startswith(f"{name}-")}
    return {
        "roles": {role: role_of(iam, role) for role in names},
        "definitions": {key: definition_of(one) for key, one in latest.items() if key.startswith(name)},
        "machines": {key: machine_of(states, machines[key]) for key in {name, f"{name}-end"} & machines.keys()},
        "rules": sorted(map(json.dumps, (rule_of(events, rule) for rule in rules.values()))),
    }


def role_of(iam, name):
    role = iam.get_role(RoleName=name)["Role"]
    policies = iam.list_role_policies(RoleName=name)["PolicyNames"]
    rights = [iam.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"] for one in policies]
    return {"trust": role["AssumeRolePolicyDocument"], "rights": rights, "tags": role["Tags"]}


def definition_of(definition):
    return {key: value for key, value in definition.items() if key not in {"revision", "jobDefinitionArn"}}


def machine_of(states, arn):
    machine = states.describe_state_machine(stateMachineArn=arn)
    tags = states.list_tags_for_resource(resourceArn=arn)["tags"]
    return {"definition": json.loads(machine["definition"]), "role": machine["roleArn"], "tags": tags}


def rule_of(events, rule):
    targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    pattern = json.loads(rule.get("EventPattern", "{}"))
    return {"pattern": pattern, "schedule": rule.get("ScheduleExpression"), "state": rule["State"], "targets": targets}


def expected(name):
    return json.loads((test_corpus.CORPUS / "expected" / f"{name}.json").read_text())


def came(name, services, faults, folder, *, run_logs=None, **options):
    """What comes of the pipeline of the corpus, and the name of its machine."""
    store = interpreted.stores(services, f"deployed/{folder.name}")
    drive = interpreted.driver(services, faults, **options)
    seen = test_corpus.driven(name, run_logs or store, drive, folder, spill_threshold=1000, catalog=store)
    configuration = json.loads((folder / "magnus-config.yaml").read_text())
    return seen, configuration["defaults"]["executor"]["config"]["name"]


@pytest.mark.parametrize("compute", ["batch", "ecs"])
def test_a_stack_creates_what_runs_and_leaves_nothing(compute, step_functions, asl_faults, tmp_path, testrun_uid):
    """Another pipeline of the corpus in every run of the tests."""
    name = random.Random(f"{testrun_uid} {compute}").choice(NAMES)
    options = {**OPTIONS, **(step_functions.on_ecs() if compute == "ecs" else {})}
    seen, machine = came(name, step_functions, asl_faults, tmp_path, deploy=by_stack, **options)
    assert seen == expected(name)
    assert all(there(step_functions, machine).values())
    step_functions.client("cloudformation").delete_stack(StackName=machine)
    assert not any(there(step_functions, machine).values())


def test_attempts_of_tasks_of_ecs_count(step_functions, asl_faults, tmp_path):
    seen, _ = came("retries", step_functions, asl_faults, tmp_path, **step_functions.on_ecs())
    assert seen == expected("retries")


def test_a_run_log_in_postgresql(step_functions, asl_faults, tmp_path, testrun_uid, postgresql_server, database):
    name = random.Random(f"{testrun_uid} postgresql").choice(NAMES)
    run_logs = {"type": "sql", "config": {"url": postgresql_server.url(database)}}
    assert came(name, step_functions, asl_faults, tmp_path, run_logs=run_logs)[0] == expected(name)


def change(folder, **options):
    """Change options of the executor in the folder."""
    file = folder / "magnus-config.yaml"
    configuration = json.loads(file.read_text())
    configuration["defaults"]["executor"]["config"].update(options)
    file.write_text(json.dumps(configuration))


@pytest.fixture
def at_a_shell(step_functions, tmp_path_factory):
    """A call that runs a command line with the `aws` of PyPI and without delays, and returns what it prints."""
    object_servers.need((COMMAND_LINE / "ready").exists(), "no aws is installed: make services")
    programs = tmp_path_factory.mktemp("bin")
    (programs / "aws").symlink_to(COMMAND_LINE / "bin/aws")
    (programs / "magnus").symlink_to(Path(sys.executable).with_name("magnus"))
    (programs / "sleep").symlink_to(shutil.which("true"))  # this AWS knows roles at once
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **KEYS, "PATH": path, "AWS_ENDPOINT_URL": step_functions.address}

    def run(folder, *words):
        process = subprocess.run(words, cwd=folder, env=variables, capture_output=True, text=True)
        assert process.returncode == 0, (words, process.stderr[-3000:])
        return process.stdout + process.stderr

    return run


def test_the_script_creates_what_a_stack_does_and_updates_it(step_functions, at_a_shell, tmp_path, testrun_uid):
    """The commands are those that `magnus execute` prints, one after the other."""
    pipeline = random.Random(testrun_uid).choice(NAMES)

    def by_hand(folder, _dag, arguments):
        name = interpreted.configure(folder, **OPTIONS)
        step_functions.image(name, folder)
        given = [word for name, value in arguments.items() for word in (f"--{name}", value)]
        execute = ["magnus", "execute", "--file", "p.yaml", "--run-id", name, *given]
        printed = at_a_shell(folder, *execute)
        by_stack(step_functions, folder, name)
        of_stack = there(step_functions, name)
        step_functions.client("cloudformation").delete_stack(StackName=name)
        script, start = (
            re.search(f"{what}: (.*)", printed)[1] for what in ("without CloudFormation with", "run it with")
        )
        at_a_shell(folder, *shlex.split(script))
        assert there(step_functions, name) == of_stack
        change(folder, tags={"team": "research"}, memory=1024)
        at_a_shell(folder, *execute)
        at_a_shell(folder, *shlex.split(script))
        [definition] = there(step_functions, name)["definitions"].values()
        assert definition["containerProperties"]["resourceRequirements"][1] == {"type": "MEMORY", "value": "1024"}
        assert definition["tags"] == {"team": "research"}
        execution = json.loads(at_a_shell(folder, *shlex.split(start)))["executionArn"]
        end = step_functions.wait(execution)
        assert end.status == "SUCCEEDED" or end.error == "magnus.RunFailed", (end, step_functions.printed()[-3000:])
        return interpreted.log_of_run(folder, name)

    store = interpreted.stores(step_functions, f"scripts/{tmp_path.name}")
    seen = test_corpus.driven(pipeline, store, by_hand, tmp_path, spill_threshold=1000, catalog=store)
    assert seen == expected(pipeline)
