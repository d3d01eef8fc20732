"""Hashes statements: comments, docstrings, line breaks, quotes and parentheses do not change the hash. Pure.

The hash is one of the syntax tree, whose parts that came with a later version of python are left out where they are empty.
"""

import ast
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

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
