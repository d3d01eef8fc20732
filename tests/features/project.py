"""A folder of a user in which pipelines run on one executor, and short ways to write steps."""

import json
import os
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from engines import BY_NAME, Asked, Engine

from magnus.app.inspect.viewer import viewer
from magnus.graph.path import BranchPath

VOLUME = "volume"
"""The one folder of the project that all steps share, wherever they run."""


def stores(folder: Path, engine: Engine):
    """What all executors can share: in the volume, or where the column has its run logs and files."""
    return {"run_log_store": engine.run_log_store(folder), "catalog": engine.catalog(folder)}


class Project:
    """The working directory. `engine` is the executor of the column."""

    def __init__(self, folder: Path, engine: Engine):
        self.folder = folder
        self.engine = engine
        self.volume = folder / VOLUME
        self.volume.mkdir()
        self._numbers = count()

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, dag, *, succeeds=True, **more):
        """The run log of a pipeline that runs; see `start`."""
        log = self.start(dag, **more)
        assert (log["status"] == "SUCCESS") is succeeds, json.dumps(log["steps"], indent=1)
        return log

    def start(
        self,
        dag,
        *more,
        services=None,
        original="",
        on="",
        environment=None,
        secrets=None,
        in_processes=False,
        **parameters,
    ):
        """Run the pipeline, or the file of that name, `on` this or another executor; the run log of the run."""
        engine = BY_NAME[on] if on else self.engine
        if not isinstance(dag, str):
            self.write("p.yaml", json.dumps({"dag": dag}))
        named = tuple(secrets or ())
        written = {
            "executor": engine.configured(self.folder, named),
            **stores(self.folder, self.engine),
            **(services or {}),
        }
        self.write("configuration.yaml", json.dumps(written))
        arguments = [part for name, value in parameters.items() for part in (f"--{name}", text(value))]
        return engine.run(
            Asked(
                file=dag if isinstance(dag, str) else "p.yaml",
                configuration="configuration.yaml",
                run_id=f"run-{next(self._numbers)}",
                original=original,
                more=(*more, *arguments),
                environment=environment or {},
                secrets=secrets or {},
                in_processes=in_processes,
            )
        )

    @contextmanager
    def on_the_path(self):
        """Packages are found in the folder, by all processes."""
        before = os.environ.get("PYTHONPATH")
        with pytest.MonkeyPatch.context() as patch:
            patch.syspath_prepend(self.folder)
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(self.folder), before])))
            yield

    def kept(self, log, name: str) -> str:
        """The text of a file that steps of the run put."""
        [entry] = [entry for step in log["steps"].values() for entry in step["data_catalog"] if entry["name"] == name]
        with self._viewer() as opened, opened.catalog.open(name, entry["data_hash"], entry["size"]) as file:
            return file.read().decode()

    def output(self, log, step: str) -> str:
        """The kept output of a step."""
        with self._viewer() as opened, opened.logs.read_log(log["run_id"], BranchPath().step(step)) as file:
            return file.read().decode()

    def _viewer(self):
        return viewer("configuration.yaml", os.environ)


def text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def python(command, **more):
    return {"type": "task", "command": f"work.{command}", **more}


def shell(command, **more):
    return {"type": "task", "command_type": "shell", "command": command, **more}


def expression(code, **more):
    return {"type": "task", "command_type": "python-lambda", "command": code, **more}


def pipe(**steps):
    """The steps one after the other, those that say nothing else."""
    following = [*list(steps)[1:], "success"]
    terminals = {"success", "fail"}
    written = {
        name: step if step["type"] in terminals else {"next": after, **step}
        for (name, step), after in zip(steps.items(), following, strict=True)
    }
    return {"start_at": next(iter(steps)), "steps": written}


def parallel(**branches):
    return {"type": "parallel", "branches": branches}


def each(branch, over="xs", name="x", **more):
    return {"type": "map", "iterate_on": over, "iterate_as": name, "branch": branch, **more}


def inner(branch, **more):
    return {"type": "dag", "dag": branch, **more}


def chosen(parameter, default=None, **branches):
    more = {"default": default} if default else {}
    return {"type": "conditional", "parameter": parameter, "branches": branches, **more}


def loop(branch, rounds=2, **more):
    return {"type": "loop", "branch": branch, "max_iterations": rounds, **more}


def statuses(log):
    return {name: step["status"] for name, step in log["steps"].items()}


def attempts(step):
    return [attempt["status"] for attempt in step["attempts"]]
