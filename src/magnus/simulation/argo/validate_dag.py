"""What is wrong with the dag of a template before it runs, as `validate_workflow` has it for everything else."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from magnus.definition.wrong_fields import Complaint
from magnus.errors import InvalidInput
from magnus.simulation.argo import expressions
from magnus.transpilers.argo.manifest import Dag, DagTask, Template

Path = tuple[str | int, ...]

RESULTS: Final = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "AnySucceeded", "AllFailed")
"""How tasks end, as `depends` says it; `Daemoned` is not simulated."""

RESERVED: Final = frozenset(
    "true false nil in not and or matches contains startsWith endsWith let if else "
    "all none any one filter map find findIndex findLast findLastIndex count sum groupBy sortBy reduce "
    "concat flatten uniq join split splitAfter replace repeat trim trimPrefix trimSuffix upper lower hasPrefix hasSuffix "
    "indexOf lastIndexOf int float string type len abs ceil floor round max min mean median first last get take keys "
    "values toPairs fromPairs sort reverse toJSON fromJSON toBase64 fromBase64 now duration date timezone bitand bitor "
    "bitxor bitnand bitnot bitshl bitshr bitushr".split()
)
"""Words of the language in which Argo evaluates `depends`: a task of that name cannot be depended on.

https://expr-lang.org/docs/language-definition; tasks named `split` and `filter` were found that way
(argo-workflows issues 12037 and 12308).
"""

_NAME: Final = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_UNKNOWN: Final = "simulate what magnus writes"


def complaints_of_dag(
    dag: Dag, path: Path, templates: Mapping[str, Template], known: AbstractSet[str]
) -> Iterator[Complaint]:
    """Everything that is wrong; `known` are the variables of its template."""
    if dag.fail_fast:
        message = "'failFast', which is true where it is not said, is not simulated: what still runs depends on timing"
        yield Complaint((*path, "failFast"), message, "say 'failFast: false'")
    if not dag.tasks:
        yield Complaint((*path, "tasks"), "a dag needs tasks")
    yield from _of_names(dag.tasks, (*path, "tasks"))
    tasks = {task.name: task for task in dag.tasks}
    parents = {task.name: parents_of(task, tasks) for task in dag.tasks}
    for number, task in enumerate(dag.tasks):
        place = (*path, "tasks", number)
        yield from _of_depends(task, (*place, "depends"), tasks)
        if task.name in ancestors(task.name, parents):
            yield Complaint((*place, "depends"), f"the task '{task.name}' depends on itself in the end")
            return
        yield from _of_call(task, place, templates)
        yield from _of_variables(task, place, known, _outputs(ancestors(task.name, parents), tasks, templates))


def complaints_of_outputs(template: Template, path: Path, templates: Mapping[str, Template]) -> Iterator[Complaint]:
    """Outputs of the dag of a template that are no outputs of its tasks."""
    tasks = {task.name: task for task in template.dag.tasks} if template.dag else {}
    known = _outputs(set(tasks), tasks, templates)
    for number, output in enumerate(template.outputs.parameters if template.outputs else ()):
        place = (*path, number, "valueFrom", "parameter")
        for name in expressions.variables(output.value_from.parameter if output.value_from else ""):
            if name not in known or has_items(known[name]):
                yield Complaint(place, f"'{{{{{name}}}}}' is no output of a task that runs once", _UNKNOWN)


def parents_of(task: DagTask, tasks: Mapping[str, DagTask]) -> Sequence[str]:
    """The tasks that `depends` of this one names; () where it cannot be read."""
    try:
        words = expressions.names(task.depends)
    except InvalidInput:
        return ()
    return [name for name in dict.fromkeys(word.partition(".")[0] for word in words) if name in tasks]


def ancestors(name: str, parents: Mapping[str, Sequence[str]]) -> AbstractSet[str]:
    """All tasks that have to finish before this one starts."""
    found: set[str] = set()
    waiting = list(parents[name])
    while waiting:
        parent = waiting.pop()
        if parent not in found:
            found.add(parent)
            waiting += parents[parent]
    return found


def of_expression(path: Path, parse: Callable[[], bool]) -> Iterator[Complaint]:
    """A complaint where the expression cannot be read."""
    try:
        parse()
    except InvalidInput as error:
        yield Complaint(path, error.problems[0].message, error.problems[0].fix)


def _of_names(tasks: Sequence[DagTask], path: Path) -> Iterator[Complaint]:
    """In `depends` names are words of an expression, in which Argo writes `_` for `-`."""
    seen: set[str] = set()
    for number, task in enumerate(tasks):
        place = (*path, number, "name")
        plain = task.name.replace("-", "_")
        if not _NAME.fullmatch(task.name):
            yield Complaint(place, f"'{task.name}' is no name of a task: letters, digits and hyphens, a letter first")
        elif plain in RESERVED:
            yield Complaint(
                place, f"'{task.name}' is a word of the language of 'depends'", "give the task another name"
            )
        elif plain in seen:
            yield Complaint(place, f"the task '{task.name}' is there twice", "keep one of them")
        seen.add(plain)


def _of_depends(task: DagTask, path: Path, tasks: Mapping[str, DagTask]) -> Iterator[Complaint]:
    if not task.depends:
        return
    unread = list(of_expression(path, lambda: expressions.depends_holds(task.depends, lambda _: True)))
    yield from unread
    for word in () if unread else expressions.names(task.depends):
        name, dot, result = word.partition(".")
        if name not in tasks:
            yield Complaint(path, f"the task '{task.name}' depends on '{name}', which is not there")
        elif dot and result not in RESULTS:
            yield Complaint(path, f"'{word}' is nothing that is simulated in 'depends'", f"use {', '.join(RESULTS)}")
        elif result.startswith("A") and not has_items(tasks[name]):
            yield Complaint(path, f"'{word}' needs a task with items, and '{name}' has none")


def has_items(task: DagTask) -> bool:
    """Whether the task calls its template once for each item."""
    return bool(task.with_param) or task.with_items is not None


def _of_call(task: DagTask, path: Path, templates: Mapping[str, Template]) -> Iterator[Complaint]:
    given = task.arguments.parameters if task.arguments else ()
    for number, parameter in enumerate(given):
        place = (*path, "arguments", "parameters", number)
        if parameter.value is None or parameter.value_from is not None:
            yield Complaint(place, f"the argument '{parameter.name}' needs a value, and nothing else", _UNKNOWN)
        if any(other.name == parameter.name for other in given[:number]):
            yield Complaint(place, f"the argument '{parameter.name}' is there twice", "keep one of them")
    if task.with_param and task.with_items is not None:
        yield Complaint((*path, "withItems"), "'withParam' and 'withItems' do not go together", "keep one of them")
    for item in task.with_items or ():
        if not isinstance(item, str | int):
            yield Complaint((*path, "withItems"), "only texts, whole numbers and truth values are simulated as items")
    template = templates.get(task.template)
    if template is None:
        yield Complaint((*path, "template"), f"there is no template '{task.template}'")
        return
    names = {parameter.name for parameter in given}
    for wanted in template.inputs.parameters if template.inputs else ():
        if wanted.value is None and wanted.name not in names:
            place = (*path, "arguments") if task.arguments else path
            yield Complaint(place, f"the input '{wanted.name}' of '{task.template}' is not given")


def _of_variables(
    task: DagTask, path: Path, known: AbstractSet[str], outputs: Mapping[str, DagTask]
) -> Iterator[Complaint]:
    of_items = {"item"} if has_items(task) else set()
    texts: list[tuple[Path, str, AbstractSet[str]]] = [
        ((*path, "when"), task.when, of_items),
        ((*path, "withParam"), task.with_param, set()),
    ]
    for number, parameter in enumerate(task.arguments.parameters if task.arguments else ()):
        texts.append(((*path, "arguments", "parameters", number, "value"), parameter.value or "", of_items))
    for place, text, more in texts:
        for name in expressions.variables(text):
            if name in outputs and has_items(outputs[name]):
                yield Complaint(place, f"'{{{{{name}}}}}' is of a task with items, which is not simulated", _UNKNOWN)
            elif name not in outputs and name not in known and name not in more:
                yield Complaint(place, f"'{{{{{name}}}}}' is no variable here", _UNKNOWN)
    if task.when:
        plain = expressions.substituted(task.when, dict.fromkeys(expressions.variables(task.when), "0"))
        yield from of_expression((*path, "when"), lambda: expressions.when_holds(plain))


def _outputs(
    names: AbstractSet[str], tasks: Mapping[str, DagTask], templates: Mapping[str, Template]
) -> Mapping[str, DagTask]:
    """The variables that these tasks leave, and whose they are."""
    found: dict[str, DagTask] = {}
    for name in names:
        template = templates.get(tasks[name].template)
        for parameter in template.outputs.parameters if template and template.outputs else ():
            found[f"tasks.{name}.outputs.parameters.{parameter.name}"] = tasks[name]
    return found
