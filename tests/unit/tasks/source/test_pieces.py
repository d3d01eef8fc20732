"""Which pieces of code functions are made of, by the names people know them by."""

import sys

import pytest

from magnus.graph.nodes import TaskSpec
from magnus.tasks.python import PythonTask
from magnus.tasks.shell import ShellTask
from magnus.tasks.source.dependencies import CodeDependencies


@pytest.fixture
def project(tmp_path):
    return tmp_path


def write(project, **files):
    for name, text in files.items():
        file = project / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def parts(project, command="work.f"):
    [found] = PythonTask().code([TaskSpec("python", command)], project)
    return found


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(): pass\n", ["f"]),
        ("async def f(): pass\n", ["f"]),
        ("def f(): return g()\ndef g(): return X\nX = 1\nY = 2\n", ["X", "f", "g"]),
        ("X: int = 1\ndef f(x=X): pass\n", ["X", "f"]),
        ("class A:\n    pass\nclass B(A):\n    pass\ndef f(x: 'B'): pass\n", ["A", "B", "f"]),
        ("@deco(\n    1,\n)\n@other\ndef f(): pass\ndef deco(): pass\ndef other(): pass\n", ["deco", "f", "other"]),
        ("TABLE = {\n    'a': g,\n}\ndef g(): pass\ndef f(): return TABLE\n", ["TABLE", "f", "g"]),
        ("def f(): pass\nif __name__ == '__main__':\n    print(f())\n", ["f"]),
        ("def f(): pass\nf.x = 1\n", ["f"]),
        ("def f():\n    '''\nno margin\n'''\n", ["f"]),
        ("def f(): pass\nx += 1\nif x == 1:\n    y = 2\n", ["f"]),
        ("import os\nos.environ['A'] = 'b'\ndef f(): pass\n", ["", "f", "os"]),
        ("def f(): return os\ntry:\n    import gone as os\nexcept ImportError:\n    os = None\n", ["f", "os"]),
        ("def f(): pass\ndef f(): pass\n", ["f"]),
        ("def f(:\n  syntax error", [""]),
    ],
)
def test_pieces_of_one_module(project, text, names):
    write(project, work=text)
    assert list(parts(project)) == [f"work.py:{name}" if name else "work.py" for name in names]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("import one\ndef f(): one.a()\n", ["one.py:a"]),
        ("import one as o, sys\ndef f(): o.a()\n", ["one.py:a"]),
        ("from one import a\ndef f(): a()\n", ["one.py:a"]),
        ("from one import (\n    a as c,  # so\n    b,\n)\ndef f(): c()\n", ["one.py:a"]),
        ("from one import a, \\\n    b as c\ndef f(): c()\n", ["one.py:b"]),
        ("from one import *\ndef f(): a()\n", ["one.py:a"]),
        ("def f():\n    import one\n    one.b()\n", ["one.py:b"]),
        ("def f():\n    from pack.two import c\n    c()\n", ["one.py:a", "pack/two.py:c"]),
        ("import pack.two\ndef f(): pack.two.c()\n", ["one.py:a", "pack/two.py:c"]),
        ("from pack import two\ndef f(): two.c()\n", ["one.py:a", "pack/two.py:c"]),
        ("from pack import c\ndef f(): c()\n", ["one.py:a", "pack/two.py:c"]),
        ("import pack\ndef f(): pack.c()\n", ["one.py:a", "pack/two.py:c"]),
        ("import pack.three as t\ndef f(): t.d()\n", ["pack/three.py:d", "pack/two.py:D"]),
        ("import one, json\ndef f(): json.dumps(1)\n", ["work.py:json"]),
        ("import gone\ndef f(): gone.a()\n", ["work.py:gone"]),
    ],
)
def test_pieces_of_modules_beside_it(project, text, others):
    write(
        project,
        work=text,
        one="import work\ndef a(): pass\ndef b(): pass\n",
        **{
            "pack/__init__": "from .two import c\n",
            "pack/two": "from one import a\nD = 1\ndef c(): a()\n",
            "pack/three": "from . import two\ndef d(): return two.D\n",
        },
    )
    assert [name for name in parts(project) if name != "work.py:f"] == others


def test_a_function_of_a_script_of_a_class_and_of_the_import_path(project, monkeypatch):
    write(
        project,
        work="class A:\n    def f(self): return g()\ndef g(): pass\n",
        **{"src/lib/m": "from lib.n import x\ndef f(): x()\n", "src/lib/n": "def x(): pass\n"},
    )
    assert list(parts(project, "work.A.f")) == ["work.py:A", "work.py:g"]
    assert list(parts(project, "work.py:g")) == ["work.py:g"]
    monkeypatch.setattr(sys, "path", [str(project / "src"), *sys.path])
    assert list(parts(project, "lib.m.f")) == ["src/lib/m.py:f", "src/lib/n.py:x"]
    assert parts(project, "nowhere.f") == {}


def test_a_function_that_nothing_names_is_known_by_what_it_does(project):
    def made(value):
        return lambda x: x + value, lambda x: x + 1, lambda x: x + 1, lambda x: x + 2

    specs = [TaskSpec("python", "c", function=function) for function in made(1)]
    closure, one, same, other = PythonTask().code(specs, project)
    assert (list(closure), list(one)) == (["c", "value"], ["c"])
    assert one == same
    assert len({closure["c"], one["c"], other["c"]}) == 3


def test_text_that_is_in_no_module(project):
    write(project, one="def a(): pass\ndef b(): pass\n")
    assert list(CodeDependencies(project).of_text("import one\none.a()")) == ["one.py:a"]


def test_scripts_that_a_command_names(project):
    (project / "bin").mkdir()
    (project / "bin/a.sh").write_text("true")
    (project / "b.py").write_text("1")
    command = "bash bin/a.sh|python 'b.py' in.csv > out.sh; echo b.python bin/"
    named, none = ShellTask().code([TaskSpec("shell", command), TaskSpec("shell", "true")], project)
    assert (list(named), none) == (["b.py", "bin/a.sh"], {})
