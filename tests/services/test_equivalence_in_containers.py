"""The corpus and random pipelines, with each step in a container of a real engine: they come out as everywhere else.

Several run at once, in processes forked from this one, since much of a step is waiting for the engine.
"""

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache

import dockerd
import drivers
import graphs
import pytest
import test_corpus
import test_equivalence
from container_engines import IMAGE
from hypothesis import HealthCheck, Phase, given, seed, settings

pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.timeout(7200)]

AT_ONCE = 4
RANDOM_PIPELINES = 6
MOST_STEPS = 6


def in_containers(folder, _dag, arguments):
    file = folder / "magnus-config.yaml"
    services = json.loads(file.read_text())["defaults"]
    options = {"docker_image": IMAGE, "network": "none", "pull_policy": "never", "enable_parallel": True}
    executor = {"type": "local-container", "config": {**options, "max_workers": 3}}
    file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
    return drivers.executed(folder, "containers", arguments)


def corpus(name, folder):
    return test_corpus.driven(name, "chunked-fs", in_containers, folder, spill_threshold=1000)


def random(number, folder):
    dag, _ = random_pipelines()[number]
    (folder / "magnus-config.yaml").write_text('{"defaults": {"catalog": {"type": "do-nothing"}}}')
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    return test_equivalence.seen(in_containers(folder, dag, test_equivalence.ARGUMENTS))


@cache
def random_pipelines():
    """The first small ones with a composite and a task, and what must come out."""
    found = []

    @seed(0)
    @settings(
        max_examples=200, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=HealthCheck
    )
    @given(graphs.pipelines())
    def look(dag):
        wanted = test_equivalence.expected(dag)
        if 3 < test_equivalence.size(wanted[2]) <= MOST_STEPS and len(found) < RANDOM_PIPELINES:
            found.append((dag, wanted))

    look()
    return found


@pytest.fixture(scope="session")
def came(docker_host, image, tmp_path_factory, request):
    """What came of the pipelines that are asked for: what a call gave, or the error."""
    folder = tmp_path_factory.mktemp("pipelines")
    random_pipelines()
    asked = [(each.function, each.callspec.params.get("which")) for each in request.session.items if is_of(each)]
    forked = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(AT_ONCE, forked, environ, (docker_host,)) as pool:
        ends = [
            (which, pool.submit(outcome, DRIVES[function], which, folder / f"{number}"))
            for number, (function, which) in enumerate(asked)
        ]
    with dockerd.client(docker_host) as client:
        assert not client.containers.list(all=True)
    return {which: future.result() for which, future in ends}


def is_of(item):
    return getattr(item, "function", None) in DRIVES


def environ(docker_host):
    os.environ["DOCKER_HOST"] = docker_host


def outcome(drive, which, folder):
    folder.mkdir()
    try:
        return drive(which, folder)
    except Exception as error:  # noqa: BLE001 - the test of this pipeline shows it
        return error


@pytest.mark.parametrize("which", test_corpus.NAMES)
def test_the_corpus(which, came):
    expected = json.loads((test_corpus.CORPUS / "expected" / f"{which}.json").read_text())
    assert came[which] == expected


@pytest.mark.parametrize("which", range(RANDOM_PIPELINES))
def test_random_pipelines(which, came):
    _, wanted = random_pipelines()[which]
    assert came[which] == wanted


DRIVES = {test_the_corpus: corpus, test_random_pipelines: random}
