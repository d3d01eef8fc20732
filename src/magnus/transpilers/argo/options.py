"""The options of the executor `argo`, as they are written in the configuration."""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from magnus.values import Json

Seconds = Annotated[int, Meta(ge=1)]
SecondsOrNone = Annotated[int, Meta(ge=0)] | None
Name = Annotated[str, Meta(min_length=1)]
Quantities = Mapping[str, str | int | float]


class Resources(Struct, frozen=True, forbid_unknown_fields=True):
    """What a pod asks for and may use at most.

    Attributes:
        requests: what it asks for: `cpu`, `memory`, and devices by their names, as Kubernetes writes them.
        limits: what it may use at most, likewise; `gpu` is a device of `gpu_vendor`.
    """

    requests: Quantities = field(default_factory=dict)
    limits: Quantities = field(default_factory=dict)


class Backoff(Struct, frozen=True, forbid_unknown_fields=True):
    """How long to wait before the next pod.

    Attributes:
        duration: how long before the first one, as `30s` or `2m`.
        duration_in_seconds: the same in seconds.
        factor: by how much longer each time, a whole number.
        max_duration: how long at most, likewise; a number is seconds.
    """

    duration: str = ""
    factor: Annotated[float, Meta(ge=1)] | None = None
    max_duration: str | int = ""
    duration_in_seconds: Seconds | None = None

    @property
    def first_wait(self) -> str:
        """How long before the first one, in either spelling; "" without one."""
        return self.duration or (f"{self.duration_in_seconds}s" if self.duration_in_seconds is not None else "")

    @property
    def longest(self) -> str:
        """How long at most, with its unit."""
        return f"{self.max_duration}s" if isinstance(self.max_duration, int) else self.max_duration


class RetryStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    """How often a pod is started again that could not run to its end; failures of tasks count in `max_attempts`.

    Attributes:
        limit: how often at most.
        retry_policy: after what: `OnError` and `OnTransientError` are errors of pods; `OnFailure` are failures of tasks,
            which then have at least so many attempts more, and `Always` is both.
        backoff: how long to wait before.
        back_off: the same.
    """

    limit: Annotated[int, Meta(ge=0)] = 0
    retry_policy: Literal["OnError", "OnTransientError", "OnFailure", "Always"] = "OnError"
    backoff: Backoff = Backoff()
    back_off: Backoff | None = None

    @property
    def waits(self) -> Backoff:
        """How long to wait before, by whichever name."""
        return self.backoff if self.back_off is None else self.back_off

    @property
    def errors(self) -> int:
        """How often a pod is started again after an error of pods."""
        return 0 if self.retry_policy == "OnFailure" else self.limit

    def attempts(self, of_step: int) -> int:
        """How many attempts a task has that says this number itself."""
        return max(of_step, self.limit + 1) if self.retry_policy in {"OnFailure", "Always"} else of_step


class Toleration(Struct, frozen=True, forbid_unknown_fields=True):
    """A taint of nodes that pods put up with.

    Attributes:
        key: the key of the taint.
        operator: how the taint is compared.
        value: the value of the taint.
        effect: the effect of the taint.
        toleration_seconds: for how long, in seconds.
    """

    key: str = ""
    operator: Literal["", "Exists", "Equal"] = ""
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""
    toleration_seconds: SecondsOrNone = None


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """A variable of the environment of every pod, from a Kubernetes secret.

    Attributes:
        environment_variable: the name of the variable.
        secret_name: the name of the secret.
        secret_key: the key in the secret.
    """

    environment_variable: Name
    secret_name: Name
    secret_key: Name


class Volume(Struct, frozen=True, forbid_unknown_fields=True):
    """A persistent volume claim, and where pods see it.

    Attributes:
        name: the name of the claim.
        mount_path: the folder in pods.
    """

    name: Name
    mount_path: Name


class TtlStrategy(Struct, frozen=True, forbid_unknown_fields=True):
    """When the engine removes a workflow that has finished.

    Attributes:
        seconds_after_completion: how many seconds after its end.
        seconds_after_success: how many seconds after it succeeded.
        seconds_after_failure: how many seconds after it failed.
    """

    seconds_after_completion: SecondsOrNone = None
    seconds_after_success: SecondsOrNone = None
    seconds_after_failure: SecondsOrNone = None


class Override(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different for the steps that name it.

    Attributes:
        image: the image of the pod.
        image_pull_policy: when the image is pulled.
        resources: what the pod asks for and may use.
        node_selector: labels of the nodes it may run on.
        tolerations: taints of nodes it puts up with.
        parallelism: of a step with branches: how many of them run at a time.
        retry_strategy: how often its pod is started again.
        max_step_duration_in_seconds: after how many seconds Argo stops its pod.
        fail_fast: only false: the other branches of a step run to their end when one has failed.
        together: of a step with branches: whether one pod runs all of them, with as many worker processes as it has processors.
    """

    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    resources: Resources | None = None
    node_selector: Mapping[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    parallelism: Annotated[int, Meta(ge=1)] | None = None
    retry_strategy: RetryStrategy | None = None
    max_step_duration_in_seconds: Seconds | None = None
    fail_fast: bool = False
    together: bool = False


class ArgoOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be said of the workflow and its pods.

    Attributes:
        image: the image of all pods, with magnus, the pipeline and the code of its steps.
        name: `generateName` of the workflow; the name of a template or of a scheduled workflow.
        kind: which object is written.
        schedules: when a `CronWorkflow` runs, as cron writes it.
        annotations: annotations of the workflow.
        labels: labels of the workflow.
        namespace: the namespace of the workflow.
        pod_gc: when pods are removed.
        max_workflow_duration_in_seconds: after how many seconds Argo stops the workflow.
        node_selector: labels of the nodes that pods may run on.
        parallelism: how many pods run at a time.
        service_account_name: the service account of pods.
        resources: what pods ask for and may use.
        gpu_vendor: the device that `gpu` stands for under `resources`.
        retry_strategy: how often a pod is started again that could not run to its end.
        max_step_duration_in_seconds: after how many seconds Argo stops a pod.
        tolerations: taints of nodes that pods put up with.
        image_pull_policy: when images are pulled.
        fuse: whether pods of steps also start and join branches and record ends, so that fewer pods start.
        expose_parameters_as_inputs: whether simple initial parameters are arguments of the workflow.
        secrets_from_k8s: variables of the environment of pods from Kubernetes secrets.
        persistent_volumes: volumes that all pods see.
        output_file: the file that is written.
        overrides: what is different for steps, by the name that they say under `overrides: {argo: ...}`.
        ttl_strategy: when the engine removes the workflow.
        security_context: the security context of pods, as Kubernetes has it.
    """

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
    gpu_vendor: Name = "nvidia.com/gpu"
    retry_strategy: RetryStrategy = RetryStrategy()
    max_step_duration_in_seconds: Seconds = 7_200
    tolerations: tuple[Toleration, ...] = ()
    image_pull_policy: Literal["", "Always", "IfNotPresent", "Never"] = ""
    fuse: bool = True
    expose_parameters_as_inputs: bool = True
    secrets_from_k8s: tuple[Secret, ...] = ()
    persistent_volumes: tuple[Volume, ...] = ()
    output_file: Name = "argo-pipeline.yaml"
    overrides: Mapping[str, Override] = field(default_factory=dict)
    ttl_strategy: TtlStrategy = TtlStrategy()
    security_context: Mapping[str, Json] = field(default_factory=dict)
