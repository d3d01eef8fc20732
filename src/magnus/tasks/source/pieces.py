"""A python source file as pieces, each with a hash: what each defines and uses. Nothing is imported.

Every statement belongs to a piece, so that nothing that changes goes unseen, but for what only runs when the file is a
script. Comments, docstrings, line breaks, quotes and parentheses do not change the hash. It is one of the syntax tree,
whose parts that came with a later version of python are left out where they are empty.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from magnus.tasks.source.definitions import FileStatus, bindings, file_status
from magnus.tasks.source.effects import calls, fresh_names, has_effect, order_of, order_of_effects
from magnus.tasks.source.names import Chain, Imported, Uses, imported, loaded_by
from magnus.tasks.source.registering import registrars
from magnus.tasks.source.used_names import uses

HASH_DIGITS: Final = 12
_LAYOUT: Final = frozenset({"ctx", "kind", "type_comment", "type_ignores", "simple"})
_FIELDS: Final[dict[type[ast.AST], tuple[str, ...]]] = {}


def short_hash(data: bytes) -> str:
    """Enough of a SHA-256 to tell one version of a piece of code from another."""
    return sha256(data, usedforsecurity=False).hexdigest()[:HASH_DIGITS]


def digest(statements: Iterable[ast.AST], *, texts: bool = False) -> str:
    """The hash of statements, one after the other; docstrings count with `texts` alone."""
    parts: list[str] = []
    _write(list(statements), parts, texts=texts)
    return short_hash("".join(parts).encode("utf-8", "surrogatepass"))


def is_text(node: object) -> bool:
    """Whether a statement is but a text, which documents something and does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _write(root: object, parts: list[str], *, texts: bool) -> None:
    """Add what the tree says; without recursion, since long expressions are deep."""
    todo: list[object] = [root]
    while todo:
        value = todo.pop()
        if type(value) is _Text:
            parts.append(value)
        elif isinstance(value, ast.AST):
            todo += reversed(_of_node(value))
        elif isinstance(value, list):
            parts.append("[")
            todo.append(_Text("]"))
            todo += reversed([part for item in value if texts or not is_text(item) for part in (item, _Text(","))])
        else:
            parts.append(_constant(value))


class _Text(str):
    """A text that goes into the hash as it is."""

    __slots__ = ()


def _of_node(node: ast.AST) -> list[object]:
    kind = type(node)
    fields = _FIELDS.get(kind)
    if fields is None:
        fields = _FIELDS[kind] = tuple(field for field in kind._fields if field not in _LAYOUT)
    parts: list[object] = [_Text(f"({kind.__name__}")]
    for field in fields:
        inner = getattr(node, field, None)
        if inner is not None and inner != []:
            parts += (_Text(f" {field}="), inner)
        elif field == "value" and kind is ast.Constant:
            parts.append(_Text(" None"))
    parts.append(_Text(")"))
    return parts


def _constant(value: object) -> str:
    """A constant; integers of more digits than python writes in decimals are written in hexadecimals."""
    try:
        return repr(value)
    except ValueError:
        return hex(value) if isinstance(value, int) else str(type(value))


_MOST_BYTES: Final = 4_000_000
_NAMED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_BLOCKS: Final = (
    *(ast.If, ast.Try, ast.TryStar, ast.With, ast.For, ast.While, ast.Match),
    *(ast.ExceptHandler, ast.match_case),
)


class Piece:
    """Some statements of a module."""

    def __init__(self, statements: Sequence[ast.AST], *, texts: bool = False, order: Sequence[str] = ()) -> None:
        """`order` are the names between the statements, where it matters when they are run."""
        self.statements = statements
        self._texts = texts
        self._order = order

    @cached_property
    def digest(self) -> str:
        """A short hash of the statements; it includes docstrings where code uses them."""
        return self._with_order(digest(self.statements, texts=self._texts))

    @cached_property
    def digest_with_texts(self) -> str:
        """A short hash of the statements and their docstrings."""
        return self._with_order(digest(self.statements, texts=True))

    def _with_order(self, text: str) -> str:
        return short_hash(repr((text, *self._order)).encode("utf-8", "surrogatepass")) if self._order else text

    @cached_property
    def uses(self) -> Uses:
        """The names they use from around them."""
        return uses(self.statements)


class TextPiece(Piece):
    """A text that is not python that could be read."""

    def __init__(self, text: str | bytes) -> None:
        super().__init__(())
        self._text = text

    @cached_property
    def digest(self) -> str:
        """The hash of its bytes."""
        return short_hash(self._text.encode("utf-8", "surrogatepass") if isinstance(self._text, str) else self._text)

    @cached_property
    def digest_with_texts(self) -> str:
        """As `digest`."""
        return self.digest


class Source:
    """A module.

    Attributes:
        definitions: the pieces that give a name of the module its meaning.
        rest: what else is done when it is imported; None when there is nothing.
        script: what is done when it is run as a script alone; None when there is nothing.
        imports: the modules and names that it imports, by the names they go by there.
        stars: the modules of which it imports all names.
        loaded: the modules that are imported with it, used or not, and names in them that may be modules.
        registered: definitions with the functions that are called with them on definition and may register them.
        called: definitions with the functions that are called for them on import, and may have effects.
    """

    def __init__(self, text: str | bytes) -> None:
        self.imports: dict[str, list[Imported]] = {}
        self.stars: list[str] = []
        self.loaded: list[str] = []
        self.registered: list[tuple[str, Sequence[Chain]]] = []
        self.called: list[tuple[str, Sequence[Chain]]] = []
        defined: dict[str, list[ast.stmt]] = {}
        rest: list[ast.stmt] = []
        script: list[ast.stmt] = []
        try:
            module = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self.definitions: Mapping[str, Piece] = {}
            self.rest: Piece | None = TextPiece(text)
            self.script: Piece | None = None
            return
        names_of: dict[int, list[str]] = {}
        stars: list[int] = []
        fresh = fresh_names(module.body)
        for number, statement in enumerate(module.body):
            if _is_script_only(statement):
                script.append(statement)
                continue
            before = len(self.stars)
            names = [*bindings(statement), *self._imports(statement)]
            stars += [number] if len(self.stars) > before else []
            names_of[number] = [*names, *_imported_names(statement)]
            for name in dict.fromkeys(names):
                defined.setdefault(name, []).append(statement)
            for inner in _flat(statement):
                if isinstance(inner, _NAMED) and (found := registrars(inner)):
                    self.registered.append((inner.name, found))
            if has_effect(statement, fresh) or any(_does_more(inner, self.imports) for inner in _flat(statement)):
                rest.append(statement)
            elif called := tuple(dict.fromkeys(calls(statement))):
                self.called += [(name, called) for name in names]
        texts = "__doc__" in text if isinstance(text, str) else b"__doc__" in text
        if texts and module.body and is_text(module.body[0]):
            defined.setdefault("__doc__", []).append(module.body[0])
        order = order_of(module.body, names_of)
        self.definitions = {
            name: Piece(statements, texts=texts, order=order.get(name, ())) for name, statements in defined.items()
        }
        around = [*order_of_effects(module.body, rest, stars)]
        around += [text for name, texts_between in order.items() if name not in defined for text in texts_between]
        around += [text for name in order if name in self.imports and name in defined for text in order[name]]
        self.rest = Piece(rest, texts=texts, order=around) if rest or around else None
        self.script = Piece(script, texts=texts) if script else None

    def _imports(self, statement: ast.stmt) -> Iterator[str]:
        """Note what a statement imports; the names of that, where it also says when."""
        for node in _imports_in(statement):
            self.loaded += loaded_by(node)
            for name, target in imported(node):
                if name == "*":
                    self.stars.append(target.module)
                else:
                    self.imports.setdefault(name, []).append(target)
                    if node is not statement:
                        yield name


def _imported_names(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        yield from (name for name, _ in imported(statement) if name != "*")


def read(file: str) -> Source | None:
    """The source in the file; None when it cannot be read, or is too long to be looked through."""
    try:
        status = file_status(file)
        return _read(file, status) if status[-1] <= _MOST_BYTES else None
    except OSError:
        return None


@lru_cache(maxsize=512)
def _read(file: str, status: FileStatus) -> Source:
    del status  # a file that was changed is another key
    return Source(Path(file).read_bytes())  # as bytes, which may declare their encoding


def _is_script_only(statement: ast.stmt) -> bool:
    match statement:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")])):
            return not statement.orelse
        case _:
            return False


def _imports_in(statement: ast.stmt) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a statement of the module, also those under `try`, `if` and `with`, but not in functions."""
    return (node for node in _flat(statement) if isinstance(node, ast.Import | ast.ImportFrom))


def _does_more(statement: ast.stmt, imports: Mapping[str, object]) -> bool:
    """Whether a statement that is run when the module is imported does more than to give names of it a meaning."""
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Import() | ast.ImportFrom() | ast.Pass():
            return False
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign():
            names = bindings(statement)
            plain = {
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
            }
            if all(name.startswith("_") for name in names) and isinstance(statement.value, ast.Call):
                return True  # what it gives is of no use, what it does may be
            return not names or any(name in imports for name in names if name not in plain)
        case ast.Expr():
            return not is_text(statement)
        case _:
            return True


def _flat(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statement, or the statements in its blocks at any depth, but not in functions and classes."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, _BLOCKS):
            inner = ast.iter_child_nodes(node)
            todo += reversed(
                [child for child in inner if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case)]
            )
        elif isinstance(node, ast.stmt):
            yield node
