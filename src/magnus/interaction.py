"""The functions that user code calls while its step runs: in the task itself, its threads, and processes it starts.

In the process of the step a call goes to the running step; in another process, through the channel that the environment
names. Outside a step each function raises TaskFailed.
"""

import operator
import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from magnus.engine.interaction.current_step import CurrentStep, current_step
from magnus.errors import SecretsError, TaskFailed
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.app.run.interactive_session import SessionId  # lazy: importing magnus costs nothing

_NOTHING: UserObject = object()
"""The default of an argument that the caller left out."""


def get_parameter(key: str | None = None, cast_as: UserObject = None) -> UserObject:
    """The parameter `key`, or all of them by name.

    If no parameter has the name, a single parameter whose name differs by case alone is returned.

    Args:
        key: the name; None for all parameters.
        cast_as: a type, such as `Model`, `list[Model]` or `date | None`; the value is cast to it as an argument with this
            annotation. Without a name all parameters together are cast, to a model for example. An object stays the
            object itself. Any other callable is called with the value.

    Raises:
        TaskFailed: there is no such parameter, it cannot become that type, or no step runs.
    """
    if cast_as is None:
        return _ask("get_parameters", {}) if key is None else _ask("get_parameter", {"name": key})
    from magnus.tasks.functions.casting import cast_parameter, cast_parameters  # lazy: importing magnus costs nothing

    if key is None:
        parameter = _ask("get_written_parameters", {})
        return cast_parameters(cast_as, parameter["values"], parameter["texts"])
    parameter = _ask("get_written_parameter", {"name": key})
    if parameter["is_object"]:
        return get_object(key)
    return cast_parameter(key, cast_as, parameter["value"], parameter["text"])


def set_parameter(**values: UserObject) -> None:
    """Set parameters for the steps that follow, if this step succeeds.

    Raises:
        TaskFailed: a value cannot be serialised, or no step runs.
    """
    _ask("set_parameters", {name: _json(name, value) for name, value in values.items()})


def track_this(step: int | None = None, **metrics: UserObject) -> None:
    """Track metrics of this step; `step`, a whole number, numbers the measurements of one metric.

    Raises:
        TaskFailed: a value cannot be serialised, `step` is no whole number, or no step runs.
    """
    if step is not None:
        step = _whole_number(step)
    tracked = {name: _json(name, value, allow_nan=True) for name, value in metrics.items()}
    _ask("track", {"metrics": tracked, "step": step})


def get_secret(name: str = _NOTHING, *, secret_name: str = _NOTHING) -> str:
    """The secret `name`, listed under `secrets:` of the task or not; all output from now on masks it.

    `secret_name` is the name of the argument in the 2024 generation.

    Raises:
        SecretsError: the secrets provider does not have it.
        TaskFailed: no step runs.
    """
    name = _one_of("get_secret", name=name, secret_name=secret_name)
    answer = _ask("get_secret", {"name": name})
    if "error" in answer:
        raise SecretsError(answer["error"], fix=answer["fix"])
    return str(answer["value"])


def get_experiment_tracker_context() -> AbstractContextManager[UserObject]:
    """A context in which the tracker's own functions, such as `mlflow.log_figure`, concern the run of this step.

    It gives the tracker's object of the run; None if the tracker has no such object, or cannot be reached, which is a
    warning.

    Raises:
        TaskFailed: no step runs.
    """
    step = current_step()
    if step is not None:
        return step.tracking.context() if step.tracking else nullcontext()
    described = _ask("get_experiment_tracker", {})
    if described is None:
        return nullcontext()
    from magnus.app.reentry.tracker_context import context_elsewhere  # lazy: other processes alone need it

    return context_elsewhere(described, lambda reason: _ask("warn_of_experiment_tracker", {"reason": reason}))


def get_from_catalog(name: str, destination_folder: str = "") -> list[str]:
    """Bring the files that `name`, a glob, matches from the catalog, and return their paths.

    Args:
        name: as under `catalog: get`.
        destination_folder: the folder for the files, relative to the working directory; each keeps its name below it.

    Raises:
        TaskFailed: nothing matches, or no step runs.
        CatalogError: the catalog cannot bring them.
    """
    paths: list[str] = _ask("get_files", {"name": name, "destination": os.fspath(destination_folder)})
    return paths


def put_in_catalog(
    path: "str | os.PathLike[str]" = _NOTHING, *, filepath: "str | os.PathLike[str]" = _NOTHING
) -> list[str]:
    """Put the files that `path`, a glob relative to the working directory, matches into the catalog, and return their names.

    `filepath` is the name of the argument in the 2024 generation.

    Raises:
        TaskFailed: nothing matches, or no step runs.
        CatalogError: the catalog cannot store them.
    """
    names: list[str] = _ask("put_files", {"path": os.fspath(_one_of("put_in_catalog", path=path, filepath=filepath))})
    return names


def put_object(
    obj: UserObject = _NOTHING,
    name: str = "",
    *,
    format: str = "",  # noqa: A002 - the word that YAML has
    data: UserObject = _NOTHING,
) -> None:
    """Put an object into the catalog for `get_object(name)`, here and in the steps that follow.

    If no parameter has the name, one is set to the object, like a result declared as an object. A parameter of that name
    with a JSON value stays unchanged.

    Args:
        obj: the object.
        name: the name of the object.
        format: how it is written, as in `returns`: a type of pickler, such as `parquet`; the configured pickler by default.
        data: the name of the argument `obj` in the 2024 generation.

    Raises:
        InvalidConfiguration: there is no such format, or its package is not installed.
        TaskFailed: the format cannot hold it, or no step runs.
        CatalogError: the catalog cannot store it.
    """
    obj = _one_of("put_object", obj=obj, data=data)
    if not isinstance(name, str):
        raise TypeError(f"put_object() takes the object, then its name, which is text and no {type(name).__name__}")
    if not name:
        raise TypeError("put_object() needs 'name'")
    if not isinstance(format, str):
        raise TypeError(f"the format of put_object() is text, such as 'parquet', not {format!r}")
    step = current_step()
    if step is not None:
        return step.put_object(name, obj, format)
    from magnus.engine.interaction.step_data import put  # lazy: other processes alone need it

    return put(_ask, name, obj, form=format)


def get_object(name: str) -> UserObject:
    """The object of that name, loaded again: the object of the parameter `name`, or else the object of `put_object`.

    Raises:
        TaskFailed: there is no such object, or no step runs.
        CatalogError: its content is not there.
    """
    step = current_step()
    if step is not None:
        return step.get_object(name)
    from magnus.engine.interaction.step_data import get  # lazy: other processes alone need it

    return get(_ask, name)


def get_run_log() -> Json:
    """A copy of the run log document as it is now; TaskFailed if no step runs."""
    return _ask("get_run_log", {})


def start_interactive_session(
    run_id: str = "", config_file: str = "", tag: str = "", parameters_file: str = ""
) -> "SessionId":
    """Start a run for interactive work, such as in a notebook; the functions of this module work until its end.

    `with start_interactive_session():` ends the run, which fails if the block raises an exception.

    Args:
        run_id: the id of the run; one is made when none is given.
        config_file: services; by default the services of `magnus execute`.
        tag: a word to find the run by.
        parameters_file: initial parameters, YAML or JSON.

    Returns:
        The id of the run, as text that `with` understands.

    Raises:
        TaskFailed: a step or a session is in progress here.
        InvalidInput: an argument or a file is wrong.
    """
    from magnus.app.run.interactive_session import start  # lazy: importing magnus costs nothing

    return start(
        run_id, configuration_file=config_file, tag=tag, parameters_file=parameters_file, environment=dict(os.environ)
    )


def end_interactive_session() -> None:
    """Record the end of the session; TaskFailed when there is none."""
    from magnus.app.run.interactive_session import end  # lazy: importing magnus costs nothing

    end()


def get_run_id() -> str:
    """The id of the run the step belongs to; TaskFailed if no step runs."""
    return str(_ask("get_run", {})["run_id"])


def get_tag() -> str:
    """The tag of the run the step belongs to, or ""; TaskFailed if no step runs."""
    return str(_ask("get_run", {})["tag"])


def _whole_number(step: UserObject) -> int:
    try:
        return int(operator.index(step))
    except TypeError:
        raise TaskFailed(f"the step of a metric is to be a whole number, and is {step!r}") from None


def _one_of(function: str, **arguments: UserObject) -> UserObject:
    """The value of the one argument that the caller used, of several names for it; TypeError for none or several."""
    values = [value for value in arguments.values() if value is not _NOTHING]
    if len(values) != 1:
        first, *others = arguments
        either = " or ".join(f"'{name}'" for name in (first, *others))
        raise TypeError(f"{function}() needs {'one of ' if values else ''}{either}")
    return values[0]


def _ask(verb: str, arguments: Json) -> Json:
    step: CurrentStep | None = current_step()
    if step is not None:
        return step.answer(verb, arguments)
    from magnus.engine.interaction.channel import VARIABLE, ask  # lazy: other processes alone need it

    address = os.environ.get(VARIABLE)
    if not address:
        raise TaskFailed(
            "no step is running here; call this inside a task of a pipeline, or call start_interactive_session() before"
        )
    return ask(address, verb, arguments)


def _json(name: str, value: UserObject, *, allow_nan: bool = False) -> Json:
    from magnus.engine.values.json_values import to_json_value  # lazy: importing magnus costs nothing

    return to_json_value(value, name=name, allow_nan=allow_nan)
