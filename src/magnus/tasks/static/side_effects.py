"""Tells what python code sets, puts and reads by the functions of `magnus` and by variables, from its source.

Calls of `set_parameter` are in the module of the function, or in a module of the project that it imports. Where none of
them has the word in it, nothing is set; where a name is worked out when the code runs, anything may be.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.graph.dataflow.facts import Need, Setting
from magnus.tasks.source.definitions import module_of
from magnus.tasks.static.function_bodies import shape_of_source, walk_own

_WORDS: Final = ("set_parameter", "put_object", "put_in_catalog", "get_secret", "get_parameter")
_FILE: Final = re.compile(r"[\w.-][\w./ -]{0,200}")
_USING: Final = re.compile("get_parameter|get_run_log|MAGNUS_P|environ|getenv|subprocess|system")
"""Functions of modules that may read any parameter, by a call or in their environment."""
_SETTING: Final = re.compile(f"set_parameter|put_object|put_in_catalog|{VARIABLE_PREFIX}")
_ANY: Final = re.compile("|".join((*_WORDS, VARIABLE_PREFIX)))
_READS: Final = frozenset({"get", "pop", "getenv"})
_MOST_MODULES: Final = 200
_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})


class Effects(Struct, frozen=True):
    """The effects of code on a run, besides its results."""

    sets: tuple[Setting, ...] = ()
    others: bool = False
    puts: tuple[str, ...] = ()
    puts_others: bool = False
    files: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    uses_others: bool = True


def effects_of(file: Path | None, function: ast.AST | None, working_directory: Path, title: str) -> Effects:
    """The effects of a function of the module in `file`; `function` is its definition, or None."""
    if file is None:
        return Effects(others=True, puts_others=True)
    texts = _project_texts(file, working_directory)
    if texts is None:
        return Effects(others=True, puts_others=True)
    files = () if function is None else files_named([function])
    uses_others = any(_USING.search(text) for text in texts.values())
    if not any(_ANY.search(text) for text in texts.values()):
        return Effects(files=files, uses_others=uses_others)
    own = of_code([function], title) if function is not None else Effects()
    trees = [tree for path, text in texts.items() if _SETTING.search(text) and (tree := _tree(path))]
    around = of_code(trees, title)
    certain = {setting.name for setting in own.sets if setting.is_certain}
    sets = (*own.sets, *(Setting(s.name, is_certain=False) for s in around.sets if s.name not in certain))
    return Effects(sets, around.others, around.puts, around.puts_others, files, own.secrets, own.needs, uses_others)


def files_named(trees: Iterable[ast.AST]) -> tuple[str, ...]:
    """The texts in the code that may be names of files."""
    constants = (node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return tuple(dict.fromkeys(text for text in constants if isinstance(text, str) and looks_like_file(text)))


def looks_like_file(text: str) -> bool:
    """Whether the text may be the name of a file in the project: a suffix or a folder, and nothing else in it."""
    return _FILE.fullmatch(text) is not None and ("/" in text or "." in text.strip("."))


def of_code(trees: Sequence[ast.AST], title: str) -> Effects:
    """The effects of the code: a function, or whole modules."""
    effects = _Reading(title)
    for tree in trees:
        effects.read(tree)
    return Effects(
        tuple(effects.sets),
        effects.others,
        tuple(effects.puts),
        effects.puts_others,
        files_named(trees),
        tuple(effects.secrets),
        tuple(effects.needs),
    )


class _Reading:
    def __init__(self, title: str) -> None:
        self.title = title
        self.sets: list[Setting] = []
        self.others = False
        self.puts: list[str] = []
        self.puts_others = False
        self.secrets: list[str] = []
        self.needs: list[Need] = []

    def read(self, tree: ast.AST) -> None:
        sure = set(map(id, _certain(tree)))
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        self._read_variables(tree)
        for node in ast.walk(tree):
            word = _word(node)
            if word is None:
                continue
            if id(node) in calls:
                self._call(word, calls[id(node)], is_certain=id(calls[id(node)]) in sure)
            elif not isinstance(node, ast.alias) or node.asname not in {None, word}:
                self._anything(word)

    def _read_variables(self, tree: ast.AST) -> None:
        """Variables of the environment that are set by name; where one is worked out, anything may be."""
        reads: set[int] = set()
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(slice=ast.Constant(value=str(variable)) as constant, ctx=context):
                    reads.add(id(constant))
                    name = variable.removeprefix(VARIABLE_PREFIX)
                    if isinstance(context, ast.Store) and name not in {variable, ""}:
                        self.sets.append(Setting(name, is_certain=False))
                case ast.Call(func=ast.Attribute(attr=word) | ast.Name(id=word), args=[first, *_]) if word in _READS:
                    reads.add(id(first))
                case ast.Constant(value=str(text)) if text.startswith(VARIABLE_PREFIX) and id(node) not in reads:
                    self.others = True
                case ast.keyword(arg=str(text)) if text.startswith(VARIABLE_PREFIX):
                    self.others = True
                case _:
                    pass

    def _anything(self, word: str) -> None:
        self.others = self.others or word in {"set_parameter", "put_object"}
        self.puts_others = self.puts_others or word == "put_in_catalog"

    def _call(self, word: str, call: ast.Call, *, is_certain: bool) -> None:
        match word, call:
            case "set_parameter", ast.Call(args=[], keywords=keywords) if all(key.arg for key in keywords):
                self.sets += [Setting(str(key.arg), shape_of_source(key.value), is_certain) for key in keywords]
            case "put_object", ast.Call(args=[_, ast.Constant(value=str(name))]):
                self.sets.append(Setting(name, is_certain=is_certain))
            case "put_in_catalog", ast.Call(args=[ast.Constant(value=str(pattern))]):
                self.puts.append(pattern)
            case "get_secret", ast.Call(args=[ast.Constant(value=str(name))]):
                self.secrets.append(name)
            case "get_parameter", ast.Call(args=[ast.Constant(value=str(name)), *_]):
                self.needs.append(Need(name, f"get_parameter('{name}') in {self.title}", is_fatal=False))
            case _:
                self._anything(word)


def _word(node: ast.AST) -> str | None:
    match node:
        case ast.Name(id=word) | ast.Attribute(attr=word) | ast.alias(name=word) if word in _WORDS:
            return word
        case _:
            return None


def _certain(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls that are made whenever the function runs to its end."""
    if not isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for statement in tree.body:
        match statement:
            case ast.Expr(value=ast.Call() as call):
                yield call
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                pass
            case _ if any(isinstance(node, ast.Return) for node in (statement, *walk_own(statement))):
                return
            case _:
                pass


def _tree(file: Path) -> ast.Module | None:
    try:
        return module_of(file)
    except (SyntaxError, ValueError, OSError):
        return None


def _project_texts(file: Path, working_directory: Path) -> dict[Path, str] | None:
    """The texts of the module and of all of the project that it imports; None when one cannot be read."""
    texts: dict[Path, str] = {}
    waiting = [file]
    while waiting:
        path = waiting.pop()
        if path in texts:
            continue
        if len(texts) >= _MOST_MODULES:
            return None
        try:
            status = path.stat()
            texts[path], imported = _read(path, status.st_mtime_ns, status.st_size, (working_directory, _root(path)))
        except (SyntaxError, ValueError, OSError):
            return None
        waiting += imported
    return texts


def _root(file: Path) -> Path:
    """The folder that a module is imported from: the first around it that is no package."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder.parent != folder:
        folder = folder.parent
    return folder


@lru_cache(maxsize=512)
def _read(file: Path, modified_ns: int, size: int, roots: tuple[Path, ...]) -> tuple[str, tuple[Path, ...]]:
    """The text of the module, and the files of the project's modules that it imports."""
    del modified_ns, size  # a file that was changed is another key
    text = file.read_text(encoding="utf-8", errors="replace")
    imported: dict[Path, None] = {}
    for node in ast.walk(module_of(file)):
        for level, dotted in _imports(node):
            folders: Iterable[Path] = (file.parents[level - 1],) if level else roots
            imported.update(dict.fromkeys(_files(dotted, folders)))
    return text, tuple(imported)


def _imports(node: ast.AST) -> Iterator[tuple[int, str]]:
    match node:
        case ast.Import(names=names):
            yield from ((0, alias.name) for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            before = f"{module}." if module else ""
            yield from ((level, f"{before}{alias.name}") for alias in names)
        case _:
            pass


def _files(dotted: str, folders: Iterable[Path]) -> Iterator[Path]:
    """The source files of the module and of the packages around it."""
    parts = dotted.split(".")
    if parts[0] == "magnus" or parts[0] in sys.stdlib_module_names:
        return
    for folder in folders:
        if _INSTALLED & set(folder.parts):
            continue
        place = folder
        for part in parts:
            if (module := place / f"{part}.py").is_file():
                yield module
            place /= part
            if (package := place / "__init__.py").is_file():
                yield package
            if not place.is_dir():
                break
