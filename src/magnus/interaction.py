"""The functions that user code calls while its step runs: in the task itself, its threads, and processes it starts.

In the process of the step the call goes to the step in progress; in another one, through the channel that the
environment names. Outside a step each function says so.
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
"""Of an argument that was not given."""


def get_parameter(key: str | None = None, cast_as: UserObject = None) -> UserObject:
    """The parameter `key`, or all of them by name.

    A name that no parameter has stands for the only one that differs from it by case alone.

    Args:
        key: the name; None for all parameters.
        cast_as: a type, such as `Model`, `list[Model]` or `date | None`, that the value is cast to as the argument of a
            function is that has it as its annotation; without a name all parameters together are, to a model for one.
            An object is the object itself then. Anything else that can be called is called with the value.

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
    """Set parameters for the steps that follow; they count when this step succeeds.

    Raises:
        TaskFailed: a value cannot be serialised, or no step runs.
    """
    _ask("set_parameters", {name: _json(name, value) for name, value in values.items()})


def track_this(step: int | None = None, **metrics: UserObject) -> None:
    """Track metrics of this step; `step`, a whole number, counts measurements of the same name.

    Raises:
        TaskFailed: a value cannot be serialised, `step` is no whole number, or no step runs.
    """
    if step is not None:
        step = _whole_number(step)
    tracked = {name: _json(name, value, allow_nan=True) for name, value in metrics.items()}
    _ask("track", {"metrics": tracked, "step": step})


def get_secret(name: str = _NOTHING, *, secret_name: str = _NOTHING) -> str:
    """The secret `name`, which need not stand under `secrets:` of the task; it is masked in all output from now on.

    `secret_name` is another word for `name`, that of the 2024 generation.

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

    It gives the tracker's object of the run; None when the tracker has no such thing or cannot be reached, which is a
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
        destination_folder: where they go, relative to the working directory; each keeps its name below it.

    Raises:
        TaskFailed: nothing matches, or no step runs.
        CatalogError: the catalog cannot bring them.
    """
    paths: list[str] = _ask("get_files", {"name": name, "destination": os.fspath(destination_folder)})
    return paths


def put_in_catalog(
    path: "str | os.PathLike[str]" = _NOTHING, *, filepath: "str | os.PathLike[str]" = _NOTHING
) -> list[str]:
    """Keep the files that `path`, a glob relative to the working directory, matches in the catalog; their names.

    `filepath` is another word for `path`, that of the 2024 generation.

    Raises:
        TaskFailed: nothing matches, or no step runs.
        CatalogError: the catalog cannot keep them.
    """
    names: list[str] = _ask("put_files", {"path": os.fspath(_one_of("put_in_catalog", path=path, filepath=filepath))})
    return names


def put_object(obj: UserObject = _NOTHING, name: str = "", *, data: UserObject = _NOTHING) -> None:
    """Keep an object in the catalog for `get_object(name)`, here and in the steps that follow.

    Where no parameter has the name, one is set to the object, as a result declared as an object would be. A parameter
    of that name which is a value stays what it is. `data` is another word for `obj`, that of the 2024 generation.

    Raises:
        TaskFailed: it cannot be pickled, or no step runs.
        CatalogError: the catalog cannot keep it.
    """
    obj = _one_of("put_object", obj=obj, data=data)
    if not name:
        raise TypeError("put_object() needs 'name'")
    step = current_step()
    if step is not None:
        return step.put_object(name, obj)
    from magnus.engine.interaction.remote_objects import put  # lazy: other processes alone need it

    return put(_ask, name, obj)


def get_object(name: str) -> UserObject:
    """The object of that name, loaded anew: the one that the parameter `name` refers to, or else that of `put_object`.

    Raises:
        TaskFailed: there is no such object, or no step runs.
        CatalogError: its content is not there.
    """
    step = current_step()
    if step is not None:
        return step.get_object(name)
    from magnus.engine.interaction.remote_objects import get  # lazy: other processes alone need it

    return get(_ask, name)


def get_run_log() -> Json:
    """The run log document as it stands, a copy; TaskFailed when no step runs."""
    return _ask("get_run_log", {})


def start_interactive_session(
    run_id: str = "", config_file: str = "", tag: str = "", parameters_file: str = ""
) -> "SessionId":
    """Begin a run of what is done here by hand, in a notebook for one; the functions of this module work until its end.

    `with start_interactive_session():` ends it, as failed when an exception comes.

    Args:
        run_id: the id of the run; one is made when none is given.
        config_file: services; by default those of `magnus execute`.
        tag: a word to find the run by.
        parameters_file: initial parameters, YAML or JSON.

    Returns:
        The id of the run, as text that `with` understands.

    Raises:
        TaskFailed: a step or a session is in progress here.
        InvalidInput: something of what is given is wrong.
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
    """The id of the run the step belongs to; TaskFailed when no step runs."""
    return str(_ask("get_run", {})["run_id"])


def get_tag() -> str:
    """The tag of the run the step belongs to, "" when it has none; TaskFailed when no step runs."""
    return str(_ask("get_run", {})["tag"])


def _whole_number(step: UserObject) -> int:
    try:
        return int(operator.index(step))
    except TypeError:
        raise TaskFailed(f"the step of a metric is to be a whole number, and is {step!r}") from None


def _one_of(function: str, **arguments: UserObject) -> UserObject:
    """The one of the arguments, which are words for the same, that was given; TypeError for none or several."""
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
