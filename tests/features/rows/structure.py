"""Steps made of branches, and each inside each."""

from cells import Feature, No, add_row, feature
from project import chosen, each, expression, inner, loop, parallel, pipe, shell, statuses

GROUP = "Structure"
SET = expression("lambda n: {'m': n + 1}")


@feature(GROUP, "parallel: what branches set comes together in their order")
def in_parallel(project):
    branches = {name: pipe(s=expression(f"lambda n: {{'{name}': n, 'both': '{name}'}}")) for name in ("left", "right")}
    log = project.run(pipe(p=parallel(**branches), after=expression("lambda both: {'seen': both}")), n=1)
    assert log["parameters"] == {"n": 1, "left": 1, "right": 1, "both": "right", "seen": "right"}
    assert list(log["steps"]["p"]["branches"]) == ["left", "right"]


@feature(GROUP, "map: a branch for each element, results in their order")
def mapped(project):
    xs = ["a.b", {"k": [1]}]
    log = project.run(pipe(m=each(pipe(s=expression("lambda x: {'same': x}")))), xs=xs)
    assert log["parameters"] == {"xs": xs, "same": xs}
    assert [branch["value"] for branch in log["steps"]["m"]["branches"].values()] == xs


@feature(GROUP, "map with a reducer")
def reduced(project):
    project.write("work.py", "def total(*values): return sum(values)\n")
    branch = pipe(s=expression("lambda x: {'y': 10 * x}"))
    assert project.run(pipe(m=each(branch, reducer="work.total")), xs=[1, 2])["parameters"] == {"xs": [1, 2], "y": 30}


@feature(GROUP, "map over nothing")
def mapped_over_nothing(project):
    step = expression("lambda x: 10 * x", returns=["y"])
    assert project.run(pipe(m=each(pipe(s=step))), xs=[])["parameters"] == {"xs": [], "y": []}


@feature(GROUP, "dag, inline and from a file")
def dags(project):
    project.write(
        "inner.yaml",
        "dag: {start_at: s, steps: {s: {command: 'lambda m: {\"o\": m + 1}', command_type: python-lambda, next: success}}}",
    )
    steps = pipe(a=inner(pipe(s=SET)), b={"type": "dag", "dag_definition": "inner.yaml"})
    assert project.run(steps, n=1)["parameters"] == {"n": 1, "m": 2, "o": 3}


@feature(GROUP, "conditional: the branch of a value, and the default")
def conditional(project):
    branches = {"1": pipe(s=expression("lambda: {'a': 'one'}")), "2": pipe(s=expression("lambda: {'a': 'two'}"))}
    default = pipe(s=expression("lambda: {'b': 'other'}"))
    log = project.run(pipe(c=chosen("n", **branches), d=chosen("a", default, one=pipe(s=SET))), n=2)
    assert log["parameters"] == {"n": 2, "a": "two", "b": "other"}
    assert list(log["steps"]["c"]["branches"]) == ["2"]


@feature(GROUP, "loop: until a parameter is true, or the last iteration")
def looped(project):
    until = expression("lambda n, i: {'n': n + 1, 'enough': i == 1}")
    rounds = expression("lambda n: {'n': 10 * n}")
    steps = pipe(a=loop(pipe(s=until), 5, break_on="enough", index_as="i"), b=loop(pipe(s=rounds), 2))
    log = project.run(steps, n=1)
    assert log["parameters"] == {"n": 300, "enough": True, "i": 1}
    assert [len(log["steps"][name]["branches"]) for name in "ab"] == [2, 2]


@feature(GROUP, "terminal steps of a branch's own")
def nested_terminals(project):
    good = pipe(s=SET, done={"type": "success"})
    good["steps"]["s"]["next"] = "done"
    bad = {"start_at": "gone", "steps": {"gone": {"type": "fail"}, "done": {"type": "success"}}}
    steps = pipe(a=inner(good), b=inner(bad, on_failure="c"), c={"type": "stub"})
    log = project.run(steps, n=1)
    assert statuses(log) == {"a": "SUCCESS", "b": "FAIL", "c": "SUCCESS", "success": "SUCCESS"}
    assert list(log["steps"]["a"]["branches"]["dag"]["steps"]) == ["s", "done"]
    assert list(log["steps"]["b"]["branches"]["dag"]["steps"]) == ["gone"]


@feature(GROUP, "steps and branches with names of any characters")
def any_names(project):
    name = "ü b/c: {{d}} 'e' \"f\" $g"
    log = project.run(pipe(**{name: parallel(**{name: pipe(**{name: SET})})}), n=1)
    [branch] = log["steps"][name]["branches"].values()
    assert (log["parameters"], branch["steps"][name]["status"]) == ({"n": 1, "m": 2}, "SUCCESS")


@feature(GROUP, "branches at the same time")
def at_the_same_time(project):
    """Each waits until the other has begun."""
    most = 300 if project.engine.leaves_this_process else 3
    command = (
        f"cd {project.volume}; "
        "touch {}; while [ $((n+=1)) -lt {} ]; do [ -e {} ] && exit 0; sleep 0.1; done; exit 1"
    )
    branches = {name: pipe(s=shell(command.format(name, most, other))) for name, other in [("a", "b"), ("b", "a")]}
    log = project.start(pipe(p=parallel(**branches)), in_processes=True)
    first, second = (branch["status"] for branch in log["steps"]["p"]["branches"].values())
    assert second == "SUCCESS"
    if first == "SUCCESS":
        return None
    return No("one step at a time; `enable_parallel: true` is for that")


COMPOSITES = {
    "parallel": lambda branch: parallel(a=branch),
    "map": lambda branch: each(branch, "ones", "one"),
    "dag": inner,
    "conditional": lambda branch: chosen("n", **{"1": branch}),
    "loop": lambda branch: loop(branch, 1),
}


def nested(outer):
    def test(project):
        """One step in all five; what a map makes is a list, so it is as deep as there are maps around."""
        names = list(COMPOSITES)
        steps = {name: COMPOSITES[name](pipe(s=expression(f"lambda n: {{'{name}': n + 1}}"))) for name in names}
        log = project.run(pipe(outer=COMPOSITES[outer](pipe(**steps))), n=1, ones=[1])
        inside = {name: [2] if name == "map" else 2 for name in names}
        wanted = {name: [value] if outer == "map" else value for name, value in inside.items()}
        assert log["parameters"] == {"n": 1, "ones": [1], **wanted}
        [branch, *_] = log["steps"]["outer"]["branches"].values()
        for name in names:
            [one, *_] = branch["steps"][name]["branches"].values()
            assert (one["status"], one["steps"]["s"]["status"]) == ("SUCCESS", "SUCCESS")

    return test


for outer in COMPOSITES:
    others = ", ".join(COMPOSITES)
    add_row(GROUP, Feature(f"{outer} around each of {others}", nested(outer)))
