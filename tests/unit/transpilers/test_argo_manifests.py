"""What is written for Argo: for every pipeline of the corpus as it was read by people, and taken by Argo's own models.

`pytest tests/unit/transpilers --update-expected` writes `tests/corpus/argo/` anew.
"""

import json
import re
from pathlib import Path

import argo_rules
import pytest
import yaml
from hera.workflows import models

from magnus.app.pipelines import load_pipeline
from magnus.errors import InvalidDefinition
from magnus.graph.graph import Graph
from magnus.graph.nodes import CompositeNode, RepeatedBranch, StaticBranches, TaskNode, TaskSpec, TerminalNode
from magnus.interfaces.transpiler import Handover
from magnus.transpilers.argo import ArgoOptions, ArgoTranspiler
from magnus.transpilers.argo.names import Names, plain
from magnus.transpilers.argo.options import Backoff, Override, Resources, RetryStrategy, Secret, Toleration, Volume

CORPUS = Path(__file__).parents[2] / "corpus"
NAMES = sorted(file.stem for file in CORPUS.glob("*.yaml"))
MODELS = {
    "Workflow": models.Workflow,
    "WorkflowTemplate": models.WorkflowTemplate,
    "CronWorkflow": models.CronWorkflow,
}


def written(graph, *, parameters=None, **options):
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", **options}))
    handover = Handover(graph, "pipeline.yaml", "config.yaml", parameters=parameters or {})
    [text] = transpiler.transpile(handover).files.values()
    return text


def problems(graph, *, parameters=None, handover=None, **options):
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", **options}))
    found = transpiler.problems(handover or Handover(graph, "pipeline.yaml", parameters=parameters or {}))
    return [(problem.severity, problem.message) for problem in found]


def chain(count, on_failure=lambda _number: None):
    nodes = {
        f"s{number}": TaskNode(
            f"s{number}",
            TaskSpec("noop"),
            next=f"s{number + 1}" if number + 1 < count else "success",
            on_failure=on_failure(number),
        )
        for number in range(count)
    }
    ends = {"success": TerminalNode("success", True), "fail": TerminalNode("fail", False)}
    return Graph("s0", {**nodes, **ends})


def loaded(name):
    return load_pipeline(str(CORPUS / f"{name}.yaml"), None, {}, CORPUS).graph


def as_argo_reads_it(text):
    """The manifest through models generated from Argo's own description; what they do not know they drop."""
    value = yaml.safe_load(text)
    return MODELS[value["kind"]].model_validate(value).model_dump(mode="json", by_alias=True, exclude_none=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_of_a_pipeline_of_the_corpus(name, pytestconfig):
    text = written(loaded(name), parameters={"x": 3})
    expected = CORPUS / "argo" / f"{name}.yaml"
    if pytestconfig.getoption("--update-expected"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text)
    assert text == expected.read_text()
    assert as_argo_reads_it(text) == yaml.safe_load(text)
    assert list(argo_rules.broken(yaml.safe_load(text))) == []


def test_no_manifest_is_expected_of_a_pipeline_that_is_not_there():
    assert sorted(file.stem for file in (CORPUS / "argo").glob("*.yaml")) == NAMES


@pytest.mark.parametrize("kind", MODELS)
def test_every_option_is_one_of_argo(kind):
    pods = {
        "resources": Resources({"cpu": "250m", "memory": "1Gi"}, {"cpu": 1, "nvidia.com/gpu": 2}),
        "node_selector": {"disk": "ssd"},
        "tolerations": (Toleration("gpu", "Exists", effect="NoSchedule", toleration_seconds=60),),
        "retry_strategy": RetryStrategy(2, "OnTransientError", Backoff("30s", 2, "10m")),
        "image_pull_policy": "Always",
    }
    text = written(
        loaded("map"),
        parameters={"x": 3, "text": "12", "list": [1], "no": False},
        kind=kind,
        schedules=("0 3 * * *",) if kind == "CronWorkflow" else (),
        annotations={"team/owner": "us"},
        labels={"team": "us"},
        namespace="science",
        pod_gc="OnPodSuccess",
        parallelism=7,
        service_account_name="runner",
        secrets_from_k8s=(Secret("TOKEN", "tokens", "main"),),
        persistent_volumes=(Volume("data", "/mnt/data"),),
        overrides={"big": Override(**pods, image="image:2", parallelism=2, max_step_duration_in_seconds=60)},
        security_context={"runAsUser": 1000},
        **pods,
    )
    value = yaml.safe_load(text)
    assert as_argo_reads_it(text) == value
    spec = value["spec"]["workflowSpec"] if kind == "CronWorkflow" else value["spec"]
    arguments = {argument["name"]: argument["value"] for argument in spec["arguments"]["parameters"]}
    assert arguments == {
        "run_id": "{{workflow.uid}}",
        "original_run_id": "",
        "x": "3",
        "text": '"12"',
        "no": "false",
    }


def test_what_is_written_is_the_same_every_time():
    assert written(loaded("everything-inside-everything")) == written(loaded("everything-inside-everything"))


def test_values_of_users_never_make_variables_of_argo():
    text = written(loaded("map"), parameters={"a": "{{workflow.name}}", "b": [["{{x}}"]]})
    outside = [name for name in re.findall(r"\{\{(.*?)\}\}", text) if not re.fullmatch(r"[a-z.A-Z0-9_-]+", name)]
    assert not outside
    assert "{{workflow.name}}" not in text
    assert "{{x}}" not in text


def test_names_that_were_changed_are_told():
    inner = chain(1)
    step = TaskNode("Fit it", TaskSpec("noop"), next="success")
    ends = {name: inner.nodes[name] for name in ("success", "fail")}
    branch = Graph("Fit it", {"Fit it": step, **ends})
    composite = CompositeNode("fit/it", StaticBranches({"true": branch, "2": inner}), next="success")
    value = yaml.safe_load(written(Graph("fit/it", {"fit/it": composite, **ends})))
    assert json.loads(value["metadata"]["annotations"]["magnus/steps"]) == {
        "fit-it": "fit/it",
        "fit/it true: fit-it": "Fit it",
        "branch-true": "true",
        "branch-2": "2",
    }


def test_names_are_plain_and_different():
    names = Names("end")
    assert [names.of(text) for text in ("Fit it!", "fit-it", "fit/it", "", "ü", "end", "x" * 80, "x" * 90)] == [
        "fit-it", "fit-it-2", "fit-it-3", "step", "step-2", "end-2", "x" * 63, "x" * 61 + "-2",
    ]  # fmt: skip
    assert plain("--A--") == "a"


def test_names_are_none_that_depends_reads_otherwise():
    assert [plain(text) for text in ("1st", "2024-01-02", "True", "filter", "Not", "in")] == [
        "step-1st", "step-2024-01-02", "step-true", "step-filter", "step-not", "step-in",
    ]  # fmt: skip
    assert plain("false", "branch") == "branch-false"
    assert plain("9" * 70) == "step-" + "9" * 58
    assert [plain(text) for text in ("filters", "map-it", "not-in")] == ["filters", "map-it", "not-in"]


def test_a_long_chain_stays_under_the_limits():
    graph = chain(500, lambda number: f"s{number + 2}" if number % 10 == 0 and number < 498 else None)
    assert problems(graph) == []
    spec = yaml.safe_load(written(graph))["spec"]
    sizes = [len(template["dag"]["tasks"]) for template in spec["templates"] if "dag" in template]
    assert max(sizes) <= 160
    assert sum(sizes) >= 500


def test_a_chain_that_cannot_be_cut_is_refused():
    graph = chain(220, lambda number: "success" if number == 0 else None)
    message = "'pipeline' has 223 tasks, and Argo takes 200 in one dag"
    assert problems(graph) == [("error", message)]
    with pytest.raises(InvalidDefinition, match="223 tasks"):
        written(graph)


def test_limits_of_parameters():
    assert problems(chain(1), parameters={"a b": 1, "large": "x" * 140_000}) == [
        ("error", "the parameter 'a b' cannot be a variable of the environment of a pod"),
        ("error", "the parameter 'large' has more than 131072 bytes"),
    ]
    many = {f"p{number}": number for number in range(600)}
    assert problems(chain(1), parameters=many) == [("error", "the workflow has 602 parameters, and Argo takes 500")]
    assert problems(chain(1), parameters=many, expose_parameters_as_inputs=False) == []


def test_options_that_do_not_fit():
    graph = chain(1)
    node = TaskNode("s0", TaskSpec("noop"), next="success", overrides={"argo": "huge"})
    assert problems(graph, name="Not a name") == [("error", "the name 'Not a name' is none that Kubernetes takes")]
    assert problems(graph, kind="CronWorkflow") == [("error", "'schedules' and 'kind: CronWorkflow' go together")]
    assert problems(Graph("s0", {**graph.nodes, "s0": node}), overrides={"big": Override()}) == [
        ("error", "there is no override 'huge' of the executor; there is 'big'")
    ]
    [(_, message)] = problems(graph, handover=Handover(graph, "{{x}}.yaml"))
    assert message == "the pipeline '{{x}}.yaml' has '{{', which Argo reads as the begin of a variable"


def test_loops_nest_only_so_deep():
    inner = chain(1)
    loop = CompositeNode("l", RepeatedBranch(inner, max_iterations=501), next="success", written_as="loop")
    graph = Graph("l", {"l": loop, **{name: inner.nodes[name] for name in ("success", "fail")}})
    assert problems(graph) == [("error", "501 rounds are nested deeper than Argo goes")]


def test_many_nodes_are_a_warning():
    inner = chain(1)
    branches = StaticBranches({f"b{number}": inner for number in range(100)})
    ends = {name: inner.nodes[name] for name in ("success", "fail")}
    composite = CompositeNode("p", branches, next="success")
    assert problems(Graph("p", {"p": composite, **ends})) == []
    [(severity, message)] = [found for found in problems(chain(3100)) if "nodes" in found[1]]
    assert severity == "warning"
    assert "outgrows one object" in message
