"""The task kind `notebook`: runs a notebook in a kernel, in processes of its own.

This process only hands over and takes back: `tasks.notebook_runner` is the process that runs the notebook,
`tasks.notebook_session` speaks to the kernel in it, and `tasks.notebook_kernel` reads results inside the kernel.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import replace

import magnus
from magnus.engine.exports import changed
from magnus.engine.process import TimedOut, describe_exit, run_process
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import KEPT, TaskCall, TaskOutcome
from magnus.run_log.parameters import LargeParameter, Parameter, handed, holds_objects, plain
from magnus.tasks import notebook_file
from magnus.tasks.notebook_results import results_of
from magnus.values import Json

if TYPE_CHECKING:
    from magnus.graph.facts import Description  # lazy: a run needs none of it

for _package in ("nbclient", "ipykernel"):
    if find_spec(_package) is None:
        raise ModuleNotFoundError(f"No module named '{_package}'", name=_package)

_ROOT: Final = str(Path(magnus.__file__).parent.parent)
_START: Final = "import sys; sys.path.append(sys.argv[1]); from magnus.tasks.notebook_runner import main; main()"
_LONGEST_PARENT_BYTES: Final = 50
"""Of the folder the private one is in: the name of a unix socket may have about a hundred bytes."""

OF_RUNNER: Final = frozenset(
    "allow_errors allow_error_names force_raise_errors skip_cells_with_tag timeout startup_timeout iopub_timeout "
    "raise_on_iopub_timeout interrupt_on_timeout record_timing store_widget_state".split()
)
"""Optional arguments that nbclient knows by these names."""
OF_PLOOMBER: Final = frozenset(("cwd", "log_output", "remove_tagged_cells", "kernel_name"))
"""Optional arguments that are done here."""


class NotebookOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the executed notebook goes, the tag of the cells that print results, and arguments of the runner.

    Attributes:
        notebook_output_path: where the executed notebook goes; `<name>_out.ipynb` where nothing is said.
        output_cell_tag: the tag of the cells that print results.
        optional_ploomber_args: arguments of the runner of notebooks.
    """

    notebook_output_path: str = ""
    output_cell_tag: str = "magnus_output"
    optional_ploomber_args: Mapping[str, Json] = field(default_factory=dict)


class NotebookTask:
    """Runs `path.ipynb` with the parameters as variables.

    Declared results are variables of the kernel; cells with the output tag print a dict of more. The executed notebook
    is written to the output path and kept in the catalog, also when a cell failed.
    """

    options = NotebookOptions
    isolates = True

    def problems(self, spec: TaskSpec, working_directory: Path) -> Sequence[Problem]:
        """A notebook that is not there or is none of python, options nobody reads."""
        try:
            options = convert(spec.options, NotebookOptions, strict=False)
        except ValidationError:  # said by whoever checks the options
            return ()
        found = [*notebook_file.problems(spec.command, working_directory)]
        found += notebook_file.output_problems(spec.command, options.notebook_output_path, working_directory)
        unused = sorted(options.optional_ploomber_args.keys() - OF_RUNNER - OF_PLOOMBER)
        if unused:
            names = ", ".join(f"'{name}'" for name in unused)
            message = f"optional_ploomber_args: {names} mean nothing to the runner of notebooks and are not used"
            fix = f"leave them out; there are {', '.join(sorted(OF_RUNNER | OF_PLOOMBER))}"
            found.append(Problem(message, fix, severity="warning"))
        return found

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """Their code cells, without what these printed, and what they use of modules below the working directory."""
        from magnus.tasks.code.cells import pieces_of_cells  # lazy: workers need none of it
        from magnus.tasks.code.reach import Locality  # lazy: likewise

        reach = Locality(working_directory)
        cells = [notebook_file.code_cells(working_directory / spec.command) for spec in specs]
        return [pieces_of_cells(spec.command, texts, reach) for spec, texts in zip(specs, cells, strict=True)]

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """What the notebook needs and sets, by the source of its cells; it is not run."""
        from magnus.graph.facts import UNKNOWN
        from magnus.tasks.described.notebooks import describe  # lazy: a run needs none of it

        del imports
        try:
            options = convert(spec.options, NotebookOptions, strict=False)
        except ValidationError:  # said by whoever checks the options
            return UNKNOWN
        output = notebook_file.output_path(spec.command, options.notebook_output_path)
        return describe(spec, working_directory, options.output_cell_tag, output)

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the notebook; a cell that fails, a kernel that dies and results that are missing are the failure."""
        wrong = [problem for problem in self.problems(call.spec, call.working_directory) if problem.severity == "error"]
        if wrong:
            raise TaskFailed(wrong[0].message, fix=wrong[0].fix)
        options = convert(call.spec.options, NotebookOptions, strict=False)
        given = {name: handed(parameter) for name, parameter in call.parameters.items()}
        with _private_folder(call) as folder:
            (folder / "request.json").write_text(json.dumps(_request(call, options)))
            try:
                failure = _run(call, folder)
            finally:
                output = notebook_file.output_path(call.spec.command, options.notebook_output_path)
                notebook_file.keep(folder / "executed.ipynb", output, call, kept=folder / KEPT)
            return _outcome(call, folder, given, failure)


def _request(call: TaskCall, options: NotebookOptions) -> Json:
    """What the runner reads."""
    args = dict(options.optional_ploomber_args)
    loaders = {name: loader for name, parameter in call.parameters.items() if (loader := _loader(parameter))}
    return {
        "notebook": str(call.working_directory / call.spec.command),
        "parameters": {name: plain(value) for name, value in call.parameters.items() if name not in loaders},
        "loaders": loaders,
        "returns": [{"name": item.name, "kind": item.kind} for item in call.spec.returns or ()],
        "output_cell_tag": options.output_cell_tag,
        "working_directory": str(call.working_directory / str(args.get("cwd") or "")),
        "kernel_name": args.get("kernel_name") or "",
        "remove_tagged_cells": args.get("remove_tagged_cells") or [],
        "shows_output": args.get("log_output", True) is not False,
        "client": {name: value for name, value in args.items() if name in OF_RUNNER},
        "root": _ROOT,
    }


def _loader(parameter: Parameter) -> str:
    """The function of magnus that gives the value inside the kernel; "" when it is written into the notebook."""
    if holds_objects(parameter):
        return "get_object"
    return "get_parameter" if isinstance(parameter, LargeParameter) else ""


def _run(call: TaskCall, folder: Path) -> str:
    """Run the runner to its end, with everything in its group; why that did not go well, "" when it did."""
    try:
        code = run_process(
            [sys.executable, "-P", "-c", _START, _ROOT, str(folder)],
            environment=call.environment,
            working_directory=call.working_directory,
            timeout=call.timeout,
            ends_all=True,
        )
    except TimedOut as error:
        return str(error)
    return f"the process that runs the notebook ended early: {describe_exit(code)}" if code else ""


def _outcome(call: TaskCall, folder: Path, given: Mapping[str, Json], failure: str) -> TaskOutcome:
    if failure:
        return TaskOutcome(given, failure=failure)
    told = json.loads((folder / "result.json").read_text())
    outcome = TaskOutcome(given, failure=told["failure"], exported=changed(told["exported"], call.environment))
    if outcome.failure:
        return outcome
    try:
        parameters, metrics = results_of(told["printed"], told["returned"], call.spec.returns or ())
    except TaskFailed as error:
        return replace(outcome, failure=str(error))
    return replace(outcome, parameters=parameters, metrics=metrics)


@contextmanager
def _private_folder(call: TaskCall) -> Iterator[Path]:
    """The private folder of the call, or one of our own where it has none."""
    if call.folder is not None:
        call.folder.mkdir(mode=0o700)
        yield call.folder
        return
    from tempfile import TemporaryDirectory, gettempdir  # lazy: steps of a run have a folder

    parent = gettempdir()
    short = len(os.fsencode(parent)) <= _LONGEST_PARENT_BYTES
    with TemporaryDirectory(prefix="magnus-", dir=parent if short else "/tmp") as folder:  # noqa: S108 - the name is made up by python
        yield Path(folder)
