"""Manifests with a fault in them: each is refused with its place, or runs as what it says now; nothing else happens."""

import asyncio
import copy
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.definition.yaml_text import parse
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.simulation.argo.pod import ERROR, FAILED, SUCCEEDED, Ended
from magnus.simulation.argo.workflow import Simulation

CORPUS = Path(__file__).parents[2] / "corpus/argo"
MANIFESTS = {
    f"{file.parent.name}/{file.stem}": yaml.load(file.read_text(), yaml.CSafeLoader)
    for file in sorted(CORPUS.glob("*/*.yaml"))
}
MOST_PODS = 300
REPLACEMENTS = (None, 0, -1, 1.5, True, "", "x", "{{x}}", "{{item}}", "a &&", [], ["x"], {}, {"x": 1})
PIECES = ("", "x", "-", " ", "{{", "}}", "'", "&&", "(", "!", ".", "Failed", "\\", "ü", "\n")


class Pods:
    """Pods that all succeed, but those of `failing`; one that begins branches gives two of them."""

    def __init__(self, failing=()):
        self.failing = failing
        self.ran = []

    async def run(self, template, variables, number):
        step = variables.get("inputs.parameters.step", "")
        self.ran.append((template.name, step, number))
        if len(self.ran) > MOST_PODS:
            raise InvalidInput("there are too many pods")
        await asyncio.sleep(0)
        if step in self.failing:
            return Ended(FAILED, exit_code=1)
        given = template.outputs.parameters if template.outputs else ()
        values = {one.name: "[0, 1]" if one.value_from.default == "[]" else "" for one in given}
        return Ended(SUCCEEDED, values, 0)


def ran(manifest, failing=()):
    """The phase, and which pods ran in which order."""
    document = parse(yaml.safe_dump(manifest), "m.yaml", InvalidDefinition, "the manifest")
    spec = spec_of(document)
    pods = Pods(failing)
    end = asyncio.run(run_to_end(Simulation(spec, variables_of(spec, {}), pods, lambda *_: None)))
    return end.phase, pods.ran


def refused_or_ran(manifest, failing=()):
    """The error that refuses it, or how it ran."""
    try:
        return ran(manifest, failing)
    except InvalidInput as error:
        return error


def paths(value, path=()):
    """The paths of everything in the manifest."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (*path, key)
        yield from paths(below, (*path, key))


def around(manifest, path):
    for key in path[:-1]:
        manifest = manifest[key]
    return manifest


@st.composite
def mutated(draw):
    manifest = copy.deepcopy(MANIFESTS[draw(st.sampled_from(sorted(MANIFESTS)))])
    path = draw(st.sampled_from(list(paths(manifest))))
    place, key = around(manifest, path), path[-1]
    kind = draw(st.sampled_from(("remove", "replace", "rename", "cut", "double")))
    if kind == "remove":
        del place[key]
    elif kind == "rename" and isinstance(place, dict):
        place[key + "s"] = place.pop(key)
    elif kind == "cut" and isinstance(place[key], str):
        text = place[key]
        begin = draw(st.integers(0, len(text)))
        place[key] = text[:begin] + draw(st.sampled_from(PIECES)) + text[begin + draw(st.integers(0, 3)) :]
    elif kind == "double" and isinstance(place, list):
        place.append(copy.deepcopy(place[key]))
    else:
        place[key] = draw(st.sampled_from(REPLACEMENTS))
    return manifest


@settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
@given(mutated())
def test_a_mutated_manifest_is_refused_in_words_or_runs(manifest):
    found = refused_or_ran(manifest)
    if isinstance(found, InvalidInput):
        assert found.problems
        for problem in found.problems:
            assert problem.message
            assert not isinstance(found, InvalidDefinition) or (problem.location.file, problem.location.line > 0) == (
                "m.yaml",
                True,
            )
    else:
        assert found[0] in {SUCCEEDED, FAILED, ERROR}


def tasks_of(manifest, template):
    [found] = [one for one in manifest["spec"]["templates"] if one["name"] == template]
    return {task["name"]: task for task in found["dag"]["tasks"]}


def without(task, field):
    return lambda tasks: tasks[task].pop(field)


def changed(task, field, old, new):
    def change(tasks):
        assert old in tasks[task][field]
        tasks[task][field] = tasks[task][field].replace(old, new)

    return change


@pytest.mark.parametrize(
    ("template", "change", "failing"),
    [
        ("fused/pipeline", without("m", "depends"), ()),
        ("fused/pipeline", without("m", "arguments"), ()),
        ("fused/pipeline", changed("m", "depends", "Succeeded", "Failed"), ()),
        ("fused/pipeline", changed("fail", "depends", "m.Failed ||", "m.Failed &&"), ("m",)),
        ("fused/m", changed("fan-in", "depends", "branches.Failed", "branches.Omitted"), ("m/0/s", "m/0/fail")),
        ("fused/m", without("fan-in", "depends"), ()),
        ("fused/m", without("branches", "withParam"), ()),
        ("pipeline", without("end", "depends"), ()),
        ("pipeline", without("fail", "depends"), ()),
        ("pipeline", changed("end", "depends", "Succeeded", "Failed"), ()),
        ("pipeline", changed("end", "depends", "Succeeded", "Done"), ()),
        ("pipeline", changed("end", "depends", "m.", "n."), ()),
        ("pipeline", changed("fail", "depends", "m.Failed ||", "m.Failed &&"), ("m",)),
        ("pipeline", without("success", "depends"), ()),
        ("m", without("branches", "withParam"), ()),
        ("m", without("branches", "arguments"), ()),
        ("m", without("fan-in", "depends"), ()),
        ("m", changed("branches", "depends", "fan-out", "fan-in"), ()),
        ("m", changed("branches", "template", "branch", "twig"), ()),
        ("m", changed("branches", "withParam", "branches}}", "twigs}}"), ()),
        ("m", changed("fan-in", "depends", "branches.Failed", "branches.Omitted"), ("m/0/s", "m/0/fail")),
        ("m-branch", changed("success", "depends", "s.", "fail."), ()),
    ],
)
def test_what_decides_is_not_overlooked(template, change, failing):
    form, _, name = template.rpartition("/")
    manifest = copy.deepcopy(MANIFESTS[f"{form or 'one-act-a-pod'}/map"])
    before = ran(manifest, failing)
    change(tasks_of(manifest, name))
    assert refused_or_ran(manifest, failing) != before
