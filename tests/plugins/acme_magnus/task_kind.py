"""A task kind that fills a text with parameters: `command_type: format`."""

from pydantic import BaseModel, ConfigDict

from magnus.errors import Problem
from magnus.interfaces.records import JsonParameter, plain
from magnus.interfaces.task_kind import TaskOutcome


class FormatOptions(BaseModel):
    """`into` names the parameter that gets the text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    into: str = "text"


class FormatTask:
    """Runs `command` through `str.format_map`."""

    options = FormatOptions
    isolates = False

    def problems(self, spec, working_directory):
        del working_directory
        return () if "{" in spec.command else (Problem("there is nothing to fill in", "write {name} somewhere"),)

    def run(self, call):
        values = {name: plain(parameter) for name, parameter in call.parameters.items()}
        try:
            text = call.spec.command.format_map(values)
        except (KeyError, ValueError) as error:
            return TaskOutcome(values, failure=f"the text cannot be filled: {error!r}")
        return TaskOutcome(values, {self.options(**call.spec.options).into: JsonParameter(text)})
