"""What goes from step to step, and what is kept."""

import json

from cells import No, feature
from project import each, expression, parallel, pipe, python, shell

GROUP = "Data"
VALUES = {
    "n": 3,
    "half": 0.5,
    "yes": True,
    "none": None,
    "list": [1, [2, {}]],
    "ü": {"k.e/y%": "a 'b' \"c\"\n$d {{e}}"},
}


@feature(GROUP, "parameters from the command line, of any JSON value")
def parameters_of_the_command_line(project):
    log = project.run(pipe(a=expression("lambda given: {'same': given}")), given=VALUES)
    assert log["parameters"] == {"given": VALUES, "same": VALUES}


@feature(GROUP, "parameters from a file and from the environment, later ones win")
def parameters_of_a_file(project):
    project.write("given.yaml", "a: 1\nb: 1\nc: {d: [1, 2]}\nwhen: 2024-05-06\n")
    step = pipe(a=expression("lambda a, b, c, when: {'seen': [a, b, c, when]}"))
    log = project.start(step, "-p", "given.yaml", environment={"MAGNUS_PRM_a": "2", "MAGNUS_PRM_b": "2"}, b=3)
    assert log["parameters"]["seen"] == [2, 3, {"d": [1, 2]}, "2024-05-06"]


@feature(GROUP, "variables `${name}` of the pipeline")
def variables(project):
    steps = pipe(a=shell("export MAGNUS_PRM_said='${word}'"))
    assert project.run(steps, environment={"MAGNUS_VAR_word": "some word"})["parameters"] == {"said": "some word"}


@feature(GROUP, "objects from step to step, and collected by a map")
def objects(project):
    project.write(
        "work.py",
        "class Model:\n    def __init__(self, depth): self.depth = depth\n"
        "def make(): return Model(3), [1, 2]\n"
        "def grow(model, x): return Model(model.depth + x)\n"
        "def total(models): return sum(model.depth for model in models)\n",
    )
    log = project.run(
        pipe(
            make=python("make", returns=[{"name": "model", "kind": "object"}, "xs"]),
            grow=each(pipe(grow=python("grow", returns=[{"name": "models", "kind": "object"}]))),
            total=python("total", returns=["total"]),
        )
    )
    assert log["parameters"]["total"] == 9


@feature(GROUP, "large values kept in the catalog")
def large_values(project):
    project.write(
        "work.py", "def make(): return list(range(500))\ndef same(rows: list): return rows == list(range(500))\n"
    )
    location = str(project.volume / "catalog")
    services = {"catalog": {"type": "file-system", "config": {"spill_threshold": 1000, "catalog_location": location}}}
    steps = pipe(a=python("make", returns=["rows"]), b=python("same", returns=["same"]))
    log = project.run(steps, services=services)
    assert log["parameters"]["same"] is True
    assert json.loads((project.volume / "catalog" / log["run_id"] / ".parameters/rows.json").read_text()) == list(
        range(500)
    )


@feature(GROUP, "metrics, at steps and without")
def metrics(project):
    project.write(
        "work.py",
        "from magnus import track_this\n"
        "def f():\n    track_this(loss=0.5)\n    for n in (1, 2): track_this(step=n, accuracy=n / 4)\n    return 7\n",
    )
    log = project.run(pipe(a=python("f", returns=[{"name": "score", "kind": "metric"}])))
    tracked = {"loss": 0.5, "accuracy": {"1": 0.25, "2": 0.5}, "score": 7}
    assert log["steps"]["a"]["user_defined_metrics"] == tracked
    assert log["parameters"] == {"score": 7}


@feature(GROUP, "parameters and files from inside a task")
def from_inside(project):
    project.write(
        "work.py",
        "from pathlib import Path\n"
        "from magnus import get_from_catalog, get_parameter, put_in_catalog, set_parameter\n"
        "def a():\n    Path('a.txt').write_text('some')\n    put_in_catalog('a.txt')\n    Path('a.txt').unlink()\n"
        "    set_parameter(m=get_parameter('n') + 1)\n"
        "def b():\n    [file] = get_from_catalog('a.txt')\n    return {'said': Path(file).read_text()}\n",
    )
    assert project.run(pipe(a=python("a"), b=python("b")), n=1)["parameters"] == {"n": 1, "m": 2, "said": "some"}


@feature(GROUP, "files put and got, a file that changed between too")
def files(project):
    log = project.run(
        pipe(
            a=shell("mkdir -p out; echo one > out/a.txt; echo b > out/b.txt", catalog={"put": "out/*"}),
            b=shell("rm out/b.txt; echo two > out/a.txt", catalog={"get": "out/a.txt", "put": "out/*"}),
            c=shell("export said=$(cat out/a.txt out/b.txt)", catalog={"get": "**/*.txt"}, returns=["said"]),
        )
    )
    assert log["parameters"] == {"said": "two\nb"}
    seen = [(entry["stage"], entry["name"]) for step in "abc" for entry in log["steps"][step]["data_catalog"]]
    assert seen == [
        ("put", "out/a.txt"), ("put", "out/b.txt"),
        ("get", "out/a.txt"), ("put", "out/a.txt"),
        ("get", "out/a.txt"), ("get", "out/b.txt"),
    ]  # fmt: skip
    first, again, changed = (
        log["steps"][step]["data_catalog"][at]["data_hash"] for step, at in [("a", 0), ("b", 0), ("b", 1)]
    )
    assert first == again != changed == log["steps"]["c"]["data_catalog"][0]["data_hash"]


@feature(GROUP, "files of branches come together in their order")
def files_of_branches(project):
    make = {name: shell(f"echo {name} > made-{name}", catalog={"put": "made-*"}) for name in ("a", "b")}
    mark = f"{project.volume}/a-has-put"
    wait = shell(f"for n in $(seq 50); do [ -e {mark} ] && exit 0; sleep 0.1; done")
    branches = {"first": pipe(a=make["a"], mark=shell(f"touch {mark}")), "second": pipe(wait=wait, b=make["b"])}
    log = project.run(
        pipe(
            p=parallel(**branches),
            last=shell("export said=$(cat made-a made-b)", catalog={"get": "made-*"}, returns=["said"]),
        )
    )
    assert log["parameters"] == {"said": "a\nb"}
    put = {step["name"]: [entry["name"] for entry in step["data_catalog"]] for step in inner_steps(log["steps"]["p"])}
    assert put == {"a": ["made-a"], "mark": [], "wait": [], "b": ["made-b"], "success": []}


def inner_steps(step):
    for branch in step["branches"].values():
        yield from branch["steps"].values()


@feature(GROUP, "files of a step are there for the next one without the catalog")
def shared_files(project):
    used = shell("[ -e left ] && export there=true || export there=false", returns=["there"])
    log = project.run(pipe(a=shell("touch left"), b=used))
    if log["parameters"] == {"there": True}:
        return None
    return No("each pod works in a copy of the project, as in an image of its own; put and get the file")


@feature(GROUP, "secrets of a file, named by a step and obtained inside a task; masked in records and output")
def secrets_of_a_file(project):
    project.write("secrets.env", "TOKEN='a secret'\nOTHER=another secret\n")
    project.write("work.py", "from magnus import get_secret\ndef f(): return {'length': len(get_secret('OTHER'))}\n")
    services = {"secrets": {"type": "dotenv", "config": {"location": "secrets.env"}}}
    command = "echo it is $TOKEN; export MAGNUS_PRM_n=${#TOKEN}"
    log = project.run(pipe(a=shell(command, secrets=["TOKEN"]), b=python("f")), services=services)
    assert log["parameters"] == {"n": 8, "length": 14}
    assert project.output(log, "a") == "it is *****\n"


@feature(GROUP, "secrets of mounted files, named by a step and obtained inside a task")
def secrets_of_mounted_files(project):
    project.write("secrets/TOKEN", "a secret\n")
    project.write("secrets/team/key", "another secret\n")
    project.write("work.py", "from magnus import get_secret\ndef f(): return {'length': len(get_secret('team/key'))}\n")
    services = {"secrets": {"type": "files", "config": {"folder": "secrets"}}}
    command = "echo it is $TOKEN; export MAGNUS_PRM_n=${#TOKEN}"
    log = project.run(pipe(a=shell(command, secrets=["TOKEN"]), b=python("f")), services=services)
    assert log["parameters"] == {"n": 8, "length": 14}
    assert project.output(log, "a") == "it is *****\n"


@feature(GROUP, "secrets of the environment, named by a step")
def secrets_of_the_environment(project):
    services = {"secrets": {"type": "env-secrets-manager", "config": {"prefix": "OUR_"}}}
    command = "echo it is $TOKEN; export MAGNUS_PRM_n=${#TOKEN}"
    steps = pipe(a=shell(command, secrets=["TOKEN"]))
    log = project.run(steps, services=services, secrets={"OUR_TOKEN": "a secret"})
    assert log["parameters"] == {"n": 8}
    assert project.output(log, "a") == "it is *****\n"


@feature(GROUP, "secrets of the environment, obtained inside a task and named by no step")
def secrets_that_no_step_names(project):
    project.write("work.py", "from magnus import get_secret\ndef f(): return {'length': len(get_secret('TOKEN'))}\n")
    services = {"secrets": {"type": "env-secrets-manager", "config": {"prefix": "OUR_"}}}
    log = project.start(pipe(a=python("f")), services=services, secrets={"OUR_TOKEN": "a secret"})
    if log["status"] == "SUCCESS":
        assert log["parameters"] == {"length": 8}
        return None
    assert "set the variable 'OUR_TOKEN'" in log["steps"]["a"]["message"]
    return No(
        "a container gets those variables alone whose secrets steps name under `secrets`; the step says which is missing"
    )


@feature(GROUP, "a result that holds a secret fails the step")
def secrets_in_results(project):
    project.write("secrets.env", "TOKEN=a secret\n")
    services = {"secrets": {"type": "dotenv", "config": {"location": "secrets.env"}}}
    steps = pipe(a=shell('export MAGNUS_PRM_said="it is $TOKEN"', secrets=["TOKEN"]))
    log = project.run(steps, services=services, succeeds=False)
    assert "secret" in log["steps"]["a"]["message"]
    assert log["parameters"] == {}
    assert "a secret" not in json.dumps(log)
