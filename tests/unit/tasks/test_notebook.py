"""The notebook task kind, called as the engine calls it, with real kernels."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS, growing

from magnus.errors import TaskFailed
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import KEPT, TaskCall
from magnus.run_log.parameters import JsonParameter, MetricParameter
from magnus.tasks.notebook import NotebookTask

pytestmark = pytest.mark.kernel


def notebook(folder: Path, *cells, name="a.ipynb", **metadata) -> Path:
    """Write a notebook; a cell is its source, or its source and its tags."""
    written = [
        {"cell_type": "code", "id": f"c{number}", "execution_count": None, "outputs": [], "source": source}
        | {"metadata": {"tags": list(tags)}}
        for number, (source, *tags) in enumerate((cell,) if isinstance(cell, str) else cell for cell in cells)
    ]
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": written}
    file.write_text(json.dumps(content, ensure_ascii=False))
    return file


def run(folder: Path, *, command="a.ipynb", returns=None, timeout=None, options=None, mask=str, scratch=None, **values):
    parameters = {name: JsonParameter(value) for name, value in values.items()}
    spec = TaskSpec("notebook", command, options or {}, returns)
    call = TaskCall(spec, parameters, dict(os.environ), folder, timeout, folder=scratch, mask=mask)
    return NotebookTask().run(call)


def executed(folder: Path, name="a_out.ipynb"):
    return json.loads((folder / name).read_text())["cells"]


def values(outcome):
    assert outcome.failure == ""
    return {name: parameter.value for name, parameter in outcome.parameters.items()}


def messages(spec, folder):
    return [problem.message for problem in NotebookTask().problems(spec, folder)]


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def gone_soon(pid: int) -> bool:
    deadline = time.monotonic() + LONGEST_SECONDS
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return is_gone(pid)


# Parameters


def test_parameters_follow_the_cell_with_the_tag_and_declared_results_are_variables(tmp_path):
    notebook(tmp_path, "a = 'before'", ("x = 0", "parameters"), "y = x + 1", "z = {'ü': [None, True, y]}")
    outcome = run(tmp_path, returns=(Return("y"), Return("z"), Return("x", "metric")), x=41)
    assert outcome.failure == ""
    assert outcome.parameters == {
        "y": JsonParameter(42),
        "z": JsonParameter({"ü": [None, True, 42]}),
        "x": MetricParameter(41),
    }
    assert (outcome.metrics, outcome.arguments) == ({"x": 41}, {"x": 41})
    assert [cell["source"] for cell in executed(tmp_path)][1:3] == [["x = 0"], ["# Parameters\n", "x = 41"]]


def test_without_the_tag_they_come_first(tmp_path):
    notebook(tmp_path, ("print({'same': [t, n, d, x]})", "magnus_output"))
    given = {"t": 'it\'s "ü"\n\\', "n": None, "d": {"k": [1.5, False]}, "x": -1}
    outcome = run(tmp_path, **given, **{"no name": 1, "class": 2})
    assert values(outcome) == {"same": list(given.values())}
    first = executed(tmp_path)[0]
    assert first["metadata"]["tags"] == ["injected-parameters"]
    assert len(first["source"]) == 5


def test_the_parameters_of_an_earlier_run_are_replaced(tmp_path):
    notebook(tmp_path, ("x = 'old'", "injected-parameters"), "y = x")
    assert values(run(tmp_path, returns=(Return("y"),), x="new")) == {"y": "new"}
    assert len(executed(tmp_path)) == 2


def test_metrics_may_be_nan_and_parameters_that_are_so_arrive(tmp_path):
    notebook(tmp_path, "import math; y = math.isnan(x['a'][0])", "score = float('inf')")
    returns = (Return("y"), Return("score", "metric"))
    assert values(run(tmp_path, returns=returns, x={"a": [float("nan")]})) == {"y": True, "score": float("inf")}


# Results


def test_output_cells_print_dicts_or_end_with_one(tmp_path):
    notebook(
        tmp_path,
        ("print({'a': 1, 'b': (1, None)})", "mine"),
        ("import json; print(json.dumps({'a': 2, 'c': True}))", "mine"),
        ("{'d': 'ü'}", "mine"),
        ("pass", "mine"),
    )
    outcome = run(tmp_path, options={"output_cell_tag": "mine"})
    assert values(outcome) == {"a": 2, "b": [1, None], "c": True, "d": "ü"}


@pytest.mark.parametrize("printed", ["print('done')", "print([1])", "print({1: 2})"])
def test_an_output_cell_that_prints_something_else_fails(tmp_path, printed):
    notebook(tmp_path, "pass", (printed, "magnus_output"))
    assert run(tmp_path).failure.startswith("the output of cell 2 is to be a dict with names as keys, and it is ")


def test_a_declared_variable_that_is_not_there_and_one_that_is_no_json_fail(tmp_path):
    notebook(tmp_path, "a = object()")
    missing = "the notebook has no variable 'b', 'c', declared in returns; assign it in a cell"
    assert run(tmp_path, returns=(Return("b"), Return("c"))).failure == missing
    assert run(tmp_path, returns=(Return("a"),)).failure.startswith("a is a value of type object, which JSON cannot")


def test_the_names_of_the_notebook_are_its_own(tmp_path):
    notebook(tmp_path, "print = open = json = sys = None", "names = sorted(n for n in dir() if 'magnus' in n)")
    assert values(run(tmp_path, returns=(Return("names"),))) == {"names": []}


# Failures


def test_a_cell_that_fails_is_named_and_the_notebook_shows_the_error(tmp_path, capfd):
    notebook(tmp_path, "x = 1", "print('so far')", "1 / 0", "never = 1")
    outcome = run(tmp_path, scratch=tmp_path / "s", y=1)
    assert outcome.failure == "cell 3 failed: ZeroDivisionError: division by zero"
    cells = executed(tmp_path)
    assert [output["ename"] for output in cells[3]["outputs"]] == ["ZeroDivisionError"]
    assert (cells[2]["outputs"][0]["text"], cells[4]["outputs"]) == (["so far\n"], [])
    assert (tmp_path / "s" / KEPT / "a_out.ipynb").read_bytes() == (tmp_path / "a_out.ipynb").read_bytes()
    shown = capfd.readouterr()
    assert shown.out == "so far\n"
    assert "division by zero" in shown.err
    assert "\x1b" not in shown.err


@pytest.mark.parametrize(
    "call", ["exit()", "quit()", "exit", "quit", "quit(3)", "exit(keep_kernel=True)", "raise SystemExit"]
)
def test_exit_and_quit_end_the_notebook_there(tmp_path, call):
    notebook(tmp_path, "x = 1", call, "import pathlib; pathlib.Path('later').touch()")
    assert run(tmp_path).failure == f"cell 2 failed: sys.exit({'3' if '3' in call else ''}) was called"
    assert not (tmp_path / "later").exists()


def test_exit_and_quit_add_no_other_names(tmp_path):
    notebook(tmp_path, "names = sorted(name for name in globals() if name in {'IPython', 'Exit', 'exit', 'quit'})")
    assert values(run(tmp_path, returns=(Return("names"),))) == {"names": ["exit", "quit"]}


def test_sys_exit_fails_the_step(tmp_path):
    notebook(tmp_path, "import sys; sys.exit(3)", "x = 1")
    assert run(tmp_path).failure == "cell 1 failed: sys.exit(3) was called"


def test_a_kernel_that_dies_is_seen(tmp_path):
    notebook(tmp_path, "x = 1", "import os; os._exit(7)", "y = 1")
    assert run(tmp_path).failure == "cell 2 failed: the kernel died (exit status 7)"
    [error] = executed(tmp_path)[1]["outputs"]
    assert (error["ename"], error["evalue"]) == (
        "DeadKernel",
        "the kernel died (exit status 7) while this cell ran",
    )


def test_a_cell_may_be_allowed_to_fail(tmp_path):
    notebook(tmp_path, ("1 / 0", "raises-exception"), "x = 2")
    assert values(run(tmp_path, returns=(Return("x"),))) == {"x": 2}


def test_a_timeout_ends_the_kernel_with_what_it_started(tmp_path):
    notebook(
        tmp_path,
        "import os, subprocess; child = subprocess.Popen(['sleep', '3600'])",
        "open('pids', 'w').write(f'{os.getpid()} {child.pid}')",
        "import time; time.sleep(3600)",
    )
    for seconds in growing(4):
        outcome = run(tmp_path, timeout=seconds)
        assert outcome.failure == f"timed out after {seconds} s"
        if (tmp_path / "pids").exists():
            break
    assert all(gone_soon(int(pid)) for pid in (tmp_path / "pids").read_text().split())
    assert executed(tmp_path)[2]["outputs"][0]["ename"] == "StepEnded"


def test_what_a_notebook_leaves_running_ends_with_the_step(tmp_path):
    notebook(
        tmp_path, "import subprocess; pid = subprocess.Popen(['sleep', '3600']).pid; import os; kernel = os.getpid()"
    )
    left = values(run(tmp_path, returns=(Return("pid"), Return("kernel"))))
    assert all(gone_soon(pid) for pid in left.values())


def test_an_interruption_ends_the_kernel(tmp_path):
    notebook(tmp_path, "import os, time; open('pid', 'w').write(str(os.getpid()))", "time.sleep(3600)")

    def interrupt():
        deadline = time.monotonic() + LONGEST_SECONDS
        while not ((file := tmp_path / "pid").exists() and file.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    thread.join()
    assert gone_soon(int((tmp_path / "pid").read_text()))
    assert executed(tmp_path)[1]["outputs"][0]["ename"] == "StepEnded"


def test_atexit_of_the_kernel_runs(tmp_path):
    notebook(tmp_path, "import atexit, pathlib; atexit.register(pathlib.Path('said').write_text, 'bye')")
    assert run(tmp_path).failure == ""
    assert (tmp_path / "said").read_text() == "bye"


# Where it runs


def test_it_runs_in_the_working_directory_which_is_on_the_import_path(tmp_path):
    (tmp_path / "mine.py").write_text("value = 5")
    (tmp_path / "random.py").write_text("raise RuntimeError('in the way')")
    notebook(tmp_path, "import os, mine; here, value = os.getcwd(), mine.value", name="deep/ü ber.ipynb")
    outcome = run(tmp_path, command="deep/ü ber.ipynb", returns=(Return("here"), Return("value")))
    assert values(outcome) == {"here": str(tmp_path), "value": 5}
    assert (tmp_path / "deep/ü ber_out.ipynb").exists()


def test_output_of_cells_and_of_their_processes_is_shown(tmp_path, capfd):
    notebook(tmp_path, "print('ü 漢')", "import os; os.system('echo of a child; echo wrong >&2');", "'value'")
    assert run(tmp_path).failure == ""
    shown = capfd.readouterr()
    assert all(part in shown.out for part in ("ü 漢\n", "of a child\n", "'value'\n"))
    assert "wrong\n" in shown.err


def test_the_output_path(tmp_path):
    notebook(tmp_path, "x = 1")
    scratch = tmp_path / "s"
    run(tmp_path, options={"notebook_output_path": "new/there.ipynb"}, scratch=scratch)
    assert len(executed(tmp_path, "new/there.ipynb")) == 1
    assert (scratch / KEPT / "new/there.ipynb").exists()


def test_a_path_elsewhere_is_written_but_not_kept(tmp_path):
    work, elsewhere = tmp_path / "work", tmp_path / "elsewhere.ipynb"
    notebook(work, "x = 1")
    options = {"notebook_output_path": str(elsewhere)}
    run(work, options=options, scratch=tmp_path / "s")
    assert elsewhere.exists()
    assert not (tmp_path / "s" / KEPT).exists()
    [problem] = NotebookTask().problems(TaskSpec("notebook", "a.ipynb", options), work)
    assert problem.severity == "warning"
    assert problem.message.endswith("is outside the working directory; the catalog will not have it")


def test_secrets_are_masked_in_the_executed_notebook(tmp_path):
    notebook(tmp_path, "print('the secret is canary')")
    run(tmp_path, mask=lambda text: text.replace("canary", "*****"), scratch=tmp_path / "s")
    for file in (tmp_path / "a_out.ipynb", tmp_path / "s" / KEPT / "a_out.ipynb"):
        assert "the secret is *****" in file.read_text()
        assert "canary" not in file.read_text()


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path):
    notebook(tmp_path, "x = 1")
    (tmp_path / "file").write_text("")
    with pytest.raises(TaskFailed, match=r"the executed notebook could not be written to 'file/a\.ipynb'"):
        run(tmp_path, options={"notebook_output_path": "file/a.ipynb"})


# Arguments of the runner


def test_optional_arguments_are_applied_or_named(tmp_path, capfd):
    (tmp_path / "sub").mkdir()
    notebook(tmp_path, ("1 / 0", "drop"), "import os; here = os.getcwd(); print('quiet')", "1 / 0")
    args = {"cwd": "sub", "remove_tagged_cells": ["drop"], "log_output": False, "allow_errors": True}
    options = {"optional_ploomber_args": {**args, "debug_later": True, "progress_bar": False}}
    outcome = run(tmp_path, options=options, returns=(Return("here"),))
    assert values(outcome) == {"here": str(tmp_path / "sub")}
    assert "quiet" not in capfd.readouterr().out
    [problem] = NotebookTask().problems(TaskSpec("notebook", "a.ipynb", options), tmp_path)
    assert problem.severity == "warning"
    assert "'debug_later', 'progress_bar' mean nothing" in problem.message


def test_the_time_for_one_cell(tmp_path):
    notebook(tmp_path, "import time; time.sleep(3600)")
    outcome = run(tmp_path, options={"optional_ploomber_args": {"timeout": 1}})
    assert outcome.failure == "cell 1 failed: the time for one cell is over"


def test_a_kernel_by_its_name(tmp_path):
    notebook(tmp_path, "y = {'a': x}")
    outcome = run(tmp_path, options={"optional_ploomber_args": {"kernel_name": "python3"}}, returns=(Return("y"),), x=1)
    assert values(outcome) == {"y": {"a": 1}}


def test_a_kernel_that_is_not_there(tmp_path, capfd):
    notebook(tmp_path, "x = 1")
    outcome = run(tmp_path, options={"optional_ploomber_args": {"kernel_name": "none-such"}})
    assert outcome.failure == "the process that runs the notebook exited early: exit status 1"
    assert "there is no kernel 'none-such'" in capfd.readouterr().err


# What is seen before it runs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "'a.ipynb' is no notebook: it is not JSON: "),
        (b"\xff\xfe", "'a.ipynb' is no notebook: it is not JSON: "),
        (b"[]", "'a.ipynb' is no notebook: it has no 'nbformat' or no 'cells'"),
        (b'{"nbformat": 4}', "'a.ipynb' is no notebook: it has no 'nbformat' or no 'cells'"),
        (b'{"nbformat": 9, "cells": []}', "'a.ipynb' is in version 9 of the notebook format, which is not known here"),
        (
            b'{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}',
            "'a.ipynb' is a notebook for R; notebooks of python can be run",
        ),
    ],
)
def test_what_is_wrong_with_the_file(tmp_path, content, message):
    (tmp_path / "a.ipynb").write_bytes(content)
    [said] = messages(TaskSpec("notebook", "a.ipynb"), tmp_path)
    assert said.startswith(message)
    with pytest.raises(TaskFailed, match=r"a\.ipynb"):
        run(tmp_path)


def test_a_notebook_that_is_not_there(tmp_path):
    notebook(tmp_path, "x = 1", name="sales.ipynb")
    [problem] = NotebookTask().problems(TaskSpec("notebook", "sale.ipynb"), tmp_path)
    assert problem.message == f"there is no notebook 'sale.ipynb' in '{tmp_path}'"
    assert problem.fix == "did you mean 'sales.ipynb'?"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (TaskSpec("notebook", " "), "the command is empty"),
        (
            TaskSpec("notebook", "a.ipynb", {"notebook_output_path": "./a.ipynb"}),
            "notebook_output_path './a.ipynb' is the notebook itself",
        ),
        (
            TaskSpec("notebook", "a.ipynb", {"notebook_output_path": "sub"}),
            "notebook_output_path 'sub' is a folder",
        ),
    ],
)
def test_what_is_wrong_with_the_step(tmp_path, spec, message):
    notebook(tmp_path, "x = 1")
    (tmp_path / "sub").mkdir()
    assert message in messages(spec, tmp_path)


def test_an_old_notebook_is_brought_up_to_date(tmp_path):
    cell = {"cell_type": "code", "language": "python", "input": ["y = 2"], "outputs": [], "collapsed": False}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [cell]}]}
    (tmp_path / "a.ipynb").write_text(json.dumps(old))
    assert values(run(tmp_path, returns=(Return("y"),))) == {"y": 2}


def test_a_kernel_that_cannot_start_is_said(tmp_path, monkeypatch):
    notebook(tmp_path, "x = 1")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    (tmp_path / "profile_default").mkdir()
    (tmp_path / "profile_default" / "ipython_kernel_config.py").write_text("import os; os._exit(4)")
    assert run(tmp_path).failure == "the kernel did not start (exit status 4)"
