"""The CloudFormation template: roles, definitions of containers, both state machines, and rules of EventBridge."""

import json
from collections.abc import Mapping
from typing import Final

from magnus.transpilers.step_functions import policies
from magnus.transpilers.step_functions.closing import event_pattern
from magnus.transpilers.step_functions.containers import definitions
from magnus.transpilers.step_functions.policies import ROLES
from magnus.transpilers.step_functions.resources import Resources
from magnus.values import Json

_VERSION: Final = "2010-09-09"
_NOT_FIELDS: Final = frozenset({"options", "tags"})
"""Fields whose keys are of the user, or of a driver."""

_OF_USERS: Final = frozenset({"Environment", "Tags"})
"""Properties whose texts are of the user, and stay as they are."""

_NAMES: Final = {"efsVolumeConfiguration": "EFSVolumeConfiguration", "fileSystemId": "FilesystemId", "iam": "IAM"}
"""Fields of task definitions that CloudFormation writes otherwise."""

_IDS: Final = {role: f"{role.capitalize()}Role" for role in ROLES}


def template(
    resources: Resources,
    machines: Mapping[str, Mapping[str, Json]],
    variables: Mapping[str, str],
    *,
    is_distributed: bool,
) -> dict[str, Json]:
    """The template; `machines` are the definitions of the two state machines by their names."""
    options = resources.options
    found: dict[str, Json] = {}
    for role in ROLES:
        if not getattr(options.roles, role):
            found[_IDS[role]] = _role(role, resources, is_distributed=is_distributed)
    containers = {
        f"Containers{number}": one for number, one in enumerate(definitions(resources, variables).values(), 1)
    }
    for name, definition in containers.items():
        found[name] = _definition(definition, resources)
    for place, (name, machine) in enumerate(machines.items()):
        found[("Machine", "ClosingMachine")[place]] = _machine(name, machine, resources, [*containers])
    found["EndsRule"] = _rule(resources, "ClosingMachine", {"EventPattern": event_pattern(resources.machine)})
    if options.schedule:
        scheduled: dict[str, Json] = {"ScheduleExpression": options.schedule}
        found["ScheduleRule"] = _rule(resources, "Machine", scheduled, given="{}")
    outputs: dict[str, Json] = {
        "Machine": {"Value": {"Ref": "Machine"}},
        "ClosingMachine": {"Value": {"Ref": "ClosingMachine"}},
    }
    text: dict[str, Json] = {
        "AWSTemplateFormatVersion": _VERSION,
        "Description": f"the state machine {options.name} and what it needs",
        "Resources": found,
        "Outputs": outputs,
    }
    return text


def _role(role: str, resources: Resources, *, is_distributed: bool) -> dict[str, Json]:
    document = policies.policy(role, resources, is_distributed=is_distributed)
    properties: dict[str, Json] = {
        "RoleName": resources.role_name(role),
        "AssumeRolePolicyDocument": policies.trust(role),
        "Tags": _tags(resources),
    }
    if document["Statement"]:
        properties["Policies"] = [{"PolicyName": "magnus", "PolicyDocument": _substituted(document)}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _definition(definition: Mapping[str, Json], resources: Resources) -> dict[str, Json]:
    kind = "AWS::ECS::TaskDefinition" if resources.options.compute == "ecs" else "AWS::Batch::JobDefinition"
    names = _NAMES if resources.options.compute == "ecs" else {}
    properties = _substituted(_capitals(dict(definition), names))
    made: dict[str, Json] = {"Type": kind, "Properties": properties}
    if depends := [_IDS[role] for role in ("job", "execution") if not getattr(resources.options.roles, role)]:
        made["DependsOn"] = [*depends]
    return made


def _machine(name: str, machine: Mapping[str, Json], resources: Resources, containers: list[str]) -> dict[str, Json]:
    depends: list[Json] = [*containers]
    properties: dict[str, Json] = {
        "StateMachineName": name,
        "StateMachineType": "STANDARD",
        "RoleArn": _substituted(resources.role("states")),
        "DefinitionString": json.dumps(machine, separators=(",", ":")),
        "Tags": _tags(resources),
    }
    if not resources.options.roles.states:
        properties["RoleArn"] = {"Fn::GetAtt": [_IDS["states"], "Arn"]}
    if group := resources.options.execution_log_group:
        properties["LoggingConfiguration"] = {
            "Level": "ALL",
            "IncludeExecutionData": False,
            "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": group}}],
        }
    return {"Type": "AWS::StepFunctions::StateMachine", "DependsOn": depends, "Properties": properties}


def _rule(resources: Resources, machine: str, when: Mapping[str, Json], *, given: str = "") -> dict[str, Json]:
    role: Json = resources.options.roles.events or {"Fn::GetAtt": [_IDS["events"], "Arn"]}
    target: dict[str, Json] = {"Id": "machine", "Arn": {"Ref": machine}, "RoleArn": role}
    if given:
        target["Input"] = given
    properties = {**_mapping(_substituted(dict(when))), "State": "ENABLED", "Targets": [target]}
    return {"Type": "AWS::Events::Rule", "Properties": properties}


def _mapping(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def _tags(resources: Resources) -> Json:
    return [{"Key": key, "Value": text} for key, text in resources.options.tags.items()]


def _substituted(value: Json) -> Json:
    """The value, in whose texts CloudFormation puts the account."""
    match value:
        case str() if "${AWS::" in value:
            return {"Fn::Sub": value}
        case list():
            return [*map(_substituted, value)]
        case dict():
            return {key: inner if key in _OF_USERS else _substituted(inner) for key, inner in value.items()}
        case _:
            return value


def _capitals(value: Json, names: Mapping[str, str]) -> Json:
    """The value with the names of fields as CloudFormation has them."""
    match value:
        case list():
            return [_capitals(inner, names) for inner in value]
        case dict():
            return {
                names.get(key, key[0].upper() + key[1:]): inner
                if key in _NOT_FIELDS and isinstance(inner, dict)
                else _capitals(inner, names)
                for key, inner in value.items()
            }
        case _:
            return value
