"""The executor `argo`: writes a pipeline down as a workflow of Argo Workflows.

Pods run the same re-entry commands as any other engine; run id, path of the step and numbers of branches are all that
Argo carries, so a manifest does not grow with the data.
"""

import json
from collections.abc import Sequence
from typing import Final

import msgspec

from magnus.definition.yaml_text import dump
from magnus.errors import InvalidDefinition, Problem
from magnus.graph.path import StepPath
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.transpiler import FailureReasons, NextCommand, TranspileRequest, TranspileResult
from magnus.transpilers.argo import limits, pipeline_dags
from magnus.transpilers.argo.dags import DagBuilder
from magnus.transpilers.argo.failures import failure_reasons
from magnus.transpilers.argo.manifest import (
    CronSpec,
    CronWorkflow,
    Manifest,
    Metadata,
    Parameter,
    Parameters,
    PodGc,
    TtlStrategy,
    Workflow,
    WorkflowSpec,
)
from magnus.transpilers.argo.options import ArgoOptions
from magnus.transpilers.argo.pod_templates import ORIGINAL_RUN_ID, RUN_ID, Pods
from magnus.transpilers.planning import plan_of

_VERSION: Final = "argoproj.io/v1alpha1"
_ON_EXIT: Final = "on-exit"


def _capabilities(options: ArgoOptions) -> ExecutorCapabilities:
    folders = tuple(volume.mount_path for volume in options.persistent_volumes)
    gives = tuple(secret.environment_variable for secret in options.secrets_from_k8s)
    return ExecutorCapabilities(
        runs_on=Locality.NETWORK,
        concurrent=True,
        reenters=True,
        apart=True,
        shares=folders,
        gives=gives,
        gives_by="secrets_from_k8s",
    )


class ArgoTranspiler:
    """Writes workflows with the given options."""

    options = ArgoOptions
    capabilities = staticmethod(_capabilities)

    def __init__(self, options: ArgoOptions) -> None:
        self._options = options

    def problems(self, request: TranspileRequest) -> Sequence[Problem]:
        """What the engine cannot take: limits of Argo, and texts that it would read as variables of its own."""
        return self._transpiled(request)[1]

    def transpile(self, request: TranspileRequest) -> TranspileResult:
        """The manifest; InvalidDefinition says which limits it breaks."""
        text, found = self._transpiled(request)
        if any(problem.severity == "error" for problem in found):
            raise InvalidDefinition.of(found)
        file = self._options.output_file
        return TranspileResult({file: text}, _next_commands(self._options, request))

    def explain_failures(self, status: str, failures: str, steps: Sequence[StepPath]) -> FailureReasons:  # noqa: ARG002
        """The reasons in `workflow.failures`; the phase of a workflow adds none."""
        return failure_reasons(failures, steps)

    def _transpiled(self, request: TranspileRequest) -> tuple[str, list[Problem]]:
        """The text of the manifest, and what is wrong with it."""
        pods = Pods(self._options, request)
        plan = plan_of(request.graph, pods.rules(pipeline_dags.MOST_TASKS))
        builder = DagBuilder(pods, plan)
        manifest = self._manifest(request, pods, builder)
        text = dump(msgspec.to_builtins(manifest))
        found = limits.of_request(self._options, request, plan)
        return text, [*found, *limits.of_manifest(manifest, text, builder.steps, request)]

    def _manifest(self, request: TranspileRequest, pods: Pods, builder: DagBuilder) -> Manifest:
        options = self._options
        closing = builder.add(pods.closing(), _ON_EXIT)
        spec = WorkflowSpec(
            entrypoint=builder.entrypoint,
            templates=builder.templates,
            arguments=Parameters(
                (
                    Parameter(RUN_ID, value=""),
                    Parameter(ORIGINAL_RUN_ID, value=""),
                    *pods.arguments(),
                )
            ),
            on_exit=closing,
            active_deadline_seconds=options.max_workflow_duration_in_seconds,
            parallelism=options.parallelism,
            service_account_name=options.service_account_name,
            pod_gc=PodGc(options.pod_gc) if options.pod_gc else None,
            ttl_strategy=_ttl(options),
            volumes=pods.volumes(),
            security_context=options.security_context,
            workflow_metadata=_of_workflows(options) if options.kind == "WorkflowTemplate" else None,
        )
        metadata = self._metadata(request, builder)
        if options.kind == "CronWorkflow":
            return CronWorkflow(
                _VERSION, "CronWorkflow", metadata, CronSpec(options.schedules, spec, _of_workflows(options))
            )
        return Workflow(_VERSION, options.kind, metadata, spec)

    def _metadata(self, request: TranspileRequest, builder: DagBuilder) -> Metadata:
        """Its name, and which steps have other names in it."""
        options = self._options
        generates = options.kind == "Workflow"
        annotations = dict(options.annotations)
        if request.graph.description:
            annotations.setdefault("workflows.argoproj.io/description", request.graph.description)
        if builder.renamed:
            annotations["magnus/steps"] = json.dumps(builder.renamed, ensure_ascii=False)
        return Metadata(
            name="" if generates else _name_of(options),
            generate_name=options.name if generates else "",
            namespace=options.namespace,
            labels=dict(options.labels),
            annotations=annotations,
        )


def _of_workflows(options: ArgoOptions) -> Metadata | None:
    """What the workflows have that come of a template or a schedule, which do not have its own labels."""
    if not options.labels and not options.annotations:
        return None
    return Metadata(labels=dict(options.labels), annotations=dict(options.annotations))


def _ttl(options: ArgoOptions) -> TtlStrategy | None:
    ttl = options.ttl_strategy
    found = TtlStrategy(ttl.seconds_after_completion, ttl.seconds_after_success, ttl.seconds_after_failure)
    return None if found == TtlStrategy() else found


def _name_of(options: ArgoOptions) -> str:
    """The name of a template or of a scheduled workflow."""
    return options.name.rstrip("-")


def _next_commands(options: ArgoOptions, request: TranspileRequest) -> Sequence[NextCommand]:
    """The command lines of Argo that create the object of the manifest, run it, and resume a run of it."""
    namespace = ["-n", options.namespace] if options.namespace else []
    submit = ["argo", "submit", *namespace]
    match options.kind:
        case "Workflow":
            before, submit = [], [*submit, options.output_file]
        case "WorkflowTemplate":
            before = [_created("template", namespace, options.output_file)]
            submit += ["--from", f"workflowtemplate/{_name_of(options)}"]
        case "CronWorkflow":
            before = [_created("cron", namespace, options.output_file)]
            submit += ["--from", f"cronwf/{_name_of(options)}"]
    run = [*submit, *_argument(RUN_ID, request.run_id), *_argument(ORIGINAL_RUN_ID, request.original_run_id)]
    commands = [*before, NextCommand("run it with", run)]
    if not request.original_run_id:
        commands.append(NextCommand("resume a failed run RUN with", [*submit, *_argument(ORIGINAL_RUN_ID, "RUN")]))
    return commands


def _created(kind: str, namespace: Sequence[str], file: str) -> NextCommand:
    return NextCommand("create it with", ["argo", kind, "create", *namespace, file])


def _argument(name: str, value: str) -> list[str]:
    return ["-p", f"{name}={value}"] if value else []
