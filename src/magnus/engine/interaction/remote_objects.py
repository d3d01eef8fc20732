"""Objects as processes that a task started reach them: loaded here, written here, kept by the process of the step.

Called by `magnus.interaction` with the function that asks the step.
"""

import base64
import os
from collections.abc import Callable
from pathlib import Path

from magnus.engine.files.objects import StepObjects
from magnus.engine.values import pickles
from magnus.run_log.parameters import from_json
from magnus.values import Json, UserObject

Ask = Callable[[str, Json], Json]


def get(ask: Ask, name: str) -> UserObject:
    """The object of this name."""
    answer = ask("get_object", {"name": name})
    return _objects(answer).loaded(from_json(answer["reference"]))


def put(ask: Ask, name: str, value: UserObject, *, is_result: bool = False) -> None:
    """Have the value kept as the object of this name; `is_result` says that the task declares it as a result."""
    answer = ask("begin_put_object", {})
    file = Path(answer["folder"], os.urandom(8).hex())
    with file.open("xb") as target:
        _objects(answer).write(name, value, target)
    ask("put_object", {"name": name, "file": file.name, "is_result": is_result})


def _objects(answer: Json) -> StepObjects:
    reach: StepObjects = pickles.loaded(base64.b64decode(answer["objects"]))
    return reach
