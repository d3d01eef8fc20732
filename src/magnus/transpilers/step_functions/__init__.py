"""The executor `aws-step-functions`: writes a pipeline down as a state machine of AWS Step Functions.

Containers run the same re-entry commands as on any other engine. Run id, paths of branches and numbers are all that the
machine carries, so it does not grow with the data.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from magnus.errors import InvalidDefinition, Problem
from magnus.graph.path import StepPath
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.transpiler import FailureReasons, TranspileRequest, TranspileResult
from magnus.transpilers.planning import plan_of
from magnus.transpilers.process_plan import PipelinePlan
from magnus.transpilers.step_functions import limits, state_data
from magnus.transpilers.step_functions.closing import closing_machine, event_pattern
from magnus.transpilers.step_functions.cloudformation import template
from magnus.transpilers.step_functions.commands import SCRIPT_FILE, TEMPLATE_FILE, next_commands, script
from magnus.transpilers.step_functions.containers import definitions
from magnus.transpilers.step_functions.costs import Cost, map_parameters
from magnus.transpilers.step_functions.jobs import Jobs
from magnus.transpilers.step_functions.machine import Machine
from magnus.transpilers.step_functions.map_modes import MapModes
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.transpilers.step_functions.policies import ROLES, policy, trust
from magnus.transpilers.step_functions.resources import THIS_ACCOUNT, Resources
from magnus.transpilers.step_functions.variables import of_containers
from magnus.values import Json

MACHINE_FILE: Final = "state-machine.json"
CLOSING_FILE: Final = "end-machine.json"
_STOPPED: Final = "ABORTED"
"""The status of an execution that a user stopped."""


def _capabilities(options: StepFunctionsOptions) -> ExecutorCapabilities:
    return ExecutorCapabilities(
        runs_on=Locality.NETWORK,
        concurrent=True,
        reenters=True,
        apart=True,
        shares=tuple(volume.mount_path for volume in options.volumes),
        gives=(*options.environment, *(secret.environment_variable for secret in options.secrets)),
        gives_by="secrets",
    )


class _Machines(Struct, frozen=True):
    """The plan of a pipeline and its limits, the definitions of both machines, and whether a map is distributed."""

    plan: PipelinePlan
    limits: limits.PlanLimits
    pipeline: dict[str, Json]
    closing: dict[str, Json]
    is_distributed: bool


class StepFunctionsTranspiler:
    """Writes state machines with the given options."""

    options = StepFunctionsOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: StepFunctionsOptions) -> None:
        self._options = options

    def problems(self, request: TranspileRequest) -> Sequence[Problem]:
        """What AWS cannot take."""
        found = [*limits.of_request(self._options, request)]
        if any(problem.severity == "error" for problem in found):
            return found
        machines = self._machines(request)
        texts = self._files(request, machines)
        found += machines.limits.problems(machines.plan)
        sizes = {"machine": len(texts[MACHINE_FILE]), "template": len(texts[TEMPLATE_FILE])}
        return [*found, *limits.of_files(self._options, request, sizes)]

    def transpile(self, request: TranspileRequest) -> TranspileResult:
        """The files; InvalidDefinition says which limits they break."""
        if errors := [problem for problem in self.problems(request) if problem.severity == "error"]:
            raise InvalidDefinition.of(errors)
        machines = self._machines(request)
        found = self._files(request, machines)
        files = {f"{self._options.output_folder}/{name}": text for name, text in found.items()}
        resources = Resources(self._options, self._options.account)
        notes = _notes(machines.limits.cost(machines.plan), request)
        return TranspileResult(files, next_commands(resources, request, files), notes)

    def explain_failures(self, status: str, failures: str, steps: Sequence[StepPath]) -> FailureReasons:  # noqa: ARG002
        """Whether a user stopped the execution; Step Functions says nothing of steps."""
        return FailureReasons(is_stop=status == _STOPPED)

    def _files(self, request: TranspileRequest, machines: _Machines) -> dict[str, str]:
        """The files by their names in the folder."""
        variables = of_containers(request.variables, self._options)
        resources = Resources(self._options, THIS_ACCOUNT)
        by_name = {self._options.name: machines.pipeline, resources.closing_name: machines.closing}
        stack = template(resources, by_name, variables, is_distributed=machines.is_distributed)
        found: dict[str, Json] = {
            MACHINE_FILE: machines.pipeline,
            CLOSING_FILE: machines.closing,
            TEMPLATE_FILE: stack,
        }
        files = {name: written(value) for name, value in found.items()}
        if self._options.account:
            files.update(self._for_script(Resources(self._options, self._options.account), variables, machines))
        return files

    def _for_script(self, resources: Resources, variables: Mapping[str, str], machines: _Machines) -> dict[str, str]:
        """The script that creates everything without CloudFormation, and the files that it reads."""
        found: dict[str, Json] = {"ends.json": event_pattern(resources.machine)}
        for role in ROLES:
            if not getattr(self._options.roles, role):
                found[f"roles/{role}-trust.json"] = trust(role)
                rights = policy(role, resources, is_distributed=machines.is_distributed)
                if rights["Statement"]:
                    found[f"roles/{role}-policy.json"] = rights
        containers = {f"containers/{name}.json": one for name, one in definitions(resources, variables).items()}
        found.update(containers)
        by_name = {self._options.name: MACHINE_FILE, resources.closing_name: CLOSING_FILE}
        files = {name: written(value) for name, value in found.items()}
        return {**files, SCRIPT_FILE: script(resources, [*files], [*containers], by_name)}

    def _machines(self, request: TranspileRequest) -> _Machines:
        options = self._options
        jobs = Jobs(options, request)
        modes = MapModes(jobs, options.inline_branches, request.lengths)
        plan = plan_of(request.graph, jobs.rules())
        block = Machine(jobs, modes).pipeline(plan)
        start = state_data.start_states(request, jobs.exposed(), block.start_at)
        pipeline: dict[str, Json] = {
            "Comment": request.graph.description or request.graph.name or "a pipeline of magnus",
            "StartAt": state_data.START_STATES[0],
            "TimeoutSeconds": options.max_duration,
            "States": {**start, **block.states},
        }
        closing = closing_machine(jobs, request, options.timeout)
        plan_limits = limits.PlanLimits(options, request, modes)
        return _Machines(plan, plan_limits, pipeline, closing, modes.is_any_distributed(plan))


def written(value: Json) -> str:
    """The value as a file has it: in lines, unless that is too large for a definition; in ASCII, which every locale reads."""
    text = json.dumps(value, indent=1)
    return f"{text if len(text) < limits.MOST_BYTES else json.dumps(value, separators=(',', ':'))}\n"


def _notes(cost: Cost, request: TranspileRequest) -> list[str]:
    """What a run takes, for people."""
    whole = (
        ""
        if all(name in request.lengths for name in map_parameters(request.graph))
        else ", with one branch for each map of unknown length"
    )
    return [
        f"a run starts {cost.jobs} jobs and makes {cost.transitions} state transitions{whole}",
        f"the history of its execution has {cost.events} of {limits.MOST_EVENTS} events",
    ]
