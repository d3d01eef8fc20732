"""Reads the declared results inside the kernel. Run there by `tasks.notebook_session` when all cells are done."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from magnus.engine.json_values import to_json_value
from magnus.errors import TaskFailed
from magnus.values import Json, UserObject


def tell(variables: Mapping[str, UserObject], returns: Sequence[Mapping[str, str]], file: str) -> None:
    """Write the values of the declared results, or why they cannot be had, to the file."""
    Path(file).write_text(json.dumps(_told(variables, returns)))


def _told(variables: Mapping[str, UserObject], returns: Sequence[Mapping[str, str]]) -> Json:
    missing = [item["name"] for item in returns if item["name"] not in variables]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        return {
            "failure": f"the notebook has no variable {names}, declared in returns; assign it in a cell",
            "returned": {},
        }
    values = {}
    for item in returns:
        name = item["name"]
        try:
            values[name] = to_json_value(variables[name], name=name, allow_nan=item["kind"] == "metric")
        except TaskFailed as error:
            return {"failure": str(error), "returned": {}}
    return {"failure": "", "returned": values}
