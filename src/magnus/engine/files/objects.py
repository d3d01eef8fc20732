"""Objects between steps and the catalog: pickled once, as they are written, and loaded where they are used.

Made by `engine.step.run_step` for each step, and used by the task kinds that are python.
"""

import io
from collections.abc import Callable
from pathlib import Path
from pickle import PicklingError
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote, unquote

from msgspec import Struct

from magnus.engine.secrets.masking import Masker
from magnus.errors import MagnusError, TaskFailed
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.pickler import Picklers
from magnus.run_log.parameters import ListParameter, ObjectParameter, Parameter, plain
from magnus.run_log.records import CatalogRecord
from magnus.values import UserObject

OBJECTS: Final = ".objects/"
"""Where objects are in the tree of a run: no glob matches it unless it names it."""


class WatchedFile(io.RawIOBase):
    """Passes the written bytes on; raises TaskFailed with `message` instead if a secret registered in `masker` is in them."""

    def __init__(self, file: BinaryIO, masker: Masker, message: str) -> None:
        super().__init__()
        self._file = file
        self._masker = masker
        self._message = message
        self._end = b""

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Write the data; a secret may be cut anywhere between two pieces."""
        forms = self._masker.forms
        view = memoryview(data).cast("B")
        if forms is not None:
            longest = max(map(len, forms.encoded))
            if forms.pattern.search(view) or forms.pattern.search(self._end + bytes(view[:longest])):
                raise TaskFailed(self._message)
            self._end = (self._end + bytes(view[-longest:]))[-longest:]
        self._file.write(view)
        return len(view)


_BLOCK_BYTES: Final = 1024 * 1024
_MAIN: Final = frozenset({"__main__", "__mp_main__"})


class StepObjects(Struct, frozen=True):
    """The objects of a run as one step reaches them; `script` is the script whose classes some of them may be.

    What holds a secret that `masker` knows is not kept.
    """

    catalog: Catalog
    picklers: Picklers
    run_id: str
    branch: BranchPath
    script: Path | None = None
    masker: Masker | None = None

    def put(self, name: str, value: UserObject, form: str = "") -> tuple[ObjectParameter, CatalogRecord]:
        """Keep the value under the name, in the format `form`."""
        record = self.keep(name, lambda file: self.write(name, value, file, form), form)
        return ObjectParameter(record.name, record.data_hash, record.size, type(value).__qualname__), record

    def keep(self, name: str, write: Callable[[BinaryIO], object], form: str = "") -> CatalogRecord:
        """Keep what `write` writes in the format `form` as the object of the name."""
        stored = f"{OBJECTS}{quote(name, safe='')}{self.picklers.of_format(form).extension}"
        return self.catalog.put_stream(self.run_id, self.branch, stored, write)

    def name_of(self, stored: str) -> str:
        """The name of the object that the catalog calls `stored`; "" when that is none."""
        if not stored.startswith(OBJECTS):
            return ""
        extension = self.picklers.of_file(stored).extension
        return unquote(stored[len(OBJECTS) : len(stored) - len(extension)]) if stored.endswith(extension) else ""

    def put_file(self, name: str, content: bytes) -> CatalogRecord:
        """Keep a file that is nowhere else."""
        return self.catalog.put_stream(self.run_id, self.branch, name, lambda file: file.write(content))

    def take_over(self, name: str, file: Path, form: str = "") -> tuple[ObjectParameter, CatalogRecord]:
        """Keep the content of a file that another process of the task wrote as the object of the name."""
        from shutil import copyfileobj  # lazy: most objects are made in the process of the step

        with file.open("rb") as source:
            record = self.keep(
                name, lambda target: copyfileobj(source, self._watched(name, target), _BLOCK_BYTES), form
            )
        return ObjectParameter(record.name, record.data_hash, record.size), record

    def loaded(self, parameter: Parameter) -> UserObject:
        """The value of a parameter as python code gets it; of an object the object itself."""
        match parameter:
            case ListParameter(items=items):
                return [self.loaded(item) for item in items]
            case ObjectParameter():
                return self.get(parameter)
            case _:
                return plain(parameter)

    def get(self, reference: ObjectParameter) -> UserObject:
        """Load the object."""
        try:
            return self._load(reference)
        except (AttributeError, ModuleNotFoundError):
            if self.script is None:
                raise
        from magnus.engine.user_code import scripts  # lazy: most classes are in modules

        scripts.module_of(self.script)  # the class is one of the script, which this process has not loaded
        return self._load(reference)

    def content(self, entry: CatalogRecord) -> UserObject:
        """The content of a file of the run: an object, or another file with the extension of a format, as its value; else bytes."""
        pickler = self.picklers.of_file(entry.name)
        if entry.name.endswith(pickler.extension):
            return self.get(ObjectParameter(entry.name, entry.data_hash, entry.size))
        with self.catalog.open(entry.name, entry.data_hash, entry.size) as file:
            return file.read()

    def _load(self, reference: ObjectParameter) -> UserObject:
        with self.catalog.open(reference.catalog_name, reference.data_hash, reference.size) as file:
            return self.picklers.of_file(reference.catalog_name).load(file)

    def _watched(self, name: str, file: BinaryIO) -> BinaryIO:
        if self.masker is None or self.masker.forms is None:
            return file

        message = f"the object '{name}' contains a secret, and objects are kept in the catalog"
        return cast("BinaryIO", WatchedFile(file, self.masker, message))

    def write(self, name: str, value: UserObject, file: BinaryIO, form: str = "") -> None:
        """Write the value in the format `form`; TaskFailed when it cannot be written so, or contains a secret."""
        watched, pickler = self._watched(name, file), self.picklers.of_format(form)
        try:
            pickler.dump(value, watched)
        except (OSError, MagnusError):
            raise
        except Exception as error:
            kind = f"{type(value).__module__}.{type(value).__qualname__}"
            how = f"an object in the format '{form}'" if form else "an object"
            message = f"'{name}', a value of type {kind}, cannot be kept as {how}: {type(error).__name__}: {error}"
            if isinstance(error, PicklingError) and type(value).__module__ in _MAIN:
                message += "; put the class into a module, which all processes can import"
            fix = f"return a value that the format '{form}' holds" if form else "return something that can be pickled"
            raise TaskFailed(message, fix=fix) from error
