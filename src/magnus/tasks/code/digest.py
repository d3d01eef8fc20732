"""What statements say, as a short hash: comments, docstrings, line breaks, quotes and parentheses do not change it. Pure.

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


def digest(statements: Iterable[ast.AST]) -> str:
    """The hash of statements, one after the other."""
    parts: list[str] = []
    _write(list(statements), parts)
    return short_hash("".join(parts).encode("utf-8", "surrogatepass"))


def is_text(node: object) -> bool:
    """Whether a statement is but a text, which documents something and does nothing."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, ast.AST):
        kind = type(value)
        fields = _FIELDS.get(kind)
        if fields is None:
            fields = _FIELDS[kind] = tuple(field for field in kind._fields if field not in _LAYOUT)
        parts.append(f"({kind.__name__}")
        for field in fields:
            inner = getattr(value, field, None)
            if inner is not None and inner != []:
                parts.append(f" {field}=")
                _write(inner, parts)
            elif field == "value" and kind is ast.Constant:
                parts.append(" None")
        parts.append(")")
    elif isinstance(value, list):
        parts.append("[")
        for item in value:
            if not is_text(item):
                _write(item, parts)
                parts.append(",")
        parts.append("]")
    else:
        parts.append(repr(value))
