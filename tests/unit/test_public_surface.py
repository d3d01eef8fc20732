"""The public surface is the list in docs/reference/api.md, and plugins and documentation need nothing else."""

import ast
import re
from importlib import import_module
from inspect import getmodule, getsource, isclass, isfunction, ismodule
from pathlib import Path

import click
import pytest

import magnus
from magnus import errors
from magnus.app.composition.plugins import BUILT_IN
from magnus.cli import program
from magnus.interfaces.reentry import EVICTED, TRY_AGAIN

ROOT = Path(__file__).parents[2]
API = (ROOT / "docs/reference/api.md").read_text()
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
FOR_PLUGINS = [*sorted((ROOT / "docs/how-to").glob("write-*.md")), ROOT / "docs/how-to/object-to-a-combination.md"]
PROGRAMS = sorted([*(ROOT / "tests/plugins/acme_magnus").glob("*.py"), *(ROOT / "examples").rglob("*.py")])


def section(title):
    """The text under a heading of the second level, whatever the level of stability behind it."""
    [text] = re.findall(rf"^## {title}(?: \(\w+\))?\n(.*?)(?=^## |\Z)", API, re.MULTILINE | re.DOTALL)
    return text


def first_cells(title):
    """The texts in backticks in the first cells of the rows of a section."""
    rows = re.findall(r"^\| (.*?) \|", section(title), re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(.*?)`", row)]


def listed_modules():
    """The names that the page lists for each module, and the level of the module."""
    for head in re.split(r"^### ", section("Modules"), flags=re.MULTILINE)[1:]:
        module, level = re.match(r"`(\S+)` \((\w+)\)\n", head).groups()
        *_, names = head.strip().split("\n\n")
        same = re.fullmatch(r"The same names as `(\S+)`\.", names)
        yield module, level, list(import_module(same[1]).__all__) if same else re.findall(r"`(\S+?)`", names)


PUBLIC = {module: names for module, _, names in listed_modules()}


@pytest.mark.parametrize("module", PUBLIC)
def test_the_page_lists_the_names_of_a_module(module):
    assert sorted(PUBLIC[module]) == sorted(import_module(module).__all__)


def test_every_module_has_a_level():
    levels = {level for _, level, _ in listed_modules()}
    assert levels == {"stable", "provisional"}
    assert levels < set(re.findall(r"^\| (\w+) \| ", section("Levels"), re.MULTILINE))


def test_every_interface_and_every_contract_suite_is_public():
    source = ROOT / "src/magnus"
    interfaces = {f"magnus.interfaces.{file.stem}" for file in (source / "interfaces").glob("[a-z]*.py")}
    contracts = {
        f"magnus.testing.{name}_contract"
        for name in (*BUILT_IN, "task_kind")
        if (source / f"testing/{name}_contract.py").exists()
    }
    assert len(contracts) > 5
    assert interfaces | contracts <= PUBLIC.keys()


def statement_of(module, name):
    """The statement that gives the name its meaning, with the one behind it; imports are followed."""
    body = ast.parse(getsource(module)).body
    for statement, behind in zip(body, [*body[1:], None], strict=True):
        match statement:
            case ast.ClassDef() | ast.FunctionDef() if statement.name == name:
                return statement, None
            case ast.AnnAssign(target=ast.Name(id=target)) | ast.Assign(targets=[ast.Name(id=target)]) if (
                target == name
            ):
                return statement, behind
            case ast.ImportFrom(module=origin) if any(alias.name == name for alias in statement.names):
                return statement_of(import_module(origin), name)
    raise AssertionError(f"{module.__name__} does not define {name}")


def described(module, name):
    """Whether the name has a docstring of its own: that of a module, class or function, or the text behind a value."""
    value = getattr(import_module(module), name)
    if ismodule(value):
        return bool(value.__doc__)
    has_home = isclass(value) or isfunction(value)
    origin, own_name = (getmodule(value), value.__name__) if has_home else (import_module(module), name)
    statement, behind = statement_of(origin, own_name)
    match statement, behind:
        case ast.ClassDef() | ast.FunctionDef(), _:
            return bool(ast.get_docstring(statement))
        case _, ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_described(module):
    assert import_module(module).__doc__
    assert [name for name in PUBLIC[module] if not described(module, name)] == []


def test_interfaces_mention_public_names_alone():
    names = {name for listed in PUBLIC.values() for name in listed}
    for file in sorted((ROOT / "src/magnus/interfaces").glob("[a-z]*.py")):
        assert [name for _, name in imported(file.read_text()) if name not in names] == [], file.name


def test_a_name_that_is_not_public_is_no_attribute():
    with pytest.raises(AttributeError, match="module 'magnus' has no attribute 'nothing'"):
        magnus.nothing  # noqa: B018


def imported(code):
    """The names that the code imports from magnus, with their modules; a module itself has the name ""."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "magnus":
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.partition(".")[0] == "magnus")


def private(code):
    """The names that the code imports from magnus and that are not public."""
    return [
        (module, name)
        for module, name in imported(code)
        if (name not in PUBLIC.get(module, ()) if name else module not in PUBLIC) and f"{module}.{name}" not in PUBLIC
    ]


def snippets(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_documentation_imports_public_names_alone(page):
    assert [each for code in snippets(page) for each in private(code)] == []


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_plugins_and_examples_import_public_names_alone(program):
    assert private(program.read_text()) == []


@pytest.mark.parametrize("page", FOR_PLUGINS, ids=lambda page: page.name)
def test_guides_for_plugins_mention_public_names_alone(page):
    assert [each for code in snippets(page) for each in imported(code)]
    mentioned = re.findall(r"`(magnus(?:\.[a-z_]+)+)(?:\.([A-Za-z_]+))?`", page.read_text())
    known = {*PUBLIC, *first_cells("Entry points")}
    assert [
        (module, name)
        for module, name in mentioned
        if module not in known and module.rpartition(".")[2] not in PUBLIC.get(module.rpartition(".")[0], ())
    ] == []
    assert [(module, name) for module, name in mentioned if name and name not in PUBLIC.get(module, [name])] == []


def test_an_import_that_is_not_public_is_seen():
    code = """\
from magnus import Pipeline, errors
from magnus.engine.command import step_command
from magnus.interfaces import records
from magnus.interfaces.executor import Executor, _private
import magnus
import magnus.graph.nodes
import os
"""
    assert private(code) == [
        ("magnus.engine.command", "step_command"),
        ("magnus.interfaces.executor", "_private"),
        ("magnus.graph.nodes", ""),
    ]


def test_the_entry_points_are_those_that_are_read():
    families = {f"magnus.{family}" for family in (*BUILT_IN, "nodes", "integration")}
    rows = re.findall(r"^\| `(magnus\.\w+)` \|", section("Entry points"), re.MULTILINE)
    assert sorted(rows) == sorted(families)


def test_the_commands_are_those_there_are():
    assert sorted(first_cells("Commands")) == program.magnus.list_commands(click.Context(program.magnus))


def options(command):
    return {option for parameter in command.params for option in parameter.opts}


def test_commands_that_print_documents_are_listed_with_them():
    context = click.Context(program.magnus)
    documents = section("JSON documents")
    for name in program.magnus.list_commands(context):
        command = program.magnus.get_command(context, name)
        own = {name: command}
        if isinstance(command, click.Group):
            own = {f"{name} {inner}": command.get_command(context, inner) for inner in command.list_commands(context)}
        for words, each in own.items():
            if any(parameter.name == "as_json" for parameter in each.params):
                assert re.search(rf"`magnus {words}\b[^`]*--json`", documents), words


def test_the_exit_statuses_are_those_there_are():
    listed = {int(status) for status in re.findall(r"^\| (\d+) \|", section("Exit statuses"), re.MULTILINE)}
    classes = [getattr(errors, name) for name in errors.__all__ if isinstance(getattr(errors, name), type)]
    of_errors = {each.exit_code for each in classes if issubclass(each, errors.MagnusError)}
    assert listed == {0, *of_errors, TRY_AGAIN, EVICTED, program._INTERRUPTED, program._TERMINATED, program._BUG}
