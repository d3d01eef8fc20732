"""Which edits of a project change the code of a step, and which do not: each edit with the right verdict."""

import json
import os

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonTask
from magnus.tasks.shell import ShellTask

WORK = '''"""What the work is."""
import math
import helpers
import pkg.deep as deep
from helpers import *
from pkg import scale
from dataclasses import dataclass

LIMIT = 3
TABLE: dict = {"a": LIMIT}
UNUSED = 1

def traced(function):
    return function

class Base:
    def go(self):
        return 1

class Model(Base):
    """A model."""
    rate: float = 0.1

@traced
def a(rate=LIMIT, *, model: "Model" = None):
    """What a does; see b()."""
    # a comment
    b = math.sqrt(rate)
    return [b for b in (helpers.helper(b), scale(b))], TABLE

def b():
    return starred()

def dynamic(name):
    return getattr(helpers, name)()

def imported(name):
    import importlib
    return importlib.import_module(f"plugins.{name}").run()

def local():
    from pkg.deep import bottom
    return bottom()

def chained():
    return deep.bottom()

def own(name):
    return globals()[name]
'''

FILES = {
    "work.py": WORK,
    "helpers.py": "import registry\nCONSTANT = 1\nOTHER = 2\n\ndef helper(x):\n    return x * CONSTANT\n\n"
    "def starred():\n    return OTHER\n\nif __name__ == '__main__':\n    print(1)\n",
    "registry.py": "SEEN = []\nSEEN.append(1)\n\ndef never():\n    return 1\n",
    "pkg/__init__.py": "from .deep import scale\n",
    "pkg/deep.py": "FACTOR = 2\n\ndef scale(x):\n    return x * FACTOR\n\ndef bottom():\n    return 1\n",
    "plugins/one.py": "def run():\n    return 1\n",
    "run.sh": "#!/bin/bash\n# says so\nsource lib/common.sh\npython tool.py > out.txt\n",
    "lib/common.sh": "X=1\n",
    "tool.py": "from pkg.deep import bottom\n\nif __name__ == '__main__':\n    print(bottom())\n",
    "out.txt": "1\n",
    "data.csv": "1\n",
}

EDITS = {
    # name: (step, file, old, new, whether the code of the step changed)
    "its own body": ("work.a", "work.py", "math.sqrt(rate)", "math.sqrt(rate + 1)", True),
    "a comment": ("work.a", "work.py", "# a comment", "# another comment", False),
    "a docstring": ("work.a", "work.py", "What a does; see b().", "Another sentence.", False),
    "the docstring of a class": ("work.a", "work.py", '"""A model."""', '"""The model."""', False),
    "the docstring of the module": ("work.a", "work.py", '"""What the work is."""', "", False),
    "blank lines": ("work.a", "work.py", "    return [b for b", "\n\n    return [b for b", False),
    "a call over several lines": ("work.a", "work.py", "helpers.helper(b), scale", "helpers.helper(\n  b,\n ), scale", False),
    "quotes": ("work.a", "work.py", '{"a": LIMIT}', "{'a': LIMIT}", False),
    "deeper indentation": ("work.a", "work.py", "    b = math.sqrt(rate)", "    if rate:\n        b = math.sqrt(rate)", True),
    "a constant it uses": ("work.a", "work.py", "LIMIT = 3", "LIMIT = 4", True),
    "how a constant is written": ("work.a", "work.py", "LIMIT = 3", "LIMIT = (3)  # three", False),
    "a constant it does not use": ("work.a", "work.py", "UNUSED = 1", "UNUSED = 2", False),
    "a constant by way of another": ("work.a", "work.py", '{"a": LIMIT}', '{"a": LIMIT, "b": 1}', True),
    "another function, whose name is that of a local": ("work.a", "work.py", "return starred()", "return 1", False),
    "a decorator": ("work.a", "work.py", "return function", "return (lambda: function())", True),
    "the base of a class in a quoted annotation": ("work.a", "work.py", "        return 1", "        return 2", True),
    "a field of a class": ("work.a", "work.py", "rate: float = 0.1", "rate: float = 0.2", True),
    "a helper of another module": ("work.a", "helpers.py", "x * CONSTANT", "x + CONSTANT", True),
    "a constant of a helper of another module": ("work.a", "helpers.py", "CONSTANT = 1", "CONSTANT = 5", True),
    "what the helper module has beside it": ("work.a", "helpers.py", "OTHER = 2", "OTHER = 3", False),
    "what a module does only as a script": ("work.a", "helpers.py", "print(1)", "print(2)", False),
    "two modules away": ("work.a", "pkg/deep.py", "FACTOR = 2", "FACTOR = 3", True),
    "beside it two modules away": ("work.a", "pkg/deep.py", "    return 1", "    return 2", False),
    "what a package does when it is imported": ("work.a", "pkg/__init__.py", "import scale\n", "import scale\nprint(1)\n", True),
    "what a module does that is imported for that": ("work.a", "registry.py", "SEEN.append(1)", "SEEN.append(2)", True),
    "what nobody calls there": ("work.a", "registry.py", "    return 1", "    return 2", False),
    "another library": ("work.a", "work.py", "import math\n", "import cmath as math\n", True),
    "a library it does not use": ("work.a", "work.py", "import math\n", "import math\nimport json\n", False),
    "a new function": ("work.a", "work.py", "def b():", "def c():\n    pass\n\ndef b():", False),
    "a name that a star brings": ("work.b", "helpers.py", "OTHER = 2", "OTHER = 3", True),
    "beside a name that a star brings": ("work.b", "helpers.py", "x * CONSTANT", "x + CONSTANT", False),
    "a module asked by getattr": ("work.dynamic", "helpers.py", "OTHER = 2", "OTHER = 3", True),
    "a module imported by a text": ("work.imported", "plugins/one.py", "return 1", "return 2", True),
    "no module of that package": ("work.imported", "pkg/deep.py", "FACTOR = 2", "FACTOR = 3", False),
    "an import in the function": ("work.local", "pkg/deep.py", "    return 1", "    return 2", True),
    "beside an import in the function": ("work.local", "pkg/deep.py", "FACTOR = 2", "FACTOR = 3", False),
    "a module by another name": ("work.chained", "pkg/deep.py", "    return 1", "    return 2", True),
    "its own module asked by globals()": ("work.own", "work.py", "UNUSED = 1", "UNUSED = 2", True),
    "a method's class as a whole": ("work.Model.go", "work.py", "rate: float = 0.1", "rate: float = 0.3", True),
    "data beside it": ("work.a", "data.csv", "1", "2", False),
    "a script that a command names": ("bash run.sh", "run.sh", "python tool.py", "python tool.py 1", True),
    "a comment in that script": ("bash run.sh", "run.sh", "# says so", "# and so", False),
    "a script that it sources": ("bash run.sh", "lib/common.sh", "X=1", "X=2", True),
    "what that script writes": ("bash run.sh", "out.txt", "1", "2", False),
    "a module of a python script it runs": ("bash run.sh", "pkg/deep.py", "    return 1", "    return 2", True),
    "what a script does as such": ("python tool.py", "tool.py", "print(bottom())", "print(bottom() + 1)", True),
    "what its module has beside that": ("python tool.py", "pkg/deep.py", "FACTOR = 2", "FACTOR = 3", False),
    "a script by python -m": ("python -m tool --fast", "tool.py", "print(bottom())", "print(2)", True),
    "data that a command reads": ("sort data.csv", "data.csv", "1", "2", False),
}  # fmt: skip


@pytest.fixture
def project(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def pieces(project, command):
    kind, spec = (ShellTask(), "shell") if " " in command else (PythonTask(), "python")
    [found] = kind.code([TaskSpec(spec, command)], project)
    return found


def edit(project, name, old, new):
    file = project / name
    text = file.read_text()
    assert old in text
    later = file.stat().st_mtime_ns + 1_000_000
    file.write_text(text.replace(old, new))
    os.utime(file, ns=(later, later))


@pytest.mark.parametrize(("command", "file", "old", "new", "changed"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_the_code_of_the_steps_that_reach_it(project, command, file, old, new, changed):
    before = pieces(project, command)
    edit(project, file, old, new)
    assert (pieces(project, command) != before) is changed


def notebook(*cells):
    made = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in cells]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


CELLS = ("import helpers\n%matplotlib inline\n", "x = helpers.helper(2)\n!bash lib/common.sh\n", "print(x)")


@pytest.mark.parametrize(
    ("cells", "changed"),
    [
        (CELLS, False),
        (("# first\n" + CELLS[0], *CELLS[1:]), False),
        ((CELLS[0], "# nothing else", *CELLS[1:]), False),
        ((CELLS[0], CELLS[1], "print( x )  # so"), False),
        ((CELLS[0], CELLS[1], "print(x + 1)"), True),
        ((CELLS[0], CELLS[1].replace("!bash", "!sh"), CELLS[2]), True),
        ((CELLS[1], CELLS[0], CELLS[2]), True),
        ((*CELLS, "%%bash\necho 1"), True),
    ],
)
def test_the_code_of_a_notebook_is_that_of_its_cells(project, cells, changed):
    file = project / "n.ipynb"
    file.write_text(notebook(*CELLS))
    [before] = NotebookTask().code([TaskSpec("notebook", "n.ipynb")], project)
    assert {"helpers.py:helper", "helpers.py:CONSTANT", "lib/common.sh", "n.ipynb:cell 3"} <= before.keys()
    file.write_text(notebook(*cells))
    [after] = NotebookTask().code([TaskSpec("notebook", "n.ipynb")], project)
    assert (after != before) is changed


@pytest.mark.parametrize(
    ("file", "old", "new", "changed"),
    [("helpers.py", "CONSTANT = 1", "CONSTANT = 2", True), ("helpers.py", "OTHER = 2", "OTHER = 3", False)],
)
def test_modules_that_a_notebook_uses_count_by_piece(project, file, old, new, changed):
    (project / "n.ipynb").write_text(notebook(*CELLS))
    [before] = NotebookTask().code([TaskSpec("notebook", "n.ipynb")], project)
    edit(project, file, old, new)
    [after] = NotebookTask().code([TaskSpec("notebook", "n.ipynb")], project)
    assert (after != before) is changed


def test_the_names_of_pieces_are_the_same_wherever_the_project_is(tmp_path):
    found = []
    for folder in ("here", "there/deeper"):
        for name, text in FILES.items():
            (tmp_path / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / name).write_text(text)
        found.append(pieces(tmp_path / folder, "work.a"))
    assert found[0] == found[1]
    assert not any(name.startswith("/") for name in found[0])


def test_modules_that_import_from_one_another_in_a_circle(tmp_path):
    files = {
        "pkg/__init__.py": "from pkg.one import f, g\nfrom . import two\n",
        "pkg/one.py": "from pkg import two, h, pkg\nfrom pkg.two import *\ndef f(): return two.g() + h()\n",
        "pkg/two.py": "import pkg\nfrom pkg.one import *\nfrom pkg import h\ndef g(): return pkg.two.f, gone\n",
        "work.py": "from magnus import Pipeline\nimport pkg\ndef a(): return Pipeline, pkg.f(), getattr(pkg, 'x')\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = list(pieces(tmp_path, "work.a"))
    assert {"pkg/one.py:f", "pkg/two.py:g", "work.py:a", "work.py:Pipeline"} <= set(found)
    assert all(name.startswith(("pkg/", "work.py")) for name in found)


def closure(value, other):
    def function(x):
        """What it does."""
        return inner(x) + other

    def inner(x):
        return x * value

    return function


def test_a_function_of_a_program_is_made_of_what_its_closure_has(tmp_path):
    specs = [TaskSpec("python", "f", function=closure(*values)) for values in ((1, 2), (1, 2), (2, 2), (1, 3))]
    one, same, inner, other = PythonTask().code(specs, tmp_path)
    assert list(one) == ["f", "inner", "other", "value"]
    assert one == same
    assert (inner["f"], inner["inner"]) == (one["f"], one["inner"])
    assert inner["value"] != one["value"]
    assert other["other"] != one["other"]
