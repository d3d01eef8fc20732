"""The same run everywhere: what the interpreter of the tests says must come out does, however a pipeline is run."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import drivers
import pytest
import simulated
from graphs import KINDS, facts, pipelines
from hypothesis import HealthCheck, Phase, given, seed, settings
from reference import run

START = {"v": "left", "xs": [1, 2]}
ARGUMENTS = {name: value if isinstance(value, str) else json.dumps(value) for name, value in START.items()}
WORKERS = (1, 2, 4)
SHARES = 8
GRAPHS_EACH = 40
MOST_STEPS = 60
"""A pipeline that takes more is not run step by step: each step reads the file anew."""
QUICK_FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else "/tmp"
"""In memory where there is such a folder: what becomes of runs on real disks is the subject of other tests."""


def seen(log):
    """The run log as the interpreter tells it."""
    return log["status"], log["parameters"], steps_of(log["steps"])


def steps_of(steps):
    return {
        name: (
            step["status"],
            {
                key: (branch["status"], branch.get("value"), steps_of(branch["steps"]))
                for key, branch in step["branches"].items()
            },
        )
        for name, step in steps.items()
    }


def expected(dag):
    outcome = run(dag, START)
    return "SUCCESS" if outcome.succeeded else "FAIL", {**START, **outcome.own}, outcome.steps


def size(steps):
    """How many steps ran."""
    inner = (size(branch[2]) for _, branches in steps.values() for branch in branches.values())
    return len(steps) + sum(inner)


def ways_of(number, steps):
    """How the pipeline of this number runs: whole, and in workers or step by step in turns.

    Every fourth also on Argo, every eighth there with a pod for each act, every fourth in few processes, and every eighth
    with its composites together.
    """
    small = steps <= MOST_STEPS
    ways = [drivers.whole, drivers.step_by_step if small and number % 2 else drivers.in_workers(WORKERS[number % 3])]
    if small and number % 4 == 0:
        return [*ways, simulated.simulated]
    if small and number % 4 == 3:
        return [*ways, drivers.in_few_processes]
    if small and number % 8 == 6:
        return [*ways, simulated.one_act_a_pod]
    return [*ways, drivers.together] if small and number % 8 == 2 else ways


def check(dag, store, number):
    """Run it in its ways, which are returned."""
    wanted = expected(dag)
    ways = ways_of(number, size(wanted[2]))
    for drive in ways:
        with TemporaryDirectory(dir=QUICK_FOLDER) as folder:
            stored = {"type": store} if isinstance(store, str) else store
            services = {"run_log_store": stored, "catalog": {"type": "do-nothing"}}
            Path(folder, "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
            Path(folder, "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))
            assert seen(drive(Path(folder), dag, ARGUMENTS)) == wanted, drive.__name__
    return ways


def over_random_pipelines(share, body, number=GRAPHS_EACH):
    """Call `body` with each of so many random pipelines of the share; they are the same every time."""

    @seed(share)
    @settings(
        max_examples=number,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(pipelines())
    def each(dag):
        body(dag)

    each()


@pytest.mark.parametrize("share", range(SHARES))
def test_random_pipelines(share):
    store = ("file-system", "chunked-fs")[share % 2]
    ways = []
    over_random_pipelines(share, lambda dag: ways.append(check(dag, store, len(ways))))
    assert len(ways) == GRAPHS_EACH
    assert sum(drivers.step_by_step in done for done in ways) >= GRAPHS_EACH // 3
    assert sum(simulated.simulated in done for done in ways) >= GRAPHS_EACH // 10


def test_every_way_has_every_pair_of_composites_with_and_without_on_failure():
    found = Counter()
    for share in range(SHARES):
        pipelines_of_share = []
        over_random_pipelines(share, pipelines_of_share.append)
        for number, dag in enumerate(pipelines_of_share):
            found.update(seen_by_ways(dag, number))
    ways = ["whole", "workers", "step_by_step", "simulated"]
    pairs = list(product(KINDS, KINDS))
    for leads, way in product((False, True), ways):
        print(
            way, "on_failure" if leads else "plain", *(f"\n{pair!s:>40} {found[way, *pair, leads]:5}" for pair in pairs)
        )
    assert [key for key in product(ways, pairs, (False, True)) if not found[key[0], *key[1], key[2]]] == []


def seen_by_ways(dag, number):
    """The pairs in a pipeline, for each way in which the pipeline of this number runs."""
    ways = {drive.__name__.split()[-1] for drive in ways_of(number, size(expected(dag)[2]))}
    return {(way, *fact) for way, fact in product(ways, set(facts(dag)))}
