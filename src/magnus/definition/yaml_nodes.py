"""Composed YAML to plain JSON values, with the place of every key and value. Called by `yaml_text`."""

from typing import Final

import yaml
from msgspec import Struct, field

from magnus.definition.places import KeyPath
from magnus.definition.yaml_scalars import TEXT_TAG, NoValue, value_of
from magnus.errors import Location, Problem
from magnus.json_text import DEEPEST, TOO_DEEP
from magnus.values import Json

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
