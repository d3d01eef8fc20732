"""Reads YAML and JSON files into plain values, with places. Used for pipelines, configurations and parameters."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from magnus import json_text
from magnus.definition.places import KeyPath, Later, Lines
from magnus.definition.yaml_nodes import TEXT_TAG, EndlessAliases, Loader, Nodes
from magnus.definition.yaml_package import yaml
from magnus.errors import InvalidConfiguration, InvalidDefinition, InvalidInput, Location, Problem
from magnus.json_text import TOO_DEEP
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.definition.json_places import JsonPlaces  # lazy: as where it is used

__all__ = ["Document", "KeyPath", "Reading", "dump", "parse", "read", "read_with_faults", "renamed", "with_keys"]

_JSON: Final = ".json"
_EXAMPLES: Final[Mapping[type[InvalidInput], str]] = {
    InvalidDefinition: "write dag: {start_at: a, steps: {a: {command: module.function, next: success}}}",
    InvalidConfiguration: "write what is to differ from the defaults, such as executor: {type: local}, or name no file",
}
"""The fix for an empty file."""

_FIRST_PIPELINE: Final = "pipeline.yaml"
"""The file that commands read when none is named."""

_PASSED_ON: Final = ("/dev/fd/", "/dev/stdin", "/proc/")
"""Paths of pipes, which a shell or another program writes to."""

_AMBIGUOUS_TEXT: Final = r"[yYnN]|[-+]?(0[xXoObB][0-9a-fA-F_]+|\.?[0-9][0-9._]*([eE][-+]?[0-9]+)?|\.?(inf|nan))"


class Document(Struct, frozen=True):
    """A YAML or JSON file: its value, the places of values and keys, and what YAML wrote for values that are no text."""

    file: str
    value: Json
    values: Mapping[KeyPath, Location]
    keys: Mapping[KeyPath, Location]
    texts: Mapping[KeyPath, str] = field(default_factory=dict)

    def locate(self, *path: str | int) -> Location:
        """The place of the key at `path`, of the nearest thing around it when there is none, or of the file."""
        while path:
            place = self.keys.get(path) or self.values.get(path)
            if place is not None:
                return place
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


def read_with_faults(
    file: Path | str, error: type[InvalidInput], what: str, *, name: str = "", empty: Json = None
) -> Reading:
    """As `read`, also of a file with faults in it; raises `error` when nothing can be made of it.

    `empty` is the value of a file in which nothing is written, where that is no mistake.
    """
    name = name or str(file)
    try:
        if (kind := _no_file(file)) and not str(file).startswith(_PASSED_ON):
            raise error(f"{what} '{name}' is {kind}", fix="name a file")
        text = Path(file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        start = "; magnus init NAME writes a project with a pipeline" if name == _FIRST_PIPELINE else ""
        raise error(
            f"{what} '{name}' does not exist", fix=f"check the path, and the folder you are in{start}"
        ) from None
    except UnicodeDecodeError:
        raise error(f"{what} '{name}' is not UTF-8 text", fix="save it as UTF-8") from None
    except ValueError:  # a zero byte in it
        raise error(f"{what} {name!r} has a name that no file can have", fix="check the path") from None
    except OSError as reason:
        fix = "make it readable" if isinstance(reason, PermissionError) else "check the path, and the file"
        raise error(f"{what} '{name}' cannot be read: {reason.strerror}", fix=fix) from reason
    reading = _parsed(text, name, error, what, may_be_empty=empty is not None)
    return reading if reading.document.value is not None or reading.wrong else _with(reading, empty)


def _with(reading: Reading, value: Json) -> Reading:
    return replace(reading, document=replace(reading.document, value=value))


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


def _parsed(text: str, file: str, error: type[InvalidInput], what: str, *, may_be_empty: bool = False) -> Reading:
    reading = _from_json(text, file, error) if text.lstrip()[:1] in {"{", "["} or file.endswith(_JSON) else None
    if reading is not None:
        return reading
    try:
        root = yaml.compose(text, Loader=Loader)
    except yaml.MarkedYAMLError as wrong:
        from magnus.definition.yaml_faults import yaml_fault  # lazy: most files are right

        raise error.of([yaml_fault(wrong, text, file)]) from wrong
    except yaml.YAMLError as wrong:
        reason = str(wrong).splitlines()[0]
        raise error(
            f"this is not YAML: {reason}", fix="remove what cannot be printed", location=Location(file)
        ) from wrong
    except RecursionError:
        fix = "keep it in a file that a task reads"
        raise error(f"{what} {TOO_DEEP}", fix=fix, location=Location(file)) from None
    if root is None and may_be_empty:
        return Reading(Document(file, None, {}, {}))
    if root is None:
        raise error(f"{what} is empty", fix=_EXAMPLES.get(error, "write 'name: value' lines"), location=Location(file))
    nodes = Nodes.of_text(text, file)
    try:
        value = nodes.document(root)
    except EndlessAliases as endless:
        message, fix = "the aliases of this file multiply without end", "write out what they stand for"
        raise error(message, fix=fix, location=endless.place) from None
    return Reading(Document(file, value, nodes.values, nodes.keys, nodes.texts), tuple(nodes.wrong))


def _from_json(text: str, file: str, error: type[InvalidInput]) -> Reading | None:
    """What the text says as JSON; None when it is none, and not the text of a JSON file either."""
    places: list[JsonPlaces] = []

    def scanned() -> "JsonPlaces":
        from magnus.definition.json_places import scan  # lazy: places are needed where something is wrong

        if not places:
            places.append(scan(text, file))
        return places[0]

    try:
        value = json_text.loads(text)
    except json_text.UnusableJson as unusable:
        reason = str(unusable)
    except json_text.NotJson as wrong:
        if wrong.position is not None:
            if not file.endswith(_JSON):
                return None
            place = Lines(text, file).location(wrong.position)
            raise error(f"this is not JSON: {wrong}", fix="correct the JSON here", location=place) from None
        reason = str(wrong)
    else:
        return Reading(Document(file, value, Later(lambda: scanned().values), Later(lambda: scanned().keys)))
    problems = [problem for _, problem in scanned().wrong] or [Problem(f"a value {reason}", "", Location(file))]
    raise error.of(problems)


def renamed(document: Document, path: KeyPath, keys: Mapping[str, str]) -> Document:
    """The document in which keys of the mapping at `path` are called otherwise; only the places know of it."""
    values = {with_keys(where, path, keys): place for where, place in document.values.items()}
    return replace(
        document, values=values, keys={with_keys(w, path, keys): place for w, place in document.keys.items()}
    )


def with_keys(where: KeyPath, path: KeyPath, keys: Mapping[str, str]) -> KeyPath:
    """The path `where` after keys of the mapping at `path` are renamed."""
    depth = len(path)
    if len(where) <= depth or where[:depth] != path or where[depth] not in keys:
        return where
    return (*path, keys[str(where[depth])], *where[depth + 1 :])


def dump(value: Json) -> str:
    """The value as YAML, in its order. Settings of PyYAML by other packages do not change it."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes every text that some reader of YAML, such as that of Go, takes for a truth value or a number."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "'" if re.fullmatch(_AMBIGUOUS_TEXT, text, re.IGNORECASE) else None
    return dumper.represent_scalar(TEXT_TAG, text, style=style)


_Dumper.add_representer(str, _quoted)
