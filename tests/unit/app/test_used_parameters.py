"""Initial parameters that no step can use are a warning, unless some step may use any."""

import pytest

from magnus.app.parameters.initial_parameters import initial_parameters
from magnus.app.parameters.used_parameters import fitted_to_steps
from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.definition.loader import load

MODULE = """
def fit(learning_rate: float, depth: int = 3): return {"y": 1}
def anything(**more): return None
def plain(x): return None
"""
ASKS = """
from magnus import get_parameter
def asks(name): return get_parameter(name)
"""
READS = """
import os
def reads(): return os.environ["MAGNUS_PRM_lerning_rate"]
"""
SPACES = """
import argparse
def fit(learning_rate: float): return None
def every(args: argparse.Namespace): return None
"""
FIT = "{type: task, command: mod.fit, next: success}"


def warned(tmp_path, step, *, before="", **options):
    """The warnings when a pipeline with this step, and one before it, gets these options; and the names they get."""
    (tmp_path / "mod.py").write_text(MODULE)
    (tmp_path / "asking.py").write_text(ASKS)
    (tmp_path / "spaces.py").write_text(SPACES)
    (tmp_path / "reading.py").write_text(READS)
    first = f"    first: {before}\n" if before else ""
    text = f"dag:\n  start_at: {'first' if before else 's'}\n  steps:\n{first}    s: {step}\n"
    (tmp_path / "p.yaml").write_text(text)
    pipeline = load(str(tmp_path / "p.yaml"), {})
    catalog = DoNothingCatalog(DoNothingOptions(), tmp_path)
    initial = initial_parameters("", {}, {name.replace("__", "-"): text for name, text in options.items()}, {})
    found = fitted_to_steps(initial, pipeline.steps, catalog, tmp_path)
    return [f"{problem.message}|{problem.fix}" for problem in found.warnings], list(found.scope)


def shell(command):
    return f"{{type: task, command_type: shell, command: '{command}', next: success}}"


NOT_USED = "no step uses the parameter 'lerning_rate'|did you mean 'learning_rate'?"


@pytest.mark.parametrize(
    ("step", "options", "warnings"),
    [
        (FIT, {"learning_rate": "1", "DEPTH": "2"}, []),
        (FIT, {"learning_rate": "1", "lerning_rate": "2"}, [NOT_USED]),
        (FIT.replace("mod.fit", "spaces.fit"), {"lerning_rate": "2"}, [NOT_USED]),
        (FIT.replace("mod.fit", "spaces.every"), {"lerning_rate": "2"}, []),
        (FIT, {"zzz": "2"}, ["no step uses the parameter 'zzz'|leave it out, or see that a step takes it"]),
        (FIT, {"zzz": "2", "qq": "1"}, ["no step uses the parameters 'zzz', 'qq'|leave them out, or see that a step takes them"]),
        (FIT.replace("fit", "anything"), {"lerning_rate": "2"}, []),
        (FIT.replace("mod.fit", "asking.asks"), {"lerning_rate": "2"}, []),
        (FIT.replace("mod.fit", "reading.reads"), {"other": "2"}, []),
        (FIT.replace("mod.fit", "'lambda a, **b: a'").replace("task,", "task, command_type: python-lambda,"), {"q": "2"}, []),
        (FIT.replace("mod.fit", "'lambda abc: 1'").replace("task,", "task, command_type: python-lambda,"), {"abd": "2"}, ["no step uses the parameter 'abd'|did you mean 'abc'?"]),
        (shell("echo $rate"), {"rate": "1"}, []),
        (shell("echo $MAGNUS_PRM_rate"), {"rate": "1"}, []),
        (shell("echo ${rate:-1}"), {"rate": "1"}, []),
        (shell("echo $rate"), {"rte": "1"}, ["no step uses the parameter 'rte'|did you mean 'rate'?"]),
        (shell("python train.py"), {"rte": "1"}, []),
        (shell("env | sort"), {"rte": "1"}, []),
        ("{type: stub, next: success}", {"rte": "1"}, ["no step uses the parameter 'rte'|leave it out, or see that a step takes it"]),
        ("{type: map, iterate_on: items, iterate_as: item, next: success, branch: {start_at: a, steps: {a: " + FIT + "}}}", {"items": "[1]", "itms": "[1]"}, ["no step uses the parameter 'itms'|did you mean 'items'?"]),
        ("{type: conditional, parameter: which, next: success, branches: {a: {start_at: a, steps: {a: " + FIT + "}}}}", {"wich": "1"}, ["no step uses the parameter 'wich'|did you mean 'which'?"]),
        ("{type: loop, max_iterations: 2, break_on: done, next: success, branch: {start_at: a, steps: {a: " + FIT + "}}}", {"dne": "1", "done": "true"}, ["no step uses the parameter 'dne'|did you mean 'done'?"]),
    ],
)  # fmt: skip
def test_a_parameter_that_no_step_uses_is_a_warning_unless_one_may_take_any(tmp_path, step, options, warnings):
    assert warned(tmp_path, step, **options)[0] == warnings


def test_one_step_that_may_take_any_is_enough(tmp_path):
    assert warned(tmp_path, FIT.replace("fit", "anything"), before=FIT.replace("success", "s"), x="1")[0] == []


def test_an_option_with_a_hyphen_fills_the_argument_with_an_underscore(tmp_path):
    warnings, names = warned(tmp_path, FIT, learning__rate="1")
    assert names == ["learning_rate"]
    assert warnings == [
        "--learning-rate fills the parameter 'learning_rate'; there is none called 'learning-rate'|write --learning_rate"
    ]


def test_nothing_is_said_of_an_argument_that_is_given_elsewhere_too(tmp_path):
    warnings, names = warned(tmp_path, FIT, learning_rate="2", depth="1")
    assert (warnings, names) == ([], ["learning_rate", "depth"])
