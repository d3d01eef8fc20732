"""Makes the states that run processes, as jobs of AWS Batch or tasks of Amazon ECS.

A state waits for its process (`.sync`) and keeps none of its answer, so state data does not grow. Failures of the
infrastructure are tried again by AWS Batch itself, attempts of tasks by the state.
https://docs.aws.amazon.com/step-functions/latest/dg/connect-batch.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.graph.nodes import CompositeNode, StaticBranches
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.planning import PlanRules
from magnus.transpilers.process_plan import Process
from magnus.transpilers.reentry import Input, Word, end_command, fill_in, iteration_command, process_command
from magnus.transpilers.step_functions import state_data
from magnus.transpilers.step_functions.handover import Handover, Place, place_of
from magnus.transpilers.step_functions.intrinsics import Expression, array, json_of
from magnus.transpilers.step_functions.names import job_name
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.transpilers.step_functions.settings import Settings, partition, settings_of
from magnus.values import Json

CONTAINER: Final = "magnus"
"""The name of the container in a task of ECS."""

_NOWHERE: Final = Place("BUCKET", "")
"""In place of a missing `handover`, which is a problem where it is needed."""

_LARGEST_EXACT: Final = 2**53
_BUSY: Final = {
    "batch": (
        "Batch.AWSBatchException",
        "Batch.TooManyRequestsException",
        "Batch.SdkClientException",
        "Batch.ServerException",
    ),
    "ecs": ("ECS.AmazonECSException", "ECS.SdkClientException", "ECS.ServerException", "AmazonECS.Unknown"),
}
"""The errors of a request that a service is too busy for; ECS fails with the last one if no machine has room for the task."""


class Jobs:
    """Makes the states of processes, all of one request."""

    def __init__(self, options: StepFunctionsOptions, request: TranspileRequest) -> None:
        self._options = options
        self._request = request
        self._with_data = state_data.with_texts_as_data(request)
        self._partition = partition(options.region)
        self.handover = Handover(place_of(options.handover) or _NOWHERE, self._partition)

    def rules(self) -> PlanRules:
        """The rules of the plan of the processes."""
        together = Together.of(self._request.executor, self._options.overrides).runs
        return PlanRules(self._request.override, together=together, fuse=self._options.fuse)

    def settings(self, override: str) -> Settings:
        """The options that hold with the override."""
        return settings_of(self._options, override)

    def process(self, process: Process, *, is_root: bool) -> dict[str, Json]:
        """The state that runs the process; without what follows."""
        is_one = process.attempts > 1
        words = process_command(process, self._with_data, one_attempt=is_one)
        state = self._state(process.first.node.name, process, words, process.starts, is_root=is_root)
        return {**state, **self._retried(process.override, *_retries_of_attempts(process))}

    def join_round(self, process: Process, *, is_root: bool) -> dict[str, Json]:
        """The state that joins an iteration of a loop; without what follows."""
        loop = process.first.node
        assert isinstance(loop, CompositeNode)
        words = iteration_command(self._with_data)
        state = self._state(loop.name, process, words, loop, is_root=is_root)
        return {**state, **self._retried(process.override)}

    def closing(self, status: Expression) -> dict[str, Json]:
        """The state that records the end of a run that no process could record; without what follows."""
        values = {
            Input.RUN_ID: state_data.RUN_ID,
            Input.WORKFLOW: state_data.WORKFLOW,
            Input.WORKFLOW_NAME: state_data.RUN_ID,
            Input.STATUS: status,
        }
        words = end_command(self._with_data)
        command = array([*self._options.program, *fill_in(words, values)])
        state = self._task("end-run", self.settings(""), command, self._defaults())
        return {**state, **self._retried("")}

    def exposed(self) -> Mapping[str, Json]:
        """The initial parameters that the input of an execution may change."""
        if not self._options.expose_parameters_as_inputs:
            return {}
        return {name: value for name, value in self._request.parameters.items() if _is_exact(value)}

    def _state(
        self, step: str, process: Process, words: Sequence[Word], starts: CompositeNode | None, *, is_root: bool
    ) -> dict[str, Json]:
        values: dict[Input, str] = {
            Input.RUN_ID: state_data.RUN_ID,
            Input.STEP: state_data.step_path(step, is_root=is_root),
            Input.ITERATION: state_data.number_text(),
            Input.ORIGINAL_RUN_ID: state_data.ORIGINAL_RUN_ID,
            Input.WORKFLOW: state_data.WORKFLOW,
            Input.WORKFLOW_NAME: state_data.RUN_ID,
        }
        if starts is not None and not isinstance(starts.branches, StaticBranches):
            values[Input.BRANCHES_FILE] = self.handover.url(starts.name, is_root=is_root)
        command = array([*self._options.program, *fill_in(words, values)])
        environment = self._initial() if process.may_start_run else []
        settings = self.settings(process.override)
        return self._task(job_name(step), settings, command, environment)

    def _task(
        self, name: str, settings: Settings, command: Expression, environment: Sequence[Mapping[str, Json]]
    ) -> dict[str, Json]:
        changes: dict[str, Json] = {"Command.$": command}
        if environment:
            changes["Environment"] = [*map(dict, environment)]
        if self._options.compute == "ecs":
            return self._ecs(settings, changes)
        parameters: dict[str, Json] = {
            "JobName": name,
            "JobQueue": settings.queue,
            "JobDefinition": settings.definition,
            "ContainerOverrides": changes,
        }
        return self._sync("batch:submitJob", parameters)

    def _ecs(self, settings: Settings, changes: dict[str, Json]) -> dict[str, Json]:
        options = self._options
        parameters: dict[str, Json] = {
            "Cluster": options.cluster,
            "TaskDefinition": settings.definition,
            "LaunchType": options.platform.upper(),
            "PropagateTags": "TASK_DEFINITION",
            "Overrides": {"ContainerOverrides": [{"Name": CONTAINER, **changes}]},
        }
        if options.network.subnets:
            parameters["NetworkConfiguration"] = {
                "AwsvpcConfiguration": {
                    "Subnets": [*options.network.subnets],
                    "SecurityGroups": [*options.network.security_groups],
                    "AssignPublicIp": "ENABLED" if options.network.assign_public_ip else "DISABLED",
                }
            }
        return {**self._sync("ecs:runTask", parameters), "TimeoutSeconds": settings.timeout}

    def _sync(self, action: str, parameters: dict[str, Json]) -> dict[str, Json]:
        return {
            "Type": "Task",
            "Resource": f"arn:{self._partition}:states:::{action}.sync",
            "Parameters": parameters,
            "ResultPath": None,
        }

    def _retried(self, override: str, *attempts: Json) -> dict[str, Json]:
        """When the state is tried again: requests that a busy service refused, and attempts."""
        retries = self.settings(override).retries
        errors: list[Json] = [*_BUSY[self._options.compute]]
        requests: list[Json] = [
            {"ErrorEquals": errors, "IntervalSeconds": 5, "MaxAttempts": retries, "BackoffRate": 2}
        ] if retries else []  # fmt: skip
        every = [*requests, *attempts]
        return {"Retry": every} if every else {}

    def _initial(self) -> list[dict[str, Json]]:
        """The initial parameters, for the process that creates the run."""
        exposed = self.exposed()
        return [
            {"Name": VARIABLE_PREFIX + name, "Value.$": json_of(state_data.parameter(name))}
            if name in exposed
            else _default(name, value)
            for name, value in self._request.parameters.items()
        ]

    def _defaults(self) -> list[dict[str, Json]]:
        """The initial parameters, for a process that may create a run of which no other process started."""
        return [_default(name, value) for name, value in self._request.parameters.items()]


def _default(name: str, value: Json) -> dict[str, Json]:
    return {"Name": VARIABLE_PREFIX + name, "Value": json.dumps(value, sort_keys=True)}


def _retries_of_attempts(process: Process) -> list[Json]:
    """When another process makes the next attempt: after any failure of the process, as often as attempts are left."""
    if process.attempts == 1:
        return []
    wait = max(1, round(process.retry_delay))
    return [
        {"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": wait, "MaxAttempts": process.attempts - 1, "BackoffRate": 1}
    ]  # fmt: skip


def _is_exact(value: Json) -> bool:
    """Whether the value survives in the state data, which is JSON; integers that a double cannot have do not."""
    if isinstance(value, list):
        return all(map(_is_exact, value))
    if isinstance(value, dict):
        return all(map(_is_exact, value.values()))
    return not isinstance(value, int) or abs(value) <= _LARGEST_EXACT
