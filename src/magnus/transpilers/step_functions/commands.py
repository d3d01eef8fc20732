"""The command lines of `aws` that create a state machine, start it, and resume a run."""

import json
import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

from magnus.interfaces.transpiler import NextCommand, TranspileRequest
from magnus.transpilers.step_functions.policies import ROLES
from magnus.transpilers.step_functions.resources import Resources
from magnus.values import Json

_LARGEST_INLINE_TEMPLATE: Final = 51_200
"""In bytes; a larger template is read from a bucket."""

_START: Final = """\
#!/bin/sh
# Creates roles, definitions of containers, state machines and rules of '{name}', and updates what is there.
set -eu
cd "$(dirname "$0")"
export AWS_PAGER=  # else version 2 of aws shows each answer in a pager, and waits
new_roles=
"""

_EITHER: Final = """\
if {there} >/dev/null 2>&1; then
  {update}
else
  {create}
fi"""

_WAIT: Final = 'test -z "$new_roles" || sleep 15  # until the services know them'


def next_commands(resources: Resources, request: TranspileRequest, files: Mapping[str, str]) -> Sequence[NextCommand]:
    """What the user does with the files, by their names: the template, and the script where there is one."""
    options = resources.options
    region = ["--region", options.region]
    template, script = (f"{options.output_folder}/{name}" for name in (TEMPLATE_FILE, SCRIPT_FILE))
    deploy = ["aws", "cloudformation", "deploy", *region, "--template-file", template, "--stack-name", options.name]
    if len(files[template].encode()) > _LARGEST_INLINE_TEMPLATE:
        place = next(iter(resources.buckets()), None)
        deploy += ["--s3-bucket", place.bucket if place is not None else "BUCKET"]
    deploy += ["--capabilities", "CAPABILITY_NAMED_IAM"]
    commands = [NextCommand("create it with", deploy)]
    if script in files:
        commands.append(NextCommand("or without CloudFormation with", ["sh", script]))
    machine = resources.machine if resources.account else Resources(options, "ACCOUNT").machine
    start = ["aws", "stepfunctions", "start-execution", *region, "--state-machine-arn", machine, "--name"]
    commands.append(NextCommand("run it with", [*start, request.run_id or "RUN"]))
    if not request.original_run_id:
        original = json.dumps({"original_run_id": "RUN"})
        commands.append(NextCommand("resume a failed run RUN with", [*start, "NEW_RUN", "--input", original]))
    return commands


TEMPLATE_FILE: Final = "template.json"
SCRIPT_FILE: Final = "create.sh"


def script(resources: Resources, files: Container[str], definitions: Sequence[str], machines: Mapping[str, str]) -> str:
    """The script that creates or updates everything; `definitions` and `machines` are the files of definitions, by machine.

    A role gets its policy if that is among the files: IAM refuses a policy without rights.
    """
    options = resources.options
    lines = [_START.format(name=options.name)]
    for role in ROLES:
        if not getattr(options.roles, role):
            lines += _role(resources, role, files)
    if not all(getattr(options.roles, role) for role in ROLES):
        lines.append(_WAIT)
    register = ["ecs", "register-task-definition"] if options.compute == "ecs" else ["batch", "register-job-definition"]
    lines += [_of_region(resources, *register, "--cli-input-json", f"file://{file}") for file in definitions]
    for name, file in machines.items():
        lines += _machine(resources, name, file)
    lines += _rule(resources, f"{options.name}-ends", ["--event-pattern", "file://ends.json"], resources.closing)
    if options.schedule:
        when = ["--schedule-expression", options.schedule]
        lines += _rule(resources, f"{options.name}-schedule", when, resources.machine, given="{}")
    return "\n".join([*lines, ""])


def _role(resources: Resources, role: str, files: Container[str]) -> Iterator[str]:
    """Commands that create the role or update its trust, tags and policy."""
    name = ["--role-name", resources.role_name(role)]
    tags = [{"Key": key, "Value": text} for key, text in resources.options.tags.items()]
    tagged = ["--tags", json.dumps(tags)] if tags else []
    trust = f"file://roles/{role}-trust.json"
    create = _aws("iam", "create-role", *name, "--assume-role-policy-document", trust, *tagged)
    updates = [_aws("iam", "update-assume-role-policy", *name, "--policy-document", trust)]
    if tags:
        updates.append(_aws("iam", "tag-role", *name, *tagged))
    yield _EITHER.format(
        there=_aws("iam", "get-role", *name), update="\n  ".join(updates), create=f"{create}\n  new_roles=yes"
    )
    if (rights := f"roles/{role}-policy.json") in files:
        what = ["--policy-name", "magnus", "--policy-document", f"file://{rights}"]
        yield _aws("iam", "put-role-policy", *name, *what)


def _machine(resources: Resources, name: str, file: str) -> Iterator[str]:
    """Commands that create the state machine or update its definition, role, logging and tags."""
    arn = resources.arn("states", f"stateMachine:{name}")
    of_machine = ["--state-machine-arn", arn]
    role = ["--role-arn", resources.role("states")]
    what = [*role, *_logging(resources.options.execution_log_group), "--definition", f"file://{file}"]
    tags = ["--tags", _tags(resources)]
    updates = [_of_region(resources, "stepfunctions", "update-state-machine", *of_machine, *what)]
    if resources.options.tags:
        updates.append(_of_region(resources, "stepfunctions", "tag-resource", "--resource-arn", arn, *tags))
    yield _EITHER.format(
        there=_of_region(resources, "stepfunctions", "describe-state-machine", *of_machine),
        update="\n  ".join(updates),
        create=_of_region(resources, "stepfunctions", "create-state-machine", "--name", name, *what, *tags),
    )


def _logging(group: str) -> list[str]:
    if not group:
        return []
    destination: Json = {"cloudWatchLogsLogGroup": {"logGroupArn": group}}
    written: Json = {"level": "ALL", "includeExecutionData": False, "destinations": [destination]}
    return ["--logging-configuration", json.dumps(written)]


def _rule(resources: Resources, name: str, when: Sequence[str], machine: str, *, given: str = "") -> list[str]:
    target = {
        "Id": "machine",
        "Arn": machine,
        "RoleArn": resources.role("events"),
        **({"Input": given} if given else {}),
    }
    return [
        _of_region(resources, "events", "put-rule", "--name", name, *when),
        _of_region(resources, "events", "put-targets", "--rule", name, "--targets", json.dumps([target])),
    ]


def _tags(resources: Resources) -> str:
    return json.dumps([{"key": key, "value": text} for key, text in resources.options.tags.items()])


def _of_region(resources: Resources, *words: str) -> str:
    service, action, *more = words
    return _aws(service, action, "--region", resources.options.region, *more)


def _aws(*words: str) -> str:
    return shlex.join(["aws", *words])
