"""The command line of a run as it may be kept: values that look like secrets are masked. Pure; called by `app`."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from magnus.engine.secrets.masking import MASK

_SECRET_WORD: Final = re.compile("password|passwd|secret|token|key|credential", re.IGNORECASE)
_NAME: Final = re.compile(r"[\w.-]+")
_NAMED: Final = re.compile(r"""(?<![\w.-])([\w.-]++)\\?["']?\s*+[:=]\s*+""")
_VALUE: Final = re.compile(r""""(?:[^"\\]|\\.)*+"?|'[^']*+'?|[^\s,;&}\]]++""")
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
        is_value = argument.startswith("-") and _says_secret(argument)
        name, equals, _ = argument.partition("=")
        if equals and _says_secret(name):
            yield f"{name}={MASK}"
        else:
            yield _IN_ADDRESS.sub(MASK, _within(argument))


def _says_secret(name: str) -> bool:
    """Whether it is a name, and that of a secret."""
    return _NAME.fullmatch(name) is not None and _SECRET_WORD.search(name) is not None


def _within(argument: str) -> str:
    """The argument with the values masked that stand behind names of secrets."""
    kept: list[str] = []
    done = start = 0
    while found := _NAMED.search(argument, start):
        start = found.end()
        if _SECRET_WORD.search(found[1]) and (value := _VALUE.match(argument, start)):
            kept += (argument[done:start], MASK)
            done = start = value.end()
    return "".join((*kept, argument[done:]))
