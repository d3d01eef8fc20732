"""Of two runs that differ in exactly one thing, `magnus diff` names that thing, and nothing of another kind."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from forked import kept

FILES = {
    "work.py": '''\
"""Work."""
import os
from dataclasses import dataclass

import helpers
from pack import rates as r

FACTOR = 2


@dataclass
class Options:
    depth: int = 3


def prepare(n: int = 3):
    return {"rows": _rows(n)}


def _rows(n):
    return n * FACTOR


def train(rows, lr, options: Options = None):
    return {"model": helpers.fit(rows, lr) + (options or Options()).depth}


def score(i, model):
    return {"s": model * i}


def left(model):
    return {"l": r.rate() * model}


def right(model):
    return {"r": model}


def round_(k, model):
    return {"model2": model + k, "done": k == 1}


def most(*values):
    return max(values)


def chosen(l):
    return {"end": l}


def unused():
    return 1
''',
    "helpers.py": "SHIFT = 1\n\n\ndef fit(rows, lr):\n    return rows * lr + SHIFT\n\n\ndef unused():\n    return 1\n",
    "pack/__init__.py": "",
    "pack/rates.py": "from .base import BASE\n\n\ndef rate():\n    return BASE * 2\n",
    "pack/base.py": "BASE = 1\n",
    "count.sh": "wc -c < data/in.csv\n",
    "data/in.csv": "1,2\n",
    "data/each.csv": "1\n",
    "inner.yaml": """\
dag:
  start_at: deep
  steps:
    deep: {type: task, command_type: python-lambda, command: "lambda rows: {'d': rows}", next: success}
""",
    "p.yaml": """\
dag:
  start_at: prepare
  steps:
    prepare: {type: task, command: work.prepare, next: load}
    load:
      type: task
      command_type: shell
      command: "export MAGNUS_PRM_bytes=$(bash count.sh); echo ${unit} > unit.txt"
      next: train
      catalog: {put: ["data/in*", unit.txt]}
    train: {type: task, command: work.train, next: each, max_attempts: 2, retry_delay: 0}
    each:
      type: map
      iterate_on: is
      iterate_as: i
      reducer: work.most
      next: both
      branch:
        start_at: score
        steps:
          score: {type: task, command: work.score, next: keep}
          keep: {type: task, command_type: shell, command: ": $i", next: success, catalog: {put: [data/each.csv]}}
    both:
      type: parallel
      next: inner
      branches:
        one: {start_at: left, steps: {left: {type: task, command: work.left, next: success}}}
        two: {start_at: right, steps: {right: {type: task, command: work.right, next: success}}}
    inner: {type: dag, dag_definition: inner.yaml, next: rounds}
    rounds:
      type: loop
      max_iterations: 3
      break_on: done
      index_as: k
      next: choose
      branch: {start_at: turn, steps: {turn: {type: task, command: work.round_, next: success}}}
    choose:
      type: conditional
      parameter: mode
      next: last
      branches:
        fast: {start_at: quick, steps: {quick: {type: task, command: work.chosen, next: success}}}
      default: {start_at: slow, steps: {slow: {type: task, command: work.chosen, next: success}}}
    last: {type: stub, next: success}
""",
    "parameters.yaml": "lr: 2\nis: [1, 2, 2]\nmode: fast\n",
    "c.yaml": "executor: {type: local, config: {enable_parallel: false}}\ncatalog: {type: file-system}\n",
    "site/thing-1.0.dist-info/METADATA": "",
    "site/other-1.0.dist-info/METADATA": "",
}
GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


class Project:
    """A folder with a pipeline and a way to run it that a mutation may change."""

    def __init__(self, path, commands):
        self.path = path
        self.commands = commands
        self.environment = kept()
        self.environment["PYTHONPATH"] = ":".join(filter(None, (os.environ.get("PYTHONPATH"), str(path / "site"))))
        self.arguments = ["p.yaml", "-p", "parameters.yaml", "-c", "c.yaml"]
        self.variables = {"MAGNUS_VAR_unit": "B"}

    def magnus(self, *arguments):
        return self.commands(*arguments, cwd=self.path, env={**self.environment, **self.variables})

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def replace(self, name, old, new):
        file = self.path / name
        text = file.read_text()
        assert text.count(old) == 1, (name, old)
        file.write_text(text.replace(old, new))

    def run(self, run_id):
        ran = self.magnus("execute", *self.arguments, "--run-id", run_id)
        assert ran.returncode in {0, 1}, ran.stderr
        return json.loads(ran.stdout)

    def diff(self, first="first", second="second", *more):
        said = self.magnus("diff", first, second, "--json", *more)
        assert said.returncode == 0, said.stderr
        return json.loads(said.stdout)

    def git(self, *arguments):
        subprocess.run([*GIT, *arguments], cwd=self.path, check=True)


def made(path, files, commands):
    path.mkdir(exist_ok=True)
    project = Project(path, commands)
    for name, text in files.items():
        project.write(name, text)
    project.git("init", "-q")
    project.git("add", ".")
    project.git("commit", "-qm", "first")
    return project


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory, commands):
    project = made(tmp_path_factory.mktemp("base"), FILES, commands)
    log = project.run("first")
    assert log["status"] == "SUCCESS", log
    return project.path


@pytest.fixture
def project(ran_once, tmp_path, commands):
    shutil.copytree(ran_once, tmp_path, dirs_exist_ok=True)
    return Project(tmp_path, commands)


@dataclass
class Mutation:
    """One change, and how it is named."""

    what_changes: str
    change: Callable[[Project], object]
    kind: str
    what: str
    step: str
    text: str = field(default="")


def edit(name, old, new):
    return lambda project: project.replace(name, old, new)


def writes(name, text):
    return lambda project: project.write(name, text)


def asks(*arguments):
    return lambda project: project.arguments.extend(arguments)


def sets(**variables):
    return lambda project: project.variables.update(variables)


def renames(old, new):
    return lambda project: (project.path / old).rename(project.path / new)


M = Mutation
MUTATIONS = [
    M("a function", edit("work.py", "_rows(n)}", "_rows(n) + 1}"), "code", "work.py:prepare", "prepare",
      "step 'prepare' differs first: its code changed (work.py: prepare)"),
    M("a function with the same results", edit("work.py", "model * i", "i * model"), "code", "work.py:score", "each/score"),
    M("a function in a parallel branch", edit("work.py", '{"r": model}', '{"r": -model}'), "code", "work.py:right", "both/two/right"),
    M("a function in a loop", edit("work.py", "model + k", "model - k"), "code", "work.py:round_", "rounds/turn"),
    M("a function in a conditional", edit("work.py", '{"end": l}', '{"end": -l}'), "code", "work.py:chosen", "choose/fast/quick"),
    M("a private helper", edit("work.py", "n * FACTOR", "n + FACTOR"), "code", "work.py:_rows", "prepare"),
    M("a constant", edit("work.py", "FACTOR = 2", "FACTOR = 3"), "code", "work.py:FACTOR", "prepare"),
    M("a class of an annotation", edit("work.py", "depth: int = 3", "depth: int = 4"), "code", "work.py:Options", "train"),
    M("what a module does when it is imported", edit("work.py", "FACTOR = 2", "FACTOR = 2\nsorted('x')"), "code", "work.py", "prepare"),
    M("a function of another module", edit("helpers.py", "rows * lr", "rows - lr"), "code", "helpers.py:fit", "train",
      "step 'train' differs first: its code changed (helpers.py: fit)"),
    M("a constant of another module", edit("helpers.py", "SHIFT = 1", "SHIFT = 2"), "code", "helpers.py:SHIFT", "train"),
    M("what a module of a package imports", edit("pack/base.py", "1", "5"), "code", "pack/base.py:BASE", "both/one/left"),
    M("a reducer", edit("work.py", "max(values)", "min(values)"), "code", "work.py:most", "each"),
    M("a script of a shell step", edit("count.sh", "wc -c", "wc -l"), "code", "count.sh", "load"),
    M("a value of the parameters file", edit("parameters.yaml", "lr: 2", "lr: 3"), "parameter", "lr", "train",
      "parameter 'lr' was 2, is 3 (initial)"),
    M("a list of the parameters file", edit("parameters.yaml", "[1, 2, 2]", "[2, 2, 5, 1]"), "parameter", "is", "each",
      "parameter 'is[0]' was 1, is 2 and 2 more (initial)"),
    M("a parameter that chooses", edit("parameters.yaml", "fast", "careful"), "parameter", "mode", "choose"),
    M("a parameter of the command line", asks("--n", "7"), "parameter", "n", "prepare", "parameter 'n' is new, 7 (initial)"),
    M("a parameter of the environment", sets(MAGNUS_PRM_n="7"), "parameter", "n", "prepare"),
    M("a parameter from a number to its text", asks("--lr", '"2"'), "parameter", "lr", "train"),
    M("a file that a step reads", writes("data/in.csv", "1,2,3\n"), "data", "data/in.csv", "load",
      "'data/in.csv' has other content (read by 'load')"),
    M("a file that branches read", writes("data/each.csv", "2\n"), "data", "data/each.csv", "each/keep"),
    M("one more file", writes("data/in2.csv", "1\n"), "data", "data/in2.csv", "load"),
    M("an option of the executor", edit("c.yaml", "false", "true"), "configuration", "executor.config.enable_parallel", "",
      "configuration: executor.config.enable_parallel was false, is true"),
    M("an option of the catalog", edit("c.yaml", "{type: file-system}", "{type: file-system, config: {strict: true}}"),
      "configuration", "catalog.config.strict", ""),
    M("a service", lambda p: p.write("c.yaml", (p.path / "c.yaml").read_text() + "secrets: {type: env-secrets-manager}\n"),
      "configuration", "secrets.type", ""),
    M("the version of a package", renames("site/thing-1.0.dist-info", "site/thing-1.1.dist-info"), "packages", "thing", "",
      "package thing was 1.0, is 1.1"),
    M("a package that is gone", lambda p: shutil.rmtree(p.path / "site/other-1.0.dist-info"), "packages", "other", "",
      "package other is gone, was 1.0"),
    M("a variable", sets(MAGNUS_VAR_unit="kB"), "variable", "unit", "load", "variable 'unit' has another value (of step 'load')"),
    M("another function", edit("p.yaml", "work.right", "work.left"), "pipeline", "both/two/right", "both/two/right",
      "step 'both/two/right' is defined in another way: command was work.right, is work.left"),
    M("another command of a shell", edit("p.yaml", ": $i", "true"), "pipeline", "each/keep", "each/keep"),
    M("another lambda in an included file", edit("inner.yaml", "{'d': rows}", "{'d': 0}"), "pipeline", "inner/deep", "inner/deep"),
    M("another next", edit("p.yaml", "work.prepare, next: load", "work.prepare, next: train"), "pipeline", "prepare", "prepare",
      "step 'prepare' is defined in another way: next was load, is train"),
    M("another number of attempts", edit("p.yaml", "max_attempts: 2", "max_attempts: 3"), "pipeline", "train", "train",
      "step 'train' is defined in another way: max_attempts was 2, is 3"),
    M("attempts where there were none", edit("p.yaml", "command: work.left", "command: work.left, retry: 4"), "pipeline", "both/one/left", "both/one/left"),
    M("another element name of a map", edit("p.yaml", "reducer: work.most", "reducer: 'lambda *v: 0'"), "pipeline", "each", "each"),
    M("a step that is new", lambda p: (p.replace("p.yaml", "work.prepare, next: load", "work.prepare, next: more"),
                                       p.replace("p.yaml", "    last:", "    more: {type: stub, next: load}\n    last:")),
      "pipeline", "more", "more", "step 'more' is new in the pipeline"),
    M("a step that is new and first", lambda p: (p.replace("p.yaml", "start_at: prepare", "start_at: more"),
                                                 p.replace("p.yaml", "    last:", "    more: {type: stub, next: prepare}\n    last:")),
      "pipeline", "more", "more"),
    M("a step that is gone", lambda p: (p.replace("p.yaml", "next: last", "next: success"),
                                        p.replace("p.yaml", "    last: {type: stub, next: success}\n", "")),
      "pipeline", "last", "last", "step 'last' is gone from the pipeline"),
    M("a step in a branch that is gone", lambda p: (p.replace("p.yaml", "work.score, next: keep", "work.score, next: success"),
                                                    p.replace("p.yaml", '          keep: {type: task, command_type: shell, command: ": $i", next: success, catalog: {put: [data/each.csv]}}\n', "")),
      "pipeline", "each/keep", "each/keep"),
    M("where it begins", edit("p.yaml", "start_at: prepare", "start_at: load"), "pipeline", "start_at", "",
      "the pipeline started at step 'prepare', starts at 'load'"),
    M("the commit", lambda p: p.git("commit", "-q", "--allow-empty", "-m", "second"), "commit", "git", ""),
]  # fmt: skip


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what_changes)
def test_the_one_thing_that_changed_is_named(project, mutation):
    mutation.change(project)
    project.run("second")
    said = project.diff()
    [cause] = said["causes"]
    assert said["verdict"]["cause"] == cause
    assert (cause["kind"], cause["what"], said["verdict"]["step"] or "") == (
        mutation.kind,
        mutation.what,
        mutation.step,
    )
    assert said["verdict"]["differs"]
    assert mutation.text in said["verdict"]["text"]


NOTHING = {
    "nothing": lambda project: None,
    "a function that no step uses": edit("work.py", "def unused():\n    return 1", "def unused():\n    return 2"),
    "a function of another module that no step uses": edit(
        "helpers.py", "def unused():\n    return 1", "def unused():\n    return 2"
    ),
    "what the module says of itself, and a comment": lambda p: p.replace(
        "work.py", '"""Work."""', '"""Other."""\n# so'
    ),
    "a comment and a description in the pipeline": edit("p.yaml", "dag:\n", "dag:\n  # so\n  description: other\n"),
    "the spelling of what means the same": edit("p.yaml", "last: {type: stub,", "last: {type: as-is,"),
    "a file that no step looks at": writes("data/else.csv", "1"),
    "a tag": asks("--tag", "t"),
}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
def test_what_no_step_uses_is_no_difference(project, change):
    change(project)
    project.run("second")
    said = project.diff()
    assert said["verdict"] == {"text": "no difference but timing", "differs": False, "step": None, "cause": None}
    assert (said["causes"], said["steps"], said["run"]) == ([], [], [])
