"""Compares two runs of one run log store, orders the causes and names the first one."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, get_args

from msgspec import UNSET

from magnus.app.compare.causes import Places, code_causes, data_causes, parameter_causes, variable_causes
from magnus.app.compare.compare_environment import (
    commit_causes,
    environment_causes,
    interruptions,
    notes,
    pipeline_causes,
    run_changes,
)
from magnus.app.compare.compare_steps import pairs, reruns, step_differences, timings
from magnus.app.compare.model import END, Cause, Difference, Kind, StepDifference, Timing, Verdict
from magnus.app.compare.read_run import Alike, ReadRun, alike
from magnus.app.compare.sentences import no_cause, sentence, sentence_without_effect
from magnus.app.composition import services
from magnus.app.composition.load_configuration import load_configuration
from magnus.app.inspect.find import find_run

_RANK: Final = {kind: rank for rank, kind in enumerate(get_args(Kind))}

_LEADS_ON: Final = frozenset({"next", "on_failure", "start_at"})

ONE_RUN: Final = Verdict("no difference: it is one run", differs=False)


def diff(first: str, second: str, configuration_file: str, environment: Mapping[str, str]) -> Difference:
    """The difference of two runs, by their ids, prefixes of these, or `latest`.

    RunNotFound if the store of the configuration has no such run.
    """
    working_directory = Path.cwd()
    configuration = load_configuration(configuration_file, environment, working_directory)
    catalog = services.catalog(configuration, working_directory)
    with closing(services.run_log_store(configuration, working_directory)) as store:
        one, other = (ReadRun(find_run(store, run), store, catalog) for run in (first, second))
        return compare_runs(one, other, alike(one, other))


def compare_runs(first: ReadRun, second: ReadRun, is_alike: Alike) -> Difference:
    """The difference of two runs, in the order of execution."""
    side_by_side = pairs(first, second)
    places = Places(side_by_side)
    steps = step_differences(side_by_side, is_alike)
    located = (
        *pipeline_causes(first, second),
        *code_causes(first, second, side_by_side),
        *parameter_causes(first, second, side_by_side),
        *variable_causes(first, second),
        *data_causes(side_by_side),
    )
    causes = in_order(
        (
            *map(places.placed, located),
            *environment_causes(first, second),
            *interruptions(first, second, side_by_side),
        ),
        steps,
    )
    commits = tuple(commit_causes(first, second))
    facts = first.facts(), second.facts()
    is_one_run = facts[0].run_id == facts[1].run_id
    whole = Timing("", "", "", facts[0].seconds, facts[1].seconds)
    return Difference(
        first=facts[0],
        second=facts[1],
        verdict=ONE_RUN if is_one_run else verdict(causes, commits, steps),
        causes=(*causes, *commits),
        run=run_changes(first, second),
        steps=steps,
        timings=(whole, *timings(side_by_side)),
        notes=notes(first, second),
        reruns=() if is_one_run else reruns(side_by_side, facts[0].run_id),
    )


def in_order(causes: Sequence[Cause], steps: Sequence[StepDifference]) -> tuple[Cause, ...]:
    """The causes in the order of their effect. A cause for all steps counts at the first step with another effect.

    A cause that only affects steps with the same results stands behind the causes that may explain that step.
    """
    first = first_effect(steps)
    place = END if first is None else first.position

    def key(cause: Cause) -> tuple[int, float, int, str]:
        position = place if cause.position is None else cause.position
        part = 2 if position > place else int(first is not None and without_effect(cause, steps))
        return (part, position, _RANK[cause.kind], cause.what)

    return tuple(sorted(causes, key=key))


def without_effect(cause: Cause, steps: Sequence[StepDifference]) -> bool:
    """Whether the cause changed code or definition of steps with the same results, and no order of steps."""
    if cause.kind == "pipeline":
        if not isinstance(cause.before, dict) or not isinstance(cause.after, dict):
            return False
        if not _LEADS_ON.isdisjoint({*cause.before, *cause.after}):
            return False
    elif cause.kind != "code":
        return False
    differing = [step.name for step in steps if step.own or any(change.kind == "got" for change in step.changes)]
    return bool(cause.steps) and not any(
        name == step or name.startswith(f"{step}/") for step in cause.steps for name in differing
    )


def first_effect(steps: Sequence[StepDifference]) -> StepDifference | None:
    """The first step that differs in more than its inputs."""
    return next((step for step in steps if step.own), None)


def verdict(causes: Sequence[Cause], commits: Sequence[Cause], steps: Sequence[StepDifference]) -> Verdict:
    """The verdict for causes in order; a commit is named only if there is no other cause."""
    effect = first_effect(steps)
    explained = effect is None or any((cause.position or 0.0) <= effect.position for cause in causes)
    if effect is not None and not explained and not commits:
        more = f"; {sentence(causes[0])}, but that came later" if causes else ""
        return Verdict(no_cause(effect) + more, differs=True, step=effect.name)
    first_cause = next(iter(causes if explained and causes else commits), None)
    if first_cause is None:
        return Verdict("no difference but timing", differs=False)
    others = len(causes) - 1 if first_cause in causes else 0
    more = "" if others < 1 else f", and {others} more cause{'' if others == 1 else 's'} below"
    text = (
        sentence_without_effect(first_cause)
        if without_effect(first_cause, steps)
        else sentence(first_cause, first=True)
    )
    return Verdict(text + more, differs=True, cause=first_cause, step=next(iter(_steps(first_cause)), ""))


def _steps(cause: Cause) -> Iterator[str]:
    if cause.kind != "pipeline" or cause.before is not UNSET or cause.after is not UNSET:
        yield from cause.steps
