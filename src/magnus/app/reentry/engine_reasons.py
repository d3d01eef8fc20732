"""Why parts of a run failed, as the engine that ran them says: a JSON list of objects with `displayName` and `message`.

The text may be a JSON text in quotation marks itself, and cut at its end, since engines have limits. Pure.
"""

import json
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from magnus.values import Json

_MOST: Final = 3
_LONGEST: Final = 500
_OF_OTHERS: Final = re.compile(r"(child '.*' failed|No more retries left|)\Z", re.DOTALL)
"""What the engine says of a part that failed for another one."""
_STOPPED: Final = "workflow shutdown with strategy"
_NO_RIGHT: Final = "workflowtaskresults"
_RIGHT_NEEDED: Final = (
    "the account of the workflow may not report results to the engine: give it the role that "
    "'How to run a pipeline on Argo Workflows' in the documentation shows"
)
_NOT_PLAIN: Final = re.compile(r"[^a-z0-9]+")
_END: Final = re.compile(r'\\?"?\Z')


class EngineReasons(Struct, frozen=True):
    """The messages of the engine, each with the name of the part of the run that it is of."""

    messages: tuple[tuple[str, str], ...] = ()

    @property
    def is_stop(self) -> bool:
        """Whether a user stopped the run."""
        return any(message.startswith(_STOPPED) for _, message in self.messages)

    @property
    def text(self) -> str:
        """The first few of them, and what to do about them where that is known; "" for none."""
        told = dict.fromkeys(message for _, message in self.messages)
        shown = [message[:_LONGEST] for message in list(told)[:_MOST]]
        more = [f"and {len(told) - _MOST} more"] if len(told) > _MOST else []
        right = [_RIGHT_NEEDED] if any(_NO_RIGHT in message for message in told) else []
        return "; ".join([*shown, *more, *right])

    def of(self, step: str) -> str:
        """What is said of the step of this name; "" for nothing. Engines change names, and number attempts."""
        wanted = _plain(step)
        return next((message[:_LONGEST] for name, message in self.messages if _plain(name) == wanted), "")


def engine_reasons(text: str) -> EngineReasons:
    """What the text says; nothing when it is none of that kind."""
    found = (
        (str(item.get("displayName", "")), str(item.get("message", "")).strip())
        for item in _items(_unquoted(text.strip()))
        if isinstance(item, dict)
    )
    return EngineReasons(tuple((name, message) for name, message in found if not _OF_OTHERS.match(message)))


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    cut = _END.sub("", text[1:]) if not text.endswith('\\"') else text[1:-2]
    try:
        inner: str = json.loads(f'"{cut}"', strict=False)
    except ValueError:
        return cut.replace('\\"', '"').replace("\\\\", "\\")
    return inner


def _items(text: str) -> Iterator[Json]:
    """The items of a JSON list that are whole."""
    decoder, place = json.JSONDecoder(strict=False), 1
    while text[:1] == "[" and place < len(text):
        try:
            item, place = decoder.raw_decode(text, place)
        except ValueError:
            return
        yield item
        place += len(text[place:]) - len(text[place:].lstrip(" ,\n"))


def _plain(name: str) -> str:
    """The name of a task as magnus writes it, without the number and the value of an item behind it."""
    return _NOT_PLAIN.sub("-", name.partition("(")[0].lower()).strip("-")
