"""Files in `<location>/<run id>/.logs`: the output of steps, and the changes of the code."""

import os
from typing import BinaryIO, Final

from magnus.catalogs.file_system.content_store import Content, ContentStore
from magnus.catalogs.file_system.copying import sha256
from magnus.catalogs.file_system.failures import failed
from magnus.catalogs.file_system.folders import OwnFolders, log_file, run_folder
from magnus.graph.path import StepPath
from magnus.system.system_calls import SystemCalls

_CHANGES: Final = "changes.diff"
_LOGS: Final = ".logs"
_APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class LogFiles:
    """The `.logs` of one run."""

    def __init__(self, location: str, run_id: str, system: SystemCalls, *, durable: bool) -> None:
        self._location = location
        self._run_folder = run_folder(run_id)
        self._system = system
        self._durable = durable

    def open(self, path: StepPath) -> BinaryIO:
        """The log of the step, open for appending. CatalogError when it cannot be opened."""
        name = log_file(path)
        try:
            return os.fdopen(self._system.open(f"{self._made_folder()}/{name}", _APPEND, 0o666), "ab")
        except OSError as error:
            raise failed("open the log", name, error) from error

    def read(self, path: StepPath) -> BinaryIO | None:
        """The log of the step, to be read; None when it has none. CatalogError when it cannot be read."""
        name = log_file(path)
        try:
            return open(f"{self._location}/{self._run_folder}/{_LOGS}/{name}", "rb")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise failed("read the log", name, error) from error

    def keep_changes(self, diff: bytes, store: ContentStore) -> None:
        """Keep the diff as `changes.diff`; the same diff of many runs is stored once. CatalogError."""
        content = Content(sha256(diff), len(diff))
        try:
            store.add(content, diff)
            store.link(content, f"{self._made_folder()}/{_CHANGES}")
        except OSError as error:
            raise failed("keep", _CHANGES, error) from error

    def _made_folder(self) -> str:
        folders = OwnFolders(self._location, self._system, durable=self._durable)
        return folders.make((self._run_folder, _LOGS))
