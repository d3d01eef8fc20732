"""Finds the run that a user names: by its id, a prefix of it, or as the latest."""

from collections.abc import Sequence
from typing import Final

from magnus.errors import InvalidRunId, RunNotFound
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord
from magnus.run_log.run_ids import LATEST, check_run_id

_MOST_SHOWN: Final = 5
_NO_RUNS: Final = "magnus execute pipeline.yaml makes one; for runs of another configuration add -c FILE"


def find_run(store: RunLogStore, text: str) -> RunRecord:
    """The record of the run with this id, or with the only id that has this prefix.

    InvalidRunId if several ids have the prefix, RunNotFound with the nearest id if none has it, RunLogStoreError if the
    record cannot be read.
    """
    check_run_id(text)
    try:
        return store.get_run(text)
    except RunNotFound:
        return store.get_run(_latest(store) if text == LATEST else _by_prefix(store.list_runs(), text))


def _latest(store: RunLogStore) -> str:
    from magnus.app.inspect.list_runs import summaries  # lazy: most runs are found by their id
    from magnus.run_log.summary import RunSummary

    runs = [(run.start_time, run.run_id) for run in summaries(store) if isinstance(run, RunSummary)]
    if not runs:
        raise RunNotFound("there are no runs yet", fix=_NO_RUNS)
    return max(runs)[1]


def _by_prefix(run_ids: Sequence[str], prefix: str) -> str:
    matches = [run_id for run_id in run_ids if run_id.startswith(prefix)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(f"'{run_id}'" for run_id in matches[:_MOST_SHOWN])
        more = f" and {len(matches) - _MOST_SHOWN} more" if len(matches) > _MOST_SHOWN else ""
        message = f"'{prefix}' is a prefix of {len(matches)} run ids: {names}{more}"
        raise InvalidRunId(message, fix="write more of the id; magnus runs lists all of them")
    from magnus.suggest import near  # lazy: only mistakes need it

    match = near(prefix, run_ids)
    meant = f"did you mean '{match}'? " if match else ""
    fix = f"{meant}magnus runs lists all of them; for runs of another configuration add -c FILE"
    raise RunNotFound(f"there is no run '{prefix}'", fix=fix if run_ids else _NO_RUNS)
