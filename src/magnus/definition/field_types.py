"""Types of fields that users may write in several ways: durations, and lists of texts."""

import re
from typing import Final, Self

from magnus.values import Json

_PART: Final = r"\s*(\d+(?:\.\d+)?)\s*(ms|d|h|m|s)\s*"
_SECONDS: Final = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class Duration(float):
    """A duration in seconds, not below zero."""

    @classmethod
    def read(cls, written: Json) -> Self:
        """The duration of a written value; ValueError when it is no duration, or below zero."""
        duration = cls(seconds(written))
        if not duration >= 0:
            message = f"must be at least 0, not {written!r}"
            raise ValueError(message)
        return duration


class PositiveDuration(Duration):
    """A duration in seconds, more than zero."""

    @classmethod
    def read(cls, written: Json) -> Self:
        """The duration of a written value; ValueError when it is no duration, or not above zero."""
        duration = cls(seconds(written))
        if not duration > 0:
            message = f"must be more than 0, not {written!r}"
            raise ValueError(message)
        return duration


def seconds(written: Json) -> float:
    """The duration in seconds; ValueError when it is none."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return float(written)
    text = str(written).strip() if isinstance(written, str) else ""
    try:
        return float(text)
    except ValueError:
        pass
    total, position, pattern = 0.0, 0, re.compile(_PART)  # compiled here: most durations are numbers
    while position < len(text) and (part := pattern.match(text, position)):
        total, position = total + float(part[1]) * _SECONDS[part[2]], part.end()
    if not text or position < len(text):
        message = f"must be a number of seconds or text such as 1h30m, not {written!r}"
        raise ValueError(message)
    return total


class Texts(tuple[str, ...]):
    """Texts, in order; one text alone stands for a list of one."""

    __slots__ = ()

    @classmethod
    def read(cls, written: Json) -> Self:
        """The texts of a written value; ValueError when it is no text and no list of texts."""
        if isinstance(written, str):
            return cls((written,))
        if not isinstance(written, list):
            message = f"must be a list, not {written!r}"
            raise ValueError(message)  # noqa: TRY004 - what readers of fields raise
        for item in written:
            if not isinstance(item, str):
                message = f"must be a list of texts, not of {item!r}"
                raise ValueError(message)  # noqa: TRY004 - what readers of fields raise
        return cls(written)
