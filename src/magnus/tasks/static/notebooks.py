"""Tells what a notebook needs and sets, from the source of its cells. Used by `tasks.notebook`."""

import ast
import builtins
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.errors import Problem
from magnus.graph.dataflow.facts import UNKNOWN, Description, Need, Setting
from magnus.graph.dataflow.shapes import ANYTHING
from magnus.graph.nodes import TaskSpec
from magnus.tasks.static.function_bodies import returned_settings
from magnus.tasks.static.side_effects import Effects, of_code
from magnus.values import Json

_GIVEN: Final = frozenset(
    {*dir(builtins), "get_ipython", "display", "In", "Out", "_", "__", "___", "__file__", "__name__"}
)
_MAGIC: Final = ("%", "!", "?")


def describe(spec: TaskSpec, working_directory: Path, output_tag: str, output: str) -> Description:
    """The needs and effects of the notebook, which is not run; `output` is the name of the executed notebook."""
    cells = _cells(working_directory / spec.command)
    if cells is None:
        return replace(UNKNOWN, sees_all=True)
    trees = [tree for _, tree in cells]
    effects = of_code(trees, spec.command)
    declared = tuple(Setting(item.name) for item in spec.returns or ())
    names = {setting.name for setting in declared}
    printed, others = _printed([tree for tags, tree in cells if output_tag in tags])
    sets = (*(s for s in (*effects.sets, *printed) if s.name not in names), *declared)
    bound = set(_bound(trees))
    is_open = _is_open(trees)
    title = f"'{spec.command}'"
    needs = () if is_open else tuple(_needs(trees, bound, title))
    problems = () if is_open else tuple(_unset(spec, bound | {need.name for need in needs}))
    return Description(
        (*needs, *effects.needs),
        sets,
        sets_others=others or effects.others or _imports_others(trees, effects),
        puts=(output, *effects.puts),
        puts_others=effects.puts_others,
        files=effects.files,
        secrets=effects.secrets,
        problems=problems,
        sees_all=True,
    )


def _cells(file: Path) -> Sequence[tuple[frozenset[str], ast.Module]] | None:
    """The tags and the syntax tree of every cell with code; None when one is no plain python."""
    try:
        cells = json.loads(file.read_bytes())["cells"]
        return [
            (frozenset((cell.get("metadata") or {}).get("tags") or ()), ast.parse(_source(cell)))
            for cell in cells
            if cell["cell_type"] == "code"
        ]
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, AttributeError, RecursionError, MemoryError):
        return None


def _source(cell: Json) -> str:
    text = "".join(cell["source"])
    if any(line.lstrip().startswith(_MAGIC) for line in text.splitlines()):
        raise ValueError
    return text


def _bound(trees: Sequence[ast.Module]) -> Iterator[str]:
    """Every name that is given a meaning anywhere in the notebook."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.alias(name=name, asname=asname):
                yield asname or name.partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from names
            case _:
                pass


def _is_open(trees: Sequence[ast.Module]) -> bool:
    """Whether names may come from somewhere that cannot be read."""
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.alias(name="*"):
                return True
            case ast.Name(id="exec" | "eval" | "globals" | "locals" | "vars" | "get_ipython"):
                return True
            case _:
                pass
    return False


def _needs(trees: Sequence[ast.Module], bound: set[str], title: str) -> Iterator[Need]:
    used = dict.fromkeys(
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )
    for name in used:
        if name not in bound and name not in _GIVEN:
            yield Need(name, f"the variable '{name}' of {title}", is_fatal=False)


def _unset(spec: TaskSpec, assigned: set[str]) -> Iterator[Problem]:
    for item in spec.returns or ():
        if item.name not in assigned and item.kind != "object":
            message = f"'{spec.command}' has no variable '{item.name}', which 'returns' declares"
            yield Problem(message, "let a cell set it, or declare another name", severity="warning")


def _printed(trees: Sequence[ast.Module]) -> tuple[Sequence[Setting], bool]:
    """The parameters that output cells print; and whether there may be others."""
    settings: list[Setting] = []
    for tree in trees:
        last = tree.body[-1] if tree.body else None
        value = last.value if isinstance(last, ast.Expr) else None
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "print" and value.args:
            value = value.args[0]
        way = returned_settings(value, lambda _value: None)
        if value is None or way.others or way.is_unnamed:
            return (), True
        settings += [Setting(name, ANYTHING) for name in way.names]
    return settings, False


def _imports_others(trees: Sequence[ast.Module], effects: Effects) -> bool:
    """Whether a module of the user's may set something: what is imported is not looked into."""
    del effects
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(_is_of_user(name) for name in names):
                return True
    return False


def _is_of_user(module: str) -> bool:
    import sys  # read when it is needed: tests of modules change it

    first = module.partition(".")[0]
    return first not in sys.stdlib_module_names and first not in {"magnus", "numpy", "pandas", "matplotlib", "sklearn"}
