"""What is wrong with a workflow before it runs: what Argo refuses when it is submitted, and what is not simulated.

Names of tasks, and what stands in for what, follow https://argo-workflows.readthedocs.io/en/latest/walk-through/dag/,
.../enhanced-depends-logic/, .../variables/ and .../fields/.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from magnus.definition.wrong_fields import Complaint
from magnus.simulation.argo import expressions, pod
from magnus.simulation.argo.pod import LAST_RETRY
from magnus.simulation.argo.validate_dag import complaints_of_dag, complaints_of_outputs, of_expression
from magnus.transpilers.argo.manifest import (
    Container,
    EnvVar,
    Parameter,
    Parameters,
    ResourceRequirements,
    RetryStrategy,
    Suspend,
    Template,
    WorkflowSpec,
    quantity,
)

Path = tuple[str | int, ...]

_OF_WORKFLOW: Final = ("workflow.uid", "workflow.name")
_OF_EXIT: Final = ("workflow.status", "workflow.failures")
_UNKNOWN: Final = "simulate what magnus writes"


def complaints(spec: WorkflowSpec) -> list[Complaint]:
    """Everything that is wrong, each with the path of its field below the specification of the workflow."""
    found = list(_of_workflow(spec))
    templates = {template.name: template for template in spec.templates}
    ending = _reached(templates, spec.on_exit)
    volumes = {volume.name for volume in spec.volumes}
    given = [f"workflow.parameters.{parameter.name}" for parameter in _parameters(spec.arguments)]
    for number, template in enumerate(spec.templates):
        known = {*_OF_WORKFLOW, *given, *(_OF_EXIT if template.name in ending else ())}
        found += _of_template(template, ("templates", number), templates, known, volumes)
    return found


def _of_workflow(spec: WorkflowSpec) -> Iterator[Complaint]:
    names = [template.name for template in spec.templates]
    yield from _doubled(names, lambda number: ("templates", number, "name"), "the template")
    by_name = {template.name: template for template in spec.templates}
    for field, name in (("entrypoint", spec.entrypoint), ("onExit", spec.on_exit)):
        if field == "entrypoint" or name:
            yield from _of_begin(field, name, by_name)
    yield from _positive(("activeDeadlineSeconds",), spec.active_deadline_seconds)
    yield from _positive(("parallelism",), spec.parallelism)
    arguments = _parameters(spec.arguments)
    yield from _of_parameters(arguments, ("arguments",), has_value=True)
    for number, parameter in enumerate(arguments):
        path = ("arguments", "parameters", number, "value")
        yield from unknown_variables(parameter.value or "", path, set(_OF_WORKFLOW))
    yield from _doubled([v.name for v in spec.volumes], lambda number: ("volumes", number, "name"), "the volume")


def _of_begin(field: str, name: str, templates: Mapping[str, Template]) -> Iterator[Complaint]:
    if name not in templates:
        yield Complaint((field,), f"there is no template '{name}'")
    elif any(parameter.value is None for parameter in _parameters(templates[name].inputs)):
        yield Complaint((field,), f"'{name}' has inputs, and nobody gives them here", _UNKNOWN)


def _of_template(
    template: Template,
    path: Path,
    templates: Mapping[str, Template],
    known: AbstractSet[str],
    volumes: AbstractSet[str],
) -> Iterator[Complaint]:
    inputs = _parameters(template.inputs)
    yield from _of_parameters(inputs, (*path, "inputs"), has_value=None)
    known = {*known, *(f"inputs.parameters.{parameter.name}" for parameter in inputs)}
    yield from _positive((*path, "parallelism"), template.parallelism)
    yield from _positive((*path, "activeDeadlineSeconds"), template.active_deadline_seconds)
    kinds = [kind for kind in ("dag", "container", "suspend") if getattr(template, kind) is not None]
    if len(kinds) != 1:
        message = f"the template '{template.name}' has to have one of 'dag', 'container' and 'suspend'"
        yield Complaint(path, message, _UNKNOWN)
        return
    yield from _out_of_place(template, path, kinds[0])
    if template.dag is not None:
        yield from complaints_of_dag(template.dag, (*path, "dag"), templates, known)
        yield from _of_outputs(template, path, is_dag=True)
        yield from complaints_of_outputs(template, (*path, "outputs", "parameters"), templates)
    elif template.container is not None:
        yield from _of_pod(template, template.container, path, known, volumes)
    elif template.suspend is not None:
        yield from _of_suspend(template.suspend, (*path, "suspend"))


def _out_of_place(template: Template, path: Path, kind: str) -> Iterator[Complaint]:
    """Fields of a template that belong to another kind of it."""
    of_pods = ("activeDeadlineSeconds", "retryStrategy", "metadata", "nodeSelector", "tolerations")
    values = (template.active_deadline_seconds, template.retry_strategy)
    more = (template.metadata, template.node_selector, template.tolerations)
    misplaced = [name for name, value in zip(of_pods, (*values, *more), strict=True) if value and kind != "container"]
    if template.parallelism is not None and kind != "dag":
        misplaced.append("parallelism")
    if template.outputs and kind == "suspend":
        misplaced.append("outputs")
    for name in misplaced:
        yield Complaint((*path, name), f"'{name}' of a template with '{kind}' is not simulated", _UNKNOWN)


def _of_suspend(suspend: Suspend, path: Path) -> Iterator[Complaint]:
    if not suspend.duration:
        yield Complaint(path, "a wait without an end is not simulated", "give a 'duration'")
    else:
        yield from _of_duration((*path, "duration"), suspend.duration)


def _of_pod(
    template: Template, container: Container, path: Path, known: AbstractSet[str], volumes: AbstractSet[str]
) -> Iterator[Complaint]:
    if template.retry_strategy is not None:
        yield from _of_retries(template.retry_strategy, (*path, "retryStrategy"))
        known = {*known, "retries", *LAST_RETRY}
    yield from _of_outputs(template, path, is_dag=False)
    for name, text in (template.metadata.annotations if template.metadata else {}).items():
        yield from unknown_variables(text, (*path, "metadata", "annotations", name), known)
    yield from _of_container(container, (*path, "container"), known, volumes)


def _of_outputs(template: Template, path: Path, *, is_dag: bool) -> Iterator[Complaint]:
    outputs = _parameters(template.outputs)
    path = (*path, "outputs", "parameters")
    yield from _doubled([one.name for one in outputs], lambda number: (*path, number, "name"), "the output")
    kind, other, what = (
        ("parameter", "path", "an output of a task") if is_dag else ("path", "parameter", "the content of a file")
    )
    for number, parameter in enumerate(outputs):
        source = parameter.value_from
        if parameter.value is not None or source is None or not getattr(source, kind) or getattr(source, other):
            message = f"the output '{parameter.name}' has to be {what}"
            yield Complaint((*path, number), message, f"valueFrom.{kind}")


def _of_container(
    container: Container, path: Path, known: AbstractSet[str], volumes: AbstractSet[str]
) -> Iterator[Complaint]:
    if not container.command:
        yield Complaint((*path, "command"), "a pod without a command is not simulated", "say what it runs")
    if not container.image:
        yield Complaint((*path, "image"), "a pod needs an image")
    for number, part in enumerate(container.command):
        yield from unknown_variables(part, (*path, "command", number), known)
    for field, text in (("image", container.image), ("workingDir", container.working_dir)):
        yield from unknown_variables(text, (*path, field), known)
    for number, variable in enumerate(container.env):
        yield from _of_variable(variable, (*path, "env", number), known)
    yield from _of_resources(container.resources, (*path, "resources"))
    for number, mount in enumerate(container.volume_mounts):
        place = (*path, "volumeMounts", number)
        if mount.name not in volumes:
            yield Complaint((*place, "name"), f"there is no volume '{mount.name}'")
        if not mount.mount_path.startswith("/"):
            yield Complaint((*place, "mountPath"), f"'{mount.mount_path}' is no absolute path")


def _of_variable(variable: EnvVar, path: Path, known: AbstractSet[str]) -> Iterator[Complaint]:
    if variable.value is not None and variable.value_from is not None:
        yield Complaint(path, f"the variable '{variable.name}' has both a value and a source", "keep one of them")
    yield from unknown_variables(variable.value or "", (*path, "value"), known)


def _of_retries(strategy: RetryStrategy, path: Path) -> Iterator[Complaint]:
    if not (strategy.limit.isascii() and strategy.limit.isdigit()):
        yield Complaint((*path, "limit"), f"'{strategy.limit}' is no number of pods")
    if strategy.expression:
        known = dict.fromkeys(pod.LAST_RETRY, "")
        yield from of_expression((*path, "expression"), lambda: pod.holds(strategy.expression, known))
    if strategy.backoff is None:
        return
    place = (*path, "backoff")
    if not strategy.backoff.duration:
        yield Complaint(place, "Argo needs a duration to wait longer each time", "give a 'duration'")
    for field, text in (("duration", strategy.backoff.duration), ("maxDuration", strategy.backoff.max_duration)):
        if text:
            yield from _of_duration((*place, field), text)
    if strategy.backoff.factor and not (strategy.backoff.factor.isascii() and strategy.backoff.factor.isdigit()):
        yield Complaint((*place, "factor"), f"'{strategy.backoff.factor}' is no whole number")


def _of_resources(resources: ResourceRequirements | None, path: Path) -> Iterator[Complaint]:
    for kind, amounts in (("requests", resources.requests), ("limits", resources.limits)) if resources else ():
        for name, text in amounts.items():
            yield from _of_amount((*path, kind, name), text)


def _of_amount(path: Path, text: str) -> Iterator[Complaint]:
    try:
        quantity(text)
    except ValueError as error:
        yield Complaint(path, str(error))


def _of_duration(path: Path, text: str) -> Iterator[Complaint]:
    try:
        pod.seconds(text)
    except ValueError as error:
        yield Complaint(path, str(error))


def _of_parameters(parameters: Sequence[Parameter], path: Path, *, has_value: bool | None) -> Iterator[Complaint]:
    """`has_value` says whether each has to have a value; None, that it may."""
    yield from _doubled(
        [parameter.name for parameter in parameters],
        lambda number: (*path, "parameters", number, "name"),
        "the parameter",
    )
    for number, parameter in enumerate(parameters):
        place = (*path, "parameters", number)
        if parameter.value_from is not None:
            message = f"'valueFrom' of the parameter '{parameter.name}' is not simulated here"
            yield Complaint((*place, "valueFrom"), message, "give a value")
        elif has_value and parameter.value is None:
            yield Complaint(place, f"the parameter '{parameter.name}' has no value")


def unknown_variables(text: str, path: Path, known: AbstractSet[str]) -> Iterator[Complaint]:
    """A complaint for each variable of the text that is not known there."""
    for name in expressions.variables(text):
        if name not in known:
            yield Complaint(path, f"'{{{{{name}}}}}' is no variable here", _UNKNOWN)


def _reached(templates: Mapping[str, Template], name: str) -> AbstractSet[str]:
    """The templates that the exit handler calls, itself too."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        template = templates.get(waiting.pop())
        if template is not None and template.name not in found:
            found.add(template.name)
            waiting += [task.template for task in template.dag.tasks] if template.dag else []
    return found


def _doubled(names: Iterable[str], path: Callable[[int], Path], what: str) -> Iterator[Complaint]:
    seen: Counter[str] = Counter()
    for number, name in enumerate(names):
        seen[name] += 1
        if not name:
            yield Complaint(path(number), f"{what} needs a name")
        elif seen[name] == 2:
            yield Complaint(path(number), f"{what} '{name}' is there twice", "keep one of them")


def _positive(path: Path, number: int | None) -> Iterator[Complaint]:
    if number is not None and number < 1:
        yield Complaint(path, f"has to be at least 1, not {number}")


def _parameters(written: Parameters | None) -> Sequence[Parameter]:
    return written.parameters if written else ()
