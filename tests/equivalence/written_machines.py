"""Writes machines of Step Functions of pipelines of the corpus, and of other graphs."""

from pathlib import Path

from magnus.app.run.load_pipeline import load_pipeline
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.step_functions import MACHINE_FILE, StepFunctionsOptions, StepFunctionsTranspiler

CORPUS = Path(__file__).parents[1] / "corpus"
OPTIONS = {"image": "image:1", "region": "eu-central-1", "queue": "queue", "handover": "s3://bucket/magnus"}


def transpiler(**options):
    return StepFunctionsTranspiler(StepFunctionsOptions(**{**OPTIONS, **options}))


def files(graph, *, parameters=None, lengths=None, **options):
    request = TranspileRequest(
        graph,
        "pipeline.yaml",
        "config.yaml",
        parameters=parameters or {},
        lengths=lengths or {},
        executor="aws-step-functions",
    )
    return transpiler(**options).transpile(request).files


def written(graph, **options):
    return files(graph, **options)[f"step-functions/{MACHINE_FILE}"]


def loaded(name):
    return load_pipeline(str(CORPUS / f"{name}.yaml"), None, {}, CORPUS).graph
