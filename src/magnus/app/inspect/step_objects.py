"""The steps and branches of a run as objects, with their parameters, metrics and artifacts."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from magnus.app.inspect.stored_values import Artifact, Inputs, RunSource, SuggestingDict, loaded
from magnus.engine.rules import scope as scopes
from magnus.graph.path import BranchPath
from magnus.run_log import records, step_walk
from magnus.run_log.parameters import MetricParameter, Parameter, plain, plain_metrics
from magnus.run_log.records import AttemptRecord, RunStatus, Status, StepRecord
from magnus.run_log.step_walk import SeenStep, status_of, status_of_branch, walk_step, without_past_ends
from magnus.values import Json, UserObject


class StepGroup:
    """A run or one of its branches: its steps and their results."""

    def __init__(self, run: RunSource, branch: BranchPath) -> None:
        self._of = run
        self._branch = branch

    @property
    def steps(self) -> Mapping[str, "Step"]:
        """The steps that started, by name, in the order of execution."""
        return SuggestingDict("step", {record.path.name: Step(self._of, record) for record in self._records})

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The parameters at the end; for a branch, the parameters set in it."""
        return SuggestingDict("parameter", {name: plain(value) for name, value in self._values.items()})

    def load(self, name: str) -> UserObject:
        """The parameter of this name, an object as the object itself; or the content of the artifact of this name.

        Raises NoSuchName, a KeyError, if there is none, and CatalogError if its content is missing or damaged.
        """
        return loaded(name, self._values, self.artifacts, self._of)

    @property
    def _values(self) -> Mapping[str, Parameter]:
        return {**self._before(), **scopes.folded_own(self._records).parameters}

    @property
    def metrics(self) -> Mapping[str, Json]:
        """The metrics of its steps; of one name, the last value.

        Metrics of branches move up as parameters do, if the step succeeded: a map makes a list with an entry for each
        element, and for other steps the later branch wins.
        """
        metrics: dict[str, Json] = {}
        for record in self._records:
            metrics.update(plain_metrics(record.metrics))
            if record.branching is not None and record.status is Status.SUCCESS:
                metrics.update(self._moved_up(record))
        return SuggestingDict("metric", metrics)

    def _moved_up(self, record: StepRecord) -> Mapping[str, Json]:
        """The metrics of the branches of a composite; a metric that is also a parameter has the value of the parameter."""
        inside = [Branch(self._of, branch).metrics for branch in step_walk.branches_of(record)]
        names = dict.fromkeys(name for metrics in inside for name in metrics)
        if record.branching is not None and record.branching.values is not None:
            collected: dict[str, Json] = {name: [dict(metrics).get(name) for metrics in inside] for name in names}
        else:
            collected = {name: value for metrics in inside for name, value in metrics.items()}
        parameters = record.parameters.items()
        return {**collected, **{name: plain(value) for name, value in parameters if isinstance(value, MetricParameter)}}

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files in the catalog at the end, by name."""
        files = scopes.folded_own(self._records).files
        return SuggestingDict("artifact", {name: Artifact(record, self._of) for name, record in files.items()})

    def _before(self) -> Mapping[str, Parameter]:
        """The parameters at its start that count as its own."""
        return {}

    @property
    def _records(self) -> Sequence[StepRecord]:
        if self._of.is_over:
            return self._last_records
        return list(without_past_ends(self._of.store.list_steps(self._of.run_id, self._branch)))

    @cached_property
    def _last_records(self) -> Sequence[StepRecord]:
        return list(without_past_ends(self._of.store.list_steps(self._of.run_id, self._branch)))


class Branch(StepGroup):
    """One branch of a step; `key` is its name, or its number, `value` the element of a map that it is for."""

    def __init__(self, run: RunSource, branch: step_walk.Branch) -> None:
        super().__init__(run, branch.path)
        self.key = branch.key
        self.value = branch.value[0] if branch.value else None

    @property
    def status(self) -> RunStatus:
        """The status; SUCCESS if the branch reached its success step."""
        return status_of_branch(self._records, over=self._of.is_over)

    def __repr__(self) -> str:
        return f"<Branch '{self.key}' {self.status.value}>"

    def _repr_html_(self) -> str:
        from magnus.app.inspect.notebook_html import branch_html  # lazy: notebooks alone

        return branch_html(self)


class Step:
    """One step of a run, as the run log has it."""

    def __init__(self, run: RunSource, record: StepRecord) -> None:
        self._run = run
        self._record = record

    @property
    def name(self) -> str:
        """As in the pipeline."""
        return self._record.path.name

    @property
    def status(self) -> RunStatus:
        """The status; LOST if the run is over and the step had not finished."""
        return status_of(self._record, over=self._run.is_over)

    @property
    def step_type(self) -> str:
        """The type as it is written."""
        return self._record.step_type

    @property
    def message(self) -> str:
        """Why it failed, or ""."""
        return self._record.message

    @property
    def attempts(self) -> Sequence[AttemptRecord]:
        """The attempts, in order."""
        return self._record.attempts

    @property
    def start_time(self) -> datetime | None:
        """The start of the first attempt, also of attempts in branches, in UTC; None without an attempt."""
        span = self._span
        return None if span is None else span.start

    @property
    def end_time(self) -> datetime | None:
        """The end of the last attempt, in UTC; None without an attempt."""
        if self.attempts and not self._record.is_terminal:
            return self.attempts[-1].end_time
        span = self._span
        return None if span is None else span.end

    @property
    def duration(self) -> timedelta:
        """The time between these, with the waits between attempts; zero without an attempt."""
        span = self._span
        return timedelta() if span is None else span.duration

    @property
    def _span(self) -> records.Span | None:
        if self._record.branching is None:
            return records.span_of(self._record)
        store, run_id = self._run.store, self._run.run_id
        inside = walk_step(lambda branch: store.list_steps(run_id, branch), self._record)
        return records.around(records.span_of(seen.record) for seen in inside if isinstance(seen, SeenStep))

    @property
    def inputs(self) -> Mapping[str, Json]:
        """The parameters that the last attempt received; an object is loaded when it is taken."""
        return Inputs(dict(self.attempts[-1].parameters) if self.attempts else {}, self._record, self._run)

    def load(self, name: str) -> UserObject:
        """The parameter that it set, an object as the object itself; or the content of the file that it put.

        Raises NoSuchName, a KeyError, if there is none, and CatalogError if its content is missing or damaged.
        """
        return loaded(name, self._record.parameters, self.artifacts, self._run)

    @property
    def parameters(self) -> Mapping[str, Json]:
        """The parameters that it set."""
        return SuggestingDict("parameter", {name: plain(value) for name, value in self._record.parameters.items()})

    @property
    def metrics(self) -> Mapping[str, Json]:
        """The metrics that it tracked."""
        return SuggestingDict("metric", plain_metrics(self._record.metrics))

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The files that it, or a step in its branches, put into the catalog, by name."""
        put = (record for record in self._record.catalog if record.stage == "put")
        return SuggestingDict("artifact", {record.name: Artifact(record, self._run) for record in put})

    @property
    def branches(self) -> Mapping[str, Branch]:
        """Its branches by name or number, in order; empty when it has none. A map's answer to its elements, too."""
        branches = step_walk.branches_of(self._record)
        also = {branch.label: branch.key for branch in branches}
        return SuggestingDict("branch", {branch.key: Branch(self._run, branch) for branch in branches}, also)

    def log(self) -> str:
        """The output of the step, or ""; InvalidInput if the catalog does not return output."""
        log = self._run.logs().read_log(self._run.run_id, self._record.path)
        if log is None:
            return ""
        with log:
            return log.read().decode("utf-8", "replace")

    def __repr__(self) -> str:
        return f"<Step '{self.name}' {self.status.value}>"

    def _repr_html_(self) -> str:
        from magnus.app.inspect.notebook_html import step_html  # lazy: notebooks alone

        return step_html(self)
