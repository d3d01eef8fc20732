"""Pipelines built and run in the cells of a notebook, in a real kernel, as users of Jupyter do."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import kernel_session
import pytest
from safety_net import LONGEST_SECONDS

pytestmark = pytest.mark.kernel

START = """\
import magnus
from magnus import *
def add(a: int = 1):
    print("adding", a)
    return {"b": a + 1}
def twice(b):
    return b * 2
def pipeline(**more):
    return Pipeline([PythonTask(add), PythonTask(twice, returns=[metric("c")], **more)])
"""
WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n"


class Outputs:
    """What the front end shows below one cell."""

    def __init__(self, outputs):
        self.text = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
        results = [output["data"] for output in outputs if output["output_type"] in {"execute_result", "display_data"}]
        self.html = "".join("".join(data.get("text/html", "")) for data in results)
        self.plain = "".join("".join(data.get("text/plain", "")) for data in results)
        self.error = next((output for output in outputs if output["output_type"] == "error"), None)
        self.traceback = "" if self.error is None else "\n".join(self.error["traceback"])


@pytest.fixture
def session(folder):
    """Runs cells in a kernel; returns the outputs of each."""

    def run(*cells):
        folder.write("cells.json", json.dumps(cells))
        program = [sys.executable, kernel_session.__file__, "cells.json", "outputs.json"]
        done = subprocess.run(
            program, cwd=folder.path, env=folder.environment, capture_output=True, text=True, timeout=LONGEST_SECONDS
        )
        assert done.returncode == 0, done.stderr
        return [Outputs(outputs) for outputs in json.loads((folder.path / "outputs.json").read_text())]

    return run


def test_pipelines_runs_and_differences_show_themselves(session):
    shown = session(
        START,
        "pipeline()",
        "PythonTask(add, '<b>name</b>', catalog={'put': ['a.txt']})",
        "Map('each', PythonTask(twice, returns=['c']), 'bs', 'b')",
        "first = pipeline().execute(tag='<i>tag</i>')\nfirst",
        "first.steps['twice']",
        "second = pipeline().execute(parameters={'a': 4})\nmagnus.runs()",
        "magnus.diff(first, second)",
        "print(magnus.diff(first))",
        "run = Pipeline([Map('each', PythonTask(twice, returns=['c']), 'bs', 'b')]).execute(parameters={'bs': [3, 4]})\n"
        "run.steps['each']",
        "run.steps['each'].branches['1']",
        "Pipeline([PythonTask('nowhere.at_all', next='gone')])",
        "magnus.runs().to_frame()",
    )
    assert [one.traceback for one in shown] == [""] * len(shown)
    _, picture, task, map_, run, step, runs, diff, text, each, branch, wrong, frame = shown
    assert picture.html.count("<svg") == map_.html.count("<svg") == 1
    assert 'data-path="add"' in picture.html
    assert "<b>name" not in task.html
    assert "&lt;b&gt;name" in task.html
    assert "<i>tag" not in run.html
    assert re.findall(r"<td[^>]*>(\w+)</td>", run.html)[:1] == ["add"]
    assert "c = 4" in run.html
    assert "success" not in run.html
    assert "c</td>" in step.html
    assert runs.html.count("SUCCESS") == 2
    assert "parameter &#x27;a&#x27; is new, 4 (initial)" in diff.html
    assert "+6 (+150.0%)" in diff.html
    assert text.text.startswith("parameter 'a' is new, 4 (initial)\n")
    assert "<td" in each.html
    assert "SUCCESS" in branch.html
    assert "gone" in wrong.html
    assert "<svg" not in wrong.html
    assert "metrics.c" in frame.html


def test_progress_is_lines_without_escapes(session):
    _, ran = session(START, "pipeline().execute()")
    assert "\x1b" not in ran.text
    lines = [re.sub(r"^\S+Z ", "", line) for line in ran.text.splitlines()]
    assert "  add: started" in lines
    assert "adding 1" in lines
    assert any(line.startswith("  twice: SUCCESS in ") for line in lines)


def test_a_failed_run_shows_the_error_of_the_step_and_no_frames_of_magnus(session):
    *_, failed, after = session(
        START,
        "def breaks(b):\n    values = [b]\n    return values[7]\n",
        "Pipeline([PythonTask(add), PythonTask(breaks, returns=['x'])]).execute()",
        "magnus.run().status.value, magnus.run().steps['breaks'].inputs['b']",
    )
    assert failed.error["ename"] == "RunFailed"
    assert "IndexError: list index out of range (line 3 of the cell, in breaks)" in failed.traceback
    assert "src/magnus" not in failed.traceback
    assert len(failed.traceback.splitlines()) < 5
    assert "return values[7]" in failed.text
    assert after.plain == "('FAIL', 2)"


@pytest.mark.parametrize("fields", ["", "timeout=600"], ids=["in workers", "with a timeout"])
def test_functions_of_cells_run_in_other_processes(session, folder, fields):
    folder.write("workers.yaml", WORKERS)
    configuration = "" if fields else "'workers.yaml'"
    *_, ran, failed = session(
        "import os\nfrom dataclasses import dataclass\nimport magnus\nfrom magnus import *\nfactor = 10\nhere = os.getpid()",
        "@dataclass\nclass Options:\n    shift: int = 3\n"
        "def helper(x):\n    return x * factor\n"
        "def work(x, options: Options = None):\n"
        "    return helper(x) + (options or Options()).shift, os.getpid() != here\n"
        "def breaks(x):\n    return helper(x)['no such']\n",
        f"each = Map('each', PythonTask(work, returns=['y', 'apart'], {fields}), 'xs', 'x')\n"
        f"run = Pipeline([each]).execute({configuration or ''}{', ' if configuration else ''}"
        "parameters={'xs': [1, 2], 'options': {'shift': 4}})\n"
        "run.parameters['y'], run.parameters['apart']",
        f"Pipeline([Map('each', PythonTask(breaks, {fields}), 'xs', 'x')]).execute({configuration or ''}"
        f"{', ' if configuration else ''}parameters={{'xs': [1]}})",
    )
    assert ran.traceback == ""
    assert ran.plain == "([14, 24], [True, True])"
    assert "TypeError: 'int' object is not subscriptable (line 9 of the cell, in breaks)" in failed.traceback
    assert "return helper(x)['no such']" in failed.text


def test_a_function_that_cannot_be_sent_is_refused_with_a_way_out(session, folder):
    folder.write("workers.yaml", WORKERS)
    _, locked, own, missing, module = session(
        "import sys, threading\nfrom magnus import *\nlock = threading.Lock()\n"
        "def work():\n    with lock:\n        return {'x': 1}\n"
        "def plain():\n    return {'x': 1}\n",
        "Pipeline([PythonTask(work)]).execute('workers.yaml')",
        "class Own: pass\ndef make():\n    return Own()\n"
        "Pipeline([PythonTask(make, returns=[pickled('m')])]).execute('workers.yaml')",
        "sys.modules['cloudpickle'] = None\nPipeline([PythonTask(plain)]).execute('workers.yaml')",
        "open('steps.py', 'w').write('def plain():\\n    return {\"x\": 2}\\n')\n"
        "from steps import plain\nPipeline([PythonTask(plain)]).execute('workers.yaml').parameters['x']",
    )
    assert "'work' exists in this process alone" in locked.traceback
    assert "it cannot be sent there: TypeError: cannot pickle '_thread.lock' object" in locked.traceback
    assert "put the class into a module, which all processes can import" in own.traceback
    assert "pip install 'magnus[cloudpickle]', or put the function into a module" in missing.traceback
    assert "%%writefile steps.py" in missing.traceback
    assert module.plain == "2"


def test_an_edited_cell_is_other_code_for_cached_steps_and_for_diff(session):
    *_, again, edited, compared, used, frame = session(
        START,
        "factor = 2\nlog = []\ndef times(b):\n    return b * factor\n"
        "def work(b):\n    print('computing')\n    return times(b)\n"
        "def run():\n    return Pipeline([PythonTask(work, returns=['c'], cache=True)]).execute(parameters={'b': 3})",
        "first = run()",
        "same = run()\nsame.parameters['c']",
        "def times(b):\n    return b * factor + 1\nother = run()\nother.parameters['c']",
        "magnus.diff(first, other)",
        "factor = 3\nrun().parameters['c']",
        "log = object()\ndef times(b):\n    return id(log) * 0 + b\nrun(); run().parameters['c']",
    )
    assert (again.plain, "computing" in again.text) == ("6", False)
    assert (edited.plain, "computing" in edited.text) == ("7", True)
    assert "its code changed (times)" in compared.html
    assert (used.plain, "computing" in used.text) == ("10", True)
    assert (frame.plain, frame.text.count("computing")) == ("3", 2)


def test_modules_that_a_cell_uses_count_as_its_code(session, folder):
    folder.write("helpers.py", "def shift(x):\n    return x + 1\n")
    *_, ran, again, older, edited = session(
        "import importlib, helpers\nfrom magnus import *\n"
        "def work(b):\n    print('computing')\n    return helpers.shift(b)\n"
        "def run():\n    return Pipeline([PythonTask(work, returns=['c'], cache=True)]).execute(parameters={'b': 3})",
        "run().parameters['c']",
        "run().parameters['c']",
        "open('helpers.py', 'w').write('def shift(x):\\n    return x + 200\\n')\nrun().parameters['c']",
        "importlib.reload(helpers)\nrun().parameters['c']",
    )
    assert (ran.plain, "computing" in ran.text) == ("4", True)
    assert (again.plain, "computing" in again.text) == ("4", False)
    assert (older.plain, "computing" in older.text) == ("4", True)
    assert (edited.plain, "computing" in edited.text) == ("203", True)


def test_a_pipeline_runs_inside_a_running_event_loop_and_twice(session):
    _, ran, awaited = session(
        "import asyncio\nfrom magnus import *\nasync def work(x=1):\n    await asyncio.sleep(0)\n    return {'x': x + 1}\n"
        "pipeline = Pipeline([PythonTask(work)])",
        "asyncio.get_running_loop()\n[pipeline.execute().parameters['x'], pipeline.execute(parameters={'x': 5}).parameters['x']]",
        "await asyncio.sleep(0)\npipeline.execute().parameters['x']",
    )
    assert (ran.traceback, ran.plain) == ("", "[2, 6]")
    assert awaited.plain == "2"


def test_a_notebook_has_a_sensible_name_in_the_list_of_runs(session):
    *_, plain, of_code = session(
        START,
        "pipeline().execute();",
        "magnus.run().pipeline",
        "__vsc_ipynb_file__ = '/home/me/projects/churn.ipynb'\npipeline().execute()\nmagnus.run().pipeline",
    )
    assert plain.plain == "'notebook'"
    assert of_code.plain == "'churn.ipynb'"


@pytest.mark.parametrize("configuration", ["", "'workers.yaml'"], ids=["here", "in workers"])
def test_the_stop_button_ends_the_run_and_all_its_processes(session, folder, configuration):
    folder.write("workers.yaml", WORKERS)
    _, stopped, after, again = session(
        "import os, subprocess, time\nfrom pathlib import Path\nimport magnus\nfrom magnus import *\n"
        "def work(x=1):\n    child = subprocess.Popen(['sleep', '3600'])\n"
        "    Path('.pids').write_text(f'{os.getpid()} {child.pid}')\n    Path('.pids').rename('pids')\n    time.sleep(3600)\n"
        "def quick():\n    return {'y': 1}",
        {"source": f"Pipeline([PythonTask(work)]).execute({configuration})", "interrupt": "pids"},
        "run = magnus.run()\nrun.status.value, run.message",
        f"Pipeline([PythonTask(quick)]).execute({configuration}).parameters['y']",
    )
    assert stopped.error["ename"] == "KeyboardInterrupt"
    assert "magnus/sdk/execution" not in stopped.traceback
    assert after.plain == "('FAIL', 'interrupted')"
    assert again.plain == "1"
    _, child = map(int, (folder.path / "pids").read_text().split())
    assert not is_running(child)


def is_running(pid):
    """Whether the process is there; one that nobody waits for any more counts as gone."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except ProcessLookupError:
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


def test_the_cells_of_the_how_to_page_run(session):
    page = (Path(__file__).parents[2] / "docs/how-to/work-in-jupyter.md").read_text()
    blocks = re.findall(r"^```(?:python|text)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    picture, ran, looked, written, imported = session(*blocks)
    assert [one.traceback for one in (picture, ran, looked, written, imported)] == [""] * 5
    assert "<svg" in picture.html
    assert "score = 990.0" in ran.html
    assert "Writing steps.py" in written.text
