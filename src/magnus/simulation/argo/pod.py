"""Pods of a simulation: how they end, go wrong and are started again, what runs them, and the folders of their volumes.

Retries follow https://argo-workflows.readthedocs.io/en/latest/retries/. The limit counts pods after the first. Policy,
expression and limit all have to agree. `backoff.duration` is the wait before the second pod, `factor` makes it longer
each time, and `maxDuration` is how long all pods and waits may take, not how long one wait may be: a wait that would go
beyond it does not start (`fields/#backoff`).
"""

import re
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

from msgspec import Struct

from magnus.errors import InvalidInput
from magnus.interfaces.reporter import Event
from magnus.simulation.argo import expressions
from magnus.simulation.argo.expressions import substituted
from magnus.transpilers.argo.manifest import Container, RetryStrategy, Template, WorkflowSpec

SUCCEEDED: Final = "Succeeded"
FAILED: Final = "Failed"
ERROR: Final = "Error"
SKIPPED: Final = "Skipped"
OMITTED: Final = "Omitted"
KILLED: Final = 137
TOO_LONG: Final = "Pod was active on the node longer than the specified deadline"
DELETED: Final = "pod deleted"
EVICTED: Final = "The node was low on resource: memory."
GRACE_SECONDS: Final = 5.0
"""What a pod has between SIGTERM and SIGKILL; less than the 30 that Kubernetes gives, since somebody waits."""

Secrets = Mapping[str, Mapping[str, str]]
"""Keys and values of Kubernetes secrets, by name."""


class Ended(Struct, frozen=True):
    """The result of a node: its phase, as Argo calls it, its outputs, and of a pod the exit status and the last line of its output."""

    phase: str
    outputs: Mapping[str, str] = {}
    exit_code: int | None = None
    message: str = ""


class Fault(Struct, frozen=True):
    """What is to go wrong with a pod: the step, the number of its pod from 0, or None for every one, and how.

    It fails without being run, or gets SIGKILL or SIGTERM after it started.
    """

    step: str
    number: int | None
    kind: Literal["fail", "kill", "evict"]

    @property
    def signal(self) -> int:
        """The signal that the pod gets after its start; 0 for none."""
        return {"fail": 0, "kill": signal.SIGKILL, "evict": signal.SIGTERM}[self.kind]

    def end(self) -> Ended:
        """How the pod counts."""
        match self.kind:
            case "fail":
                return Ended(FAILED, exit_code=1, message="failed on purpose")
            case "kill":
                return Ended(ERROR, message=DELETED)
            case "evict":
                return Ended(FAILED, exit_code=128 + signal.SIGTERM, message=EVICTED)

    def hits(self, steps: Sequence[str], number: int) -> bool:
        """Whether this pod is meant, which is for these steps."""
        return self.step in steps and self.number in {None, number}


class Faults:
    """What is to go wrong; `missed` has the faults of which there was no pod."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = faults
        self._hit: set[Fault] = set()

    def of(self, steps: Sequence[str], number: int) -> Fault | None:
        """What is to go wrong with this pod, which is for these steps."""
        fault = next((fault for fault in self._faults if fault.hits(steps, number)), None)
        if fault is not None:
            self._hit.add(fault)
        return fault

    @property
    def missed(self) -> list[Fault]:
        """The faults that hit no pod."""
        return [fault for fault in self._faults if fault not in self._hit]


class Pods(Protocol):
    """Runs pods."""

    async def run(self, template: Template, variables: Mapping[str, str], number: int) -> Ended:
        """Run the pod of the template for the `number`-th time, from 0; end it when this is cancelled."""
        ...


Hear = Callable[[Event], None]
"""Called with what magnus in a pod tells."""

Tell = Callable[[str, Sequence[str], Ended | None, float | None], None]
"""Called with the name of a template and the paths of its steps when a pod starts. When a pod finished, also with its result,
and with the seconds until another pod follows, if one does."""

_STEP: Final = "inputs.parameters.step"
_THEN: Final = "inputs.parameters.then-"


def steps_of(variables: Mapping[str, str]) -> Sequence[str]:
    """The paths of the steps of a pod: the first one, and the steps behind it; none for the exit handler."""
    step = variables.get(_STEP, "")
    around = step[: step.rfind("/") + 1]
    then = (around + name for variable, name in variables.items() if variable.startswith(_THEN))
    return [step, *then] if step else []


def variables_of_pod(container: Container, variables: Mapping[str, str], secrets: Secrets) -> dict[str, str]:
    """The environment that the container says."""
    found = {}
    for variable in container.env:
        if variable.value_from is not None:
            key = variable.value_from.secret_key_ref
            found[variable.name] = secrets[key.name][key.key]
        else:
            found[variable.name] = substituted(variable.value or "", variables)
    return found


def paths_of_outputs(template: Template) -> dict[str, str]:
    """The files that the outputs of the pod are in, by the names of the outputs."""
    outputs = template.outputs.parameters if template.outputs else ()
    return {parameter.name: parameter.value_from.path for parameter in outputs if parameter.value_from}


def ended(template: Template, code: int, message: str, read: Mapping[str, str | None]) -> Ended:
    """The result of a pod that exited. `read` has the content of the files of its outputs, None for a missing file.

    A file that is missing stands for its default; without one the pod is in error
    (https://argo-workflows.readthedocs.io/en/latest/fields/#valuefrom).
    """
    values: dict[str, str] = {}
    for parameter in template.outputs.parameters if template.outputs else ():
        assert parameter.value_from is not None
        value = read.get(parameter.name)
        value = parameter.value_from.default if value is None else value
        if value is not None:
            values[parameter.name] = value
        elif not code:
            missing = f"there is no file '{parameter.value_from.path}' for the output '{parameter.name}'"
            return Ended(ERROR, values, code, missing)
    return Ended(FAILED if code else SUCCEEDED, values, code, message)


def missing_secrets(spec: WorkflowSpec, secrets: Secrets) -> list[tuple[tuple[str | int, ...], str, str]]:
    """For each key that is not there: the path of its variable in the specification, name of the secret, and key."""
    found: list[tuple[tuple[str | int, ...], str, str]] = []
    for number, template in enumerate(spec.templates):
        for place, variable in enumerate(template.container.env if template.container else ()):
            wanted = variable.value_from.secret_key_ref if variable.value_from else None
            if wanted is not None and wanted.key not in secrets.get(wanted.name, {}):
                found.append((("templates", number, "container", "env", place), wanted.name, wanted.key))
    return found


LAST_RETRY: Final = ("lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message")
"""What an expression may name; texts, all of them."""

_POLICIES: Final = {
    "Always": frozenset({FAILED, ERROR}),
    "OnFailure": frozenset({FAILED}),
    "OnError": frozenset({ERROR}),
    "OnTransientError": frozenset[str](),
}
"""The phases of pods that are started again. Errors that Argo calls transient are errors of a cluster: none happens here."""

_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART: Final = re.compile(r"(?<![\d.])(\d++(?:\.\d*+)?|\.\d++)(h|ms|us|µs|ns|m|s)")


def seconds(text: str) -> float:
    """A duration as Argo has it: a whole number of seconds, or numbers with units as Go writes them; else ValueError."""
    if text.isascii() and text.isdigit():
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        message = f"'{text}' is no duration such as 30 or 1m30s"
        raise ValueError(message)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def wait_before_next(
    strategy: RetryStrategy | None, ended: Ended, *, number: int, lasted: float, elapsed: float
) -> float | None:
    """Seconds to wait before the next pod; None when there is none.

    `number` is the number of the pod that finished, from 0. It took `lasted` seconds. The first pod started `elapsed` seconds ago.
    """
    if strategy is None or number >= int(strategy.limit) or ended.phase not in _POLICIES[strategy.retry_policy]:
        return None
    values = (str(-1 if ended.exit_code is None else ended.exit_code), ended.phase, f"{lasted:.0f}", ended.message)
    if strategy.expression and not holds(strategy.expression, dict(zip(LAST_RETRY, values, strict=True))):
        return None
    backoff = strategy.backoff
    if backoff is None:
        return 0.0
    wait = seconds(backoff.duration) * float(backoff.factor or 1) ** number
    if backoff.max_duration and elapsed + wait > seconds(backoff.max_duration):
        return None
    return wait


def holds(expression: str, values: dict[str, str]) -> bool:
    """Whether the expression of a strategy holds; InvalidInput where a word in it is none of `values`."""

    def value(word: str) -> str:
        if word not in values:
            raise InvalidInput(f"'{word}' is nothing that is simulated in the expression of a retry strategy")
        return values[word]

    return expressions.holds(expression, value)


def volume_folders(
    spec: WorkflowSpec, given: Mapping[str, str], working_directory: Path, *, in_containers: bool
) -> dict[str, Path]:
    """The folder of every volume whose folder is given, or which there is at the path where pods see it.

    InvalidInput for a volume that the workflow does not have, and for a folder that pods cannot see where they look for it.
    """
    known = [volume.name for volume in spec.volumes]
    for name in given:
        if name not in known:
            there = ", ".join(f"'{one}'" for one in known) or "none"
            raise InvalidInput(f"the workflow has no volume '{name}'", fix=f"volumes of it: {there}")
    found = {name: (working_directory / text).absolute() for name, text in given.items()}
    for name, place in mount_paths(spec):
        folder = found.setdefault(name, place)
        if in_containers:
            _check_is_folder(name, folder, is_given=name in given)
        elif name in given and folder.resolve() != place.resolve():
            fix = f"run them with --containers, or let '{place}' be a symbolic link to that folder"
            raise InvalidInput(f"processes see the volume '{name}' at '{place}' alone, and not in '{folder}'", fix=fix)
    return found


def mount_paths(spec: WorkflowSpec) -> Iterator[tuple[str, Path]]:
    """Where pods see which volume."""
    for template in spec.templates:
        for mount in template.container.volume_mounts if template.container else ():
            yield mount.name, Path(mount.mount_path)


def _check_is_folder(name: str, folder: Path, *, is_given: bool) -> None:
    if not folder.is_dir():
        fix = "make it" if is_given else f"name a folder that stands for it: --volume {name}=FOLDER"
        raise InvalidInput(f"there is no folder '{folder}' for the volume '{name}'", fix=fix)
