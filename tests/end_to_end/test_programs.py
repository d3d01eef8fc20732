"""Programs that build pipelines, as users write and run them: scripts of both generations, workers, re-entry, tests."""

import json
import os
import subprocess
import sys
import threading

import pytest
from safety_net import LONGEST_SECONDS

from magnus import Catalog, Map, Parallel, Pipeline, PythonTask, ShellTask, Task
from magnus.errors import InvalidInput, RunFailed

WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n"

OF_2024 = """\
from magnus import Catalog, Map, Parallel, Pipeline, Stub, Task


def main():
    first = Task(name="first", command="lambda x: {'x': int(x) + 1, 'items': [1, 2]}", command_type="python-lambda")
    second = Task(
        name="second",
        command="mkdir -p data; echo $x > data/x.txt",
        command_type="shell",
        catalog=Catalog(put=["data/*"]),
    )
    inner = Task(name="inner", command="lambda item: {'double': 2 * item}", command_type="python-lambda",
                 terminate_with_success=True)
    each = Map(name="each", branch=Pipeline(steps=[inner], start_at=inner, add_terminal_nodes=True),
               iterate_on="items", iterate_as="item")
    stub = Stub(name="stub", terminate_with_success=True)
    both = Parallel(name="both", branches={"a": Pipeline(steps=[stub], start_at=stub, add_terminal_nodes=True)},
                    terminate_with_success=True)
    first >> second >> each
    both << each
    pipeline = Pipeline(start_at=first, name="getting started", steps=[first, second, each, both],
                        add_terminal_nodes=True)
    return pipeline


if __name__ == "__main__":
    main().execute(parameters_file="parameters.yaml", tag="old")
"""

OF_2026 = """\
import sys

from pydantic import BaseModel
from magnus import Conditional, Loop, Map, Pipeline, PythonTask, ShellTask, metric


class Model(BaseModel):
    depth: int


def make(n: int = 2):
    print("making", n)
    return Model(depth=n), list(range(n)), "small"

def check(model: Model, x): return {"y": model.depth + x}
def largest(*values): return max(values)
def fails(): raise RuntimeError("on purpose")
def mend(): return 7
def count(i=0): return i >= 1
def score(y, mended): return y + mended


def build():
    on_failure = PythonTask(function=mend, name="mend", returns=["mended"]).as_pipeline()
    return Pipeline(steps=[
        PythonTask(name="make", function=make, returns=["model", "xs", "size"]),
        Map(name="each", branch=PythonTask(name="check", function=check).as_pipeline(), iterate_on="xs",
            iterate_as="x", reducer=largest),
        PythonTask(name="fails", function=fails, on_failure=on_failure),
    ])


def rest():
    return Pipeline(steps=[
        Loop(name="again", branch=PythonTask(name="count", function=count, returns=["stop"]).as_pipeline(),
             max_iterations=5, break_on="stop", index_as="i"),
        Conditional(name="which", parameter="size", branches={
            "small": ShellTask(name="shell", command="export said=hello", returns=["said"]).as_pipeline(),
            "large": PythonTask(name="never", function=fails).as_pipeline(),
        }),
    ])


if __name__ == "__main__":
    configuration = sys.argv[1] if len(sys.argv) > 1 else ""
    run = build().execute(configuration_file=configuration, parameters={"n": 3})
    print(run.parameters["y"], run.parameters["mended"], run.status.value)
    run = rest().execute(configuration_file=configuration, parameters={"size": "small"})
    print(run.parameters["said"], list(run.steps["again"].branches))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "workers.yaml").write_text(WORKERS)
    return tmp_path


def python(*arguments, status=0, **environment):
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=LONGEST_SECONDS
    )
    assert done.returncode == status, done.stderr
    return done


def magnus(*arguments, status=0):
    return python("-m", "magnus", *arguments, status=status)


def log_of(done):
    return json.loads(done.stdout)


def the_only_run(folder):
    [file] = (folder / ".run_log_store").glob("*.json")
    return json.loads(file.read_text())


def test_a_script_of_2024(folder):
    (folder / "parameters.yaml").write_text("x: 3\n")
    (folder / "script.py").write_text(OF_2024)
    done = python("script.py")
    log = the_only_run(folder)
    assert (log["status"], log["tag"]) == ("SUCCESS", "old")
    assert log["parameters"] == {"x": 4, "items": [1, 2], "double": [2, 4]}
    assert list(log["steps"]) == ["first", "second", "each", "both", "success"]
    assert [entry["name"] for entry in log["steps"]["second"]["data_catalog"]] == ["data/x.txt"]
    assert "first: SUCCESS" in done.stderr


@pytest.mark.parametrize("configuration", ["", "workers.yaml"])
def test_a_script_of_2026(folder, configuration):
    (folder / "script.py").write_text(OF_2026)
    done = python("script.py", *filter(None, [configuration]))
    assert done.stdout.splitlines() == ["5 7 SUCCESS", "hello ['0', '1']"]
    assert done.stderr.count("making 3") == 1


def test_the_command_runs_what_a_script_builds(folder):
    (folder / "script.py").write_text(OF_2024.replace("def main():", "def main():\n    print('main was called')"))
    log = log_of(magnus("execute", "script.py:main", "--x", "3", "-c", "workers.yaml"))
    assert (log["status"], log["parameters"]["x"]) == ("SUCCESS", 4)
    said = magnus("execute", "-f", "script.py", status=2).stderr
    assert "the script has no pipeline at its top level" in said
    assert "script.py:<function>" in said
    (folder / "script.py").write_text(OF_2026 + "\npipeline = rest()\nother = build()\n")
    log = log_of(magnus("execute", "-f", "script.py", "--size", "small"))
    assert log["parameters"]["said"] == "hello"
    log = log_of(magnus("execute", "-f", "script.py:other", "--n", "2"))
    assert log["parameters"]["mended"] == 7


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (
            "a = 1 +",
            "script.py:1:8: error: the script 'script.py' cannot be loaded: SyntaxError: invalid syntax\n  fix: ",
        ),
        (
            "\nimport nothing_there",
            "script.py:2: error: the script 'script.py' cannot be loaded: ModuleNotFoundError: ",
        ),
        ("import nothing_there", "No module named 'nothing_there'\n  fix: install it, or correct its name\n"),
        ("from magnus import *\na, b = Pipeline([Stub('a')]), Pipeline([Stub('b')])", "several pipelines: 'a', 'b'"),
        ("def f(): return 1", "the script has no pipeline at its top level"),
        ("from magnus import *\nPipeline([Stub('a')]).execute()", "executes a pipeline while it is imported"),
        (
            "raise SystemExit(3)",
            "script.py:1: error: the script 'script.py' cannot be loaded: sys.exit(3) was called\n",
        ),
        (
            "import os\nos._exit(0)",
            "script.py:2: error: the script 'script.py' cannot be loaded: os._exit(0) was called\n",
        ),
    ],
)
@pytest.mark.parametrize("command", ["execute", "check"])
def test_scripts_that_cannot_be_run(folder, command, script, said):
    (folder / "script.py").write_text(script)
    done = magnus(command, "script.py", status=2)
    shown = "\n".join(line for line in (done.stdout + done.stderr).splitlines(keepends=False) if " | " not in line)
    assert said in f"{shown}\n"
    assert "Traceback" not in done.stderr
    assert "/magnus/" not in done.stderr
    assert not (folder / ".run_log_store").exists()


def test_a_traceback_is_shown_where_it_leads_through_several_places(folder):
    (folder / "script.py").write_text("import other\n")
    (folder / "other.py").write_text("def f():\n    return {}['x']\n\n\nf()\n")
    done = magnus("execute", "script.py", status=2)
    assert done.stderr.count('  File "') == 3
    assert "/magnus/" not in done.stderr
    assert "\nother.py:2: error: the script 'script.py' cannot be loaded: KeyError: 'x'\n" in done.stderr


def test_steps_of_a_script_run_one_by_one(folder):
    """Functions of the script, found in processes that do not run it."""
    (folder / "sub").mkdir()
    (folder / "sub" / "helper.py").write_text("def two(): return 2\n")
    (folder / "sub" / "script.py").write_text(
        "from magnus import *\n"
        "class Kept:\n    def __init__(self): self.n = 5\n"
        "def first():\n    import helper\n    return helper.two()\n"
        "def second(n): assert __name__ != '__main__'; return {'m': n + Kept().n}\n"
        "p = Pipeline([PythonTask(first, returns=['n']), PythonTask(second)])\n"
        "if __name__ == '__main__': p.execute()\n"
    )
    for step in ("first", "second", "success"):
        magnus("execute_single_node", "mine", step, "-f", "sub/script.py")
    log = log_of(magnus("show", "mine", "--json"))
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"n": 2, "m": 7})
    assert log["run_config"]["dag"]["steps"]["first"]["command"] == "sub/script.py:first"


def test_a_script_that_imports_multiprocessing(folder):
    """Importing it puts the main module where that of a script stands."""
    (folder / "script.py").write_text(
        "import multiprocessing, sys\nfrom magnus import *\n"
        "class Thing:\n    n = 7\n"
        "def make(): return Thing()\ndef use(thing): return thing.n\n"
        "pipeline = Pipeline([PythonTask(make, returns=[pickled('thing')]), PythonTask(use, returns=['n'])])\n"
        "if __name__ == '__main__': print(pipeline.execute(*sys.argv[1:]).parameters['n'])\n"
    )
    assert python("script.py").stdout == python("script.py", "workers.yaml").stdout == "7\n"
    assert log_of(magnus("execute", "script.py"))["parameters"]["n"] == 7
    program = "import multiprocessing\nfrom magnus import *\ndef f(): return 1\nPipeline([PythonTask(f)]).execute('workers.yaml')\n"
    (folder / "script.py").write_text(program)
    assert "put the call of execute() under" in python("script.py", status=1).stderr


def test_a_script_that_is_run_as_a_module_of_a_package(folder):
    (folder / "pkg").mkdir()
    (folder / "pkg" / "__init__.py").touch()
    (folder / "pkg" / "util.py").write_text("def g(): return 3\n")
    (folder / "pkg" / "main.py").write_text(
        "import sys\nfrom pathlib import Path\nfrom magnus import *\nfrom .util import g\ndef f(): return g()\n"
        "if __name__ == '__main__':\n"
        "    print(Pipeline([PythonTask(f, returns=['n'])]).execute(Path('workers.yaml')).parameters['n'])\n"
    )
    assert python("-m", "pkg.main").stdout == "3\n"


def test_a_script_without_a_guard_says_so_in_workers(folder):
    program = "from magnus import *\ndef f(): return 1\nPipeline([PythonTask(f, returns=['x'])]).execute({})\n"
    (folder / "script.py").write_text(program.format("'workers.yaml'"))
    said = python("script.py", status=1).stderr
    assert "put the call of execute() under 'if __name__ == \"__main__\":'" in said
    (folder / "script.py").write_text(program.format(""))
    python("script.py")


def add(a, b=1):
    return a + b


def test_a_pipeline_is_a_function_of_its_parameters(folder, capfd):
    pipeline = Pipeline(
        [PythonTask(add, returns=["c"]), ShellTask("keep", "echo $c > c.txt", catalog=Catalog(put="c.txt"))]
    )
    run = pipeline.execute(parameters={"a": 1}, tag="t")
    assert (run.status, run.tag, run.parameters) == ("SUCCESS", "t", {"a": 1, "c": 2})
    assert pipeline.execute(parameters={"a": 2, "b": 3}, run_id="second").parameters["c"] == 5
    assert list(run.steps) == ["add", "keep", "success"]
    assert run.steps["add"].parameters == {"c": 2}
    assert run.steps["add"].attempts[0].parameters == {"a": 1}
    assert run.steps["keep"].artifacts["c.txt"].path().read_text() == run.artifacts["c.txt"].path().read_text() == "2\n"
    assert run.document()["run_id"] == run.run_id
    assert "add: SUCCESS" in capfd.readouterr().err


def test_functions_that_only_this_process_has(folder):
    base = 10
    branch = PythonTask(lambda x: x + base, "plus", returns=["y"]).as_pipeline()
    run = Pipeline([Map("m", branch, "xs", "x")]).execute(parameters={"xs": [1, 2]})
    assert run.parameters["y"] == [11, 12]
    assert run.steps["m"].branches["1"].parameters == {"y": 12}
    run = Pipeline([Map("m", branch, "xs", "x")]).execute("workers.yaml", parameters={"xs": [1]})
    assert run.parameters["y"] == [11]
    apart = Pipeline([PythonTask(lambda x=0: x + os.getpid(), "apart", returns=["pid"], timeout=LONGEST_SECONDS)])
    assert apart.execute().parameters["pid"] != os.getpid()


def test_functions_that_cannot_be_sent_are_refused(folder, monkeypatch):
    lock = threading.Lock()
    locked = PythonTask(lambda x=1: (x, lock.locked()), "locked", returns=["y"])
    with pytest.raises(
        InvalidInput, match=r"exists in this process alone, and the executor runs .*TypeError: cannot pickle"
    ):
        Pipeline([locked]).execute("workers.yaml")
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(InvalidInput, match=r"a step with a timeout .* is not installed") as caught:
        Pipeline([PythonTask(lambda: None, "slow", timeout=3)]).execute()
    assert "fix: pip install 'magnus[cloudpickle]', or " in str(caught.value)


def test_a_reducer_that_only_this_process_has(folder, monkeypatch):
    factor = 10
    branch = PythonTask(lambda x: x + 1, "plus", returns=["y"]).as_pipeline()
    begin = PythonTask(lambda: [1, 2, 3], "begin", returns=["xs"])
    pipeline = Pipeline([begin, Map("m", branch, "xs", "x", reducer=lambda *ys: factor * sum(ys))])
    assert pipeline.execute().parameters["y"] == 90
    one = Pipeline([Map("m", Pipeline([Task("t", "os.getcwd")]), "xs", "x", reducer=lambda *ys: 1)])
    assert one.execute("workers.yaml", parameters={"xs": [2]}).status == "SUCCESS"
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(InvalidInput, match="exists in this process alone, and the executor runs") as caught:
        one.execute("workers.yaml", parameters={"xs": []})
    assert "test_programs.py:" in str(caught.value)


def test_a_run_whose_functions_only_its_program_has_goes_on_there(folder, capfd):
    broken = [True]

    def fails(x):
        if broken:
            raise ValueError("broken")
        return x + 1

    begin = PythonTask(lambda: 1, "begin", returns=["x"])
    pipeline = Pipeline([begin, PythonTask(fails, "fails", returns=["y"])])
    with pytest.raises(RunFailed):
        pipeline.execute(run_id="mine")
    assert "resume where it stopped: execute(use_cached='mine') in the program" in capfd.readouterr().err
    refused = magnus("retry", "mine", status=2)
    assert "calls functions that only its program has: " in refused.stderr
    assert "fix: execute it in the program again, with execute(use_cached='mine')" in refused.stderr
    broken.clear()
    run = pipeline.execute(use_cached="mine")
    assert (run.parameters["y"], run.document()["steps"]["begin"]["mock"]) == (2, True)


def test_a_run_that_any_process_can_go_on_with_says_how(folder, capfd):
    with pytest.raises(RunFailed):
        Pipeline([Task("bad", "lambda: 1 / 0", "python-lambda")]).execute(run_id="mine")
    assert "resume where it stopped: magnus retry mine" in capfd.readouterr().err


def test_a_failed_run_is_an_error_that_carries_it(folder):
    pipeline = Pipeline([Task("bad", "lambda: 1 / 0", "python-lambda")])
    with pytest.raises(RunFailed, match="step 'bad' failed: ZeroDivisionError") as caught:
        pipeline.execute()
    assert caught.value.run.steps["bad"].status == "FAIL"
    assert pipeline.execute(raise_on_failure=False).status == "FAIL"


def test_wrong_parameters_are_said_by_name(folder):
    with pytest.raises(InvalidInput, match="a"):
        Pipeline([PythonTask(add)]).execute(parameters={"a": object()})


def test_a_run_in_memory(folder):
    (folder / "memory.yaml").write_text("run_log_store: {type: buffered}\n")
    run = Pipeline([PythonTask(add, returns=["c"])]).execute("memory.yaml", parameters={"a": 1})
    assert run.steps["add"].parameters == {"c": 2}
    assert not (folder / ".run_log_store").exists()


def test_a_second_run_at_the_same_time_needs_workers(folder):
    begun, may_end, errors = threading.Event(), threading.Event(), []

    def waits():
        begun.set()
        may_end.wait(timeout=LONGEST_SECONDS)

    def other(*arguments):
        try:
            Pipeline([PythonTask(add, returns=["c"])]).execute(*arguments, parameters={"a": 1})
        except InvalidInput as error:
            errors.append(str(error))

    first = threading.Thread(target=Pipeline([PythonTask(waits)]).execute)
    first.start()
    assert begun.wait(timeout=LONGEST_SECONDS)
    try:
        other()
    finally:
        may_end.set()
        first.join()
    [said] = errors
    assert "another run has its steps in this process now" in said
    assert "enable_parallel: true" in said
    other()
    assert len(errors) == 1


def test_a_task_may_run_a_pipeline(folder):
    def outer(a):
        inner = Pipeline([PythonTask(add, returns=["c"])]).execute(run_id="inner", parameters={"a": a})
        return inner.parameters["c"]

    run = Pipeline([PythonTask(outer, returns=["d"]), PythonTask(add, "after", returns=["e"])]).execute(
        parameters={"a": 4}
    )
    assert run.parameters == {"a": 4, "d": 5, "e": 5}


def test_branches_of_a_run(folder):
    one = PythonTask(add, returns=["c"]).as_pipeline()
    run = Pipeline([Parallel("p", {"left": one, "right": one})]).execute(parameters={"a": 1})
    branches = run.steps["p"].branches
    assert {key: (branch.status, branch.parameters) for key, branch in branches.items()} == {
        "left": ("SUCCESS", {"c": 2}), "right": ("SUCCESS", {"c": 2}),
    }  # fmt: skip
