"""Which runs a clean-up keeps, whatever the runs and the rules."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from magnus.app.cleanup.collect_garbage import Rules, RunFacts, keep_reasons, runs_to_remove
from magnus.run_log.records import Status

NOW = datetime(2024, 5, 6, tzinfo=UTC)
IDS = [f"run{number}" for number in range(8)]


@st.composite
def run_lists(draw):
    ids = draw(st.lists(st.sampled_from(IDS), unique=True))
    return [
        RunFacts(
            run_id,
            draw(st.sampled_from((Status.SUCCESS, Status.FAIL))),
            NOW - timedelta(days=draw(st.integers(0, 10))),
            draw(st.sampled_from(("", "prod", "test"))),
            draw(st.booleans()),
            draw(st.sampled_from(("", *IDS))),
        )
        for run_id in ids
    ]


RULES = st.builds(
    Rules,
    st.none() | st.floats(0, 10).map(lambda days: round(days, 3)) | st.just(1e300),
    st.none() | st.integers(0, 10),
    st.frozensets(st.sampled_from(("prod", "test"))),
    st.frozensets(st.sampled_from((Status.SUCCESS, Status.FAIL))),
)


@given(run_lists(), RULES)
def test_a_run_goes_when_nothing_at_all_speaks_for_it(runs, rules):
    gone = {run.run_id for run in runs_to_remove(runs, keep_reasons(runs, rules, NOW))}
    newest = sorted(runs, key=lambda run: (run.start_time, run.run_id))[-rules.last :] if rules.last else []
    for run in runs:
        age = (NOW - run.start_time).days
        resumed_by_kept = any(other.original_run_id == run.run_id and other.run_id not in gone for other in runs)
        speaks = (
            not run.over
            or not rules.are_given
            or (rules.days is not None and age < rules.days)
            or run in newest
            or run.tag in rules.tags
            or run.status in rules.statuses
        )
        assert run.run_id not in gone if speaks or resumed_by_kept else True
        if not speaks and not any(other.original_run_id for other in runs):
            assert run.run_id in gone


@given(run_lists(), RULES, RULES)
def test_a_further_rule_never_lets_a_run_go(runs, rules, more):
    if not rules.are_given:
        return
    both = Rules(
        max((days for days in (rules.days, more.days) if days is not None), default=None),
        max((last for last in (rules.last, more.last) if last is not None), default=None),
        rules.tags | more.tags,
        rules.statuses | more.statuses,
    )
    assert keep_reasons(runs, rules, NOW).keys() <= keep_reasons(runs, both, NOW).keys()


@given(run_lists(), RULES)
def test_the_order_of_the_runs_does_not_matter(runs, rules):
    assert keep_reasons(runs, rules, NOW).keys() == keep_reasons(runs[::-1], rules, NOW).keys()
    assert runs_to_remove(runs, {}) == runs_to_remove(runs[::-1], {})


def facts(run_id, days=5, **more):
    return RunFacts(run_id, more.pop("status", Status.SUCCESS), NOW - timedelta(days=days), **more)


def test_reasons_say_what_keeps_a_run():
    runs = [
        facts("old"),
        facts("young", days=1),
        facts("newest", days=-1),
        facts("tagged", tag="prod"),
        facts("failed", status=Status.FAIL),
        facts("alive", over=False),
        facts("second", original_run_id="first", over=False),
        facts("first", original_run_id="zeroth"),
        facts("zeroth", original_run_id="long gone"),
    ]
    rules = Rules(2, 1, frozenset({"prod"}), frozenset({Status.FAIL}))
    assert keep_reasons(runs, rules, NOW) == {
        "young": "younger than 2 days",
        "newest": "younger than 2 days",
        "tagged": "its tag is 'prod'",
        "failed": "its status is FAIL",
        "alive": "it may be running",
        "second": "it may be running",
        "first": "resumed by second",
        "zeroth": "resumed by second",
    }
    assert keep_reasons([facts("a")], Rules(last=1), NOW) == {"a": "one of the last 1"}
    assert keep_reasons([facts("a")], Rules(), NOW) == {"a": "no rule says which runs go"}
    assert keep_reasons([facts("a")], Rules(last=0), NOW) == {}


def test_runs_that_resumed_one_another_in_a_circle_are_no_trouble():
    runs = [facts("a", original_run_id="b", over=False), facts("b", original_run_id="a"), facts("c")]
    assert set(keep_reasons(runs, Rules(last=0), NOW)) == {"a", "b"}
