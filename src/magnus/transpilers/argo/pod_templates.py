"""The templates of single pods: what they run, with which resources, and when they are started again."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec.structs import replace

from magnus.engine.parameters import VARIABLE_PREFIX
from magnus.graph.nodes import Node, TaskNode
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.argo import manifest, options
from magnus.transpilers.argo.manifest import Container, EnvVar, Metadata, Parameter, Parameters, Template, ValueFrom
from magnus.transpilers.argo.retry_strategies import retries
from magnus.transpilers.unique_names import Names
from magnus.values import Json

RUN_ID: Final = "run_id"
GPU: Final = "gpu"
"""The name under `resources` of the device of `gpu_vendor`."""
ORIGINAL_RUN_ID: Final = "original_run_id"
BRANCHES: Final = "branches"
"""The output of the pods that begin and join branches: what to run next."""

_BRANCHES_FILE: Final = "/tmp/magnus-branches"  # noqa: S108 - of a pod, which is alone there
_STEP: Final = "{{inputs.parameters.step}}"
_ROUND: Final = "{{inputs.parameters.round}}"
_FAILURES: Final = "{{=sprig.trunc(20000, workflow.failures)}}"
"""Why pods failed, of which there may be thousands: an argument has a limit of 128 KiB."""
_OWNER: Final = ("--workflow-uid", "{{workflow.uid}}")
"""Whose the run is; also the id of the run where none is given. It stands in templates alone: what stands in the arguments
of a workflow the controller resolves and stores, and `argo resubmit` copies that."""


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


class Pods:
    """Makes templates of pods, all of one request."""

    def __init__(self, wanted: options.ArgoOptions, request: TranspileRequest) -> None:
        self._wanted = wanted
        self._request = request
        names = Names()
        self._volumes = {
            claim: names.of(claim, "volume") for claim in {v.name: None for v in wanted.persistent_volumes}
        }

    def named_override(self, node: Node, around: str) -> str:
        """The override that the step names, else that of the nearest step around it."""
        return self._request.override(node, around)

    def override(self, name: str) -> options.Override:
        """What is different for the steps that name it."""
        return self._wanted.overrides.get(name, options.Override())

    def step(self, node: Node, override: str, *, first: bool) -> Template:
        """Runs one task, or records an end; it takes the path as `step`. `first` says that it may have to create the run."""
        attempts, delay, more = 1, 0.0, []
        if isinstance(node, TaskNode):
            attempts, delay = self._strategy(override).attempts(node.max_attempts), node.retry_delay
            more = ["--attempts", str(attempts)] if attempts > node.max_attempts else []
        strategy = retries(self._strategy(override), attempts, delay)
        one = ["--one-attempt", *more, "--last-exit", "{{lastRetry.exitCode}}"] if strategy is not None else []
        argv = ["execute_single_node", self._run_id, _STEP, *one, *self._told(first=first)]
        return self._pod(override, argv, first=first, attempts=attempts, delay=delay)

    def _strategy(self, override: str) -> options.RetryStrategy:
        return self.override(override).retry_strategy or self._wanted.retry_strategy

    def fan(self, override: str, mode: Literal["out", "in"], nothing: str, *, first: bool) -> Template:
        """Begins or joins the branches of a step; gives what to run next, `nothing` where it never ran."""
        return self._fan(override, ["-m", mode], nothing, first=first)

    def join_round(self, override: str) -> Template:
        """Joins a round of a loop; takes its number as `round`, gives that of the next one."""
        pod = self._fan(override, ["-m", "in", "--round", _ROUND], "", first=False)
        return replace(pod, inputs=Parameters((Parameter("step"), Parameter("round"))))

    def _fan(self, override: str, how: Sequence[str], nothing: str, *, first: bool) -> Template:
        argv = ["fan", self._run_id, _STEP, *how, "--branches-file", _BRANCHES_FILE, *self._told(first=first)]
        output = Parameter(BRANCHES, value_from=ValueFrom(_BRANCHES_FILE, default=nothing))
        return self._pod(override, argv, first=first, outputs=Parameters((output,)))

    def closing(self) -> Template:
        """Ends the run in the run log when no pod could."""
        said = ["--engine-status", "{{workflow.status}}", "--engine-failures", _FAILURES]
        argv = ["end_run", self._run_id, *said, *self._told(first=True)]
        container = self._container(argv, options.Override(), self._initial())
        return replace(self._where(options.Override()), container=container)

    def _pod(
        self,
        named: str,
        argv: Sequence[str],
        *,
        first: bool,
        attempts: int = 1,
        delay: float = 0.0,
        outputs: Parameters | None = None,
    ) -> Template:
        override = self.override(named)
        return replace(
            self._where(override, attempts, delay),
            inputs=Parameters((Parameter("step"),)),
            outputs=outputs,
            metadata=Metadata(annotations={"magnus/step": _STEP}),
            container=self._container(argv, override, self._initial() if first else ()),
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

    def _container(self, argv: Sequence[str], override: options.Override, more: Sequence[EnvVar]) -> manifest.Container:
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
            command=("magnus", *argv),
            image_pull_policy=override.image_pull_policy or wanted.image_pull_policy,
            env=(*secrets, *self._variables(), *more),
            resources=_resources(resources, wanted.gpu_vendor),
            volume_mounts=tuple(
                manifest.VolumeMount(self._volumes[v.name], v.mount_path) for v in wanted.persistent_volumes
            ),
        )

    def _variables(self) -> Sequence[EnvVar]:
        """The variables that pipeline and configuration use, but those that secrets give."""
        given = {secret.environment_variable for secret in self._wanted.secrets_from_k8s}
        return [EnvVar(name, value=text) for name, text in self._request.variables.items() if name not in given]

    def volumes(self) -> tuple[manifest.Volume, ...]:
        """The volumes of the workflow, one a claim."""
        return tuple(manifest.Volume(name, manifest.Claim(claim)) for claim, name in self._volumes.items())

    @property
    def _run_id(self) -> str:
        return f"{{{{workflow.parameters.{RUN_ID}}}}}"

    def _told(self, *, first: bool) -> list[str]:
        original = ["--use-cached", f"{{{{workflow.parameters.{ORIGINAL_RUN_ID}}}}}"] if first else []
        name = ["--workflow-name", "{{workflow.name}}"] if first else []
        return [*self._request.reentry_options(), *name, *original, *_OWNER]

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
        """The initial parameters that whoever submits the workflow may change."""
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
    """As Kubernetes has them; no graphics processors are none that are asked for."""
    found = {name: str(quantity) for name, quantity in written.items() if name != GPU or quantity not in {0, "0"}}
    return {gpu_vendor if name == GPU else name: quantity for name, quantity in found.items()}


def _toleration(written: options.Toleration) -> manifest.Toleration:
    return manifest.Toleration(written.key, written.operator, written.value, written.effect, written.toleration_seconds)
