"""The objects of a run, as task kinds see them: kept in the catalog, known by reference."""

from typing import Protocol

from magnus.run_log.parameters import ObjectParameter
from magnus.run_log.records import CatalogRecord
from magnus.values import UserObject

__all__ = ["Objects"]


class Objects(Protocol):
    """Keeps and loads objects for one step. It can be pickled: a step with a timeout runs in a child process."""

    def put(self, name: str, value: UserObject, form: str = "") -> tuple[ObjectParameter, CatalogRecord]:
        """Keep the value as the object `name` of the branch; TaskFailed when it cannot be kept.

        `form` is the format, the name of a pickler; that of the configuration for "".
        """
        ...

    def put_file(self, name: str, content: bytes) -> CatalogRecord:
        """Keep the content as the file `name` of the branch, as a step that put it would have."""
        ...

    def get(self, reference: ObjectParameter) -> UserObject:
        """The value of the object, a new one each time; TaskFailed when it cannot be loaded."""
        ...
