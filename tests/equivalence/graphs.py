"""Random pipelines: every shape inside every other, failures, on-failure edges, odd names and values."""

from hypothesis import strategies as st
from reference import TASKS

NAMES = ["a", "b c", "d/e", "ü", "F", "f", "g=h", "i,j", "k~l"]
KINDS = ["parallel", "map", "dag", "conditional", "loop"]
DEPTH = 3


@st.composite
def pipelines(draw, depth=DEPTH):
    """A (sub)pipeline of one to four steps; edges lead forward."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4 if depth == DEPTH else 2, unique=True))
    steps = {}
    for position, name in enumerate(names):
        later = [*names[position + 1 :], "success", "fail"]
        step = draw(composites(depth - 1) if depth and draw(st.integers(0, 2)) else tasks())
        step["next"] = names[position + 1] if position + 1 < len(names) else "success"
        if draw(st.integers(0, 3)) == 0:
            step["on_failure"] = draw(st.sampled_from(later))
        steps[name] = step
    return {"start_at": names[0], "steps": steps}


@st.composite
def tasks(draw):
    if draw(st.integers(0, 7)) == 0:
        return {"type": "stub"}
    return {"type": "task", "command_type": "python-lambda", "command": draw(st.sampled_from(list(TASKS)))}


@st.composite
def composites(draw, depth):
    inner = pipelines(depth)
    match draw(st.sampled_from(KINDS)):
        case "parallel":
            keys = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
            return {"type": "parallel", "branches": {key: draw(inner) for key in keys}}
        case "map":
            name, items = draw(st.sampled_from(["x", "a"])), draw(st.sampled_from(["xs", "xs", "xs", "gone"]))
            reducer = {"reducer": "lambda *v: len(v)"} if draw(st.booleans()) else {}
            return {"type": "map", "iterate_on": items, "iterate_as": name, "branch": draw(inner), **reducer}
        case "dag":
            return {"type": "dag", "dag": draw(inner)}
        case "conditional":
            default = {"default": draw(inner)} if draw(st.booleans()) else {}
            branches = {key: draw(inner) for key in draw(st.sampled_from([["left"], ["left", "true"], ["1", "right"]]))}
            return {"type": "conditional", "parameter": "v", "branches": branches, **default}
        case "loop":
            more = {"break_on": "stop"} if draw(st.booleans()) else {}
            more |= {"index_as": draw(st.sampled_from(["i", "a"]))} if draw(st.booleans()) else {}
            return {"type": "loop", "branch": draw(inner), "max_iterations": draw(st.integers(1, 3)), **more}


def facts(pipeline, around=None):
    """The pairs (outer, inner) of composites in the pipeline, each with whether a step in it fails or leads on failure."""
    for step in pipeline["steps"].values():
        kind = step.get("type")
        if kind in KINDS:
            if around:
                yield around, kind, "on_failure" in step
            for inner in inside(step):
                yield from facts(inner, kind)


def inside(step):
    return [
        *step.get("branches", {}).values(),
        *(step[key] for key in ("branch", "dag", "default") if key in step),
    ]
