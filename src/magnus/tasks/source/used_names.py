"""Walks the syntax tree of statements for the names that they use from around them. Pure.

Names that a function, a lambda or a comprehension binds itself are its own; so a local variable that is called like a
function of the module is no use of that function.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Final

from magnus.tasks.source.names import ANY_MODULE, IMPORTERS, LOADERS, Chain, Uses, chain_of, imported, loaded_by
from magnus.tasks.source.texts import (
    extends_path,
    files_in,
    files_loaded_by,
    files_of_module,
    imported_text,
    is_package_path,
    is_text,
    modules_imported_by,
)

_OWN_NAMES: Final = frozenset({"globals", "eval", "exec", "f_globals", "__globals__", "__annotations__"})
_BY_NAME: Final = "find_spec"
"""The function of python that says whether there is a module."""
_RUNNERS: Final = frozenset({"exec", "eval"})
"""Functions of python that run a text."""
_COMPILING: Final = frozenset({"exec", "compile"})
_LOADING: Final = IMPORTERS | LOADERS
_PLACE: Final = re.compile(r"[A-Za-z_]\w*(?:[.:][A-Za-z_]\w*)+", re.ASCII)
_SCOPES: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_VARIABLES: Final = "MAGNUS_"
"""The prefix of the variables that magnus sets."""


def uses(statements: Iterable[ast.AST]) -> Uses:
    """The names the statements use."""
    walk = _Walk()
    scope = _Scope()
    for statement in statements:
        walk.visit(statement, scope)
    walk.finish()
    walk.found.chains = scope.used | walk.globals
    return walk.found


class _Scope:
    """The names that are used and bound in one function, or in the module."""

    __slots__ = ("bound", "declared", "is_class", "used")

    def __init__(self) -> None:
        self.used: set[Chain] = set()
        self.bound: set[str] = set()
        self.declared: set[str] = set()
        self.is_class = False

    def free(self) -> Iterator[Chain]:
        """The names it uses from around it; methods do not see the names of their class."""
        own = set() if self.is_class else self.bound - self.declared
        return (chain for chain in self.used if chain[0] not in own)


class _Walk:
    """Visits nodes in any order, without recursion, since long expressions are deep."""

    def __init__(self) -> None:
        self.found = Uses(set(), {}, set(), set(), set())
        self.globals: set[Chain] = set()
        self._todo: list[tuple[ast.AST, _Scope]] = []
        self._inner: list[tuple[_Scope, _Scope]] = []

    def visit(self, node: ast.AST, scope: _Scope) -> None:
        self._todo.append((node, scope))

    def finish(self) -> None:
        """Visit all scopes; a name that is free in a scope belongs to a scope around it, which was started before."""
        while self._todo:
            node, scope = self._todo.pop()
            _VISITORS.get(type(node), _Walk.inside)(self, node, scope)
        for inner, scope in reversed(self._inner):
            scope.used.update(inner.free())

    def within(self, scope: _Scope) -> _Scope:
        """A scope inside another one."""
        inner = _Scope()
        self._inner.append((inner, scope))
        return inner

    def inside(self, node: ast.AST, scope: _Scope) -> None:
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                self.visit(value, scope)
            elif isinstance(value, list):
                self.all_of(value, scope)

    def all_of(self, nodes: Iterable[object], scope: _Scope) -> None:
        for node in nodes:
            if isinstance(node, ast.AST):
                self.visit(node, scope)

    def name(self, node: ast.Name, scope: _Scope) -> None:
        if isinstance(node.ctx, ast.Load):
            scope.used.add((node.id,))
            if node.id in _OWN_NAMES:
                self.found.own_module = True
            if node.id in _LOADING:  # not called here, so it may be called with any text
                self.found.modules.add(ANY_MODULE)
            self.found.note((node.id,))
        else:
            scope.bound.add(node.id)

    def attribute(self, node: ast.Attribute, scope: _Scope) -> None:
        self.found.note((node.attr,))
        if node.attr in _LOADING:
            self.found.modules.add(ANY_MODULE)
        if node.attr in _OWN_NAMES:
            self.found.own_module = True
        chain = chain_of(node)
        if chain is None:
            self.visit(node.value, scope)
            return
        self.found.note(chain)
        scope.used.add(chain)
        if chain[:2] == ("sys", "modules") or chain[-1] == "__subclasses__":
            self.found.own_module = True

    def constant(self, node: ast.Constant, scope: _Scope) -> None:
        del scope
        if isinstance(node.value, str):
            self.found.files.update(files_in(node.value))
            if _PLACE.fullmatch(node.value):
                self.found.places.add(node.value)
            self.found.note((node.value,))
            if _VARIABLES in node.value:
                self.found.sees_all = True

    def items(self, node: ast.List | ast.Tuple, scope: _Scope) -> None:
        """The words of a command, one of which may say that the next one is a module or a text to run."""
        for option, name in pairwise(node.elts):
            if isinstance(option, ast.Constant) and option.value == "-m" and isinstance(name, ast.Constant):
                self.found.files.update(files_of_module(str(name.value)))
            elif isinstance(option, ast.Constant) and option.value == "-c":
                self.text(name, scope)
        self.inside(node, scope)

    def call(self, node: ast.Call, scope: _Scope) -> None:
        chain = chain_of(node.func)
        if chain is not None:
            self.found.files.update(files_loaded_by(node, chain[-1]))
        if chain is not None and chain[-1] in _LOADING and node.args:
            if chain[-1] in IMPORTERS or not is_text(node.args[0]):  # a text itself is a place or a file
                self.found.modules.update(modules_imported_by(node, chain[-1]))
            scope.used.add(chain)
            self.found.note(chain)
            self.all_of((*node.args, *node.keywords), scope)
            return
        if chain is not None and node.args and (chain == ("sys", "modules", "get") or chain[-1] == _BY_NAME):
            self.found.modules.add(imported_text(node.args[0]))
        if chain == ("getattr",) and len(node.args) > 1:
            self.looked_up(node.args[0], node.args[1], scope)
        if chain is not None and len(chain) == 1 and chain[0] in _RUNNERS and node.args:
            self.text(node.args[0], scope)
        if chain is not None and chain[0] in _COMPILING and node.args and not is_text(node.args[0]):
            self.found.modules.add(ANY_MODULE)  # it may be the text of any of them
        self.inside(node, scope)

    def looked_up(self, owner: ast.expr, name: ast.expr, scope: _Scope) -> None:
        """An attribute that goes by a text."""
        chain = chain_of(owner)
        if chain is not None and isinstance(name, ast.Constant) and isinstance(name.value, str):
            self.found.note((*chain, name.value))
            scope.used.add((*chain, name.value))

    def assigned(self, node: ast.Assign | ast.AugAssign, scope: _Scope) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else (node.target,)
        if any(map(is_package_path, targets)) and not extends_path(node.value):
            self.found.moves_imports = True
        self.inside(node, scope)

    def statement(self, node: ast.Expr, scope: _Scope) -> None:
        """An expression; of one that is but a text, nothing is used."""
        if not is_text(node.value):
            self.visit(node.value, scope)

    def text(self, node: ast.expr, scope: _Scope) -> None:
        """A text that is run, as far as it is written."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                self.all_of(ast.parse(node.value.strip()).body, self.within(scope))

    def subscript(self, node: ast.Subscript, scope: _Scope) -> None:
        """A module may be asked of all imported modules by its name."""
        is_own = isinstance(node.slice, ast.Name) and node.slice.id == "__name__"
        if chain_of(node.value) == ("sys", "modules") and not is_own:
            self.found.modules.add(imported_text(node.slice))
        self.inside(node, scope)

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope) -> None:
        inner = self.within(scope)
        arguments = node.args
        self.all_of((*arguments.defaults, *arguments.kw_defaults), scope)
        own = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg)
        for argument in own:
            if argument is not None:
                inner.bound.add(argument.arg)
                self.annotation(argument.annotation, scope)
        if isinstance(node, ast.Lambda):
            self.visit(node.body, inner)
        else:
            scope.bound.add(node.name)
            self.all_of((*node.decorator_list, *getattr(node, "type_params", ())), scope)
            self.annotation(node.returns, scope)
            self.all_of(node.body, inner)

    def comprehension(self, node: ast.ListComp, scope: _Scope) -> None:
        self.visit(node.generators[0].iter, scope)
        inner = self.within(scope)
        for number, generator in enumerate(node.generators):
            self.all_of((generator.target, *(() if number == 0 else (generator.iter,)), *generator.ifs), inner)
        self.all_of((getattr(node, name) for name in node._fields if name != "generators"), inner)

    def class_(self, node: ast.ClassDef, scope: _Scope) -> None:
        scope.bound.add(node.name)
        self.all_of((*node.decorator_list, *node.bases, *node.keywords, *getattr(node, "type_params", ())), scope)
        inner = self.within(scope)
        inner.is_class = True
        self.all_of(node.body, inner)

    def annotated(self, node: ast.AnnAssign, scope: _Scope) -> None:
        self.annotation(node.annotation, scope)
        self.all_of((node.target, node.value), scope)

    def annotation(self, node: ast.expr | None, scope: _Scope) -> None:
        """An annotation, parts of which may be written as texts."""
        if node is None:
            return
        self.visit(node, scope)
        for part in ast.walk(node):
            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                try:
                    self.visit(ast.parse(part.value.strip(), mode="eval").body, scope)
                except (SyntaxError, ValueError):
                    continue

    def import_(self, node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
        for name, target in imported(node):
            self.found.imports.setdefault(name, []).append(target)
            if scope.is_class and target.attribute:
                self.found.in_classes.append(target)
            self.found.note(target.names)
        self.found.loaded.update(loaded_by(node))

    def declared(self, node: ast.Global, scope: _Scope) -> None:
        scope.declared.update(node.names)
        self.globals.update((name,) for name in node.names)

    def handler(self, node: ast.ExceptHandler, scope: _Scope) -> None:
        if node.name:
            scope.bound.add(node.name)
        self.inside(node, scope)

    def pattern(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping, scope: _Scope) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name:
            scope.bound.add(name)
        self.inside(node, scope)


_VISITORS: Final[Mapping[type[ast.AST], Callable[..., None]]] = {
    ast.Name: _Walk.name,
    ast.Attribute: _Walk.attribute,
    ast.Constant: _Walk.constant,
    ast.List: _Walk.items,
    ast.Tuple: _Walk.items,
    ast.Call: _Walk.call,
    ast.Subscript: _Walk.subscript,
    ast.ClassDef: _Walk.class_,
    ast.AnnAssign: _Walk.annotated,
    ast.Assign: _Walk.assigned,
    ast.AugAssign: _Walk.assigned,
    ast.Expr: _Walk.statement,
    ast.Import: _Walk.import_,
    ast.ImportFrom: _Walk.import_,
    ast.Global: _Walk.declared,
    ast.ExceptHandler: _Walk.handler,
    ast.MatchAs: _Walk.pattern,
    ast.MatchStar: _Walk.pattern,
    ast.MatchMapping: _Walk.pattern,
    **dict.fromkeys(_SCOPES, _Walk.function),
    **dict.fromkeys(_COMPREHENSIONS, _Walk.comprehension),
}
