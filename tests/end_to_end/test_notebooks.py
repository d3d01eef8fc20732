"""Notebooks in pipelines, run as users run them."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from safety_net import LONGEST_SECONDS


def notebook(*cells):
    """The text of a notebook of code cells."""
    part = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [part | {"source": c} for c in cells]}
    )


def pipeline(fields="", command="work.ipynb"):
    step = f"{{type: task, command_type: notebook, command: {command}, next: success, {fields}}}"
    return f"dag: {{start_at: nb, steps: {{nb: {step}}}}}"


def kept(folder, log):
    return folder.path / ".catalog" / log["run_id"] / "work_out.ipynb"


def test_interaction_functions_work_in_cells(folder):
    folder.write(
        "work.ipynb",
        notebook(
            "import magnus, os\nmagnus.set_parameter(y=magnus.get_parameter('x') + 1)",
            "magnus.track_this(loss=0.5, step=2)\nr = [magnus.get_run_id(), os.environ['MAGNUS_RUN_ID'], "
            "os.environ['MAGNUS_STEP_NAME'], os.environ['MAGNUS_PRM_x']]",
        ),
    )
    folder.write("p.yaml", pipeline("returns: [r]"))
    result = folder.magnus("execute", "p.yaml", "--x", "1", "--run-id", "one")
    assert result.status == 0, result.err
    assert result.log["parameters"] == {"x": 1, "y": 2, "r": ["one", "one", "nb", "1"]}
    assert result.log["steps"]["nb"]["user_defined_metrics"] == {"loss": {"2": 0.5}}


def test_a_failed_notebook_is_kept_with_its_error(folder):
    folder.write("work.ipynb", notebook("print('said before')", "raise ValueError('no such ü')"))
    folder.write("p.yaml", pipeline("catalog: {put: ['none-*'], strict: true}"))
    result = folder.magnus("execute", "p.yaml")
    step = result.log["steps"]["nb"]
    assert (result.status, step["status"]) == (1, "FAIL")
    assert step["message"].startswith("cell 2 failed: ValueError: no such ü\n")
    assert "said before" in step["message"]
    assert [entry["name"] for entry in step["data_catalog"]] == ["work_out.ipynb"]
    assert "no such ü" in kept(folder, result.log).read_text()
    assert "said before" in result.err


def test_a_timeout_ends_the_step_and_the_notebook_is_kept(folder):
    folder.write("work.ipynb", notebook("import os; open('pid', 'w').write(str(os.getpid()))", "while True: pass"))
    folder.write("p.yaml", pipeline("timeout: 5"))
    result = folder.magnus("execute", "p.yaml")
    assert result.log["steps"]["nb"]["message"].startswith("timed out after 5 s")
    assert not Path("/proc", (folder.path / "pid").read_text()).exists()
    assert "StepEnded" in kept(folder, result.log).read_text()


def test_branches_at_the_same_time_keep_their_own(folder):
    folder.write("work.ipynb", notebook("y = x * 10"))
    folder.write("c.yaml", "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}")
    folder.write(
        "p.yaml",
        "dag: {start_at: m, steps: {m: {type: map, iterate_on: xs, iterate_as: x, next: success, branch: {start_at: nb, "
        "steps: {nb: {type: task, command_type: notebook, command: work.ipynb, returns: [y], next: success}}}}}}",
    )
    result = folder.magnus("execute", "p.yaml", "--config", "c.yaml", "--xs", "[1, 2, 3]")
    assert result.status == 0, result.err
    assert result.log["parameters"]["y"] == [10, 20, 30]
    kept_ones = sorted((folder.path / ".catalog" / result.log["run_id"] / ".branches").rglob("work_out.ipynb"))
    assert sorted(n for n in (1, 2, 3) for file in kept_ones if f"x = {n}" in file.read_text()) == [1, 2, 3]


def test_nothing_is_left_when_magnus_is_killed(folder):
    folder.write("work.ipynb", notebook("import os; open('pid', 'w').write(str(os.getpid()))", "while True: pass"))
    folder.write("p.yaml", pipeline())
    pid = folder.path / "pid"
    with folder.start("execute", "p.yaml") as process:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        process.stderr.close()
    kernel = Path("/proc", pid.read_text())
    while kernel.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not kernel.exists()
    folder.write("work.ipynb", notebook("x = 1"))
    assert folder.magnus("execute", "p.yaml").status == 0  # which removes the private folder of the one that was killed


def test_mistakes_are_found_before_anything_runs(folder):
    folder.write("p.yaml", pipeline("optional_ploomber_args: {debug_later: true}", command="no.ipynb"))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 2
    assert "there is no notebook 'no.ipynb'" in result.err
    assert folder.runs() == []


def test_a_program(folder):
    folder.write("deep/work.ipynb", notebook("y = x + 1"))
    folder.write(
        "program.py",
        "from magnus import NotebookTask, Pipeline\n"
        "if __name__ == '__main__':\n"
        "    task = NotebookTask('deep/work.ipynb', returns=['y'], notebook_output_path='o.ipynb', output_cell_tag='t')\n"
        "    print(task.name, Pipeline([task]).execute(parameters={'x': 1}).parameters)\n",
    )
    done = subprocess.run([sys.executable, "program.py"], cwd=folder.path, capture_output=True, text=True)
    assert done.stdout.strip() == "work {'x': 1, 'y': 2}", done.stderr
    assert (folder.path / "o.ipynb").exists()


def test_what_children_of_a_cell_print_is_shown_once(folder):
    cell = "import os, subprocess\nsubprocess.run(['echo', 'from a child'])\nos.system('echo from a shell')\nprint('printed')"
    folder.write("work.ipynb", notebook(cell))
    folder.write("p.yaml", pipeline())
    said = folder.magnus("execute", "p.yaml").err
    assert [said.count(text) for text in ("from a child", "from a shell", "printed")] == [1, 1, 1]


def test_a_display_that_no_notebook_can_hold_changes_nothing(folder):
    odd = "from IPython.display import display\ndisplay({'application/x': {'a': 1}}, raw=True)"
    folder.write("work.ipynb", notebook("print('first')", odd, "y = 3"))
    folder.write("p.yaml", pipeline("returns: [y]"))
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 0, result.err
    assert result.log["parameters"]["y"] == 3
    assert "first" in kept(folder, result.log).read_text()


def test_a_secret_that_is_printed_in_pieces_is_in_no_notebook(folder):
    folder.write(".env", 'KEY="canary \\"quo\\" and more"\n')
    folder.write("c.yaml", "secrets: {type: dotenv}")
    pieces = "import sys, time, magnus\ns = magnus.get_secret('KEY')\nfor part in (s[:9], s[9:]):\n    sys.stdout.write(part)\n    sys.stdout.flush()\n    time.sleep(0.3)"
    folder.write("work.ipynb", notebook(pieces, "{'key': magnus.get_secret('KEY')}"))
    folder.write("p.yaml", pipeline())
    result = folder.magnus("execute", "p.yaml", "--config", "c.yaml")
    assert result.status == 0, result.err
    assert "*****" in (folder.path / "work_out.ipynb").read_text()
    for file in folder.path.rglob("*"):
        assert file.name == ".env" or not file.is_file() or b"quo" not in file.read_bytes(), file


OBJECTS = """
dag:
  start_at: make
  steps:
    make: {type: task, command: work.make, returns: [{name: numbers, kind: object}, {name: unused, kind: object}], next: nb}
    nb: {type: task, command_type: notebook, command: work.ipynb, returns: [total, {name: back, kind: object}], next: use}
    use: {type: task, command: work.use, returns: [seen], next: success}
"""
WORK = """
import pickle
class Unused:
    def __reduce__(self): return print, ("LOADED",)
class Mine:
    def __init__(self, x): self.x = x
def make(): return {1, 2, 3}, Unused()
def use(back): return [sorted(back.x), type(back).__name__]
"""


def test_objects_come_into_notebooks_that_mention_them_and_out_of_them(folder):
    folder.write("work.py", WORK)
    folder.write("work.ipynb", notebook("total = sum(numbers)", "import work\nback = work.Mine(numbers | {total})"))
    folder.write("p.yaml", OBJECTS)
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 0, result.err
    assert result.log["parameters"]["total"] == 6
    assert result.log["parameters"]["seen"] == [[1, 2, 3, 6], "Mine"]
    assert "LOADED" not in result.err
    entries = result.log["steps"]["nb"]["data_catalog"]
    assert [entry["name"] for entry in entries if entry["stage"] == "put"] == [".objects/back.pickle", "work_out.ipynb"]
    written = kept(folder, result.log).read_text()
    assert "get_object('numbers')" in written
    assert "get_object('unused')" not in written
    handed = result.log["steps"]["nb"]["attempts"][0]["parameters"]
    assert handed["numbers"]["object"] == ".objects/numbers.pickle"


def test_an_object_that_no_other_step_could_load_is_refused(folder):
    folder.write("work.ipynb", notebook("class Mine: pass", "m = Mine()", "n = lambda: 1"))
    for name, said in (
        ("m", "'m' is a Mine, a class of the notebook"),
        ("n", "'n', a value of type __main__.function"),
    ):
        folder.write("p.yaml", pipeline(f"returns: [{{name: {name}, kind: object}}]"))
        step = folder.magnus("execute", "p.yaml").log["steps"]["nb"]
        assert step["status"] == "FAIL"
        assert said.partition(",")[0] in step["message"]


def test_a_large_value_is_read_by_the_notebooks_that_mention_it(folder):
    folder.write("work.py", "def make(): return ['large'] * 100_000")
    folder.write("work.ipynb", notebook("n = len(rows)"))
    make = "make: {type: task, command: work.make, returns: [rows], next: nb}"
    step = "nb: {type: task, command_type: notebook, command: work.ipynb, returns: [n], next: success}"
    folder.write("p.yaml", f"dag: {{start_at: make, steps: {{{make}, {step}}}}}")
    result = folder.magnus("execute", "p.yaml")
    assert result.status == 0, result.err
    assert result.log["parameters"]["n"] == 100_000
    assert "get_parameter('rows')" in kept(folder, result.log).read_text()
    assert len(kept(folder, result.log).read_text()) < 10_000
