"""Finds the run that a user names, by its id, a prefix of it or its age, and a step of it in any spelling."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from magnus.errors import InvalidInput, InvalidRunId, RunNotFound
from magnus.graph.path import BranchPath, StepPath, print_names, print_parts
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord, StepRecord
from magnus.run_log.run_ids import LATEST, PREVIOUS, check_run_id
from magnus.run_log.step_walk import Branch, SeenStep, StepsOf, branches_of, walk

_MOST_RUNS_SHOWN: Final = 5
_AGES: Final = {LATEST: 1, PREVIOUS: 2}
"""The words for a run, with its place among all runs: 1 is the newest."""
_NO_RUNS: Final = "magnus execute pipeline.yaml makes one; for runs of another configuration add -c FILE"


def find_run(store: RunLogStore, text: str) -> RunRecord:
    """The record of the run with this id, or with the only id that has this prefix; or the latest or previous run.

    InvalidRunId if several ids have the prefix, RunNotFound with the nearest id if none has it, RunLogStoreError if the
    record cannot be read.
    """
    check_run_id(text)
    try:
        return store.get_run(text)
    except RunNotFound:
        return store.get_run(_by_age(store, text) if text in _AGES else _by_prefix(store.list_runs(), text))


def _by_age(store: RunLogStore, word: str) -> str:
    from magnus.app.inspect.list_runs import summaries  # lazy: most runs are found by their id
    from magnus.run_log.summary import RunSummary

    runs = sorted((run.start_time, run.run_id) for run in summaries(store) if isinstance(run, RunSummary))
    if not runs:
        raise RunNotFound("there are no runs yet", fix=_NO_RUNS)
    if len(runs) < _AGES[word]:
        raise RunNotFound(f"there is one run, and none before it: '{runs[0][1]}'", fix="write latest")
    return runs[-_AGES[word]][1]


def _by_prefix(run_ids: Sequence[str], prefix: str) -> str:
    matches = [run_id for run_id in run_ids if run_id.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(f"'{run_id}'" for run_id in matches[:_MOST_RUNS_SHOWN])
        more = f" and {len(matches) - _MOST_RUNS_SHOWN} more" if len(matches) > _MOST_SHOWN else ""
        message = f"'{prefix}' is a prefix of {len(matches)} run ids: {names}{more}"
        raise InvalidRunId(message, fix="write more of the id; magnus runs lists all of them")
    from magnus.suggest import near  # lazy: only mistakes need it

    match = near(prefix, run_ids)
    suggestion = f"did you mean '{match}'? " if match else ""
    fix = f"{suggestion}magnus runs lists all of them; for runs of another configuration add -c FILE"
    raise RunNotFound(f"there is no run '{prefix}'", fix=fix if run_ids else _NO_RUNS)


_MOST_COMPARED: Final = 5_000
_MOST_SHOWN: Final = 3
_AS_LIKELY: Final = 0.95
_SEPARATORS: Final = "/."


def find_step(store: RunLogStore, run_id: str, text: str) -> SeenStep:
    """The step of the run that `text` names; InvalidInput with near names if none or several match.

    The text is a path: names of steps and branches joined by `/`, in which any character of a name may be percent-encoded,
    `/` and `%` have to be, and `%` alone is a space. A branch of a map is its element, else its number; with `#` before
    it, it is always the number. Names joined by dots, as in the run log, and names with a plain `/` are accepted if they fit
    only one step.
    """

    def steps_of(branch: BranchPath) -> Sequence[StepRecord]:
        return store.list_steps(run_id, branch)

    for candidate in dict.fromkeys((text, text.replace("%", "%20"))):
        try:
            parts = StepPath.parse(candidate).parts
        except ValueError:
            continue
        step = _at(store, run_id, parts)
        if step is not None:
            return step
    matches = {step.record.path: step for step in _matching(steps_of, BranchPath(), (), text)}
    if len(matches) == 1:
        return next(iter(matches.values()))
    if matches:
        paths = _listed(print_names(step.names) for step in matches.values())
        raise InvalidInput(f"'{text}' fits several steps of the run '{run_id}'", fix=f"write {paths}")
    raise _no_step(steps_of, run_id, text)


def names_of(store: RunLogStore, run_id: str, path: StepPath) -> tuple[str, ...]:
    """The names of the step and, before it, of the steps and branches around it."""
    names: tuple[str, ...] = ()
    branch = BranchPath()
    for name, key in zip(path.parts[:-1:2], path.parts[1::2], strict=True):
        step = store.get_step(run_id, branch.step(name))
        branch = branch.step(name).into(key)
        label = next((one.label for one in branches_of(step) if one.path == branch), key) if step else key
        names += (name, label)
    return (*names, path.name)


def _at(store: RunLogStore, run_id: str, parts: Sequence[str]) -> SeenStep | None:
    """The step whose name, and the names around it, are `parts`."""
    names: tuple[str, ...] = ()
    branch = BranchPath()
    for name, key in zip(parts[:-1:2], parts[1::2], strict=True):
        step = store.get_step(run_id, branch.step(name))
        inner = None if step is None else _branch_named(branches_of(step), key)
        if inner is None:
            return None
        names, branch = (*names, name, inner.label), inner.path
    step = store.get_step(run_id, branch.step(parts[-1]))
    return None if step is None else SeenStep(step, (*names, parts[-1]))


def _branch_named(branches: Sequence[Branch], text: str) -> Branch | None:
    """The branch of this name; labels come before numbers, and numbers before the text of elements."""
    for rank in zip(*map(_spellings, branches), strict=True):
        matches = [branch for branch, names in zip(branches, rank, strict=True) if text in names]
        if matches:
            return matches[0] if len(matches) == 1 else None
    return None


def _spellings(branch: Branch) -> tuple[tuple[str, ...], ...]:
    """The names of the branch, the best ones first."""
    elements = tuple(value if isinstance(value, str) else json.dumps(value) for value in branch.value)
    return (branch.label,), (branch.key, f"#{branch.key}"), elements


def _matching(steps_of: StepsOf, branch: BranchPath, names: tuple[str, ...], text: str) -> Iterator[SeenStep]:
    """The steps in the branch that the text fits, in any encoding."""
    for step in steps_of(branch):
        own_names = (*names, step.path.name)
        for rest in _after((step.path.name,), text):
            if not rest:
                yield SeenStep(step, own_names)
            elif step.branching is not None:
                for inner, other_names in _into(branches_of(step), rest):
                    yield from _matching(steps_of, inner.path, (*own_names, inner.label), other_names)


def _into(branches: Sequence[Branch], text: str) -> Iterator[tuple[Branch, str]]:
    """The branches that the text may start with, each with the rest of the text; exact labels come first."""
    for rank in zip(*map(_spellings, branches), strict=True):
        named = zip(branches, rank, strict=True)
        pairs = [(branch, rest) for branch, names in named for rest in _after(names, text) if rest]
        if pairs:
            yield from pairs
            return


def _after(names: Iterable[str], text: str) -> set[str]:
    """The rests of the text behind one of the names, plain or encoded; "" if the name is all of it."""
    spelled = {way for name in names for way in (name, print_names((name,)), print_parts((name,)))}
    rests = set()
    for way in spelled:
        if text == way:
            rests.add("")
        elif text.startswith(way) and text[len(way)] in _SEPARATORS:
            rests.add(text[len(way) + 1 :])
    return rests


def _no_step(steps_of: StepsOf, run_id: str, text: str) -> InvalidInput:
    compared = (seen for seen in walk(steps_of) if isinstance(seen, SeenStep) and not seen.record.is_terminal)
    names = {print_names(seen.names): seen.names for seen in islice(compared, _MOST_COMPARED)}
    near = list(_near(text.replace(".", "/"), names))
    fix = f"did you mean {_listed(near)}?" if near else f"magnus show {run_id} shows the steps that started"
    return InvalidInput(f"no step '{text}' started in the run '{run_id}'", fix=fix)


def _near(text: str, names: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Paths near the text: of steps of this name or in this branch, else the most similar ones."""
    inside = [path for path, parts in names.items() if parts[-1] == text or path.startswith(f"{text}/")]
    yield from inside[:_MOST_SHOWN]
    import difflib  # lazy: only mistakes need it

    alike = [] if inside else difflib.get_close_matches(text, names, _MOST_SHOWN)
    likeness = [difflib.SequenceMatcher(None, path, text).ratio() for path in alike]
    yield from (path for path, like in zip(alike, likeness, strict=True) if like >= _AS_LIKELY * max(likeness))


def _listed(paths: Iterable[str]) -> str:
    """`'a', 'b' or 'c'`."""
    *some, last = (f"'{path}'" for path in islice(paths, _MOST_SHOWN))
    return f"{', '.join(some)} or {last}" if some else last
