"""The rights of the roles: no action more than their work needs, on no resource more than AWS lets a policy name.

The rights for `.sync` follow https://docs.aws.amazon.com/step-functions/latest/dg/connect-batch.html and `connect-ecs.html`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from magnus.transpilers.step_functions.handover import place_of
from magnus.transpilers.step_functions.options import Volume
from magnus.transpilers.step_functions.resources import Resources
from magnus.transpilers.step_functions.settings import partition
from magnus.values import Json

_VERSION: Final = "2012-10-17"
_ANY: Final = ("*",)
_TRUSTED: Final = {
    "states": "states.amazonaws.com",
    "job": "ecs-tasks.amazonaws.com",
    "execution": "ecs-tasks.amazonaws.com",
    "events": "events.amazonaws.com",
}
ROLES: Final = tuple(_TRUSTED)
Statement = dict[str, Json]


def trust(role: str) -> dict[str, Json]:
    """The document that says which service takes the role."""
    statement: Statement = {
        "Effect": "Allow",
        "Principal": {"Service": _TRUSTED[role]},
        "Action": "sts:AssumeRole",
    }
    return {"Version": _VERSION, "Statement": [statement]}


def policy(role: str, resources: Resources, *, is_distributed: bool) -> dict[str, Json]:
    """The document with the rights of the role; `is_distributed` if the machine starts executions of itself."""
    makers: Mapping[str, Callable[[], list[Statement]]] = {
        "states": lambda: _states(resources, is_distributed=is_distributed),
        "job": lambda: _job(resources),
        "execution": lambda: _execution(resources),
        "events": lambda: [_allow(["states:StartExecution"], [resources.machine, resources.closing])],
    }
    return {"Version": _VERSION, "Statement": [*makers[role]()]}


def _states(resources: Resources, *, is_distributed: bool) -> list[Statement]:
    statements = _ecs(resources) if resources.options.compute == "ecs" else _batch(resources)
    if place := next(iter(resources.buckets()), None) if resources.options.handover else None:
        statements.append(_allow(["s3:GetObject"], [_objects(resources, place.bucket, place.prefix)]))
    if is_distributed:
        executions = [resources.arn("states", f"execution:{resources.options.name}{end}") for end in (":*", "/*")]
        statements.append(_allow(["states:StartExecution"], [resources.machine]))
        statements.append(_allow(["states:DescribeExecution", "states:StopExecution"], executions))
    if resources.options.execution_log_group:
        actions = [f"logs:{action}" for action in _LOG_DELIVERY]
        statements.append(_allow(actions, _ANY))
    return statements


_LOG_DELIVERY: Final = (
    "CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries",
    "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups",
)  # fmt: skip
"""What AWS asks of a role that writes events of executions to CloudWatch; it lets no resource be named."""


def _batch(resources: Resources) -> list[Statement]:
    definitions = [
        resources.arn("batch", f"job-definition/{name}{end}") for name in resources.settings() for end in ("", ":*")
    ]
    return [
        _allow(["batch:SubmitJob"], [*definitions, *resources.queues()]),
        _allow(["batch:DescribeJobs", "batch:TerminateJob"], _ANY),
        _rule(resources, "StepFunctionsGetEventsForBatchJobsRule"),
    ]


def _ecs(resources: Resources) -> list[Statement]:
    definitions = [resources.arn("ecs", f"task-definition/{name}:*") for name in resources.settings()]
    roles = [resources.role("job"), resources.role("execution")]
    tagged = [_allow(["ecs:TagResource"], [resources.arn("ecs", "task/*")])] if resources.options.tags else []
    return [
        *tagged,
        _allow(["ecs:RunTask"], [name for each in definitions for name in (each.removesuffix(":*"), each)]),
        _allow(["ecs:StopTask", "ecs:DescribeTasks"], _ANY),
        _allow(["iam:PassRole"], roles),
        _rule(resources, "StepFunctionsGetEventsForECSTaskRule"),
    ]


def _rule(resources: Resources, name: str) -> Statement:
    """The rule by which Step Functions learns that a job finished."""
    actions = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]
    return _allow(actions, [resources.arn("events", f"rule/{name}")])


_OF_HANDOVER: Final = ("s3:GetObject", "s3:PutObject")
_OF_STORES: Final = (*_OF_HANDOVER, "s3:DeleteObject", "s3:AbortMultipartUpload")


def _job(resources: Resources) -> list[Statement]:
    """The rights of jobs.

    Listing has no condition on `s3:prefix`: a request for one object has no such key. S3 answers that a missing object is
    denied (403) to a role that may not list, and that it is missing (404) to a role that may.
    """
    stores = [*map(place_of, resources.options.buckets)]
    objects: dict[bool, list[str]] = {True: [], False: []}
    for place in resources.buckets():
        objects[place in stores].append(_objects(resources, place.bucket, place.prefix))
    statements = [_allow(_OF_HANDOVER, objects[False])] if objects[False] else []
    if objects[True]:
        buckets = dict.fromkeys(place.bucket for place in stores if place is not None)
        arns = [f"arn:{partition(resources.options.region)}:s3:::{bucket}" for bucket in buckets]
        statements += [_allow(_OF_STORES, objects[True]), _allow(["s3:ListBucket"], arns)]
    statements += _secrets(resources.options.readable_secrets)
    volumes = resources.options.volumes
    if volumes:
        actions = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
        statements.append(_allow(actions, _file_systems(resources, volumes)))
    if as_root := [volume for volume in volumes if not volume.access_point]:
        statements.append(_allow(["elasticfilesystem:ClientRootAccess"], _file_systems(resources, as_root)))
    return statements


def _file_systems(resources: Resources, volumes: Sequence[Volume]) -> list[str]:
    """Their ARNs. Without an access point, which has a user of its own, root of a container has to be root there."""
    return [
        *dict.fromkeys(resources.arn("elasticfilesystem", f"file-system/{volume.file_system}") for volume in volumes)
    ]


def _execution(resources: Resources) -> list[Statement]:
    statements: list[Statement] = []
    if repositories := resources.repositories():
        statements.append(_allow(["ecr:GetAuthorizationToken"], _ANY))
        actions = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
        statements.append(_allow(actions, repositories))
    if group := resources.options.log_group or ("/aws/batch/job" if resources.options.compute == "batch" else ""):
        streams = resources.arn("logs", f"log-group:{group}:log-stream:*")
        statements.append(_allow(["logs:CreateLogStream", "logs:PutLogEvents"], [streams]))
    return [*statements, *_secrets([secret.value_from for secret in resources.options.secrets])]


def _secrets(arns: Sequence[str]) -> list[Statement]:
    """The right to read these secrets and parameters.

    The ARN of a secret may be followed by a field of it, and may lack the hyphen and six characters that AWS gave it.
    """
    names = [":".join(arn.split(":")[:7]) for arn in arns if ":secretsmanager:" in arn]
    secrets = [f"{name}{end}" for name in names for end in ("", "-??????")]
    parameters = [arn for arn in arns if ":ssm:" in arn]
    statements = [_allow(["secretsmanager:GetSecretValue"], [*dict.fromkeys(secrets)])] if secrets else []
    if parameters:
        statements.append(_allow(["ssm:GetParameters", "ssm:GetParameter"], parameters))
    return statements


def _objects(resources: Resources, bucket: str, prefix: str) -> str:
    return f"arn:{partition(resources.options.region)}:s3:::{bucket}/{prefix}*"


def _allow(actions: Sequence[str], resources: Sequence[str]) -> Statement:
    return {"Effect": "Allow", "Action": [*actions], "Resource": [*resources]}
