"""A python source file as pieces: what each defines and uses. Nothing is imported. Used by `tasks.code.reach`.

Every statement belongs to a piece, so that nothing that changes goes unseen, but for what only runs when the file is a
script.
"""

import ast
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from magnus.tasks.code.digest import digest, is_text, short_hash
from magnus.tasks.code.names import Imported, Uses, bindings, imported, uses

_WORD: Final = re.compile(r"[^\W\d]\w*")
_MOST_BYTES: Final = 4_000_000


class Piece:
    """Some statements of a module."""

    def __init__(self, statements: Sequence[ast.AST]) -> None:
        self.statements = statements

    @cached_property
    def digest(self) -> str:
        """What they say, as a short hash."""
        return digest(self.statements)

    @cached_property
    def uses(self) -> Uses:
        """What they use from around them."""
        return uses(self.statements)


class TextPiece(Piece):
    """A text that is not python that could be read."""

    def __init__(self, text: str) -> None:
        super().__init__(())
        self._text = text

    @cached_property
    def digest(self) -> str:
        """The hash of its bytes."""
        return short_hash(self._text.encode("utf-8", "surrogatepass"))


class Source:
    """A module.

    Attributes:
        definitions: the pieces that give a name of the module its meaning.
        rest: what else is done when it is imported; None when there is nothing.
        script: what is done when it is run as a script alone; None when there is nothing.
        imports: the modules and names that it imports, by the names they go by there.
        stars: the modules of which it imports all names.
        loaded: what it imports for its effects, since nothing in it uses the name.
    """

    def __init__(self, text: str) -> None:
        self.imports: dict[str, list[Imported]] = {}
        self.stars: list[str] = []
        self._text = text
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
        for statement in module.body:
            if _is_script_only(statement):
                script.append(statement)
                continue
            names = [*bindings(statement), *self._imports(statement)]
            for name in dict.fromkeys(names):
                defined.setdefault(name, []).append(statement)
            if _does_more(statement, self.imports):
                rest.append(statement)
        self.definitions = {name: Piece(statements) for name, statements in defined.items()}
        self.rest = Piece(rest) if rest else None
        self.script = Piece(script) if script else None

    def _imports(self, statement: ast.stmt) -> Iterator[str]:
        """Note what a statement imports; the names of that, where it also says when."""
        for node in _imports_in(statement):
            for name, meant in imported(node):
                if name == "*":
                    self.stars.append(meant.module)
                else:
                    self.imports.setdefault(name, []).append(meant)
                    if node is not statement:
                        yield name

    @cached_property
    def loaded(self) -> Sequence[Imported]:
        """What it imports and names nowhere else."""
        if not self.imports:
            return ()
        words = Counter(_WORD.findall(self._text))
        return [meant for name, found in self.imports.items() if words[name] < 2 for meant in found]


def read(file: str) -> Source | None:
    """The source in the file; None when it cannot be read, or is too long to be looked through."""
    try:
        status = os.stat(file)  # noqa: PTH116 - for every file, as a text
        return _read(file, status.st_mtime_ns, status.st_size) if status.st_size <= _MOST_BYTES else None
    except OSError:
        return None


@lru_cache(maxsize=512)
def _read(file: str, modified_ns: int, size: int) -> Source:
    del modified_ns, size  # a file that was changed is another key
    return Source(Path(file).read_bytes().decode("utf-8-sig", "surrogateescape"))


def _is_script_only(statement: ast.stmt) -> bool:
    match statement:
        case ast.If(test=ast.Compare(left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")])):
            return not statement.orelse
        case _:
            return False


def _imports_in(statement: ast.stmt) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports of a statement of the module, also those under `try`, `if` and `with`, but not in functions."""
    match statement:
        case ast.Import() | ast.ImportFrom():
            yield statement
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return
        case _:
            for inner in _statements_in(statement):
                yield from _imports_in(inner)


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
            return not names or any(name in imports for name in names if name not in plain)
        case ast.Expr():
            return not is_text(statement)
        case ast.If() | ast.Try() | ast.TryStar() | ast.With() | ast.For() | ast.While() | ast.Match():
            return any(_does_more(inner, imports) for inner in _statements_in(statement))
        case _:
            return True


def _statements_in(statement: ast.AST) -> Iterator[ast.stmt]:
    """The statements in the blocks of a compound statement."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.stmt):
            yield child
        elif isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from _statements_in(child)
