"""Resumes, on each executor, runs that failed on each."""

import engines
from cells import Feature, add_row
from project import each, pipe, python

GROUP = "Resume, on each executor, a failed run"
WORK = """\
from pathlib import Path
class Model:
    depth = 3
def begin():
    Path("made.txt").write_text("made")
    return Model(), [1, 2]
def item(x, model):
    if Path(f"fails-{x}").exists(): raise ValueError(f"{x} fails")
    return {"y": x * model.depth}
def last(model, y): return {"seen": [model.depth, y, Path("made.txt").read_text()]}
"""


def goes_on(failed_on):
    def test(project):
        """What succeeded is taken over: parameters, an object, a file, a branch of a map. The rest runs."""
        project.write("work.py", WORK)
        project.write("fails-2", "")
        returns = [{"name": "model", "kind": "object"}, "xs"]
        steps = pipe(
            begin=python("begin", returns=returns, catalog={"put": "made.txt"}),
            each=each(pipe(item=python("item"))),
            last=python("last", catalog={"get": "made.txt"}),
        )
        failed = project.run(steps, on=failed_on, succeeds=False)
        assert mocked(failed) == {"begin": False, "1": False, "2": False}
        for name in ("fails-2", "made.txt"):
            (project.folder / name).unlink(missing_ok=True)  # a pod made it in a copy of its own
        log = project.run(steps, original=failed["run_id"])
        assert (log["original_run_id"], log["use_cached"]) == (failed["run_id"], True)
        assert log["parameters"]["seen"] == [3, [3, 6], "made"]
        assert mocked(log) == {"begin": True, "1": True, "2": False, "last": False}
        assert [len(step["attempts"]) for step in steps_of(log).values()] == [0, 0, 1, 1]

    return test


def steps_of(log):
    """The steps that are tasks, those of the map by its elements."""
    steps = log["steps"]
    inside = {name: branch["steps"]["item"] for name, branch in steps["each"]["branches"].items()}
    last = {"last": steps["last"]} if "last" in steps else {}
    return {"begin": steps["begin"], **inside, **last}


def mocked(log):
    return {name: step["mock"] for name, step in steps_of(log).items()}


for engine in engines.IN_THE_VOLUME:  # the column of the run that resumes says where both have their run logs
    add_row(GROUP, Feature(f"it failed on {engine.name}", goes_on(engine.name), failed_on=engine.name))
