"""Reads amounts of memory as users write them in options of executors, such as `512m`, `2Gi` and `1.5 TB`."""

import re
from typing import Final

from magnus.values import Json

_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([kmgt])i?b?|(b))?", re.IGNORECASE)
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}
MEBIBYTE: Final = 1024 * 1024


def memory_bytes(written: Json, *, number_bytes: int) -> float | None:
    """The bytes of the amount, or None if it is none. All units are powers of 1024, as container engines and Slurm have them.

    A number alone is in units of `number_bytes`: bytes in one place, MiB in another.
    """
    text = str(written) if isinstance(written, str | int) and not isinstance(written, bool) else ""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        return None
    number, prefix, byte = match.groups()
    unit = 1024.0 ** _POWERS[prefix.lower()] if prefix else 1.0 if byte else float(number_bytes)
    return float(number) * unit
