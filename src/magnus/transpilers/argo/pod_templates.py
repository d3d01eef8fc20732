"""The templates of single pods: what they run, with which resources, and when they are started again."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.graph.nodes import MappedBranches, Node, TaskNode
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.argo import manifest, options
from magnus.transpilers.argo.manifest import Container, EnvVar, Metadata, Parameter, Parameters, Template, ValueFrom
from magnus.transpilers.argo.names import unique_names
from magnus.transpilers.argo.retry_strategies import retries
from magnus.transpilers.planning import PlanRules
from magnus.transpilers.process_plan import Process, Verb
from magnus.transpilers.reentry import Input, Word, end_command, fill_in, iteration_command, process_command
from magnus.values import Json

RUN_ID: Final = "run_id"
GPU: Final = "gpu"
"""The name under `resources` of the device of `gpu_vendor`."""
ORIGINAL_RUN_ID: Final = "original_run_id"
BRANCHES: Final = "branches"
"""The output of the pods that start and join branches: what to run next."""

_BRANCHES_FILE: Final = "/tmp/magnus-branches"  # noqa: S108 - of a pod, which is alone there
_VALUES: Final[Mapping[Input, str]] = {
    Input.RUN_ID: f"{{{{workflow.parameters.{RUN_ID}}}}}",
    Input.ORIGINAL_RUN_ID: f"{{{{workflow.parameters.{ORIGINAL_RUN_ID}}}}}",
    Input.STEP: "{{inputs.parameters.step}}",
    Input.ITERATION: "{{inputs.parameters.round}}",
    Input.LAST_EXIT: "{{lastRetry.exitCode}}",
    Input.BRANCHES_FILE: _BRANCHES_FILE,
    Input.WORKFLOW: "{{workflow.uid}}",
    Input.WORKFLOW_NAME: "{{workflow.name}}",
    Input.STATUS: "{{workflow.status}}",
    Input.FAILURES: "{{=sprig.trunc(20000, workflow.failures)}}",
}
"""What Argo replaces. Why pods failed is cut: there may be thousands, and an argument has a limit of 128 KiB.

The unique id of the workflow says whose the run is; it is also the id of the run where none is given. It stands in templates
alone: the controller resolves and stores the arguments of a workflow, and `argo resubmit` copies them.
"""

_NAMES: Final = {
    Verb.STEP: "step",
    Verb.END: "step",
    Verb.FAN_OUT: "fan out",
    Verb.FAN_IN: "fan in",
    Verb.COMPOSITE: "composite",
}


_READ_BY_ENGINES: Final = {"{{": "{\\u007b", "$(": "\\u0024(", "$$": "\\u0024\\u0024"}
"""What Argo (variables) and Kubernetes (variables of the environment, and the sign itself) replace, as JSON says it else."""


def is_read_by_engines(text: str) -> bool:
    """Whether Argo or Kubernetes would replace something in the text."""
    return any(sign in text for sign in _READ_BY_ENGINES)


def literal(text: str) -> str:
    """JSON text as Argo and Kubernetes leave it alone."""
    for sign, escaped in _READ_BY_ENGINES.items():
        text = text.replace(sign, escaped)
    return text


def as_text(value: Json) -> str:
    """The value as a variable of the environment has it, which magnus reads back.

    Argo puts texts into JSON as Go quotes them, which is no JSON where control characters and the like are in them.
    """
    if isinstance(value, str) and not is_read_by_engines(value) and not _is_json(value) and _is_printable(value):
        return value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return literal(text if _is_printable(text) else json.dumps(value, sort_keys=True))


def _is_printable(text: str) -> bool:
    return all(character.isprintable() or character in "\n\r\t" for character in text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def then_inputs(process: Process) -> list[str]:
    """The names of the inputs for the next steps of the process."""
    return [f"then-{number}" for number, _ in enumerate(process.then, 1)]


def _output(process: Process) -> Parameters | None:
    """The output of a process that starts branches: which ones to run next."""
    if process.starts is None:
        return None
    return _branches("[]" if isinstance(process.starts.branches, MappedBranches) else "")


def _branches(nothing: str) -> Parameters:
    """The output `branches`; it is `nothing` where the pod never ran."""
    return Parameters((Parameter(BRANCHES, value_from=ValueFrom(_BRANCHES_FILE, default=nothing)),))


class Pods:
    """Makes templates of pods, all of one request."""

    def __init__(self, wanted: options.ArgoOptions, request: TranspileRequest) -> None:
        self._wanted = wanted
        self._request = request
        names = unique_names()
        self._volumes = {
            claim: names.of(claim, "volume") for claim in {v.name: None for v in wanted.persistent_volumes}
        }

    def rules(self, most_steps: int) -> PlanRules:
        """The rules of the plan of the processes, where Argo takes so many steps in one dag."""
        together = Together.of(self._request.executor, self._wanted.overrides).runs
        return PlanRules(
            self._request.override, self._attempts, together, fuse=self._wanted.fuse, most_steps=most_steps
        )

    def own_override(self, node: Node) -> options.Override:
        """What is different for the node itself, if it names an override."""
        return self.override(self._request.override(node))

    def override(self, name: str) -> options.Override:
        """What is different for the steps that name it."""
        return self._wanted.overrides.get(name, options.Override())

    def _attempts(self, task: TaskNode, override: str) -> int:
        return self._strategy(override).attempts(task.max_attempts)

    def _strategy(self, override: str) -> options.RetryStrategy:
        return self.override(override).retry_strategy or self._wanted.retry_strategy

    def template_name(self, process: Process) -> str:
        """What the template of the process is called, if no other one is."""
        first = "first " if process.may_start_run else ""
        return f"{first}{_NAMES[process.first.verb]}{' and on' if process.then else ''}"

    def process(self, process: Process) -> Template:
        """The pod of a process; it takes the path of its first step as `step`, and the names of the next steps."""
        delay = process.retry_delay
        strategy = retries(self._strategy(process.override), process.attempts, delay)
        has_attempts = process.task is not None or process.first.verb is Verb.END
        then = [f"{{{{inputs.parameters.{name}}}}}" for name in then_inputs(process)]
        words = process_command(process, self._request, one_attempt=has_attempts and strategy is not None, then=then)
        return self._pod(process, words, then_inputs(process), _output(process))

    def join_round(self, process: Process) -> Template:
        """Joins an iteration of a loop; takes its number as `round`, gives that of the next one."""
        words = iteration_command(self._request)
        return self._pod(process, words, ("round",), _branches(""))

    def closing(self) -> Template:
        """Ends the run in the run log when no pod could."""
        container = self._container(end_command(self._request), options.Override(), self._initial())
        return replace(self._where(options.Override()), container=container)

    def _pod(
        self, process: Process, words: Sequence[Word], more_inputs: Sequence[str], outputs: Parameters | None
    ) -> Template:
        override = self.override(process.override)
        return replace(
            self._where(override, process.attempts, process.retry_delay),
            inputs=Parameters(tuple(map(Parameter, ("step", *more_inputs)))),
            outputs=outputs,
            metadata=Metadata(annotations={"magnus/step": _VALUES[Input.STEP]}),
            container=self._container(words, override, self._initial() if process.may_start_run else ()),
        )

    def _where(self, override: options.Override, attempts: int = 1, delay: float = 0.0) -> Template:
        """Where a pod runs, for how long, and how often."""
        tolerations = self._wanted.tolerations if override.tolerations is None else override.tolerations
        selector = self._wanted.node_selector if override.node_selector is None else override.node_selector
        return Template(
            name="",
            active_deadline_seconds=override.max_step_duration_in_seconds or self._wanted.max_step_duration_in_seconds,
            retry_strategy=retries(override.retry_strategy or self._wanted.retry_strategy, attempts, delay),
            node_selector=dict(selector),
            tolerations=tuple(_toleration(one) for one in tolerations),
        )

    def _container(
        self, words: Sequence[Word], override: options.Override, more: Sequence[EnvVar]
    ) -> manifest.Container:
        wanted = self._wanted
        resources = wanted.resources if override.resources is None else override.resources
        secrets = [
            EnvVar(
                s.environment_variable, value_from=manifest.EnvSource(manifest.SecretKey(s.secret_name, s.secret_key))
            )
            for s in wanted.secrets_from_k8s
        ]
        return Container(
            image=override.image or wanted.image,
            command=("magnus", *fill_in(words, _VALUES)),
            image_pull_policy=override.image_pull_policy or wanted.image_pull_policy,
            env=(*secrets, *self._variables(), *more),
            resources=_resources(resources, wanted.gpu_vendor),
            volume_mounts=tuple(
                manifest.VolumeMount(self._volumes[v.name], v.mount_path) for v in wanted.persistent_volumes
            ),
        )

    def _variables(self) -> Sequence[EnvVar]:
        """The variables that pipeline and configuration use, without the variables from secrets."""
        given = {secret.environment_variable for secret in self._wanted.secrets_from_k8s}
        return [EnvVar(name, value=text) for name, text in self._request.variables.items() if name not in given]

    def volumes(self) -> tuple[manifest.Volume, ...]:
        """The volumes of the workflow, one a claim."""
        return tuple(manifest.Volume(name, manifest.Claim(claim)) for claim, name in self._volumes.items())

    def _initial(self) -> Sequence[EnvVar]:
        """The initial parameters, for the pod that creates the run."""
        exposed = {parameter.name for parameter in self.arguments()}
        return [
            EnvVar(
                VARIABLE_PREFIX + name,
                value=f"{{{{workflow.parameters.{name}}}}}" if name in exposed else as_text(value),
            )
            for name, value in self._request.parameters.items()
        ]

    def arguments(self) -> Sequence[Parameter]:
        """The initial parameters that the user may change when submitting the workflow."""
        if not self._wanted.expose_parameters_as_inputs:
            return ()
        return [
            Parameter(name, value=as_text(value))
            for name, value in self._request.parameters.items()
            if isinstance(value, str | int | float | bool)
            and name.isascii()
            and name.isidentifier()
            and name not in {RUN_ID, ORIGINAL_RUN_ID}
        ]


def _resources(written: options.Resources, gpu_vendor: str) -> manifest.ResourceRequirements | None:
    requests, limits = (_quantities(amounts, gpu_vendor) for amounts in (written.requests, written.limits))
    return manifest.ResourceRequirements(requests, limits) if requests or limits else None


def _quantities(written: Mapping[str, str | int | float], gpu_vendor: str) -> dict[str, str]:
    """As Kubernetes has them; a request of no graphics processors is left out."""
    found = {name: str(quantity) for name, quantity in written.items() if name != GPU or quantity not in {0, "0"}}
    return {gpu_vendor if name == GPU else name: quantity for name, quantity in found.items()}


def _toleration(written: options.Toleration) -> manifest.Toleration:
    return manifest.Toleration(written.key, written.operator, written.value, written.effect, written.toleration_seconds)
