"""The options of the executor `argo`, as they are written in the configuration."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from magnus.values import Json

Seconds = Annotated[int, Meta(ge=1)]
Name = Annotated[str, Meta(min_length=1)]
Quantities = Mapping[str, str | int | float]


class Resources(Struct, frozen=True, forbid_unknown_fields=True):
    """What a pod asks for and may use at most: `cpu`, `memory`, and devices by their names, as Kubernetes writes them."""

    requests: Quantities = field(default_factory=dict)
    limits: Quantities = field(default_factory=dict)


class Backoff(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait before the next pod: `duration` and `max_duration` as `30s` or `2m`, times `factor` each time."""

    duration: str = ""
    factor: Annotated[int, Meta(ge=1)] | None = None
    max_duration: str = ""


class RetryStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    """How often a pod is started again that could not run to its end; failures of tasks count in `max_attempts`."""

    limit: Annotated[int, Meta(ge=0)] = 0
    retry_policy: Literal["OnError", "OnTransientError"] = "OnError"
    backoff: Backoff = Backoff()


class Toleration(Struct, frozen=True, forbid_unknown_fields=True):
    """A taint of nodes that pods put up with."""

    key: str = ""
    operator: Literal["", "Exists", "Equal"] = ""
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: int | None = None


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """A variable of the environment of every pod, from the key of a Kubernetes secret."""

    environment_variable: Name
    secret_name: Name
    secret_key: Name


class Volume(Struct, frozen=True, forbid_unknown_fields=True):
    """A persistent volume claim, by name, and where pods see it."""

    name: Name
    mount_path: Name


class TtlStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    """After how many seconds the engine removes a workflow that has ended."""

    seconds_after_completion: int | None = None
    seconds_after_success: int | None = None
    seconds_after_failure: int | None = None


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different for the steps that name it; of a composite, `parallelism` is how many of its pods run at a time."""

    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    resources: Resources | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    parallelism: Annotated[int, Meta(ge=1)] | None = None
    retry_strategy: RetryStrategy | None = None
    max_step_duration_in_seconds: Seconds | None = None


class ArgoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be said of the workflow and its pods."""

    image: Name
    name: str = "magnus-dag-"
    kind: Literal["Workflow", "WorkflowTemplate", "CronWorkflow"] = "Workflow"
    schedules: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = ""
    pod_gc: Literal["", "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess"] = ""
    max_workflow_duration_in_seconds: Seconds = 172_800
    node_selector: Mapping[str, str] = field(default_factory=dict)
    parallelism: Annotated[int, Meta(ge=1)] | None = None
    service_account_name: str = ""
    resources: Resources = Resources()
    retry_strategy: RetryStrategy = RetryStrategy()
    max_step_duration_in_seconds: Seconds = 7_200
    tolerations: tuple[Toleration, ...] = ()
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    expose_parameters_as_inputs: bool = True
    secrets_from_k8s: tuple[Secret, ...] = ()
    persistent_volumes: tuple[Volume, ...] = ()
    output_file: Name = "argo-pipeline.yaml"
    overrides: Mapping[str, Override] = field(default_factory=dict)
    ttl_strategy: TtlStrategy = TtlStrategy()
    security_context: Mapping[str, Json] = field(default_factory=dict)
