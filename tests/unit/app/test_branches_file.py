"""The branches that a process writes for its engine, to a file and to an object."""

import pytest

from magnus.app.reentry.branches_file import write_branches
from magnus.engine.reentry.attempts import Act
from magnus.errors import InvalidInput, ServiceError
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TerminalNode,
)
from magnus.graph.path import StepPath
from magnus.run_log.records import Status

ENDS = {"success": TerminalNode("success", True), "fail": TerminalNode("fail", False)}
INNER = Graph("success", ENDS)
STEP = StepPath(("each",))
KINDS = {
    "map": (MappedBranches(INNER, "xs", "x"), ["0", "1"], "[0, 1]", "[0, 1]"),
    "empty map": (MappedBranches(INNER, "xs", "x"), [], "[]", "[]"),
    "conditional": (ChosenBranch("x", {"a": INNER, "b": INNER}), ["b"], "1", "[1]"),
    "loop": (RepeatedBranch(INNER, 9), ["7"], "7", "[7]"),
    "loop that finished": (RepeatedBranch(INNER, 9), [], "", "[]"),
    "parallel": (StaticBranches({"a": INNER}), ["a"], "", "[]"),
}


def graph_of(branches):
    return Graph("each", {"each": CompositeNode("each", branches, next="success"), **ENDS})


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_and_an_object_have_the_numbers_of_the_branches(kind, tmp_path):
    branches, keys, in_file, in_object = KINDS[kind]
    act = Act(STEP, Status.PROCESSING, tuple(str(STEP.into(key)) for key in keys))
    write_branches(str(tmp_path / "file"), graph_of(branches), act)
    write_branches(f"file://{tmp_path}/new/object", graph_of(branches), act)
    assert (tmp_path / "file").read_text() == in_file
    assert (tmp_path / "new" / "object").read_text() == in_object


def test_an_object_that_cannot_be_named_or_written_is_one_error(tmp_path):
    graph, act = graph_of(KINDS["map"][0]), Act(STEP, Status.PROCESSING)
    with pytest.raises(InvalidInput, match="unknown scheme 'ftp'"):
        write_branches("ftp://bucket/key", graph, act)
    (tmp_path / "file").touch()
    with pytest.raises(ServiceError, match="the branches cannot be written"):
        write_branches(f"file://{tmp_path}/file/folder/object", graph, act)
