"""Masks what a run was started with: its command line at the start, its initial parameters when it ends.

Results that contain a secret fail their step. Initial parameters are there before any secret is known, so all that can
be done is to mask them in the last record of the run, which is the one that people see, and to say so.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from magnus.engine.secrets.masking import MASK, Masker
from magnus.run_log.parameters import JsonParameter, LargeParameter, Parameter, plain, shown
from magnus.run_log.records import RunRecord
from magnus.values import Json


def masked(record: RunRecord, masker: Masker, stored: Callable[[], RunRecord]) -> tuple[RunRecord, str]:
    """The record without secrets in its initial parameters and its command line, and a warning when there were some.

    `stored` reads the record, which says then what the catalog keeps.
    """
    if masker.forms is None:
        return record, ""
    config = dict(record.run_config)
    if "command_line" in config:
        config["command_line"] = masker.masked(config["command_line"])
    found = [name for name, parameter in record.parameters.items() if masker.contains(_texts(parameter))]
    before = stored().parameters if found else {}
    large = [name for name in found if isinstance(before.get(name), LargeParameter)]
    parameters = {
        name: JsonParameter(masker.masked(plain(parameter))) if name in found else parameter
        for name, parameter in record.parameters.items()
    }
    record = replace(record, parameters=parameters, run_config=config)
    return record, _warning(found, large) if found else ""


def masked_parameters(parameters: Mapping[str, Parameter]) -> list[str]:
    """The names of the parameters that were masked."""
    return [name for name, parameter in parameters.items() if _has_mask(shown(parameter))]


def _texts(parameter: Parameter) -> Json:
    return [plain(parameter), parameter.text if isinstance(parameter, JsonParameter) else None]


def _has_mask(value: Json) -> bool:
    match value:
        case str():
            return MASK in value
        case list():
            return any(_has_mask(element) for element in value)
        case dict():
            return any(_has_mask(part) for part in (*value, *value.values()))
        case _:
            return False


def _warning(names: list[str], large: list[str]) -> str:
    listed = _listed(names)
    what = f"the initial parameter {listed} holds" if len(names) == 1 else f"the initial parameters {listed} hold"
    kept = f"nor does the catalog, which keeps the value of {_listed(large)}; " if large else ""
    return (
        f"{what} a secret: what is shown of the run masks it, records and logs of steps that saw it do not; {kept}"
        "pass the name of the secret, and obtain it where it is needed"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)


_SECRET_WORD: Final = re.compile("password|passwd|secret|token|key|credential", re.IGNORECASE)
_NAME: Final = re.compile(r"[\w.-]+")
_NAMED: Final = re.compile(r"""(?<![\w.-])([\w.-]++)\\?["']?\s*+[:=]\s*+""")
_VALUE: Final = r""""(?:[^"\\]|\\.)*+"?|'[^']*+'?|[^\s,;&}\]]++"""
_IN_ADDRESS: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)")


def masked_command_line(arguments: Sequence[str]) -> list[str]:
    """The arguments, without the value of what is named like a secret, in any of these forms.

    `--name value`, `--name=value`, `NAME=value`, `"name": value` in JSON, and the user in `scheme://user@host`.
    """
    return list(_without_secrets(arguments))


def _without_secrets(arguments: Sequence[str]) -> Iterator[str]:
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
        if _SECRET_WORD.search(found[1]) and (value := re.match(_VALUE, argument[start:])):
            kept += (argument[done:start], MASK)
            done = start = start + value.end()
    return "".join((*kept, argument[done:]))
