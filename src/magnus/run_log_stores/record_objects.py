"""The records of a run as objects, one each: their keys, and the damaged records. Used by `object-store`.

    .runs/<run id>                                   the record of the run
    .steps/<run id>/<step>/<branch>/<step>.json      the record of a step that has not succeeded
    .steps/<run id>/<step>/<branch>/<step>.done.json the record of its success
    .results/<key>                                   steps whose results have the key
    <run id>.json                                    the document people read
    .format                                          the version of this layout

Steps, branches and run ids are parts of keys, as `object_stores.keys` encodes them.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.run_log_store import DamagedRecord
from magnus.object_stores import keys
from magnus.object_stores.interface import ObjectStore
from magnus.run_log_stores.damage import damaged_record
from magnus.run_log_stores.record_files import DONE, NOT_DONE, is_of_run, is_whole

RUNS: Final = ".runs"
FORMAT: Final = ".format"
PROBE: Final = ".probe-"
"""Starts the key of an object by which a store is tried out."""
_STEPS: Final = ".steps"
_RESULTS: Final = ".results"
_DOCUMENT: Final = ".json"
FOLDERS: Final = (RUNS, _STEPS, _RESULTS)
"""All other objects of the layout are at the top; `is_own` knows them."""


def is_usable(run_id: str) -> bool:
    """Whether the id of a run can be a part of a key that is read back."""
    name = keys.part(run_id)
    return bool(run_id) and "/" not in run_id and not run_id.startswith(".") and not name.startswith("~")


def run(run_id: str) -> str:
    """The record of the run."""
    return f"{RUNS}/{keys.part(run_id)}"


def document(run_id: str) -> str:
    """The document people read."""
    return f"{keys.part(run_id)}{_DOCUMENT}"


def is_own(name: str) -> bool:
    """Whether an object at the top can be one of this layout."""
    run_id = keys.text_of(name.removesuffix(_DOCUMENT)) if name.endswith(_DOCUMENT) else None
    return name == FORMAT or name.startswith(PROBE) or (run_id is not None and is_usable(run_id))


def results(key: str) -> str:
    """The steps whose results have the key."""
    return f"{_RESULTS}/{key}"


def steps(run_id: str) -> str:
    """Above the records of all steps of the run."""
    return f"{_STEPS}/{keys.part(run_id)}"


def branch(run_id: str, path: BranchPath) -> str:
    """Above the records of the steps of the branch."""
    return keys.folder((_STEPS, keys.part(run_id)), path.parts)


def step(run_id: str, path: StepPath) -> str:
    """The record of the step, without its ending."""
    return f"{branch(run_id, path.branch)}/{keys.part(path.name)}"


def names_step(path: BranchPath, name: str, step_path: str | None) -> bool:
    """Whether an object of this name in the branch is that of the step, by its path as text."""
    parsed = None if step_path is None else StepPath.parse(step_path)
    return parsed is not None and parsed.branch == path and keys.part(parsed.name) == name


def all_keys(store: ObjectStore, run_id: str) -> Sequence[str]:
    """The keys of all records of the run, that of the run first."""
    return [run(run_id), *sorted(each.key for each in store.list(steps(run_id)))]


def damaged(store: ObjectStore, run_id: str) -> Iterator[DamagedRecord]:
    """The objects of a run that are no records, or records of another key."""
    names = all_keys(store, run_id)
    for key, text in zip(names, store.get_each(names), strict=True):
        if text is not None and not is_whole(text, _belongs(run_id, key)):
            yield damaged_record(text, f"'{store.shown}/{key}'")


def _belongs(run_id: str, key: str) -> Callable[[str | None], bool]:
    if key == run(run_id):
        return is_of_run

    def belongs(path: str | None) -> bool:
        place = None if path is None else step(run_id, StepPath.parse(path))
        return place is not None and key in {place + DONE, place + NOT_DONE}

    return belongs
