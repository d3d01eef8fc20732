"""The command line of a run as it may be kept: values that look like secrets are masked. Pure; called by `app`."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from magnus.engine.masking import MASK

_SECRET_NAME: Final = r"[\w.-]*(?:password|passwd|secret|token|key|credential)[\w.-]*"  # noqa: S105 - a pattern
_OPTION: Final = re.compile(rf"--?{_SECRET_NAME}", re.IGNORECASE)
_ASSIGNMENT: Final = re.compile(rf"((?:--?)?{_SECRET_NAME}=).*", re.IGNORECASE | re.DOTALL)
_WITHIN: Final = re.compile(
    rf"""({_SECRET_NAME}\\?["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,;&}}\]]+)""", re.IGNORECASE
)
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked(arguments: Sequence[str]) -> list[str]:
    """The arguments, without the value of what is named like a secret, in any of these forms.

    `--name value`, `--name=value`, `NAME=value`, `"name": value` in JSON, and the user in `scheme://user@host`.
    """
    return list(_masked(arguments))


def _masked(arguments: Sequence[str]) -> Iterator[str]:
    is_value = False
    for argument in arguments:
        if is_value:
            yield MASK
            is_value = False
            continue
        is_value = _OPTION.fullmatch(argument) is not None
        if found := _ASSIGNMENT.fullmatch(argument):
            yield found[1] + MASK
        else:
            yield _IN_ADDRESS.sub(MASK, _WITHIN.sub(rf"\g<1>{MASK}", argument))
