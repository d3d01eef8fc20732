"""Reads the declared results inside the kernel. Run there by `tasks.notebooks.session` when all cells are done."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from magnus.engine.values.json_values import to_json_value
from magnus.errors import MagnusError, TaskFailed
from magnus.values import Json, UserObject


def write_results(variables: Mapping[str, UserObject], returns: Sequence[Mapping[str, str]], file: str) -> None:
    """Write the values of the declared results, or why they cannot be had, to the file."""
    Path(file).write_text(json.dumps(_results(variables, returns)))


def _results(variables: Mapping[str, UserObject], returns: Sequence[Mapping[str, str]]) -> Json:
    missing = [item["name"] for item in returns if item["name"] not in variables]
    if missing:
        names = ", ".join(f"'{name}'" for name in missing)
        return {
            "failure": f"the notebook has no variable {names}, declared in returns; assign it in a cell",
            "returned": {},
        }
    values = {}
    try:
        for item in returns:
            if item["kind"] != "object":
                name, is_metric = item["name"], item["kind"] == "metric"
                values[name] = to_json_value(variables[name], name=name, allow_nan=is_metric)
        for item in returns:
            if item["kind"] == "object":
                _put_object(item["name"], variables[item["name"]], item["format"])
    except MagnusError as error:
        return {"failure": str(error), "returned": {}}
    return {"failure": "", "returned": values}


def _put_object(name: str, value: UserObject, form: str) -> None:
    """Have the step keep the value, as any process of a task would."""
    from magnus.engine.interaction.channel import VARIABLE, ask  # lazy: few notebooks return objects
    from magnus.engine.interaction.step_data import put  # lazy: as above

    if type(value).__module__ == "__main__":
        kind = type(value).__qualname__
        raise TaskFailed(
            f"'{name}' is a {kind}, a class of the notebook, which no other step knows; put it in a module"
        )
    address = os.environ.get(VARIABLE)
    if not address:
        raise TaskFailed(f"'{name}' is declared as an object, and there is no step to keep it")
    put(partial(ask, address), name, value, form=form, is_result=True)
