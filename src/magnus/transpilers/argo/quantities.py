"""Quantities as Kubernetes writes them (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/)."""

import re
from typing import Final

_QUANTITY: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([eE]\d+|[numkMGTPE]|[KMGTPE]i)?")
_FACTORS: Final = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "": 1.0,
    **{letter: 1000.0**power for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)},
}


def quantity(text: str) -> float:
    """What the text says, in processors, bytes or pieces; ValueError when it is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        message = f"'{text}' is no quantity such as 500m or 2Gi"
        raise ValueError(message)
    number, unit = match[1], match[2] or ""
    return (
        float(number + unit)
        if unit[:1] in {"e", "E"} and len(unit) > 1 and unit != "Ei"
        else float(number) * _FACTORS[unit]
    )
