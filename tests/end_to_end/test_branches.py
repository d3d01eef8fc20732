"""Steps made of branches, as users run them."""

import json

import pytest
from safety_net import LONGEST_SECONDS

WORK = """\
def fail_at_two(x):
    if x == 2:
        raise ValueError("two")
    return {"y": x}

def fail(): raise ValueError("no")
def add(*values): return sum(values)
def count(i, n): return {"n": n + 1, "done": i == 2}
"""


def lambda_step(command, following="success", **more):
    return {"type": "task", "command_type": "python-lambda", "command": command, "next": following, **more}


def pipeline(start_at, **steps):
    return {"start_at": start_at, "steps": steps}


def one(command, **more):
    """A pipeline of one lambda."""
    return pipeline("s", s=lambda_step(command, **more))


def run(folder, dag, *arguments, status=0):
    folder.write("work.py", WORK)
    folder.write("p.yaml", json.dumps({"dag": dag}, ensure_ascii=False))
    done = folder.magnus("execute", "p.yaml", *arguments)
    assert done.status == status, done.err
    return done.log


def mapped(branch, xs="[1, 2, 3]", **more):
    return pipeline(
        "list",
        list=lambda_step(f"lambda: {{'xs': {xs}}}", "m"),
        m={"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success", **more},
    )


def test_a_map_makes_lists_in_the_order_of_its_elements(folder):
    log = run(folder, mapped(one("lambda x: {'y': x * x, **({'odd': x} if x % 2 else {})}")))
    assert log["parameters"] == {"xs": [1, 2, 3], "y": [1, 4, 9], "odd": [1, None, 3]}
    assert [branch["value"] for branch in log["steps"]["m"]["branches"].values()] == [1, 2, 3]


@pytest.mark.parametrize("reducer", ["work.add", "lambda *v: sum(v)"])
def test_a_reducer_takes_the_place_of_the_list(folder, reducer):
    assert run(folder, mapped(one("lambda x: {'y': x}"), reducer=reducer))["parameters"]["y"] == 6


def test_a_reducer_that_fails_fails_the_map(folder):
    log = run(folder, mapped(one("lambda x: {'y': x}"), reducer="lambda a: a"), status=1)
    assert log["steps"]["m"]["message"].startswith(
        "the reducer lambda a: a failed for 'y': TypeError: <lambda>() takes 1 positional argument but 3 were given"
    )


def test_a_reducer_that_is_not_there_is_found_before(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", json.dumps({"dag": mapped(one("lambda: None"), reducer="work.ad")}, indent=1))
    done = folder.magnus("execute", "p.yaml")
    assert done.status == 2
    assert "step 'm': there is no function 'ad' in the module 'work'\n  fix: did you mean 'add'?\n" in done.err


ODD = [
    "a", "a.b", "a/b", "50%", " ", "ü 🎉", "", None, True, 1, 1.5, "1", {"k": [1]}, ["x"], "a", "x" * 300,
]  # fmt: skip


def test_elements_may_be_anything(folder):
    log = run(folder, mapped(one("lambda x: {'seen': x}"), repr(ODD)))
    assert log["parameters"]["seen"] == ODD
    branches = log["steps"]["m"]["branches"]
    assert list(branches) == [str(number) for number in range(len(ODD))]
    assert [branch["value"] for branch in branches.values()] == ODD


def test_plain_different_elements_name_their_branches(folder):
    branches = run(folder, mapped(one("lambda x: None"), "['north', 'south']"))["steps"]["m"]["branches"]
    assert list(branches) == ["north", "south"]
    assert branches["north"]["internal_name"] == "m.north"
    assert branches["north"]["steps"]["s"]["internal_name"] == "m.north.s"


def test_a_map_over_nothing_makes_empty_lists_of_what_is_declared(folder):
    log = run(folder, mapped(one("lambda x: 1", returns=["y"]), "[]", reducer="work.add"))
    assert log["parameters"] == {"xs": [], "y": []}
    assert log["steps"]["m"]["branches"] == {}


@pytest.mark.parametrize(
    ("xs", "message"),
    [
        ("5", "iterate_on names the parameter 'xs', which is 5, not a list"),
        ("'abc'", "iterate_on names the parameter 'xs', which is abc, not a list"),
    ],
)
def test_what_is_no_list_fails_the_map(folder, xs, message):
    assert run(folder, mapped(one("lambda x: None"), xs), status=1)["steps"]["m"]["message"] == message


@pytest.mark.parametrize(
    ("xs", "said"),
    [
        (["north", "south", "east"], "branches 'north', 'south', 'east' failed"),
        ([10, 20], "branches 10, 20 failed"),
        (["a", "a"], "branches 0, 1 failed"),
        ([[1], {"b": 2}], "branches 0, 1 failed"),
    ],
)
def test_branches_that_failed_are_called_what_the_run_log_calls_them(folder, xs, said):
    step = run(folder, mapped(one("lambda: 1 / 0"), xs), status=1)["steps"]["m"]
    assert step["message"] == said
    assert list(step["branches"]) == [word.strip("'") for word in said.split(maxsplit=1)[1][:-7].split(", ")]


def test_a_branch_that_fails_lets_the_others_end_and_the_map_fails(folder):
    branch = pipeline("s", s={"type": "task", "command": "work.fail_at_two", "next": "success"})
    log = run(folder, mapped(branch, on_failure="after") | {"steps": {
        **mapped(branch, on_failure="after")["steps"], "after": lambda_step("lambda: {'saved': 1}"),
    }})  # fmt: skip
    assert log["status"] == "SUCCESS"
    assert log["parameters"] == {"xs": [1, 2, 3], "saved": 1}
    step = log["steps"]["m"]
    assert (step["status"], step["message"]) == ("FAIL", "branch 2 failed")
    assert [branch["status"] for branch in step["branches"].values()] == ["SUCCESS", "FAIL", "SUCCESS"]


def test_branches_do_not_see_each_other_and_the_later_one_wins(folder):
    branches = {"b": one("lambda n: {'n': n + 1, 'b': 1}"), "a": one("lambda n: {'n': n + 10, 'a': 1}")}
    dag = pipeline("p", p={"type": "parallel", "branches": branches, "next": "success"})
    assert run(folder, dag, "--n", "0")["parameters"] == {"n": 10, "b": 1, "a": 1}


def test_a_pipeline_in_a_file_of_its_own(folder):
    folder.write(
        "inner/one.yaml",
        json.dumps({"dag": pipeline("d", d={"type": "dag", "dag_definition": "two.yaml", "next": "success"})}),
    )
    folder.write("inner/two.yaml", json.dumps({"dag": one("lambda: {'deep': 1}")}))  # fmt: skip
    dag = pipeline("d", d={"type": "dag", "dag_definition": "inner/one.yaml", "next": "success"})
    log = run(folder, dag)
    assert log["parameters"] == {"deep": 1}
    assert log["steps"]["d"]["branches"]["dag"]["steps"]["d"]["branches"]["dag"]["steps"]["s"]["status"] == "SUCCESS"


def test_a_file_that_includes_itself_shows_the_chain(folder):
    step = {"type": "dag", "dag_definition": "b.yaml", "next": "success"}
    folder.write("a.yaml", json.dumps({"dag": pipeline("d", d=step)}, indent=1))
    folder.write("b.yaml", json.dumps({"dag": pipeline("d", d={**step, "dag_definition": "a.yaml"})}, indent=1))
    done = folder.magnus("execute", "a.yaml")
    assert done.status == 2
    assert done.err == (
        "b.yaml:7:5: error: step 'd/d': the file includes itself: a.yaml -> b.yaml -> a.yaml\n  fix: leave one of them out\n"
    )


@pytest.mark.parametrize(
    ("value", "chosen"),
    [("true", "true"), ("1", "1"), ('"1"', "1"), ("a", "a"), ("False", "False"), ("other", "default")],
)
def test_a_conditional_runs_the_branch_of_the_value(folder, value, chosen):
    branches = {key: one(f"lambda: {{'took': {key!r}}}") for key in ("true", "False", "1", "a")}
    step = {"type": "conditional", "parameter": "v", "branches": branches, "next": "success"}
    log = run(folder, pipeline("c", c={**step, "default": one("lambda: {'took': 'default'}")}), "--v", value)
    assert log["parameters"]["took"] == chosen
    assert list(log["steps"]["c"]["branches"]) == [chosen]


def test_a_conditional_without_a_match_fails_and_names_value_and_keys(folder):
    step = {"type": "conditional", "parameter": "v", "branches": {"a": one("lambda: None")}, "next": "success"}
    log = run(folder, pipeline("c", c=step), "--v", "b", status=1)
    assert log["steps"]["c"]["message"] == "'v' is 'b', which is none of 'a', and there is no default"
    log = run(folder, pipeline("c", c=step), status=1)
    assert (
        log["steps"]["c"]["message"] == "parameter names the parameter 'v', which is not there; the parameters are none"
    )


def looped(**more):
    branch = pipeline("s", s={"type": "task", "command": "work.count", "next": "success"})
    step = {"type": "loop", "branch": branch, "index_as": "i", "max_iterations": 9, "next": "success", **more}
    return pipeline("l", l=step)


def test_a_loop_goes_on_until_its_parameter_says_so_and_leaves_what_the_last_round_left(folder):
    log = run(folder, looped(break_on="done"), "--n", "5")
    assert log["parameters"] == {"n": 8, "done": True, "i": 2}
    assert list(log["steps"]["l"]["branches"]) == ["0", "1", "2"]


def test_a_loop_ends_well_after_its_last_round(folder):
    assert run(folder, looped(max_iterations=2), "--n", "0")["parameters"] == {"n": 2, "done": False, "i": 1}
    assert run(folder, looped(max_iterations=2, break_on="nothing"), "--n", "0")["parameters"]["n"] == 2


def test_a_loop_fails_when_what_ends_it_is_no_truth_value(folder):
    log = run(folder, looped(break_on="n"), "--n", "0", status=1)
    assert log["steps"]["l"]["message"] == "break_on names the parameter 'n', which is 1, not true or false"
    assert log["parameters"] == {"n": 0}
    log = run(folder, looped(break_on="word"), "--n", "0", "--word", "not yet", status=1)
    assert log["steps"]["l"]["message"].endswith("names the parameter 'word', which is 'not yet', not true or false")


def test_a_pipeline_on_failure_runs_in_the_same_scope(folder):
    failing = {"type": "task", "command": "work.fail", "next": "success", "on_failure": one("lambda x: {'y': x}")}
    log = run(folder, pipeline("a", a=failing), "--x", "1")
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": 1, "y": 1})
    assert list(log["steps"]) == ["a", "a on failure", "success"]
    assert log["steps"]["a on failure"]["step_type"] == "dag"


def test_the_elements_of_maps_are_in_the_environment(folder):
    look = {
        "type": "task",
        "command_type": "shell",
        "command": "export MAGNUS_PRM_seen=$MAGNUS_MAP_VARIABLE",
        "next": "success",
    }
    inner = {"type": "map", "iterate_on": "xs", "iterate_as": "y", "branch": pipeline("s", s=look), "next": "success"}
    log = run(folder, mapped(pipeline("m", m=inner), "['a', 'b']"))
    assert log["parameters"]["seen"][1][0] == {"x": "b", "y": "a"}
    after = run(folder, pipeline("s", s={**look, "command": 'export MAGNUS_PRM_seen="<$MAGNUS_MAP_VARIABLE>"'}))
    assert after["parameters"]["seen"] == "<>"


def test_files_move_up_and_are_found_where_they_are_seen(folder):
    def keeps(text):
        return {
            "type": "task",
            "command_type": "shell",
            "command": f"echo {text} > out.txt",
            "catalog": {"put": "out.txt"},
            "next": "success",
        }

    gets = {
        "type": "task",
        "command_type": "shell",
        "command": "export MAGNUS_PRM_text=$(cat out.txt)",
        "catalog": {"get": "out.txt"},
        "next": "success",
    }
    branches = {"one": pipeline("s", s=keeps("one")), "two": pipeline("s", s=keeps("two"))}
    dag = pipeline("p", p={"type": "parallel", "branches": branches, "next": "get"}, get=gets)
    log = run(folder, dag)
    assert log["parameters"] == {"text": "two"}
    assert [entry["stage"] for entry in log["steps"]["get"]["data_catalog"]] == ["get"]
    run_folder = folder.path / ".catalog" / log["run_id"]
    assert (run_folder / ".branches/p,one/out.txt").read_text() == "one\n"


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ({"type": "map", "iterate_on": "x", "iterate_as": "y"}, "step 'a': 'branch' is missing\n  fix: add 'branch'\n"),
        ({"type": "parallel", "branches": {}}, "step 'a': branches has no branch\n  fix: write '<name>: <pipeline>' below it\n"),
        ({"type": "parallel", "branches": {"b.c": one("lambda: 1")}}, "step 'a': the name of branch 'b.c' may not hold '.'\n  fix: call it 'b c'\n"),
        ({"type": "parallel", "branches": {"b": {"start_at": "x", "steps": {"y": {"type": "stub", "next": "success"}}}}}, "step 'a/b': start_at names 'x', which is not a step\n"),
        ({"type": "parallel", "branches": {"b": 3}}, "error: b of step 'a' must be a mapping, not '3'\n"),
        ({"type": "loop", "max_iterations": 0, "branch": one("lambda: 1")}, "step 'a': max_iterations must be at least 1, not 0\n"),
        ({"type": "dag"}, "step 'a': 'dag' is missing\n  fix: write dag: <pipeline> or dag_definition: <file>\n"),
        ({"type": "dag", "dag_definition": "gone.yaml"}, "the pipeline 'gone.yaml' does not exist\n"),
        ({"type": "map", "iterate_on": "x", "iterate_as": "y", "branch": one("lambda: 1"), "reduce": "f"}, "unknown field 'reduce'\n  fix: did you mean 'reducer'?\n"),
        ({"type": "parallel", "branches": {"b": one("lambda x: ")}}, "step 'a/b/s': the lambda is not python"),
    ],
)  # fmt: skip
def test_mistakes_in_branches_are_found_before_anything_runs(folder, step, message):
    folder.write("p.yaml", json.dumps({"dag": pipeline("a", a={"next": "success", **step})}, indent=1))
    done = folder.magnus("execute", "p.yaml")
    assert (done.status, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("p.yaml:")
    assert folder.runs() == []


def test_an_interruption_ends_what_is_around_the_step_too(folder):
    waits = {"type": "task", "command_type": "shell", "command": "echo begun; sleep 3600", "next": "success"}
    folder.write("p.yaml", json.dumps({"dag": mapped(pipeline("s", s=waits))}))
    with folder.start("execute", "p.yaml") as process:
        while "begun" not in process.stderr.readline():
            pass
        process.send_signal(2)
        out, _ = process.communicate(timeout=LONGEST_SECONDS)
    log = json.loads(out)
    assert (log["status"], log["message"]) == ("FAIL", "interrupted")
    assert (log["steps"]["m"]["status"], log["steps"]["m"]["message"]) == ("FAIL", "interrupted")
    branches = log["steps"]["m"]["branches"]
    assert branches["1"]["steps"]["s"]["message"] == "interrupted"
    assert [branch["status"] for branch in branches.values()] == ["FAIL", "CREATED", "CREATED"]


def test_branches_that_set_one_name_are_a_warning(folder):
    branches = {name: one("lambda: 1", returns=["y"]) for name in "ab"}
    folder.write(
        "p.yaml",
        json.dumps({"dag": pipeline("p", p={"type": "parallel", "branches": branches, "next": "success"})}, indent=1),
    )
    done = folder.magnus("execute", "p.yaml")
    assert done.status == 0
    assert (
        "p.yaml:7:5: warning: step 'p': the branches 'a', 'b' all set 'y'; the last one wins\n"
        "  fix: give the results different names\n"
    ) in done.err
