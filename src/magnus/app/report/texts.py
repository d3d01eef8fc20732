"""Texts of values, each kept once, and how they look in a report. Pure."""

import json
from collections.abc import Mapping
from typing import Final

from magnus.app.report.budget import Budget, characters_within, size_of
from magnus.app.report.model import Named, Text
from magnus.app.text.object_references import readable
from magnus.run_log.parameters import Parameter, shown
from magnus.values import Json

_VALUES: Final = Budget(base=160_000, each=500, longest=8_000)
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=str)
_MESSAGE_LIMIT: Final = 4_000


class Texts:
    """The texts a report refers to by number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, value: Json) -> int:
        """The number of the text of a value."""
        text = _ENCODER.encode(readable(value))
        return self._numbers.setdefault(text, len(self._numbers))

    def named(self, values: Mapping[str, Json]) -> list[Named]:
        """The values by name."""
        return [(name, self.number(value)) for name, value in values.items()]

    def parameters(self, values: Mapping[str, Parameter]) -> list[Named]:
        """The parameters by name; an object as a reference."""
        return [(name, self.number(shown(value))) for name, value in values.items()]

    def fitting(self, steps: int) -> list[Text]:
        """All of them, the long ones cut so that they fit into the report of a run with so many steps."""
        sizes = [size_of(text) for text in self._numbers]
        limit = _VALUES.limit(sizes, steps)
        kept = (characters_within(text, size, limit) for text, size in zip(self._numbers, sizes, strict=True))
        return [Text(text[:number], len(text) - number) for text, number in zip(self._numbers, kept, strict=True)]


def shortened(message: str) -> str:
    """A message without its middle where it is very long."""
    if len(message) <= _MESSAGE_LIMIT:
        return message
    half = _MESSAGE_LIMIT // 2
    return f"{message[:half]}\n... {len(message) - 2 * half} characters ...\n{message[-half:]}"
