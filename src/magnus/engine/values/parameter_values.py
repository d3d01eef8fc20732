"""Parameters in use: found by name, read from text, passed as environment variables."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from magnus import json_text
from magnus.run_log.parameters import JsonParameter, LargeParameter, Parameter, Scope, plain
from magnus.values import Json

VARIABLE_PREFIX: Final = "MAGNUS_PRM_"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False)
_LONG_TEXT: Final = 200
_MOST_TEXTS: Final = 32
LONGEST_VARIABLE: Final = 64 * 1024
"""Values whose text is longer, in bytes, are not put into the environment; a command line has a limit."""
LONGEST_ENTRY: Final = 131_072
"""What Linux takes for one argument or one variable: name, sign and value, with the NUL at its end."""
MOST_IN_ENVIRONMENT: Final = 512 * 1024
"""Bytes of all variables of parameters; shells have them twice, and arguments and environment share about 2 MiB."""
_LONGEST_AS_JSON: Final = 6 * LONGEST_VARIABLE + 2
"""A character of a text has up to six bytes in JSON."""


def from_text(text: str, *, allow_nan: bool = False) -> JsonParameter:
    """The parameter a command line or an environment variable says: JSON when it is JSON, else the text itself.

    `allow_nan` is for metrics. UnusableJson when it is JSON of a value that no parameter can have.
    """
    try:
        value = json_text.loads(text, allow_nan=allow_nan)
    except json_text.NotJson:
        value = text
    return JsonParameter(value, text)


def as_text(parameter: Parameter) -> str:
    """The value as text: a string as it is, everything else as JSON."""
    value = plain(parameter)
    if isinstance(value, str):
        return value
    return str(value) if type(value) is int else _ENCODER.encode(value)


def find(names: Iterable[str], name: str) -> str | None:
    """The one of `names` that `name` stands for: the same, or the only one that differs by case alone; else None."""
    known = names if isinstance(names, Mapping | set | frozenset) else tuple(names)
    if name in known:
        return name
    folded = name.casefold()
    matches = [candidate for candidate in known if candidate.casefold() == folded]
    return matches[0] if len(matches) == 1 else None


class Texts:
    """The JSON texts of parameters that many steps see; a long one is made once as long as it is the same parameter."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Parameter, str]] = {}

    def __call__(self, parameter: Parameter) -> str:
        """The value as JSON."""
        known = self._known.get(id(parameter))
        if known is not None and known[0] is parameter:
            return known[1]
        if isinstance(parameter, LargeParameter):
            text = parameter.json_text
        else:
            value = plain(parameter)
            text = str(value) if type(value) is int else _ENCODER.encode(value)
        if len(text) > _LONG_TEXT:
            if len(self._known) >= _MOST_TEXTS:
                self._known.clear()
            self._known[id(parameter)] = (parameter, text)
        return text


def is_too_long(parameter: Parameter) -> bool:
    """Whether it is certain, without a look at the value, that its text is too long for an environment."""
    return isinstance(parameter, LargeParameter) and parameter.size > _LONGEST_AS_JSON


def environment(scope: Scope, texts: Texts) -> dict[str, str]:
    """`MAGNUS_PRM_<name>` for every parameter whose name and value an environment can hold.

    Where all of them are too large together, the largest are left out.
    """
    variables: dict[str, str] = {}
    total = 0
    for name, parameter in scope.items():
        if is_too_long(parameter):
            continue
        value = plain(parameter)
        text = value if isinstance(value, str) else str(value) if type(value) is int else texts(parameter)
        size = len(text.encode("utf-8", "replace")) if len(text) <= LONGEST_VARIABLE else len(text)
        if size <= LONGEST_VARIABLE and "\0" not in text and "=" not in name and "\0" not in name:
            size += _entry_bytes_of_name(name)
            if size <= LONGEST_ENTRY:
                variables[VARIABLE_PREFIX + name] = text
                total += size
    return variables if total <= MOST_IN_ENVIRONMENT else _smallest(variables)


def _entry_bytes_of_name(name: str) -> int:
    return len(VARIABLE_PREFIX) + len(name.encode("utf-8", "replace")) + len("=\0")


def entry_bytes(name: str, text: str) -> int:
    """The size of a variable as the system counts it."""
    return len(name.encode("utf-8", "replace")) + len(text.encode("utf-8", "replace")) + len("=\0")


def _smallest(variables: Mapping[str, str]) -> dict[str, str]:
    """As many of the variables as fit together, in their order."""
    sizes = {name: entry_bytes(name, text) for name, text in variables.items()}
    fitting, total = set(), 0
    for name in sorted(sizes, key=sizes.__getitem__):
        total += sizes[name]
        if total > MOST_IN_ENVIRONMENT:
            break
        fitting.add(name)
    return {name: text for name, text in variables.items() if name in fitting}


def map_variable(elements: Mapping[str, Json | LargeParameter]) -> str | None:
    """What `MAGNUS_MAP_VARIABLE` says; None outside of maps, and when it is longer than an environment can hold."""
    if not elements or any(
        isinstance(element, LargeParameter) and is_too_long(element) for element in elements.values()
    ):
        return None
    values = {
        name: element.value if isinstance(element, LargeParameter) else element for name, element in elements.items()
    }
    text = json.dumps(values)
    return text if len(text) <= LONGEST_VARIABLE else None
