"""Every option of the executor `aws-step-functions`: what it makes, and which values are refused with their places."""

import json
import shlex

import pytest
import states_rules
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters
from written_machines import files, loaded, transpiler, written

from magnus.graph.nodes import Graph, TaskNode, TaskSpec, TerminalNode
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.step_functions.options import Network, Override, Roles, Secret, Volume

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/given"
SECRET = f"arn:aws:secretsmanager:eu-central-1:{ACCOUNT}:secret:db-AbCdEf"
ENDS = {"success": TerminalNode("success", True), "fail": TerminalNode("fail", False)}
BIG = Override(cpu=8, memory=16_384, gpu=1, shared_memory=512, environment={"MODE": "big"}, tags={"size": "big"})


def read(name, *, of="map", **options):
    found = files(loaded(of), account=ACCOUNT, **options)
    return json.loads(found[f"step-functions/{name}"])


def refused(request=None, **options):
    request = request or TranspileRequest(loaded("map"), "pipeline.yaml", executor="aws-step-functions")
    return [problem.message for problem in transpiler(**options).problems(request)]


def test_a_job_definition_has_what_the_options_say():
    definition = read(
        "containers/magnus.json",
        cpu=2,
        memory=4096,
        gpu=1,
        shared_memory=1024,
        retries=2,
        timeout=600,
        environment={"MODE": "test"},
        secrets=(Secret("DB_PASSWORD", f"{SECRET}:password::"),),
        volumes=(Volume("fs-0123456789abcdef0", "/mnt/data", access_point="fsap-0123456789abcdef0"),),
        log_group="/team/magnus",
        tags={"team": "us"},
    )
    container = definition["containerProperties"]
    assert definition["timeout"] == {"attemptDurationSeconds": 600}
    assert definition["retryStrategy"]["attempts"] == 3
    assert definition["retryStrategy"]["evaluateOnExit"][-1] == {"onReason": "*", "action": "EXIT"}
    assert definition["tags"] == {"team": "us"}
    assert definition["propagateTags"]
    assert {need["type"]: need["value"] for need in container["resourceRequirements"]} == {
        "VCPU": "2", "MEMORY": "4096", "GPU": "1",
    }  # fmt: skip
    assert container["linuxParameters"] == {"sharedMemorySize": 1024}
    assert container["environment"] == [
        {"name": "AWS_REGION", "value": "eu-central-1"},
        {"name": "MODE", "value": "test"},
    ]
    assert container["secrets"] == [{"name": "DB_PASSWORD", "valueFrom": f"{SECRET}:password::"}]
    assert container["mountPoints"] == [{"sourceVolume": "volume-1", "containerPath": "/mnt/data", "readOnly": False}]
    efs = container["volumes"][0]["efsVolumeConfiguration"]
    assert efs["fileSystemId"] == "fs-0123456789abcdef0"
    assert efs["authorizationConfig"] == {"accessPointId": "fsap-0123456789abcdef0", "iam": "ENABLED"}
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/team/magnus"
    assert container["jobRoleArn"] == f"arn:aws:iam::{ACCOUNT}:role/magnus-job"


def test_fargate_has_a_network_and_a_disk():
    network = Network(assign_public_ip=True)
    definition = read("containers/magnus.json", platform="fargate", ephemeral_storage=50, network=network)
    assert definition["platformCapabilities"] == ["FARGATE"]
    assert definition["containerProperties"]["networkConfiguration"] == {"assignPublicIp": "ENABLED"}
    assert definition["containerProperties"]["ephemeralStorage"] == {"sizeInGiB": 50}


def test_tasks_of_ecs_run_in_a_cluster():
    options = {
        "compute": "ecs",
        "queue": "",
        "cluster": "main",
        "platform": "fargate",
        "network": Network(("subnet-1",), ("sg-1",)),
        "log_group": "/team/magnus",
        "timeout": 600,
    }
    definition = read("containers/magnus.json", **options)
    assert (definition["family"], definition["cpu"], definition["memory"]) == ("magnus", "1024", "2048")
    assert definition["containerDefinitions"][0]["name"] == "magnus"
    state = read("state-machine.json", **options)["States"]["begin"]
    assert state["Resource"] == "arn:aws:states:::ecs:runTask.sync"
    assert state["TimeoutSeconds"] == 600
    parameters = state["Parameters"]
    assert (parameters["Cluster"], parameters["TaskDefinition"], parameters["LaunchType"]) == (
        "main",
        "magnus",
        "FARGATE",
    )
    [overrides] = parameters["Overrides"]["ContainerOverrides"]
    assert overrides["Command.$"].startswith("States.Array('magnus', ")
    assert parameters["NetworkConfiguration"]["AwsvpcConfiguration"] == {
        "Subnets": ["subnet-1"], "SecurityGroups": ["sg-1"], "AssignPublicIp": "DISABLED",
    }  # fmt: skip
    statements = read("roles/states-policy.json", **options)["Statement"]
    assert [statement["Action"][0] for statement in statements][:3] == ["ecs:RunTask", "ecs:StopTask", "iam:PassRole"]
    resource = json.loads(files(loaded("map"), **options)["step-functions/template.json"])["Resources"]["Containers1"]
    assert resource["Type"] == "AWS::ECS::TaskDefinition"
    assert (
        resource["Properties"]["ContainerDefinitions"][0]["LogConfiguration"]["Options"]["awslogs-group"]
        == "/team/magnus"
    )


def test_an_override_has_a_definition_of_its_own():
    task = TaskNode("a", TaskSpec("noop"), next="b", overrides={"aws-step-functions": "big"})
    other = TaskNode("b", TaskSpec("noop"), next="success", overrides={"aws-step-functions": "other queue"})
    overrides = {"big": BIG, "other queue": Override(queue="spare")}
    found = files(Graph("a", {"a": task, "b": other, **ENDS}), account=ACCOUNT, overrides=overrides)
    assert [name for name in found if "/containers/" in name] == [
        "step-functions/containers/magnus.json", "step-functions/containers/magnus-big.json",
    ]  # fmt: skip
    container = json.loads(found["step-functions/containers/magnus-big.json"])["containerProperties"]
    assert {"name": "MODE", "value": "big"} in container["environment"]
    states = json.loads(found["step-functions/state-machine.json"])["States"]
    jobs = [(states[name]["Parameters"]["JobDefinition"], states[name]["Parameters"]["JobQueue"]) for name in "ab"]
    assert jobs == [("magnus-big", "queue"), ("magnus", "spare")]


def test_rights_name_resources():
    statements = read(
        "roles/states-policy.json", buckets=("s3://runs",), queue=f"arn:aws:batch:eu-central-1:{ACCOUNT}:job-queue/q"
    )["Statement"]
    for statement in statements:
        assert statement["Resource"] != ["*"] or statement["Action"] == ["batch:DescribeJobs", "batch:TerminateJob"]
    assert f"arn:aws:batch:eu-central-1:{ACCOUNT}:job-queue/q" in statements[0]["Resource"]
    buckets = ("s3://data/sales", "s3://runs", "s3://data/more")
    job = read("roles/job-policy.json", buckets=buckets, readable_secrets=(SECRET,))["Statement"]
    handover = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": ["arn:aws:s3:::bucket/magnus/*"]}
    assert job.pop(0) == {"Effect": "Allow", **handover}
    assert job[0]["Resource"] == ["arn:aws:s3:::data/sales/*", "arn:aws:s3:::runs/*", "arn:aws:s3:::data/more/*"]
    listing = {"Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::data", "arn:aws:s3:::runs"]}
    assert job[1] == {"Effect": "Allow", **listing}
    secrets = [SECRET, f"{SECRET}-??????"]
    assert job[2] == {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": secrets}
    image = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/team/project:1"
    execution = read("roles/execution-policy.json", image=image, secrets=(Secret("A", f"{SECRET}:x::"),))["Statement"]
    assert execution[1]["Resource"] == [f"arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/project"]
    assert execution[-1]["Resource"] == secrets


def test_root_of_containers_is_root_of_file_systems_without_an_access_point():
    whole, point = Volume("fs-01234567", "/a"), Volume("fs-89abcdef", "/b", access_point="fsap-01234567")
    rights = {
        action: statement["Resource"]
        for statement in read("roles/job-policy.json", volumes=(whole, point))["Statement"]
        for action in statement["Action"]
    }
    arns = [f"arn:aws:elasticfilesystem:eu-central-1:{ACCOUNT}:file-system/{one.file_system}" for one in (whole, point)]
    assert rights["elasticfilesystem:ClientWrite"] == arns
    assert rights["elasticfilesystem:ClientRootAccess"] == arns[:1]


@pytest.mark.parametrize(
    "schedule", ["rate(1 hour)", "rate(10 minutes)", "cron(0/15 8-17 ? * MON-FRI *)", "cron(0 3 L * ? *)"]
)
def test_a_schedule_of_eventbridge_is_taken(schedule):
    assert refused(schedule=schedule) == []


def test_a_text_of_the_user_is_not_substituted_in_the_template():
    found = files(loaded("map"), environment={"WHERE": "${AWS::AccountId}"}, tags={"team": "us"})
    container = json.loads(found["step-functions/template.json"])["Resources"]["Containers1"]["Properties"]
    assert container["ContainerProperties"]["JobRoleArn"]["Fn::Sub"].startswith("arn:aws:iam::${AWS::AccountId}:")
    assert {"Name": "WHERE", "Value": "${AWS::AccountId}"} in container["ContainerProperties"]["Environment"]


def test_a_task_for_which_no_machine_has_room_is_tried_again():
    options = {"compute": "ecs", "queue": "", "cluster": "main", "network": Network(("subnet-1",))}
    [busy] = read("state-machine.json", **options)["States"]["begin"]["Retry"]
    assert "AmazonECS.Unknown" in busy["ErrorEquals"]
    assert busy["MaxAttempts"] == 3
    [busy] = read("state-machine.json")["States"]["begin"]["Retry"]
    assert "Batch.TooManyRequestsException" in busy["ErrorEquals"]


@pytest.mark.parametrize(
    ("store", "options", "is_reached"),
    [
        ({"url": "s3://runs/sales"}, {}, False),
        ({"url": "s3://runs/sales"}, {"buckets": ("s3://runs/sales/more",)}, False),
        ({"url": "s3://runs/sales"}, {"buckets": ("s3://runs/sale",)}, False),
        ({"url": "s3://runs/sales/"}, {"buckets": ("s3://runs/sales",)}, True),
        ({"url": "s3://runs/sales/more"}, {"buckets": ("s3://other", "s3://runs")}, True),
        ({"url": "s3://runs/sales"}, {"roles": Roles(job=ROLE)}, True),
        ({"url": "s3://runs/sales", "endpoint": "http://minio:9000"}, {}, True),
        ({"url": "postgresql://server/runs"}, {}, True),
        ({}, {}, True),
    ],
)
def test_a_store_that_jobs_have_no_right_to_is_a_warning(store, options, is_reached):
    stores = {"run_log_store": store, "catalog": {}}
    found = [*transpiler(**options).problems(TranspileRequest(loaded("map"), "pipeline.yaml", stores=stores))]
    expected = [("warning", f"the run log store is in '{store.get('url')}', to which the role of jobs gets no rights")]
    assert [(one.severity, one.message) for one in found] == ([] if is_reached else expected)


def test_only_a_distributed_map_lets_a_machine_start_executions():
    for mode in ("inline", "distributed"):
        statements = read("roles/states-policy.json", map=mode)["Statement"]
        actions = [action for statement in statements for action in statement["Action"]]
        assert ("states:StartExecution" in actions) == (mode == "distributed")


def test_roles_that_exist_are_not_created():
    roles = Roles(ROLE, ROLE, ROLE, ROLE)
    found = files(loaded("map"), account=ACCOUNT, roles=roles)
    assert [name for name in found if "/roles/" in name] == []
    template = json.loads(found["step-functions/template.json"])
    assert {resource["Type"] for resource in template["Resources"].values()} == {
        "AWS::Batch::JobDefinition", "AWS::StepFunctions::StateMachine", "AWS::Events::Rule",
    }  # fmt: skip
    assert template["Resources"]["Machine"]["Properties"]["RoleArn"] == ROLE
    assert "create-role" not in found["step-functions/create.sh"]


def test_the_template_holds_everything():
    found = files(
        loaded("map"),
        schedule="cron(0 3 * * ? *)",
        execution_log_group=f"arn:aws:logs:eu-central-1:{ACCOUNT}:log-group:x:*",
    )
    assert sorted(found) == [f"step-functions/{name}.json" for name in ("end-machine", "state-machine", "template")]
    resources = json.loads(found["step-functions/template.json"])["Resources"]
    machine = json.loads(found["step-functions/state-machine.json"])
    assert json.loads(resources["Machine"]["Properties"]["DefinitionString"]) == machine
    assert resources["Machine"]["Properties"]["LoggingConfiguration"]["Level"] == "ALL"
    assert resources["ScheduleRule"]["Properties"]["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert list(resources) == [
        "StatesRole", "JobRole", "ExecutionRole", "EventsRole", "Containers1", "Machine", "ClosingMachine", "EndsRule", "ScheduleRule",
    ]  # fmt: skip


def test_other_partitions_have_other_arns():
    state = read("state-machine.json", region="cn-north-1")["States"]["begin"]
    assert state["Resource"] == "arn:aws-cn:states:::batch:submitJob.sync"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "a b"}, "the name 'a b' is none"),
        ({"name": "x" * 55}, "is none that AWS takes"),
        ({"region": "Frankfurt"}, "'Frankfurt' is no region"),
        ({"account": "12"}, "'12' is no account"),
        ({"program": ("it's",)}, "the word 'it's' of the program"),
        ({"program": ()}, "the program has no words"),
        ({"queue": ""}, "need a queue"),
        ({"queue": "a b"}, "'a b' is no job queue"),
        ({"compute": "ecs"}, "need a cluster"),
        ({"compute": "ecs", "cluster": "c"}, "need a network"),
        ({"handover": "s3://bucket/it's"}, "is no place in S3"),
        ({"buckets": ("gs://bucket",)}, "'gs://bucket' is no place in S3"),
        ({"roles": Roles(job="magnus")}, "'magnus' is no ARN of a role"),
        ({"secrets": (Secret("A", "value"),)}, "'value' is no ARN of a secret"),
        ({"secrets": (Secret("A", SECRET), Secret("A", SECRET))}, "'A' is given twice"),
        ({"secrets": (Secret("A-B", SECRET),)}, "'A-B' is no name of a variable"),
        ({"readable_secrets": ("x",)}, "'x' is no ARN"),
        ({"volumes": (Volume("x", "/mnt"),)}, "'x' is no id of a file system"),
        ({"volumes": (Volume("fs-01234567", "mnt"),)}, "'mnt' is no folder"),
        ({"volumes": (Volume("fs-01234567", "/a"), Volume("fs-01234567", "/a/"))}, "two volumes"),
        ({"volumes": (Volume("fs-01234567", "/a", "/b", "fsap-01234567"),)}, "with an access point"),
        ({"volumes": (Volume("fs-01234567", "/a", "b"),)}, "'b' is no folder of a file system"),
        ({"log_group": "a b"}, "'a b' is no name of a log group"),
        ({"execution_log_group": "x"}, "'x' is no ARN of a log group"),
        ({"schedule": "0 3 * * *"}, "'0 3 * * *' is no schedule"),
        ({"schedule": "rate(1 days)"}, "'rate(1 days)' is no schedule"),
        ({"schedule": "rate(2 day)"}, "'rate(2 day)' is no schedule"),
        ({"schedule": "cron(0 3 * * * *)"}, "'cron(0 3 * * * *)' is no schedule"),
        ({"schedule": "cron(0 3 ? * ? *)"}, "'cron(0 3 ? * ? *)' is no schedule"),
        ({"image": "a b"}, "'a b' is no name of an image"),
        ({"retries": 10}, "starts a job 10 times at most"),
        ({"timeout": 59}, "stops no job before 60 seconds"),
        ({"cpu": 0.5}, "counts whole processors"),
        ({"compute": "ecs", "cpu": 0.1}, "at least 0.125 processors"),
        ({"ephemeral_storage": 50}, "is for Fargate"),
        ({"platform": "fargate", "cpu": 3}, "no containers with 'cpu: 3'"),
        ({"platform": "fargate", "memory": 512}, "no containers with 'cpu: 1' and 'memory: 512'"),
        ({"platform": "fargate", "memory": 2500}, "no containers with 'cpu: 1' and 'memory: 2500'"),
        ({"platform": "fargate", "cpu": 0.25, "memory": 1536}, "no containers with 'cpu: 0.25' and 'memory: 1536'"),
        ({"platform": "fargate", "cpu": 16, "memory": 33_792}, "no containers with 'cpu: 16' and 'memory: 33792'"),
        ({"network": Network(assign_public_ip=True)}, "'assign_public_ip' is for Fargate"),
        ({"platform": "fargate", "gpu": 1}, "no graphics processors"),
        ({"platform": "fargate", "shared_memory": 1}, "no size of /dev/shm"),
        ({"platform": "fargate", "ephemeral_storage": 5}, "no size that Fargate has"),
        ({"tags": {"aws:x": "y"}}, "is no tag"),
        ({"tags": {str(number): "" for number in range(51)}}, "there are 51 tags"),
        ({"environment": {"DB_PASSWORD": "hunter2"}}, "DB_PASSWORD looks like a secret"),
        ({"environment": {"AWS_BATCH_JOB_ID": "x"}}, "is no name of a variable"),
        ({"overrides": {"a b": Override(cpu=2), "a-b": Override(cpu=3)}}, "both make a definition 'magnus-a-b'"),
        ({"overrides": {"x": Override(cpu=0.5)}}, "counts whole processors"),
    ],
)  # fmt: skip
def test_an_option_that_aws_refuses_is_refused(options, message):
    messages = refused(**options)
    assert any(message in one for one in messages), messages
    assert not any("hunter2" in one for one in messages)


EVERYTHING = {
    "shared_memory": 512,
    "gpu": 1,
    "tags": {"team": "us"},
    "environment": {"MODE": "x"},
    "secrets": (Secret("DB_PASSWORD", SECRET),),
    "volumes": (Volume("fs-0123456789abcdef0", "/mnt/data", access_point="fsap-0123456789abcdef0"),),
    "log_group": "/team/magnus",
}
FARGATE = {
    "platform": "fargate",
    "ephemeral_storage": 30,
    "shared_memory": None,
    "gpu": 0,
    "network": Network(("subnet-1",), ("sg-1",)),
}


@pytest.mark.parametrize("options", [EVERYTHING, {**EVERYTHING, **FARGATE}], ids=["ec2", "fargate"])
@pytest.mark.parametrize(
    ("compute", "service", "create", "run"),
    [("batch", "batch", "RegisterJobDefinition", "SubmitJob"), ("ecs", "ecs", "RegisterTaskDefinition", "RunTask")],
)
def test_requests_have_the_shapes_of_aws(compute, service, create, run, options):
    """As the models of botocore say."""
    options = {"network": Network(("subnet-1",)), **options, "compute": compute, "cluster": "main"}
    assert refused(**options) == []
    model = Loader().load_service_model(service, "service-2")
    requests = ServiceModel(model, service)
    found = files(loaded("everything-inside-everything"), account=ACCOUNT, parameters={"x": 3}, **options)
    definition = json.loads(found["step-functions/containers/magnus.json"])
    validate_parameters(definition, requests.operation_model(create).input_shape)
    machine = json.loads(found["step-functions/state-machine.json"])
    jobs = [state for state in states_rules.states_of(machine).values() if f":{service}:" in str(state.get("Resource"))]
    assert jobs
    for state in jobs:
        validate_parameters(lower(state["Parameters"]), requests.operation_model(run).input_shape)


def lower(value):
    """Parameters of a state as the API of the service names them; expressions become texts, that of a command a list."""
    match value:
        case {"Command.$": _, **more}:
            return {**lower(more), "command": ["magnus"]}
        case dict():
            return {key[0].lower() + key[1:].removesuffix(".$"): lower(inner) for key, inner in value.items()}
        case list():
            return [lower(inner) for inner in value]
        case _:
            return value


def test_the_script_reads_files_that_are_written():
    found = files(loaded("map"), account=ACCOUNT, schedule="rate(1 day)", tags={"team": "of us"}, name="sales")
    commands = [shlex.split(line, comments=True) for line in found["step-functions/create.sh"].splitlines()]
    calls = [" ".join(words[words.index("aws") + 1 :][:2]) for words in commands if "aws" in words]
    assert calls == [
        *["iam get-role", "iam update-assume-role-policy", "iam tag-role", "iam create-role", "iam put-role-policy"] * 4,
        "batch register-job-definition",
        *[
            f"stepfunctions {action}"
            for action in ("describe-state-machine", "update-state-machine", "tag-resource", "create-state-machine")
        ] * 2,
        *["events put-rule", "events put-targets"] * 2,
    ]  # fmt: skip
    read = {word.removeprefix("file://") for words in commands for word in words if word.startswith("file://")}
    assert {f"step-functions/{name}" for name in read} == {*found} - {
        "step-functions/create.sh", "step-functions/template.json",
    }  # fmt: skip
    tags = [json.loads(words[words.index("--tags") + 1]) for words in commands if "--tags" in words]
    assert tags == [*[[{"Key": "team", "Value": "of us"}]] * 8, *[[{"key": "team", "value": "of us"}]] * 4]
    targets = [json.loads(words[words.index("--targets") + 1]) for words in commands if "put-targets" in words]
    assert [target["Arn"].rpartition(":")[2] for [target] in targets] == ["sales-end", "sales"]


def test_a_role_without_rights_gets_no_policy():
    """IAM refuses a policy without statements."""
    found = files(loaded("parallel"), account=ACCOUNT, handover="")
    assert [name for name in found if "/roles/job" in name] == ["step-functions/roles/job-trust.json"]
    assert "job-policy.json" not in found["step-functions/create.sh"]
    assert "Policies" not in json.loads(found["step-functions/template.json"])["Resources"]["JobRole"]["Properties"]


def test_commands_start_and_resume_runs():
    request = TranspileRequest(loaded("map"), "pipeline.yaml", run_id="monday", original_run_id="sunday")
    result = transpiler().transpile(request)
    start = result.next_commands[-1].argv
    assert start[-2:] == ["--name", "monday"]
    assert start[start.index("--state-machine-arn") + 1] == "arn:aws:states:eu-central-1:ACCOUNT:stateMachine:magnus"
    states = json.loads(result.files["step-functions/state-machine.json"])["States"]
    assert states["magnus: defaults"]["Result"]["input"]["original_run_id"] == "sunday"
    later = transpiler(account=ACCOUNT).transpile(TranspileRequest(loaded("map"), "pipeline.yaml")).next_commands[-1]
    assert later.purpose == "resume a failed run RUN with"
    assert json.loads(later.argv[-1]) == {"original_run_id": "RUN"}


def test_parameters_are_changed_by_the_input_or_fixed():
    parameters = {"x": 3, "large": 2**60, "text": "it's"}
    for exposes in (True, False):
        machine = json.loads(written(loaded("map"), parameters=parameters, expose_parameters_as_inputs=exposes))
        environment = machine["States"]["begin"]["Parameters"]["ContainerOverrides"]["Environment"]
        fixed = [one["Value"] for one in environment if "Value" in one]
        assert fixed == (["1152921504606846976"] if exposes else ["3", "1152921504606846976", '"it\'s"'])
        exposed = [one["Value.$"] for one in environment if "Value.$" in one]
        assert len(exposed) == (2 if exposes else 0)
        assert machine["States"]["magnus: defaults"]["Result"]["parameters"] == (
            {"x": 3, "text": "it's"} if exposes else {}
        )


def test_the_second_machine_records_the_end_of_a_run():
    closing = read("end-machine.json")
    pattern = read("ends.json")
    assert pattern["detail"]["status"] == ["FAILED", "TIMED_OUT", "ABORTED"]
    assert pattern["detail"]["stateMachineArn"] == [f"arn:aws:states:eu-central-1:{ACCOUNT}:stateMachine:magnus"]
    event = {"detail": {"name": "monday", "executionArn": "arn", "status": "ABORTED"}}
    data = states_rules.filled(closing["States"]["event"]["Parameters"], event)
    command = states_rules.evaluated(
        closing["States"]["end"]["Parameters"]["ContainerOverrides"]["Command.$"], data
    )  # fmt: skip
    assert command[:5] == ["magnus", "end_run", "monday", "--engine-status", "ABORTED"]
    assert command[-2:] == ["--workflow-uid", "arn"]
    assert transpiler().explain_failures("ABORTED", "", ()).is_stop
    assert not transpiler().explain_failures("TIMED_OUT", "", ()).is_stop
