"""Ways to run a pipeline, all through the use cases that the command calls: whole, and step by step as other engines do."""

import json
from pathlib import Path

from magnus.app.execute import Execution, document, execute, prepare
from magnus.app.fan import fan_in, fan_out
from magnus.app.step import execute_step
from magnus.run_log.records import Status


class Silent:
    def report(self, event):
        """Nobody looks."""


def asked(folder: Path, run_id: str) -> Execution:
    kept = {"PATH": "/nowhere"}  # no git: it would be asked anew for each step
    arguments = {"v": "left", "xs": "[1, 2]"}
    return Execution(
        str(folder / "p.yaml"), run_id=run_id, arguments=arguments, environment=kept, working_directory=folder
    )


def whole(folder, _dag):
    """In this process, one step after the other."""
    prepared = prepare(asked(folder, "whole"), Silent())
    execute(prepared, Silent(), lambda _text: None)
    return log_of(prepared, "whole")


def step_by_step(folder, dag):
    """Each step by itself, from files alone; this walks the pipeline as written."""
    walk(asked(folder, "steps"), dag, ())
    return log_of(prepare(asked(folder, "steps"), Silent()), "steps")


def walk(execution, pipeline, around):
    """Run a (sub)pipeline as an engine would; whether it succeeded."""
    name = pipeline["start_at"]
    while True:
        path = "/".join(encoded(part) for part in (*around, name))
        if name in {"success", "fail"}:
            execute_step(execution, path, Silent())
            return name == "success"
        step = pipeline["steps"][name]
        if step.get("type") in {"task", "stub"}:
            status = execute_step(execution, path, Silent())
        else:
            status = walk_branches(execution, step, path, (*around, name))
        name = step["next"] if status is Status.SUCCESS else step.get("on_failure", "fail")


def walk_branches(execution, step, path, around):
    status, branches = fan_out(execution, path, Silent())
    begun = status is Status.PROCESSING
    while branches or begun:
        for branch in reversed(branches):  # the order of running must not matter
            key = decoded(branch.rpartition("/")[2])
            walk(execution, pipeline_of(step, key), (*around, key))
        status, branches = fan_in(execution, path, Silent())
        begun = False
    return status


def pipeline_of(step, key):
    match step["type"]:
        case "parallel":
            return step["branches"][key]
        case "conditional":
            return step["branches"].get(key) or step["default"]
        case "dag":
            return step["dag"]
        case _:
            return step["branch"]


def encoded(part):
    from urllib.parse import quote

    return quote(part, safe="~")


def decoded(part):
    from urllib.parse import unquote

    return unquote(part)


def log_of(prepared, run_id):
    store = prepared.services.run_log_store
    log = json.loads("".join(document(store, run_id)))
    store.close()
    return log
