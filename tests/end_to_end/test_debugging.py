"""`magnus debug`: a step of an earlier run, with the inputs it had, and without a trace."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
from tempfile import TemporaryDirectory

import pytest
from forked import kept
from safety_net import LONGEST_SECONDS

pytestmark = pytest.mark.xdist_group("debugged runs")  # one process makes them

WORK = """\
import os
import magnus

class Model:
    def __init__(self, depth):
        self.depth = depth

def make():
    return Model(3), [1, 2, 2]

def fit(model, n, lr=0.5):
    total = model.depth * n
    text = open("d ü.csv").read()
    print("inside", total, text.strip(), len(os.environ["KEY"]), magnus.get_parameter("n"))
    magnus.set_parameter(more=1)
    magnus.put_object({n}, "other")
    open("out.txt", "w").write("x")
    if n == 2:
        raise ValueError("two is bad")
    return total

def count(x, i):
    return x + 1

def last(total_x=0):
    return 0
"""
PIPELINE = """\
dag:
  steps:
    make: {command: work.make, returns: [model: object, ns: json], catalog: {put: "*.csv"}}
    sh: {command: "rm *.csv; export seen='a b'", command_type: shell, returns: [seen]}
    square: {command: "lambda x: x * x", command_type: python-lambda, returns: [squared]}
    again:
      type: loop
      max_iterations: 3
      index_as: i
      branch: {command: work.count, returns: [x]}
    read: {command: n.ipynb, command_type: notebook, returns: [doubled]}
    each:
      type: map
      iterate_on: ns
      iterate_as: n
      branch:
        command: work.fit
        returns: [totals]
        secrets: KEY
        max_attempts: 2
        timeout: 1m
        catalog: {get: "*.csv", put: out.txt}
"""
NOTEBOOK = {
    "cells": [
        {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": None,
         "source": "x = 0"},
        {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": None,
         "source": "doubled = x * 2 + model.depth"},
    ],
    "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip
PARALLEL = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}\n"


@pytest.fixture(scope="module", params=["", PARALLEL], ids=["local", "workers"])
def project_of_the_run(request, tmp_path_factory, commands):
    """A project with the run `one`; tests debug it in copies."""
    project = tmp_path_factory.mktemp("project")
    files = {"p.yaml": PIPELINE, "work.py": WORK, "n.ipynb": json.dumps(NOTEBOOK), "d ü.csv": "1,2\n"}
    files |= {".env": "KEY=top secret\n", "c.yaml": f"secrets: {{type: dotenv}}\n{request.param}"}
    for name, text in files.items():
        (project / name).write_text(text)
    arguments = "execute p.yaml -c c.yaml --run-id one --x 5".split()
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        done = commands(*arguments, cwd=project, env={**kept(), "TMPDIR": temporary})
        assert os.listdir(temporary) == []
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["steps"]["each"]["branches"]["0"]["status"] == "SUCCESS"
    return project


@pytest.fixture
def ran(folder, project_of_the_run):
    shutil.copytree(project_of_the_run, folder.path, symlinks=True, dirs_exist_ok=True)
    return folder


def contents(folder):
    files = (file for file in folder.path.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file): (hashlib.sha256(file.read_bytes()).hexdigest(), file.stat().st_mtime_ns) for file in files}


def debug(folder, *arguments, typed="", env=None):
    """The exit status, standard output and standard error of the command, which may change nothing."""
    before = contents(folder)
    done = subprocess.run(
        folder.command("debug", "one", *arguments, "-c", "c.yaml"), input=typed, capture_output=True, text=True,
        cwd=folder.path, env={**folder.environment, **(env or {})}, timeout=LONGEST_SECONDS, check=False,
    )  # fmt: skip
    assert contents(folder) == before
    return done.returncode, done.stdout, done.stderr


def test_a_python_step_starts_in_pdb_with_its_inputs(ran):
    status, out, err = debug(ran, "each/#1/fit", typed="s\nn\nn\np total, n, lr, model.depth\nc\n")
    assert status == 1
    assert "(6, 2, 0.5, 3)" in out
    assert "inside 6 1,2 10 2" in out + err
    assert "step 'each/#1/fit': FAIL; the run has not changed" in err
    assert "ValueError: two is bad (work.py:" in err


def test_the_debugger_may_be_left(ran):
    status, _, err = debug(ran, "make", typed="q\n")
    assert (status, "the debugger was left before the step finished" in err) == (1, True)


def test_a_step_that_succeeds(ran):
    status, out, err = debug(ran, "each/#0/fit", typed="c\n")
    assert status == 0, err
    assert "inside 3 1,2 10 1" in out + err


def test_the_debugger_at_the_exception(ran):
    status, out, err = debug(ran, "each/#2/fit", "--post-mortem", typed="p total, text\nu\nq\n")
    assert status == 1
    assert "(6, '1,2\\n')" in out
    assert "raise ValueError" in out + err


def test_the_debugger_starts_in_the_project_where_a_library_raised_the_exception(folder):
    folder.write(
        "w.py", "import json\n\n\ndef inner(text):\n    return json.loads(text)\n\n\ndef f():\n    inner('{')\n"
    )
    folder.write("c.yaml", "")
    assert folder.magnus("execute_function", "w.f", "--run-id", "one").status == 1
    _, out, _ = debug(folder, "f", "--post-mortem", typed="p text\nd\nq\n")
    shown = [line for line in out.splitlines() if line.startswith(("> ", "(Pdb) > "))]
    assert "decoder.py" in shown[0]
    assert "w.py(5)inner()" in shown[1]
    assert "(Pdb) '{'" in out


def test_a_lambda(ran):
    assert debug(ran, "square", "--post-mortem")[0] == 0


@pytest.mark.parametrize(("iteration", "x"), [(0, 5), (1, 6), (2, 7)])
def test_every_iteration_of_a_loop_has_what_the_one_before_left(ran, iteration, x):
    status, out, _ = debug(ran, f"again/{iteration}/count", "--print")
    assert status == 0
    inputs = json.loads(out)
    assert (inputs["parameters"]["x"], inputs["parameters"]["i"]) == (x, iteration)


def test_the_inputs_are_printed_without_values_of_secrets(ran):
    status, out, err = debug(ran, "each/#1/fit", "--print")
    inputs = json.loads(out)
    assert (status, inputs["command"], inputs["parameters"]["n"], inputs["files"]) == (0, "work.fit", 2, ["d ü.csv"])
    assert inputs["environment"]["MAGNUS_PRM_n"] == "2"
    assert inputs["environment"]["MAGNUS_RUN_ID"] == "one"
    assert "top secret" not in out + err


def test_a_shell_in_the_folder_and_the_environment_of_the_step(ran):
    typed = 'pwd; echo "[$n|$MAGNUS_PRM_n|$KEY|$seen]"; cat *.csv; touch new; rm work.py; exit 0\n'
    status, out, err = debug(ran, "each/#1/fit", "--shell", typed=typed, env={"SHELL": "/bin/sh"})
    assert status == 0, err
    place, values, text = out.splitlines()
    assert values == "[|2|top secret|]"
    assert text == "1,2"
    assert not os.path.exists(place)


def test_a_shell_step_opens_a_shell(ran):
    status, out, err = debug(ran, "sh", typed="echo $MAGNUS_STEP_NAME; ls; exit 3\n", env={"SHELL": "/bin/sh"})
    assert status == 1
    assert "sh" in out.splitlines()
    assert "the command of the step is: rm *.csv; export seen='a b'" in err
    assert debug(ran, "sh", "--post-mortem")[0] == 2


def test_a_notebook_is_opened_with_its_parameters(ran, tmp_path_factory):
    tools = tmp_path_factory.mktemp("tools")
    editor = tools / "jupyter-lab"
    editor.write_text(f'#!/bin/sh\ncp "$1" "{tools}/seen.ipynb"; pwd > "{tools}/place"\n')
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    status, _, err = debug(ran, "read", env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert status == 0, err
    cells = ["".join(cell["source"]) for cell in json.loads((tools / "seen.ipynb").read_text())["cells"]]
    assert cells[0] == "x = 0"
    assert "x = 8" in cells[1]
    assert "get_object" in cells[1]
    assert not os.path.exists((tools / "place").read_text().strip())


def test_a_notebook_without_jupyter_is_a_shell(ran):
    path = os.pathsep.join(
        part for part in os.environ["PATH"].split(os.pathsep) if not os.path.exists(f"{part}/jupyter-lab")
    )
    status, out, err = debug(
        ran, "read", typed="grep -c 'x = 8' n.ipynb; exit 0\n", env={"PATH": path, "SHELL": "/bin/sh"}
    )
    assert status == 0, err
    assert "there is no jupyter-lab" in err
    assert out.splitlines()[-1] == "1"


@pytest.mark.parametrize(
    ("step", "message"),
    [("each", "'each' is not a task"), ("mak", "did you mean"), ("success", "")],
)
def test_what_is_no_task_of_the_run(ran, step, message):
    status, _, err = debug(ran, step)
    assert status == 2
    assert message in err
    assert "Traceback" not in err


def test_the_pipeline_is_the_one_of_the_run(ran):
    ran.write("p.yaml", "dag: {steps: {make: {command: work.gone}}}\n")
    assert debug(ran, "make", typed="c\n")[0] == 0


def test_content_that_is_gone_fails_the_step_with_one_error(ran):
    ran.write("d ü.csv", "2,1\n")
    for file in (ran.path / ".catalog/.store").rglob("*"):
        if file.is_file() and file.stat().st_size == 4:
            file.chmod(0o600)
            file.write_bytes(b"9,9\n")
    status, _, err = debug(ran, "each/#0/fit", typed="c\n")
    assert status == 1
    assert "Damaged" in err or "damaged" in err


@pytest.mark.parametrize("isolated", [False, True])
def test_files_that_can_be_executed_are_so_for_the_debugged_step(folder, isolated):
    folder.write("c.yaml", f"executor: {{type: local, config: {{isolated: {str(isolated).lower()}}}}}\n")
    folder.write(
        "p.yaml",
        """\
dag:
  steps:
    make: {command: "printf '#!/bin/sh\\necho ran' > tool; cp tool text; chmod +x tool", command_type: shell, catalog: {put: [tool, text]}}
    use: {command: ./tool, command_type: shell, catalog: {get: [tool, text]}}
""",
    )
    done = folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "one")
    assert done.status == 0, done.err
    for name in ("tool", "text"):
        (folder.path / name).unlink(missing_ok=True)
    status, out, err = debug(folder, "use", "--shell", typed="./tool; ls -l text tool\n", env={"SHELL": "/bin/sh"})
    assert status == 0, err
    assert out.startswith("ran\n-rw-")
    assert out.splitlines()[2].startswith("-rwx")


def test_files_that_the_pipeline_includes_are_the_ones_of_the_run(folder):
    folder.write("c.yaml", "")
    folder.write("work.py", "def f(x): return x + 1\n")
    folder.write("inner/a.yaml", "dag: {steps: {deep: {type: dag, dag_definition: b.yaml}}}\n")
    folder.write("inner/b.yaml", "dag: {steps: {f: {command: work.f, returns: [y]}}}\n")
    folder.write("p.yaml", "dag: {steps: {sub: {type: dag, dag_definition: inner/a.yaml}}}\n")
    done = folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "one", "--x", "1")
    assert done.status == 0, done.err
    folder.write("inner/b.yaml", "dag: {steps: {g: {command: work.gone}}}\n")
    (folder.path / "inner/a.yaml").unlink()
    (folder.path / "p.yaml").unlink()
    status, out, err = debug(folder, "sub/dag/deep/dag/f", "--print")
    assert status == 0, err
    assert json.loads(out)["command"] == "work.f"
    page = folder.magnus("report", "one", "-c", "c.yaml", "-o", "-").out
    assert "work.f" in page
