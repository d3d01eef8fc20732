"""The second state machine: it records the end of a run when an execution was stopped, took too long, or could not run a job.

EventBridge starts it with its event about such an execution. If the run has recorded its end, it changes nothing.
https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
"""

from typing import Final

from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.step_functions import state_data
from magnus.transpilers.step_functions.intrinsics import Expression
from magnus.transpilers.step_functions.jobs import Jobs
from magnus.values import Json

STATUSES: Final = ("FAILED", "TIMED_OUT", "ABORTED")
_GRACE_SECONDS: Final = 30
"""How long a container may take to exit after SIGTERM (`stopTimeout` of ECS)."""

STATUS: Final = Expression("$.status")


def closing_machine(jobs: Jobs, request: TranspileRequest, max_duration: int) -> dict[str, Json]:
    """The definition of the machine."""
    data: dict[str, Json] = {
        "run_id.$": "$.detail.name",
        "workflow.$": "$.detail.executionArn",
        "status.$": "$.detail.status",
        "texts": state_data.texts(request),
    }
    end = jobs.closing(STATUS)
    states: dict[str, Json] = {
        "event": {"Type": "Pass", "Parameters": data, "Next": "wait"},
        "wait": {"Type": "Wait", "Seconds": _GRACE_SECONDS, "Next": "end"},
        "end": {**end, "End": True},
    }
    comment = f"records the ends of runs that did not record them, after {', '.join(STATUSES)}"
    return {"Comment": comment, "StartAt": "event", "TimeoutSeconds": max_duration, "States": states}


def event_pattern(machine: str) -> dict[str, Json]:
    """The events that start the machine: ends of executions of the machine of the pipeline."""
    return {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"status": [*STATUSES], "stateMachineArn": [machine]},
    }
