"""Where a pipeline of a program is said to be written, and what is shown of an error in a program and in a notebook."""

import subprocess
import sys

import pytest

CELL = "from magnus import Pipeline, Stub\npipeline = Pipeline([Stub('a')])\n"
PROGRAM = """
from magnus import Pipeline, ShellTask
def go():
    Pipeline([ShellTask("a", "exit 3")]).execute()
go()
"""


@pytest.mark.parametrize(
    ("file", "variables", "environment", "name"),
    [
        ("/tmp/ipykernel_4711/123.py", {}, {}, "notebook"),
        ("<ipython-input-3-abc>", {}, {}, "notebook"),
        ("/tmp/ipykernel_4711/123.py", {"__vsc_ipynb_file__": "/home/u/churn.ipynb"}, {}, "churn.ipynb"),
        ("/tmp/ipykernel_4711/123.py", {}, {"JPY_SESSION_NAME": "/home/u/projects/churn.ipynb"}, "churn.ipynb"),
        ("/tmp/ipykernel_4711/123.py", {}, {"JPY_SESSION_NAME": "5b1c"}, "notebook"),
        ("/nowhere/pipe.py", {"__session__": "/home/u/churn.ipynb"}, {}, "/nowhere/pipe.py"),
    ],
)
def test_a_pipeline_of_a_notebook_goes_by_the_name_of_the_notebook(monkeypatch, file, variables, environment, name):
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    space = {"__name__": "__main__", **variables}
    exec(compile(CELL, file, "exec"), space)
    assert space["pipeline"].__magnus_pipeline__().document.file == name


def test_the_traceback_of_a_failed_run_has_no_frames_of_the_inside(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    shown = done.stderr.partition("Traceback")[2]
    files = [line.split('"')[1].rpartition("/")[2] for line in shown.splitlines() if line.startswith("  File ")]
    assert files == ["program.py", "program.py", "pipeline.py"]
    assert "RunFailed: error: the run " in shown
    assert "The above exception" not in shown


def test_ipython_shows_the_error_and_no_traceback(tmp_path):
    (tmp_path / "program.ipy").write_text(PROGRAM.replace("go()\n", "") + "get_ipython().run_cell('go()')\n")
    argv = [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner", "program.ipy"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "IPYTHONDIR": str(tmp_path / "ipython")}
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)
    said = done.stdout + done.stderr
    assert "RunFailed: the run " in said
    assert "Traceback" not in said
    assert "executing.py" not in said
