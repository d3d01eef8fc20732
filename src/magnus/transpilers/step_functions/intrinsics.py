"""Makes intrinsic functions and paths of the Amazon States Language. Pure.

No text of a user stands in an intrinsic: quotes, braces and backslashes would have to be escaped there, and interpreters differ
in how. Paths of steps are percent-encoded, and other texts are values of the state data.
https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
"""

import re
from collections.abc import Iterable
from typing import Final

_SAFE: Final = re.compile(r"[A-Za-z0-9 _~%.,/:=@+-]*\Z")


class Expression(str):
    """A path or an intrinsic, where a text could stand."""

    __slots__ = ()


def quoted(text: str) -> str:
    """The text as a literal of an intrinsic; ValueError if it is not one that every interpreter reads alike."""
    if not _SAFE.match(text):
        raise ValueError(f"the text {text!r} has to be a value of the state data")
    return f"'{text}'"


def is_safe(text: str) -> bool:
    """Whether the text may be a literal of an intrinsic."""
    return _SAFE.match(text) is not None


def array(words: Iterable[str]) -> Expression:
    """The list of the words; each is a text or an expression."""
    items = ", ".join(word if isinstance(word, Expression) else quoted(word) for word in words)
    return Expression(f"States.Array({items})")


def formatted(template: str, *values: Expression) -> Expression:
    """The template with a value for each `{}`. Its other text is safe."""
    quoted(template.replace("{}", ""))
    arguments = ", ".join([f"'{template}'", *values])
    return Expression(f"States.Format({arguments})")


def sha256_of(text: Expression) -> Expression:
    """The SHA-256 of the value in hexadecimal digits."""
    return Expression(f"States.Hash({text}, 'SHA-256')")


def json_of(value: Expression) -> Expression:
    """The value as JSON text."""
    return Expression(f"States.JsonToString({value})")


def merged(first: Expression, second: Expression) -> Expression:
    """The first object with the fields of the second one."""
    return Expression(f"States.JsonMerge({first}, {second}, false)")
