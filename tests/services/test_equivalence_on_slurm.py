"""The corpus and random pipelines, with each step a job of a real Slurm: they come out as everywhere else.

Several run at once, in processes forked from this one, since much of a step is waiting for its job.
"""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor

import drivers
import pytest
import test_corpus
import test_equivalence
import test_equivalence_in_containers as in_containers

pytestmark = [pytest.mark.xdist_group("slurm equivalence"), pytest.mark.timeout(7200)]

AT_ONCE = 4


def on_slurm(folder, _dag, arguments):
    file = folder / "magnus-config.yaml"
    services = json.loads(file.read_text())["defaults"]
    services.setdefault("run_log_store", {"type": "chunked-fs"})
    executor = {"type": "slurm", "config": {"poll_seconds": 0.5}}
    file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
    return drivers.executed(folder, "slurm", arguments)


def corpus(name, folder):
    return test_corpus.driven(name, "chunked-fs", on_slurm, folder, spill_threshold=1000)


def random(number, folder):
    dag, _ = in_containers.random_pipelines()[number]
    (folder / "magnus-config.yaml").write_text('{"defaults": {"catalog": {"type": "do-nothing"}}}')
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    return test_equivalence.seen(on_slurm(folder, dag, test_equivalence.ARGUMENTS))


@pytest.fixture(scope="session")
def came(slurm, tmp_path_factory, request):
    """What came of the pipelines that are asked for: what a call gave, or the error."""
    folder = tmp_path_factory.mktemp("pipelines")
    in_containers.random_pipelines()
    asked = [(each.function, each.callspec.params.get("which")) for each in request.session.items if is_of(each)]
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(AT_ONCE, forked, os.environ.update, (slurm.environment,)) as pool:
        ends = [
            (which, pool.submit(in_containers.outcome, DRIVES[function], which, folder / f"{number}"))
            for number, (function, which) in enumerate(asked)
        ]
    slurm.until(lambda: not slurm.jobs())
    return {which: future.result() for which, future in ends}


def is_of(item):
    return getattr(item, "function", None) in DRIVES


@pytest.mark.parametrize("which", test_corpus.NAMES)
def test_the_corpus(which, came):
    expected = json.loads((test_corpus.CORPUS / "expected" / f"{which}.json").read_text())
    assert came[which] == expected


@pytest.mark.parametrize("which", range(in_containers.RANDOM_PIPELINES))
def test_random_pipelines(which, came):
    _, wanted = in_containers.random_pipelines()[which]
    assert came[which] == wanted


DRIVES = {test_the_corpus: corpus, test_random_pipelines: random}
