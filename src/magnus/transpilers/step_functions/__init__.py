"""The executor `aws-step-functions`: writes a pipeline down as a state machine of AWS Step Functions.

Containers run the same re-entry commands as on any other engine. Run id, paths of branches and numbers are all that the
machine carries, so it does not grow with the data.
"""

import json
from collections.abc import Sequence
from typing import Final

from magnus.errors import InvalidDefinition, Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.transpiler import NextCommand, TranspileRequest, TranspileResult
from magnus.transpilers.planning import plan_of
from magnus.transpilers.step_functions import limits, state_data
from magnus.transpilers.step_functions.jobs import Jobs
from magnus.transpilers.step_functions.machine import Machine
from magnus.transpilers.step_functions.map_modes import MapModes
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.values import Json

MACHINE_FILE: Final = "state-machine.json"


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


class StepFunctionsTranspiler:
    """Writes state machines with the given options."""

    options = StepFunctionsOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: StepFunctionsOptions) -> None:
        self._options = options

    def problems(self, request: TranspileRequest) -> Sequence[Problem]:
        """What AWS cannot take."""
        return [*limits.of_request(self._options, request)]

    def transpile(self, request: TranspileRequest) -> TranspileResult:
        """The files; InvalidDefinition says which limits they break."""
        if errors := [problem for problem in self.problems(request) if problem.severity == "error"]:
            raise InvalidDefinition.of(errors)
        file = f"{self._options.output_folder}/{MACHINE_FILE}"
        return TranspileResult({file: _written(self._machine(request))}, self._next_commands(request))

    def _machine(self, request: TranspileRequest) -> dict[str, Json]:
        jobs = Jobs(self._options, request)
        modes = MapModes(jobs, self._options.inline_branches, request.lengths)
        block = Machine(jobs, modes).pipeline(plan_of(request.graph, jobs.rules()))
        start = state_data.start_states(request, jobs.exposed(), block.start_at)
        return {
            "Comment": request.graph.description or request.graph.name or "a pipeline of magnus",
            "StartAt": state_data.START_STATES[0],
            "TimeoutSeconds": self._options.max_duration,
            "States": {**start, **block.states},
        }

    def _next_commands(self, request: TranspileRequest) -> Sequence[NextCommand]:
        options = self._options
        account = options.account or "ACCOUNT"
        machine = f"arn:aws:states:{options.region}:{account}:stateMachine:{options.name}"
        start = ["aws", "stepfunctions", "start-execution", "--region", options.region, "--state-machine-arn", machine]
        return [NextCommand("run it with", [*start, "--name", request.run_id or "RUN"])]


def _written(value: Json) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
