"""Files and objects that user code gets and puts while its task runs, also from a process that it started.

Made by `engine.step.run_step` for each attempt; `engine.interaction.current_step` passes requests of user code to it.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final

from msgspec.structs import replace

from magnus.engine.files.objects import StepObjects
from magnus.errors import TaskFailed
from magnus.graph.nodes import CatalogSpec
from magnus.run_log.parameters import ObjectParameter, Parameter, from_json, objects_in
from magnus.run_log.records import CatalogRecord
from magnus.values import Json, UserObject

_FOLDER: Final = "objects"


class StepData:
    """The catalog as one attempt of a step reaches it; `entries` are what it put and got.

    `visible` are the files that the step sees, `hidden` folders that no glob matches unless it names them, `folder` is
    for files on their way, `run_log` gives the run log document, `started_at` is when the process started to
    work for the run, None where no file counts as found.
    """

    def __init__(
        self,
        objects: StepObjects,
        visible: Mapping[str, CatalogRecord],
        *,
        working_directory: Path,
        hidden: Sequence[Path],
        folder: Path,
        run_log: Callable[[], Json],
        started_at: datetime | None = None,
    ) -> None:
        self._objects = objects
        self._visible = dict(visible)
        self._working_directory = working_directory
        self._hidden = hidden
        self._folder = folder
        self._started_at = started_at
        self._lock = Lock()
        self._used_folder = False
        self.run_log = run_log
        self.entries: list[CatalogRecord] = []

    def get_files(self, pattern: str, destination: str) -> list[str]:
        """Bring the files that the glob matches below the folder `destination`; their paths.

        TaskFailed when it matches nothing, CatalogError from the catalog.
        """
        from magnus.engine.files import catalog_files  # lazy: most tasks name their files in the pipeline

        with self._lock:
            names = catalog_files.matching_entries(self._visible, (pattern,)).names
            entries = [self._visible[name] for name in names]
        if not entries:
            raise TaskFailed(f"nothing in the catalog matches '{pattern}'; {catalog_files.known(self._visible)}")
        folder = self._working_directory / destination
        got = self._objects.catalog.get(self._objects.run_id, self._objects.branch, entries, folder)
        with self._lock:
            self.entries += got
        return [str(folder / entry.name) for entry in got]

    def put_files(self, pattern: str) -> list[str]:
        """Keep the files that the glob matches, relative to the working directory; their names."""
        from magnus.engine.files import catalog_files  # lazy: as above

        relative = os.path.relpath(pattern, self._working_directory) if os.path.isabs(pattern) else pattern  # noqa: PTH117 - a glob
        put, warnings = catalog_files.put_files(
            self._objects.catalog,
            CatalogSpec(put=(relative,), compute_data_folder=""),
            run_id=self._objects.run_id,
            branch=self._objects.branch,
            working_directory=self._working_directory,
            hidden=self._hidden,
            got=(),
        )
        if warnings and not put:
            raise TaskFailed("; ".join(warnings))
        if self._started_at is not None:
            put = catalog_files.mark_preexisting(put, self._working_directory, started_at=self._started_at)
        with self._lock:
            self.entries += put
            self._visible.update({entry.name: entry for entry in put})
        return [entry.name for entry in put]

    def put_object(self, name: str, value: UserObject, form: str = "") -> ObjectParameter:
        """Keep the value as an object, in the format `form`."""
        reference, entry = self._objects.put(name, value, form)
        self._add_object(entry)
        return reference

    def _add_object(self, entry: CatalogRecord) -> None:
        """Add the entry of an object, as the newest: it may have been put before, in this format or in another one."""
        with self._lock:
            self.entries.append(entry)
            self._visible.pop(entry.name, None)
            self._visible[entry.name] = entry

    def keep_object(self, name: str, file: str, form: str) -> ObjectParameter:
        """Keep what another process of the task wrote, in the format `form`, to a file of the folder; the file is gone then."""
        place = self._folder / _FOLDER / Path(file).name
        reference, entry = self._objects.take_over(name, place, form)
        place.unlink()
        self._add_object(entry)
        return reference

    def objects_by_name(self) -> dict[str, ObjectParameter]:
        """The objects among the files that the step sees, by the names they were put under."""
        with self._lock:
            entries = list(self._visible.values())
        names = ((entry, self._objects.name_of(entry.name)) for entry in entries)
        return {name: ObjectParameter(entry.name, entry.data_hash, entry.size) for entry, name in names if name}

    def get_object(self, reference: Parameter) -> UserObject:
        """The object, or what a map collected of objects."""
        value = self._objects.loaded(reference)
        self.note_loaded(objects_in(reference))
        return value

    def note_loaded(self, loaded: Iterable[ObjectParameter]) -> None:
        """Add an entry for each object that was loaded, once."""
        with self._lock:
            known = {(entry.name, entry.data_hash) for entry in self.entries if entry.stage == "get"}
            for reference in loaded:
                key = (reference.catalog_name, reference.data_hash)
                if key not in known:
                    known.add(key)
                    self.entries.append(self._got(reference))

    def _got(self, reference: ObjectParameter) -> CatalogRecord:
        """The entry of an object that was loaded; without a path if a map collected the object."""
        entry = self._visible.get(reference.catalog_name)
        if entry is not None and entry.data_hash == reference.data_hash:
            return replace(entry, stage="get")
        return CatalogRecord(reference.catalog_name, reference.data_hash, "", "", "get", reference.size)

    def elsewhere(self) -> Json:
        """How another process of the task reaches objects: a pickle, and a folder for the objects that it puts."""
        from base64 import b64encode  # lazy: most tasks keep to themselves

        from magnus.engine.values import pickles

        place = self._folder / _FOLDER
        place.mkdir(parents=True, exist_ok=True)
        self._used_folder = True
        reach = pickles.dumped(replace(self._objects, masker=None))
        return {"objects": b64encode(reach).decode(), "folder": str(place)}

    def close(self) -> None:
        """Remove what is left on the way."""
        if not self._used_folder:
            return
        from shutil import rmtree  # lazy: as above

        rmtree(self._folder / _FOLDER, ignore_errors=True)


Ask = Callable[[str, Json], Json]


def get(ask: Ask, name: str) -> UserObject:
    """The object of this name."""
    answer = ask("get_object", {"name": name})
    return _objects(answer).loaded(from_json(answer["reference"]))


def put(ask: Ask, name: str, value: UserObject, *, form: str = "", is_result: bool = False) -> None:
    """Have the value kept in the format `form` as the object of this name; `is_result` says that the task declares it."""
    answer = ask("begin_put_object", {})
    file = Path(answer["folder"], os.urandom(8).hex())
    with file.open("xb") as target:
        _objects(answer).write(name, value, target, form)
    ask("put_object", {"name": name, "file": file.name, "form": form, "is_result": is_result})


def _objects(answer: Json) -> StepObjects:
    from base64 import b64decode  # lazy: as above

    from magnus.engine.values import pickles

    reach: StepObjects = pickles.loaded(b64decode(answer["objects"]))
    return reach
