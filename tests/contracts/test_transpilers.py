"""Every transpiler of magnus keeps the contract of transpilers."""

import json
import re

import pytest
import states_rules
import yaml

from magnus.testing.transpiler_contract import TranspilerContract

INPUT = re.compile(r"\{\{inputs\.parameters\.([\w-]+)\}\}")


def loop(most):
    """A pipeline that is a loop of so many iterations."""
    branch = {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}
    again = {"type": "loop", "branch": branch, "max_iterations": most, "next": "success"}
    return {"start_at": "again", "steps": {"again": again}}


@pytest.mark.slow
class TestArgo(TranspilerContract):
    configuration = {"type": "argo", "config": {"image": "image:1"}}
    refused = loop(501)

    def services(self, folder):
        volume = {"name": "data", "mount_path": str(folder)}
        return {"executor": {"type": "argo", "config": {"image": "image:1", "persistent_volumes": [volume]}}}

    def commands(self, files):
        [text] = files.values()
        spec = yaml.load(text, yaml.CSafeLoader)["spec"]
        templates = {template["name"]: template for template in spec["templates"]}
        return [*_commands(templates, spec["entrypoint"], {}), *_commands(templates, spec["onExit"], {})]


@pytest.mark.slow
class TestStepFunctions(TranspilerContract):
    options = {"image": "image:1", "region": "eu-central-1", "queue": "jobs", "handover": "s3://bucket/magnus"}
    configuration = {"type": "aws-step-functions", "config": options}
    refused = loop(5_000)

    def services(self, folder):
        volume = {"file_system": "fs-0123456789abcdef0", "mount_path": str(folder)}
        return {"executor": {"type": "aws-step-functions", "config": {**self.options, "volumes": [volume]}}}

    def commands(self, files):
        machine = json.loads(files["step-functions/state-machine.json"])
        return [command[1:] for command in states_rules.commands(machine)]


def _commands(templates, name, inputs):
    """The commands of the pods below a template, with its inputs; of what repeats itself the first one."""
    template = templates[name]
    if "container" in template:
        yield [_filled(text, inputs) for text in template["container"]["command"][1:]]
    for task in template.get("dag", {}).get("tasks", ()):
        given = task.get("arguments", {}).get("parameters", ())
        called = {one["name"]: _filled(one["value"], inputs).replace("{{item}}", "0") for one in given}
        if (task["template"], called) != (name, inputs) and called.get("round", "0").isdigit():
            yield from _commands(templates, task["template"], called)


def _filled(text, inputs):
    return INPUT.sub(lambda found: inputs[found[1]], text)
