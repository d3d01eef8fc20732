"""The corpus of edits between two runs: each with the steps that have to run again, and all others are reused.

A step that has to run and was reused is a false reuse: there is none. Steps that run without need are listed with the edit,
and the reasons are in `docs/how-to/cache-steps.md`.
"""

import json
import os

import pytest
import yaml

PIPELINE = """\
dag:
  name: corpus
  cache: {environment: true, ignore: [verbose]}
  start_at: fetch
  steps:
    fetch: {command: flow.work.fetch, next: prep, catalog: {put: ["raw/*.csv"]}}
    prep: {command: flow.work.prep, next: train, returns: [xs], catalog: {get: ["raw/*.csv"]}}
    train: {command: flow.work.train, next: score, returns: [{name: model, kind: object}], secrets: [token]}
    score: {command: flow.work.score, next: table, returns: [{name: auc, kind: metric}], catalog: {put: out.txt}}
    table: {command: "lambda auc, digits=2: {'shown': round(auc, digits)}", command_type: python-lambda, next: each}
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      next: shell
      branch:
        start_at: one
        steps:
          one: {command: flow.work.one, next: success, returns: [y]}
    shell: {command: bash run.sh $rate, command_type: shell, next: plain}
    plain: {command: "echo $rate", command_type: shell, next: env}
    env: {command: flow.work.env, next: never}
    never: {command: flow.work.never, next: success, cache: false}
"""
WORK = '''"""The work."""
import os
from flow import helpers
from flow.models import Model, traced

LIMIT = 3

def fetch():
    """Fetch."""

def prep():
    with open("raw/a.csv") as file:
        return [int(text) for text in file.read().split(",")][:LIMIT]

@traced
def train(xs, rate=1, depth=2):
    total = helpers.total(xs)
    return Model(total * rate * depth)

def score(model):
    # a comment
    value = model.predict()
    with open("out.txt", "w") as file:
        file.write(str(value))
    return float(value)

def one(x, scale=1):
    return x * helpers.twice(x) * scale

def env():
    return {"seen": os.environ.get("MAGNUS_PRM_rate", "")}

def never():
    return {"never": 1}

def unused():
    return 1
'''
FILES = {
    "pipeline.yaml": PIPELINE,
    "flow/__init__.py": "",
    "flow/work.py": WORK,
    "flow/helpers.py": "from flow.deep import FACTOR, fold\n\ndef total(xs):\n    return fold(xs) * FACTOR\n\n"
    "def twice(x):\n    return 2 * x\n",
    "flow/deep.py": "FACTOR = 1\nOTHER = 2\n\ndef fold(xs, start=0):\n    return sum(xs, start)\n",
    "flow/models.py": "class Base:\n    def predict(self):\n        return self.value + 1\n\n"
    "class Model(Base):\n    def __init__(self, value):\n        self.value = value\n\n"
    "def traced(function):\n    return function\n",
    "run.sh": "# runs\necho $MAGNUS_PRM_rate $1\n",
    "raw/a.csv": "1,2,3",
    "notes.txt": "nothing",
    ".env": "token=a-secret-of-many-letters\nother=another-secret\n",
    "config.yaml": "secrets: {type: dotenv}\n",
    "parameters.yaml": "rate: 1\nverbose: 1\nscale: 1\n",
    "env/one-1.0.dist-info/METADATA": "",
}


def change(name, old, new):
    def edit(folder):
        text = (folder.path / name).read_text()
        assert old in text
        folder.write(name, text.replace(old, new, 1))

    return edit


def unseen(name, old, new):
    """A change of the same size and time."""

    def edit(folder):
        file = folder.path / name
        status = file.stat()
        change(name, old, new)(folder)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)

    return edit


def touch(folder):
    for name in FILES:
        os.utime(folder.path / name, (1, 1))


def rewrite(folder):
    for name in ("flow/work.py", "raw/a.csv"):
        file = folder.path / name
        text = file.read_text()
        file.unlink()
        file.write_text(text)


def reordered(folder):
    pipeline = yaml.safe_load((folder.path / "pipeline.yaml").read_text())
    steps = pipeline["dag"]["steps"]
    pipeline["dag"]["steps"] = {name: dict(reversed(steps[name].items())) for name in reversed(list(steps))}
    folder.write("pipeline.yaml", yaml.safe_dump(pipeline, sort_keys=False))


def renamed_step(folder):
    text = (folder.path / "pipeline.yaml").read_text()
    folder.write("pipeline.yaml", text.replace("    score:", "    rate it:").replace("next: score", "next: rate it"))


def library(folder):
    (folder.path / "env/one-1.0.dist-info").rename(folder.path / "env/one-1.1.dist-info")


def moved(folder):
    target = folder.path.parent / f"{folder.path.name}-moved"
    folder.path.rename(target)
    folder.path = target


ALL = ("env", "fetch", "one", "one", "one", "plain", "prep", "score", "shell", "table", "train")
MODEL = ("score", "table", "train")
SEE_ALL = ("env", "shell")
"""These read one parameter, but their code could read any, so that every new value runs them."""

EDITS = {
    # name: (edit, the steps that have to run, the steps that run without need)
    "nothing": (lambda _: None, (), ()),
    "a comment": (change("flow/work.py", "# a comment", "# another"), (), ()),
    "a docstring": (change("flow/work.py", '"""Fetch."""', '"""Fetch it."""'), (), ()),
    "the docstring of a module": (change("flow/work.py", '"""The work."""', ""), (), ()),
    "white space": (change("flow/work.py", "    value = model", "\n\n    value = model"), (), ()),
    "a call over several lines": (change("flow/work.py", "helpers.total(xs)", "helpers.total(\n        xs,\n    )"), (), ()),
    "quotes": (change("flow/work.py", 'open("out.txt", "w")', "open('out.txt', 'w')"), (), ()),
    "an unused function": (change("flow/work.py", "def unused():\n    return 1", "def unused():\n    return 2"), (), ()),
    "a new function": (change("flow/work.py", "def unused()", "def new():\n    pass\n\ndef unused()"), (), ()),
    "an unused constant of a helper": (change("flow/deep.py", "OTHER = 2", "OTHER = 3"), (), ()),
    "a file nobody reads": (change("notes.txt", "nothing", "something"), (), ()),
    "a comment of a script": (change("run.sh", "# runs", "# it runs"), (), ()),
    "the order of steps and fields": (reordered, (), ()),
    "a comment in the pipeline": (change("pipeline.yaml", "dag:", "# a comment\ndag:"), (), ()),
    "a description": (change("pipeline.yaml", "train: {", "train: {description: it trains, "), (), ()),
    "the name of a step": (renamed_step, (), ()),
    "attempts and time": (change("pipeline.yaml", "train: {", "train: {max_attempts: 3, retry_delay: 0, "), (), ()),
    "times of all files": (touch, (), ()),
    "files written again": (rewrite, (), ()),
    "another folder": (moved, (), ()),
    "a secret": (change(".env", "a-secret", "b-secret"), (), ()),
    "an ignored parameter": (change("parameters.yaml", "verbose: 1", "verbose: 2"), (), ()),
    "a step that always runs": (change("flow/work.py", '"never": 1', '"never": 2'), (), ()),
    "other code of the same result": (change("flow/helpers.py", "return 2 * x", "return x * 2"), (), ("one", "one", "one")),
    "a renamed local": (change("flow/work.py", "value = model.predict()", "value = v = model.predict()"), (), ("score",)),
    "its own body": (change("flow/work.py", "float(value)", "float(value) + 1"), ("score", "table"), SEE_ALL),
    "a constant of its module": (change("flow/work.py", "LIMIT = 3", "LIMIT = 2"), ("prep", *MODEL), SEE_ALL),
    "a constant with the same result": (change("flow/work.py", "LIMIT = 3", "LIMIT = 4"), (), ("prep",)),
    "a default argument": (change("flow/work.py", "depth=2", "depth=3"), MODEL, SEE_ALL),
    "a default argument two modules away": (change("flow/deep.py", "start=0", "start=1"), MODEL, SEE_ALL),
    "a constant two modules away": (change("flow/deep.py", "FACTOR = 1", "FACTOR = 2"), MODEL, SEE_ALL),
    "a decorator": (change("flow/models.py", "return function", "return lambda xs: function(xs, 7)"), MODEL, SEE_ALL),
    "the base class of an object": (change("flow/models.py", "self.value + 1", "self.value + 2"), ("score", "table"), ("train", *SEE_ALL)),
    "a changed file": (change("raw/a.csv", "1,2,3", "1,2,4"), ("fetch", "prep", "one", *MODEL), SEE_ALL),
    "a changed file of the same size and time": (unseen("raw/a.csv", "1,2,3", "1,2,4"), ("fetch", "prep", "one", *MODEL), SEE_ALL),
    "code of the same size and time": (unseen("flow/deep.py", "FACTOR = 1", "FACTOR = 3"), MODEL, SEE_ALL),
    "one more file": (lambda folder: folder.write("raw/b.csv", "4"), ("fetch", "prep"), ()),
    "one other element": (change("raw/a.csv", "1,2,3", "0,1,2"), ("fetch", "prep", "one", *MODEL), SEE_ALL),
    "a script": (change("run.sh", "$1", "$1 2"), ("shell",), ()),
    "the command": (change("pipeline.yaml", "echo $rate", "echo $rate now"), ("plain",), ()),
    "an option of the command": (change("pipeline.yaml", "command_type: shell, next: env", "command_type: shell, strict: true, next: env"), ("plain",), ()),
    "the lambda": (change("pipeline.yaml", "digits=2", "digits=1"), ("table",), ()),
    "the name of a result": (change("pipeline.yaml", "returns: [y]", "returns: [z]"), ("one", "one", "one"), SEE_ALL),
    "the kind of a result": (change("pipeline.yaml", "{name: auc, kind: metric}", "{name: auc, kind: json}"), ("score",), ()),
    "the files it puts": (change("pipeline.yaml", "put: out.txt", 'put: "out.*"'), ("score",), ()),
    "the name of a secret": (change("pipeline.yaml", "secrets: [token]", "secrets: [other]"), ("train",), ()),
    "the version of a step": (change("pipeline.yaml", "train: {", "train: {cache: {version: 2, environment: true}, "), ("train",), ()),
    "a parameter": (change("parameters.yaml", "rate: 1", "rate: 2"), ("plain", *MODEL, *SEE_ALL), ()),
    "a parameter of one step": (change("parameters.yaml", "scale: 1", "scale: 2"), ("one", "one", "one"), ("train", *SEE_ALL)),
    "the version of a library": (library, ALL, ()),
}  # fmt: skip


@pytest.fixture
def project(folder):
    for name, text in FILES.items():
        folder.write(name, text)
    return folder


def run(folder):
    environment = {"PYTHONPATH": str(folder.path / "env")}
    result = folder.magnus("execute", "-c", "config.yaml", "-p", "parameters.yaml", env=environment)
    assert result.status == 0, result.err
    return result.log


def steps_of(log):
    for name, step in log["steps"].items():
        yield name, step
        for branch in step["branches"].values():
            yield from steps_of(branch)


def ran(log):
    tasks = [(name, step) for name, step in steps_of(log) if step["step_type"] == "task"]
    return sorted(name for name, step in tasks if "cached_from" not in step and name != "never")


@pytest.mark.parametrize(("edit", "affected", "without_need"), EDITS.values(), ids=EDITS)
def test_an_edit_runs_the_steps_that_it_affects(project, edit, affected, without_need):
    first = run(project)
    assert ran(first) == sorted(ALL)
    edit(project)
    second = run(project)
    assert ran(second) == sorted((*affected, *without_need)), json.dumps(
        {name: step.get("cache", {}).get("reason") for name, step in steps_of(second)}, indent=1
    )


def test_there_are_at_least_forty_edits():
    assert len(EDITS) >= 40
