"""Files and values of a run by name, as they were: objects, and files with the extension of a format. Used by `step_objects`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from magnus.engine.files.objects import StepObjects
from magnus.errors import CatalogError, DamagedContent
from magnus.interfaces.catalog import ReadsLogs
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import ObjectParameter, Parameter
from magnus.run_log.records import CatalogRecord, StepRecord
from magnus.suggest import near
from magnus.values import Json, UserObject

ValueT = TypeVar("ValueT")


class RunSource(Protocol):
    """The places from which the steps of a run are read."""

    run_id: str
    store: RunLogStore
    working_directory: Path
    logs: Callable[[], ReadsLogs]
    objects: Callable[[], StepObjects]

    @property
    def is_over(self) -> bool:
        """Whether the run can get no more records."""


class Artifact:
    """A file in the catalog.

    Attributes:
        name: relative to the folder it was put from.
        data_hash: SHA-256 of its content, in hex.
        size: in bytes.
    """

    def __init__(self, record: CatalogRecord, run: RunSource) -> None:
        self.name = record.name
        self.data_hash = record.data_hash
        self.size = record.size
        self._record = record
        self._objects = run.objects
        self._place = run.working_directory / record.catalog_handler_location / record.catalog_relative_path

    def load(self) -> UserObject:
        """The object that was put; of a file with the extension of a format (`.json`, `.parquet`) its value, else bytes.

        Raises CatalogError if the content is missing, and DamagedContent if it has changed.
        """
        return self._objects().content(self._record)

    def path(self) -> Path:
        """The read-only file in the catalog, for catalogs that are folders.

        Raises CatalogError if it is missing, and DamagedContent if it has other content.
        """
        import hashlib  # lazy: most programs ask for no file

        if "://" in self._record.catalog_handler_location:
            message = f"the file '{self.name}' is in '{self._record.catalog_handler_location}' and in no folder"
            raise CatalogError(message, fix="read it with load()")
        try:
            with self._place.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CatalogError(f"the file '{self.name}' is not at '{self._place}': {error.strerror}") from error
        if digest != self.data_hash:
            message = f"'{self._place}' is damaged: it does not have the SHA-256 {self.data_hash} of '{self.name}'"
            raise DamagedContent(message, fix="run the step that puts it again (magnus retry)")
        return self._place

    def __repr__(self) -> str:
        return f"<Artifact '{self.name}' {self.data_hash[:12]}>"


class NoSuchName(KeyError):
    """No value has this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class SuggestingDict(dict[str, ValueT]):
    """Values by name, called `what` in messages; `also` has more names for some of them, which are not listed."""

    def __init__(self, what: str, values: Mapping[str, ValueT], also: Mapping[str, str] | None = None) -> None:
        super().__init__(values)
        self._what = what
        self._also = also or {}

    def __missing__(self, key: object) -> ValueT:
        name = str(key)
        if name in self:
            return self[name]
        if name in self._also:
            return self[self._also[name]]
        match = near(name, (*self._also, *self))
        listed = ", ".join(f"'{name}'" for name in list(self._also or self)[:10])
        there = f"there are {listed}{' and more' if len(self) > 10 else ''}" if self else "there is none"
        raise NoSuchName(f"there is no {self._what} '{name}'; " + (f"did you mean '{match}'?" if match else there))


class Inputs(SuggestingDict[Json]):
    """The parameters that a step received. Of an object the run log has a reference; the object is loaded when it is taken."""

    def __init__(self, values: Mapping[str, Json], record: StepRecord, run: RunSource) -> None:
        super().__init__("parameter", values)
        self._sizes = {(entry.name, entry.data_hash): entry.size for entry in record.catalog}
        self._run = run

    def __getitem__(self, name: str) -> UserObject:
        return self._loaded(super().__getitem__(name))

    def get(self, name: str, default: UserObject = None) -> UserObject:
        """The value, or the default."""
        return self[name] if name in self else default  # noqa: SIM401 - this is get

    def values(self) -> Sequence[UserObject]:  # type: ignore[override]  # objects are loaded once
        """The values, with all objects loaded."""
        return [self[name] for name in self]

    def items(self) -> Sequence[tuple[str, UserObject]]:  # type: ignore[override]  # as above
        """The names with the values, with all objects loaded."""
        return [(name, self[name]) for name in self]

    def _loaded(self, value: Json) -> UserObject:
        match value:
            case {"object": str(name), "data_hash": str(data_hash)} if (name, data_hash) in self._sizes:
                return self._run.objects().get(ObjectParameter(name, data_hash, self._sizes[name, data_hash]))
            case list():
                return [self._loaded(item) for item in value]
            case _:
                return value


def loaded(name: str, values: Mapping[str, Parameter], artifacts: Mapping[str, Artifact], run: RunSource) -> UserObject:
    """The parameter or the artifact of this name."""
    if name in values:
        return run.objects().loaded(values[name])
    if name in artifacts:
        return artifacts[name].load()
    return SuggestingDict[UserObject]("parameter or artifact", {**values, **artifacts})[name]
