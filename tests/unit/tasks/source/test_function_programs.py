"""The inputs of functions that only their program has: what is followed, and what cannot be compared."""

import functools
import json
import threading
from dataclasses import dataclass

import pytest

from magnus.tasks.source.function_programs import arguments_of, program_of

FACTOR = 2


def in_notebook(source, **names):
    """The functions of a cell that has this source."""
    import linecache

    file = f"/tmp/ipykernel_1/{abs(hash(source))}.py"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    variables = {"__name__": "__main__", "__builtins__": __builtins__, **names}
    exec(compile(source, file, "exec"), variables)
    return variables


def test_functions_of_cells_are_written_with_the_functions_they_use():
    names = in_notebook("def helper(x):\n    return json.dumps(x)\n\ndef work(x):\n    return helper(x)\n", json=json)
    program = program_of(names["work"])
    assert program.problem == ""
    assert program.text.splitlines() == [
        "import json as json", "def helper(x):", "    return json.dumps(x)", "", "def work(x):", "    return helper(x)", "",
    ][: len(program.text.splitlines())]  # fmt: skip


def test_plain_values_count_and_others_are_a_problem():
    source = "def work():\n    return value\n"
    for plain in (1, "a", [1, {"b": (2.5, None)}], {1, 2}):
        assert program_of(in_notebook(source, value=plain)["work"]).problem == ""
    for other in (object(), threading.Lock(), [object()], "x" * 20_000, type("Own", (), {"__module__": "__main__"})):
        assert "it uses 'value'" in program_of(in_notebook(source, value=other)["work"]).problem


def test_a_name_that_is_not_defined_yet_is_a_problem():
    assert "it uses 'later'" in program_of(in_notebook("def work():\n    return later()\n")["work"]).problem


@pytest.mark.parametrize("annotation", ["Own", "list[Own]", "'Own | None'"])
def test_classes_of_cells_in_annotations_are_a_problem(annotation):
    work = in_notebook(f"class Own: pass\ndef work(x: {annotation}): return x\n")["work"]
    assert "a class that only this program has" in program_of(work).problem


def test_other_annotations_are_none():
    assert program_of(in_notebook("def work(x: int, y: 'list[str]' = ()): return x\n")["work"]).problem == ""


def test_wrapped_functions_and_objects_that_can_be_called():
    def decorated(function):
        @functools.wraps(function)
        def wrapper(*arguments):
            return function(*arguments)

        return wrapper

    @decorated
    def work(x):
        return x

    assert program_of(work).problem == ""
    assert arguments_of(work) is None
    assert "functools.partial" not in program_of(work).text
    assert "only this program has" in program_of(functools.partial(work, 1)).problem


@dataclass
class Options:
    depth: int = 3


def test_the_arguments_of_a_plain_function():
    assert arguments_of(lambda x, *, y=1: x) == {"x", "y"}
    assert arguments_of(lambda **rest: rest) is None
    assert arguments_of(Options) is None


def test_a_function_without_a_source_is_a_problem():
    names = {"__name__": "__main__"}
    exec("def work(x):\n    return x\n", names)
    assert program_of(names["work"]).problem == "the source of 'work' cannot be read"
    assert program_of(lambda x: x + FACTOR).problem == ""


@pytest.mark.parametrize(
    "body",
    ["globals()['x']", "eval('x')", "[vars() for _ in range(1)]", "__import__('__main__')", "(lambda: exec('x'))()"],
)
def test_code_that_can_reach_any_value_is_a_problem(body):
    program = program_of(in_notebook(f"def work():\n    return {body}\n")["work"])
    assert "by which it can reach any value" in program.problem


def test_an_import_of_the_program_itself_is_a_problem():
    program = program_of(in_notebook("def work():\n    import __main__\n    return __main__.x\n")["work"])
    assert "it uses '__main__'" in program.problem


def test_a_wrapper_of_a_function_of_a_module_counts_itself():
    source = "def work():\n    return wrapped(1)\n"
    wrapper = in_notebook("def wrapper(*a):\n    return dumps(*a)\n", dumps=json.dumps)["wrapper"]
    functools.update_wrapper(wrapper, json.dumps)
    text = program_of(in_notebook(source, wrapped=wrapper)["work"]).text
    assert "def wrapper" in text
    assert "from json import dumps as dumps" in text
    assert "from json import dumps as wrapped" in program_of(in_notebook(source, wrapped=json.dumps)["work"]).text
