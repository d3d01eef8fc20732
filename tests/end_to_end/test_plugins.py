"""A distribution that is not magnus, built as a wheel and installed by pip, brings a plugin of each family."""

import json
import os
import shlex
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from acme_magnus.run_log_store import SqliteOptions, SqliteRunLogStore
from acme_magnus.secrets import FilesOptions, FilesSecrets
from acme_magnus.task_kind import FormatTask

from magnus.interfaces.graph import TaskSpec
from magnus.interfaces.records import JsonParameter
from magnus.testing.executor_contract import ProcessExecutorContract
from magnus.testing.run_log_store_contract import RunLogStoreContract
from magnus.testing.secrets_contract import SecretsContract
from magnus.testing.task_kind_contract import TaskKindContract
from magnus.testing.transpiler_contract import TranspilerContract

SOURCES = Path(__file__).parents[1] / "plugins"
ENTRY_POINTS = """\
[magnus.executor]
processes = acme_magnus.executor:ProcessExecutor
broken = acme_magnus.no_such_module:Thing
incomplete = acme_magnus.task_kind:FormatTask

both = acme_magnus.executor:ProcessExecutor
misplaced = acme_magnus.transpiler:ScriptTranspiler

[magnus.transpiler]
script = acme_magnus.transpiler:ScriptTranspiler

[magnus.run_log_store]
sqlite = acme_magnus.run_log_store:SqliteRunLogStore

[magnus.secrets]
acme-files = acme_magnus.secrets:FilesSecrets

[magnus.tasks]
format = acme_magnus.task_kind:FormatTask

[magnus.nodes]
repeat = acme_magnus.node_type:Repeat
lost = acme_magnus.no_such_module:Thing
half = acme_magnus.task_kind:FormatTask

[nodes]
old-repeat = acme_magnus.node_type:Repeat
alien = acme_magnus.task_kind:FormatTask

[magnus.integration]
acme = acme_magnus.integration:agree

[executor]
old = acme_magnus.executor:ProcessExecutor
foreign = acme_magnus.task_kind:FormatTask
"""
INTEGRATION = """\
import os
from magnus.errors import Problem

def agree(executor, services):
    if os.environ.get("ACME") == "refuses":
        yield Problem("acme wants another catalog", "ask acme", severity="error")
    if os.environ.get("ACME") == "warns":
        yield Problem("acme would like another catalog", severity="warning")
"""


def built(folder: Path, name: str, entry_points: str) -> Path:
    """A wheel of the plugins, whose format is a zip file (PEP 427)."""
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": entry_points,
    }
    if name == "acme_magnus":
        files["acme_magnus/integration.py"] = INTEGRATION
        files |= {f"acme_magnus/{file.name}": file.read_text() for file in (SOURCES / "acme_magnus").glob("*.py")}
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]))
    return wheel


def with_path(*folders):
    """The folders, before those of the tests."""
    return os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the distribution, and one with another that offers the same executor."""
    folder = tmp_path_factory.mktemp("installed")
    for name, entry_points in (
        ("acme_magnus", ENTRY_POINTS),
        (
            "rival_magnus",
            "[magnus.executor]\nprocesses = acme_magnus.task_kind:FormatTask\n"
            "[magnus.transpiler]\nboth = acme_magnus.transpiler:ScriptTranspiler\n"
            "[magnus.nodes]\nrepeat = acme_magnus.task_kind:FormatTask\n",
        ),
    ):
        wheel = built(folder, name, entry_points)
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(folder / name)]
        subprocess.run([*pip, str(wheel)], check=True, capture_output=True, env={**os.environ, "PIP_NO_CACHE_DIR": "1"})
    return folder


ADD_ONE = {"start_at": "add", "steps": {"add": {"command_type": "python-lambda", "command": "lambda x: {'x': x + 1}", "next": "success"}}}  # fmt: skip


class TestTheExecutor(ProcessExecutorContract):
    configuration = {"type": "processes", "config": {"workers": 2}}

    @pytest.fixture(autouse=True)
    def on_the_path(self, installed, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", with_path(installed / "acme_magnus"))


class TestTheExecutorWithTheStore(TestTheExecutor):
    run_log_store = {"type": "sqlite"}


class Row:
    """A record in the database, as a contract damages it."""

    def __init__(self, file, table, rowid):
        self.file = file
        self.at = f"{table} WHERE rowid = {rowid}"
        self.table = table

    def do(self, sql, *values):
        with closing(sqlite3.connect(self.file)) as database, database:
            return database.execute(sql, values).fetchone()

    def read(self):
        return self.do(f"SELECT record FROM {self.at}")[0]

    def write(self, content):
        self.do(f"UPDATE {self.at.replace(' WHERE', ' SET record = ? WHERE')}", content)

    def remove(self):
        self.do(f"DELETE FROM {self.at}")


def rows(file, run_id):
    with closing(sqlite3.connect(file)) as database:
        runs = database.execute("SELECT rowid FROM runs WHERE id = ?", (run_id,)).fetchall()
        steps = database.execute("SELECT rowid FROM steps WHERE run = ?", (run_id,)).fetchall()
    return [Row(file, "runs", rowid) for (rowid,) in runs] + [Row(file, "steps", rowid) for (rowid,) in steps]


class TestTheStore(RunLogStoreContract):
    def pieces(self, store, run_id):
        return rows(self.file, run_id)

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            self.file = Path(folder, "runs.db")
            yield lambda: SqliteRunLogStore(SqliteOptions(), Path(folder))


class TestTheSecrets(SecretsContract):
    provider = "acme-files"

    @contextmanager
    def place(self, secrets):
        with TemporaryDirectory() as folder:
            for name, value in secrets.items():
                Path(folder, name).write_bytes(value.encode())
            yield lambda: FilesSecrets(FilesOptions(folder=folder), Path.cwd())


class TestTheTaskKind(TaskKindContract):
    kind = FormatTask
    good = TaskSpec("format", "x is {x}", {"into": "said"})
    failing = TaskSpec("format", "y is {y}")
    wrong = TaskSpec("format", "nothing")
    sets = {"said": JsonParameter("x is 1")}


class TestTheTranspiler(TranspilerContract):
    configuration = {"type": "script", "config": {"output_file": "scripts/run.sh"}}

    def commands(self, files):
        [text] = files.values()
        return list(commands_in(text))

    @pytest.fixture(autouse=True)
    def on_the_path(self, installed, monkeypatch):
        monkeypatch.setenv("PYTHONPATH", with_path(installed / "acme_magnus"))
        monkeypatch.syspath_prepend(str(installed / "acme_magnus"))


def commands_in(script):
    """The command lines of magnus in a shell script, without the program; the run id is its argument."""
    reader = shlex.shlex(script, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    words = list(reader)
    for number, (word, following) in enumerate(pairwise(words)):
        if (word, following) in {("magnus", "execute_single_node"), ("magnus", "fan")}:
            rest = words[number + 1 :]
            end = next(place for place, each in enumerate(rest) if set(each) <= set(";&|(){}"))
            yield ["id" if each == "$run" else each for each in rest[:end]]


NO_TASK = {"command": None, "command_type": None}


def executed(folder, installed, configuration=None, *, acme="", others=False, **task):
    step = {"type": "task", "command_type": "format", "command": "{x}!", "next": "success", **task}
    step = {key: value for key, value in step.items() if value is not None}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    folder.write("c.yaml", json.dumps(configuration or {}, indent=1))
    path = [str(installed / "acme_magnus"), *([str(installed / "rival_magnus")] if others else [])]
    environment = {"PYTHONPATH": with_path(*path), "ACME": acme}
    return folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--x", "3", env=environment)


@pytest.mark.parametrize("executor", ["local", "processes", "old"])
def test_all_of_them_together(folder, installed, executor):
    done = executed(
        folder, installed, {"executor": {"type": executor}, "run_log_store": {"type": "sqlite"}}, into="said"
    )
    assert done.status == 0, done.err
    assert done.log["parameters"] == {"x": 3, "said": "3!"}
    assert (folder.path / "runs.db").exists()


def test_a_secret_of_a_provider_of_a_package(folder, installed):
    folder.write("vault/api_key", "never-to-be-seen")
    services = {"secrets": {"type": "acme-files", "config": {"folder": "vault"}}}
    done = executed(folder, installed, services, command_type="shell", command="echo key $api_key", secrets="api_key")
    assert done.status == 0, done.err
    assert "key *****" in done.err
    assert "never-to-be-seen" not in done.out + done.err


@pytest.mark.parametrize(
    ("configuration", "task", "message"),
    [
        (
            {"run_log_store": {"type": "sqlite", "config": {"timeout": 0, "fil": "x"}}},
            {},
            "c.yaml:5:4: error: run_log_store 'sqlite': timeout must be more than 0.0, not 0\n  fix: write more than 0.0\n"
            "c.yaml:6:4: error: run_log_store 'sqlite': unknown field 'fil'\n  fix: did you mean 'file'?\n",
        ),
        (
            {"executor": {"type": "proceses"}},
            {},
            "c.yaml:3:3: error: executor has no type 'proceses'\n  fix: did you mean 'processes'?\n",
        ),
        (
            {"executor": {"type": "broken"}},
            {},
            "c.yaml:3:3: error: executor 'broken' of the package 'acme_magnus' cannot be loaded: "
            "ModuleNotFoundError: No module named 'acme_magnus.no_such_module'\n"
            "  fix: fix, update or remove that package\n",
        ),
        (
            {"executor": {"type": "incomplete"}},
            {},
            "c.yaml:3:3: error: executor 'incomplete' of the package 'acme_magnus' cannot be used: "
            "it has no 'capabilities', '__enter__', '__exit__', 'submit', 'cancel'\n"
            "  fix: update that package; docs/how-to/write-an-executor.md has what it needs\n",
        ),
        (
            {"executor": {"type": "foreign"}},
            {},
            "c.yaml:3:3: error: executor has no type 'foreign'; that of the package 'acme_magnus' is none of magnus: "
            "it has no 'capabilities', '__enter__', '__exit__', 'submit', 'cancel'\n"
            "  fix: update that package for this generation of magnus; "
            "docs/how-to/write-an-executor.md has what it needs\n",
        ),
        (
            {"executor": {"type": "script", "config": {"output": "x", "program": 3}}},
            {},
            "c.yaml:5:4: error: executor 'script': unknown field 'output'\n  fix: did you mean 'output_file'?\n"
            "c.yaml:6:4: error: executor 'script': program must be a list, not 3\n  fix: write it as [3], or as lines that start with '- '\n",
        ),
        (
            {"executor": {"type": "misplaced"}},
            {},
            "c.yaml:3:3: error: executor 'misplaced' of the package 'acme_magnus' cannot be used: "
            "it has no '__enter__', '__exit__', 'submit', 'cancel'\n"
            "  fix: register it under 'magnus.transpiler'; docs/how-to/write-a-transpiler.md has what it needs\n",
        ),
        ({}, {"inot": "x"}, "p.yaml:10:5: error: step 'a': unknown field 'inot'\n  fix: did you mean 'into'?\n"),
        ({}, {"command": "x"}, "p.yaml:8:5: error: step 'a': there is nothing to fill in\n  fix: write {name} somewhere\n"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plugin_or_its_options(folder, installed, configuration, task, message):
    done = executed(folder, installed, configuration, **task)
    assert (done.status, done.out, done.err) == (2, "", message)


def test_a_program_writes_its_pipeline_for_an_executor_that_reads_it(folder, installed):
    folder.write(
        "program.py",
        "from magnus import *\n"
        "def f(x): return x + 1\n"
        "def main():\n"
        "    one = PythonTask(f, returns=['n']).as_pipeline()\n"
        "    run = Pipeline([Map('m', one, 'xs', 'x')]).execute('c.yaml', parameters={'xs': [1, 2]})\n"
        "    print(run.parameters['n'])\n"
        "if __name__ == '__main__': main()\n",
    )
    folder.write("c.yaml", json.dumps({"executor": {"type": "processes"}}))
    environment = {**os.environ, "PYTHONPATH": with_path(installed / "acme_magnus")}
    argv = [sys.executable, "program.py"]
    done = subprocess.run(argv, cwd=folder.path, env=environment, capture_output=True, text=True)
    assert done.stdout == "[2, 3]\n", done.stderr
    assert "command: program.py:f" in (folder.path / "magnus-pipeline.yaml").read_text()


@pytest.mark.parametrize("executor", ["local", "processes"])
@pytest.mark.parametrize("word", ["repeat", "old-repeat"])
def test_a_node_type_of_a_package(folder, installed, executor, word):
    inner = {"start_at": "in", "steps": {"in": {"type": word, "times": 2, "branch": ADD_ONE, "next": "success"}}}
    done = executed(folder, installed, {"executor": {"type": executor}}, type=word, times=3, branch=inner, **NO_TASK)
    assert done.status == 0, done.err
    assert done.log["parameters"] == {"x": 9}
    step = done.log["steps"]["a"]
    assert (step["step_type"], list(step["branches"])) == ("repeat", ["0", "1", "2"])
    retried = folder.magnus("retry", done.log["run_id"], env={"PYTHONPATH": with_path(installed / "acme_magnus")})
    assert retried.log["steps"]["a"]["mock"], retried.err


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (
            {"type": "repeet"},
            "p.yaml:6:5: error: step 'a': unknown node type 'repeet'\n  fix: did you mean 'repeat'?\n",
        ),
        (
            {"type": "lost"},
            "p.yaml:6:5: error: step 'a': nodes 'lost' of the package 'acme_magnus' cannot be loaded: "
            "ModuleNotFoundError: No module named 'acme_magnus.no_such_module'\n"
            "  fix: fix, update or remove that package\n",
        ),
        (
            {"type": "half"},
            "p.yaml:6:5: error: step 'a': nodes 'half' of the package 'acme_magnus' cannot be used: "
            "it has no 'read', 'pipelines', 'lower'\n"
            "  fix: update that package; docs/how-to/write-a-node-type.md has what it needs\n",
        ),
        (
            {"type": "alien"},
            "p.yaml:6:5: error: step 'a': unknown node type 'alien'; that of the package 'acme_magnus' is none of magnus: "
            "it has no 'read', 'pipelines', 'lower'\n"
            "  fix: update that package for this generation of magnus; "
            "docs/how-to/write-a-node-type.md has what it needs\n",
        ),
        (
            {"type": "repeat", "times": 0, "branch": ADD_ONE, "brunch": 1},
            "p.yaml:8:5: error: step 'a': times must be at least 1, not 0\n  fix: write at least 1\n"
            "p.yaml:19:5: error: step 'a': unknown field 'brunch'\n  fix: did you mean 'branch'?\n",
        ),
    ],
)
def test_what_is_wrong_with_a_node_type_or_a_step_of_it(folder, installed, step, message):
    done = executed(folder, installed, **step, **NO_TASK)
    assert (done.status, done.out, done.err) == (2, "", message)


def test_two_packages_that_offer_one_node_type(folder, installed):
    done = executed(folder, installed, others=True, type="repeat", times=3, branch=ADD_ONE, **NO_TASK)
    assert (done.status, done.err) == (
        2,
        "p.yaml:6:5: error: step 'a': nodes 'repeat' is offered by several packages: 'acme_magnus' and 'rival_magnus'\n"
        "  fix: remove all but one of them\n",
    )


def test_two_packages_that_offer_one_name(folder, installed):
    done = executed(folder, installed, {"executor": {"type": "processes"}}, others=True)
    assert (done.status, done.err) == (
        2,
        "c.yaml:3:3: error: executor 'processes' is offered by several packages: 'acme_magnus' and 'rival_magnus'\n"
        "  fix: remove all but one of them\n",
    )


def test_a_name_of_an_executor_and_of_a_transpiler(folder, installed):
    done = executed(folder, installed, {"executor": {"type": "both"}}, others=True)
    assert (done.status, done.err) == (
        2,
        "c.yaml:3:3: error: executor 'both' is offered as an executor by the package 'acme_magnus' "
        "and as a transpiler by the package 'rival_magnus'\n  fix: remove one of them\n",
    )


SHAPES = {
    "chain": {"start_at": "a", "steps": {
        "a": {"command_type": "python-lambda", "command": "lambda x: {'x': x + 1}", "next": "it's b"},
        "it's b": {"command_type": "shell", "command": "echo $x > x.txt", "catalog": {"put": "x.txt"}, "next": "c"},
        "c": {"command_type": "format", "command": "{x}!", "into": "said", "next": "success"},
    }},
    "failures": {"start_at": "a", "steps": {
        "a": {"command_type": "shell", "command": "exit 3", "next": "success", "on_failure": "b", "max_attempts": 2},
        "b": {"command_type": "shell", "command": "exit 4", "next": "success"},
    }},
    "parallel": {"start_at": "p", "steps": {
        "p": {"type": "parallel", "next": "success", "branches": {"left": ADD_ONE, "right side": ADD_ONE}},
    }},
    "parallel that fails": {"start_at": "p", "steps": {
        "p": {"type": "parallel", "next": "success", "on_failure": "saved", "branches": {"left": ADD_ONE, "bad": {
            "start_at": "b", "steps": {"b": {"command_type": "shell", "command": "exit 5", "next": "success"}},
        }}},
        "saved": {"command_type": "format", "command": "saved {x}", "into": "said", "next": "success"},
    }},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_what_a_transpiler_writes_leaves_the_run_log_of_a_local_run(folder, installed, shape):
    folder.write("p.yaml", json.dumps({"dag": SHAPES[shape]}, indent=1))
    program = [sys.executable, "-m", "magnus"]
    folder.write("c.yaml", json.dumps({"executor": {"type": "script", "config": {"program": program}}}))
    environment = {"PYTHONPATH": with_path(installed / "acme_magnus")}
    local = folder.magnus("execute", "p.yaml", "--x", "3", "--text", '"it\'s"', env=environment)
    (folder.path / "x.txt").unlink(missing_ok=True)
    done = folder.magnus(
        "execute", "p.yaml", "-c", "c.yaml", "--x", "3", "--text", '"it\'s"', "--run-id", "mine", env=environment
    )
    assert (done.status, done.out) == (0, ""), done.err
    assert done.err.endswith("written: pipeline.sh\nrun it with: sh pipeline.sh mine\n")
    variables = {**os.environ, **environment}
    ran = subprocess.run(["sh", "pipeline.sh", "mine"], cwd=folder.path, env=variables, capture_output=True, text=True)
    assert ran.returncode == local.status, ran.stderr
    log = folder.magnus("show", "mine", "--json", env=environment).log
    assert log["status"] == local.log["status"]
    assert log["parameters"] == local.log["parameters"]
    assert story(log) == story(local.log)


def story(log):
    """The steps of the run log with what they did, without times and places."""
    kept = ("status", "message", "step_type", "mock", "parameters")
    return {
        name: {
            **{key: step.get(key) for key in kept},
            "attempts": [(attempt["status"], attempt["message"]) for attempt in step["attempts"]],
            "data": [(entry["name"], entry["data_hash"], entry["stage"]) for entry in step["data_catalog"]],
            "branches": {key: (branch["status"], story(branch)) for key, branch in step["branches"].items()},
        }
        for name, step in log["steps"].items()
    }


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("map", {"iterate_on": "xs", "iterate_as": "x"}),
        ("loop", {"max_iterations": 2}),
        ("repeat", {"times": 2}),
    ],
)
def test_a_transpiler_refuses_a_step_it_cannot_write_before_it_writes_anything(folder, installed, kind, more):
    step = {"type": kind, **more, "branch": ADD_ONE, "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}, indent=1))
    folder.write("c.yaml", json.dumps({"executor": {"type": "script"}}))
    environment = {"PYTHONPATH": with_path(installed / "acme_magnus")}
    for command in ("execute", "check"):
        done = folder.magnus(command, "p.yaml", "-c", "c.yaml", "--xs", "[1]", "--x", "1", env=environment)
        assert done.status == 2
        assert f"p.yaml:6:5: error: step 'a': a script has no steps of type '{kind}'\n" in done.out + done.err
        assert (
            "fix: write the branches under a step of type parallel, or choose another executor" in done.out + done.err
        )
    assert sorted(file.name for file in folder.path.iterdir() if file.suffix == ".sh") == []


def test_an_executor_that_leaves_the_process_needs_a_store_that_others_reach(folder, installed):
    done = executed(folder, installed, {"executor": {"type": "processes"}, "run_log_store": {"type": "buffered"}})
    assert (done.status, done.err) == (
        2,
        "c.yaml:6:3: error: the executor runs steps in other processes of this machine, "
        "and the run log store is one that this process alone can use\n"
        "  fix: choose another type of run log store, or another executor\n",
    )


def test_a_plugin_may_object_to_a_combination(folder, installed):
    services = {"executor": {"type": "processes"}}
    done = executed(folder, installed, services, acme="refuses")
    assert (done.status, done.err) == (2, "c.yaml:3:3: error: acme wants another catalog\n  fix: ask acme\n")
    done = executed(folder, installed, services, acme="warns")
    assert done.status == 0
    assert "c.yaml:3:3: warning: acme would like another catalog\n" in done.err
