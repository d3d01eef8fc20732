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


def check(dag, store, number):
    """Run it in many ways; a large one not step by step, and every fourth of the others on Argo. The ways."""
    wanted = expected(dag)
    ways = [drivers.whole, drivers.in_workers(WORKERS[number % len(WORKERS)])]
    if size(wanted[2]) <= MOST_STEPS:
        ways.append(drivers.step_by_step)
        ways += [simulated.simulated] if number % 4 == 0 else []
    for drive in ways:
        with TemporaryDirectory(dir=QUICK_FOLDER) as folder:
            services = {"run_log_store": {"type": store}, "catalog": {"type": "do-nothing"}}
            Path(folder, "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
            Path(folder, "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))
            assert seen(drive(Path(folder), dag, ARGUMENTS)) == wanted, drive.__name__
    return ways


def over_random_pipelines(share, body):
    """Call `body` with each of the random pipelines of the share; they are the same every time."""

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
        body(dag)

    each()


@pytest.mark.parametrize("share", range(SHARES))
def test_random_pipelines(share):
    store = ("file-system", "chunked-fs")[share % 2]
    ways = []
    over_random_pipelines(share, lambda dag: ways.append(check(dag, store, len(ways))))
    assert len(ways) == GRAPHS_EACH
    assert sum(drivers.step_by_step in done for done in ways) >= GRAPHS_EACH // 2
    assert sum(simulated.simulated in done for done in ways) >= GRAPHS_EACH // 10


def test_the_random_pipelines_have_every_pair_of_composites_with_and_without_on_failure():
    found = Counter()
    for share in range(SHARES):
        over_random_pipelines(share, lambda dag: found.update(set(facts(dag))))
    table = [
        f"{outer:>12} {inner:>12} {found[outer, inner, False]:5} {found[outer, inner, True]:5}"
        for outer, inner in product(KINDS, KINDS)
    ]
    print("\n".join(["       outer        inner plain on_failure", *table]))
    assert all(found[outer, inner, leads] for outer, inner in product(KINDS, KINDS) for leads in (False, True))
