"""Records for tests: plain examples, and Hypothesis strategies for every record there can be.

Used by the contract suites of this package and by tests of modules that read or write records.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, TypeVar

from hypothesis import strategies as st

from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.parameters import (
    CountedMetric,
    JsonParameter,
    LargeParameter,
    ListParameter,
    Metric,
    MetricParameter,
    ObjectParameter,
    Parameter,
)
from magnus.run_log.records import (
    AttemptRecord,
    BranchScope,
    CatalogRecord,
    CodeIdentity,
    Owner,
    RunRecord,
    Status,
    StepRecord,
)
from magnus.values import Json

__all__ = [
    "MOMENT",
    "ODD_NAMES",
    "branch_paths",
    "json_values",
    "names",
    "parameters",
    "run_record",
    "run_records",
    "step_paths",
    "step_record",
    "step_records",
]

MOMENT: Final = datetime(2022, 1, 18, 11, 46, 8, 530138, tzinfo=UTC)
"""The time in the example records."""
ODD_NAMES: Final = ("a.b", "a/b", "a%2Fb", "%", " ", "", ".", "..", "ünïcödé ✓", 'quo"te\\', "new\nline", "x" * 3000)
"""Names of steps and keys of branches that a store must not confuse."""

ValueT = TypeVar("ValueT")


def run_record(run_id: str = "a-run", *, status: Status = Status.PROCESSING) -> RunRecord:
    """A plain example of a run."""
    return RunRecord(
        run_id=run_id,
        status=status,
        dag_hash="d" * 64,
        start_time=MOMENT,
        owner=Owner("a-host", 4242, "17"),
        parameters={"x": JsonParameter(3, "3")},
        code_identities=(CodeIdentity("c" * 40, "git", code_identifier_dependable=True),),
        run_config={"executor": {"type": "local", "config": {}}},
    )


def step_record(name: str = "a step", *, position: int = 0, status: Status = Status.SUCCESS) -> StepRecord:
    """A plain example of a step of the root, with one attempt that set the parameter `x` to its position."""
    attempt = AttemptRecord(0, MOMENT, MOMENT, 0.000423, status, parameters={"x": 3})
    return StepRecord(
        BranchPath().step(name),
        position,
        status,
        "task",
        attempts=(attempt,),
        parameters={"x": JsonParameter(position)},
    )


def json_values() -> st.SearchStrategy[Json]:
    """Any JSON value."""
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)


def names() -> st.SearchStrategy[str]:
    """Names of steps and keys of branches: any text, the awkward ones often."""
    return st.sampled_from(ODD_NAMES) | st.text(max_size=8)


def branch_paths() -> st.SearchStrategy[BranchPath]:
    """The root, and branches up to two composites deep."""
    levels = st.lists(st.tuples(names(), names()), max_size=2)
    return levels.map(lambda pairs: BranchPath(tuple(part for pair in pairs for part in pair)))


def step_paths() -> st.SearchStrategy[StepPath]:
    """Steps of any of these branches."""
    return st.builds(BranchPath.step, branch_paths(), names())


def parameters() -> st.SearchStrategy[Parameter]:
    """Parameters of every kind."""
    single: st.SearchStrategy[Parameter] = st.one_of(
        st.builds(JsonParameter, json_values(), st.none() | st.text()),
        st.builds(MetricParameter, json_values()),
        st.builds(ObjectParameter, st.text(), st.text(), st.integers(0, 2**40)),
        st.builds(LargeParameter, st.text(), st.text(), st.integers(0, 2**40), st.booleans(), st.none()),
    )
    return single | st.builds(ListParameter, st.lists(single, max_size=3).map(tuple))


def step_records(paths: st.SearchStrategy[StepPath] | None = None) -> st.SearchStrategy[StepRecord]:
    """Records of steps, with anything in them that a record can hold."""
    return st.builds(
        StepRecord,
        path=step_paths() if paths is None else paths,
        position=st.integers(0, 10**6),
        status=st.sampled_from(Status),
        step_type=st.text(),
        message=st.text(),
        mock=st.booleans(),
        attempts=_few(_attempts()),
        parameters=_named(parameters()),
        metrics=_named(_metrics()),
        catalog=_few(_catalog_records()),
        scope=st.none() | _scopes(),
        code_identities=st.none() | _few(_code_identities()),
        earlier_attempts=st.integers(0, 3),
        given_up=_few(st.text()),
    )


def _metrics() -> st.SearchStrategy[Metric]:
    """Values, among them mappings with numbers as keys, and measurements counted by step."""
    counted = st.dictionaries(st.integers(-(2**40), 2**40), json_values(), max_size=3)
    numbered = st.dictionaries(st.integers(0, 9).map(str), json_values(), max_size=3)
    return json_values() | numbered | st.builds(CountedMetric, counted)


def run_records(run_ids: st.SearchStrategy[str] | None = None) -> st.SearchStrategy[RunRecord]:
    """Records of runs."""
    return st.builds(
        RunRecord,
        run_id=st.text() if run_ids is None else run_ids,
        status=st.sampled_from(Status),
        dag_hash=st.text(),
        start_time=_times(),
        owner=st.builds(Owner, st.text(), st.integers(1), st.text(), st.text()),
        end_time=st.none() | _times(),
        message=st.text(),
        tag=st.text(),
        use_cached=st.booleans(),
        original_run_id=st.text(),
        parameters=_named(parameters()),
        code_identities=_few(_code_identities()),
        run_config=_named(json_values()),
    )


def _few(items: st.SearchStrategy[ValueT]) -> st.SearchStrategy[tuple[ValueT, ...]]:
    return st.lists(items, max_size=2).map(tuple)


def _named(values: st.SearchStrategy[ValueT]) -> st.SearchStrategy[Mapping[str, ValueT]]:
    return st.dictionaries(st.text(), values, max_size=2)


def _times() -> st.SearchStrategy[datetime]:
    return st.datetimes(timezones=st.just(UTC))


def _attempts() -> st.SearchStrategy[AttemptRecord]:
    return st.builds(
        AttemptRecord,
        attempt_number=st.integers(0, 99),
        start_time=_times(),
        end_time=_times(),
        duration=st.floats(0, 1e6),
        status=st.sampled_from(Status),
        message=st.text(),
        parameters=_named(json_values()),
        lost=st.booleans(),
        job=st.text(),
        machine=st.text(),
        peak_memory=st.integers(0, 2**50),
    )


def _catalog_records() -> st.SearchStrategy[CatalogRecord]:
    return st.builds(
        CatalogRecord,
        name=st.text(),
        data_hash=st.text(),
        catalog_relative_path=st.text(),
        catalog_handler_location=st.text(),
        stage=st.sampled_from(("get", "put")),
        size=st.integers(0),
        preexisting=st.booleans(),
    )


def _scopes() -> st.SearchStrategy[BranchScope]:
    files = _few(_catalog_records()).map(lambda entries: {entry.name: entry for entry in entries})
    return st.builds(BranchScope, _named(parameters()), files)


def _code_identities() -> st.SearchStrategy[CodeIdentity]:
    return st.builds(CodeIdentity, st.text(), st.text(), st.booleans(), st.text(), st.text())
