"""Interprets state machines as far as magnus writes them; whoever uses it runs the jobs and has the objects.

Branches follow one another, unless it gets threads. The interpreters of `tests/services` are by other people, and prove more.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import states_rules

ANY = "States.ALL"


class Failed(Exception):
    """A state failed with the error."""


class Interpreter:
    """Runs executions; `job` gives the exit status of a command with variables, `read` the text of an object by its key.

    With `at_once` branches run in threads.
    """

    def __init__(self, job, read, *, at_once=False):
        self.job, self.read, self.at_once = job, read, at_once

    def execute(self, machine, name, **given):
        """Whether the execution of this name succeeds, with this input."""
        context = {"Execution": {"Name": name, "Id": f"execution:{name}", "Input": given}}
        try:
            self._pipeline(machine, given, context)
        except Failed:
            return False
        return True

    def _pipeline(self, pipeline, data, context):
        name = pipeline["StartAt"]
        while name is not None:
            name, data = self._state(pipeline["States"][name], data, context)
        return data

    def _state(self, state, data, context):
        """The state that follows, and its data."""
        if state["Type"] == "Choice":
            return next((one["Next"] for one in state["Choices"] if holds(one, data)), state["Default"]), data
        for number in range(1 + sum(one["MaxAttempts"] for one in self._attempts(state))):
            try:
                result = self._result(state, data, context)
            except Failed:
                if number < sum(one["MaxAttempts"] for one in self._attempts(state)):
                    time.sleep(self._attempts(state)[0]["IntervalSeconds"])  # as the user wants it
                    continue
                if "Catch" not in state:
                    raise
                return state["Catch"][0]["Next"], data
            return state.get("Next"), placed(state, data, result)
        raise AssertionError

    def _attempts(self, state):
        return [one for one in state.get("Retry", ()) if "States.TaskFailed" in one["ErrorEquals"]]

    def _result(self, state, data, context):
        match state["Type"]:
            case "Pass":
                return state["Result"] if "Result" in state else filled(state["Parameters"], data, context)
            case "Succeed" | "Wait":
                return data
            case "Fail":
                raise Failed(state["Error"])
            case "Parallel":
                return self._each(lambda branch: self._pipeline(branch, data, context), state["Branches"])
            case "Map":
                items = self._items(state, data, context)
                return self._each(lambda item: self._iteration(state, data, context, item), items)
            case "Task":
                return self._task(state, data, context)

    def _each(self, run, inputs):
        if not self.at_once:
            return [*map(run, inputs)]
        with ThreadPoolExecutor(max(1, len(inputs))) as threads:
            return [*threads.map(run, inputs)]

    def _items(self, state, data, context):
        if "ItemsPath" in state:
            return states_rules.evaluated(state["ItemsPath"], data, context)
        key = filled(state["ItemReader"]["Parameters"], data, context)["Key"]
        return states_rules.CALLS["StringToJson"](self.read(key))

    def _iteration(self, state, data, context, item):
        inner = {**context, "Map": {"Item": {"Value": item}}}
        return self._pipeline(state["ItemProcessor"], filled(state["ItemSelector"], data, inner), inner)

    def _task(self, state, data, context):
        parameters = filled(state["Parameters"], data, context)
        if "s3:" in state["Resource"]:
            text = self.read(parameters["Key"])
            if text is None:
                raise Failed("S3.NoSuchKeyException")
            answer = {"Body": text, "ContentLength": len(text)}
            return filled(state["ResultSelector"], answer, context)
        overrides = parameters["ContainerOverrides"]
        variables = {one["Name"]: one["Value"] for one in overrides.get("Environment", ())}
        if self.job(parameters["JobDefinition"], overrides["Command"], variables):
            raise Failed("States.TaskFailed")
        return None


def holds(choice, data):
    """Whether the condition of a choice holds."""
    match choice:
        case {"And": conditions}:
            return all(holds(one, data) for one in conditions)
        case {"Variable": path, "IsPresent": True}:
            return bool(states_rules.evaluated(path.partition("[")[0], data))
        case {"Variable": path, "NumericEquals": number}:
            return states_rules.evaluated(path, data) == number
        case {"Variable": path, "NumericGreaterThan": number}:
            return states_rules.evaluated(path, data) > number


def placed(state, data, result):
    """The state data with the result at its path."""
    match state.get("ResultPath", "$"):
        case None:
            return data
        case "$":
            return result
        case path:
            return {**data, path.removeprefix("$."): result}


def filled(template, data, context):
    """A template of parameters with its values."""
    match template:
        case dict():
            return {
                key.removesuffix(".$"): states_rules.evaluated(value, data, context)
                if key.endswith(".$")
                else filled(value, data, context)
                for key, value in template.items()
            }
        case list():
            return [filled(one, data, context) for one in template]
        case _:
            return template
