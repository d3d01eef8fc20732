"""The rules of Argo that the simulator follows, each with a manifest small enough to see what they say."""

import asyncio
import json

import pytest
import yaml

from magnus.app.simulate import ended, spec_of, variables_of
from magnus.definition.yaml_text import parse
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.transpilers.argo.expressions import holds, substituted
from magnus.transpilers.argo.running import ERROR, FAILED, SUCCEEDED, Ended
from magnus.transpilers.argo.simulating import Simulation


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
    end = asyncio.run(ended(Simulation(read, variables_of(read, {}), pods, lambda *_: None)))
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
