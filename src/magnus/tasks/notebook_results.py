"""What an executed notebook sets: what its output cells printed, and its variables. Used by `tasks.notebook`."""

import ast
import json
from collections.abc import Mapping, Sequence

from magnus.engine.json_values import to_json_value
from magnus.errors import TaskFailed
from magnus.graph.nodes import Return
from magnus.run_log.parameters import JsonParameter, MetricParameter, Parameter
from magnus.tasks.text import shortened
from magnus.values import Json, UserObject


def results_of(
    printed: Sequence[Mapping[str, Json]], returned: Mapping[str, Json], returns: Sequence[Return]
) -> tuple[dict[str, Parameter], dict[str, Json]]:
    """The parameters and the metrics.

    Args:
        printed: of each output cell, its `cell` number and the `text` it printed, in order.
        returned: the values of the declared variables, as JSON values.
        returns: the declared results; they stand over what is printed. Objects among them were set by the kernel.

    Raises:
        TaskFailed: an output cell printed something that is not a dict.
    """
    parameters: dict[str, Parameter] = {}
    for cell in printed:
        for name, value in _dict(cell["text"], cell["cell"]).items():
            parameters[name] = JsonParameter(to_json_value(value, name=name))
    metrics = {item.name: returned[item.name] for item in returns if item.kind == "metric"}
    for item in returns:
        if item.kind == "object":
            parameters.pop(item.name, None)
            continue
        value = returned[item.name]
        parameters[item.name] = MetricParameter(value) if item.kind == "metric" else JsonParameter(value)
    return parameters, metrics


def _dict(text: str, cell: int) -> Mapping[str, UserObject]:
    """The dict that was printed, as python or as JSON writes it; nothing printed is an empty one."""
    if not text.strip():
        return {}
    value = _read(text.strip())
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TaskFailed(
            f"the output of cell {cell} is to be a dict with names as keys, and it is {shortened(text.strip())}; "
            "let the cell print the dict and nothing else, or declare returns"
        )
    return value


def _read(text: str) -> UserObject:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None
