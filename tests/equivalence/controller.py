"""What Argo's controller does around a run: a workflow is submitted, stopped, terminated, tried again, submitted again.

Pods are calls of the command in this process. What the controller stores of a workflow is imitated: its arguments with
the variables in them replaced, the nodes that succeeded, and which were deleted (`argo retry`).
"""

import asyncio
import contextlib
import json
from collections import Counter
from uuid import uuid4

import argo_rules
from drivers import Silent, asked, log_of
from msgspec.structs import replace
from simulated import Calls

from magnus.app.run.prepare import prepare
from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.app.run.transpile import transpile
from magnus.definition.yaml_text import read
from magnus.errors import InvalidDefinition, MagnusError
from magnus.simulation.argo.pod import FAILED, SUCCEEDED, Ended, steps_of
from magnus.simulation.argo.workflow import Simulation

FAILED_NODES = "the nodes that failed"
ALL_BEHIND = "the nodes that failed, and all that began after them"
ALL = "all nodes, as with --restart-successful"
RETRIES = (FAILED_NODES, ALL_BEHIND, ALL)
"""What the versions of Argo run again when a workflow is tried again, and what they keep."""


class Pods:
    """Pods of one workflow. Those that `kept` holds have succeeded; `ends` has all, in the order in which they began."""

    def __init__(self, calls, kept, on_pod):
        self.calls = calls
        self.kept = kept
        self.ends = {}
        self.ran = []
        self.errors = []
        self._on_pod = on_pod
        self._began = Counter()

    async def run(self, template, variables, number):
        steps = steps_of(variables)
        step = steps[0] if steps else ""
        if not number:
            self._began[template.name, step] += 1
        node = template.name, step, self._began[template.name, step]
        if node in self.kept:
            return self.kept[node]
        await self._on_pod(steps)
        self.ran.append(step)
        self.ends.pop(node, None)
        self.ends[node] = None
        try:
            self.ends[node] = await self.calls.run(template, variables, number)
        except MagnusError as error:  # the command would exit with 2, and say so
            self.errors.append(str(error))
            self.ends[node] = Ended(FAILED, exit_code=2)
        return self.ends[node]


class Workflow:
    """A workflow as it is stored."""

    def __init__(self, spec, uid):
        self.spec = spec
        self.uid = uid
        self.phase = ""
        self.ends = {}
        self.ran = self.errors = ()

    @property
    def arguments(self):
        return {parameter.name: parameter.value for parameter in self.spec.arguments.parameters}

    @property
    def run_id(self):
        return self.arguments["run_id"] or self.uid


class Controller:
    """Runs workflows of the pipeline `p.yaml` of a folder."""

    def __init__(self, folder, arguments=None, **options):
        self.folder = folder
        self.calls = Calls(folder)
        file = folder / "magnus-config.yaml"
        services = read(str(file), InvalidDefinition, "the configuration").value["defaults"]
        volume = {"name": "data", "mount_path": str(folder)}
        config = {"image": "magnus", "persistent_volumes": [volume], "output_file": "argo.yaml", **options}
        file.write_text(json.dumps({"defaults": {**services, "executor": {"type": "argo", "config": config}}}))
        with contextlib.chdir(folder):
            transpile(asked(folder, "", arguments), Silent())
            manifest = read("argo.yaml", InvalidDefinition, "the manifest")
            assert list(argo_rules.broken(manifest.value)) == []
            self.spec = spec_of(manifest)

    def submit(self, spec=None, *, stops_at=None, terminates_at=None, **parameters):
        """As `argo submit -p ...` does; the pod that is for the step `stops_at` is the last one to begin."""
        uid = str(uuid4())
        variables = variables_of(spec or self.spec, parameters, uid)
        workflow = Workflow(stored(spec or self.spec, variables), uid)
        return self._run(workflow, {}, stops_at, terminates_at)

    def resubmit(self, workflow, **parameters):
        """As `argo resubmit` does: a new workflow of what is stored of the other one."""
        return self.submit(workflow.spec, **parameters)

    def retry(self, workflow, which=FAILED_NODES, **more):
        """As `argo retry` does, with what this version of it runs again."""
        assert workflow.phase != SUCCEEDED
        kept = {}
        for node, end in workflow.ends.items():
            has_succeeded = end is not None and end.phase == SUCCEEDED
            if which == ALL or (which == ALL_BEHIND and not has_succeeded):
                break
            if has_succeeded and node[1]:
                kept[node] = end
        return self._run(workflow, kept, more.get("stops_at"), more.get("terminates_at"))

    def log(self, workflow):
        with contextlib.chdir(self.folder):
            return log_of(prepare(asked(self.folder, workflow.run_id), Silent()), workflow.run_id)

    def _run(self, workflow, kept, stops_at, terminates_at):
        async def on_pod(steps):
            if {stops_at, terminates_at} & set(steps):
                simulation.stop()
                await asyncio.Event().wait()

        pods = Pods(self.calls, kept, on_pod)
        spec = workflow.spec if terminates_at is None else replace(workflow.spec, on_exit="")
        simulation = Simulation(spec, variables_of(workflow.spec, {}, workflow.uid), pods, lambda *_: None)
        with contextlib.chdir(self.folder):
            workflow.phase = asyncio.run(run_to_end(simulation)).phase
        workflow.ends = {**kept, **pods.ends}
        workflow.ran, workflow.errors = pods.ran, pods.errors
        return workflow


def stored(spec, variables):
    """The specification as the controller stores it: with its arguments, in which it replaced variables."""
    known = spec.arguments.parameters
    given = [replace(one, value=variables[f"workflow.parameters.{one.name}"]) for one in known]
    return replace(spec, arguments=replace(spec.arguments, parameters=tuple(given)))
