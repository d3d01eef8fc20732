"""What moto's CloudFormation lacks: policies that are JSON, all of definitions of containers, and machines that run.

Definitions are registered by a client, which refuses fields that the services do not have.
"""

import json

from moto.batch import models as batch
from moto.ecs import models as ecs
from moto.iam import models as iam
from moto.stepfunctions import models as machines
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

OTHERS = {"EFSVolumeConfiguration": "efsVolumeConfiguration", "FilesystemId": "fileSystemId", "IAM": "iam"}
"""Properties whose name is not that of the field with a capital letter."""


def field(name):
    return OTHERS.get(name) or name[0].lower() + name[1:]


def fields(value, key=""):
    """The fields of a request that has these properties."""
    match value:
        case dict() if key in {"Options", "Tags"}:
            return value
        case dict():
            return {field(name): fields(inner, name) for name, inner in value.items()}
        case list():
            return [fields(inner) for inner in value]
        case _:
            return value


def mended(client):
    """Mend moto; `client` returns the client of a service in a region."""

    def job_definition(_name, resource, account, region, **_more):
        made = client(region, "batch").register_job_definition(**fields(resource["Properties"]))
        return batch.batch_backends[account][region].get_job_definition(made["jobDefinitionArn"])

    def task_definition(_name, resource, account, region, **_more):
        made = client(region, "ecs").register_task_definition(**fields(resource["Properties"]))
        return ecs.ecs_backends[account][region].describe_task_definition(made["taskDefinition"]["taskDefinitionArn"])

    def role(name, resource, *where, once=iam.Role.create_from_cloudformation_json, **more):
        for policy in resource["Properties"].get("Policies", []):
            policy["PolicyDocument"] = json.dumps(policy["PolicyDocument"])
        return once(name, resource, *where, **more)

    def without_job_definition(arn, _resource, account, region):
        batch.batch_backends[account][region].deregister_job_definition(arn)

    def without_task_definition(arn, _resource, account, region):
        ecs.ecs_backends[account][region].deregister_task_definition(arn)

    iam.Role.create_from_cloudformation_json = staticmethod(role)
    machines.stepfunctions_backends = stepfunctions_parser_backends
    batch.JobDefinition.create_from_cloudformation_json = staticmethod(job_definition)
    batch.JobDefinition.delete_from_cloudformation_json = staticmethod(without_job_definition)
    ecs.TaskDefinition.create_from_cloudformation_json = staticmethod(task_definition)
    ecs.TaskDefinition.delete_from_cloudformation_json = staticmethod(without_task_definition)
