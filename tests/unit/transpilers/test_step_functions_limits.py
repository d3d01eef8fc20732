"""Limits of AWS that are found before anything is submitted, and properties of all machines."""

import json
from pathlib import Path

import graphs
import states_rules
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_machines import files, loaded, transpiler, written

from magnus.app.run.load_pipeline import load_pipeline
from magnus.errors import Location
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TaskSpec,
    TerminalNode,
)
from magnus.graph.path import StepPath
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.planning import PlanRules, plan_of
from magnus.transpilers.process_plan import Composite, Single, process_count
from magnus.transpilers.step_functions import limits
from magnus.transpilers.step_functions.costs import Costs
from magnus.transpilers.step_functions.options import Roles

ENDS = {"success": TerminalNode("success", True), "fail": TerminalNode("fail", False)}
ODD = [
    "it's",
    '"quoted"',
    "{}",
    "{0} \\",
    "a\\'b",
    "ü",
    "日本語",
    "x" * 200,
    "$(ls)",
    "$run_id",
    "States Array()",
    "end",
    "failed",
    "  ",
]


def task(name, following="success", **more):
    return TaskNode(name, TaskSpec("noop"), next=following, **more)


def chain(*names, **more):
    following = [*names[1:], "success"]
    return Graph(
        names[0], {name: task(name, after, **more) for name, after in zip(names, following, strict=True)} | ENDS
    )


def around(branches, name="step"):
    return Graph(name, {name: CompositeNode(name, branches, next="success"), **ENDS})


def problems(graph, request=None, *, lengths=None, parameters=None, **options):
    request = request or TranspileRequest(
        graph,
        "pipeline.yaml",
        executor="aws-step-functions",
        lengths=lengths or {},
        parameters=parameters or {},
        locate_step=lambda node, field: Location(f"{node.name}.{field}", 1),
        locate_option=lambda *keys: Location(f"options {keys}", 1),
    )
    return [(one.severity, str(one.location), one.message) for one in transpiler(**options).problems(request)]


def test_the_history_has_so_many_events():
    assert problems(around(RepeatedBranch(chain("a"), 900))) == []
    found = problems(around(RepeatedBranch(chain("a"), 1_500)))
    assert found == [
        ("error", "options ():1", "the history of an execution has 40529 events, and AWS takes 25000"),
    ]
    [(severity, _, message)] = problems(around(RepeatedBranch(chain("a", max_attempts=5), 900)))
    assert (severity, "if all attempts are used" in message) == ("warning", True)


def test_a_distributed_branch_has_a_history_of_its_own():
    each = around(MappedBranches(chain("a"), "xs", "x"), "each")
    assert problems(each, lengths={"xs": 50_000}) == []
    found = problems(each, lengths={"xs": 5_000}, map="inline")
    assert found[0][2] == "the history of an execution has 50031 events, and AWS takes 25000"
    loop = around(MappedBranches(around(RepeatedBranch(chain("a"), 1_500)), "xs", "x"), "each")
    assert problems(loop)[0][1:] == ("each.type:1", "the history of a branch has 40523 events, and AWS takes 25000")


def test_a_map_has_so_many_branches():
    each = around(MappedBranches(chain("a"), "xs", "x"), "each")
    [(_, where, message)] = problems(each, lengths={"xs": 100_001})
    assert where == "each.iterate_on:1"
    assert (
        message == "the map has 100001 branches, and the state data is enough for 100000 in a map that is distributed"
    )


def test_a_definition_has_so_many_bytes():
    names = [f"a step with a long name that has the number {number}" for number in range(2_500)]
    found = problems(chain(*names), account="123456789012")
    assert any("the definition of the machine has " in message for _, _, message in found)
    half = problems(chain(*names[:900]))
    assert [severity for severity, _, _ in half] == []


def test_a_role_has_so_many_bytes_of_rights():
    buckets = tuple(f"s3://bucket/{'x' * 100}{number}" for number in range(100))
    [(severity, where, message)] = problems(chain("a"), buckets=buckets)
    assert (severity, where) == ("error", "options ():1")
    assert message == "the policy of the role 'job' has 13030 bytes, and IAM takes 10240"
    assert problems(chain("a"), buckets=buckets, roles=Roles(job="arn:aws:iam::123456789012:role/given")) == []


def test_a_job_gets_so_many_bytes_of_parameters():
    assert problems(chain("a"), parameters={"text": "x" * 7_000}) == []
    [(_, where, message)] = problems(chain("a"), parameters={"text": "x" * 8_000})
    assert where == "a.type:1"
    assert message == "its job gets 8786 bytes of command and parameters, and AWS takes 8192"
    assert problems(chain("a"), parameters={"a-b": 1}) == [
        ("error", "options ():1", "the parameter 'a-b' cannot be a variable of the environment of a container")
    ]


def test_names_of_steps_inside_one_another_have_so_many_bytes():
    graph = chain("ü" * 300)
    for _ in range(5):
        graph = around(StaticBranches({"ü" * 300: graph}), "ü" * 300)
    found = problems(graph)
    assert found
    assert all("bytes of command and parameters" in message for _, _, message in found)


def test_a_step_that_chooses_branches_needs_a_place_to_say_which():
    inner = chain("a")
    for branches in (MappedBranches(inner, "xs", "x"), ChosenBranch("x", {"a": inner}), RepeatedBranch(inner, 3)):
        [(severity, where, message)] = problems(around(branches), handover="")
        assert (severity, where) == ("error", "step.type:1")
        assert "needs a place in S3" in message
    assert problems(around(StaticBranches({"a": inner})), handover="") == []


def test_texts_that_aws_would_replace_are_refused():
    request = TranspileRequest(chain("a"), "$(x).yaml", tag="Ref::tag", run_id="a/b", executor="aws-step-functions")
    messages = [message for _, _, message in problems(None, request)]
    assert [message.partition(" ")[2][:20] for message in messages] == [
        "the pipeline '$(x).y",
        "the tag 'Ref::tag' t",
        "run id 'a/b' cannot ",
    ]
    request = TranspileRequest(
        chain("a"), "a.yaml", variables={"MAGNUS_VAR_password": "hunter2", "AWS_SECRET_ACCESS_KEY": "x"}
    )
    [(_, _, message)] = problems(None, request)
    assert (
        message
        == "the variable MAGNUS_VAR_password looks like a secret, and everybody in the account can read definitions"
    )


def test_a_parameter_that_looks_like_a_secret_is_a_warning():
    [(severity, _, message)] = problems(chain("a"), parameters={"api_token": "hunter2", "max_tokens": 5})
    assert severity == "warning"
    assert message == "the parameter 'api_token' looks like a secret, and everybody in the account can read the machine"


def test_credentials_of_this_machine_stay_here():
    variables = {"AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_PROFILE": "mine", "MAGNUS_VAR_data": "/data"}
    request = TranspileRequest(chain("a"), "a.yaml", variables=variables)
    texts = "".join(transpiler(account="123456789012").transpile(request).files.values())
    assert "hunter2" not in texts
    assert "mine" not in texts
    assert "/data" in texts


@given(st.lists(st.sampled_from(ODD), min_size=1, max_size=4, unique=True))
@settings(deadline=None, max_examples=30)
def test_odd_names_make_states_with_other_names(names):
    graph = around(StaticBranches({key: chain(*names) for key in names}), names[0])
    machine = json.loads(written(graph))
    assert list(states_rules.broken(machine)) == []
    steps = [command[command.index("RUN") + 1] for command in states_rules.commands(machine)]
    for key in names:
        branch = StepPath((names[0],)).into(key)
        assert {str(branch.step(name)) for name in names} <= set(steps)
    comments = {state.get("Comment") for state in states_rules.states_of(machine).values()}
    assert {name for name in names if not name.isascii() or "{" in name or "'" in name} <= comments


@given(graphs.pipelines())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_every_process_of_a_plan_is_one_state(tmp_path_factory, pipeline):
    folder = tmp_path_factory.mktemp("pipeline")
    Path(folder, "p.yaml").write_text(yaml.safe_dump({"dag": pipeline}))
    graph = load_pipeline(str(folder / "p.yaml"), None, {}, folder).graph
    text = written(graph, parameters={"xs": [1, 2]}, lengths={"xs": 2})
    assert text == written(graph, parameters={"xs": [1, 2]}, lengths={"xs": 2})
    machine = json.loads(text)
    assert list(states_rules.broken(machine)) == []
    jobs = [state for state in states_rules.states_of(machine).values() if "batch" in str(state.get("Resource"))]
    assert len(jobs) == count(plan_of(graph, PlanRules()))
    assert len(text.encode()) < limits.MOST_BYTES


def count(plan):
    """The processes of the plan, each once."""
    total = 0
    for unit in plan.units.values():
        match unit:
            case Single():
                total += 1
            case Composite():
                total += (unit.fan_out is not None) + 1 + sum(map(count, unit.plans))
    return total


@given(graphs.pipelines())
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_costs_count_the_processes_of_a_run(tmp_path_factory, pipeline):
    folder = tmp_path_factory.mktemp("pipeline")
    Path(folder, "p.yaml").write_text(yaml.safe_dump({"dag": pipeline}))
    plan = plan_of(load_pipeline(str(folder / "p.yaml"), None, {}, folder).graph, PlanRules())
    for is_distributed in (False, True):
        cost = Costs({"xs": 3}, lambda _: is_distributed).of_execution(plan)  # noqa: B023 - called at once
        assert cost.jobs <= process_count(plan, {"xs": 3})
        assert cost.events <= cost.most_events
        assert cost.transitions >= cost.jobs


def test_what_a_run_takes_is_said():
    request = TranspileRequest(loaded("map"), "pipeline.yaml", lengths={"xs": 10})
    notes = transpiler().transpile(request).notes
    assert notes[0] == "a run starts 12 jobs and makes 28 state transitions"
    assert files(loaded("map"))
