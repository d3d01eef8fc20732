"""The object store of an address, by obstore, which is used here and in `address` and `failures` alone.

The client itself tries again what is safe to try again. What is left is decided here:

- The answer to a write can be lost, and a server can answer 409 or 503 to a write that took place, or that did not.
  The object is read then: with these bytes the write took place.
- A 404 may say that there is no object, or no bucket.
- The threads of the client do not survive a fork.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache, cached_property, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError

from magnus.definition.wrong_fields import WrongFields
from magnus.errors import Problem
from magnus.object_stores.address import Address, ObjectLocation, Patience, address_of, client_of, variables_of
from magnus.object_stores.credentials import missing_credentials
from magnus.object_stores.failures import cause_of, failure
from magnus.object_stores.handover import Handover, first_part
from magnus.object_stores.interface import Cause, ObjectFacts, ObjectStoreFailure
from magnus.system.atomic_files import make_own_folder
from magnus.system.parallel import for_each

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

THREADS: Final = 32
"""Requests wait for the network, so there are more of them at a time than processors."""
_PIECE_BYTES: Final = 4 * 1024 * 1024
_PART_BYTES: Final = 8 * 1024 * 1024
"""S3 takes 10,000 parts: 80 GB."""
_PARTS_AT_A_TIME: Final = 4
_LIST_ITEMS: Final = 1000
_FAILURES: Final = (BaseError, OSError)


class ObstoreObjects:
    """Objects in S3, Google Cloud Storage, Azure Blob Storage or a folder. It connects when it is first used."""

    def __init__(self, location: ObjectLocation, patience: Patience = Patience()) -> None:  # noqa: B008 - it is frozen
        self._location = location
        self._patience = patience
        self._address = address_of(location)
        if location.settings or location.profile or self._address.scheme in {"az", "gs"}:
            self._clients  # noqa: B018 - wrong settings are found now

    def __reduce__(self) -> "tuple[type[ObstoreObjects], tuple[ObjectLocation, Patience]]":
        """In another process it is made again."""
        return ObstoreObjects, (self._location, self._patience)

    @property
    def address(self) -> Address:
        """Where the objects are."""
        return self._address

    @property
    def shown(self) -> str:
        """The address for people."""
        return self._address.shown

    def variables(self) -> Mapping[str, str]:
        """The variables of the environment that the client reads."""
        return variables_of(self._address, os.environ)

    def missing_credentials(self) -> Problem | None:
        """The problem when no request can have credentials, as far as it shows without one."""
        return missing_credentials(self._location, self._address, self.variables(), Path.home())

    def get(self, key: str) -> bytes | None:
        """The content in one piece."""
        try:
            return bytes(obstore.get(self._connected(), self._key(key)).bytes())
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
            return None
        except _FAILURES as error:
            raise failure("read from", self.shown, error) from None

    def get_each(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """Many at a time."""
        return for_each(self.get, keys, threads=THREADS)

    def download(self, key: str, write: Callable[[memoryview], object]) -> bool:
        """One request; the client continues one whose connection breaks, or it fails."""
        try:
            pieces = obstore.get(self._connected("transfer"), self._key(key)).stream(_PIECE_BYTES)
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
            return False
        except _FAILURES as error:
            raise failure("read from", self.shown, error) from None
        for piece in self._pieces(pieces):
            write(memoryview(piece))
        return True

    def _pieces(self, pieces: Iterable[Any]) -> Iterator[Any]:
        """The pieces of an answer; an error of `write` stays what it is."""
        iterator = iter(pieces)
        while True:
            try:
                piece = next(iterator)
            except StopIteration:
                return
            except _FAILURES as error:
                raise failure("read from", self.shown, error) from None
            yield piece

    def head(self, key: str) -> ObjectFacts | None:
        """One request; a missing bucket is a missing object here, as the answer has no body."""
        try:
            return self._facts(obstore.head(self._connected(), self._key(key)))
        except FileNotFoundError:
            return None
        except _FAILURES as error:
            raise failure("read from", self.shown, error) from None

    def put(self, key: str, content: bytes) -> None:
        """One request, tried again while the reason may pass; at the end it is read whether one took place."""
        self._make_folder()
        for _ in self._attempts():
            try:
                obstore.put(self._connected("once"), self._key(key), content, mode="overwrite", use_multipart=False)
            except _FAILURES as error:
                if cause_of(error) is not Cause.UNREACHABLE:
                    raise failure("write to", self.shown, error) from None
                problem = error
            else:
                return
        if not self._holds(key, content):
            raise failure("write to", self.shown, problem)

    def create(self, key: str, content: bytes) -> bool:
        """Create it, try by try: whether the object is the caller's depends on the answers before.

        After any answer but a plain success it is read. While there is none it is created again. The same bytes are the
        caller's if an earlier try may have taken place.
        """
        self._make_folder()
        is_unsure = False
        for _ in self._attempts():
            try:
                obstore.put(self._connected("once"), self._key(key), content, mode="create", use_multipart=False)
            except AlreadyExistsError as error:
                problem: Exception = error
            except _FAILURES as error:
                if cause_of(error) is not Cause.UNREACHABLE:
                    raise failure("write to", self.shown, error) from None
                problem, is_unsure = error, True
            else:
                return True
            if (standing := self.get(key)) is not None:
                return is_unsure and standing == content
        raise failure("write to", self.shown, problem)

    def _attempts(self) -> Iterator[int]:
        """The numbers of the attempts, with a pause before each but the first."""
        for attempt in range(self._patience.tries):
            if attempt:
                time.sleep(min(self._patience.pause * 2 ** (attempt - 1), self._patience.longest_pause))
            yield attempt

    def upload(self, key: str, pieces: Iterable[bytes | memoryview]) -> None:
        """One request where it is small, else parts; the parts of an upload that failed are no object.

        The server may take minutes to put the parts together; if its answer is lost, the caller asks by `head` and
        `download`, as no other than the content itself says that it is whole.
        """
        remaining = iter(pieces)
        first, is_whole = first_part(remaining, _PART_BYTES)
        if is_whole:
            self.put(key, first)
        else:
            self._make_folder()
            self._upload_parts(key, chain((first,), remaining))

    def _upload_parts(self, key: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Pieces are read in this thread, as they may come from the store, whose client reads none while it sends."""
        handover = Handover()
        sends = partial(
            obstore.put,
            self._connected("transfer"),
            self._key(key),
            handover,
            mode="overwrite",
            chunk_size=_PART_BYTES,
            max_concurrency=_PARTS_AT_A_TIME,
        )
        with ThreadPoolExecutor(1) as sender:
            sent = sender.submit(sends)
            try:
                handover.give_all(pieces, sent.done)
            except BaseException as error:
                handover.cancel(error)
                raise
        try:
            sent.result()
        except _FAILURES as error:
            raise failure("write to", self.shown, error) from None

    def list(self, prefix: str) -> Iterator[ObjectFacts]:
        """A thousand at a request."""
        try:
            for page in obstore.list(self._connected(), self._key(prefix), chunk_size=_LIST_ITEMS):
                yield from map(self._facts, page)
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
        except _FAILURES as error:
            raise failure("list", self.shown, error) from None

    def list_direct(self, prefix: str) -> Sequence[ObjectFacts]:
        """Without the objects further below."""
        try:
            listed = obstore.list_with_delimiter(self._connected(), self._key(prefix))
        except FileNotFoundError as error:
            self._refuse_missing_bucket(error)
            return ()
        except _FAILURES as error:
            raise failure("list", self.shown, error) from None
        return [self._facts(each) for each in listed["objects"]]

    def delete(self, keys: Sequence[str]) -> None:
        """One request for each, as not every server takes many in one."""
        for_each(self._delete, keys, threads=THREADS)

    def _delete(self, key: str) -> None:
        try:
            obstore.delete(self._connected(), self._key(key))
        except FileNotFoundError:
            return
        except _FAILURES as error:
            raise failure("delete from", self.shown, error) from None

    def remove_leftovers(
        self, before: datetime, *, folders: Collection[str], is_own: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Remove files of a folder; in clouds a rule of the bucket removes the parts of uploads that ended early."""
        if self._address.folder is not None:
            from magnus.object_stores.staging_files import remove_staging_files  # lazy: pipelines do not need it

            try:
                remove_staging_files(self._address.folder, before, folders=folders, is_own=is_own)
            except OSError as error:
                raise failure("clean up", self.shown, error) from None

    def connect_problem(self) -> Problem | None:
        """What keeps this process from reading there, by one request; nothing is changed."""
        try:
            self.list_direct("magnus-check")
        except ObjectStoreFailure as error:
            return error.problem
        return None

    def _holds(self, key: str, content: bytes) -> bool:
        try:
            return self.get(key) == content
        except ObjectStoreFailure:
            return False

    def _refuse_missing_bucket(self, error: Exception) -> None:
        if cause_of(error) is Cause.NO_BUCKET:
            raise failure("use", self.shown, error) from None

    def _facts(self, meta: Any) -> ObjectFacts:
        key = meta["path"][len(self._prefix) :]
        version = f"{meta['e_tag'] or ''} {meta['version'] or ''}".strip()
        return ObjectFacts(key, meta["size"], version, meta["last_modified"])

    def _key(self, key: str) -> str:
        return self._prefix + key if key else self._prefix.rstrip("/")

    @cached_property
    def _prefix(self) -> str:
        folder = self._address.folder
        prefix = str(folder).lstrip("/") if folder is not None else self._address.prefix
        return f"{prefix}/" if prefix else ""

    def _make_folder(self) -> None:
        if self._address.folder is not None:
            try:
                make_own_folder(self._address.folder)
            except OSError as error:
                raise failure("write to", self.shown, error) from None

    def _connected(self, use: Literal["small", "transfer", "once"] = "small") -> "Client":
        """The client; ObjectStoreFailure in a process that was forked from one that used a client."""
        if _process_of_clients() != os.getpid():
            problem = Problem(
                f"'{self.shown}' cannot be used in this process: it was forked from a process that used an object store",
                "start processes by the methods 'spawn' or 'forkserver' of multiprocessing",
            )
            raise ObjectStoreFailure(Cause.REFUSED, problem)
        try:
            return self._clients[use]
        except WrongFields as error:  # of what the machine lacks: wrong options showed before
            [complaint] = error.complaints
            raise ObjectStoreFailure(Cause.REFUSED, Problem(complaint.message, complaint.fix)) from error

    @cached_property
    def _clients(self) -> "dict[str, Client]":
        """For small objects and whole answers, for large ones, and for requests that are tried again here alone."""
        make = partial(client_of, self._location, self._address, self._patience)
        # without credentials the client asks an address that most networks do not have, and waits for its answer
        retries = 0 if self.missing_credentials() else self._patience.tries - 1
        return {
            "small": make(seconds=self._patience.answer, retries=retries),
            "transfer": make(seconds=self._patience.transfer, retries=retries),
            "once": make(seconds=self._patience.answer, retries=0),
        }


@cache
def _process_of_clients() -> int:
    """The process that first used a client; a forked process inherits the answer with the memory."""
    return os.getpid()
