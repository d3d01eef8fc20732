"""YAML text to plain JSON values, with the place of every key and value. Used for pipelines, configurations, parameters."""

import math
import re
import stat
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import yaml
from msgspec import Struct, field
from msgspec.structs import replace

from magnus.definition.yaml_faults import yaml_fault
from magnus.errors import InvalidConfiguration, InvalidDefinition, InvalidInput, Location, Problem
from magnus.values import Json

KeyPath = tuple[str | int, ...]

_MOST_VALUES: Final = 1_000_000
"""More values than any file anyone writes: aliases can multiply without end."""

_EXAMPLES: Final[Mapping[type[InvalidInput], str]] = {
    InvalidDefinition: "write dag: {start_at: a, steps: {a: {command: module.function, next: success}}}",
    InvalidConfiguration: "write what is to differ from the defaults, such as executor: {type: local}, or name no file",
}
"""What to write into a file that is empty."""

_PASSED_ON: Final = ("/dev/fd/", "/dev/stdin", "/proc/")
"""Where a shell or another program passes on what it writes."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE_TAG: Final = "tag:yaml.org,2002:merge"
_CONTAINER_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_TAKEN_FOR_ANOTHER: Final = re.compile(
    r"[yYnN]|[-+]?(0[xXoObB][0-9a-fA-F_]+|\.?[0-9][0-9._]*([eE][-+]?[0-9]+)?|\.?(inf|nan))", re.IGNORECASE
)


class Document(Struct, frozen=True):
    """A YAML file: its value, and the places of values and keys by key path."""

    file: str
    value: Json
    values: Mapping[KeyPath, Location]
    keys: Mapping[KeyPath, Location]

    def locate(self, *path: str | int) -> Location:
        """The place of the key at `path`, of the nearest thing around it when there is none, or of the file."""
        while path:
            found = self.keys.get(path) or self.values.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.values.get((), Location(self.file))

    def locate_value(self, *path: str | int) -> Location:
        """The place of the value at `path`, or as `locate`."""
        return self.values.get(path) or self.locate(*path)


class Reading(Struct, frozen=True):
    """A document as far as it could be read, and what is wrong in it, each with the path it is at."""

    document: Document
    wrong: tuple[tuple[KeyPath, Problem], ...] = ()


def read(file: Path | str, error: type[InvalidInput], what: str, *, name: str = "") -> Document:
    """Read the file and parse it; raises `error`, in whose message `what` says what the file is.

    Messages call it `name`, or else as it is named here.
    """
    return _right(read_with_faults(file, error, what, name=name), error)


def read_with_faults(file: Path | str, error: type[InvalidInput], what: str, *, name: str = "") -> Reading:
    """As `read`, also of a file with faults in it; raises `error` when nothing can be made of it."""
    name = name or str(file)
    try:
        if (kind := _no_file(file)) and not str(file).startswith(_PASSED_ON):
            raise error(f"{what} '{name}' is {kind}", fix="name a file")
        text = Path(file).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"{what} '{name}' does not exist", fix="check the path, and the folder you are in") from None
    except UnicodeDecodeError:
        raise error(f"{what} '{name}' is not UTF-8 text", fix="save it as UTF-8") from None
    except ValueError:  # a zero byte in it
        raise error(f"{what} {name!r} has a name that no file can have", fix="check the path") from None
    except OSError as reason:
        fix = "make it readable" if isinstance(reason, PermissionError) else "check the path, and the file"
        raise error(f"{what} '{name}' cannot be read: {reason.strerror}", fix=fix) from reason
    return _parsed(text, name, error, what)


def _no_file(path: Path | str) -> str:
    """What there is in place of a file; "" for a file. Raises what `stat` does."""
    mode = Path(path).stat().st_mode
    if stat.S_ISDIR(mode):
        return "a folder"
    return "" if stat.S_ISREG(mode) else "a pipe, a socket or a device"


def parse(text: str, file: str, error: type[InvalidInput], what: str) -> Document:
    """Parse YAML text; `file` is for messages. Everything that is wrong with it is raised at once."""
    return _right(_parsed(text, file, error, what), error)


def _right(reading: Reading, error: type[InvalidInput]) -> Document:
    if reading.wrong:
        raise error.of([problem for _, problem in reading.wrong])
    return reading.document


def _parsed(text: str, file: str, error: type[InvalidInput], what: str) -> Reading:
    try:
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as wrong:
        raise error.of([yaml_fault(wrong, text, file)]) from wrong
    except yaml.YAMLError as wrong:
        reason = str(wrong).splitlines()[0]
        raise error(
            f"this is not YAML: {reason}", fix="remove what cannot be printed", location=Location(file)
        ) from wrong
    if root is None:
        raise error(f"{what} is empty", fix=_EXAMPLES.get(error, "write 'name: value' lines"), location=Location(file))
    reader = _Reader(file)
    value = reader.value(root, ())
    return Reading(Document(file, value, reader.values, reader.keys), tuple(reader.wrong))


def renamed(document: Document, path: KeyPath, keys: Mapping[str, str]) -> Document:
    """The document in which keys of the mapping at `path` are called otherwise; only the places know of it."""
    values = {with_keys(where, path, keys): place for where, place in document.values.items()}
    return replace(
        document, values=values, keys={with_keys(w, path, keys): place for w, place in document.keys.items()}
    )


def with_keys(where: KeyPath, path: KeyPath, keys: Mapping[str, str]) -> KeyPath:
    """The path `where` when keys of the mapping at `path` are called otherwise."""
    depth = len(path)
    if len(where) <= depth or where[:depth] != path or where[depth] not in keys:
        return where
    return (*path, keys[str(where[depth])], *where[depth + 1 :])


def dump(value: Json) -> str:
    """The value as YAML, in the order it has. The same whatever other packages of the process teach PyYAML."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML, such as that of Go, takes for a truth value or a number."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if _TAKEN_FOR_ANOTHER.fullmatch(text) else None
    return dumper.represent_scalar(_TEXT_TAG, text, style=style)


_Dumper.add_representer(str, _quoted)


def _mark(file: str, mark: yaml.Mark | None) -> Location:
    return Location(file) if mark is None else Location(file, mark.line + 1, mark.column + 1)


class _Reader(Struct):
    """Turns composed nodes into values; collects places and problems on the way."""

    file: str
    values: dict[KeyPath, Location] = field(default_factory=dict)
    keys: dict[KeyPath, Location] = field(default_factory=dict)
    wrong: list[tuple[KeyPath, Problem]] = field(default_factory=list)
    _around: set[int] = field(default_factory=set)
    _scalars: yaml.constructor.SafeConstructor = field(default_factory=yaml.constructor.SafeConstructor)

    def value(self, node: yaml.Node, path: KeyPath) -> Json:
        """The value of the node at `path`."""
        place = _mark(self.file, node.start_mark)
        self.values[path] = place
        if id(node) in self._around:
            return self._wrong(path, place, "an alias stands inside what it stands for", "write it out")
        if len(self.values) > _MOST_VALUES:
            if not self.wrong or "aliases" not in self.wrong[-1][1].message:
                self._wrong(path, place, "the aliases of this file multiply without end", "write it out")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if node.tag not in _CONTAINER_TAGS:
            kind = node.tag.rpartition(":")[2].lstrip("!")
            return self._wrong(path, place, f"a value of the type '{kind}' is no JSON value", "use a list or a mapping")
        self._around.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._mapping(node, path)
        finally:
            self._around.discard(id(node))

    def _mapping(self, node: yaml.Node, path: KeyPath) -> dict[str, Json]:
        found: dict[str, Json] = {}
        merged: dict[str, Json] = {}
        own_keys: dict[str, Location] = {}
        for key_node, value_node in node.value:
            place = _mark(self.file, key_node.start_mark)
            if key_node.tag == _MERGE_TAG:
                merged |= self._merged(value_node, path)
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            if key in found:
                written = f" (YAML reads '{key_node.value}' so)" if key_node.value != key else ""
                message = (
                    f"the key '{key}'{written} stands here a second time, the first is in line {own_keys[key].line}"
                )
                self._wrong((*path, key), place, message, "keep one of them")
                continue
            own_keys[key] = self.keys[*path, key] = place
            found[key] = self.value(value_node, (*path, key))
        self.keys.update({(*path, key): place for key, place in own_keys.items()})
        return {**merged, **found}

    def _merged(self, node: yaml.Node, path: KeyPath) -> dict[str, Json]:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [node]
        merged: dict[str, Json] = {}
        for part in reversed(parts):
            value = self.value(part, path)
            if not isinstance(value, dict):
                place = _mark(self.file, part.start_mark)
                self._wrong(path, place, "'<<' takes a mapping", "give it a mapping by an alias")
            else:
                merged |= value
        return merged

    def _key(self, node: yaml.Node, path: KeyPath) -> str | None:
        """The key as text; None when it is none."""
        if not isinstance(node, yaml.ScalarNode):
            place = _mark(self.file, node.start_mark)
            self._wrong(path, place, "a key is text, this one is not", "write a text before the colon")
            return None
        if node.tag == _TEXT_TAG:
            return str(node.value)
        before = len(self.wrong)
        match self._scalar(node, path):
            case None:
                return "null" if len(self.wrong) == before else None
            case bool() as truth:
                return str(truth).lower()
            case other:
                return str(other)

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Json:
        if node.tag == _TEXT_TAG:
            return node.value
        place = _mark(self.file, node.start_mark)
        try:
            value = self._scalars.construct_object(node)
        except (yaml.YAMLError, ValueError):
            kind = node.tag.rpartition(":")[2].lstrip("!")
            message = f"'{node.value}' is no value of the type '{kind}'"
            return self._wrong(path, place, message, "put it in quotes to make it text")
        match value:
            case date():
                return value.isoformat()
            case float() if not math.isfinite(value):
                message = f"{node.value} is no JSON value"
                return self._wrong(path, place, message, "put it in quotes to make it text")
            case None | bool() | int() | float() | str():
                return value
            case _:
                message = f"a value of the type '{type(value).__name__}' is no JSON value"
                return self._wrong(path, place, message, "use text")

    def _wrong(self, path: KeyPath, place: Location, message: str, fix: str) -> None:
        self.wrong.append((path, Problem(message, fix, place)))
