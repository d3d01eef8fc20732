"""The re-entry command of a step: the argv with which any engine runs exactly one step of a run."""

from collections.abc import Sequence

from magnus.interfaces.executor import StepRequest


def step_command(request: StepRequest, *, program: Sequence[str] = ("magnus",), log_level: str = "") -> list[str]:
    """The argv that runs the step of `request` in a fresh process; a list, so that no text needs quoting."""
    command = [*program, "execute_single_node", request.run_id, str(request.path)]
    for option, value in (
        ("--log-level", log_level),
        ("--file", request.definition_file),
        ("--config-file", request.configuration_file),
        ("--tag", request.tag),
    ):
        command += [option, value] if value else []
    return command
