"""The part of Argo's custom resources that is written and read here, field by field as Argo names them.

A closed set: reading a manifest with anything else in it fails. Rules and names are from the field reference of Argo
Workflows (https://argo-workflows.readthedocs.io/en/latest/fields/). Quantities are as Kubernetes defines them
(https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
"""

import re
from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct, field

from magnus.values import Json


class ArgoStruct(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename="camel"):
    """Fields in camel case; what is not said is not written."""


class ValueFrom(ArgoStruct, frozen=True):
    """The content of a file of a pod, or of an output of a task in a dag; `default` where the pod never ran."""

    path: str = ""
    parameter: str = ""
    default: str | None = None


class Parameter(ArgoStruct, frozen=True):
    """An input, an argument or an output, by name."""

    name: str
    value: str | None = None
    value_from: ValueFrom | None = None


class Parameters(ArgoStruct, frozen=True):
    """What a template takes, gives or is called with."""

    parameters: tuple[Parameter, ...] = ()


class DagTask(ArgoStruct, frozen=True):
    """A call of a template. `depends` is an expression over the phases of other tasks."""

    name: str
    template: str
    arguments: Parameters | None = None
    depends: str = ""
    when: str = ""
    with_param: str = ""
    with_items: tuple[Json, ...] | None = None


class Dag(ArgoStruct, frozen=True, omit_defaults=False):
    """Tasks; without `fail_fast`, which has to be said, all that can run do."""

    tasks: tuple[DagTask, ...]
    fail_fast: bool = True


class SecretKey(ArgoStruct, frozen=True):
    """A key of a Kubernetes secret."""

    name: str
    key: str


class EnvSource(ArgoStruct, frozen=True):
    """Where a variable comes from."""

    secret_key_ref: SecretKey


class EnvVar(ArgoStruct, frozen=True):
    """A variable of the environment."""

    name: str
    value: str | None = None
    value_from: EnvSource | None = None


class VolumeMount(ArgoStruct, frozen=True):
    """Where a pod sees a volume."""

    name: str
    mount_path: str


class ResourceRequirements(ArgoStruct, frozen=True):
    """Quantities, as text."""

    requests: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, str] = field(default_factory=dict)


class Container(ArgoStruct, frozen=True):
    """What a pod runs; `command` is the argv."""

    image: str
    command: tuple[str, ...]
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    working_dir: str = ""
    env: tuple[EnvVar, ...] = ()
    resources: ResourceRequirements | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()


class Backoff(ArgoStruct, frozen=True):
    """How long to wait before a pod is started again."""

    duration: str = ""
    factor: str = ""
    max_duration: str = ""


class RetryStrategy(ArgoStruct, frozen=True):
    """When a pod is started again: at most `limit` times, if the policy and the expression say so."""

    limit: str
    retry_policy: Literal["Always", "OnFailure", "OnError", "OnTransientError"]
    expression: str = ""
    backoff: Backoff | None = None


class Toleration(ArgoStruct, frozen=True):
    """A taint of nodes that pods put up with."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None


class Metadata(ArgoStruct, frozen=True):
    """Name, labels and annotations of an object, or of the pods of a template."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class Suspend(ArgoStruct, frozen=True):
    """Waits, without a pod; without a duration for ever."""

    duration: str = ""


class Template(ArgoStruct, frozen=True):
    """A pod, a dag of templates, or a wait."""

    name: str
    inputs: Parameters | None = None
    outputs: Parameters | None = None
    metadata: Metadata | None = None
    dag: Dag | None = None
    container: Container | None = None
    suspend: Suspend | None = None
    parallelism: int | None = None
    active_deadline_seconds: int | None = None
    retry_strategy: RetryStrategy | None = None
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class Claim(ArgoStruct, frozen=True):
    """A persistent volume claim."""

    claim_name: str


class Volume(ArgoStruct, frozen=True):
    """A volume of the workflow."""

    name: str
    persistent_volume_claim: Claim


class PodGc(ArgoStruct, frozen=True):
    """When pods are removed."""

    strategy: str


class TtlStrategy(ArgoStruct, frozen=True):
    """When Argo removes a workflow that has finished."""

    seconds_after_completion: int | None = None
    seconds_after_success: int | None = None
    seconds_after_failure: int | None = None


class WorkflowSpec(ArgoStruct, frozen=True):
    """What runs."""

    entrypoint: str
    templates: tuple[Template, ...]
    arguments: Parameters | None = None
    on_exit: str = ""
    active_deadline_seconds: int | None = None
    parallelism: int | None = None
    service_account_name: str = ""
    pod_gc: PodGc | None = field(default=None, name="podGC")
    ttl_strategy: TtlStrategy | None = None
    volumes: tuple[Volume, ...] = ()
    security_context: Mapping[str, Json] = field(default_factory=dict)
    workflow_metadata: Metadata | None = None


class CronSpec(ArgoStruct, frozen=True):
    """When a workflow is started."""

    schedules: tuple[str, ...]
    workflow_spec: WorkflowSpec
    workflow_metadata: Metadata | None = None


class Workflow(ArgoStruct, frozen=True, omit_defaults=False):
    """A workflow that runs when it is submitted, or a template of workflows."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["Workflow", "WorkflowTemplate"]
    metadata: Metadata
    spec: WorkflowSpec


class CronWorkflow(ArgoStruct, frozen=True, omit_defaults=False):
    """A workflow that runs when its schedule says."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["CronWorkflow"]
    metadata: Metadata
    spec: CronSpec


Manifest = Workflow | CronWorkflow


_QUANTITY: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)([eE]\d+|[numkMGTPE]|[KMGTPE]i)?")
_FACTORS: Final = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "k": 1e3,
    "": 1.0,
    **{letter: 1000.0**power for power, letter in enumerate("MGTPE", 2)},
    **{f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)},
}


def quantity(text: str) -> float:
    """What the text says, in processors, bytes or pieces; ValueError when it is no quantity."""
    match = _QUANTITY.fullmatch(text)
    if match is None:
        message = f"'{text}' is no quantity such as 500m or 2Gi"
        raise ValueError(message)
    number, unit = match[1], match[2] or ""
    return (
        float(number + unit)
        if unit[:1] in {"e", "E"} and len(unit) > 1 and unit != "Ei"
        else float(number) * _FACTORS[unit]
    )
