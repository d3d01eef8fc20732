"""Checks the steps of a pipeline before anything runs: kinds, options, overrides of the executor, and what they call."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.app.composition import services
from magnus.app.composition.configuration import Configuration
from magnus.definition import fields
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.nodes.task import TASK_FIELDS
from magnus.definition.wrong_fields import WrongFields
from magnus.engine.step.run_step import SET_BY_MAGNUS
from magnus.engine.user_code.imports import hidden_modules
from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.errors import InvalidConfiguration, InvalidDefinition, Problem, TaskFailed, in_order
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.suggest import near

_COMMAND_TYPES: Final = {"bash": "shell", "sh": "shell", "py": "python", "function": "python", "jupyter": "notebook"}
"""Words that are no command types, with the command type that the user probably meant."""

_VARIABLE: Final = r"[A-Za-z_][A-Za-z0-9_]*\Z"


def check_steps(steps: Sequence[StepPlace], working_directory: Path, spread: ExecutorCapabilities) -> list[Problem]:
    """The warnings about the steps; imports and runs no code of the user.

    `spread` says how far the executor spreads them.
    Raises InvalidDefinition with everything that is wrong with them.
    """
    problems = step_problems(steps, working_directory, spread)
    if any(problem.severity == "error" for problem in problems):
        raise InvalidDefinition.of(in_order(problems))
    return problems


def step_problems(steps: Sequence[StepPlace], working_directory: Path, spread: ExecutorCapabilities) -> list[Problem]:
    """The errors and warnings about the steps; imports and runs no code of the user."""
    problems = [problem for step in steps for problem in _problems(step, working_directory)]
    if not any(problem.severity == "error" for problem in problems):
        problems += hidden_modules(working_directory)
    return problems + [problem for step in steps for problem in _bound_to_this_process(step, spread)]


def _problems(step: StepPlace, working_directory: Path) -> Iterator[Problem]:
    match step.node:
        case TaskNode() as task:
            yield from _of_task(task, step, working_directory)
        case CompositeNode(branches=MappedBranches(reducer=str(reducer), function=None)):
            yield from _of_reducer(reducer, step, working_directory)
        case CompositeNode() as composite:
            yield from _conflicts(composite, step)


def _of_task(node: TaskNode, step: StepPlace, working_directory: Path) -> Iterator[Problem]:
    try:
        kind = services.task_kind(node.task.kind)
    except InvalidConfiguration as error:
        [problem] = error.problems
        suggestion = _COMMAND_TYPES.get(node.task.kind.lower())
        fix = f"did you mean '{suggestion}'?" if suggestion else problem.fix
        yield Problem(problem.message, fix, step.locate("command_type"), step.step)
        return
    try:
        fields.read(kind.options, node.task.options, more_fields=TASK_FIELDS)
    except WrongFields as error:
        yield from error.problems(step.locate, step=step.step)
    if node.catalog.get or node.catalog.put:
        yield from _of_catalog(node, step)
    yield from _of_secrets(node, step)
    yield from _of_formats(node, step)
    for problem in kind.problems(node.task, working_directory):
        yield replace(problem, location=step.locate("command"), step=step.step)


def _of_catalog(node: TaskNode, step: StepPlace) -> Iterator[Problem]:
    """Globs that would lead out of the data folder, or mean nothing."""
    from magnus.engine.files.match_files import Globs  # lazy: most tasks have no files

    for stage, patterns in (("get", node.catalog.get), ("put", node.catalog.put)):
        for number, pattern in enumerate(patterns):
            try:
                Globs.of((pattern,))
            except TaskFailed as error:
                place = step.locate("catalog", stage, number)
                yield Problem(str(error), f"correct the glob under '{stage}'", place, step.step)


def _of_formats(node: TaskNode, step: StepPlace) -> Iterator[Problem]:
    """Formats of results that no pickler has, or whose package is not installed."""
    for number, item in enumerate(node.task.returns or ()):
        if item.format:
            from magnus.app.composition.picklers import of_type  # lazy: few results name a format

            try:
                of_type(item.format)
            except InvalidConfiguration as error:
                [problem] = error.problems
                yield replace(problem, location=step.locate("returns", number, "format"), step=step.step)


def _of_secrets(node: TaskNode, step: StepPlace) -> Iterator[Problem]:
    """Names of secrets that cannot be environment variables, or that are variables set by magnus."""
    for number, name in enumerate(node.secrets):
        if not re.match(_VARIABLE, name):
            message = f"the secret '{name}' cannot be an environment variable; a name has letters, digits and '_' alone"
        elif name.startswith(VARIABLE_PREFIX) or name in SET_BY_MAGNUS:
            message = f"the secret '{name}' has the name of a variable that magnus sets itself"
        else:
            continue
        fix = f"take it out of 'secrets:' and call get_secret({name!r}) in the task, or give it another name"
        yield Problem(message, fix, step.locate("secrets", number), step.step)


def _bound_to_this_process(step: StepPlace, spread: ExecutorCapabilities) -> Iterator[Problem]:
    """Functions that another process would have to import and cannot, unless they can be sent to it."""
    match step.node:
        case TaskNode(task=task, timeout=timeout) if task.function is not None:
            field, name, function, is_alone = "command", task.command, task.function, timeout is not None
        case CompositeNode(branches=MappedBranches(reducer=str(name), function=function)) if function is not None:
            field, is_alone = "reducer", False
        case _:
            return
    why = "the executor runs steps in other processes" if spread.runs_on > Locality.PROCESS else ""
    if not why and not is_alone:
        return
    from magnus.engine.user_code.pickled_functions import in_module_fix, pickled  # lazy: most functions are in modules

    reason, fix = "", in_module_fix()
    if spread.runs_on <= Locality.HOST and not spread.reenters:
        try:
            pickled(function)
        except TaskFailed as error:
            reason, fix = f": {error}", error.problems[0].fix
        else:
            return
    why = why or "a step with a timeout runs in a process of its own"
    yield Problem(f"'{name}' exists in this process alone, and {why}{reason}", fix, step.locate(field), step.step)


def _of_reducer(reducer: str, step: StepPlace, working_directory: Path) -> Iterator[Problem]:
    from magnus.tasks.reducer import reducer_problems  # lazy: most pipelines have no reducer

    for problem in reducer_problems(reducer, working_directory):
        yield replace(problem, location=step.locate("reducer"), step=step.step)


def _conflicts(node: CompositeNode, step: StepPlace) -> Iterator[Problem]:
    """Names that several branches set: which value stands is a matter of the order they are written in."""
    from magnus.graph.branches import set_by_several  # lazy: most pipelines have no branches

    for name, branches in set_by_several(node):
        message = f"the branches {', '.join(repr(branch) for branch in branches)} all set '{name}'; the last one wins"
        fix = "give the results different names"
        yield Problem(message, fix, step.locate("branches"), step.step, "warning")


def check_overrides(
    pipeline: LoadedPipeline, steps: Sequence[StepPlace], configuration: Configuration
) -> list[Problem]:
    """The warnings about overrides that the steps name; InvalidDefinition with everything that is wrong with them."""
    problems = override_problems(pipeline, steps, configuration)
    if any(problem.severity == "error" for problem in problems):
        raise InvalidDefinition.of(in_order(problems))
    return problems


def override_problems(
    pipeline: LoadedPipeline, steps: Sequence[StepPlace], configuration: Configuration
) -> list[Problem]:
    """Overrides that the steps name and the configuration of the executor does not have, and ones with `together` in wrong places.

    Overrides for other executors are not checked, nor is anything if the executor has none. Transpilers check `together`
    with their own limits.
    """
    kind = configuration.executor.type
    named = [(step, step.node.overrides[kind]) for step in steps if kind in step.node.overrides]
    if not named:
        return []
    executor_class, options = services.executor_type(configuration)
    if not hasattr(options, "overrides"):
        return []
    overrides = options.overrides
    problems = [
        Problem(
            f"the executor has no overrides '{name}'",
            _fix(name, list(overrides)),
            step.locate("overrides", kind),
            step.step,
        )
        for step, name in named
        if name not in overrides
    ]
    if hasattr(executor_class, "runs_together"):
        from magnus.interfaces.together import Together  # lazy: few executors have such overrides

        problems += Together.of(kind, overrides).problems(pipeline.graph, pipeline.locate_step)
    return problems


def _fix(name: str, known: list[str]) -> str:
    if not known:
        return f"add overrides: {{{name}: {{...}}}} to the options of the executor"
    match = near(name, known)
    return f"did you mean '{match}'?" if match else f"there are {', '.join(repr(other) for other in known)}"
