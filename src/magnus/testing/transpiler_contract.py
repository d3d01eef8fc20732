"""The contract suite of transpilers: a transpiler proves itself by subclassing `TranspilerContract`.

::

    class TestMyTranspiler(TranspilerContract):
        configuration = {"type": "mine", "config": {"option": "value"}}

        def commands(self, files):
            return [...]  # the argvs of magnus in what was written

The transpiler has to be installed, or on the import path and `PYTHONPATH`. With
`pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar, Final

import pytest

from magnus.app.composition import executors
from magnus.app.composition.configuration import ServiceConfiguration, nowhere
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import engine_of, options_of
from magnus.errors import InvalidConfiguration, Problem
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.transpiler import TranspileResult
from magnus.testing.transpiler_pipelines import CHAIN, NAMES, SHAPES, around, named
from magnus.testing.transpiler_process import CONFIGURATION, PARAMETERS, request_of, transpiled, transpiler_of
from magnus.values import Json

__all__ = ["TranspilerContract"]

_WRONG_KINDS: Final[tuple[Json, ...]] = ({"no": {"such": "thing"}}, [["nothing"]], 17, True, "text")

_LONGEST_SECONDS = 1000
"""A safety net against hangs."""


class TranspilerContract:
    """Subclass it with a name that begins with `Test`.

    Attributes:
        configuration: how to get the transpiler, with options that are right.
        refused: a pipeline, as under `dag:`, that the engine cannot take; None where none of this suite's is needed.
    """

    configuration: ClassVar[Mapping[str, Json]]
    refused: ClassVar[Json | None] = None

    def services(self, folder: Path) -> Mapping[str, Json]:
        """The configuration file: the transpiler, and the services it needs, for a project in the folder."""
        del folder
        return {"executor": dict(self.configuration)}

    def commands(self, files: Mapping[str, str]) -> Sequence[Sequence[str]]:
        """The command lines of magnus in the files, without the program; paths of steps as processes get them."""
        raise NotImplementedError

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The working directory: a project with the pipelines, as `<name>.yaml`, and the configuration."""
        monkeypatch.chdir(tmp_path)
        for name, pipeline in self._pipelines().items():
            (tmp_path / f"{name}.yaml").write_text(json.dumps({"dag": pipeline}, indent=1, ensure_ascii=False))
        (tmp_path / CONFIGURATION).write_text(json.dumps(self.services(tmp_path), indent=1))
        return tmp_path

    def test_it_declares_its_capabilities(self, folder: Path) -> None:
        declared = executors.executor_capabilities(load_configuration(CONFIGURATION, {}, folder))
        assert isinstance(declared, ExecutorCapabilities)
        assert declared.reenters, "the processes of another engine are re-entry commands"
        assert declared.runs_on >= Locality.HOST, "the processes of another engine are others than this one"

    def test_a_chain_is_transpiled(self, folder: Path) -> None:
        problems, result = transpiled(transpiler_of(folder), request_of(f"{CHAIN}.yaml", folder))
        assert not _errors(problems)
        assert result is not None
        assert result.files

    @pytest.mark.parametrize("shape", SHAPES)
    def test_every_shape_is_transpiled_or_refused_with_place_and_fix(self, folder: Path, shape: str) -> None:
        before = _content(folder)
        problems, result = transpiled(transpiler_of(folder), request_of(f"{shape}.yaml", folder))
        _assert_answered(problems, result)
        assert _content(folder) == before, "files are written by magnus, and not by the transpiler"

    def test_files_are_named_relative_to_the_project(self, folder: Path) -> None:
        result = _transpiled(folder)
        assert result
        for name in {name for each in result for name in each.files}:
            assert not PurePosixPath(name).is_absolute(), name
            assert ".." not in PurePosixPath(name).parts, name
            assert name not in {CONFIGURATION, *(f"{shape}.yaml" for shape in SHAPES)}, (
                f"'{name}' is a file of the user"
            )

    def test_it_is_pure_and_the_same_input_gives_the_same_bytes(self, folder: Path) -> None:
        """In two processes that differ in everything they could look at; each transpiles twice, and is watched once."""
        files = sorted(file.name for file in folder.glob("*.yaml") if file.name != CONFIGURATION)
        first = json.loads(_child(folder, *files, seed="1", HOME="/nowhere", USER="ada", TZ="UTC", LANG="C"))
        second = json.loads(_child(folder, *files, seed="2", HOME="/tmp", USER="bob", TZ="Asia/Tokyo", ODD="odd"))
        touched = {file: outcome["touched"] for file, outcome in first.items() if outcome["touched"]}
        assert not touched, touched
        assert first == second

    def test_what_is_refused_is_refused_before_a_file_is_written(self, folder: Path) -> None:
        refused = [name for name in self._pipelines() if _written(folder, name) is None]
        if not refused and self.refused is None:
            pytest.skip("the transpiler takes every pipeline of this suite")
        assert refused, "it takes the pipeline `refused`"
        _assert_answered(*transpiled(transpiler_of(folder), request_of(f"{refused[0]}.yaml", folder)))
        before = _content(folder)
        command = [sys.executable, "-m", "magnus", "execute", f"{refused[0]}.yaml", "-c", CONFIGURATION, *_arguments()]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS
        )
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert "\n  fix: " in done.stderr
        assert f"{refused[0]}.yaml:" in done.stderr or f"{CONFIGURATION}:" in done.stderr
        assert _content(folder) == before

    def test_magnus_writes_what_the_transpiler_gives(self, folder: Path) -> None:
        before = _content(folder)
        command = [sys.executable, "-m", "magnus", "execute", f"{CHAIN}.yaml", "-c", CONFIGURATION, *_arguments()]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_LONGEST_SECONDS
        )
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
        result = {name: text for name, text in _content(folder).items() if before.get(name) != text}
        again = transpiler_of(folder).transpile(request_of(f"{CHAIN}.yaml", folder))
        assert set(result) == set(again.files)
        assert all(f"written: {name}\n" in done.stderr for name in again.files)

    def test_a_misspelt_option_is_refused_with_the_one_that_is_meant(self, folder: Path) -> None:
        for name in _options(folder):
            if len(name) > 3:
                [problem] = self._refused({name[:-2] + name[-1]: "value"}, of=name[:-2] + name[-1])
                assert problem.fix == f"did you mean '{name}'?"

    def test_options_of_wrong_kinds_are_refused_by_name(self, folder: Path) -> None:
        names = _options(folder)
        refused = {name: [p for wrong in _WRONG_KINDS for p in self._refused({name: wrong}, of=name)] for name in names}
        assert any(refused.values()) or not names
        for name, problems in refused.items():
            assert all(name in problem.message and problem.fix for problem in problems), name

    def _pipelines(self) -> Mapping[str, Json]:
        """Every pipeline of the suite, by the name of its file."""
        own = {} if self.refused is None else {"refused": self.refused}
        return {**SHAPES, **{f"name{number}": named(name) for number, name in enumerate(NAMES)}, **own}

    def _refused(self, options: Mapping[str, Json], *, of: str) -> list[Problem]:
        """The mistake in the option `of` when these are among the options."""
        options_with_it = {**(self.configuration.get("config") or {}), **options}
        configured = ServiceConfiguration(str(self.configuration["type"]), options_with_it, nowhere)
        try:
            options_of("executor", _class(configured), configured)
        except InvalidConfiguration as error:
            return [problem for problem in error.problems if of in problem.message]
        return []

    def test_every_command_in_what_is_written_is_one_of_magnus(self, folder: Path) -> None:
        argvs = [list(argv) for commands in _transpiled(folder) for argv in self.commands(commands.files)]
        assert argvs, "a pipeline is run by re-entry commands; `commands` finds them"
        wrong = [(argv, read["wrong"]) for argv, read in zip(argvs, _read(folder, argvs), strict=True) if read["wrong"]]
        assert wrong == []

    def test_every_step_of_a_chain_and_of_parallel_branches_is_run(self, folder: Path) -> None:
        for shape in (CHAIN, "parallel", "nested"):
            request = request_of(f"{shape}.yaml", folder)
            _, result = transpiled(transpiler_of(folder), request)
            if result is not None:
                steps = self._steps(folder, result)
                assert {str(path) for path in _paths(request.graph)} <= steps, shape

    def test_names_of_steps_survive(self, folder: Path) -> None:
        """A name is refused by name, or the process of its step gets the path of exactly this step."""
        for number, name in enumerate(NAMES):
            problems, result = transpiled(transpiler_of(folder), request_of(f"name{number}.yaml", folder))
            _assert_answered(problems, result)
            if result is None:
                assert any(name in (problem.step, *problem.message.split("'")) for problem in _errors(problems)), name
            else:
                assert {StepPath((name,)), *around(name)} <= {
                    StepPath.parse(step) for step in self._steps(folder, result)
                }, name

    def _steps(self, folder: Path, written: TranspileResult) -> set[str]:
        """The steps that commands in what is written run, as magnus reads them: with `--then` the next steps too."""
        argvs = [list(argv) for argv in self.commands(written.files)]
        steps = set[str]()
        for read in _read(folder, argvs):
            if not read["wrong"] and read["step"]:
                path = StepPath.parse(read["step"])
                then = (path.branch.step(StepPath.parse(name).name) for name in read.get("then", ()))
                steps |= {str(step) for step in (path, *then)}
        return steps


def _assert_answered(problems: Sequence[Problem], result: TranspileResult | None) -> None:
    """Either files, or errors that say where and what to do."""
    errors = _errors(problems)
    assert (result is None) == bool(errors), (
        "`transpile` succeeds if, and only if, there are no errors among `problems`"
    )
    for problem in errors:
        assert problem.message
        assert problem.fix, problem
        assert problem.location is not None, problem
        assert problem.location.line, problem
    if result is not None:
        assert result.files
        assert all(command.purpose and command.argv for command in result.next_commands)
        assert all(isinstance(text, str) for text in result.files.values())


def _errors(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


def _written(folder: Path, name: str) -> TranspileResult | None:
    """The result for the pipeline; None if the transpiler refuses it."""
    return transpiled(transpiler_of(folder), request_of(f"{name}.yaml", folder))[1]


def _transpiled(folder: Path) -> list[TranspileResult]:
    """The results for the shapes that the transpiler does not refuse."""
    return [results for shape in SHAPES if (results := _written(folder, shape)) is not None]


def _class(configured: ServiceConfiguration) -> type:
    transpiler_class: type = engine_of(configured)[1]
    return transpiler_class


def _options(folder: Path) -> list[str]:
    """The names of the options of the transpiler."""
    options = _class(load_configuration(CONFIGURATION, {}, folder).executor).options  # type: ignore[attr-defined]
    return [*getattr(options, "model_fields", ()), *getattr(options, "__struct_encode_fields__", ())]


def _paths(graph: Graph, branch: BranchPath | None = None) -> Iterator[StepPath]:
    """The steps of the pipeline and of its static branches."""
    branch = branch or BranchPath()
    for node in graph.nodes.values():
        yield branch.step(node.name)
        match node:
            case CompositeNode(branches=StaticBranches(graphs=graphs)):
                for key, inner in graphs.items():
                    yield from _paths(inner, branch.step(node.name).into(key))
            case _:
                pass


def _content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def _arguments() -> list[str]:
    return [text for name, value in PARAMETERS.items() for text in (f"--{name}", json.dumps(value))]


def _read(folder: Path, argvs: Sequence[Sequence[str]]) -> list[Json]:
    """The options that the command line of magnus reads from the command lines."""
    answers: list[Json] = json.loads(_child(folder, "--commands", given=json.dumps(argvs)))
    return answers


def _child(folder: Path, *arguments: str, seed: str = "0", given: str = "", **environment: str) -> str:
    command = [sys.executable, "-m", "magnus.testing.transpiler_process", *arguments]
    variables = {**os.environ, "PYTHONHASHSEED": seed, **environment}
    done = subprocess.run(
        command,
        cwd=folder,
        env=variables,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
