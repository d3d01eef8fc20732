"""How functions are found without importing anything."""

import os
import sys
from textwrap import dedent

import pytest

from magnus.errors import Problem
from magnus.tasks.source.locate import missing_function


@pytest.fixture
def write(tmp_path):
    def write_it(name, source=""):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source))

    return write_it


@pytest.fixture
def found(tmp_path):
    """The message and the fix for a command, or None."""

    def find(command):
        modules, path = set(sys.modules), list(sys.path)
        problem = missing_function(command, tmp_path)
        assert set(sys.modules) - modules <= {"difflib"}, "something was imported"
        assert sys.path == path
        assert problem is None or problem.severity == "error"
        return None if problem is None else (problem.message, problem.fix)

    return find


EVERYTHING = """
from __future__ import annotations
import os.path
import json as js
from math import sqrt as root, pow
from .sibling import thing

LIMIT = 3
NAMES = ["a", "b"]
TABLE = {"a": 1}
doubled = [x for x in NAMES]
maker = lambda: 1
made = maker()
first, *others = maker, 1
typed: int = 3
declared: int
chosen = LIMIT
chosen = maker

def plain(): ...
async def waits(): ...
class Steps:
    rate = 3
    def run(self): ...
    @staticmethod
    def check(): ...
class Derived(Steps): ...
if LIMIT:
    def conditional(): ...
else:
    otherwise = maker
try:
    import fast
except ImportError:
    def fallback(): ...
finally:
    last = maker
with open("x") as handle:
    inside = maker
for item in NAMES:
    def looped(): ...
while (walrus := maker()):
    break
match LIMIT:
    case {"a": captured, **remaining}:
        def matched(): ...
    case [one, *several]: ...
def setter():
    global assigned
    assigned = plain
"""


@pytest.mark.parametrize(
    "name",
    "plain waits Steps Derived os js root pow thing maker made first others chosen conditional otherwise fast fallback "
    "last handle inside item looped walrus captured remaining matched one several assigned Steps.run Steps.check Steps.mro "
    "Derived.run made.anything plain.cache_clear".split(),
)
def test_what_a_module_defines_in_any_way_is_no_problem(write, found, name):
    write("everything.py", EVERYTHING)
    assert found(f"everything.{name}") is None


@pytest.mark.parametrize(
    ("name", "line"),
    [("LIMIT", 8), ("NAMES", 9), ("TABLE", 10), ("doubled", 11), ("typed", 15), ("Steps.rate", 23)],
)
def test_a_constant_is_not_callable(write, found, name, line):
    write("everything.py", EVERYTHING)
    assert found(f"everything.{name}") == (
        f"'everything.{name}' is not callable: line {line} of 'everything.py' makes it a constant",
        "name a function",
    )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("plian", "did you mean 'plain'?"),
        ("declared", "there are: Derived, Steps, conditional, fallback, looped, matched, plain, pow, root, setter"),
        ("Steps.rum", "did you mean 'run'?"),
        ("Steps.walk_along", "there are: check, run"),
        ("rot", "did you mean 'root'?"),
    ],
)
def test_a_function_that_is_not_there_is_a_problem_with_the_near_match(write, found, name, fix):
    write("everything.py", EVERYTHING)
    assert found(f"everything.{name}") == (f"there is no function '{name}' in the module 'everything'", fix)


@pytest.mark.parametrize(
    "source",
    [
        "from elsewhere import *",
        "def __getattr__(name): ...",
        "globals()['f'] = print",
        "exec('def f(): ...')",
        "import sys; setattr(sys.modules[__name__], 'f', print)",
        "class f_: ...\nif 1:\n    from elsewhere import *",
    ],
)
def test_nothing_is_said_of_a_module_that_makes_names_in_other_ways(write, found, source):
    write("dynamic.py", source)
    assert found("dynamic.f") is None


def test_nothing_is_said_of_attributes_of_what_is_not_a_simple_class(write, found):
    write("steps.py", "@decorated\nclass A: ...\nclass B(metaclass=M): ...\nclass C(A): ...\n")
    assert [found(f"steps.{name}.f") for name in "ABC"] == [None, None, None]


def test_an_empty_module_says_that_nothing_is_in_it(write, found):
    write("empty.py")
    assert found("empty.f") == ("there is no function 'f' in the module 'empty'", "there is nothing in it yet")


def test_a_module_that_is_not_there_is_a_problem_with_the_near_match(write, found, tmp_path):
    write("adding.py")
    message = "there is no module '{}' in the working directory or on the import path"
    assert found("ading.add") == (message.format("ading"), "did you mean 'adding'?")
    assert found("pydantik.BaseModel") == (
        message.format("pydantik"),
        f"make 'pydantik.py' in '{tmp_path}', or install the package",
    )
    assert found("zzqqxx.f") == (
        message.format("zzqqxx"),
        f"make 'zzqqxx.py' in '{tmp_path}', or install the package",
    )


def test_functions_in_packages_are_found(write, found):
    write("package/__init__.py", "def f(): ...\nfrom . import other\n")
    write("package/inner/__init__.py", "")
    write("package/inner/module.py", "class C:\n    def f(self): ...\n")
    write("package/other.py", "def f(): ...\n")
    for command in ("f", "inner.module.C", "inner.module.C.f", "other.f"):
        assert found(f"package.{command}") is None
    assert found("package.g") == ("there is no function 'g' in the module 'package'", "there are: f, other")
    assert found("package.iner.f") == ("there is no module 'iner' in the package 'package'", "did you mean 'inner'?")
    assert found("package.inner.modul.f") == (
        "there is no module 'modul' in the package 'package.inner'",
        "did you mean 'module'?",
    )
    assert found("package.inner") == ("'package.inner' is a module", "name a function in it: package.inner.<function>")


def test_functions_in_namespace_packages_are_found(write, found):
    write("space/inner/module.py", "def f(): ...\n")
    assert found("space.inner.module.f") is None
    assert found("space.inner.modul.f") == (
        "there is no module 'modul' in the package 'space.inner'",
        "did you mean 'module'?",
    )
    assert found("space.inner.module") == (
        "'space.inner.module' is a module",
        "name a function in it: space.inner.module.<function>",
    )
    assert found("space.f") == ("there is no function 'f' in the module 'space'", "there is nothing in it yet")


def test_a_package_that_extends_its_path_may_have_any_module(write, found):
    write("extended/__init__.py", "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n")
    assert found("extended.module.f") is None


def test_the_working_directory_comes_before_the_import_path(write, found, tmp_path, monkeypatch):
    write("other/shared.py", "def g(): ...\n")
    write("shared.py", "def f(): ...\n")
    monkeypatch.syspath_prepend(str(tmp_path / "other"))
    assert found("shared.f") is None
    assert found("shared.g") == ("there is no function 'g' in the module 'shared'", "there are: f")


@pytest.mark.parametrize("command", ["json.dumps", "os.path.join", "click.command", "xml.dom.minidom.parse"])
def test_installed_functions_are_found(found, command):
    assert found(command) is None


def test_a_function_missing_in_an_installed_module_is_a_problem(found):
    assert found("json.dmps") == ("there is no function 'dmps' in the module 'json'", "did you mean 'dumps'?")


@pytest.mark.parametrize("command", ["time.no_such_thing", "math.no_such_thing", "zipimport.no_such_thing"])
def test_nothing_is_said_of_modules_without_source(found, command):
    assert found(command) is None


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("", ("the command is empty", "write <module>.<function>")),
        ("  ", ("the command is empty", "write <module>.<function>")),
        ("add", ("'add' names no module", "write <module>.<function>")),
        ("tasks.add()", ("'tasks.add()' is not the dotted path of a function", "did you mean 'tasks.add'?")),
        ("tasks:add", ("'tasks:add' is not the dotted path of a function", "did you mean 'tasks.add'?")),
        (
            "./src/tasks.py:add",
            ("there is no file 'src/tasks.py'", "check the path of the script"),
        ),
        (" tasks.add", ("' tasks.add' is not the dotted path of a function", "did you mean 'tasks.add'?")),
        (".tasks.add", ("'.tasks.add' is not the dotted path of a function", "did you mean 'tasks.add'?")),
        ("print('a b')", ("'print('a b')' is not the dotted path of a function", "write <module>.<function>")),
    ],
)
def test_a_command_that_is_no_dotted_path_is_a_problem(found, command, problem):
    assert found(command) == problem


def test_a_module_whose_name_python_could_not_write_is_found(write, found):
    write("01-load.py", "def main(): ...\n")
    assert found("01-load.main") is None


def test_a_file_that_is_not_python_is_a_problem(write, found):
    write("broken.py", "x = (\n")
    assert found("broken.f") == ("'broken.py' is not python: '(' was never closed, line 1", "correct the file")


def test_a_file_in_another_encoding_is_read(tmp_path, found):
    (tmp_path / "latin.py").write_bytes("# coding: latin-1\nx = 'é'\nif x:\n    def f(): ...\n".encode("latin-1"))
    assert found("latin.f") is None
    assert found("latin.g") == ("there is no function 'g' in the module 'latin'", "there are: f")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_nothing_is_said_of_a_file_that_cannot_be_read(write, tmp_path, found):
    write("secret.py", "x = 1\n")
    (tmp_path / "secret.py").chmod(0)
    assert found("secret.f") is None


def test_what_is_written_or_changed_later_is_seen(write, found):
    assert found("late.f") is not None
    write("late.py", "x = 1\n")
    assert found("late.f") is not None
    write("late.py", "def f(): ...\n")
    assert found("late.f") is None
    assert found("late_package.module.f") is not None
    write("late_package/__init__.py")
    assert found("late_package.module.f") is not None
    write("late_package/module.py", "def f(): ...\n")
    assert found("late_package.module.f") is None


def test_a_module_that_only_another_finder_knows_is_found(tmp_path, write, monkeypatch):
    from importlib.machinery import ModuleSpec

    class Finder:
        def find_spec(self, name, path, target=None):
            file = str(tmp_path / "somewhere" / "module.py")
            return ModuleSpec(name, None, origin=file) if name == "edited_elsewhere" else None

    class Crashing:
        def find_spec(self, name, path, target=None):
            raise RuntimeError("no")

    write("somewhere/module.py", "def f(): ...\n")
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Crashing(), Finder()])
    assert missing_function("edited_elsewhere.f", tmp_path) is None
    assert isinstance(missing_function("edited_elsewhere.g", tmp_path), Problem)


def test_a_function_of_a_script(tmp_path, found):
    (tmp_path / "run.py").write_text("def add(): ...\nN = 1\nclass C:\n    def m(self): ...\n")
    assert found("run.py:add") is None
    assert found("run.py:C.m") is None
    assert found("run.py:ad") == ("there is no function 'ad' in the module 'run.py'", "did you mean 'add'?")
    assert found("run.py:N")[0] == "'run.py:N' is not callable: line 2 of 'run.py' makes it a constant"
    assert found("sub/run.py:add") == ("there is no file 'sub/run.py'", "check the path of the script")


def test_suggestions_come_from_the_project_alone(write, found, tmp_path, monkeypatch):
    message = "there is no module 'chunq' in the working directory or on the import path"
    assert found("chunq.f") == (message, f"make 'chunq.py' in '{tmp_path}', or install the package")  # not 'chunk'
    write("lib/chunks.py")
    assert found("chunq.f") == (message, "did you mean 'chunks'?")


@pytest.mark.parametrize(
    ("files", "there", "fix"),
    [
        (["src/churn/__init__.py"], "src/churn", "PYTHONPATH=src"),
        (["src/churn/__init__.py", "pyproject.toml"], "src/churn", "pip install -e . , or PYTHONPATH=src"),
        (["lib/churn.py", "src/other.py"], "lib/churn.py", "PYTHONPATH=lib"),
    ],
)
def test_a_module_in_a_folder_of_sources_is_said_to_be_there(write, found, files, there, fix):
    for file in files:
        write(file)
    message = "there is no module 'churn' in the working directory or on the import path"
    assert found("churn.train.fit") == (f"{message}; there is {there}", fix)
