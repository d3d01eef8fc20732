"""What is known of tasks before they run, and what is left open."""

import json
import re

import pytest

from magnus.graph.nodes import Return, TaskSpec
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonLambdaTask, PythonTask
from magnus.tasks.shell import ShellTask

HEAD = "from dataclasses import dataclass\nfrom functools import cache, wraps\nfrom typing import *\nimport magnus\nfrom magnus import set_parameter\n"


@pytest.fixture
def described(tmp_path, monkeypatch, request):
    """What is known of the function `f` of a module with this text, imported and not."""
    monkeypatch.syspath_prepend(tmp_path)
    counted = iter(range(100))

    def describe(text, *returns, imports=True, others=None):
        for name, other in (others or {}).items():
            (tmp_path / f"{name}.py").write_text(other)
        module = f"m_{abs(hash(request.node.name))}_{next(counted)}"
        (tmp_path / f"{module}.py").write_text(HEAD + text)
        spec = TaskSpec("python", f"{module}.f", returns=tuple(map(Return, returns)) or None)
        return PythonTask().describe(spec, tmp_path, imports=imports)

    return describe


def sets(description):
    return {setting.name: setting.is_certain for setting in description.sets}, description.sets_others


BOTH = pytest.mark.parametrize("imports", [True, False], ids=["imported", "from source"])


@BOTH
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(): return {'a': 1, 'b': [2]}", ({"a": True, "b": True}, False)),
        ("def f(x):\n    if x: return {'a': 1, 'b': 2}\n    return {'a': 3}", ({"a": True, "b": False}, False)),
        ("def f(x):\n    if x: return {'a': 1}", ({"a": False}, False)),
        ("def f(x): return dict(a=x)", ({"a": True}, False)),
        ("def f(x): return {'a': 1, **x}", ({"a": True}, True)),
        ("def f(x):\n    found = {}\n    return found", ({}, True)),
        ("def f(): pass", ({}, False)),
        ("def f(): yield 1", ({}, True)),
        ("def f() -> None: return g()", ({}, False)),
        (
            "@dataclass\nclass P:\n    a: int\n    b: str = ''\n\ndef f() -> P: return P(1)",
            ({"a": True, "b": True}, False),
        ),
        ("class P(NamedTuple):\n    a: int\n\ndef f() -> P: return P(1)", ({"a": True}, False)),
        ("@cache\ndef f(): return {'a': 1}", ({"a": True}, False)),
        (
            "def w(g):\n    @wraps(g)\n    def h(): return {'z': 1}\n    return h\n\n@w\ndef f(): return {'a': 1}",
            ({}, True),
        ),
        ("def f():\n    set_parameter(a=1)\n    return {'b': 1}", ({"a": True, "b": True}, False)),
        ("def f(x):\n    if x: magnus.set_parameter(a=1)", ({"a": False}, False)),
        ("def f(x): magnus.set_parameter(**x)", ({}, True)),
        ("def g(): set_parameter(a=1)\n\ndef f(): g()", ({"a": False}, False)),
        ("from magnus import set_parameter as s\ndef f(): s(a=1)", ({}, True)),
        ("from other import g\ndef f(): g()", ({"o": False}, False)),
    ],
)
def test_what_functions_set(described, text, expected, imports):
    others = {"other": "import magnus\ndef g(): magnus.set_parameter(o=1)\n"}
    assert sets(described(text, imports=imports, others=others)) == expected


@BOTH
def test_what_functions_take(described, imports):
    found = described("def f(a, b: int, c=1, *rest, d, e: str = '', **more): pass", imports=imports)
    assert [(need.name, need.is_required, need.accepts.wording) for need in found.needs] == [
        ("a", True, "Any"), ("b", True, "int"), ("c", False, "Any"), ("d", True, "Any"), ("e", False, "str"),
    ]  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    ("text", "returns", "message"),
    [
        ("def f(): return 1", (), "returns a value, which has no name"),
        ("def f() -> list[int]: return g()", (), "returns a value of type list[int], which has no name"),
        ("def f(): return 1, 2, 3", ("a", "b"), "returns 3 values; 'returns' declares a tuple of 2: a, b"),
        ("def f(): return {'a': 1}", ("a", "b"), "returns one value; 'returns' declares a tuple of 2: a, b"),
        (
            "def f() -> tuple[int, str]: return g()",
            ("a", "b", "c"),
            "returns 2 values; 'returns' declares a tuple of 3: a, b, c",
        ),
        (
            "def f() -> dict[str, int]: return g()",
            ("a", "b"),
            "returns a value of type dict[str, int]; 'returns' declares a tuple of 2: a, b",
        ),
        ("def f() -> int: print(1)", ("a",), "ends without returning a value"),
    ],
)
def test_results_that_cannot_be(described, text, returns, message, imports):
    [problem] = described(text, *returns, imports=imports).problems
    assert problem.message.partition("f() ")[2] == message


@BOTH
@pytest.mark.parametrize(
    ("text", "returns"),
    [
        ("def f() -> Optional[tuple[int, int]]: return g()", ("a", "b")),
        ("def f() -> Sequence[int]: return g()", ("a", "b")),
        ("def f() -> Tuple: return g()", ("a", "b")),
        ("def f() -> tuple[int, ...]: return g()", ("a", "b")),
        ("def f(x): return x", ()),
        ("def f() -> int: ...", ("a",)),
        ("def f(): raise NotImplementedError", ("a", "b")),
        ("def f(): return *g(), 1", ("a", "b", "c")),
    ],
)
def test_results_that_may_be(described, text, returns, imports):
    assert described(text, *returns, imports=imports).problems == ()


def test_a_module_that_cannot_be_imported(described):
    [problem] = described("import no_such_thing\ndef f(): pass").problems
    assert (problem.severity, "ModuleNotFoundError: No module named 'no_such_thing'" in problem.message) == (
        "error",
        True,
    )
    [problem] = described("magnus.get_run_id()\ndef f(): pass").problems
    assert problem.severity == "warning"


@pytest.mark.parametrize(
    ("command", "needs", "expected", "problems"),
    [
        ("lambda a, b=1: {'x': a}", {"a": True, "b": False}, ({"x": True}, False), 0),
        ("lambda a: {'x': 1} if a else None", {"a": True}, ({"x": False}, False), 0),
        ("lambda: 1", {}, ({}, False), 1),
        ("lambda: __import__('os').environ.update(MAGNUS_PRM_x='1')", {}, ({}, True), 0),
        ("lambda **k: k", {}, ({}, True), 0),
    ],
)
def test_lambdas(tmp_path, command, needs, expected, problems):
    found = PythonLambdaTask().describe(TaskSpec("python-lambda", command), tmp_path, imports=True)
    assert {need.name: need.is_required for need in found.needs} == needs
    assert sets(found) == expected
    assert len(found.problems) == problems


@pytest.mark.parametrize(
    ("command", "needs", "expected"),
    [
        ('export MAGNUS_PRM_a=1; export MAGNUS_PRM_b="$x"', ["x"], ({"a": True, "b": True}, False)),
        ("echo '$x' \\$y $HOME ${z:-1}", [], ({}, False)),
        ("for f in *.csv; do wc $f; done | while read n rest; do echo $n $rest; done", [], ({}, False)),
        ("python train.py --x $alpha", ["alpha"], ({}, True)),
        (". ./env.sh; echo $anything", [], ({}, True)),
        ("cat <<END\n$inside is text for cat\nEND", [], ({}, False)),
        ("echo one # $comment", [], ({}, False)),
        ("IFS=, read -r a b < x; echo $a $b; ((n = 1)); echo $n", [], ({}, False)),
        ("for n in b; do export MAGNUS_PRM_$n=2; done", [], ({}, True)),
        ("export $(cat kv.txt)", [], ({}, True)),
        ("export `cat kv.txt`", [], ({}, True)),
        ('while read kv; do export "$kv"; done < kv.txt', [], ({}, True)),
        ('while IFS== read k v; do declare -x "$k"="$v"; done < kv.txt', [], ({}, True)),
        ("export MAGNUS_PRM_{a,b}=1", [], ({}, True)),
        ("set -a; n=MAGNUS_PRM_b; printf -v $n 5", [], ({}, True)),
        ("set -a; declare -n r=MAGNUS_PRM_b; r=5", [], ({}, True)),
        ("printf -v MAGNUS_PRM_b 5; export MAGNUS_PRM_b", [], ({"b": True}, False)),
        ("export MAGNUS_PRM_b; read -r MAGNUS_PRM_b <<< 7", [], ({"b": True}, False)),
        (': "${MAGNUS_PRM_b:=3}"; export MAGNUS_PRM_b', [], ({"b": True}, False)),
        ('MAGNUS_PRM_b=(1 2); export "MAGNUS_PRM_b"', [], ({"b": True}, False)),
        ("set -a; read x MAGNUS_PRM_b < kv.txt", [], ({"b": True}, False)),
        ("read -r MAGNUS_PRM_a <<END; export MAGNUS_PRM_b=1\n$inside\nEND", [], ({"b": True, "a": True}, False)),
        ('export MAGNUS_PRM_a="$HOME $PATH" MAGNUS_PRM_b=$(date "+%s")', [], ({"a": True, "b": True}, False)),
        ("cat <<A <<'B' | wc -l\n$x\nA\n$y\nB\necho $z", ["z"], ({}, False)),
        ("((n = 1 << k)); cat <<< $w", ["w"], ({}, False)),
    ],
)
def test_shell_commands(tmp_path, command, needs, expected):
    found = ShellTask().describe(TaskSpec("shell", command), tmp_path, imports=True)
    assert [need.name for need in found.needs] == needs
    assert sets(found) == expected
    assert found.problems == ()


@pytest.mark.parametrize(
    ("command", "messages"),
    [
        ("export x=1", []),
        ("x=1", ["the command sets 'x', which 'returns' declares, and does not export it"]),
        ("x=1; export x", []),
        ("set -a; x=1", []),
        ("true", ["the command does not export 'x', which 'returns' declares"]),
        ("echo $x", []),
        ("./run.sh", []),
        ("declare -x x=1", []),
        ("read x < file; export x", []),
        ("n=x; export $n=1", []),
        (
            "export x='a",
            ["the shell does not understand the command: line 1: unexpected EOF while looking for matching `''"],
        ),
        ("ecoh 1; export x=1", ["there is no program 'ecoh' on PATH"]),
        ("export x=1; exec 5>log", []),
        ("export x=1; exec {fd}>log 2>&1", []),
        ("export x=1; exec true", ["'exec true' replaces the shell, so what the command exports before it is lost"]),
        (
            "export x=1 && exec python fit.py",
            ["'exec python' replaces the shell, so what the command exports before it is lost"],
        ),
    ],
)
def test_what_shell_commands_return(tmp_path, command, messages):
    found = ShellTask().describe(TaskSpec("shell", command, returns=(Return("x"),)), tmp_path, imports=True)
    assert [problem.message for problem in found.problems] == messages


@pytest.mark.parametrize(
    ("cells", "needs", "expected"),
    [
        (["y = x + 1"], ["x"], ({}, False)),
        (["def g(a): return a\nimport os as o\nprint(o, g(1))"], [], ({}, False)),
        (["from stuff import *\nprint(x)"], [], ({}, True)),
        (["%matplotlib inline\nprint(x)"], [], ({}, True)),
        (["import magnus\nmagnus.set_parameter(a=1)"], [], ({"a": False}, False)),
    ],
)
def test_notebooks(tmp_path, cells, needs, expected):
    written = [{"cell_type": "code", "metadata": {}, "source": cell, "outputs": []} for cell in cells]
    (tmp_path / "n.ipynb").write_text(
        json.dumps({"cells": written, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})
    )
    found = NotebookTask().describe(TaskSpec("notebook", "n.ipynb"), tmp_path, imports=True)
    assert [need.name for need in found.needs] == needs
    assert sets(found) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("os.environ['MAGNUS_PRM_x'] = '1'", ({"x": False}, False)),
        ("return os.environ['MAGNUS_PRM_x'], os.environ.get('MAGNUS_PRM_y'), os.getenv('MAGNUS_PRM_z')", ({}, True)),
        ("os.environ.update(MAGNUS_PRM_x='1')", ({}, True)),
        ("os.environ[f'MAGNUS_PRM_{name}'] = '1'", ({}, True)),
        ("os.environ.setdefault('MAGNUS_PRM_x', '1')", ({}, True)),
        ("os.putenv('HOME', '1')", ({}, False)),
    ],
)
def test_variables_of_a_function(described, body, expected):
    assert sets(described(f"import os\ndef f():\n    {body}")) == expected


def test_a_namespace_needs_nothing(described):
    source = "import argparse\ndef f(args: argparse.Namespace, x): pass"
    assert [need.name for need in described(source).needs] == ["x"]


@BOTH
@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import os\ndef f():\n    os._exit(0)", [8]),
        ("def f():\n    from os import _exit as end\n    if f: end(1)", [8]),
        ("import os as o\ndef f(): g()\ndef g():\n    h()\ndef h(): o._exit(3); g()", [10]),
        ("import os\ndef f(): pass\ndef g(): os._exit(0)", []),
        ("import os\ndef f():\n    if os.fork() == 0: os._exit(0)", []),
        ("import os\ndef f():\n    if os.fork() == 0: g()\ndef g(): os._exit(0)", []),
        ("import sys\nclass os:\n    _exit = print\ndef f(): os._exit(0); sys.exit(0)", []),
    ],
)
def test_a_call_that_ends_the_whole_process_is_a_warning_at_its_place(text, lines, imports, described):
    found = described(text, imports=imports).problems
    place = r"m_\d+_\d+\.f\(\) calls os\._exit\(\) \(m_\d+_\d+\.py:(\d+)\), which ends the process of magnus: .*"
    assert [int(re.fullmatch(place, problem.message)[1]) for problem in found] == lines
    assert all(problem.severity == "warning" for problem in found)
