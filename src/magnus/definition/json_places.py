"""Finds the place of every key and value of a JSON text, and mistakes in them. Called by `yaml_text` on demand."""

import json
import re
from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field

from magnus.definition.places import KeyPath, Lines
from magnus.errors import Location, Problem
from magnus.json_text import DEEPEST, NO_CHARACTER, TOO_DEEP, UnusableJson, finite, has_characters, loads

_PART: Final = r'"(?:[^"\\]|\\.)*"|[^\s,:\[\]{}"]+|[,:\[\]{}]'
_CONSTANTS: Final = ("NaN", "Infinity", "-Infinity")


class JsonPlaces(Struct, frozen=True):
    """The places of values and keys by path, and what is wrong, each with the path it is at."""

    values: Mapping[KeyPath, Location]
    keys: Mapping[KeyPath, Location]
    wrong: tuple[tuple[KeyPath, Problem], ...]


class _Container(Struct):
    """A list or a mapping that is open: its path, the key or the number of what comes next; "" before a key."""

    path: KeyPath
    is_list: bool
    next: str | int
    awaits_key: bool


class _Scan(Struct):
    lines: Lines
    values: dict[KeyPath, Location] = field(default_factory=dict)
    keys: dict[KeyPath, Location] = field(default_factory=dict)
    wrong: list[tuple[KeyPath, Problem]] = field(default_factory=list)
    open: list[_Container] = field(default_factory=list)

    def take(self, token: str, position: int) -> bool:
        """Take one token; whether the scan continues."""
        around = self.open[-1] if self.open else None
        match token:
            case "]" | "}":
                self.open.pop()
            case ",":
                self._next(around)
            case ":":
                pass
            case _ if around is not None and around.awaits_key:
                self._key(around, token, position)
            case _:
                return self._value(around, token, position)
        return True

    def _next(self, around: _Container | None) -> None:
        if around is None:
            return
        if isinstance(around.next, int):
            around.next += 1
        around.awaits_key = not around.is_list

    def _key(self, around: _Container, token: str, position: int) -> None:
        key, place = json.loads(token), self.lines.location(position)
        path = (*around.path, key)
        if path in self.keys:
            first = self.keys[path].line
            message = f"the key '{key}' stands here a second time, the first is in line {first}"
            self.wrong.append((path, Problem(message, "keep one of them", place)))
        elif not has_characters(key):
            self.wrong.append((path, Problem(f"this key {NO_CHARACTER}", "write it in Unicode", place)))
        self.keys.setdefault(path, place)
        around.next, around.awaits_key = key, False

    def _value(self, around: _Container | None, token: str, position: int) -> bool:
        path = () if around is None else (*around.path, around.next)
        place = self.values[path] = self.lines.location(position)
        if token in {"[", "{"}:
            is_list = token == "["  # noqa: S105 - no password
            self.open.append(_Container(path, is_list, 0 if is_list else "", not is_list))
            if len(self.open) <= DEEPEST:
                return True
            self.wrong.append((path, Problem(f"this value {TOO_DEEP}", "keep it in a file that a task reads", place)))
            return False
        if (reason := _reason(token)) is not None:
            self.wrong.append((path, Problem(*reason, place)))
        return True


def scan(text: str, file: str) -> JsonPlaces:
    """The places in a text that Python's json reads."""
    state = _Scan(Lines(text, file))
    for match in re.finditer(_PART, text, re.DOTALL):
        if not state.take(match[0], match.start()):
            break
    return JsonPlaces(state.values, state.keys, tuple(state.wrong))


def _reason(token: str) -> tuple[str, str] | None:
    """What is wrong with a value that is no container, and what to do."""
    if token in _CONSTANTS:
        return f"{token} is no JSON value", "leave it out, or put it in quotes to make it text"
    try:
        if token[0] in "-0123456789" and not token.lstrip("-").isdigit():
            finite(token)
        elif token[0] != '"' or "\\u" in token:
            loads(token)
    except UnusableJson as error:
        excerpt = token if len(token) <= 40 else f"{token[:37]}..."
        return f"{excerpt} {error}", "put it in quotes to make it text" if token[0] != '"' else "write it in Unicode"
    return None
