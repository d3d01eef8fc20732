"""Pipelines in tests: run whole with some steps patched, or one step by itself with given inputs.

::

    from magnus.testing import run_pipeline, run_step

    def test_the_report(tmp_path):
        run = run_pipeline("pipeline.yaml", tmp_path, patches={"fetch": {"returns": {"rows": [1, 2]}}, "fit": fake_fit})
        assert run.steps["report"].status == "SUCCESS"

    def test_one_step(tmp_path):
        step = run_step(pipeline, "fit", tmp_path, parameters={"rows": [1, 2]})
        assert step.parameters["slope"] == 1

Both run in this process and in the working directory it has; the run log and the catalog are in the folder they get.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

from magnus.app.execute import Execution, execute, prepare
from magnus.app.pipelines import built_pipeline
from magnus.app.reporters import Quiet
from magnus.app.runs import Run, Step
from magnus.definition.built import BuiltPipeline
from magnus.definition.yaml_text import Document
from magnus.engine.json_values import to_json_value
from magnus.errors import InvalidInput, TaskFailed
from magnus.graph.check import near
from magnus.values import Json, UserObject

Pipeline: TypeAlias = "UserObject | str | Path"
"""A pipeline as an object, or the file of one."""

Patch: TypeAlias = Mapping[str, Json] | Callable[..., UserObject]
"""What stands for a task: fields of one, `{"returns": ..., "files": ...}`, or a function to call in its place."""


def run_pipeline(
    pipeline: Pipeline,
    folder: Path,
    *,
    patches: Mapping[str, Patch] | None = None,
    parameters: Mapping[str, UserObject] | None = None,
) -> Run:
    """Run the pipeline with every task mocked but those that `patches` says something for; see the `mocked` executor.

    Returns the run, also when it failed. Raises InvalidInput when the pipeline or a patch is wrong.
    """
    built = built_pipeline(str(pipeline) if isinstance(pipeline, Path) else pipeline, dict(os.environ), Path.cwd())
    functions = {f"the patch of '{name}'": patch for name, patch in (patches or {}).items() if callable(patch)}
    written = {
        name: {"command": f"the patch of '{name}'", "command_type": "python"} if callable(patch) else dict(patch)
        for name, patch in (patches or {}).items()
    }
    built = BuiltPipeline(built.document, {**built.functions, **functions})
    return _run(built, folder, {"type": "mocked", "config": {"patches": written}}, parameters or {})


def run_step(
    pipeline: Pipeline,
    step: str,
    folder: Path,
    *,
    parameters: Mapping[str, UserObject] | None = None,
    files: Mapping[str, str] | None = None,
) -> Step:
    """Run one task of the pipeline by itself.

    Args:
        pipeline: where the task is.
        step: its name, with those of the steps and branches around it, joined by `/`.
        folder: for the run log and the catalog.
        parameters: what it sees.
        files: what the catalog holds, text by name; `get` brings it.

    Returns:
        The step as the run log has it, also when it failed. InvalidInput when there is no such task, or one of the
        files is in the working directory already, where `get` would overwrite it.
    """
    built = built_pipeline(str(pipeline) if isinstance(pipeline, Path) else pipeline, dict(os.environ), Path.cwd())
    there = [name for name in files or () if Path(name).exists()]
    if there:
        fix = "change to an empty folder before, for example with monkeypatch.chdir(tmp_path)"
        raise InvalidInput(f"'{there[0]}' is in the working directory, and would be overwritten", fix=fix)
    written, name = _found(built.document.value["dag"], step), step.rpartition("/")[2]
    task = {key: value for key, value in written.items() if key not in {"next", "on_failure"}}
    given = "given" if name != "given" else "what is given"
    steps: dict[str, Json] = {name: {**task, "next": "success"}}
    if files:
        supplied = {"type": "task", "command": "", "command_type": "supply", "files": dict(files), "next": name}
        steps = {given: supplied, **steps}
    document = Document(built.document.file, {"dag": {"start_at": next(iter(steps)), "steps": steps}}, {}, {})
    run = _run(BuiltPipeline(document, built.functions), folder, {"type": "local"}, parameters or {})
    return run.steps[name]


def _run(built: BuiltPipeline, folder: Path, executor: Json, parameters: Mapping[str, UserObject]) -> Run:
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
        fix = "supply an object by a function: patches={step: lambda: value}"
        raise InvalidInput(f"a patch holds a value that is not JSON: {error}", fix=fix) from error
    asked = Execution(
        file=built.document.file,
        configuration_file=str(configuration),
        parameters=_json(parameters),
        environment=dict(os.environ),
        built=built,
    )
    prepared = prepare(asked, Quiet())
    record = execute(prepared, Quiet(), lambda _text: None)
    return Run(record, prepared.services.run_log_store, asked.working_directory)


def _json(parameters: Mapping[str, UserObject]) -> Mapping[str, Json]:
    try:
        return {name: to_json_value(value, name=name) for name, value in parameters.items()}
    except TaskFailed as error:
        fix = "hand in what is JSON, or test the function itself"
        raise InvalidInput(error.problems[0].message, fix=fix) from error


def _found(dag: Json, step: str) -> Mapping[str, Json]:
    """The fields of a task, by its name and those around it."""
    known = dict(_tasks(dag, ""))
    if step in known:
        return known[step]
    match = near(step, known)
    fix = f"did you mean '{match}'?" if match else f"the tasks are {', '.join(map(repr, known))}"
    raise InvalidInput(f"the pipeline has no task '{step}'", fix=fix)


def _tasks(dag: Json, around: str) -> "list[tuple[str, Mapping[str, Json]]]":
    found: list[tuple[str, Mapping[str, Json]]] = []
    for name, step in dag["steps"].items():
        if step.get("type", "task") in {"task", "stub", "as-is"}:
            found.append((around + name, step))
        inner = [(f"{key}/", value) for key, value in (step.get("branches") or {}).items()]
        inner += [
            ("", step[key]) for key in ("branch", "dag", "default", "on_failure") if isinstance(step.get(key), dict)
        ]
        for key, pipeline in inner:
            found += _tasks(pipeline, f"{around}{name}/{key}")
    return found
