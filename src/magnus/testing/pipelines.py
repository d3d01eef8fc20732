"""Pipelines in tests: run whole with some steps patched, or one step by itself with given inputs.

::

    from magnus.testing import run_pipeline, run_step

    def test_the_report(tmp_path):
        run = run_pipeline("pipeline.yaml", tmp_path, patches={"fetch": {"returns": {"rows": [1, 2]}}, "fit": fake_fit})
        assert run.steps["report"].status == "SUCCESS"

    def test_one_step(tmp_path):
        step = run_step(pipeline, "fit", tmp_path, parameters={"rows": [1, 2]})
        assert step.parameters["slope"] == 1

Both run in this process and its working directory; the run log and the catalog are in the folder that they get.
If a patch returns a value that is not JSON, or a parameter is one, it is stored and passed on as an object.
"""

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from magnus.app.inspect.run_object import Run, Step
from magnus.app.inspect.viewer import logs_of
from magnus.app.run.create_run import Quiet
from magnus.app.run.execute import execute
from magnus.app.run.load_pipeline import find_node_type, python_file
from magnus.app.run.mocks import objects_of
from magnus.app.run.pipeline_script import built_by
from magnus.app.run.prepare import prepare
from magnus.app.run.request import RunRequest
from magnus.definition.built_pipeline import METHOD, BuiltPipeline
from magnus.definition.loader import load, load_built
from magnus.definition.normal_form import written_steps
from magnus.definition.yaml_text import Document, read
from magnus.engine.values.json_values import to_json_value
from magnus.errors import InvalidDefinition, InvalidInput, TaskFailed
from magnus.graph.nodes import TaskNode
from magnus.suggest import near
from magnus.values import Json, UserObject

_SUPPLIED: Final = "the inputs of the step"

Pipeline: TypeAlias = "UserObject | str | Path"
"""A pipeline as an object, or the file of one."""

Patch: TypeAlias = Mapping[str, Json] | Callable[..., UserObject]
"""The replacement of a task: fields of one, `{"returns": ..., "files": ...}`, or a function to call in its place."""


def run_pipeline(
    pipeline: Pipeline,
    folder: Path | str,
    *,
    patches: Mapping[str, Patch] | None = None,
    parameters: Mapping[str, UserObject] | None = None,
) -> Run:
    """Run the pipeline with every task mocked except tasks with a patch; see the `mocked` executor.

    Returns the run, also when it failed. Raises InvalidInput when the pipeline or a patch is wrong.
    """
    built = _built(pipeline)
    functions = dict(built.functions)
    fields = {name: _written(name, patch, functions) for name, patch in (patches or {}).items()}
    built = BuiltPipeline(built.document, functions, wrong=built.wrong)
    try:
        json_parameters = {name: to_json_value(value, name=name) for name, value in (parameters or {}).items()}
    except TaskFailed as error:
        fix = "supply it by a patch of the step that makes it"
        raise InvalidInput(error.problems[0].message, fix=fix) from error
    return _run(built, Path(folder), {"type": "mocked", "config": {"patches": fields}}, json_parameters)


def run_step(
    pipeline: Pipeline,
    step: str,
    folder: Path | str,
    *,
    parameters: Mapping[str, UserObject] | None = None,
    files: Mapping[str, str] | None = None,
) -> Step:
    """Run one task of the pipeline by itself.

    Args:
        pipeline: where the task is.
        step: the names of the steps and branches around it and its own name, joined by `/`.
        folder: for the run log and the catalog.
        parameters: the parameters in its scope; values that are not JSON become objects.
        files: the content of the catalog, text by name; `get` brings it.

    Returns:
        The step as the run log has it, also when it failed. InvalidInput when there is no such task, or one of the
        files is in the working directory already, where `get` would overwrite it.
    """
    built = _built(pipeline)
    existing = [name for name in files or () if Path(name).exists()]
    if existing:
        fix = "change to an empty folder before, for example with monkeypatch.chdir(tmp_path)"
        raise InvalidInput(f"'{existing[0]}' is in the working directory, and would be overwritten", fix=fix)
    fields, name = _found(built, step), step.rpartition("/")[2]
    task = {key: value for key, value in fields.items() if key not in {"next", "on_failure"}}
    json_values, objects = _apart(parameters or {})
    supply_step = "inputs" if name != "inputs" else "the inputs"
    steps: dict[str, Json] = {name: {**task, "next": "success"}}
    functions = dict(built.functions)
    if files or objects:
        supplied = {
            "type": "task",
            "command": _SUPPLIED,
            "command_type": "supply",
            "files": dict(files or {}),
            "next": name,
        }
        steps = {supply_step: supplied, **steps}
        functions[_SUPPLIED] = lambda: objects
    document = Document(built.document.file, {"dag": {"start_at": next(iter(steps)), "steps": steps}}, {}, {})
    run = _run(BuiltPipeline(document, functions), Path(folder), {"type": "local"}, json_values)
    if name not in run.steps:
        raise InvalidInput(f"the inputs of '{step}' cannot be supplied: {run.message}")
    return run.steps[name]


def _built(pipeline: Pipeline) -> BuiltPipeline:
    """The pipeline of an object or a file, as if a program had built it."""
    if hasattr(type(pipeline), METHOD):
        return getattr(pipeline, METHOD)()  # type: ignore[no-any-return]  # it is what the method is for
    if not isinstance(pipeline, str | Path):
        message = f"a pipeline is an object or the file of one, not a value of type {type(pipeline).__name__}"
        raise InvalidInput(message, fix="hand in the pipeline, or the path of its file")
    path, name = python_file(str(pipeline))
    if path:
        return built_by(path, name, Path.cwd())
    load(str(pipeline), dict(os.environ), find_node_type)
    return BuiltPipeline(read(str(pipeline), InvalidDefinition, "the pipeline"), {})


def _written(name: str, patch: Patch, functions: dict[str, Callable[..., UserObject]]) -> Mapping[str, Json]:
    """The patch in the form of a configuration. Functions, also functions that return objects, are added to `functions`."""
    if callable(patch):
        functions[f"the patch of '{name}'"] = patch
        return {"command": f"the patch of '{name}'", "command_type": "python"}
    if not isinstance(patch, Mapping):
        message = f"the patch of '{name}' is a value of type {type(patch).__name__}"
        raise InvalidInput(message, fix="write a mapping, such as {'returns': {...}}, or a function")
    returns = patch.get("returns")
    if not isinstance(returns, Mapping):
        return dict(patch)
    json_values, objects = _apart(returns)
    if objects:
        functions[objects_of(name)] = lambda: objects
    return {**patch, "returns": json_values}


def _apart(values: Mapping[str, UserObject]) -> tuple[Mapping[str, Json], Mapping[str, UserObject]]:
    """The values that are JSON, and the values that are objects."""
    json_values: dict[str, Json] = {}
    objects: dict[str, UserObject] = {}
    for name, value in values.items():
        try:
            json_values[name] = to_json_value(value, name=name)
        except TaskFailed:
            objects[name] = value
    return json_values, objects


def _run(built: BuiltPipeline, folder: Path, executor: Json, parameters: Mapping[str, Json]) -> Run:
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "magnus-testing.json"
    services = {
        "executor": executor,
        "run_log_store": {"type": "file-system", "config": {"log_folder": str(folder / "run-log")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": str(folder / "catalog")}},
    }
    try:
        configuration.write_text(json.dumps(services), encoding="utf-8")
    except TypeError as error:
        fix = "objects can stand under 'returns' alone; a function can supply anything"
        raise InvalidInput(f"a patch holds a value that is not JSON: {error}", fix=fix) from error
    request = RunRequest(
        file=built.document.file,
        configuration_file=str(configuration),
        parameters=parameters,
        environment=dict(os.environ),
        built=built,
    )
    prepared = prepare(request, Quiet())
    record = execute(prepared, Quiet(), lambda _text: None)
    store, catalog, picklers = prepared.services.run_log_store, prepared.services.catalog, prepared.services.picklers
    logs = partial(logs_of, catalog, prepared.configuration.catalog)
    return Run(record, store, request.working_directory, logs, lambda: (catalog, picklers))


def _found(built: BuiltPipeline, step: str) -> Mapping[str, Json]:
    """The fields of a task, by its name and those around it."""
    loaded = load_built(built, dict(os.environ), find_node_type)
    names = {place.step for place in loaded.steps if isinstance(place.node, TaskNode)}
    written = written_steps(loaded.dag, file=loaded.file, included=loaded.included)
    tasks = {name: fields for name, fields in written if name in names}
    if step in tasks:
        return tasks[step]
    match = near(step, tasks)
    fix = f"did you mean '{match}'?" if match else f"the tasks are {', '.join(map(repr, tasks))}"
    raise InvalidInput(f"the pipeline has no task '{step}'", fix=fix)
