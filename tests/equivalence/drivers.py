"""Ways to run a pipeline: whole, in this process or in workers, and step by step as other engines do.

All go through the use cases that the command calls, or through the command itself.
"""

import json
from pathlib import Path

import yaml
from forked import in_interpreter, kept

from magnus.app.inspect.run_document import document
from magnus.app.reentry.acts import Then, execute_step, fan_in, fan_out, run_composite
from magnus.app.run.execute import execute
from magnus.app.run.prepare import prepare
from magnus.app.run.request import RunRequest
from magnus.run_log.records import Status


class Silent:
    def report(self, event):
        """Nobody looks."""


def asked(folder: Path, run_id: str, arguments=None) -> RunRequest:
    kept = {"PATH": "/nowhere"}  # no git, which would be asked anew for each step
    return RunRequest(
        str(folder / "p.yaml"), run_id=run_id, arguments=arguments or {}, environment=kept, working_directory=folder
    )


def whole(folder, _dag, arguments):
    """In this process, one step after the other."""
    return executed(folder, "whole", arguments)


def in_workers(count):
    """In so many worker processes."""

    def run(folder, _dag, arguments):
        file = folder / "magnus-config.yaml"
        services = json.loads(file.read_text())["defaults"]
        executor = {"type": "local", "config": {"enable_parallel": True, "max_workers": count}}
        file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
        return executed(folder, "workers", arguments)

    run.__name__ = f"in {count} workers"
    return run


def executed(folder, run_id, arguments):
    prepared = prepare(asked(folder, run_id, arguments), Silent())
    execute(prepared, Silent(), lambda _text: None)
    return log_of(prepared, run_id)


def step_by_step(folder, dag, arguments):
    """Each step by itself, from files alone."""
    walk(InThisProcess(asked(folder, "steps", arguments)), as_engines_see_it(dag, folder), ())
    return log_of(prepare(asked(folder, "steps"), Silent()), "steps")


def step_by_step_in_processes(folder, dag, arguments, run=in_interpreter):
    """Each step in a process of its own, from files alone."""
    walk(InProcesses(folder, arguments, run), as_engines_see_it(dag, folder), ())
    return log_of(prepare(asked(folder, "steps"), Silent()), "steps")


def in_few_processes(folder, dag, arguments):
    """As many steps in one call as can follow one another, from files alone."""
    walk_fused(FewProcesses(asked(folder, "steps", arguments)), as_engines_see_it(dag, folder), ())
    return log_of(prepare(asked(folder, "steps"), Silent()), "steps")


def together(folder, dag, arguments):
    """The same, with each step that has branches as a whole."""
    walk_fused(Together(asked(folder, "steps", arguments)), as_engines_see_it(dag, folder), ())
    return log_of(prepare(asked(folder, "steps"), Silent()), "steps")


class FewProcesses:
    """Goes on with whatever comes next, but for failures; branches have calls of their own."""

    def __init__(self, execution):
        self.execution = execution

    def act(self, pipeline, path, around, then):
        """The last act of those that begin with the step at the path, in which nothing is left to run."""
        name = decoded(path.rpartition("/")[2])
        if is_composite(pipeline, name):
            return self.branches(pipeline, fan_out(self.execution, path, Silent()), around, then)
        return self.branches(pipeline, execute_step(self.execution, path, Silent(), then), around, then)

    def branches(self, pipeline, act, around, then):
        """Run the branches of a composite that the act started, join them, and go on."""
        step = pipeline["steps"].get(act.path.name, {})
        if not is_composite(pipeline, act.path.name) or act.status is Status.FAIL:
            return act
        for branch in reversed(act.branches):
            key = decoded(branch.rpartition("/")[2])
            walk_fused(self, pipeline_of(step, key), (*around, act.path.name, key))
        first, last = fan_in(self.execution, str(act.path), Silent(), then=then)
        if first.status is Status.FAIL:
            return first
        return self.branches(pipeline, first if first.branches else last, around, then)


class Together(FewProcesses):
    """The same, but for composites."""

    def act(self, pipeline, path, around, then):
        if is_composite(pipeline, decoded(path.rpartition("/")[2])):
            return run_composite(self.execution, path, Silent(), 2, Then(()))
        plain = tuple(name for name in then.names if not is_composite(pipeline, decoded(name)))
        return execute_step(self.execution, path, Silent(), Then(plain))


def is_composite(pipeline, name):
    return pipeline["steps"].get(name, {}).get("type", "task") in {"parallel", "map", "dag", "conditional", "loop"}


def walk_fused(engine, pipeline, around):
    """Run a (sub)pipeline in as few calls as can be."""
    name, last = pipeline["start_at"], ends(pipeline)
    then = Then(tuple(encoded(step) for step in {*pipeline["steps"], *last.values()}))
    while True:
        act = engine.act(pipeline, "/".join(encoded(part) for part in (*around, name)), around, then)
        name = act.path.name
        if name in last.values():
            return
        step = pipeline["steps"][name]
        name = step["next"] if act.status is Status.SUCCESS else step.get("on_failure", last[False])


class InThisProcess:
    """Runs one step, or begins and joins branches, by the use cases."""

    def __init__(self, execution):
        self.execution = execution

    def step(self, path):
        return execute_step(self.execution, path, Silent()).status is Status.SUCCESS

    def fan(self, path, mode):
        act = fan_out(self.execution, path, Silent()) if mode == "out" else fan_in(self.execution, path, Silent())[0]
        return act.status is not Status.FAIL, act.branches


class InProcesses:
    """The same by the command, in fresh processes."""

    def __init__(self, folder, arguments, run):
        self.folder = folder
        self.run = run
        self.more = ["-f", "p.yaml", *(part for name, text in arguments.items() for part in (f"--{name}", text))]

    def step(self, path):
        return self._run("execute_single_node", path)[0]

    def fan(self, path, mode):
        succeeded, said = self._run("fan", path, "-m", mode)
        return succeeded, json.loads(said)

    def _run(self, verb, path, *more):
        done = self.run(verb, "steps", path, *more, *self.more, cwd=self.folder, env=kept())
        assert done.returncode in {0, 1}, done.stderr
        return done.returncode == 0, done.stdout


def as_engines_see_it(dag, folder):
    """The pipeline with all of it in one place: without files, and with steps for pipelines under on_failure."""
    steps = {}
    for name, written in dag["steps"].items():
        steps[name] = step = dict(written)
        if "dag_definition" in step:
            step["dag"] = yaml.safe_load((folder / step["dag_definition"]).read_text())["dag"]
        if isinstance(step.get("on_failure"), dict):
            other = f"{name} on failure"
            steps[other] = {
                "type": "dag",
                "dag": as_engines_see_it(step["on_failure"], folder),
                "next": ends(dag)[True],
            }
            step["on_failure"] = other
        for key in ("branch", "dag", "default"):
            if key in step:
                step[key] = as_engines_see_it(step[key], folder)
        if "branches" in step:
            step["branches"] = {key: as_engines_see_it(branch, folder) for key, branch in step["branches"].items()}
    return {**dag, "steps": steps}


def ends(pipeline):
    """The names of the success and the fail step."""
    named = {step.get("type"): name for name, step in pipeline["steps"].items()}
    return {True: named.get("success", "success"), False: named.get("fail", "fail")}


def walk(engine, pipeline, around):
    """Run a (sub)pipeline as written, as an engine would; whether it succeeded."""
    name = pipeline["start_at"]
    while True:
        path = "/".join(encoded(part) for part in (*around, name))
        if name in ends(pipeline).values():
            engine.step(path)
            return name == ends(pipeline)[True]
        step = pipeline["steps"][name]
        if step.get("type", "task") in {"task", "stub", "as-is"}:
            succeeded = engine.step(path)
        else:
            succeeded = walk_branches(engine, step, path, (*around, name))
        name = step["next"] if succeeded else step.get("on_failure", ends(pipeline)[False])


def walk_branches(engine, step, path, around):
    succeeded, branches = engine.fan(path, "out")
    begun = succeeded
    while branches or begun:
        for branch in reversed(branches):  # the order of running must not matter
            key = decoded(branch.rpartition("/")[2])
            walk(engine, pipeline_of(step, key), (*around, key))
        succeeded, branches = engine.fan(path, "in")
        begun = False
    return succeeded


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
    log = json.loads("".join(document(store, store.get_run(run_id))))
    store.close()
    return log
