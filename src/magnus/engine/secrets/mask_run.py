"""What a run was started with, masked where it holds a secret that a step obtained later. Used when a run ends.

Results that contain a secret fail their step. Initial parameters are there before any secret is known, so all that can
be done is to mask them in the last record of the run, which is the one that people see, and to say so.
"""

from collections.abc import Callable, Mapping

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
    """The names of those that were masked."""
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
        "hand on the name of the secret, and obtain it where it is needed"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
