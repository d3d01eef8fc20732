"""Turns composed YAML into plain JSON values, with the place of every key and value. Called by `yaml_text`.

Booleans, null and dates follow YAML 1.1. A number is a number in YAML 1.2, JSON and Python alike: `1e-3` is one, `12:30`
and `007` are none.
"""

import math
import re
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from msgspec import Struct, field

from magnus.definition.places import KeyPath
from magnus.definition.yaml_package import yaml
from magnus.errors import Location, Problem
from magnus.json_text import DEEPEST, MOST_DIGITS, TOO_DEEP, TOO_LARGE, TOO_LONG, is_short
from magnus.values import Json

TEXT_TAG: Final = "tag:yaml.org,2002:str"
_INTEGER_TAG: Final = "tag:yaml.org,2002:int"
_FLOAT_TAG: Final = "tag:yaml.org,2002:float"
_INTEGER: Final = r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F][0-9a-fA-F_]*|0o[0-7][0-7_]*|0b[01][01_]*)\Z"
_FLOAT: Final = (
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


class _Pattern(Struct, frozen=True):
    """What PyYAML calls of a pattern; so `re` compiles the pattern at the first scalar that may be a number."""

    match: Callable[[str], re.Match[str] | None]


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in {_INTEGER_TAG, _FLOAT_TAG}]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver(_INTEGER_TAG, _Pattern(lambda text: re.match(_INTEGER, text)), list("-+0123456789"))
Loader.add_implicit_resolver(_FLOAT_TAG, _Pattern(lambda text: re.match(_FLOAT, text)), list("-+0123456789."))


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


_MORE_VALUES: Final = 100_000
"""So many values may stand for others by aliases and merge keys, which can multiply without end."""
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_CONTAINER_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class EndlessAliases(Exception):
    """There are more values than can be looked at; `place` is where that was noticed."""

    def __init__(self, place: Location) -> None:
        super().__init__()
        self.place = place


class Nodes(Struct):
    """Turns composed nodes into values; collects places and problems on the way.

    `texts` has what is written of the scalars that are no text, by their paths.
    """

    file: str
    most_values: int
    values: dict[KeyPath, Location] = field(default_factory=dict)
    keys: dict[KeyPath, Location] = field(default_factory=dict)
    texts: dict[KeyPath, str] = field(default_factory=dict)
    wrong: list[tuple[KeyPath, Problem]] = field(default_factory=list)
    _around: set[int] = field(default_factory=set)
    _visited: int = 0
    _scalars: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)

    @classmethod
    def of_text(cls, text: str, file: str) -> "Nodes":
        """For the nodes of a text, in which every value has at least one character."""
        return cls(file, len(text) + _MORE_VALUES)

    def document(self, root: yaml.Node) -> Json:
        """The value of the whole document; EndlessAliases when there is no end of it."""
        return self._value(root, ())

    def _value(self, node: yaml.Node, path: KeyPath) -> Json:
        place = mark(self.file, node.start_mark)
        self.values[path] = place
        self._visited += 1
        if self._visited > self.most_values:
            raise EndlessAliases(place)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path, place)
        if id(node) in self._around:
            return self._wrong(path, place, "an alias stands inside what it stands for", "write it out")
        if node.tag not in _CONTAINER_TAGS:
            kind = node.tag.rpartition(":")[2].lstrip("!")
            return self._wrong(path, place, f"a value of the type '{kind}' is no JSON value", "use a list or a mapping")
        if len(self._around) >= DEEPEST:
            return self._wrong(path, place, f"this value {TOO_DEEP}", "keep it in a file that a task reads")
        self._around.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._around.discard(id(node))

    def _mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Json]:
        own: dict[str, Json] = {}
        merged: dict[str, Json] = {}
        own_keys: dict[str, Location] = {}
        for key_node, value_node in node.value:
            place = mark(self.file, key_node.start_mark)
            if key_node.tag == _MERGE_TAG:
                merged |= self._merged(value_node, path)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in own:
                message = f"the key '{key}' stands here a second time, the first is in line {own_keys[key].line}"
                self._wrong((*path, key), place, message, "keep one of them")
                continue
            own_keys[key] = self.keys[*path, key] = place
            own[key] = self._value(value_node, (*path, key))
        self.keys.update({(*path, key): place for key, place in own_keys.items()})
        return {**merged, **own}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Json]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Json] = {}
        for part in reversed(parts):
            value = self._value(part, path)
            if not isinstance(value, dict):
                place = mark(self.file, part.start_mark)
                self._wrong(path, place, "'<<' takes a mapping", "give it a mapping by an alias")
            else:
                merged |= value
        return merged

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        """The key as text, also when YAML reads another value; None when it is a list or a mapping."""
        if isinstance(node, yaml.ScalarNode):
            return str(node.value)
        place = mark(self.file, node.start_mark)
        self._wrong(path, place, "a key is text, this one is not", "write a text before the colon")
        return None

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath, place: Location) -> Json:
        if node.tag == TEXT_TAG:
            return node.value
        try:
            value = value_of(node, self._scalars)
        except NoValue as error:
            return self._wrong(path, place, str(error), error.fix)
        self.texts[path] = node.value
        return value

    def _wrong(self, path: KeyPath, place: Location, message: str, fix: str) -> None:
        self.wrong.append((path, Problem(message, fix, place)))


def mark(file: str, place: yaml.Mark | None) -> Location:
    """The place that PyYAML names."""
    return Location(file) if place is None else Location(file, place.line + 1, place.column + 1)
