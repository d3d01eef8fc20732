"""The text of a comparison: numbers with their difference, leaves of nested values, and equal entries once."""

from magnus.app.compare.comparison import Comparison
from magnus.app.compare.metric_table import metric_rows
from magnus.app.compare.model import Cause, Change, Difference, RunFacts, StepDifference, Verdict


def facts(run_id):
    return RunFacts(run_id, "SUCCESS", "", "2026-01-18 11:46:08+00:00", 1.0, "p.yaml", "", "")


def step(name, *changes, path=""):
    return StepDifference(name, path or name, path or name, 0.0, changes)


def text(*steps, causes=()):
    verdict = Verdict("something differs", differs=True)
    return str(Comparison(Difference(facts("a"), facts("b"), verdict, causes, (), steps, ())))


def section(whole, name):
    lines = whole.split(f"\n{name}\n")[1].split("\n\n")[0].splitlines()
    return [line.removeprefix("  ") for line in lines]


def test_numbers_that_differ_are_a_table_with_the_difference():
    steps = [
        step("fit", Change("metric", "auc", 0.8, 0.9), Change("set", "model", "a", "b")),
        step("test", Change("metric", "score", {"train": 1, "test": 0}, {"train": 1, "test": 2.5})),
        step("new", Change("metric", "n", after=3)),
    ]
    whole = text(*steps)
    assert section(whole, "metrics") == [
        "                  A    B    B - A",
        "fit  auc          0.8  0.9  +0.1 (+12.5%)",
        "test  score.test  0    2.5  +2.5",
        "new  n                 3",
    ]
    assert section(whole, "outcome") == ["fit", "  set model  a -> b"]
    assert whole.index("metrics") < whole.index("outcome")


def test_metrics_that_are_no_numbers_stay_with_their_step():
    whole = text(step("fit", Change("metric", "verdict", "good", "bad"), Change("metric", "ok", True, False)))
    assert section(whole, "outcome") == ["fit", "  metric verdict  good -> bad", "  metric ok  true -> false"]
    assert "\nmetrics\n" not in whole


def test_odd_numbers_are_shown():
    rows = metric_rows(
        [step("s", Change("metric", "a", float("inf"), float("-inf")), Change("metric", "b", 10**301, 1))]
    )
    assert [(row.name, row.delta) for row in rows] == [("a", "-inf")]
    assert "1000" in text(step("s", Change("metric", "b", 10**400, 1)))


def test_of_a_metric_with_many_numbers_the_last_one_is_shown():
    before, after = ({str(n): n * factor for n in range(1, 9)} for factor in (1, 2))
    [row] = metric_rows([step("fit", Change("metric", "loss", before, after))])
    assert (row.name, row.before, row.after, row.more) == ("loss.8", 8, 16, 7)


def test_of_nested_values_the_leaves_that_differ_are_shown():
    model = ({"test_size": 0.25, "deep": [1, {"x": 1}]}, {"test_size": 0.4, "deep": [1, {"x": 2}]})
    cause = Cause("parameter", "model", *model)
    whole = text(step("fit", Change("given", "model", *model)), causes=(cause,))
    leaves = ["model.deep[1].x  1 -> 2", "model.test_size  0.25 -> 0.4"]
    assert section(whole, "outcome") == ["fit", *(f"  input {leaf}" for leaf in leaves)]
    assert section(whole, "causes")[1:] == [f"  {leaf}" for leaf in leaves]


def test_steps_with_equal_differences_share_an_entry():
    change = Change("given", "x", 1, 2)
    whole = text(*(step(name, change) for name in "abcde"), step("f", change, Change("set", "y", 1, 3)))
    assert section(whole, "outcome") == [
        "a, b, c and 2 more",
        "  input x  1 -> 2",
        "f",
        "  input x  1 -> 2",
        "  set y  1 -> 3",
    ]


def test_steps_that_only_one_run_has():
    whole = text(*(StepDifference(name, "", name, 0.0, (Change("ran", "", after="SUCCESS"),)) for name in "ab"))
    assert section(whole, "outcome") == ["a, b: only in B (SUCCESS)"]


def test_it_is_html_without_commands_of_its_own():
    verdict = Verdict("<script>alert(1)</script>", differs=True)
    shown = Comparison(Difference(facts("<a>"), facts("b"), verdict, (), (), (), ()))._repr_html_()
    assert "<script" not in shown
    assert "<a>" not in shown
