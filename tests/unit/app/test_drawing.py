"""Pictures of pipelines: every step once, nothing over anything, the same for the same pipeline."""

import json
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from graphs import pipelines
from hypothesis import HealthCheck, given, settings

from magnus.app.draw import labels
from magnus.app.draw.data_names import DataNames, joined
from magnus.app.draw.layout import DATA_ASIDE, DATA_LINE, DETAIL_SIZE, Wishes, layout
from magnus.app.draw.mermaid import mermaid
from magnus.app.draw.shapes import shortened, width
from magnus.app.draw.svg import MARGIN, Mark, svg
from magnus.app.draw.task_data import task_data
from magnus.app.draw.tree import ASCII, plain, tree
from magnus.definition.built_pipeline import BuiltPipeline
from magnus.definition.loader import load, load_built
from magnus.definition.yaml_text import Document
from magnus.graph.nodes import TerminalNode
from magnus.graph.path import StepPath

ROOT = Path(__file__).parents[3]
SVG = "{http://www.w3.org/2000/svg}"
CORPUS = sorted((ROOT / "tests/corpus").glob("*.yaml"))
checked = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def compiled(pipeline):
    return load_built(BuiltPipeline(Document("p.yaml", {"dag": pipeline}, {}, {}), {}), {}).graph


def loaded(name):
    return load(str(ROOT / name), {}).graph


def chain(length, **more):
    return {
        "start_at": "step 1",
        "steps": {
            f"step {n}": {"command": "m.f", "next": f"step {n + 1}" if n < length else "success", **more}
            for n in range(1, length + 1)
        },
    }


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("mkdir -p out\nprintf x > out/a\n", "mkdir -p out …"),
        ("\n\n  echo   one  \n\n", "echo one"),
        ("echo one; echo two", "echo one; echo two"),
        ("cat <<END\ntext\nEND", "cat <<END …"),
    ],
)
def test_of_a_command_of_several_lines_the_first_is_shown(command, shown):
    graph = compiled(
        {"start_at": "a", "steps": {"a": {"command": command, "command_type": "shell", "next": "success"}}}
    )
    assert labels.detail(graph.nodes["a"]) == shown


def steps(picture):
    return [g for g in ET.fromstring(picture).iter(f"{SVG}g") if "data-path" in g.attrib]


def boxes_of(found, x=0.0, y=0.0):
    """The boxes of one (sub)pipeline as rectangles, and those of the pipelines inside, with where they may be."""
    yield [(x + b.x, y + b.y, x + b.x + b.width, y + b.y + b.height) for b in found.boxes], found, (x, y)
    for box in found.boxes:
        for panel in box.panels:
            inset = (panel.width - panel.inside.width) / 2
            top = panel.height - panel.inside.height
            assert panel.x >= 0
            assert panel.x + panel.width <= box.width
            assert panel.y + panel.height <= box.height
            assert inset >= 0
            assert top >= 0
            yield from boxes_of(panel.inside, x + box.x + panel.x + inset, y + box.y + panel.y)


def overlap(a, b):
    return a[0] < b[2] - 0.01 and b[0] < a[2] - 0.01 and a[1] < b[3] - 0.01 and b[1] < a[3] - 0.01


def points(line):
    """Points along a line, close together."""
    for x, y in points_down(line):
        yield (y, x) if line.across else (x, y)


def points_down(line):
    (x, y), (to_x, to_y) = line.start, line.landing
    yield from ((x, y + (line.bend - y) * n / 8) for n in range(9))
    if line.turns:
        corners = [(x, line.bend), *line.turns, line.landing]
        for (a, b), (c, e) in pairwise(corners):
            yield from ((a + (c - a) * n / 60, b + (e - b) * n / 60) for n in range(61))
        yield from ((to_x, to_y + (line.end - to_y) * n / 8) for n in range(9))
        return
    middle = (line.bend + to_y) / 2
    for n in range(17):
        t = n / 16
        yield (
            (1 - t) ** 3 * x + 3 * (1 - t) ** 2 * t * x + 3 * (1 - t) * t**2 * to_x + t**3 * to_x,
            (1 - t) ** 3 * line.bend + 3 * (1 - t) ** 2 * t * middle + 3 * (1 - t) * t**2 * middle + t**3 * to_y,
        )
    yield from ((to_x, to_y + (line.end - to_y) * n / 8) for n in range(9))


def wishes(graph, *, across, with_data=True):
    """A picture with long names of data on the edges that leave every step."""
    names = DataNames(("a parameter", "another"), ("model",), ("data/one file.csv", "data/another file.csv"))
    return Wishes(data={path: names for path, _ in labels.all_steps(graph)} if with_data else {}, across=across)


WAYS = pytest.mark.parametrize("across", [False, True], ids=["down", "across"])


@checked
@given(pipelines())
def test_a_picture_has_every_step_once(pipeline):
    graph = compiled(pipeline)
    found = [step.attrib["data-path"] for step in steps(svg(graph))]
    assert sorted(found) == sorted(str(path) for path, _ in labels.all_steps(graph))
    assert len(found) == len(set(found))


@WAYS
@checked
@given(pipeline=pipelines())
def test_no_box_is_over_another(pipeline, across):
    graph = compiled(pipeline)
    for boxes, _, _ in boxes_of(layout(graph, wishes(graph, across=across))):
        assert not [(a, b) for number, a in enumerate(boxes) for b in boxes[number + 1 :] if overlap(a, b)]


@WAYS
@checked
@given(pipeline=pipelines())
def test_no_line_runs_through_a_box(pipeline, across):
    graph = compiled(pipeline)
    for boxes, found, (left, top) in boxes_of(layout(graph, wishes(graph, across=across))):
        for line in found.lines:
            for x, y in points(line):
                at = (left + x, top + y)
                assert not [b for b in boxes if b[0] + 0.1 < at[0] < b[2] - 0.1 and b[1] + 0.1 < at[1] < b[3] - 0.1]


@WAYS
@checked
@given(pipeline=pipelines())
def test_lines_stay_in_the_picture(pipeline, across):
    graph = compiled(pipeline)
    for _, found, _ in boxes_of(layout(graph, wishes(graph, across=across))):
        for line in found.lines:
            assert all(-MARGIN <= x <= found.width + MARGIN for x, _ in points(line))
            assert all(-MARGIN <= y <= found.height + MARGIN for _, y in points(line))


@WAYS
@checked
@given(pipeline=pipelines())
def test_names_of_data_are_over_no_box_and_no_other_names(pipeline, across):
    graph = compiled(pipeline)
    for boxes, found, (left, top) in boxes_of(layout(graph, wishes(graph, across=across))):
        texts = [place for box in found.boxes if box.data for place in [names_place(box, left, top, across=across)]]
        assert not [(a, b) for a in texts for b in boxes if overlap(a, b)]
        assert not [(a, b) for number, a in enumerate(texts) for b in texts[number + 1 :] if overlap(a, b)]


def names_place(box, left, top, *, across):
    long, lines = max(width(text.drawn, DETAIL_SIZE) for text in box.data), len(box.data)
    if across:
        x, bottom = left + box.x + box.width + DATA_ASIDE, top + box.y + box.height / 2 - 2
        return x, bottom - lines * DATA_LINE, x + long, bottom
    x, y = left + box.x + box.width / 2 + DATA_ASIDE, top + box.y + box.height + 2
    return x, y, x + long, y + lines * DATA_LINE


@checked
@given(pipelines())
def test_a_tree_has_every_step_on_one_line(pipeline):
    graph = compiled(pipeline)
    named = [node for _, node in labels.all_steps(graph) if not isinstance(node, TerminalNode)]
    spans = [span.text for line in tree(graph, "p")[1:] for span in line if span.role == "name"]
    assert sorted(spans) == sorted(node.name for node in named)


def is_alone(graph, path):
    return bool(path.branch.parts) and labels.only_step(graph.within(path.branch)) is not None


@checked
@given(pipelines())
def test_mermaid_has_every_step_and_edge(pipeline):
    graph = compiled(pipeline)
    text = mermaid(graph)
    nodes = [node for _, node in labels.all_steps(graph)]
    drawn = re.findall(r"^ +(?:subgraph )?(s\d+)[(\[]", text, re.MULTILINE)
    assert len(drawn) == len(set(drawn)) == len(nodes)
    ends = [line for line in text.splitlines() if line.strip() == "end"]
    assert len(ends) == text.count("subgraph ")
    edges = sum(
        not isinstance(node, TerminalNode) for path, node in labels.all_steps(graph) if not is_alone(graph, path)
    )
    assert text.count(" --> ") == edges
    assert text.count("-.->|on failure|") == sum(getattr(node, "on_failure", None) is not None for node in nodes)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.stem)
def test_pictures_are_the_same_for_the_same_pipeline(file):
    one, other = (load(str(file), {}).graph for _ in range(2))
    assert svg(one) == svg(other)
    assert mermaid(one) == mermaid(other)
    assert tree(one, "p") == tree(other, "p")


def test_a_chain_is_straight():
    found = layout(compiled(chain(20)), Wishes())
    assert len(found.boxes) == 21
    assert len({round(line.start[0], 3) for line in found.lines}) == 1


@pytest.mark.parametrize("more", [{}, {"on_failure": "tell"}], ids=["plain", "with a handler"])
def test_a_long_chain_stands_in_columns(more):
    pipeline = chain(200, **more)
    if more:
        pipeline["steps"]["tell"] = {"command": "m.f", "next": "fail"}
    [(boxes, found, _)] = boxes_of(layout(compiled(pipeline), Wishes()))
    assert found.height < 4000
    assert found.width < 4000
    assert not [(a, b) for number, a in enumerate(boxes) for b in boxes[number + 1 :] if overlap(a, b)]
    for line in found.lines:
        for x, y in points(line):
            assert 0 <= y <= found.height
            assert not [b for b in boxes if b[0] + 0.1 < x < b[2] - 0.1 and b[1] + 0.1 < y < b[3] - 0.1]


def test_steps_that_share_a_handler_share_a_lane():
    pipeline = chain(200, on_failure="tell")
    pipeline["steps"]["tell"] = {"command": "m.f", "next": "fail"}
    found = layout(compiled(pipeline), Wishes())
    assert len(found.lines) < 3 * 200 + 10


@pytest.mark.parametrize("name", ['<a> & "b" \'', "\x01\x1b[31m\ud800", "x" * 300, "数据" * 40, "{}[]()|`#;end"])
def test_any_name_can_be_drawn(name):
    graph = compiled({"start_at": name, "steps": {name: {"command": name, "next": "success"}}})
    [step, _] = steps(svg(graph))
    assert step.find(f"{SVG}title").text is not None
    assert len(mermaid(graph).splitlines()) < 12
    [_, line] = plain(tree(graph, "p")).splitlines()
    assert len(line) <= 80
    assert "\x1b" not in line


def test_a_step_is_marked():
    graph = compiled({"start_at": "a b", "steps": {"a b": {"command": "m.f", "next": "success"}}})
    [step, _] = steps(svg(graph, {StepPath(("a b",)): Mark("failed", "0.3 s")}))
    assert step.attrib["class"] == "step task failed"
    assert step.attrib["data-path"] == "a%20b"
    assert "0.3 s" in [text.text for text in step.iter(f"{SVG}text")]


def test_the_style_can_be_left_to_the_page():
    graph = compiled(chain(1))
    assert "<style>" in svg(graph)
    assert "<style>" not in svg(graph, with_style=False)
    assert "prefers-color-scheme:dark" in svg(graph)


@pytest.mark.parametrize(
    ("of_run", "drawn"),
    [
        (("p", "one", "m", "3", "l", "1", "d", "dag", "s"), ("p", "one", "m", "*", "l", "*", "d", "dag", "s")),
        (("p", "two", "c", "left", "p", "a", "f"), ("p", "two", "c", "left", "p", "a", "f")),
        (("begin",), ("begin",)),
    ],
)
def test_steps_of_a_run_are_found_in_the_picture(of_run, drawn):
    graph = loaded("tests/corpus/everything-inside-everything.yaml")
    assert labels.drawn_path(graph, StepPath(of_run)) == StepPath(drawn)
    assert StepPath(drawn) in dict(labels.all_steps(graph))


def test_the_default_of_a_conditional_is_found_in_the_picture():
    inner = chain(1)
    conditional = {
        "type": "conditional",
        "parameter": "p",
        "branches": {"*": inner},
        "default": inner,
        "next": "success",
    }
    graph = compiled({"start_at": "c", "steps": {"c": conditional}})
    assert labels.drawn_path(graph, StepPath(("c", "*", "step 1"))) == StepPath(("c", "*", "step 1"))
    assert labels.drawn_path(graph, StepPath(("c", "other", "step 1"))) == StepPath(("c", "**", "step 1"))


@pytest.mark.parametrize("path", [("gone",), ("begin", "x", "s"), ("p", "three", "s"), ("p", "one", "gone")])
def test_what_is_not_in_the_picture_is_not_found(path):
    with pytest.raises(KeyError):
        labels.drawn_path(loaded("tests/corpus/everything-inside-everything.yaml"), StepPath(path))


def test_the_tree_of_everything():
    graph = loaded("tests/corpus/everything-inside-everything.yaml")
    assert (
        plain(tree(graph, "everything", columns=52))
        == """\
everything
├─ begin  python  work.numbers
└─ p  parallel
   ├─ one:
   │  └─ m  map  x in xs
   │     └─ l  loop  at most 2 iterations
   │        └─ d  dag
   │           └─ s  python-lambda  lambda x, i: {'…
   └─ two:
      ├─ k  python-lambda  lambda: {'side': 'left'}
      └─ c  conditional  on side
         └─ = left:
            └─ p  parallel
               ├─ a:
               │  ├─ f  python  → success  ✗→ g
               │  └─ g  python  work.one
               └─ b:
                  └─ m  map  x in xs
                     └─ s  python  work.square
"""
    )


def test_a_tree_in_plain_characters():
    assert (
        plain(tree(loaded("examples/on-failure.yaml"), "p", signs=ASCII))
        == """\
p
|- fetch  shell  echo "no network" >&2 ; ex...  -> success  x-> use the old data
`- use the old data  shell  export MAGNUS_PRM_source=old
"""
    )


def test_a_tree_names_what_nothing_leads_to():
    pipeline = chain(1)
    pipeline["steps"]["lost"] = {"type": "stub", "next": "fail"}
    assert (
        plain(tree(compiled(pipeline), "p"))
        == """\
p
├─ step 1  python  m.f  → success
└─ lost  stub  → fail  nothing leads here
"""
    )


@pytest.mark.parametrize(
    "name", ["everything-inside-everything", "conditional", "failure-with-on_failure", "odd-names"]
)
def test_mermaid_is_as_it_was(name, request):
    file = Path(__file__).parent / "pictures" / f"{name}.mmd"
    text = mermaid(loaded(f"tests/corpus/{name}.yaml"))
    if request.config.getoption("--update-expected"):
        file.write_text(text)
    assert text == file.read_text()


ONE_STEP = {
    "start_at": "each",
    "steps": {
        "each": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "next": "success", "branch": {
            "start_at": "fit", "steps": {"fit": {"command": "m.f", "next": "success"}},
        }},
    },
}  # fmt: skip


def test_a_branch_of_one_step_is_the_box_of_that_step():
    graph = compiled(ONE_STEP)
    assert [str(path) for path, _ in labels.all_steps(graph)] == ["each", "each/%2A/fit", "success"]
    [each, _] = layout(graph, Wishes()).boxes
    [panel] = each.panels
    assert not panel.framed
    assert [box.name.full for box in panel.inside.boxes] == ["fit"]
    assert panel.inside.lines == ()
    assert svg(graph).count('class="panel"') == 0


def test_a_step_with_a_handler_keeps_its_frame_and_its_ends():
    steps = ONE_STEP["steps"]["each"]["branch"]["steps"]
    branch = {
        "start_at": "fit",
        "steps": {"fit": {**steps["fit"], "on_failure": "mend"}, "mend": {"type": "stub", "next": "success"}},
    }
    pipeline = {"start_at": "each", "steps": {"each": {**ONE_STEP["steps"]["each"], "branch": branch}}}
    assert svg(compiled(pipeline)).count('class="panel"') == 1


def test_a_picture_across_is_wide_and_one_down_is_tall():
    down, across = (layout(compiled(chain(6)), Wishes(across=across)) for across in (False, True))
    assert down.height > down.width
    assert across.width > across.height


def test_edges_have_the_names_of_the_data_that_leave_a_step(tmp_path):
    (tmp_path / "m.py").write_text("def f(x):\n    return 1, 2\n")
    step = {
        "command": "m.f",
        "returns": ["rate", {"model": "object"}],
        "catalog": {"put": ["out/*.csv"]},
        "next": "success",
    }
    graph = compiled({"start_at": "a", "steps": {"a": step}})
    data = task_data(graph, tmp_path)
    assert data[StepPath(("a",))] == DataNames(("rate",), ("model",), ("out/*.csv",))
    texts = [text.text for text in ET.fromstring(svg(graph, data=data)).iter(f"{SVG}text")]
    assert {"rate", "object: model", "file: out/*.csv"} <= set(texts)
    assert '-->|"rate<br/>object: model<br/>file: out/*.csv"|' in mermaid(graph, data)
    assert "   ⇣ object: model\n" in plain(tree(graph, "p", data=data))


def test_names_are_joined_once_and_unknown_ones_come_last():
    one, other = DataNames(("a", "…"), (), ("f",)), DataNames(("b", "a"), ("o",), ())
    assert joined([one, other]) == DataNames(("a", "b", "…"), ("o",), ("f",))


def test_text_is_measured():
    assert width("iii", 10) < width("WWW", 10)
    assert width("", 10) == 0
    assert width("数", 10) > width("a", 10)
    assert width("a", 10, bold=True) > width("a", 10)


@pytest.mark.parametrize("text", ["a long line of text", "数据数据数据数据", "a"])
def test_text_is_shortened_to_what_fits(text):
    assert shortened(text, 10, 1000) == text
    assert width(shortened(text, 10, 40), 10) <= 40


def test_a_picture_is_json_safe():
    assert json.dumps(svg(loaded("tests/corpus/odd-names.yaml")))


def test_the_documentation_shows_the_tree_of_an_example():
    name = "examples/branches/pipeline.yaml"
    page = (ROOT / "docs/how-to/draw-a-pipeline.md").read_text()
    assert f"$ magnus graph {name}\n{plain(tree(loaded(name), name))}```" in page
