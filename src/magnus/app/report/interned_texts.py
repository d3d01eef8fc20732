"""Stores the texts of a report once each, and cuts long ones and logs so that the report stays small."""

import json
import re
from collections.abc import Mapping, Sequence
from io import SEEK_END
from typing import Final

import msgspec
from msgspec import Struct

from magnus.app.report.model import Log, Named, Text
from magnus.app.text.escapes import without_escapes
from magnus.app.text.object_references import readable
from magnus.errors import CatalogError
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Catalog, ReadsLogs
from magnus.run_log.parameters import Parameter, shown
from magnus.values import Json

_BYTES_OF_ESCAPE: Final = 6
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, default=str)
_MESSAGE_LIMIT: Final = 4_000


class Budget(Struct, frozen=True):
    """The bytes for all texts of a kind: `base` for a run of 100 steps, and `each` for every further step.

    No text is longer than `longest`.
    """

    base: int
    each: int
    longest: int

    def limit(self, sizes: Sequence[int], steps: int) -> int:
        """The most bytes that each text may have."""
        return min(self.longest, fair_limit(sizes, self.base + self.each * max(0, steps - 100)))


_VALUES: Final = Budget(base=160_000, each=500, longest=8_000)


def fair_limit(sizes: Sequence[int], budget: int) -> int:
    """The largest limit with which texts of these sizes, each cut to it, fit into the budget together."""
    remaining = budget
    ascending = sorted(sizes)
    for number, size in enumerate(ascending):
        share = remaining // (len(ascending) - number)
        if size > share:
            return share
        remaining -= size
    return budget


def size_of(text: str) -> int:
    """The bytes that a text takes in the page, at most."""
    try:
        encoded = len(msgspec.json.encode(text))
    except UnicodeEncodeError:
        encoded = len(json.dumps(text))
    return encoded + (_BYTES_OF_ESCAPE - 1) * text.count("<")


def characters_within(text: str, size: int, limit: int) -> int:
    """The approximate number of characters of the text that take `limit` bytes."""
    return len(text) if size <= limit else len(text) * limit // size


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
        """All texts; long ones are cut to fit into the report of a run with `steps` steps."""
        sizes = [size_of(text) for text in self._numbers]
        limit = _VALUES.limit(sizes, steps)
        lengths = (characters_within(text, size, limit) for text, size in zip(self._numbers, sizes, strict=True))
        return [Text(text[:number], len(text) - number) for text, number in zip(self._numbers, lengths, strict=True)]


def shortened(message: str) -> str:
    """A message without its middle where it is very long."""
    if len(message) <= _MESSAGE_LIMIT:
        return message
    half = _MESSAGE_LIMIT // 2
    return f"{message[:half]}\n... {len(message) - 2 * half} characters ...\n{message[-half:]}"


_OTHERS: Final = Budget(base=250_000, each=1_000, longest=16_000)
_FAILED: Final = Budget(base=150_000, each=500, longest=64_000)
_EMPTY: Final = 2  # the bytes of "" as JSON
_MOST_LINES: Final = 200
_MOST_LINES_OF_FAILED: Final = 1_000
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class Logs:
    """The logs of a run in a catalog; there are none where it cannot read them."""

    def __init__(self, catalog: Catalog, run_id: str) -> None:
        self._catalog = catalog if isinstance(catalog, ReadsLogs) else None
        self._run_id = run_id

    def ends(self, steps: Sequence[tuple[StepPath, bool]], total: int) -> list[Log | None]:
        """The end of the log of each step, given with whether it failed; the run has `total` steps in all."""
        if self._catalog is None:
            return [None] * len(steps)
        ends = [self._end(path, failed=failed) for path, failed in steps]
        sizes = [size_of(end.text) for end in ends]
        limits = {
            failed: budget.limit(
                [size for size, (_, is_so) in zip(sizes, steps, strict=True) if is_so is failed], total
            )
            for failed, budget in ((True, _FAILED), (False, _OTHERS))
        }
        return [
            _within(end, size, limits[failed]) if size > _EMPTY else None
            for end, size, (_, failed) in zip(ends, sizes, steps, strict=True)
        ]

    def _end(self, path: StepPath, *, failed: bool) -> Log:
        """The longest end of the log that the report may show."""
        assert self._catalog is not None
        most_bytes, most_lines = (_FAILED.longest, _MOST_LINES_OF_FAILED) if failed else (_OTHERS.longest, _MOST_LINES)
        try:
            log = self._catalog.read_log(self._run_id, path)
        except CatalogError as error:
            return Log(f"The output cannot be shown: {error.problems[0].message}\n")
        if log is None:
            return Log("")
        with log:
            size = log.seek(0, SEEK_END)
            log.seek(max(0, size - most_bytes))
            end = last_lines(log.read(most_bytes), most_lines)
        return Log(readable_log(end), max(0, size - len(end)))


def _within(end: Log, size: int, limit: int) -> Log:
    """The end of the log that takes `limit` bytes."""
    left_out = len(end.text) - characters_within(end.text, size, limit)
    return Log(end.text[left_out:], end.left_out + len(end.text[:left_out].encode(errors="replace")))


def last_lines(text: bytes, number: int) -> bytes:
    """The last `number` lines; text behind the last line break is a line, too."""
    place = len(text) - 1 if text.endswith(b"\n") else len(text)
    for _ in range(number):
        place = text.rfind(b"\n", 0, place)
        if place < 0:
            return text
    return text[place + 1 :]


def readable_log(text: bytes) -> str:
    """The text as a terminal displays it: without colours, and with the last of lines that overwrite one another."""
    plain = without_escapes(text.decode(errors="replace"))
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in plain.split("\n"))
    return _CONTROLS.sub("\N{REPLACEMENT CHARACTER}", "\n".join(lines))
