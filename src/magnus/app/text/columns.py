"""The width of text in the columns of a terminal, and text cut to a width."""

from typing import Final

_VARIATION_SELECTOR: Final = "\ufe0f"


def width(text: str) -> int:
    """The number of columns the text takes; the larger one where terminals differ."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width  # lazy: most names are ASCII

    def columns(character: str) -> int:
        if character == _VARIATION_SELECTOR:
            return 1
        if category(character) in {"Mn", "Me", "Cf"}:
            return 0
        return 2 if east_asian_width(character) in {"W", "F"} else 1

    return sum(map(columns, text))


def clip(text: str, columns: int, ellipsis: str = "…") -> str:
    """The text, cut at its end where it would take more columns."""
    if width(text) <= columns:
        return text
    room = columns - len(ellipsis)
    if room < 0:
        return ""
    return prefix(text, room) + ellipsis


def prefix(text: str, columns: int) -> str:
    """The longest first part of the text that fits into the columns."""
    if text.isascii():
        return text[: max(columns, 0)]
    taken = 0
    for index, character in enumerate(text):
        taken += width(character)
        if taken > columns:
            return text[:index]
    return text
