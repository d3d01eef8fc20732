"""Branches share a working directory on this machine; what one put is not put by its siblings."""

import time

import yaml

FAST = "mkdir -p out; echo $x > out/f$x.txt; echo same > out/flag"


def pipeline(command=FAST, put=("out/*",), **more):
    branch = {
        "start_at": "make",
        "steps": {
            "make": {"command_type": "shell", "command": command, "catalog": {"put": list(put)}, "next": "use"},
            "use": {
                "command_type": "shell",
                "command": "cat out/flag",
                "catalog": {"get": ["out/flag"]},
                "next": "success",
            },
        },
    }
    return {
        "start_at": "each",
        "steps": {
            "each": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "last"},
            "last": {"command_type": "shell", "command": "true", "catalog": {"get": ["out/f*.txt"]}, "next": "success"},
        },
        **more,
    }


def run(folder, dag, executor=None):
    folder.write("pipeline.yaml", yaml.safe_dump({"dag": dag}))
    folder.write("parameters.yaml", "xs: [1, 2, 3, 4, 5, 6]\n")
    folder.write("magnus-config.yaml", yaml.safe_dump({"defaults": {"executor": executor or {"type": "local"}}}))
    done = folder.magnus("execute", "-p", "parameters.yaml")
    assert done.status == 0, done.err
    return done.log


def put(step):
    return sorted(entry["name"] for entry in step["data_catalog"] if entry["stage"] == "put")


def branches(log):
    return {branch["value"]: branch["steps"] for branch in log["steps"]["each"]["branches"].values()}


def step(steps, name):
    return next(record for record in steps.values() if record["name"] == name)


def test_a_step_puts_its_own_files_and_not_those_of_siblings(folder):
    log = run(folder, pipeline())
    assert {x: put(step(steps, "make")) for x, steps in branches(log).items()} == {
        x: [f"out/f{x}.txt", "out/flag"] for x in range(1, 7)
    }
    got = [entry["name"] for entry in log["steps"]["last"]["data_catalog"]]
    assert got == [f"out/f{x}.txt" for x in range(1, 7)]


def test_a_file_that_a_step_writes_again_is_its_own(folder):
    log = run(folder, pipeline("mkdir -p out; echo $x >> out/all; echo same > out/flag; touch out/f$x.txt", ["out/**"]))
    assert put(step(branches(log)[3], "make")) == ["out/all", "out/f3.txt", "out/flag"]


def test_files_of_the_project_and_of_steps_before_are_put_as_ever(folder):
    (folder.path / "out").mkdir()
    folder.write("out/old.txt", "old")
    time.sleep(0.1)  # the clock of the file system is not that precise
    dag = pipeline()
    dag["start_at"] = "before"
    before = {"command_type": "shell", "command": "echo b > out/before.txt", "next": "each"}
    dag["steps"] = {"before": before, **dag["steps"]}
    log = run(folder, dag)
    found = branches(log)
    assert put(step(found[1], "make")) == ["out/before.txt", "out/f1.txt", "out/flag", "out/old.txt"]
    assert put(step(found[2], "make")) == ["out/f2.txt", "out/flag", "out/old.txt"]


def test_iterations_of_a_loop_are_no_siblings(folder):
    body = {"command_type": "shell", "command": "mkdir -p out; echo > out/f$i.txt", "next": "success"}
    branch = {"start_at": "a", "steps": {"a": {**body, "catalog": {"put": ["out/*"]}}}}
    loop = {
        "type": "loop",
        "branch": branch,
        "max_iterations": 3,
        "break_on": "done",
        "index_as": "i",
        "next": "success",
    }
    log = run(folder, {"start_at": "again", "steps": {"again": loop}})
    steps = [step(branch["steps"], "a") for branch in log["steps"]["again"]["branches"].values()]
    assert [put(record) for record in steps] == [[f"out/f{n}.txt" for n in range(count)] for count in (1, 2, 3)]


def test_workers_leave_out_what_a_sibling_put_before_the_step(folder):
    catalog = {"put": ["out/*"]}
    done = {"command_type": "shell", "command": "touch done", "next": "success"}
    make = {"command_type": "shell", "command": "mkdir -p out; echo > out/$MAGNUS_STEP_NAME", "catalog": catalog}
    wait = "for n in $(seq 400); do [ -e done ] && exit 0; sleep 0.05; done; exit 1"
    left = {"start_at": "left", "steps": {"left": {**make, "next": "done"}, "done": done}}
    right = {
        "start_at": "wait",
        "steps": {
            "wait": {"command_type": "shell", "command": wait, "next": "right"},
            "right": {**make, "next": "success"},
        },
    }
    dag = {
        "start_at": "both",
        "steps": {"both": {"type": "parallel", "branches": {"l": left, "r": right}, "next": "success"}},
    }
    log = run(folder, dag, {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}})
    found = {
        key: put(step(branch["steps"], key))
        for key, branch in zip(("left", "right"), log["steps"]["both"]["branches"].values(), strict=True)
    }
    assert found == {"left": ["out/left"], "right": ["out/right"]}
