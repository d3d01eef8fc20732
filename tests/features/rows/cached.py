"""Cached steps on each executor: results that are reused, why a step ran, and a step of a run under a debugger."""

import json

import engines
from cells import Feature, add_row, feature
from project import each, pipe, python, shell

GROUP = "Cached steps"
WORK = """\
from pathlib import Path
class Model:
    def __init__(self, depth): self.depth = depth
def make(n):
    Path("made.txt").write_text(f"made {n}")
    return Model(n), [1, 2]
def item(x, model, lr): return x * model.depth + lr
def last(ys): return [sum(ys), Path("made.txt").read_text()]
"""
STEPS = pipe(
    make=python("make", returns=[{"name": "model", "kind": "object"}, "xs"], catalog={"put": "made.txt"}),
    each=each(pipe(item=python("item", returns=["ys"]))),
    last=python("last", returns=["seen"], catalog={"get": "made.txt"}),
    said=shell("export said=$lr", returns=["said"], cache=False),
)


def reasons(log):
    """For each task the run whose result it has, or why it ran."""
    steps = log["steps"]
    inside = {name: branch["steps"]["item"] for name, branch in steps["each"]["branches"].items()}
    tasks = {"make": steps["make"], **inside, "last": steps["last"]}
    return {
        name: task["cached_from"]["run_id"] if "cached_from" in task else task["cache"]["reason"]
        for name, task in tasks.items()
    }


def run(project, lr, **more):
    (project.folder / "made.txt").unlink(missing_ok=True)
    log = project.run({"cache": True, **STEPS}, n=3, lr=lr, **more)
    assert log["parameters"]["seen"] == [9 + 2 * lr, "made 3"]
    assert log["parameters"]["said"] == lr
    return log


@feature(GROUP, "parameters, objects and files of steps with the same inputs are reused, elements of a map one by one")
def reused(project):
    project.write("work.py", WORK)
    first = run(project, 1)
    assert set(reasons(first).values()) == {"no earlier result"}
    assert reasons(run(project, 1)) == dict.fromkeys(["make", "1", "2", "last"], first["run_id"])
    changed = "parameter 'lr' 1 -> 2"
    log = run(project, 2)
    assert reasons(log) == {"make": first["run_id"], "1": changed, "2": changed, "last": reasons(log)["last"]}
    assert reasons(log)["last"].startswith("parameter 'ys")


def reused_from(other):
    def test(project):
        project.write("work.py", WORK)
        first = run(project, 1, on=other)
        assert reasons(run(project, 1)) == dict.fromkeys(["make", "1", "2", "last"], first["run_id"])

    return test


for engine in engines.IN_THE_VOLUME:
    name = f"results of a run on {engine.name} are reused"
    add_row(GROUP, Feature(name, reused_from(engine.name), failed_on=engine.name))


@feature(GROUP, "explain and diff say why a step ran")
def explained(project):
    project.write("work.py", WORK)
    first, second = run(project, 1)["run_id"], run(project, 2)["run_id"]
    explained = json.loads(engines.called(["explain", second, "-c", "configuration.yaml", "--json"], {}))
    said = {step["step"]: (step["verdict"], step["reason"]) for step in explained["steps"]}
    assert said["make"] == ("reused", "same code, parameters and files")
    assert said["each/1/item"] == ("ran", "parameter 'lr' 1 -> 2")
    assert said["said"] == ("ran", "it has no cache")
    difference = json.loads(engines.called(["diff", first, second, "-c", "configuration.yaml", "--json"], {}))
    assert [(step["step"], step["compared_with"]) for step in difference["reruns"]] == [
        ("each/1/item", first),
        ("each/2/item", first),
        ("last", first),
    ]


@feature(GROUP, "debug runs a step of the run again with the inputs that it had")
def debugged(project):
    project.write("work.py", WORK)
    log = run(project, 1)
    shown = json.loads(engines.called(["debug", log["run_id"], "last", "-c", "configuration.yaml", "--print"], {}))
    assert shown["files"] == ["made.txt"]
    assert {name: shown["parameters"][name] for name in ("ys", "lr")} == {"ys": [4, 7], "lr": 1}
