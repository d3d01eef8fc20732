"""What decides the result of a task beside its text: its code, its files, and the parameters that it may use."""

import json
import os

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonLambdaTask, PythonTask
from magnus.tasks.shell import ShellTask

KINDS = {"python": PythonTask, "python-lambda": PythonLambdaTask, "shell": ShellTask, "notebook": NotebookTask}

FUNCTIONS = {
    # name: (the module, the names of the parameters, None for any)
    "its arguments": ("def a(x, /, y=1, *rest, z): return x", {"x", "y", "z"}),
    "none": ("def a(): return 1", set()),
    "async": ("async def a(x): return x", {"x"}),
    "any by name": ("def a(x, **more): return x", None),
    "decorated": ("from functools import cache\n@cache\ndef a(x): return x", None),
    "defined twice": ("def a(x): return x\ndef a(y): return y", None),
    "no function": ("class a:\n    def __init__(self, x): pass", None),
    "assigned": ("def b(x): return x\na = b", None),
    "the environment": ("import os\ndef a(x): return os.environ['X']", None),
    "os.path alone": ("import os\ndef a(x): return os.path.basename(x)", {"x"}),
    "the environment under another name": ("from os import environ as e\ndef a(x): return e['X']", None),
    "os under another name": ("import os as o\ndef a(x): return o.getenv('X')", None),
    "os passed on": ("import os\ndef a(x): return vars(os)", None),
    "os by a text": ("def a(x): return __import__('os').environ", None),
    "the environment by a text": ("import os\ndef a(x): return getattr(os.path.os, 'environ')", None),
    "the environment imported inside": ("def a(x):\n    from os import environ as e\n    return e", None),
    "an attribute of a call": ("import sys\ndef a(x): return sys.modules.get('os').environ", None),
    "the environment by a helper": ("def b(): return __import__('os').environ\ndef a(x): return b()", None),
    "beside the environment": ("import os\ndef b(): return os.environ\ndef a(x): return x", {"x"}),
    "a program": ("import subprocess as s\ndef a(x): return s.run('ls')", None),
    "a program of the shell": ("from os import system as s\ndef a(x): return s('ls')", None),
    "a variable of magnus": ("def a(x): return x.bash('echo $MAGNUS_PRM_y')", None),
    "a parameter by magnus": ("from magnus import get_parameter as g\ndef a(x): return g('y')", None),
    "a file by magnus": ("import magnus\ndef a(x): return magnus.get_from_catalog('y')", None),
    "magnus passed on": ("import magnus\ndef a(x): return x(magnus)", None),
    "what magnus sets": ("import magnus\ndef a(x): magnus.track_this(y=x)", {"x"}),
    "all parameters": ("from argparse import Namespace as N\ndef a(x: N): return x.y", None),
    "all parameters in a class of its own": ("import argparse as p\nclass N(p.Namespace): pass\ndef a(x: N): return x", None),
    "a module that reads on import": ("import os\nX = os.environ.get('X')\ndef a(x): return X", None),
    "a constant it does not use": ("import os\nX = os.environ.get('X')\ndef a(x): return x", {"x"}),
}  # fmt: skip

COMMANDS = {
    # name: (kind, command, the names that may be parameters, None for any)
    "a word in a plain command": ("shell", "echo $lr > out.txt", {"echo", "lr", "out", "txt"}),
    "a variable of magnus for a parameter": ("shell", "echo $MAGNUS_PRM_lr", {"echo", "lr"}),
    "another variable of magnus": ("shell", "echo $MAGNUS_MAP_VARIABLE", None),
    "another program": ("shell", "mytool --fast", None),
    "another program behind a plain one": ("shell", "echo 1 && mytool", None),
    "a program by a variable": ("shell", "$tool", None),
    "a program in a substitution": ("shell", "echo $(mytool)", None),
    "a program that lists all": ("shell", "env", None),
    "a plain name that runs another": ("shell", "command mytool", None),
    "a variable before a program": ("shell", "X=1 mytool", None),
    "a lambda": ("python-lambda", "lambda x, y=2: x", {"x", "y"}),
    "a lambda with any": ("python-lambda", "lambda **x: x", None),
    "a lambda that imports": ("python-lambda", "lambda x: __import__('os').environ", None),
}


def inputs(folder, kind, command):
    [found] = KINDS[kind]().inputs([TaskSpec(kind, command)], folder)
    return found


@pytest.mark.parametrize(("text", "names"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_function_uses_its_arguments_unless_its_code_can_see_more(tmp_path, text, names):
    (tmp_path / "work.py").write_text(text)
    assert inputs(tmp_path, "python", "work.a").parameters == names


@pytest.mark.parametrize(("kind", "command", "names"), COMMANDS.values(), ids=COMMANDS)
def test_a_command_uses_the_names_in_it_unless_it_can_see_more(tmp_path, kind, command, names):
    assert inputs(tmp_path, kind, command).parameters == names


def test_a_script_that_a_command_runs_may_use_any_parameter(tmp_path):
    (tmp_path / "run.sh").write_text("echo $x")
    found = inputs(tmp_path, "shell", "cat run.sh")
    assert found.parameters is None
    assert list(found.statuses) == [str(tmp_path / "run.sh")]


def test_the_files_of_the_code_are_those_that_were_read(tmp_path):
    (tmp_path / "work.py").write_text("import helpers, quiet\ndef a(x): return helpers.b(x)")
    (tmp_path / "helpers.py").write_text("def b(x): return x")
    (tmp_path / "quiet.py").write_text("def c(): return 1\n")
    (tmp_path / "other.py").write_text("def d(): return 1\n")
    status = (tmp_path / "helpers.py").stat()
    found = inputs(tmp_path, "python", "work.a").statuses
    assert {os.path.basename(file) for file in found} == {"work.py", "helpers.py", "quiet.py"}
    assert found[str(tmp_path / "helpers.py")][0] == status.st_mtime_ns


def test_a_changed_file_of_the_same_size_and_time_is_other_code(tmp_path):
    file = tmp_path / "work.py"
    file.write_text("def a(): return 1\n")
    status, before = file.stat(), inputs(tmp_path, "python", "work.a")
    file.write_text("def a(): return 2\n")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert inputs(tmp_path, "python", "work.a").code != before.code


def test_a_function_without_a_source_is_never_reused(tmp_path):
    assert "cannot be read" in inputs(tmp_path, "python", "nowhere.a").problem
    value = object()
    [found] = PythonTask().inputs([TaskSpec("python", "a", function=lambda: value)], tmp_path)
    assert "it uses 'value', a value of type object that only this program has" in found.problem


MOVING = {
    "sys.path": "import sys\nsys.path.insert(0, 'lib')\ndef a(): return 1",
    "sys.path under another name": "import sys as s\ns.path += ['lib']\ndef a(): return 1",
    "the list itself": "from sys import path as p\np.append('lib')\ndef a(): return 1",
    "inside": "def a():\n    import site\n    site.addsitedir('lib')\n    return 1",
    "a finder of modules": "import sys\nsys.meta_path.append(1)\ndef a(): return 1",
    "a hook of folders": "from sys import path_hooks\npath_hooks.append(1)\ndef a(): return 1",
    "the folders of a package": "import json\ndef a(): json.__path__.append('lib')",
    "the folders of its own package": "__path__.insert(0, 'lib')\ndef a(): return 1",
    "by a helper": "import helper\ndef a(): return helper.b()",
}


@pytest.mark.parametrize("text", MOVING.values(), ids=MOVING)
def test_code_that_changes_where_modules_are_found_is_never_reused(tmp_path, text):
    (tmp_path / "work.py").write_text(text)
    (tmp_path / "helper.py").write_text("def b():\n    import sys\n    sys.path.append('lib')\n")
    assert "sys.path" in inputs(tmp_path, "python", "work.a").problem


def test_other_paths_are_reused(tmp_path):
    (tmp_path / "work.py").write_text("import sys, os.path\ndef a(path): return os.path.join(path, sys.argv[0])")
    assert inputs(tmp_path, "python", "work.a").problem == ""


def notebook(folder, *cells, kernel="python3"):
    shown = [{"cell_type": "code", "source": text, "metadata": {"tags": tags}, "outputs": []} for text, tags in cells]
    metadata = {"kernelspec": {"name": kernel}}
    (folder / "n.ipynb").write_text(json.dumps({"cells": shown, "metadata": metadata, "nbformat": 4}))
    return inputs(folder, "notebook", "n.ipynb")


def test_cells_their_order_tags_and_kernel_are_the_code_of_a_notebook(tmp_path):
    a, b = ("x = 1", []), ("y = 2", [])
    first = notebook(tmp_path, a, b)
    assert first.parameters is None
    assert notebook(tmp_path, a, b).code == first.code
    assert notebook(tmp_path, b, a).code != first.code
    assert notebook(tmp_path, ("x = 1", ["parameters"]), b).code != first.code
    assert notebook(tmp_path, a, b, kernel="other").code != first.code
    (tmp_path / "n.ipynb").write_text("{")
    assert inputs(tmp_path, "notebook", "n.ipynb").problem
