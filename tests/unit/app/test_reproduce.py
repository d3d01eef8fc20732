"""The pure parts of a reproduction: leaves of differences, uncommitted changes, and the verdict."""

from magnus.app.compare.compare_steps import Pair
from magnus.app.compare.model import Change, leaf_changes
from magnus.app.reproduce.notes import other_files
from magnus.app.reproduce.uncommitted import submodules_of, untracked_names
from magnus.app.reproduce.verdict import DifferingStep, Reproduction, judged, to_judge, without_places
from magnus.graph.path import StepPath
from magnus.run_log.records import CatalogRecord, Status, StepRecord


def leaves(before, after):
    return [(c.what, c.before, c.after) for c in leaf_changes(Change("set", "x", before, after))]


def test_differences_are_named_to_the_leaf():
    before = {"a": [1, {"b": 2, "same": 0}], "gone": None}
    after = {"a": [1, {"b": 3, "same": 0}, "new"], "c.d": True}
    found = {what: (old, new) for what, old, new in leaves(before, after)}
    assert found.keys() == {"x.a[1].b", "x.a[2]", "x.gone", "x.c.d"}
    assert found["x.a[1].b"] == (2, 3)


def test_lists_are_in_the_order_of_numbers_and_kinds_of_values_differ():
    assert [what for what, _, _ in leaves(list(range(12)), [n + 1 for n in range(12)])] == [
        f"x[{n}]" for n in range(12)
    ]
    assert leaves({"a": 1}, [1]) == [("x", {"a": 1}, [1])]
    assert leaves({"a": 1}, {"a": 1.0}) == [("x.a", 1, 1.0)]


def test_an_object_is_one_leaf():
    one, other = ({"object": "m.pickle", "data_hash": digest, "size": 3} for digest in ("a", "b"))
    assert leaves([one], [other]) == [("x[0]", "a", "b")]


DIFF = b"""\
# untracked: new.py
# untracked: a \xc3\xbc.py
diff --git a/notes.md b/notes.md
index 1111111..2222222 100644
--- a/notes.md
+++ b/notes.md
@@ -1 +1,3 @@
-Subproject commit 1234
+Subproject commit 1234-dirty
diff --git a/lib b/lib
index 3333333..4444444 160000
--- a/lib
+++ b/lib
@@ -1 +1 @@
-Subproject commit 3333333
+Subproject commit 4444444
diff --git "a/lib \\303\\266" "b/lib \\303\\266"
--- "a/lib \\303\\266"
+++ "b/lib \\303\\266"
@@ -1 +1 @@
-Subproject commit 5555555
+Subproject commit 5555555-dirty
"""


def test_names_in_a_stored_diff():
    assert untracked_names(DIFF) == ["new.py", "a ü.py"]
    assert submodules_of(DIFF) == ["lib", "lib ö"]


def step(path, name, *kinds):
    return DifferingStep(path, name, tuple(Change(kind, "x", 1, 2) for kind in kinds))


def test_the_first_of_each_step_is_judged_for_all_of_its_name():
    steps = [
        step("m/0/a", "m/a", "set"),
        step("m/1/a", "m/a", "set", "given"),
        step("b", "b", "ran"),
        step("c", "c", "set"),
    ]
    assert to_judge(steps, 9) == ("m/0/a", "c")
    assert to_judge(steps, 1) == ("m/0/a",)
    answers = {"m/0/a": ("not deterministic", "set x"), "c": ("same again", "")}
    assert [one.judgement for one in judged(steps, answers)] == [
        "not deterministic",
        "not deterministic",
        "",
        "same again",
    ]
    answers = {"m/0/a": ("same again", ""), "c": ("not judged", "it is not a task")}
    assert [one.judgement for one in judged(steps, answers)] == ["same again", "inputs", "", "not judged"]


def test_folders_in_messages_do_not_count():
    changes = [
        Change("message", "", "no /home/u/p/x", "no /tmp/again/x"),
        Change("message", "", "a", "b"),
        Change("set", "y", 1, 2),
    ]
    kept = list(without_places(changes, {"/tmp/again": "", "/home/u/p": ""}))
    assert kept == changes[1:]


def test_verdicts():
    same = Reproduction("r", "n", "SUCCESS", (), (), compared=1)
    assert (same.reproduced, same.verdict) == (True, "reproduced: 1 step of 'r' came out the same")
    run = Reproduction("r", "n", "FAIL", (), (Change("status", "", "SUCCESS", "FAIL"),))
    assert (run.reproduced, run.verdict) == (False, "not reproduced: the run has another status")
    data = Reproduction("r", "n", "SUCCESS", (), (), ("'raw.csv' has other content",))
    assert data.verdict == "not reproduced: files of the project are not the same"


def test_a_file_that_is_a_result_in_one_run_alone_is_compared():
    def pair(step, *entries):
        first, second = (
            StepRecord(
                StepPath((step,)), 0, Status.SUCCESS, "task",
                catalog=(CatalogRecord("x", digest, "", "", "put", 1, preexisting=preexisting),),
            )
            for digest, preexisting in entries
        )  # fmt: skip
        return Pair(step, first, second, 0, 0, step, step)

    result = pair("makes", ("a", False), ("a", False))
    differs = pair("keeps", ("b", True), ("c", False))
    assert list(other_files([result, differs], ())) == ["'x', which step 'keeps' put, has other content"]
    assert list(other_files([result, differs], ["x"])) == []
    assert list(other_files([pair("keeps", ("b", True), ("b", False))], ())) == []
