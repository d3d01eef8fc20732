"""Reads scalars of YAML: plain numbers, and the values of other scalars that are no text. Called by `yaml_nodes`.

Booleans, null and dates follow YAML 1.1. A number is a number in YAML 1.2, JSON and Python alike: `1e-3` is one, `12:30`
and `007` are none.
"""

import math
import re
from datetime import date
from typing import Any, Final

import yaml

from magnus.json_text import MOST_DIGITS, TOO_LARGE, TOO_LONG, is_short
from magnus.values import Json

TEXT_TAG: Final = "tag:yaml.org,2002:str"
_INTEGER_TAG: Final = "tag:yaml.org,2002:int"
_FLOAT_TAG: Final = "tag:yaml.org,2002:float"
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7][0-7_]*|0b[01][01_]*)\Z")
_FLOAT: Final = re.compile(
    r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_TEXT_AS_A_VALUE: Final = ("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge")
"""The tags of `=` and `<<`, which mean something as keys alone."""
_LONGEST: Final = 4 * MOST_DIGITS
"""The most characters of a number that can be held, in any base."""

_C_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Loader(_C_LOADER):  # type: ignore[misc]
    """Composes the nodes of a document, each with the tag of what it is."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_INTEGER_TAG, _FLOAT_TAG}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(_INTEGER_TAG, _INTEGER, list("-+0123456789"))
Loader.add_implicit_resolver(_FLOAT_TAG, _FLOAT, list("-+0123456789."))


class NoValue(Exception):
    """A scalar has no JSON value; the message says why, `fix` what to do."""

    def __init__(self, message: str, fix: str = "put it in quotes to make it text") -> None:
        super().__init__(message)
        self.fix = fix


def value_of(node: yaml.ScalarNode, constructor: yaml.constructor.SafeConstructor) -> Json:
    """The value of a scalar that is no text; NoValue when JSON has none for it."""
    if node.tag in _TEXT_AS_A_VALUE:
        return node.value
    if node.tag in {_INTEGER_TAG, _FLOAT_TAG} and len(node.value) > _LONGEST:
        raise NoValue(f"'{node.value[:20]}...' {TOO_LONG if node.tag == _INTEGER_TAG else 'is too long for a number'}")
    try:
        value = constructor.construct_object(node)
    except (yaml.YAMLError, ValueError, OverflowError):
        if node.tag == _INTEGER_TAG and len(node.value) > MOST_DIGITS:
            raise NoValue(f"'{node.value[:20]}...' {TOO_LONG}") from None
        raise NoValue(f"'{_shortened(node.value)}' is no value of the type '{_kind(node)}'") from None
    match value:
        case date():
            return value.isoformat()
        case float() if not math.isfinite(value):
            is_number = "inf" not in node.value.lower() and "nan" not in node.value.lower()
            raise NoValue(f"{_shortened(node.value)} {TOO_LARGE if is_number else 'is no JSON value'}")
        case int() if not is_short(value):
            raise NoValue(f"'{node.value[:20]}...' {TOO_LONG}")
        case None | bool() | int() | float() | str():
            return value
        case _:
            raise NoValue(f"a value of the type '{type(value).__name__}' is no JSON value", "use text")


def _kind(node: yaml.ScalarNode) -> str:
    return str(node.tag.rpartition(":")[2].lstrip("!"))


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
