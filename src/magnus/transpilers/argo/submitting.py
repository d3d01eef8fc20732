"""What to do with a manifest: the command lines of Argo that submit it, and go on with a run."""

from collections.abc import Sequence

from magnus.interfaces.transpiler import NextCommand, TranspileRequest
from magnus.transpilers.argo.options import ArgoOptions
from magnus.transpilers.argo.pod_templates import ORIGINAL_RUN_ID, RUN_ID


def name_of(options: ArgoOptions) -> str:
    """The name of a template or of a scheduled workflow."""
    return options.name.rstrip("-")


def next_commands(options: ArgoOptions, request: TranspileRequest) -> Sequence[NextCommand]:
    """How to create what is in the manifest, to run it, and to go on with a run of it."""
    namespace = ["-n", options.namespace] if options.namespace else []
    submit = ["argo", "submit", *namespace]
    match options.kind:
        case "Workflow":
            before, submit = [], [*submit, options.output_file]
        case "WorkflowTemplate":
            before = [_created("template", namespace, options.output_file)]
            submit += ["--from", f"workflowtemplate/{name_of(options)}"]
        case "CronWorkflow":
            before = [_created("cron", namespace, options.output_file)]
            submit += ["--from", f"cronwf/{name_of(options)}"]
    run = [*submit, *_argument(RUN_ID, request.run_id), *_argument(ORIGINAL_RUN_ID, request.original_run_id)]
    commands = [*before, NextCommand("run it with", run)]
    if not request.original_run_id:
        commands.append(NextCommand("resume a failed run RUN with", [*submit, *_argument(ORIGINAL_RUN_ID, "RUN")]))
    return commands


def _created(kind: str, namespace: Sequence[str], file: str) -> NextCommand:
    return NextCommand("create it with", ["argo", kind, "create", *namespace, file])


def _argument(name: str, value: str) -> list[str]:
    return ["-p", f"{name}={value}"] if value else []
