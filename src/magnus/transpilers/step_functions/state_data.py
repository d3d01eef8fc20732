"""The state data: the run, the branch, and texts of the user. It does not grow with the data of the pipeline.

The state data is `{run_id, workflow, original_run_id, branch, texts, parameters}`; inside branches the original run and the
parameters are left out, since only a first process reads them. `started` has the numbers of branches to run.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.reentry import encode_name
from magnus.transpilers.step_functions.intrinsics import Expression, formatted, merged
from magnus.values import Json

RUN_ID: Final = Expression("$.run_id")
WORKFLOW: Final = Expression("$.workflow")
ORIGINAL_RUN_ID: Final = Expression("$.original_run_id")
STARTED: Final = "$.started"
NUMBERS: Final = "$.started.numbers"
FIRST_NUMBER: Final = Expression("$.started.numbers[0]")
_BRANCH: Final = Expression("$.branch")
_ITEM: Final = Expression("$$.Map.Item.Value")
_TEXTS: Final = ("definition_file", "configuration_file", "parameters_file", "tag", "log_level")


def parameter(name: str) -> Expression:
    """The value of an initial parameter."""
    return Expression(f"$.parameters.{name}")


def with_texts_as_data(request: TranspileRequest) -> TranspileRequest:
    """The request whose texts are expressions, so that commands take them from the state data."""
    return replace(request, **{name: Expression(f"$.texts.{name}") for name in _TEXTS if getattr(request, name)})


def texts(request: TranspileRequest) -> dict[str, Json]:
    """The texts of the user that commands take from the state data."""
    return {name: str(getattr(request, name)) for name in _TEXTS if getattr(request, name)}


def step_path(name: str, *, is_root: bool) -> str | Expression:
    """The path of the step in the (sub)pipeline of the state."""
    return encode_name(name) if is_root else formatted(f"{{}}{encode_name(name)}", _BRANCH)


def branch_data(name: str, key: str | Expression, *, is_root: bool) -> dict[str, Json]:
    """The state data of a branch of the step; `key` is its key or its number."""
    start, values = encode_name(name), [] if is_root else [_BRANCH]
    before = start if is_root else f"{{}}{start}"
    if isinstance(key, Expression):
        branch: dict[str, Json] = {"branch.$": formatted(f"{before}/{{}}/", *values, key)}
    else:
        path = f"{before}/{encode_name(key)}/"
        branch = {"branch": path} if is_root else {"branch.$": formatted(path, *values)}
    return {"run_id.$": RUN_ID, "workflow.$": WORKFLOW, **branch, "texts.$": "$.texts"}


def element_data(name: str, *, is_root: bool) -> dict[str, Json]:
    """The state data of a branch of a map."""
    return branch_data(name, _ITEM, is_root=is_root)


def number_text() -> Expression:
    """The number of the iteration to join, as a text, which arguments of commands have to be."""
    return formatted("{}", FIRST_NUMBER)


def start_states(request: TranspileRequest, parameters: Mapping[str, Json], following: str) -> dict[str, Json]:
    """The states that make the state data of the input of the execution, by name; `parameters` are the exposed ones.

    The input may have `original_run_id` and `parameters`.
    """
    defaults: dict[str, Json] = {
        "input": {"original_run_id": request.original_run_id, "parameters": {}},
        "parameters": dict(parameters),
        "texts": texts(request),
    }
    names = START_STATES
    return {
        names[0]: {"Type": "Pass", "Result": defaults, "ResultPath": "$.magnus", "Next": names[1]},
        names[1]: {
            "Type": "Pass",
            "Parameters": {
                "input.$": merged(Expression("$.magnus.input"), Expression("$")),
                "parameters.$": "$.magnus.parameters",
                "texts.$": "$.magnus.texts",
            },
            "Next": names[2],
        },
        names[2]: {
            "Type": "Pass",
            "Parameters": {
                "run_id.$": "$$.Execution.Name",
                "workflow.$": "$$.Execution.Id",
                "original_run_id.$": "$.input.original_run_id",
                "parameters.$": merged(Expression("$.parameters"), Expression("$.input.parameters")),
                "texts.$": "$.texts",
            },
            "Next": following,
        },
    }


START_STATES: Final = ("magnus: defaults", "magnus: input", "magnus: run")
"""No name of a step becomes one of these: the colon is replaced there."""
