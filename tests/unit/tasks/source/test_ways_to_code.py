"""Code that a step reaches in roundabout ways is code of the step: registries, effects of imports, programs in commands."""

import json
import os
import sys

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonTask
from magnus.tasks.shell import ShellTask

REGISTRY = "REG = {}\ndef register(f):\n    REG[f.__name__] = f\n    return f\n"
PLUG = "from reg import register\n@register\ndef scale(x): return x * 2\nX = 1\n"
NOTES = "R = []\n"
NOTING = "from notes import R\nR.append(1)\nX = 1\n"
BASE = "ALL = []\nclass B:\n    def __init_subclass__(cls): ALL.append(cls)\n"
META = "R = []\nclass M(type):\n    def __init__(c, *a): R.append(c)\nclass B(metaclass=M): pass\n"
CLASS = "class C(B):\n    def go(self): return 1\n"
HELPER = "def h(): return 1\n"
TIMED = (
    "import logging, time\nlog = logging.getLogger()\ndef timed(f):\n    def w(*a):\n        r = f(*a)\n"
    "        log.info('%s', f.__name__)\n        return r\n    return w\n"
)
DISPATCH = "from functools import singledispatch\n@singledispatch\ndef area(x): return 0\n@area.register\ndef _(x: int): return x * 2\n"
NESTED = (
    "R = []\ndef note(f): R.append(f)\ndef reg(n):\n    def d(f):\n        note(f)\n        return f\n    return d\n"
)
DIGITS = f"B = 0x{'f' * 6000}\ndef a(): return B\n"
TERMS = f"S = {' + '.join(['1'] * 2000)}\ndef a(): return S\n"
BRANCHES = "".join(f"    elif x == {i}: return {i}\n" for i in range(1, 900))
SHADOWED = "from y import h\nclass M:\n    def p(self):\n        from x import h\n        return h()\n    def q(self): return h()\ndef a(): return M().q()\n"

EDITS = {
    # name: (step, files, file, old, new, whether the code of the step changed)
    "registered by a decorator": ("work.a", {"work.py": f"{REGISTRY}@register\ndef s(): return 1\ndef a(): return REG['s']()\n"}, "work.py", "return 1", "return 2", True),
    "registered two calls away": ("work.a", {"work.py": f"{NESTED}@reg('x')\ndef s(): return 1\ndef a(): return R[0]()\n"}, "work.py", "return 1", "return 2", True),
    "registered by another module": ("work.a", {"reg.py": REGISTRY, "plug.py": PLUG, "work.py": "import plug\nfrom reg import REG\ndef a(): return REG['scale'](3)\ndef b(): return plug.X\n"}, "plug.py", "x * 2", "x * 3", True),
    "one of several by type": ("work.a", {"work.py": f"{DISPATCH}def a(): return area(3)\n"}, "work.py", "x * 2", "x * 3", True),
    "a subclass that the base notes": ("work.a", {"base.py": BASE, "models.py": f"from base import B\n{CLASS}", "work.py": "import models, base\ndef a(): return base.ALL[0]().go()\n"}, "models.py", "return 1", "return 2", True),
    "a subclass that a metaclass notes": ("work.a", {"work.py": f"{META}{CLASS}def a(): return R[-1]().go()\n"}, "work.py", "return 1", "return 2", True),
    "a subclass that is asked for": ("work.a", {"work.py": f"class B: pass\n{CLASS}def a(): return B.__subclasses__()\n"}, "work.py", "return 1", "return 2", True),
    "a subclass nobody asks for": ("work.a", {"work.py": f"class B: pass\n{CLASS}def a(): return B()\n"}, "work.py", "return 1", "return 2", False),
    "beside it, both logged": ("work.a", {"work.py": f"{TIMED}@timed\ndef a(): return 1\n@timed\ndef b(): return 3\n"}, "work.py", "return 3", "return 4", False),
    "beside it, both cached": ("work.a", {"work.py": "from joblib import Memory\nmemory = Memory('x')\n@memory.cache\ndef a(): return 1\n@memory.cache\ndef b(): return 3\n"}, "work.py", "return 3", "return 4", False),
    "effects of a module that others use": ("work.a", {"notes.py": NOTES, "plug.py": NOTING, "work.py": "import plug\nfrom notes import R\ndef a(): return R\ndef b(): return plug.X\n"}, "plug.py", "append(1)", "append(2)", True),
    "effects of a module in a package": ("work.a", {"notes.py": NOTES, "p/__init__.py": "", "p/plug.py": NOTING, "work.py": "import p.plug\nfrom notes import R\ndef a(): return R\n"}, "p/plug.py", "append(1)", "append(2)", True),
    "effects of an import in the function": ("work.a", {"notes.py": NOTES, "p/__init__.py": "", "p/plug.py": NOTING, "work.py": "from notes import R\ndef a():\n    from p import plug\n    return R\n"}, "p/plug.py", "append(1)", "append(2)", True),
    "an effect whose result is dropped": ("work.a", {"work.py": "import random\n_ = random.seed(1)\ndef a(): return random.random()\n"}, "work.py", "seed(1)", "seed(2)", True),
    "a constant beside one of another module": ("work.a", {"config.py": "from pathlib import Path\nX = Path('a')\nY = Path('b')\n", "work.py": "import config\ndef a(): return config.X\n"}, "config.py", "'b'", "'c'", False),
    "a name that a method imports and another does not": ("work.a", {"x.py": HELPER, "y.py": HELPER, "work.py": SHADOWED}, "y.py", "return 1", "return 2", True),
    "a module with another encoding": ("work.a", {"x.py": HELPER, "work.py": "# -*- coding: latin-1 -*-\nimport x\nN = '\xe4'\ndef a(): return x.h()\n".encode("latin-1")}, "x.py", "return 1", "return 2", True),
    "a global of an inner function": ("work.a", {"work.py": "X = 1\ndef a():\n    X = 5\n    def i():\n        global X\n        return X\n    return i()\n"}, "work.py", "X = 1", "X = 2", True),
    "an integer of many digits": ("work.a", {"work.py": DIGITS}, "work.py", "0xf", "0xe", True),
    "a sum of many terms": ("work.a", {"work.py": TERMS}, "work.py", "1\n", "2\n", True),
    "a choice of many branches": ("work.a", {"work.py": f"def a(x):\n    if x == 0: pass\n{BRANCHES}"}, "work.py", "return 7\n", "return 8\n", True),
    "a docstring that is used": ("work.a", {"work.py": "def a():\n    'one'\n    return a.__doc__\n"}, "work.py", "one", "two", True),
    "the docstring of a module that is used": ("work.a", {"work.py": "'one'\ndef a():\n    return __doc__\n"}, "work.py", "one", "two", True),
    "a script beside the module": ("p.work.a", {"p/__init__.py": "", "p/tool.py": HELPER, "p/work.py": "import runpy\nfrom pathlib import Path\ndef a(): return runpy.run_path(Path(__file__).with_name('tool.py'))\n"}, "p/tool.py", "return 1", "return 2", True),
    "a module run by a command in python": ("work.a", {"tool.py": HELPER, "work.py": "import subprocess, sys\ndef a(): subprocess.run([sys.executable, '-m', 'tool'])\n"}, "tool.py", "return 1", "return 2", True),
    "a folder of sources that the program adds": ("work.a", {"src/p/m.py": HELPER, "work.py": "import sys\nsys.path.insert(0, 'src')\nfrom p.m import h\ndef a(): return h()\n"}, "src/p/m.py", "return 1", "return 2", True),
    "python -c": ("python -c 'import x; x.h()'", {"x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "python from its input": ("python - <<EOF\nimport x\nx.h()\nEOF", {"x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "a script of another folder": ("cd lib && python x.py", {"lib/x.py": HELPER}, "lib/x.py", "return 1", "return 2", True),
    "a script of a folder by a variable": ("D=lib; python $D/x.py", {"lib/x.py": HELPER}, "lib/x.py", "return 1", "return 2", True),
    "a script in quotes": ('python "x y.py"', {"x y.py": HELPER}, "x y.py", "return 1", "return 2", True),
    "a folder that is a program": ("python app --fast", {"app/__main__.py": HELPER}, "app/__main__.py", "return 1", "return 2", True),
    "scripts by a pattern": ("for f in steps/*.sh; do bash $f; done", {"steps/a.sh": "echo 1\n"}, "steps/a.sh", "echo 1", "echo 2", True),
    "python -um": ("python -um x", {"x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "python -W ignore -m": ("python -W ignore -m x", {"x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "a module of a folder of sources": ("PYTHONPATH=src python -m p.m", {"src/p/m.py": HELPER}, "src/p/m.py", "return 1", "return 2", True),
    "a notebook that a command runs": ("papermill n.ipynb o.ipynb", {"n.ipynb": ["print(1)"]}, "n.ipynb", "print(1)", "print(2)", True),
    "the notebook that it writes": ("papermill n.ipynb o.ipynb", {"n.ipynb": ["print(1)"], "o.ipynb": ["print(3)"]}, "o.ipynb", "print(3)", "print(4)", False),
    "%run of a notebook": ("n.ipynb", {"n.ipynb": ["%run o.ipynb"], "o.ipynb": ["x = 1"]}, "o.ipynb", "x = 1", "x = 2", True),
    "%run without a suffix": ("n.ipynb", {"n.ipynb": ["%run x"], "x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "%time": ("n.ipynb", {"n.ipynb": ["from x import h\n%time r = h()"], "x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "python in a line for the shell": ("n.ipynb", {"n.ipynb": ["import x\n!echo {x.h()}"], "x.py": HELPER}, "x.py", "return 1", "return 2", True),
    "a module beside the notebook": ("nbs/n.ipynb", {"nbs/n.ipynb": ["from x import h\nh()"], "nbs/x.py": HELPER}, "nbs/x.py", "return 1", "return 2", True),
}  # fmt: skip


def content(text):
    if isinstance(text, list):
        cells = [{"cell_type": "code", "source": cell, "metadata": {}, "outputs": []} for cell in text]
        return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode()
    return text if isinstance(text, bytes) else text.encode()


def pieces(folder, command):
    if command.endswith(".ipynb") and " " not in command:
        [found] = NotebookTask().code([TaskSpec("notebook", command)], folder)
    elif " " in command:
        [found] = ShellTask().code([TaskSpec("shell", command)], folder)
    else:
        [found] = PythonTask().code([TaskSpec("python", command)], folder)
    return found


@pytest.mark.parametrize(("command", "files", "name", "old", "new", "changed"), EDITS.values(), ids=EDITS)
def test_an_edit_changes_the_code_of_the_steps_that_reach_it(tmp_path, command, files, name, old, new, changed):
    for file, text in files.items():
        (tmp_path / file).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / file).write_bytes(content(text))
    limit = sys.getrecursionlimit()
    before = pieces(tmp_path, command)
    edited, data = tmp_path / name, (tmp_path / name).read_bytes()
    assert old.encode() in data
    later = edited.stat().st_mtime_ns + 1_000_000
    edited.write_bytes(data.replace(old.encode(), new.encode()))
    os.utime(edited, ns=(later, later))
    assert before
    assert (pieces(tmp_path, command) != before) is changed
    assert sys.getrecursionlimit() == limit
