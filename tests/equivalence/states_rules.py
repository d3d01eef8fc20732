"""Rules of the Amazon States Language that a machine keeps, checked without an interpreter.

https://states-language.net and https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

import hashlib
import json
import re
from collections import Counter

FIELDS = {
    "Pass": {"Result", "ResultPath", "Parameters"},
    "Task": {"Resource", "Parameters", "ResultPath", "ResultSelector", "Retry", "Catch", "TimeoutSeconds"},
    "Choice": {"Choices", "Default"},
    "Succeed": set(),
    "Fail": {"Error", "Cause"},
    "Parallel": {"Branches", "ResultPath", "Catch"},
    "Map": {
        "ItemsPath", "ItemReader", "ItemSelector", "ItemProcessor", "MaxConcurrency", "ToleratedFailurePercentage", "ResultPath", "Catch",
    },
}  # fmt: skip
PATH = re.compile(r"\$\$?(\.[A-Za-z_][A-Za-z0-9_]*(\[\d+\])?)*")
CALL = re.compile(r"States\.(Array|Format|Hash|JsonToString|JsonMerge|StringToJson)\(")
LITERAL = re.compile(r"'[A-Za-z0-9 _~%.,/:=@+{}-]*'")


def broken(machine):
    """What is wrong with a machine, as texts."""
    names = Counter(name for pipeline in pipelines(machine) for name in pipeline["States"])
    yield from (f"the name '{name}' stands {count} times" for name, count in names.items() if count > 1)
    yield from (f"the name '{name}' is too long" for name in names if not 1 <= len(name) <= 80)
    for pipeline in pipelines(machine):
        yield from _of_pipeline(pipeline)


def pipelines(machine):
    """The machine, and all pipelines inside its states."""
    yield machine
    for state in machine["States"].values():
        for inner in (*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])):
            yield from pipelines(inner)


def states_of(machine):
    """All states by name."""
    return {name: state for pipeline in pipelines(machine) for name, state in pipeline["States"].items()}


def targets(state):
    """The states that may follow."""
    yield from (state[key] for key in ("Next", "Default") if key in state)
    yield from (one["Next"] for key in ("Catch", "Choices") for one in state.get(key, ()))


def _of_pipeline(pipeline):
    states, reached, waiting = pipeline["States"], set(), [pipeline["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in states:
            yield f"'{name}' is no state"
        elif name not in reached:
            reached.add(name)
            waiting += targets(states[name])
    yield from (f"nothing leads to '{name}'" for name in states if name not in reached)
    for name, state in states.items():
        yield from (f"'{name}': {wrong}" for wrong in _of_state(state))


def _of_state(state):
    kind = state["Type"]
    ends = kind in {"Succeed", "Fail", "Choice"}
    if ends == (("Next" in state) or ("End" in state)):
        yield "it has a wrong end"
    yield from (
        f"{kind} has no field {field}" for field in set(state) - FIELDS[kind] - {"Type", "Comment", "Next", "End"}
    )
    yield from _of_values(state)


def _of_values(value):
    match value:
        case dict():
            for key, inner in value.items():
                if key.endswith(".$"):
                    yield from ([] if is_expression(inner) else [f"{inner!r} is no expression"])
                elif key not in {"States", "Branches", "Result"}:
                    yield from _of_values(inner)
        case list():
            for inner in value:
                yield from _of_values(inner)


def is_expression(text):
    """Whether the text is a path or an intrinsic, all of it."""
    rest, stack = text, 0
    while rest:
        if match := (CALL.match(rest) or LITERAL.match(rest) or PATH.match(rest) or re.match(r"false|, |\)", rest)):
            if not match[0]:
                return False
            stack += match[0].endswith("(") - (match[0] == ")")
            rest = rest[match.end() :]
        else:
            return False
    return stack == 0


def commands(machine):
    """The command of every job, with the first branch of maps and the first iteration of loops."""
    constants = machine["States"][machine["StartAt"]]["Result"]
    data = {"run_id": "RUN", "workflow": "WORKFLOW", "original_run_id": "", "branch": ""}
    yield from _commands(machine, {**data, "texts": constants["texts"], "parameters": constants["parameters"]})


def _commands(pipeline, data):
    data = {**data, "started": {"numbers": [0], "size": 3}}
    for state in pipeline["States"].values():
        overrides = state.get("Parameters", {}).get("ContainerOverrides", {})
        if "Command.$" in overrides:
            yield evaluated(overrides["Command.$"], data)
        for branch in state.get("Branches", ()):
            yield from _commands(branch, filled(branch["States"][branch["StartAt"]]["Parameters"], data))
        if "ItemProcessor" in state:
            first = {"Map": {"Item": {"Value": 0}}}
            yield from _commands(state["ItemProcessor"], filled(state["ItemSelector"], data, first))


def filled(template, data, context=None):
    """A template of parameters with its values."""
    return {
        key.removesuffix(".$"): evaluated(value, data, context) if key.endswith(".$") else value
        for key, value in template.items()
    }


def evaluated(text, data, context=None):
    """The value of an expression; paths with `$$` are of the context."""
    value, rest = _value(text, data, context)
    assert rest == "", rest
    return value


def _value(text, data, context):
    if call := CALL.match(text):
        arguments, rest = [], text[call.end() :]
        while not rest.startswith(")"):
            argument, rest = _value(rest.removeprefix(", "), data, context)
            arguments.append(argument)
        return CALLS[call[1]](*arguments), rest[1:]
    if literal := LITERAL.match(text):
        return literal[0][1:-1], text[literal.end() :]
    if text.startswith("false"):
        return False, text.removeprefix("false")
    path = PATH.match(text)[0]
    value = context if path.startswith("$$") else data
    for part in path.lstrip("$").split(".")[1:]:
        name, _, number = part.partition("[")
        value = value[name][int(number[:-1])] if number else value[name]
    return value, text[len(path) :]


CALLS = {
    "Array": lambda *items: list(items),
    "Format": lambda template, *values: _format(template, values),
    "Hash": lambda text, _kind: hashlib.sha256(text.encode()).hexdigest(),
    "JsonMerge": lambda first, second, _deep: {**first, **second},
    "JsonToString": json.dumps,
    "StringToJson": json.loads,
}


def _format(template, values):
    pieces = template.split("{}")
    assert len(pieces) == len(values) + 1
    return "".join(piece + str(value) for piece, value in zip(pieces, [*values, ""], strict=True))
