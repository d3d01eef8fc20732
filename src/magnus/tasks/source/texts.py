"""Reads the names of modules and files in texts that code has. Pure. Used by `used_names`."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from magnus.tasks.source.names import ANY_MODULE, chain_of

_SUFFIXES: Final = (
    *(".py", ".sh", ".bash", ".zsh", ".sql", ".R", ".r", ".jl", ".pl", ".rb", ".js", ".awk", ".jq"),
    *(".so", ".dylib", ".dll", ".pyd", ".jar", ".c", ".cc", ".cpp", ".cu", ".h", ".hpp", ".pyx", ".f90", ".go", ".rs"),
)
"""The suffixes of programs, of libraries that programs load, and of their sources."""
_RUN_MODULE: Final = re.compile(r"(?:^|\s)-m[ \t]+([A-Za-z_][\w.]*)")
_QUOTES: Final = "'\"`();,&|"
_OWN_PACKAGES: Final = frozenset({"__package__", "__name__"})


def is_text(node: ast.AST) -> bool:
    """Whether it is a constant text."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def files_in(text: str) -> Iterator[str]:
    """The files that a text names, alone or as words of a command, as far as their suffixes tell; also modules that are run."""
    if text.endswith(_SUFFIXES):
        yield text
    if any(suffix in text for suffix in _SUFFIXES):
        yield from (word for part in text.split() if (word := part.strip(_QUOTES)).endswith(_SUFFIXES))
    for module in _RUN_MODULE.findall(text):
        yield from files_of_module(module)


def files_of_module(module: str) -> tuple[str, str]:
    """The files that may be a module that is run as a program."""
    place = module.replace(".", "/")
    return f"{place}.py", f"{place}/__main__.py"


def files_loaded_by(call: ast.Call, name: str) -> Iterator[str]:
    """The files that a call of a function of python, by its last name, runs or loads with any suffix."""
    texts = [str(part.value) for part in _arguments(call) if isinstance(part, ast.Constant) and is_text(part)]
    if name == "run_module":
        yield from (file for text in texts for file in files_of_module(text))
    elif name in {"run_path", "SourceFileLoader", "spec_from_file_location", "load_source"}:
        yield from (file for text in texts for file in (text, f"{text}/__main__.py"))


def modules_imported_by(call: ast.Call, name: str) -> Iterator[str]:
    """The modules that a call of an importer imports; a package and a dot for all modules of it."""
    text = imported_text(call.args[0])
    if name == "import_module" and text.startswith("."):
        yield _resolved(text, call)
        return
    yield text
    if name == "__import__" and text and len(list(_arguments(call))) > 1:  # it may import modules of the package too
        yield f"{text.rstrip('.')}."


def imported_text(node: ast.expr) -> str:
    """The module that a text names; for one that is put together its package and a dot, as far as that is written."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return _package(text)
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Add() | ast.Mod()):
            return _package(text.partition("%")[0])
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            return _package(text.partition("{")[0])
        case _:
            return ANY_MODULE


def is_package_path(target: ast.expr) -> bool:
    """Whether something is stored in the folders of a package, or in a part of them."""
    while isinstance(target, ast.Subscript):
        target = target.value
    chain = chain_of(target)
    return chain is not None and chain[-1] == "__path__"


def extends_path(value: ast.expr) -> bool:
    """Whether a package adds the folders of its name on the import path, where it is looked for anyway."""
    match value:
        case ast.Call(func=ast.Name(id="extend_path") | ast.Attribute(attr="extend_path")):
            return True
        case _:
            return False


def _resolved(text: str, call: ast.Call) -> str:
    """The module of a name that begins with dots, in the package that the call names; any if it computes that."""
    package = next(iter(list(_arguments(call))[1:]), None)
    match package:
        case ast.Constant(value=str(name)):
            from importlib.util import resolve_name  # lazy: hardly any code imports so

            try:
                return f"{resolve_name(text, name)}{'.' if text.endswith('.') and text.strip('.') else ''}"
            except ImportError:
                return ANY_MODULE
        case ast.Name(id=name) if name in _OWN_PACKAGES:
            return text
        case _:
            return ANY_MODULE


def _arguments(call: ast.Call) -> Iterator[ast.expr]:
    yield from (*call.args, *(keyword.value for keyword in call.keywords))


def _package(text: str) -> str:
    package, dot, _ = text.rpartition(".")
    return f"{package}{dot}" if package else ANY_MODULE
