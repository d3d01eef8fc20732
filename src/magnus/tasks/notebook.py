"""The task kind `notebook`: runs a notebook in a kernel, in processes of its own.

`notebooks.runner` is the process that runs the notebook, `notebooks.session` speaks to the kernel in it, and
`notebooks.kernel_results` reads results inside the kernel. This process writes the request and reads the results.
"""

import ast
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, ValidationError, convert, field
from msgspec.structs import replace

from magnus.engine.step.outcomes import changed_variables
from magnus.engine.values.json_values import to_json_value
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import KEPT, TaskCall, TaskInputs, TaskOutcome
from magnus.run_log.parameters import (
    JsonParameter,
    LargeParameter,
    MetricParameter,
    Parameter,
    argument_json,
    holds_objects,
    plain,
)
from magnus.system.child_process import TimedOut, describe_exit, run_process
from magnus.tasks.notebooks import file as notebook_file
from magnus.tasks.text import short_json
from magnus.values import Json, UserObject

if TYPE_CHECKING:
    from magnus.graph.dataflow.facts import Description  # lazy: a run needs none of it
    from magnus.tasks.source.dependencies import CodeDependencies  # lazy: as where it is used

for _package in ("nbclient", "ipykernel"):
    if find_spec(_package) is None:
        raise ModuleNotFoundError(f"No module named '{_package}'", name=_package)

_ROOT: Final = str(Path(__file__).parents[2])
_START: Final = "import sys; sys.path.append(sys.argv[1]); from magnus.tasks.notebooks.runner import main; main()"
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
        notebook_output_path: the path of the executed notebook; `<name>_out.ipynb` by default.
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
        """A missing notebook, a notebook of another language, a wrong output path, unknown options."""
        try:
            options = convert(spec.options, NotebookOptions, strict=False)
        except ValidationError:  # the check of the options reports it
            return ()
        mistakes = [*notebook_file.problems(spec.command, working_directory)]
        mistakes += notebook_file.output_problems(spec.command, options.notebook_output_path, working_directory)
        unused = sorted(options.optional_ploomber_args.keys() - OF_RUNNER - OF_PLOOMBER)
        if unused:
            names = ", ".join(f"'{name}'" for name in unused)
            message = f"optional_ploomber_args: {names} mean nothing to the runner of notebooks and are not used"
            fix = f"leave them out; there are {', '.join(sorted(OF_RUNNER | OF_PLOOMBER))}"
            mistakes.append(Problem(message, fix, severity="warning"))
        return mistakes

    def code(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[Mapping[str, str]]:
        """Their code cells, without what these printed, and what they use of modules below the working directory."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: likewise

        dependencies = CodeDependencies(working_directory)
        return [_pieces(spec.command, dependencies) for spec in specs]

    def inputs(self, specs: Sequence[TaskSpec], working_directory: Path) -> Sequence[TaskInputs]:
        """The code cells and what they use; a notebook may use every parameter."""
        from magnus.tasks.source.dependencies import CodeDependencies  # lazy: only steps that are cached need it

        dependencies = CodeDependencies(working_directory)
        return [_inputs(spec.command, dependencies) for spec in specs]

    def describe(self, spec: TaskSpec, working_directory: Path, *, imports: bool) -> "Description":
        """The needs and effects of the notebook, by the source of its cells; it is not run."""
        from magnus.graph.dataflow.facts import UNKNOWN
        from magnus.tasks.static.notebooks import describe  # lazy: a run needs none of it

        del imports
        try:
            options = convert(spec.options, NotebookOptions, strict=False)
        except ValidationError:  # the check of the options reports it
            return UNKNOWN
        output = notebook_file.output_path(spec.command, options.notebook_output_path)
        return describe(spec, working_directory, options.output_cell_tag, output)

    def write_parameters(self, call: TaskCall) -> Path:
        """Write the parameters into the notebook, for a person who opens it; returns its path."""
        import nbformat  # lazy: a process of its own runs notebooks

        from magnus.tasks.notebooks.cells import prepare

        parameters, loaders = parameters_of(call)
        file = call.working_directory / call.spec.command
        notebook, _ = prepare(str(file), parameters, (), loaders)
        nbformat.write(notebook, file)
        return file

    def run(self, call: TaskCall) -> TaskOutcome:
        """Run the notebook; a cell that fails, a kernel that dies and results that are missing are the failure."""
        wrong = [problem for problem in self.problems(call.spec, call.working_directory) if problem.severity == "error"]
        if wrong:
            raise TaskFailed(wrong[0].message, fix=wrong[0].fix)
        options = convert(call.spec.options, NotebookOptions, strict=False)
        arguments = {name: argument_json(parameter) for name, parameter in call.parameters.items()}
        with _private_folder(call) as folder:
            (folder / "request.json").write_text(json.dumps(_request(call, options)))
            try:
                failure = _run(call, folder)
            finally:
                output = notebook_file.output_path(call.spec.command, options.notebook_output_path)
                notebook_file.keep(folder / "executed.ipynb", output, call, kept=folder / KEPT)
            return _outcome(call, folder, arguments, failure)


def _pieces(command: str, dependencies: "CodeDependencies") -> Mapping[str, str]:
    from magnus.tasks.source.cells import pieces_of_cells  # lazy: workers need none of it

    file = os.path.join(dependencies.working_directory, command)  # noqa: PTH118 - texts, as dependencies note them
    dependencies.note(file)
    return pieces_of_cells(command, notebook_file.code_cells(Path(file)), dependencies)


def _inputs(command: str, dependencies: "CodeDependencies") -> TaskInputs:
    reach = dependencies.reach(partial(_pieces, command, dependencies))
    layout = notebook_file.layout(Path(dependencies.working_directory) / command)
    if not reach.pieces or layout is None:
        return TaskInputs({}, problem=f"'{command}' has no code that can be read")
    return TaskInputs(
        {**reach.pieces, f"{command}:cells": layout}, reach.statuses, any_file=reach.sees_files, problem=reach.problem
    )


def _request(call: TaskCall, options: NotebookOptions) -> Json:
    """The request that the runner reads."""
    args = dict(options.optional_ploomber_args)
    parameters, loaders = parameters_of(call)
    return {
        "notebook": str(call.working_directory / call.spec.command),
        "parameters": parameters,
        "loaders": loaders,
        "returns": [{"name": item.name, "kind": item.kind, "format": item.format} for item in call.spec.returns or ()],
        "output_cell_tag": options.output_cell_tag,
        "working_directory": str(call.working_directory / str(args.get("cwd") or "")),
        "kernel_name": args.get("kernel_name") or "",
        "remove_tagged_cells": args.get("remove_tagged_cells") or [],
        "shows_output": args.get("log_output", True) is not False,
        "client": {name: value for name, value in args.items() if name in OF_RUNNER},
        "root": _ROOT,
    }


def parameters_of(call: TaskCall) -> tuple[Mapping[str, Json], Mapping[str, str]]:
    """The parameters to write into the notebook, and for the others the function of magnus that loads them."""
    loaders = {name: loader for name, parameter in call.parameters.items() if (loader := _loader(parameter))}
    return {name: plain(value) for name, value in call.parameters.items() if name not in loaders}, loaders


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
    return f"the process that runs the notebook exited early: {describe_exit(code)}" if code else ""


def _outcome(call: TaskCall, folder: Path, arguments: Mapping[str, Json], failure: str) -> TaskOutcome:
    if failure:
        return TaskOutcome(arguments, failure=failure)
    result = json.loads((folder / "result.json").read_text())
    outcome = TaskOutcome(
        arguments, failure=result["failure"], exported=changed_variables(result["exported"], call.environment)
    )
    if outcome.failure:
        return outcome
    try:
        parameters, metrics = results_of(result["printed"], result["returned"], call.spec.returns or ())
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


def results_of(
    printed: Sequence[Mapping[str, Json]], returned: Mapping[str, Json], returns: Sequence[Return]
) -> tuple[dict[str, Parameter], dict[str, Json]]:
    """The parameters and the metrics.

    Args:
        printed: of each output cell, its `cell` number and the `text` it printed, in order.
        returned: the values of the declared variables, as JSON values.
        returns: the declared results; they stand over what is printed. Objects among them were set by the kernel.

    Raises:
        TaskFailed: an output cell printed something that is not a dict.
    """
    parameters: dict[str, Parameter] = {}
    for cell in printed:
        for name, value in _dict(cell["text"], cell["cell"]).items():
            parameters[name] = JsonParameter(to_json_value(value, name=name))
    metrics = {item.name: returned[item.name] for item in returns if item.kind == "metric"}
    for item in returns:
        if item.kind == "object":
            parameters.pop(item.name, None)
            continue
        value = returned[item.name]
        parameters[item.name] = MetricParameter(value) if item.kind == "metric" else JsonParameter(value)
    return parameters, metrics


def _dict(text: str, cell: int) -> Mapping[str, UserObject]:
    """The dict that was printed, as python or as JSON writes it; nothing printed is an empty one."""
    if not text.strip():
        return {}
    value = _read(text.strip())
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise TaskFailed(
            f"the output of cell {cell} is to be a dict with names as keys, and it is {short_json(text.strip())}; "
            "let the cell print the dict and nothing else, or declare returns"
        )
    return value


def _read(text: str) -> UserObject:
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None
