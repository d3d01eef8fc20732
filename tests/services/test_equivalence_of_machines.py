"""The corpus and random pipelines as machines of AWS Step Functions, interpreted: they come out as everywhere else.

They run on moto's interpreter with jobs that are processes or containers, and on another interpreter: others of the corpus in
every run of the tests, since the whole corpus takes many minutes.
"""

import json
import random

import interpreted
import pytest
import test_corpus
import test_equivalence

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
IN_ONE_FOLDER = {"files"}
"""Steps find what others left in their working directory, which jobs do not share."""
NAMES = [name for name in test_corpus.NAMES if name not in IN_ONE_FOLDER]
BY_ANOTHER_INTERPRETER = ["chain-of-all-task-kinds", "conditional", "loop", "map-inside-map", "odd-names", "parallel"]
IN_PROCESSES = 12
IN_CONTAINERS = 4
BY_BOTH = 2
VALIDATED = 30
RUNS = {"type": "object-store", "config": {"url": "s3://bucket/runs"}}
RANDOM_PIPELINES = 6
MOST_STEPS = 12


def check(name, services, faults, folder, **options):
    store = interpreted.stores(services, f"corpus/{folder.name}")
    drive = interpreted.driver(services, faults, **options)
    came = test_corpus.driven(name, store, drive, folder, spill_threshold=1000, catalog=store)
    assert came == json.loads((test_corpus.CORPUS / "expected" / f"{name}.json").read_text())


def drawn(names, number, seed):
    """So many of the names, others for each seed."""
    return random.Random(seed).sample(names, number)


@pytest.mark.xdist_group("step functions")
@pytest.mark.parametrize("number", range(IN_PROCESSES))
def test_the_corpus(number, step_functions, asl_faults, tmp_path, testrun_uid):
    check(drawn(NAMES, IN_PROCESSES, testrun_uid)[number], step_functions, asl_faults, tmp_path)


@pytest.mark.xdist_group("step functions")
@pytest.mark.parametrize("number", range(BY_BOTH))
def test_the_corpus_by_another_interpreter(
    number, step_functions, asl_faults, local_step_functions, tmp_path, testrun_uid
):
    """Its maps are inline, since it has no distributed ones."""
    name = drawn(BY_ANOTHER_INTERPRETER, BY_BOTH, testrun_uid)[number]
    check(name, step_functions, asl_faults, tmp_path, interpret=local_step_functions, map="inline")


@pytest.mark.xdist_group("docker")
@pytest.mark.parametrize("number", range(IN_CONTAINERS))
def test_the_corpus_in_containers(number, step_functions_in_containers, asl_faults, tmp_path, testrun_uid):
    name = drawn(NAMES, IN_CONTAINERS, f"{testrun_uid} containers")[number]
    check(name, step_functions_in_containers, asl_faults, tmp_path)


@pytest.mark.xdist_group("docker")
def test_a_pipeline_in_containers_of_ecs(step_functions_in_containers, asl_faults, tmp_path):
    check("retries", step_functions_in_containers, asl_faults, tmp_path, **step_functions_in_containers.on_ecs())


def written(folder, dag, services):
    folder.mkdir(parents=True)
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))


@pytest.mark.xdist_group("step functions")
def test_machines_of_random_pipelines_are_valid(asl_faults, tmp_path):
    found = []
    test_equivalence.over_random_pipelines(7, found.append, VALIDATED)
    assert len(found) == VALIDATED
    for number, dag in enumerate(found):
        folder = tmp_path / str(number)
        written(folder, dag, {"run_log_store": RUNS, "catalog": {"type": "do-nothing"}})
        interpreted.valid(asl_faults, folder)


@pytest.mark.xdist_group("step functions")
def test_random_pipelines(step_functions, asl_faults, tmp_path, testrun_uid):
    found = []

    def choose(dag):
        expected = test_equivalence.expected(dag)
        if 3 < test_equivalence.size(expected[2]) <= MOST_STEPS and len(found) < RANDOM_PIPELINES:
            found.append((dag, expected))

    test_equivalence.over_random_pipelines(random.Random(testrun_uid).randrange(10**6), choose, 200)
    assert found
    for number, (dag, expected) in enumerate(found):
        folder = tmp_path / str(number)
        store = interpreted.stores(step_functions, f"random/{tmp_path.name}/{number}")
        written(folder, dag, {"run_log_store": store, "catalog": {"type": "do-nothing"}})
        log = interpreted.log_of_machine(step_functions, asl_faults, folder, test_equivalence.ARGUMENTS)
        assert test_equivalence.seen(log) == expected, json.dumps(dag)
