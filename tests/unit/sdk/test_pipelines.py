"""Pipelines as objects say what YAML says, and what is wrong with them is said with the line of the program."""

import inspect
import json
from functools import partial
from pathlib import Path

import pytest

from magnus import (
    Catalog,
    Conditional,
    Dag,
    Fail,
    Loop,
    Map,
    Parallel,
    Pipeline,
    PythonTask,
    ShellTask,
    Stub,
    Success,
    Task,
    metric,
    pickled,
)
from magnus import json as json_result
from magnus.definition.loader import load, load_built
from magnus.definition.nodes import NODE_TYPES
from magnus.errors import InvalidDefinition
from magnus.sdk import composites, links, steps, tasks


def work(x=0):
    return x


def written(pipeline):
    return pipeline.definition()["dag"]


def compiled(pipeline):
    return load_built(pipeline.__magnus_pipeline__(), {})


def complaint(pipeline):
    with pytest.raises(InvalidDefinition) as caught:
        compiled(pipeline)
    return str(caught.value)


def line_of(text):
    """Where this file has the text first, as messages show it."""
    lines = Path(__file__).read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if text in line)
    return f"{Path(__file__).name}:{number}"


def everything(name="everything"):
    one = Pipeline([Stub("in")])
    return [
        PythonTask(work, returns=["a", metric("b"), pickled("c"), json_result("d")]),
        ShellTask("shell", "true", strict=True, catalog=Catalog(get="x", put=["y", "z"]), secrets=["s"]),
        Task("lambda", "lambda: None", "python-lambda", max_attempts=3, retry_delay="1s", timeout=5, on_failure="stub"),
        Stub("stub", anything=[1]),
        Parallel("parallel", {"p": one, "q": one}, on_failure=one),
        Map("map", one, "a", "x", reducer="lambda *v: v"),
        Dag("dag", one),
        Conditional("conditional", "a", {"left": one, 1: one}, default=one),
        Loop("loop", one, 3, break_on="b", index_as="i"),
    ]


def test_steps_without_links_follow_one_another():
    dag = compiled(Pipeline([Stub("a"), Stub("b"), Stub("c")])).dag
    assert dag["start_at"] == "a"
    assert {name: step["next"] for name, step in dag["steps"].items()} == {"a": "b", "b": "c", "c": "success"}


def test_ends_of_ones_own_are_led_to():
    steps = [Stub("a"), Stub("b", terminate_with_failure=True), Stub("c"), Success("well done"), Fail("oh no")]
    dag = compiled(Pipeline(steps, add_terminal_nodes=False)).dag
    assert {name: step.get("next") for name, step in dag["steps"].items()} == {
        "a": "b", "b": "oh no", "c": "well done", "well done": None, "oh no": None,
    }  # fmt: skip


@pytest.mark.parametrize("link", ["a >> b >> c", "c << b << a", "b.depends_on(a); c.depends_on(b)"])
def test_links(link):
    steps = {name: Stub(name) for name in "abc"}
    steps["c"].ends_with = True
    exec(link, {}, steps)  # each way to write the same
    dag = written(Pipeline([steps["c"], steps["a"], steps["b"]], start_at=steps["a"]))
    assert dag["start_at"] == "a"
    assert {name: step["next"] for name, step in dag["steps"].items()} == {"a": "b", "b": "c", "c": "success"}


def test_a_linked_step_is_a_pipeline_by_itself_without_its_links():
    a, b = Stub("a", on_failure="b", any="thing"), Stub("b", next="fail", on_failure="fail")
    _ = a >> b
    assert compiled(Pipeline([a, b]))
    assert written(a.as_pipeline())["steps"] == {"a": {"type": "stub", "any": "thing"}}
    assert written(b.as_pipeline())["steps"] == {"b": {"type": "stub", "next": "fail", "on_failure": "fail"}}
    assert compiled(a.as_pipeline())
    assert compiled(b.as_pipeline())
    later = Stub("c")
    pipeline = later.as_pipeline()
    _ = later >> a
    assert compiled(pipeline)
    assert compiled(Stub("d", next=Fail("over")).as_pipeline()).graph.nodes["d"].next == "fail"


def test_a_step_in_place_of_a_pipeline_is_a_pipeline_of_it_alone():
    one, other = PythonTask(work, "one", returns=["y"], on_failure="mend"), Stub("other")
    _ = one >> other

    def steps_with(first, second):
        return [
            Parallel("parallel", {"p": first, "q": second}),
            Map("map", first, "a", "x"),
            Dag("dag", second),
            Conditional("conditional", "a", {1: first}, default=second),
            Loop("loop", first, 3),
        ]

    whole = compiled(Pipeline(steps_with(one.as_pipeline(), other.as_pipeline())))
    assert compiled(Pipeline(steps_with(one, other))).graph == whole.graph
    assert compiled(Pipeline(steps_with(one, other))).dag_hash == whole.dag_hash


def test_a_step_in_place_of_a_command_is_refused():
    with pytest.raises(InvalidDefinition, match="'command' cannot be a value of type Stub"):
        compiled(Pipeline([Task("a", Stub("b"))]))


def test_next_and_on_failure_by_step_and_by_name():
    a, b = Stub("a"), Stub("b", next="success")
    a.next, a.on_failure = b, "b"
    assert written(Pipeline([a, b]))["steps"]["a"] == {"type": "stub", "next": "b", "on_failure": "b"}


def test_everything_compiles_and_gives_the_hash_of_its_yaml(tmp_path):
    pipeline = Pipeline(everything(), name="all", description="of it")
    (tmp_path / "p.yaml").write_text(json.dumps(pipeline.definition()))
    from_yaml = load(str(tmp_path / "p.yaml"), {})
    built = compiled(pipeline)
    assert built.dag_hash == from_yaml.dag_hash
    assert built.graph == from_yaml.graph


@pytest.mark.parametrize("word", sorted(set(NODE_TYPES) - {"as-is"}))
def test_every_field_of_a_node_type_can_be_given(word):
    modules = vars(composites) | vars(steps) | vars(tasks)
    [cls] = [c for c in modules.values() if isinstance(c, type) and vars(c).get("type") == word]
    accepted = set(inspect.signature(cls).parameters)
    for fields in (links.Links, tasks.TaskFields) if word == "task" else (links.Links,):
        accepted |= set(fields.__annotations__)
    model = {"fields", "options", *(["next"] if word in {"success", "fail"} else [])}
    assert set(NODE_TYPES[word].__struct_fields__) - model <= accepted


def test_a_function_is_named_as_other_processes_find_it():
    task = PythonTask(work)
    assert (task.name, written(Pipeline([task]))["steps"]["work"]["command"]) == ("work", f"{__name__}.work")


@pytest.mark.parametrize("function", [lambda: 1, partial(work, 1), Path("x").exists, Pipeline])
def test_what_others_cannot_find_stays_in_this_process(function):
    built = compiled(Pipeline([PythonTask(function, "first"), PythonTask(function, "again")]))
    first, again = built.graph.nodes["first"].task, built.graph.nodes["again"].task
    if function is Pipeline:
        assert (first.command, first.function) == ("magnus.sdk.pipeline.Pipeline", None)
    else:
        assert first.function is again.function is function


def test_two_functions_of_one_name_are_two():
    def made(k):
        return lambda: k

    graph = compiled(Pipeline([PythonTask(made(1), "a"), PythonTask(made(2), "b")])).graph
    assert [graph.nodes[name].task.function() for name in "ab"] == [1, 2]
    assert graph.nodes["a"].task.command != graph.nodes["b"].task.command


def test_a_step_leads_to_one_step():
    a, b, c = Stub("a"), Stub("b"), Stub("c")
    _ = a >> b
    with pytest.raises(InvalidDefinition, match="it leads to 'b' and to 'c'") as caught:
        _ = a >> c  # the second one
    assert line_of("_ = a >> c  # the second one") in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda a, b: a >> [b], "not to a value of type list"),
        (lambda a, b: a << "b", "not a value of type str"),
        (lambda a, b: Stub("e", terminate_with_success=True) >> a, "has terminate_with_success"),
        (lambda a, b: Stub("e", terminate_with_success=True, terminate_with_failure=True), "both"),
        (lambda a, b: Pipeline([a, work]), "not of a value of type function"),
    ],
)
def test_what_no_file_could_say_is_refused(wrong, said):
    with pytest.raises(InvalidDefinition, match=said):
        wrong(Stub("a"), Stub("b"))


def test_a_step_that_is_not_linked_beside_some_that_are():
    a, b, c = Stub("a"), Stub("b"), Stub("c", terminate_with_success=True)
    _ = a >> b
    said = complaint(Pipeline([a, b, c]))
    assert "step 'b': nothing says what follows this step" in said
    assert "'a'" not in said
    assert "'c'" not in said


def test_two_steps_of_one_name():
    said = complaint(Pipeline([Stub("a"), Stub("b"), Stub("a")]))
    assert "step 'a': there are two steps of this name" in said


def test_mistakes_deep_inside_have_the_line_of_their_step():
    inner = Pipeline([
        Task("wrong", "x.y", max_attempts=0),  # deep inside
    ])  # fmt: skip
    said = complaint(Pipeline([Parallel("p", {"b": Pipeline([Map("m", inner, "xs", "x")])})]))
    [line] = [line for line in said.splitlines() if "error:" in line]
    assert line.startswith("tests/unit/sdk/" + line_of("# deep inside"))
    assert "step 'p/b/m/wrong'" in line or "step 'p/b/m/branch/wrong'" in line


def test_a_pipeline_may_be_used_in_several_places():
    one = Stub("a").as_pipeline()
    steps = [Parallel("p", {"x": one, "y": one}), Dag("d", one), Stub("z", on_failure=one)]
    assert list(compiled(Pipeline(steps[:2])).graph.nodes) == ["p", "d", "success", "fail"]


def test_files_beside_the_program(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "inner.yaml").write_text(
        json.dumps({"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}})
    )
    program = "from magnus import *\np = Pipeline([Dag('d', dag_definition='inner.yaml')])\n"
    names = {}
    exec(compile(program, str(tmp_path / "program.py"), "exec"), names)
    assert compiled(names["p"]).graph.nodes["d"].written_as == "dag"
