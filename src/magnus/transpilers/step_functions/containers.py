"""The definitions of containers: job definitions of AWS Batch, or task definitions of Amazon ECS, in the form of `aws`.

There is one for the options of the configuration, and one for each override that changes containers. A definition has the
variables and references to secrets; values of secrets are nowhere.
"""

from collections.abc import Mapping
from typing import Final

from magnus.transpilers.step_functions.jobs import CONTAINER
from magnus.transpilers.step_functions.resources import Resources
from magnus.transpilers.step_functions.settings import Settings
from magnus.values import Json

_MIB: Final = 1024
_RETRIED: Final[tuple[dict[str, Json], ...]] = (
    {"onStatusReason": "Host EC2*", "action": "RETRY"},
    {"onStatusReason": "Your Spot Task*", "action": "RETRY"},
    {"onReason": "CannotPull*", "action": "RETRY"},
    {"onExitCode": "143", "action": "RETRY"},
    {"onReason": "*", "action": "EXIT"},
)
"""The ends of a job after which AWS Batch starts it again: its machine went away, its image could not be pulled, it got SIGTERM."""

Definition = dict[str, Json]


def definitions(resources: Resources, variables: Mapping[str, str]) -> dict[str, Definition]:
    """The definitions by their names; `variables` are the variables that pipeline and configuration use."""
    of = _task if resources.options.compute == "ecs" else _job
    return {name: of(resources, settings, variables) for name, settings in resources.settings().items()}


def _job(resources: Resources, settings: Settings, variables: Mapping[str, str]) -> Definition:
    options = resources.options
    needs: list[Json] = [
        {"type": "VCPU", "value": f"{settings.cpu:g}"},
        {"type": "MEMORY", "value": str(settings.memory)},
    ]
    if settings.gpu:
        needs.append({"type": "GPU", "value": str(settings.gpu)})
    container: Definition = {
        "image": settings.image,
        "command": [*options.program],
        "jobRoleArn": resources.role("job"),
        "executionRoleArn": resources.role("execution"),
        "resourceRequirements": needs,
        "environment": _environment(resources, settings, variables),
        **_shared(resources, settings),
    }
    if options.platform == "fargate":
        public = "ENABLED" if options.network.assign_public_ip else "DISABLED"
        container["networkConfiguration"] = {"assignPublicIp": public}
        if settings.ephemeral_storage is not None:
            container["ephemeralStorage"] = {"sizeInGiB": settings.ephemeral_storage}
    definition: Definition = {
        "jobDefinitionName": settings.definition,
        "type": "container",
        "platformCapabilities": [options.platform.upper()],
        "containerProperties": container,
        "timeout": {"attemptDurationSeconds": settings.timeout},
        "propagateTags": True,
        "tags": dict(settings.tags),
    }
    if settings.retries:
        definition["retryStrategy"] = {"attempts": settings.retries + 1, "evaluateOnExit": [*map(dict, _RETRIED)]}
    return definition


def _task(resources: Resources, settings: Settings, variables: Mapping[str, str]) -> Definition:
    options = resources.options
    container: Definition = {
        "name": CONTAINER,
        "image": settings.image,
        "essential": True,
        "command": [*options.program],
        "environment": _environment(resources, settings, variables),
        **_shared(resources, settings),
    }
    volumes = container.pop("volumes", [])
    if settings.gpu:
        container["resourceRequirements"] = [{"type": "GPU", "value": str(settings.gpu)}]
    definition: Definition = {
        "family": settings.definition,
        "networkMode": "awsvpc",
        "requiresCompatibilities": [options.platform.upper()],
        "cpu": str(round(settings.cpu * _MIB)),
        "memory": str(settings.memory),
        "taskRoleArn": resources.role("job"),
        "executionRoleArn": resources.role("execution"),
        "containerDefinitions": [container],
        "volumes": volumes,
        "tags": [{"key": key, "value": text} for key, text in settings.tags.items()],
    }
    if settings.ephemeral_storage is not None:
        definition["ephemeralStorage"] = {"sizeInGiB": settings.ephemeral_storage}
    return definition


def _environment(resources: Resources, settings: Settings, variables: Mapping[str, str]) -> list[Json]:
    """The variables: the region, then what pipeline and configuration use, then the options."""
    given = {secret.environment_variable for secret in resources.options.secrets}
    every = {"AWS_REGION": resources.options.region, **variables, **settings.environment}
    return [{"name": name, "value": text} for name, text in every.items() if name not in given]


def _shared(resources: Resources, settings: Settings) -> Definition:
    """What containers of AWS Batch and of ECS say alike."""
    options = resources.options
    found: Definition = {}
    if options.secrets:
        found["secrets"] = [{"name": one.environment_variable, "valueFrom": one.value_from} for one in options.secrets]
    if options.volumes:
        names = [f"volume-{number}" for number, _ in enumerate(options.volumes, 1)]
        found["mountPoints"] = [
            {"sourceVolume": name, "containerPath": volume.mount_path, "readOnly": False}
            for name, volume in zip(names, options.volumes, strict=True)
        ]
        found["volumes"] = [
            {
                "name": name,
                "efsVolumeConfiguration": {
                    "fileSystemId": volume.file_system,
                    "rootDirectory": volume.root_directory,
                    "transitEncryption": "ENABLED",
                    "authorizationConfig": {
                        **({"accessPointId": volume.access_point} if volume.access_point else {}),
                        "iam": "ENABLED",
                    },
                },
            }
            for name, volume in zip(names, options.volumes, strict=True)
        ]
    if settings.shared_memory is not None:
        found["linuxParameters"] = {"sharedMemorySize": settings.shared_memory}
    if options.log_group:
        keys: Definition = {"awslogs-group": options.log_group, "awslogs-region": options.region}
        if options.compute == "ecs":
            keys["awslogs-stream-prefix"] = "magnus"
        found["logConfiguration"] = {"logDriver": "awslogs", "options": keys}
    return found
