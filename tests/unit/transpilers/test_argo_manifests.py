"""What is written for Argo: for every pipeline of the corpus as it was read by people, and taken by Argo's own models.

`pytest tests/unit/transpilers --update-expected` writes `tests/corpus/argo/` anew.
"""

import json
import re
from pathlib import Path

import argo_rules
import pytest
import yaml

from magnus.app.run.load_pipeline import load_pipeline
from magnus.definition.fields import read as read_fields
from magnus.graph.nodes import (
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TaskSpec,
    TerminalNode,
)
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.argo import ArgoOptions, ArgoTranspiler, limits
from magnus.transpilers.argo.names import plain, unique_names
from magnus.transpilers.argo.options import Backoff, Override, Resources, RetryStrategy, Secret, Toleration, Volume
from magnus.transpilers.planning import PlanRules, plan_of

CORPUS = Path(__file__).parents[2] / "corpus"
NAMES = sorted(file.stem for file in CORPUS.glob("*.yaml"))
MODELS = ("Workflow", "WorkflowTemplate", "CronWorkflow")


def written(graph, *, parameters=None, **options):
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", **options}))
    request = TranspileRequest(graph, "pipeline.yaml", "config.yaml", parameters=parameters or {})
    [text] = transpiler.transpile(request).files.values()
    return text


def problems(graph, *, parameters=None, request=None, **options):
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", **options}))
    found = transpiler.problems(request or TranspileRequest(graph, "pipeline.yaml", parameters=parameters or {}))
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
    from hera.workflows import models  # late: it takes two seconds, in each process that collects tests

    value = yaml.load(text, yaml.CSafeLoader)
    assert value["kind"] in MODELS
    return (
        getattr(models, value["kind"]).model_validate(value).model_dump(mode="json", by_alias=True, exclude_none=True)
    )


@pytest.mark.parametrize("fuse", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_the_manifest_of_a_pipeline_of_the_corpus(name, fuse, pytestconfig):
    text = written(loaded(name), parameters={"x": 3}, fuse=fuse)
    expected = folder_of(fuse) / f"{name}.yaml"
    if pytestconfig.getoption("--update-expected"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(text)
    assert text == expected.read_text()
    assert as_argo_reads_it(text) == yaml.load(text, yaml.CSafeLoader)
    assert list(argo_rules.broken(yaml.load(text, yaml.CSafeLoader))) == []


def folder_of(fuse):
    return CORPUS / "argo" / ("fused" if fuse else "one-act-a-pod")


def test_no_manifest_is_expected_of_a_pipeline_that_is_not_there():
    for fuse in (True, False):
        assert sorted(file.stem for file in folder_of(fuse).glob("*.yaml")) == NAMES


@pytest.mark.parametrize("kind", MODELS)
def test_every_option_is_one_of_argo(kind):
    pods = {
        "resources": Resources({"cpu": "250m", "memory": "1Gi"}, {"cpu": 1, "nvidia.com/gpu": 2}),
        "node_selector": {"disk": "ssd"},
        "tolerations": (Toleration("gpu", "Exists", effect="NoExecute", toleration_seconds=60),),
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
    value = yaml.load(text, yaml.CSafeLoader)
    assert as_argo_reads_it(text) == value
    spec = value["spec"]["workflowSpec"] if kind == "CronWorkflow" else value["spec"]
    arguments = {argument["name"]: argument["value"] for argument in spec["arguments"]["parameters"]}
    assert arguments == {
        "run_id": "",
        "original_run_id": "",
        "x": "3",
        "text": '"12"',
        "no": "false",
    }


def test_what_is_written_is_the_same_every_time():
    assert written(loaded("everything-inside-everything")) == written(loaded("everything-inside-everything"))


def test_values_of_users_never_make_variables_of_argo():
    text = written(loaded("map"), parameters={"a": "{{workflow.namespace}}", "b": [["{{x}}"]]})
    outside = [name for name in re.findall(r"\{\{(.*?)\}\}", text) if not re.fullmatch(r"[a-z.A-Z0-9_-]+", name)]
    assert outside == ["=sprig.trunc(20000, workflow.failures)"]
    assert "{{workflow.namespace}}" not in text
    assert "{{x}}" not in text


def test_names_that_were_changed_are_told():
    inner = chain(1)
    step = TaskNode("Fit it", TaskSpec("noop"), next="success")
    ends = {name: inner.nodes[name] for name in ("success", "fail")}
    branch = Graph("Fit it", {"Fit it": step, **ends})
    composite = CompositeNode("fit/it", StaticBranches({"true": branch, "2": inner}), next="success")
    value = yaml.load(written(Graph("fit/it", {"fit/it": composite, **ends})), yaml.CSafeLoader)
    assert json.loads(value["metadata"]["annotations"]["magnus/steps"]) == {
        "fit-it": "fit/it",
        "fit/it true: fit-it": "Fit it",
        "branch-true": "true",
        "branch-2": "2",
    }


def test_names_are_plain_and_different():
    names = unique_names("end")
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
    spec = yaml.load(written(graph), yaml.CSafeLoader)["spec"]
    sizes = [len(template["dag"]["tasks"]) for template in spec["templates"] if "dag" in template]
    assert max(sizes) <= 160
    assert sum(sizes) >= 500


def test_the_limit_of_annotations():
    found = problems(chain(1), annotations={"team/notes": "ü" * 140_000})
    assert found == [("error", "the annotations have 280010 bytes, and Kubernetes takes 262144")]


def test_the_name_of_a_variable_counts_in_its_limit():
    """`MAGNUS_PRM_s=` and the NUL at the end have 14 bytes."""
    assert [kind for kind, _ in problems(chain(1), parameters={"s": "x" * 131_058})] == ["warning"]
    error, (kind, _) = problems(chain(1), parameters={"s": "x" * 131_059})
    assert error == ("error", "the variable of the parameter 's' has 131073 bytes, and Linux takes 131072")
    assert kind == "warning"


@pytest.mark.parametrize("exposed", [True, False])
def test_all_variables_of_a_pod_together_have_a_limit_in_older_versions(exposed):
    parameters = {f"p{number}": "x" * 30_000 for number in range(5)}
    [(kind, message)] = problems(chain(1), parameters=parameters, expose_parameters_as_inputs=exposed)
    assert kind == "warning"
    assert "Argo before 3.6 passes a pod its template in one variable, of which Linux takes 131072" in message
    assert problems(chain(1), parameters={"p": "x" * 30_000}, expose_parameters_as_inputs=exposed) == []


def test_limits_of_parameters():
    assert problems(chain(1), parameters={"a b": 1, "large": "x" * 140_000})[:2] == [
        ("error", "the parameter 'a b' cannot be a variable of the environment of a pod"),
        ("error", "the variable of the parameter 'large' has 140018 bytes, and Linux takes 131072"),
    ]
    many = {f"p{number}": number for number in range(600)}
    assert problems(chain(1), parameters=many) == [("error", "the workflow has 602 parameters, and Argo takes 500")]
    assert problems(chain(1), parameters=many, expose_parameters_as_inputs=False) == []


def test_options_that_do_not_fit():
    graph = chain(1)
    assert problems(graph, name="Not a name") == [("error", "the name 'Not a name' is none that Kubernetes takes")]
    assert problems(graph, kind="CronWorkflow") == [("error", "'schedules' and 'kind: CronWorkflow' go together")]
    [(_, message)] = problems(graph, request=TranspileRequest(graph, "{{x}}.yaml"))
    assert message == "in the pipeline '{{x}}.yaml' there is a variable for Argo or Kubernetes: '{{', '$(' or '$$'"


def spec_of(graph, *, request=None, **options):
    """With a pod for each act, where nothing else is said."""
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", "fuse": False, **options}))
    [text] = transpiler.transpile(request or TranspileRequest(graph, "pipeline.yaml", executor="argo")).files.values()
    assert list(argo_rules.broken(yaml.load(text, yaml.CSafeLoader))) == []
    return yaml.load(text, yaml.CSafeLoader)["spec"]


def templates(graph, **options):
    return {template["name"]: template for template in spec_of(graph, **options)["templates"]}


def around(branch, **more):
    """A pipeline of one step, which has the branch."""
    composite = CompositeNode("p", StaticBranches({"b": branch}), next="success", **more)
    return Graph("p", {"p": composite, **{name: branch.nodes[name] for name in ("success", "fail")}})


def test_an_override_holds_for_what_is_inside_but_how_many_branches_run_at_a_time():
    inner = chain(1)
    own = TaskNode("s0", TaskSpec("noop"), next="success", overrides={"argo": "small"})
    branch = around(Graph("s0", {**inner.nodes, "s0": own}))
    overrides = {"big": Override(image="big:1", parallelism=2), "small": Override(image="small:1")}
    found = templates(around(branch, overrides={"argo": "big"}), overrides=overrides)
    images = {name: template["container"]["image"] for name, template in found.items() if "container" in template}
    assert images == {
        "first-fan-out": "big:1", "fan-out": "big:1", "step": "small:1", "step-2": "big:1", "fan-in": "big:1",
        "step-3": "image:1", "first-step": "image:1", "on-exit": "image:1",
    }  # fmt: skip
    assert {name: t["parallelism"] for name, t in found.items() if "parallelism" in t} == {"p": 2}


def test_a_step_with_branches_is_one_pod_where_its_override_says_so():
    inner = around(chain(2), overrides={"argo": "one"})
    request = TranspileRequest(inner, "p.yaml", executor="argo")
    found = templates(None, request=request, overrides={"one": Override(together=True, image="big:1")}, fuse=True)
    assert {name: one["container"]["image"] for name, one in found.items() if "container" in one} == {
        "first-composite-and-on": "big:1", "first-step": "image:1", "on-exit": "image:1",
    }  # fmt: skip
    assert found["first-composite-and-on"]["container"]["command"][1] == "run_composite"


def test_a_task_cannot_run_together_and_inner_overrides_do_nothing():
    node = TaskNode("s0", TaskSpec("noop"), next="success", overrides={"argo": "one"})
    graph = Graph("s0", {**chain(1).nodes, "s0": node})
    options = {"overrides": {"one": Override(together=True)}}
    assert problems(None, request=TranspileRequest(graph, "p.yaml", executor="argo"), **options) == [
        ("error", "'s0' has no branches, and its override 'one' has 'together: true'")
    ]
    outer = TranspileRequest(around(graph, overrides={"argo": "one"}), "p.yaml", executor="argo")
    assert problems(None, request=outer, **options) == [
        ("warning", "'s0' runs in the process of 'p', so its override 'one' has no effect")
    ]


def test_overrides_are_those_for_the_type_in_the_configuration():
    node = TaskNode("s0", TaskSpec("noop"), next="success", overrides={"argo": "big", "ours": "small"})
    graph = Graph("s0", {**chain(1).nodes, "s0": node})
    overrides = {"big": Override(image="big:1"), "small": Override(image="small:1")}
    for executor, image in (("argo", "big:1"), ("ours", "small:1"), ("theirs", "image:1")):
        found = spec_of(None, request=TranspileRequest(graph, "p.yaml", executor=executor), overrides=overrides)
        assert [t["container"]["image"] for t in found["templates"] if t["name"] == "first-step"] == [image]


def test_variables_that_pipeline_and_configuration_use_are_given_to_all_pods():
    request = TranspileRequest(
        chain(1), "pipeline.yaml", variables={"MAGNUS_VAR_logs": "/mnt/logs", "MAGNUS_VAR_token": "x"}
    )
    secret = Secret("MAGNUS_VAR_token", "tokens", "main")
    spec = spec_of(None, request=request, secrets_from_k8s=(secret,))
    reference = {"secretKeyRef": {"name": "tokens", "key": "main"}}
    for template in spec["templates"]:
        if "container" in template:
            assert template["container"]["env"] == [
                {"name": "MAGNUS_VAR_token", "valueFrom": reference},
                {"name": "MAGNUS_VAR_logs", "value": "/mnt/logs"},
            ]
    assert problems(None, request=request) == [
        ("error", "the variable MAGNUS_VAR_token looks like a secret, and everybody can read a manifest")
    ]
    replaced = TranspileRequest(chain(1), "pipeline.yaml", variables={"MAGNUS_VAR_x": "$(HOME)"})
    assert problems(None, request=replaced) == [
        ("error", "Argo or Kubernetes would replace something in the value of the variable MAGNUS_VAR_x")
    ]


@pytest.mark.parametrize("text", ["{{workflow.name}}", "{{=1+1}}", "$(TOKEN)", "a$$b", "{{{x}}}", '"{{', "$$(x)"])
def test_nothing_in_a_value_is_replaced_by_engines(text):
    for value in (text, [text], {text: text}):
        [variable] = templates(
            None,
            request=TranspileRequest(chain(1), "pipeline.yaml", parameters={"x": value}),
            expose_parameters_as_inputs=False,
        )["first-step"]["container"]["env"]
        assert not re.search(r"\{\{|\$\(|\$\$", variable["value"])
        assert json.loads(variable["value"]) == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "plain",
        'say "hi"',
        "two\nlines",
        "ü😀",
        "12",
        "true",
        "null",
        "[1]",
        12,
        1.5,
        True,
        False,
        "a$b",
        "{a}",
        "\a\x7f\v",
        "\u200b",
        "\U000e0001",
        "\udc80",
    ],
)
def test_a_simple_value_is_an_argument_that_reads_back_as_it_was(value):
    request = TranspileRequest(
        chain(1), "pipeline.yaml", parameters={"x": value, "nested": {"a": [1]}, "nothing": None}
    )
    spec = spec_of(None, request=request)
    arguments = {argument["name"]: argument["value"] for argument in spec["arguments"]["parameters"]}
    assert arguments.keys() == {"run_id", "original_run_id", "x"}
    assert read(arguments["x"]) == value
    assert type(read(arguments["x"])) is type(value)
    assert arguments["x"].replace("\n", "").isprintable()
    [first] = [template for template in spec["templates"] if template["name"] == "first-step"]
    assert first["container"]["env"] == [
        {"name": "MAGNUS_PRM_x", "value": "{{workflow.parameters.x}}"},
        {"name": "MAGNUS_PRM_nested", "value": '{"a": [1]}'},
        {"name": "MAGNUS_PRM_nothing", "value": "null"},
    ]


def read(text):
    """As magnus reads a variable of the environment."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_the_pod_of_the_exit_handler_runs_where_the_others_do():
    toleration = Toleration("gpu", "Exists", effect="NoSchedule")
    retry = RetryStrategy(2)
    found = templates(chain(1), node_selector={"disk": "ssd"}, tolerations=(toleration,), retry_strategy=retry)
    where = ("activeDeadlineSeconds", "retryStrategy", "nodeSelector", "tolerations")
    assert {key: found["on-exit"][key] for key in where} == {key: found["step"][key] for key in where}


@pytest.mark.parametrize(("delay", "duration"), [(30.0, "30"), (0.5, "500ms"), (1_000_000.0, "1000000")])
def test_the_time_between_attempts_is_as_argo_reads_it(delay, duration):
    step = TaskNode("s0", TaskSpec("noop"), next="success", max_attempts=2, retry_delay=delay)
    found = templates(Graph("s0", {**chain(1).nodes, "s0": step}))
    assert found["first-step"]["retryStrategy"]["backoff"] == {"duration": duration}


def test_a_claim_is_one_volume_however_often_and_whatever_its_name():
    volumes = (Volume("my.data", "/a"), Volume("my.data", "/b"), Volume("my-data", "/c"))
    spec = spec_of(chain(1), persistent_volumes=volumes)
    assert spec["volumes"] == [
        {"name": "my-data", "persistentVolumeClaim": {"claimName": "my.data"}},
        {"name": "my-data-2", "persistentVolumeClaim": {"claimName": "my-data"}},
    ]
    assert spec["templates"][0]["container"]["volumeMounts"] == [
        {"name": "my-data", "mountPath": "/a"}, {"name": "my-data", "mountPath": "/b"},
        {"name": "my-data-2", "mountPath": "/c"},
    ]  # fmt: skip


@pytest.mark.parametrize("kind", MODELS)
def test_workflows_have_the_labels_and_annotations_whatever_they_come_of(kind):
    options = {"labels": {"team": "us"}, "annotations": {"a": "b"}}
    schedules = ("@daily",) if kind == "CronWorkflow" else ()
    value = yaml.load(written(chain(1), kind=kind, schedules=schedules, **options), yaml.CSafeLoader)
    holder = value if kind == "Workflow" else {"metadata": value["spec"]["workflowMetadata"]}
    assert {key: holder["metadata"][key] for key in options} == options
    assert (value["metadata"]["labels"], value["metadata"]["annotations"]) == ({"team": "us"}, {"a": "b"})


REFUSED = {
    "name": ({"name": "x" * 59}, "the name '" + "x" * 59 + "' has 59 characters, and Argo takes 58 here"),
    "cron": (
        {"name": "x" * 53, "kind": "CronWorkflow", "schedules": ("@daily",)},
        "the name '" + "x" * 53 + "' has 53 characters, and Argo takes 52 here",
    ),
    "namespace": ({"namespace": "My Space"}, "'My Space' is no name that Kubernetes takes"),
    "account": ({"service_account_name": "-x"}, "'-x' is no name that Kubernetes takes"),
    "schedule": ({"kind": "CronWorkflow", "schedules": ("daily",)}, "'daily' is no schedule of cron"),
    "label": ({"labels": {"team": "a b"}}, "'a b' is no value of a label"),
    "key": ({"annotations": {"a b": "x"}}, "'a b' is no key of annotations that Kubernetes takes"),
    "variable": ({"secrets_from_k8s": (Secret("A B", "s", "k"),)}, "'A B' is no name of a variable of the environment"),
    "twice": ({"secrets_from_k8s": (Secret("A", "s", "k"), Secret("A", "s", "l"))}, "the variable 'A' is given twice"),
    "secret": ({"secrets_from_k8s": (Secret("A", "S!", "k"),)}, "'S!' is no name of a secret"),
    "key of a secret": ({"secrets_from_k8s": (Secret("A", "s", "k k"),)}, "'k k' is no key of a secret"),
    "claim": ({"persistent_volumes": (Volume("A", "/a"),)}, "'A' is no name of a persistent volume claim"),
    "folder": ({"persistent_volumes": (Volume("a", "a"),)}, "'a' is no folder that a volume can be seen in"),
    "folders": (
        {"persistent_volumes": (Volume("a", "/a"), Volume("b", "/a/"))},
        "two volumes are to be seen in '/a/'",
    ),
    "quantity": ({"resources": Resources({"memory": "1GB"})}, "'1GB' is no quantity of Kubernetes"),
    "half a device": ({"resources": Resources({}, {"gpu": 0.5})}, "'gpu' is counted in whole devices"),
    "a device that is requested": (
        {"resources": Resources({"gpu": 1})},
        "Kubernetes takes 'gpu' under 'requests' only with the same number under 'limits'",
    ),
    "vendor among amounts": (
        {"resources": Resources({}, {"gpu": 1, "gpu_vendor": "amd.com/gpu"})},
        "'amd.com/gpu' is no quantity of Kubernetes",
    ),
    "vendor": ({"gpu_vendor": "nvidia"}, "'nvidia' is no name of a device"),
    "a fraction as a factor": (
        {"retry_strategy": RetryStrategy(backoff=Backoff("1s", 1.5))},
        "Argo takes whole factors alone, and 1.5 is none",
    ),
    "two backoffs": (
        {"retry_strategy": RetryStrategy(backoff=Backoff("1s"), back_off=Backoff("2s"))},
        "'backoff' and 'back_off' are the same",
    ),
    "two durations": (
        {"retry_strategy": RetryStrategy(back_off=Backoff("1s", duration_in_seconds=1))},
        "'duration' and 'duration_in_seconds' are the same",
    ),
    "to fail fast": (
        {"overrides": {"big": Override(fail_fast=True)}},
        "'fail_fast' is not there: the other branches run to their end, on every executor",
    ),
    "limit": ({"resources": Resources({"cpu": 2}, {"cpu": "1500m"})}, "more 'cpu' is requested than its limit"),
    "override": (
        {"overrides": {"big": Override(resources=Resources({}, {"cpu": "two"}))}},
        "'two' is no quantity of Kubernetes",
    ),
    "backoff": (
        {"retry_strategy": RetryStrategy(backoff=Backoff("1 hour"))},
        "'1 hour' is no duration that Argo takes",
    ),
    "no duration": (
        {"retry_strategy": RetryStrategy(backoff=Backoff(factor=2))},
        "a backoff without 'duration' has nothing to begin with",
    ),
    "selector": ({"node_selector": {"disk": "a b"}}, "'disk: a b' is no label of a node"),
    "toleration": ({"tolerations": (Toleration(value="x"),)}, "a toleration without a key is one of every taint"),
    "security": (
        {"security_context": {"run_as_user": 1}},
        "the security context of a pod has no field 'run_as_user'",
    ),
    "exists": (
        {"tolerations": (Toleration("a", "Exists", "x"),)},
        "with the operator 'Exists' there is no value",
    ),
    "seconds": (
        {"tolerations": (Toleration("a", "Exists", toleration_seconds=1),)},
        "'toleration_seconds' is for the effect 'NoExecute' alone",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_kubernetes_refuses_is_refused(name):
    options, message = REFUSED[name]
    assert problems(chain(1), **options) == [("error", message)]


@pytest.mark.parametrize("schedule", ["0 3 * * *", "*/5 1-3 * JAN MON,TUE", "@hourly", "@every 1h", "TZ=UTC 0 3 * * *"])
def test_schedules_as_cron_has_them(schedule):
    assert problems(chain(1), kind="CronWorkflow", schedules=(schedule,)) == []


def commands(request=None, **options):
    transpiler = ArgoTranspiler(ArgoOptions(**{"image": "image:1", "namespace": "science", **options}))
    return transpiler.transpile(request or TranspileRequest(chain(1), "pipeline.yaml")).lines()[1:]


def test_how_to_submit_each_kind_is_said():
    assert commands() == [
        "run it with: argo submit -n science argo-pipeline.yaml",
        "resume a failed run RUN with: argo submit -n science argo-pipeline.yaml -p original_run_id=RUN",
    ]
    assert commands(kind="WorkflowTemplate", name="train-")[:2] == [
        "create it with: argo template create -n science argo-pipeline.yaml",
        "run it with: argo submit -n science --from workflowtemplate/train",
    ]
    assert commands(kind="CronWorkflow", name="train", schedules=("@daily",)) == [
        "create it with: argo cron create -n science argo-pipeline.yaml",
        "run it with: argo submit -n science --from cronwf/train",
        "resume a failed run RUN with: argo submit -n science --from cronwf/train -p original_run_id=RUN",
    ]
    request = TranspileRequest(chain(1), "pipeline.yaml", run_id="new run", original_run_id="old")
    assert commands(request, namespace="") == [
        "run it with: argo submit argo-pipeline.yaml -p 'run_id=new run' -p original_run_id=old"
    ]


@pytest.mark.parametrize(
    ("vendor", "amounts", "wanted"),
    [
        ("nvidia.com/gpu", {"gpu": 1, "cpu": "500m"}, {"nvidia.com/gpu": "1", "cpu": "500m"}),
        ("amd.com/gpu", {"gpu": "2"}, {"amd.com/gpu": "2"}),
        ("nvidia.com/gpu", {"gpu": 0, "memory": "1Gi"}, {"memory": "1Gi"}),
    ],
)
def test_graphics_processors_are_devices_of_their_vendor(vendor, amounts, wanted):
    found = templates(chain(1), gpu_vendor=vendor, resources=Resources({}, amounts))
    assert found["first-step"]["container"]["resources"]["limits"] == wanted


def test_retry_strategies_of_the_second_generation():
    written = {
        "limit": "2",
        "retry_policy": "Always",
        "back_off": {"duration_in_seconds": 90, "factor": 2.0, "max_duration": 3600},
    }
    strategy = read_fields(ArgoOptions, {"image": "i", "retry_strategy": written}).retry_strategy
    found = templates(chain(1), retry_strategy=strategy)["first-step"]
    assert found["container"]["command"][3:7] == ["{{inputs.parameters.step}}", "--one-attempt", "--attempts", "3"]
    assert found["retryStrategy"]["backoff"] == {"duration": "90s", "factor": "2", "maxDuration": "3600s"}
    assert found["retryStrategy"]["limit"] == "4"
    for name, template in templates(chain(1), retry_strategy=strategy).items():
        if name in {"step", "on-exit"}:  # ends have no task that could fail
            assert "--attempts" not in template["container"]["command"]


def test_pods_are_told_the_log_level():
    found = templates(None, request=TranspileRequest(chain(1), "pipeline.yaml", log_level="DEBUG"))
    assert found["step"]["container"]["command"][4:6] == ["--log-level", "DEBUG"]


def test_loops_nest_only_so_deep():
    inner = chain(1)
    loop = CompositeNode("l", RepeatedBranch(inner, max_iterations=501), next="success", written_as="loop")
    graph = Graph("l", {"l": loop, **{name: inner.nodes[name] for name in ("success", "fail")}})
    assert problems(graph) == [("error", "501 iterations are nested deeper than Argo goes")]
    deep = 0
    for rounds in (400, 400, 400):
        loop = CompositeNode("l", RepeatedBranch(inner, max_iterations=rounds), next="success", written_as="loop")
        inner = Graph("l", {"l": loop, **{name: inner.nodes[name] for name in ("success", "fail")}})
        deep = limits.depth(plan_of(inner, PlanRules()))
    assert deep == 3 * (1 + 1 + 40) + 2
    [(severity, message), *_] = problems(inner)
    assert (severity, "nested 128 deep in Argo" in message) == ("error", True)


@pytest.mark.slow
def test_many_nodes_are_a_warning():
    inner = chain(1)
    branches = StaticBranches({f"b{number}": inner for number in range(100)})
    ends = {name: inner.nodes[name] for name in ("success", "fail")}
    composite = CompositeNode("p", branches, next="success")
    assert problems(Graph("p", {"p": composite, **ends})) == []
    [(severity, message)] = [found for found in problems(chain(3100)) if "nodes" in found[1]]
    mapped = CompositeNode("m", MappedBranches(inner, "xs", "x"), next="success")
    graph = Graph("m", {"m": mapped, **ends})
    assert problems(graph) == []
    found = problems(graph, request=TranspileRequest(graph, "pipeline.yaml", lengths={"xs": 1000}))
    assert found == [("warning", "the workflow has about 3006 nodes; its status outgrows one object beyond about 3000")]
    assert severity == "warning"
    assert "outgrows one object" in message
