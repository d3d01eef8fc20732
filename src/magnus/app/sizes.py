"""Sizes as people read them."""

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def size(number: float) -> str:
    """Bytes, such as `12 B` or `3.4 MB`."""
    for unit in _UNITS[:-1]:
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} {_UNITS[-1]}"
