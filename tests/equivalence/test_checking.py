"""`magnus check` never complains of what works: of random pipelines, as the interpreter of the tests runs them, nor of the corpus."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from graphs import pipelines
from hypothesis import HealthCheck, Phase, given, seed, settings
from reference import run

from magnus.app.check.check_pipeline import check
from magnus.app.run.request import RunRequest
from magnus.definition.built_pipeline import BuiltPipeline
from magnus.definition.yaml_text import Document

START = {"v": "left", "xs": [1, 2]}
SHARES, GRAPHS_EACH = 4, 60
CORPUS = Path(__file__).parents[1] / "corpus"
ARGUMENTS = {"when": "2024-05-06", "text": "007"}
UNUSED = "warning: no step uses the parameter"
"""The arguments are those of all pipelines of the corpus."""
ALWAYS_FAILS = "always fails"
COMPLAINTS = {
    "a-get-without-a-match": [
        "warning: no step before puts 'nothing.txt' into the catalog; the step always fails, and the pipeline continues by on_failure"
    ],
    "conditional-without-a-match": [
        "warning: the parameter 'v' must be one of 'y', but it is 'x'; the step always fails, and the pipeline continues by on_failure",
        "error: the parameter 'gone' is set by no step before, and is no initial parameter",
    ],
    "loop-with-a-failure": ["error: the parameter 'stop' must be true or false, but it is \"no\""],
    "map-over-what-is-no-list": [
        "warning: the parameter 'xs' must be a list, but it is 3; the step always fails, and the pipeline continues by on_failure"
    ],
    "parallel-that-sets-one-name-twice": ["warning: the branches 'z', 'a' all set 'n'; the last one wins"],
}
"""What is said of the pipelines that are meant to fail, and of one that is meant to be warned of."""


def checked(dag, folder):
    built = BuiltPipeline(Document("p.yaml", {"dag": dag}, {}, {}), {})
    asked = RunRequest("p.yaml", built=built, parameters=START, environment={}, working_directory=folder)
    return check(asked, imports=True).problems


def statuses(dag, steps, around=()):
    """Each step that ran, by its name and those around it as messages have them, with a status it had."""
    for name, (status, branches) in steps.items():
        if name not in dag["steps"]:
            continue
        yield "/".join((*around, name)), status
        for key, (_, _, inner) in branches.items():
            named, pipeline = branch(dag["steps"][name], key)
            yield from statuses(pipeline, inner, (*around, name, *named))


def branch(step, key):
    if key in step.get("branches", {}):
        return (key,), step["branches"][key]
    return (), step.get("branch") or step.get("dag") or step["default"]


@pytest.mark.parametrize("share", range(SHARES))
def test_what_runs_is_not_complained_of(share, tmp_path):
    seen = Counter()

    @seed(share)
    @settings(
        max_examples=GRAPHS_EACH,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pipelines())
    def each(dag):
        outcome = run(dag, START)
        ran = {}
        for step, status in statuses(dag, outcome.steps):
            ran.setdefault(step, set()).add(status)
        for problem in checked(dag, tmp_path):
            told = f"{problem}\n{json.dumps(dag)}"
            if problem.severity == "error" or ALWAYS_FAILS in problem.message:
                assert "SUCCESS" not in ran.get(problem.step, ()), f"a step that succeeded: {told}"
            if problem.severity == "error":
                assert not outcome.succeeded or problem.step not in ran, f"the pipeline succeeded: {told}"
                seen["errors"] += 1
        seen[outcome.succeeded] += 1

    each()
    assert seen[True] + seen[False] == GRAPHS_EACH
    assert min(seen[True], seen[False], seen["errors"]) > GRAPHS_EACH // 10


@pytest.mark.parametrize("imports", [True, False])
@pytest.mark.parametrize("name", sorted(file.stem for file in CORPUS.glob("*.yaml")))
def test_the_corpus(name, imports, tmp_path):
    for file in CORPUS.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        asked = RunRequest(f"{name}.yaml", arguments=ARGUMENTS, environment={}, working_directory=tmp_path)
        found = check(asked, imports=imports)
    finally:
        os.chdir(before)
    said = [f"{problem.severity}: {problem.message}" for problem in found.problems]
    assert [text for text in said if not text.startswith(UNUSED)] == COMPLAINTS.get(name, [])
