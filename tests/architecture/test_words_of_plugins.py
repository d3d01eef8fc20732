"""No module asks which node type or task kind it is talking to, except the ones that own the word."""

import ast
import re
from pathlib import Path

import pytest

import magnus
from magnus.app.composition.plugins import types
from magnus.definition.nodes import NODE_TYPES

SOURCE = Path(magnus.__file__).parent
NODE_WORDS = frozenset(NODE_TYPES)
KIND_WORDS = frozenset(("noop", "supply", *types("tasks", entry_points=lambda _group: ())))
WORDS = NODE_WORDS | KIND_WORDS
OWNERS = ("definition/nodes/", "tasks/", "app/composition/plugins.py", "app/composition/")
OTHER_WORDS = {  # these words mean something else there
    ("transpilers/argo/", "dag"),  # a kind of template
    ("simulation/argo/", "dag"),
    ("transpilers/argo/", "fail"),  # a kind of fault
    ("simulation/argo/", "fail"),
}
KEYS_OF_PIPELINES = frozenset({"dag"})  # also the key of the pipeline in a file


def asked(tree):
    """The words that code compares something with, each with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, ops=operators, comparators=others):
                for operator, side, other in zip(operators, (left, *others), others, strict=False):
                    if isinstance(operator, ast.Eq | ast.NotEq):
                        yield from constants(side)
                        yield from constants(other)
                    elif isinstance(operator, ast.In | ast.NotIn):
                        yield from members(other)
            case ast.Call(func=ast.Name(id="frozenset" | "set"), args=[argument]):
                yield from members(argument)
            case ast.match_case(pattern=pattern):
                yield from (
                    word
                    for inner in ast.walk(pattern)
                    if isinstance(inner, ast.MatchClass | ast.MatchValue)
                    for word in (constants(inner.value) if isinstance(inner, ast.MatchValue) else ())
                )


def constants(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value, node.lineno


def members(node):
    if isinstance(node, ast.Set | ast.Tuple | ast.List):
        for item in node.elts:
            yield from constants(item)


def words_in(text, name):
    allowed = {word for place, word in OTHER_WORDS if name.startswith(place)}
    return [
        f"{name}:{line} asks for '{word}'"
        for word, line in asked(ast.parse(text))
        if word in WORDS - allowed - KEYS_OF_PIPELINES
    ]


def words_in_script(text, name):
    """Of a script of the report: the words that are compared, or listed in a `case` or a set."""
    compared = re.compile(r"""[!=]==?\s*(["'`])([\w-]+)\1|(["'`])([\w-]+)\3\s*[!=]==?|\bcase\s+(["'`])([\w-]+)\5""")
    listed = re.compile(r"""\[([^\[\]]*)\]\s*\)?\.(?:includes|indexOf|has)\(|new Set\(\[([^\[\]]*)\]""")
    words = [(match.start(), match[2] or match[4] or match[6]) for match in compared.finditer(text)]
    for match in listed.finditer(text):
        words += [(match.start(), word) for word in re.findall(r"""["'`]([\w-]+)["'`]""", match[1] or match[2] or "")]
    return [f"{name}:{text.count(chr(10), 0, at) + 1} asks for '{word}'" for at, word in words if word in WORDS]


def test_no_module_asks_for_a_node_type_or_a_task_kind_by_its_word():
    found = []
    for file in sorted(SOURCE.rglob("*.py")):
        name = file.relative_to(SOURCE).as_posix()
        if not name.startswith(OWNERS):
            found += words_in(file.read_text(encoding="utf-8"), name)
    assert found == []


def test_no_script_of_the_report_asks_for_a_node_type_or_a_task_kind_by_its_word():
    scripts = sorted(SOURCE.rglob("*.js"))
    assert scripts
    found = []
    for file in scripts:
        found += words_in_script(file.read_text(encoding="utf-8"), file.name)
    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'row.type === "map"',
        'if ("loop" != row.type) {}',
        "switch (row.type) { case 'notebook': break; }",
        '["shell", "python"].includes(row.kind)',
        'const NESTED = new Set(["parallel"]);',
    ],
)
def test_asking_in_a_script_is_found(code):
    assert words_in_script(code, "steps.js")


@pytest.mark.parametrize(
    "code",
    [
        'node.written_as == "map"',
        '"loop" != step.step_type',
        'task.kind in {"shell", "notebook"}',
        'NEVER = frozenset({"noop"})',
        'match node:\n    case Step(type="conditional"):\n        pass',
    ],
)
def test_asking_is_found(code):
    assert words_in(code, "engine/step/run_step.py")
