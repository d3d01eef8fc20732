"""Pipelines as workflows of Argo: transpiled, and the manifest simulated with pods that are calls in this process."""

import asyncio
import contextlib
import io
import json
import os
import tempfile
from pathlib import Path

import argo_rules
from drivers import Silent, asked, log_of

from magnus.app.run.prepare import prepare
from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.app.run.transpile import transpile
from magnus.cli.program import magnus
from magnus.definition.yaml_text import read
from magnus.errors import InvalidDefinition
from magnus.simulation.argo.expressions import substituted
from magnus.simulation.argo.pod import FAILED, SUCCEEDED, Ended
from magnus.simulation.argo.workflow import Simulation


class Calls:
    """Runs a pod by calling the command that it would run, one at a time."""

    def __init__(self, folder):
        self.folder = folder
        self.pods = 0

    async def run(self, template, variables, number):
        self.pods += 1
        file = self.folder / f".pod-{self.pods}"
        outputs = template.outputs.parameters if template.outputs else ()
        renamed = {p.value_from.path: str(file) for p in outputs}
        _, *argv = [substituted(renamed.get(part, part), variables) for part in template.container.command]
        given = {e.name: substituted(e.value, variables) for e in template.container.env}
        code = called(argv, given)
        values = {p.name: file.read_text() if file.exists() else p.value_from.default for p in outputs}
        file.unlink(missing_ok=True)
        return Ended(FAILED if code else SUCCEEDED, values, code)


@contextlib.contextmanager
def descriptor_1_in(printed):
    """What commands write to standard output, which they keep for themselves until the process ends, goes to `printed`."""
    before = os.dup(1)
    with tempfile.TemporaryFile() as file, open(os.dup(file.fileno()), "w", encoding="utf-8") as stream:
        os.dup2(file.fileno(), 1)
        try:
            with contextlib.redirect_stdout(stream):
                yield
        finally:
            stream.flush()
            os.dup2(before, 1)
            os.close(before)
            file.seek(0)
            printed.write(file.read())


def called(argv, environment):
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        with descriptor_1_in(io.BytesIO()):
            return magnus.main(argv, prog_name="magnus", standalone_mode=False) or 0
    finally:
        os.environ.clear()
        os.environ.update(before)


def simulated(folder, _dag, arguments):
    """As a workflow of Argo, simulated."""
    return simulate(folder, arguments, "simulated")


def one_act_a_pod(folder, _dag, arguments):
    """The same with a pod for each task, fan-out, fan-in and end."""
    return simulate(folder, arguments, "simulated", fuse=False)


def composites_together(folder, dag, arguments):
    """The same with one pod for each step with branches."""
    for step in dag["steps"].values():
        if step.get("type", "task") in {"parallel", "map", "dag", "conditional", "loop"}:
            step["overrides"] = {"argo": "one"}
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))
    return simulate(folder, arguments, "simulated", overrides={"one": {"together": True}})


def simulate(folder, arguments, run_id, *, fuse=True, overrides=None, **more):
    file = folder / "magnus-config.yaml"
    services = json.loads(file.read_text())["defaults"]
    volume = {"name": "data", "mount_path": str(folder)}
    executor = {
        "type": "argo",
        "config": {
            "image": "magnus",
            "persistent_volumes": [volume],
            "output_file": "argo.yaml",
            "fuse": fuse,
            "overrides": overrides or {},
        },
    }
    file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
    before = Path.cwd()
    os.chdir(folder)
    try:
        execution = asked(folder, "", arguments)
        transpile(execution, Silent())
        manifest = read("argo.yaml", InvalidDefinition, "the manifest")
        assert list(argo_rules.broken(manifest.value)) == []
        spec = spec_of(manifest)
        variables = variables_of(spec, {"run_id": run_id, **more})
        end = asyncio.run(run_to_end(Simulation(spec, variables, Calls(folder), lambda *_: None)))
        log = log_of(prepare(asked(folder, run_id), Silent()), run_id)
    finally:
        os.chdir(before)
    assert (end.phase == SUCCEEDED) == (log["status"] == "SUCCESS"), end
    return log
