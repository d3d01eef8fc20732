"""What must come out of a pipeline: a small interpreter of pipelines as users write them, which knows nothing of the engine.

Tasks are lambdas of a few forms, which `TASKS` says the meaning of. The outcome of a (sub)pipeline is its status, what it
set itself, and what became of its steps: `{name: (status, {branch: (status, value, steps)})}`.
"""

import json
from dataclasses import dataclass, field
from typing import Any


class Failed(Exception):
    """A step failed."""


@dataclass
class Outcome:
    succeeded: bool
    own: dict[str, Any] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)


def needs(scope, name):
    if name not in scope:
        raise Failed
    return scope[name]


def numeric(value):
    if not isinstance(value, int):
        raise Failed
    return value


TASKS = {
    "lambda: {'a': 1}": lambda _scope: {"a": 1},
    "lambda: {'b': 'text', 'c': None}": lambda _scope: {"b": "text", "c": None},
    "lambda a: {'a': a + 1}": lambda scope: {"a": numeric(needs(scope, "a")) + 1},
    "lambda x: {'seen': x}": lambda scope: {"seen": needs(scope, "x")},
    "lambda i: {'rounds': i + 1, 'stop': i >= 1}": lambda scope: {
        "rounds": numeric(needs(scope, "i")) + 1,
        "stop": needs(scope, "i") >= 1,
    },
    "lambda: {'stop': True}": lambda _scope: {"stop": True},
    "lambda: {'stop': 'no'}": lambda _scope: {"stop": "no"},
    "lambda: {'xs': [1, 2, 3]}": lambda _scope: {"xs": [1, 2, 3]},
    "lambda: {'xs': ['a.b', 'a/b', '', None, {'k': [1]}, '50%']}": lambda _scope: {
        "xs": ["a.b", "a/b", "", None, {"k": [1]}, "50%"]
    },
    "lambda: {'xs': []}": lambda _scope: {"xs": []},
    "lambda: {'v': 'left'}": lambda _scope: {"v": "left"},
    "lambda: {'v': True}": lambda _scope: {"v": True},
    "lambda: None": lambda _scope: {},
    "lambda: 1 / 0": lambda _scope: needs({}, "nothing"),
}


def run(pipeline, scope, log=None):
    """The outcome of a (sub)pipeline that begins with this scope.

    `log` is what became of its steps where pods may have been lost: a step that failed there fails, whatever it would do,
    and so does a (sub)pipeline whose end failed. Nothing ran in a step whose branches have no steps there.
    """
    log = log or {}
    steps, own, result = pipeline["steps"], {}, {}
    name = pipeline["start_at"]
    while name not in {"success", "fail"}:
        step = steps[name]
        was, inner = log.get(name, ("", {}))
        try:
            ran = {key: branch[2] for key, branch in inner.items()}
            begun = was != "FAIL" or not ran or any(ran.values())
            sets, branches = run_step(step, {**scope, **own}, ran) if begun else ({}, {})
            succeeded = was != "FAIL"
            sets = sets if succeeded else {}
        except BranchesFailed as failed:
            sets, branches, succeeded = {}, failed.branches, False
        except Failed:
            sets, branches, succeeded = {}, {}, False
        own.update(sets)
        result[name] = ("SUCCESS" if succeeded else "FAIL", branches)
        name = step["next"] if succeeded else step.get("on_failure", "fail")
    if name == "success" and "fail" in log and "success" not in log:
        name = "fail"
    result[name] = ("SUCCESS" if name == "success" else "FAIL", {})
    return Outcome(name == "success", own, result)


class BranchesFailed(Failed):
    """Some of the branches of a step failed, or what comes after them did."""

    def __init__(self, branches):
        self.branches = branches


def run_step(step, scope, log):
    match step.get("type", "task"):
        case "stub":
            return {}, {}
        case "task":
            return TASKS[step["command"]](scope), {}
        case "parallel":
            return merged({key: (run(branch, scope, log.get(key)), None) for key, branch in step["branches"].items()})
        case "dag":
            return merged({"dag": (run(step["dag"], scope, log.get("dag")), None)})
        case "conditional":
            return merged(chosen(step, scope, log))
        case "map":
            return run_map(step, scope, log)
        case "loop":
            return run_loop(step, scope, log)


def shown(outcomes):
    return {
        key: ("SUCCESS" if outcome.succeeded else "FAIL", value, outcome.steps)
        for key, (outcome, value) in outcomes.items()
    }


def all_of(outcomes):
    branches = shown(outcomes)
    if not all(outcome.succeeded for outcome, _ in outcomes.values()):
        raise BranchesFailed(branches)
    return branches


def merged(outcomes):
    branches, sets = all_of(outcomes), {}
    for outcome, _ in outcomes.values():
        sets.update(outcome.own)
    return sets, branches


def chosen(step, scope, log):
    value = needs(scope, step["parameter"])
    text = value if isinstance(value, str) else json.dumps(value)
    if text in step["branches"]:
        return {text: (run(step["branches"][text], scope, log.get(text)), None)}
    if "default" not in step:
        raise Failed
    return {"default": (run(step["default"], scope, log.get("default")), None)}


def run_map(step, scope, log):
    elements = needs(scope, step["iterate_on"])
    if not isinstance(elements, list):
        raise Failed
    name = step["iterate_as"]
    outcomes = {
        label: (run(step["branch"], {**scope, name: value}, log.get(label)), value)
        for label, value in zip(labels(elements), elements, strict=True)
    }
    all_of(outcomes)
    names = dict.fromkeys(found for outcome, _ in outcomes.values() for found in outcome.own if found != name)
    sets = {found: [outcome.own.get(found) for outcome, _ in outcomes.values()] for found in names}
    if "reducer" in step:
        sets = {found: len(values) for found, values in sets.items()}
    return sets, shown(outcomes)


def labels(elements):
    texts = [str(element) for element in elements]
    plain = all(
        isinstance(element, int | str) and text.isalnum() for element, text in zip(elements, texts, strict=True)
    )
    return texts if plain and len(set(texts)) == len(texts) else [str(number) for number in range(len(elements))]


def run_loop(step, scope, log):
    outcomes, sets = {}, {}
    for number in range(step["max_iterations"]):
        index = {step["index_as"]: number} if "index_as" in step else {}
        outcome = run(step["branch"], {**scope, **sets, **index}, log.get(str(number)))
        outcomes[str(number)] = (outcome, None)
        branches = all_of(outcomes)
        sets.update({name: value for name, value in outcome.own.items() if name not in index})
        sets.update(index)
        ends = {**scope, **sets, **outcome.own}.get(step.get("break_on"), False)
        if not isinstance(ends, bool):
            raise BranchesFailed(branches)
        if ends:
            break
    return sets, shown(outcomes)
