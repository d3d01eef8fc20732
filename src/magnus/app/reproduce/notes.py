"""Says what the records of the two runs have beside results: what cannot be compared, and what was not the same. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from magnus.app.compare.compare_steps import Pair
from magnus.app.compare.read_run import ReadRun
from magnus.engine.secrets.mask_run import masked_parameters
from magnus.run_log.records import CatalogRecord, StepRecord, is_cached
from magnus.values import Json


def tasks(side_by_side: Sequence[Pair]) -> list[Pair]:
    """The steps that are tasks."""
    return [pair for pair in side_by_side if pair.either.branching is None and not pair.either.is_terminal]


def not_compared(first: ReadRun, second: ReadRun, side_by_side: Sequence[Pair]) -> Iterator[str]:
    """Sentences on results that cannot be compared; with one of them no run counts as reproduced."""
    for run in (first, second):
        yield from (f"in the run log of '{run.record.run_id}': {line}" for line in run.facts().damage)
    if not tasks(side_by_side):
        yield f"no step of '{first.record.run_id}' ran"
    for run, steps in (
        (first, [pair.first for pair in side_by_side]),
        (second, [pair.second for pair in side_by_side]),
    ):
        if mocked := [step.path.name for step in steps if step is not None and _is_mocked(step, run)]:
            yield f"the tasks of '{run.record.run_id}' did not run, but were mocked: {', '.join(dict.fromkeys(mocked))}"
    masked = {*masked_parameters(first.record.parameters), *masked_parameters(second.record.parameters)}
    either = [step for pair in side_by_side for step in (pair.first, pair.second) if step is not None]
    if names := sorted({name for step in either for name in step.parameters if name in masked}):
        yield f"the run log masks what steps set, since these initial parameters held secrets: {', '.join(names)}"


def other_files(side_by_side: Sequence[Pair], named: Iterable[str]) -> Iterator[str]:
    """Sentences on files that a step put, in one run at least without making them, and whose content differs.

    `named` are the files that are causes already. Results of both runs are compared with the steps.
    """
    left_out = set(named)
    for pair in tasks(side_by_side):
        before, after = (_put(step) for step in (pair.first, pair.second))
        for name in sorted((before.keys() & after.keys()) - left_out):
            old, new = before[name], after[name]
            if (old.preexisting or new.preexisting) and old.data_hash != new.data_hash:
                yield f"'{name}', which step '{pair.second_path}' put, has other content"


def _put(step: StepRecord | None) -> dict[str, CatalogRecord]:
    return {} if step is None else {entry.name: entry for entry in step.catalog if entry.stage == "put"}


def _is_mocked(step: StepRecord, run: ReadRun) -> bool:
    return step.mock and step.branching is None and not _is_reused(step, run)


def not_the_same(first: ReadRun, second: ReadRun, side_by_side: Sequence[Pair]) -> Iterator[str]:
    """Sentences on machines, secrets, the program and reused steps, which decide nothing."""
    hosts = first.record.owner.host, second.record.owner.host
    if all(hosts) and hosts[0] != hosts[1]:
        yield f"machine was {hosts[0]}, is {hosts[1]}"
    secrets = sorted({name for step in first.written.values() for name in _secrets(step.get("secrets"))})
    if secrets:
        yield f"secrets are not recorded, and were looked up again: {', '.join(secrets)}"
    file = str(first.config.get("pipeline_file") or "")
    if not file.endswith((".yaml", ".yml", ".json")):
        yield f"a program built the pipeline ({file}); it is taken from the run log, and the program did not run"
    if names := [pair.first_path for pair in side_by_side if pair.first is not None and _is_reused(pair.first, first)]:
        yield f"reused from earlier runs in '{first.record.run_id}', and run here: {', '.join(names)}"


def _is_reused(step: StepRecord, run: ReadRun) -> bool:
    """Whether a task of the run has the result of another run."""
    return is_cached(step) or (step.mock and bool(run.record.original_run_id) and step.branching is None)


def _secrets(written: Json) -> Sequence[str]:
    return [written] if isinstance(written, str) else [str(name) for name in written or ()]
