"""What the steps of a run are, from the pipeline in its run log."""

from msgspec.structs import replace

from magnus.app.report.step_definitions import Definitions, pipeline_of
from magnus.graph.path import StepPath
from magnus.testing.records import run_record

TASK = {
    "type": "task",
    "command": "work.fit",
    "next": "success",
    "timeout": "${limit}",
    "catalog": {"put": ["${where}/*"]},
}
DAG = {
    "start_at": "m",
    "steps": {
        "m": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "next": "success", "on_failure": {
            "start_at": "mend", "steps": {"mend": {"type": "stub", "next": "success"}},
        }, "branch": {"start_at": "fit", "steps": {"fit": {**TASK, "timeout": 5}}}},
    },
}  # fmt: skip


def run(dag, *variables):
    return replace(run_record(), run_config={"dag": dag, "pipeline_file": "p.yaml", "variables": list(variables)})


def test_branches_of_a_map_share_a_definition():
    definitions = Definitions(pipeline_of(run(DAG, "where")), {"m/fit": {"work.py:fit": "ab"}})
    first, second = (definitions.number(StepPath(("m", key, "fit"))) for key in ("0", "7"))
    assert first == second == 0
    [fit] = definitions.definitions
    assert (fit.kind, fit.command, fit.code) == ("python", "work.fit", [("work.py:fit", "ab")])
    assert dict(fit.more) == {"timeout": "5 s", "put": "${where}/*", "next": "success"}


def test_a_pipeline_under_on_failure_is_found():
    definitions = Definitions(pipeline_of(run(DAG, "where")), {})
    assert definitions.number(StepPath(("m on failure", "dag", "mend"))) == 0


def test_a_step_the_pipeline_does_not_have_has_no_definition():
    definitions = Definitions(pipeline_of(run(DAG, "where")), {})
    assert definitions.number(StepPath(("other",))) is None
    assert definitions.number(StepPath(("m", "0", "other"))) is None


def test_a_pipeline_that_cannot_be_compiled_any_more_is_none():
    steps = {"fit": TASK, "d": {"type": "dag", "dag_definition": "gone.yaml", "next": "success"}}
    for dag in (None, 3, {"start_at": "fit", "steps": {"fit": TASK}}, {"start_at": "d", "steps": {"d": steps["d"]}}):
        assert pipeline_of(run(dag, "limit", "where")) is None
    assert Definitions(None, {}).number(StepPath(("fit",))) is None


def test_a_step_is_alone_in_its_branch_or_not():
    definitions = Definitions(pipeline_of(run(DAG, "where")), {})
    assert definitions.is_alone(StepPath(("m", "0", "fit")))
    assert not definitions.is_alone(StepPath(("m",)))
    assert not definitions.is_alone(StepPath(("gone",)))
