"""Pipelines and loops that are cut for Argo come out as they do whole: with the least that a dag may hold, all are cut."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import simulated
from graphs import pipelines
from hypothesis import HealthCheck, Phase, given, seed, settings
from test_equivalence import ARGUMENTS, MOST_STEPS, QUICK_FOLDER, expected, seen, size

from magnus.transpilers.argo import dags, pipeline_dags

PIPELINES = 4


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(pipeline_dags, "MOST_TASKS", 2)
    monkeypatch.setattr(dags, "ROUNDS_AT_ONCE", 2)


def manifest_of(dag):
    """How the pipeline comes out on Argo, and the manifest."""
    with TemporaryDirectory(dir=QUICK_FOLDER) as folder:
        services = {"run_log_store": {"type": "file-system"}, "catalog": {"type": "do-nothing"}}
        Path(folder, "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        Path(folder, "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))
        log = simulated.simulated(Path(folder), dag, ARGUMENTS)
        return seen(log), Path(folder, "argo.yaml").read_text()


def test_random_pipelines_that_are_cut(small):
    """The parts of a pipeline are named by the first and the last step in them."""
    cut = []

    @seed(1)
    @settings(
        max_examples=PIPELINES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pipelines().filter(lambda dag: 6 < size(expected(dag)[2]) <= MOST_STEPS))
    def each(dag):
        came, manifest = manifest_of(dag)
        assert came == expected(dag)
        cut.append("-to-" in manifest)

    each()
    assert any(cut)


@pytest.mark.parametrize("failing", [0, 1, 3, 6])
def test_a_chain_with_ways_around_that_is_cut(failing, small):
    """Every third step has a way around it; `failing` fails."""
    steps = {}
    for number in range(6):
        name = f"s{number}"
        fails = {"command": "exit 1"} if number == failing else {"command": "true"}
        steps[name] = {"command_type": "shell", **fails, "next": f"s{number + 1}" if number < 5 else "success"}
        if number % 3 == 0:
            steps[name]["on_failure"] = f"s{number + 2}"
    dag = {"start_at": "s0", "steps": steps}
    (status, _, ran), manifest = manifest_of(dag)
    assert "-to-" in manifest
    around = failing % 3 == 0 or failing == 6
    assert status == ("SUCCESS" if around else "FAIL")
    last = "success" if around else "fail"
    names = [f"s{number}" for number in range(6)]
    if around and failing < 6:
        names.remove(f"s{failing + 1}")
    wanted = names if around else names[: failing + 1]
    assert list(ran) == [*wanted, last]


@pytest.mark.parametrize("failing", [None, 1, 4, 5])
@pytest.mark.parametrize("common", [True, False])
def test_a_chain_with_handlers_that_is_cut(common, failing, small):
    """No place in it leads to one step alone."""
    steps = {}
    for number in range(6):
        handler = "h" if common else f"h{number}"
        command = "lambda: 1 / 0" if number == failing else f"lambda: {{'y{number}': 1}}"
        following = f"s{number + 1}" if number < 5 else "success"
        steps[f"s{number}"] = {
            "command_type": "python-lambda", "command": command, "next": following, "on_failure": handler
        }  # fmt: skip
        handling = {"command_type": "python-lambda", "command": "lambda: {'handled': 1}"}
        steps[handler] = {**handling, "next": f"{handler} 2"}
        steps[f"{handler} 2"] = {**handling, "next": "success"}
    dag = {"start_at": "s0", "steps": steps}
    (status, parameters, ran), manifest = manifest_of(dag)
    handler = [] if failing is None else ["h", "h 2"] if common else [f"h{failing}", f"h{failing} 2"]
    names = [f"s{number}" for number in range(6 if failing is None else failing + 1)]
    assert "-and-on" in manifest
    assert (status, list(ran)) == ("SUCCESS", [*names, *handler, "success"])
    assert ("handled" in parameters) == (failing is not None)
