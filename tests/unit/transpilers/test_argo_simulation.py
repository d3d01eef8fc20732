"""The rules of Argo that the simulator follows, each with a manifest small enough to see what they say."""

import asyncio
import json

import pytest
import yaml

from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.definition.yaml_text import parse
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.simulation.argo.expressions import holds, substituted
from magnus.simulation.argo.pod import ERROR, FAILED, SUCCEEDED, Ended, seconds
from magnus.simulation.argo.workflow import Simulation
from magnus.transpilers.argo.manifest import quantity


class Pods:
    """Pods that end as `ends` says: for a step a list of phases or exit statuses, the last one again and again."""

    def __init__(self, **ends):
        self.ends = ends
        self.ran = []
        self.at_once = self.most_at_once = 0

    async def run(self, template, variables, number):
        step = variables.get("inputs.parameters.step", template.name)
        self.ran.append((step, number))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        wanted = self.ends.get(step, [SUCCEEDED])
        end = wanted[min(number, len(wanted) - 1)]
        if isinstance(end, dict):
            return Ended(SUCCEEDED, end, 0)
        return Ended(FAILED, exit_code=end) if isinstance(end, int) else Ended(end, exit_code=0)

    @property
    def steps(self):
        return [step for step, _ in self.ran]


def task(name, depends="", template="pod", **more):
    arguments = {"parameters": [{"name": "step", "value": more.pop("step", name)}]}
    return {"name": name, "template": template, "arguments": arguments, "depends": depends, **more}


def pod(**more):
    outputs = {"parameters": [{"name": "out", "valueFrom": {"path": "/out", "default": ""}}]}
    return {
        "name": "pod",
        "inputs": {"parameters": [{"name": "step"}]},
        "outputs": outputs,
        "container": {"image": "i", "command": ["c"]},
        **more,
    }


def dag(*tasks, name="main", **more):
    return {"name": name, "dag": {"tasks": list(tasks), "failFast": False}, **more}


def simulated(templates, pods=None, **spec):
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "x-"},
        "spec": {"entrypoint": "main", "templates": templates, **spec},
    }
    read = spec_of(parse(yaml.safe_dump(manifest), "m.yaml", InvalidDefinition, "the manifest"))
    pods = pods or Pods()
    end = asyncio.run(run_to_end(Simulation(read, variables_of(read, {}), pods, lambda *_: None)))
    return end.phase, pods


def test_tasks_run_when_those_they_depend_on_have_ended_as_they_say():
    phase, pods = simulated(
        [pod(), dag(task("a"), task("b", "a"), task("c", "a.Failed"), task("d", "b.Succeeded && c.Omitted"))]
    )
    assert (phase, pods.steps) == (SUCCEEDED, ["a", "b", "d"])


def test_an_omitted_target_counts_as_what_it_depends_on():
    tasks = [pod(), dag(task("a"), task("b", "a.Succeeded"), task("mended", "a.Failed"))]
    assert simulated(tasks, Pods(a=[1]))[0] == FAILED
    assert simulated(tasks)[0] == SUCCEEDED


def test_a_target_that_ran_counts_as_it_ended_whatever_came_before():
    tasks = [pod(), dag(task("a"), task("mended", "a.Failed"))]
    assert simulated(tasks, Pods(a=[1]))[0] == SUCCEEDED


def test_siblings_of_a_failure_finish():
    phase, pods = simulated([pod(), dag(task("a"), task("b"), task("c", "b"))], Pods(a=[1]))
    assert (phase, sorted(pods.steps)) == (FAILED, ["a", "b", "c"])


def test_what_does_not_hold_is_skipped_and_has_not_failed():
    tasks = dag(task("a"), task("b", "a", when="'{{tasks.a.outputs.parameters.out}}' == '1'"), task("c", "b.Skipped"))
    assert simulated([pod(), tasks], Pods(a=[{"out": "2"}]))[1].steps == ["a", "c"]
    assert simulated([pod(), tasks], Pods(a=[{"out": "1"}]))[1].steps == ["a", "b"]


def items(parallelism=None):
    inner = dag(
        task("x", step="{{inputs.parameters.branch}}/x"), name="inner", inputs={"parameters": [{"name": "branch"}]}
    )
    mapped = {
        "name": "each",
        "template": "inner",
        "depends": "a.Succeeded",
        "withParam": "{{tasks.a.outputs.parameters.out}}",
    }
    mapped["arguments"] = {"parameters": [{"name": "branch", "value": "m/{{item}}"}]}
    more = {"parallelism": parallelism} if parallelism else {}
    return [pod(), inner, dag(task("a"), mapped, task("end", "each.Succeeded || each.Skipped"), **more)]


def test_items_each_make_a_call():
    phase, pods = simulated(items(), Pods(a=[{"out": "[0, 1, 2]"}]))
    assert phase == SUCCEEDED
    assert sorted(pods.steps) == ["a", "end", "m/0/x", "m/1/x", "m/2/x"]


def test_no_items_are_skipped():
    assert simulated(items(), Pods(a=[{"out": "[]"}]))[1].steps == ["a", "end"]


def test_one_item_that_failed_fails_the_group():
    phase, pods = simulated(items(), Pods(a=[{"out": "[0, 1]"}], **{"m/0/x": [1]}))
    assert (phase, "end" in pods.steps, "m/1/x" in pods.steps) == (FAILED, False, True)


@pytest.mark.parametrize(("parallelism", "most"), [(None, 20), (3, 3)])
def test_parallelism_of_a_dag_bounds_what_it_calls(parallelism, most):
    _, pods = simulated(items(parallelism), Pods(a=[{"out": json.dumps(list(range(20)))}]))
    assert pods.most_at_once == most


def test_parallelism_of_the_workflow_bounds_pods():
    _, pods = simulated(items(), Pods(a=[{"out": json.dumps(list(range(20)))}]), parallelism=4)
    assert pods.most_at_once == 4


@pytest.mark.parametrize(
    ("strategy", "ends", "tries"),
    [
        ({"limit": "2", "retryPolicy": "OnFailure"}, [1], 3),
        ({"limit": "2", "retryPolicy": "OnFailure"}, [ERROR], 1),
        ({"limit": "2", "retryPolicy": "OnError"}, [ERROR], 3),
        ({"limit": "2", "retryPolicy": "OnError"}, [1], 1),
        ({"limit": "5", "retryPolicy": "Always"}, [1, ERROR, SUCCEEDED], 3),
        ({"limit": "5", "retryPolicy": "OnFailure", "expression": 'lastRetry.exitCode == "75"'}, [75, 75, 1], 3),
        (
            {
                "limit": "5",
                "retryPolicy": "Always",
                "expression": 'lastRetry.exitCode == "75" || lastRetry.status == "Error"',
            },
            [ERROR, 75, 1],
            3,
        ),
    ],
)
def test_pods_run_again_as_their_strategy_says(strategy, ends, tries):
    _, pods = simulated([pod(retryStrategy=strategy), dag(task("a"))], Pods(a=ends))
    assert pods.ran == [("a", number) for number in range(tries)]


def test_the_exit_handler_runs_at_the_end_and_changes_nothing():
    closing = {"name": "closing", "container": {"image": "i", "command": ["c", "{{workflow.status}}"]}}
    for ends, phase in (([1], FAILED), ([SUCCEEDED], SUCCEEDED)):
        found, pods = simulated([pod(), dag(task("a")), closing], Pods(a=ends), onExit="closing")
        assert (found, pods.steps) == (phase, ["a", "closing"])


def test_templates_that_call_themselves_end():
    again = dag(task("again", template="main"))
    assert simulated([pod(), again])[0] == ERROR


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dag": {"tasks": [], "failFast": True}}, "'failFast', which is true where it is not said"),
        ({"dag": {"tasks": [task("a", "b.Succeeded")], "failFast": False}}, "depends on 'b', which is not there"),
        ({"dag": {"tasks": [task("a", template="other")], "failFast": False}}, "no template 'other'"),
        ({"dag": {"tasks": [task("a", step="{{tasks.b.outputs.result}}")], "failFast": False}}, "is no variable here"),
    ],
)
def test_what_is_not_there_is_refused(change, message):
    with pytest.raises(InvalidDefinition, match=message):
        simulated([pod(), {"name": "main", **change}])


@pytest.mark.parametrize("field", ["steps", "script", "synchronization"])
def test_what_is_not_known_is_refused_with_its_place(field):
    with pytest.raises(InvalidDefinition, match=rf"m\.yaml:\d+:\d+: error: unknown field '.*{field}'"):
        simulated([pod(), {"name": "main", field: []}])


@pytest.mark.parametrize(
    ("expression", "is_true"),
    [
        ("a", True),
        ("!a", False),
        ("a && b", False),
        ("a || b", True),
        ("b || a && a", True),
        ("(b || a) && b", False),
        ("'x' == \"x\" && 'x' != 'y'", True),
    ],
)
def test_expressions(expression, is_true):
    assert holds(expression, {"a": True, "b": False}.__getitem__) is is_true


@pytest.mark.parametrize("expression", ["", "a &&", "a b", "(a", "a > b", "'x'", "a == ", "=~ a"])
def test_expressions_that_are_not_simulated_are_refused(expression):
    with pytest.raises(InvalidInput, match="no expression that is simulated"):
        holds(expression, {"a": True, "b": False}.__getitem__)


def test_variables_are_replaced_once():
    assert substituted("{{a}}-{{ b }}", {"a": "{{b}}", "b": "2"}) == "{{b}}-2"


@pytest.mark.parametrize(
    ("depends", "ends", "runs"),
    [
        ("a", [SUCCEEDED], True),
        ("a", [1], False),
        ("a", [ERROR], False),
        ("a.Succeeded", [SUCCEEDED], True),
        ("a.Failed", [1], True),
        ("a.Failed", [ERROR], False),
        ("a.Errored", [ERROR], True),
        ("a.Errored", [1], False),
        ("!a.Succeeded", [1], True),
        ("a.Failed || a.Errored", [ERROR], True),
        ("a.Skipped", [SUCCEEDED], False),
        ("a.Omitted", [SUCCEEDED], False),
        ("a && (a.Failed || a.Succeeded)", [SUCCEEDED], True),
    ],
)
def test_depends_says_how_tasks_have_to_end(depends, ends, runs):
    _, pods = simulated([pod(), dag(task("a"), task("b", depends))], Pods(a=ends))
    assert ("b" in pods.steps) is runs


def test_all_tasks_that_depends_names_have_ended_before():
    """Also where the first one alone would do."""
    tasks = dag(task("slow"), task("quick"), task("after", "quick.Succeeded || slow.Succeeded"))
    assert simulated([pod(), tasks])[1].steps == ["slow", "quick", "after"]
    slow = [dag(task("x"), task("y", "x"), task("z", "y"), name="inner"), pod()]
    tasks = dag(task("long", template="inner"), task("quick"), task("after", "quick || long"))
    assert simulated([*slow, tasks])[1].steps[-1] == "after"


def test_a_name_alone_means_that_it_succeeded_or_was_skipped():
    tasks = dag(
        task("a", when="false"), task("b", "a"), task("c", "a.Succeeded"), task("d", "c"), task("e", "c.Omitted")
    )
    assert simulated([pod(), tasks])[1].steps == ["b", "e"]


@pytest.mark.parametrize(
    ("ends", "runs"),
    [([1, 1], ["never"]), ([1, SUCCEEDED], ["some"]), ([SUCCEEDED, SUCCEEDED], ["some"]), ([1, ERROR], [])],
)
def test_of_tasks_with_items_any_or_all(ends, runs):
    each = task("each", step="{{item}}", withItems=["i0", "i1"])
    tasks = dag(each, task("some", "each.AnySucceeded"), task("never", "each.AllFailed"))
    _, pods = simulated([pod(), tasks], Pods(**{f"i{number}": [end] for number, end in enumerate(ends)}))
    assert [step for step in pods.steps if step in {"some", "never"}] == runs


def test_items_are_texts_numbers_and_truth_values():
    _, pods = simulated([pod(), dag(task("each", step="{{item}}", withItems=["a", 1, True]))])
    assert pods.steps == ["a", "1", "true"]


def test_when_is_looked_at_for_each_item():
    each = task("each", step="{{item}}", withItems=["a", "b"], when="'{{item}}' == 'b'")
    phase, pods = simulated([pod(), dag(each, task("end", "each.Succeeded"), task("never", "each.Skipped"))])
    assert (phase, pods.steps) == (SUCCEEDED, ["b", "end"])


@pytest.mark.parametrize(
    ("when", "runs"),
    [
        ("true", True),
        ("false", False),
        ("a == a", True),
        ("'a' == a", True),
        ("1 == 1.0", True),
        ("'1' == 1", False),
        ("1 == true", False),
        ("2 != 1 && !(a == b)", True),
    ],
)
def test_when_compares_texts_numbers_and_truth_values(when, runs):
    assert simulated([pod(), dag(task("a", when=when))])[1].steps == (["a"] if runs else [])


def test_a_when_that_cannot_be_read_is_an_error_of_the_task():
    tasks = dag(task("a"), task("b", "a", when="{{tasks.a.outputs.parameters.out}} == 1"), task("c", "b.Errored"))
    assert simulated([pod(), tasks], Pods(a=[{"out": "x y"}]))[1].steps == ["a", "c"]


@pytest.mark.parametrize("text", ["no list", '{"a": 1}', "3"])
def test_what_is_no_list_of_items_is_an_error_of_the_task(text):
    phase, pods = simulated(items(), Pods(a=[{"out": text}]))
    assert (phase, pods.steps) == (ERROR, ["a"])


def test_the_last_target_that_failed_gives_the_phase():
    tasks = [pod(), dag(task("a"), task("b"))]
    assert simulated(tasks, Pods(a=[1], b=[ERROR]))[0] == ERROR
    assert simulated(tasks, Pods(a=[ERROR], b=[1]))[0] == FAILED


def test_an_omitted_target_behind_several_counts_as_the_worst_of_them():
    tasks = dag(task("a"), task("b"), task("c", "a.Failed && b.Failed"))
    assert simulated([pod(), tasks], Pods(b=[1]))[0] == FAILED
    assert simulated([pod(), tasks])[0] == SUCCEEDED


def test_an_output_without_a_value_is_refused_when_it_is_needed():
    tasks = dag(task("a", when="false"), task("b", "a", step="{{tasks.a.outputs.parameters.out}}"))
    with pytest.raises(InvalidInput, match="has no value, since no pod of 'a' left one"):
        simulated([pod(), tasks])


def test_an_input_that_is_not_given_has_its_default():
    inner = pod(inputs={"parameters": [{"name": "step", "value": "usual"}]})
    assert simulated([inner, dag({"name": "a", "template": "pod"})])[1].steps == ["usual"]


@pytest.mark.parametrize(
    ("backoff", "waits"),
    [
        ({"duration": "0.01s"}, 3),
        ({"duration": "1ms", "factor": "2"}, 3),
        ({"duration": "0.05s", "factor": "4", "maxDuration": "0.2s"}, 1),
        ({"duration": "60", "maxDuration": "30s"}, 0),
    ],
)
def test_all_waits_together_are_no_longer_than_the_longest_duration(backoff, waits):
    strategy = {"limit": "3", "retryPolicy": "Always", "backoff": backoff}
    _, pods = simulated([pod(retryStrategy=strategy), dag(task("a"))], Pods(a=[1]))
    assert len(pods.ran) == waits + 1


@pytest.mark.parametrize(
    ("text", "wanted"), [("30", 30), ("2m", 120), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25), (".5s", 0.5)]
)
def test_durations_as_argo_has_them(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "0.5", "-1", "1 m", "3x", "1e3", "m"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match="no duration"):
        seconds(text)


def test_errors_are_not_the_transient_ones_of_a_cluster():
    strategy = {"limit": "3", "retryPolicy": "OnTransientError"}
    assert len(simulated([pod(retryStrategy=strategy), dag(task("a"))], Pods(a=[ERROR]))[1].ran) == 1


def test_a_workflow_fails_with_its_exit_handler():
    closing = {"name": "closing", "container": {"image": "i", "command": ["c", "{{workflow.status}}"]}}
    for ends, phase in (([SUCCEEDED], FAILED), ([ERROR], ERROR)):
        tasks = [pod(), dag(task("a")), closing]
        assert simulated(tasks, Pods(a=ends, closing=[1]), onExit="closing")[0] == phase


def test_a_workflow_that_takes_too_long_has_failed_and_is_closed():
    closing = {"name": "closing", "container": {"image": "i", "command": ["c", "{{workflow.status}}"]}}
    waiting = {"name": "waiting", "suspend": {"duration": "60"}}
    tasks = [pod(), waiting, dag({"name": "w", "template": "waiting"}, task("b", "w")), closing]
    phase, pods = simulated(tasks, onExit="closing", activeDeadlineSeconds=1)
    assert (phase, pods.steps) == (FAILED, ["closing"])


@pytest.mark.parametrize(
    ("quantity_written", "wanted"),
    [("500m", 0.5), ("2", 2), ("1.5", 1.5), ("1Gi", 2**30), ("2M", 2e6), ("1e3", 1000), ("3k", 3000), ("1E", 1e18)],
)
def test_quantities_of_kubernetes(quantity_written, wanted):
    assert quantity(quantity_written) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (pod(container={"image": "i", "command": []}), r"command: .*|a pod without a command"),
        (pod(container={"image": "i", "command": ["{{inputs.parameters.other}}"]}), "is no variable here"),
        (pod(container={"image": "i", "command": ["{{retries}}"]}), "'{{retries}}' is no variable here"),
        (pod(container={"image": "i", "command": ["{{workflow.status}}"]}), "is no variable here"),
        (
            pod(container={"image": "i", "command": ["c"], "volumeMounts": [{"name": "v", "mountPath": "/v"}]}),
            "no volume",
        ),
        (pod(container={"image": "i", "command": ["c"], "resources": {"limits": {"cpu": "much"}}}), "no quantity"),
        (pod(suspend={"duration": "1"}), "has to have one of"),
        (pod(parallelism=2), "'parallelism' of a template with 'container'"),
        (pod(activeDeadlineSeconds=0), "at least 1"),
        (pod(outputs={"parameters": [{"name": "o", "value": "1"}]}), "has to be the content of a file"),
        (pod(retryStrategy={"limit": "many", "retryPolicy": "Always"}), "no number of pods"),
        (
            pod(retryStrategy={"limit": "1", "retryPolicy": "Always", "expression": "lastRetry.exitCode == 75"}),
            "'75' is",
        ),
        (pod(retryStrategy={"limit": "1", "retryPolicy": "Always", "backoff": {"factor": "2"}}), "needs a duration"),
        (pod(retryStrategy={"limit": "1", "retryPolicy": "Always", "backoff": {"duration": "0.5"}}), "no duration"),
        ({"name": "pod", "suspend": {}}, "a wait without an end"),
        (
            {"name": "pod", "suspend": {"duration": "1"}, "retryStrategy": {"limit": "1", "retryPolicy": "Always"}},
            "of a",
        ),
    ],
)
def test_templates_that_are_refused(template, message):
    with pytest.raises(InvalidDefinition, match=message) as error:
        simulated([template, dag(task("a"))])
    assert all(problem.location.line for problem in error.value.problems)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([task("a", "b"), task("b", "a")], "depends on itself"),
        ([task("a", "a.Failed")], "depends on itself"),
        ([task("a"), task("a")], "is there twice"),
        ([task("1a")], "no name of a task"),
        ([task("split"), task("b", "split")], "a word of the language"),
        ([task("true"), task("b", "true.Succeeded")], "a word of the language"),
        ([task("a"), task("b", "a.Done")], "nothing that is simulated"),
        ([task("a"), task("b", "a.Daemoned")], "nothing that is simulated"),
        ([task("a"), task("b", "a.AllFailed")], "needs a task with items"),
        ([task("a"), task("b", "a.Succeeded == true")], "no expression"),
        ([task("a"), task("b", "a &&")], "no expression"),
        ([task("a", when="a =~ b")], "no expression"),
        ([task("a", withParam="{{item}}")], "is no variable here"),
        ([task("a", step="{{item}}")], "is no variable here"),
        ([task("a", withItems=[1], withParam="[]")], "do not go together"),
        ([task("a", withItems=[{"b": 1}])], "only texts"),
        ([task("a"), task("b", step="{{tasks.a.outputs.parameters.out}}")], "is no variable here"),
        ([task("a"), task("b", "a", step="{{tasks.a.outputs.parameters.other}}")], "is no variable here"),
        ([task("a", withItems=[1]), task("b", "a", step="{{tasks.a.outputs.parameters.out}}")], "of a task with items"),
        ([{"name": "a", "template": "pod"}], "the input 'step' of 'pod' is not given"),
        ([task("a", continueOn={"failed": True})], "unknown field"),
        ([task("a", dependencies=["b"])], "unknown field"),
        ([task("a", withSequence={"count": 2})], "unknown field"),
    ],
)
def test_tasks_that_are_refused(tasks, message):
    with pytest.raises(InvalidDefinition, match=message) as error:
        simulated([pod(), dag(*tasks)])
    assert all(problem.location.line for problem in error.value.problems)


def test_that_fail_fast_is_true_is_what_argo_takes_where_nothing_is_said():
    with pytest.raises(InvalidDefinition, match=r"m\.yaml:\d+:\d+: error: 'failFast', which is true"):
        simulated([pod(), {"name": "main", "dag": {"tasks": [task("a")]}}])
