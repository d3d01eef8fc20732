"""Removes the folders of runs, removes content that no run refers to, and verifies content.

Used by the file-system catalog. Everything goes out of sight by one rename and is removed then, so that a kill leaves
it there or gone; what a kill left half removed, the next `collect` finishes. Others may put and get meanwhile:

- Content that was put, or put again, within a day is left alone (`ContentStore.claim` sees to that).
- Content that goes is first moved aside. When it was linked to, or put again, since it was looked at, it goes back;
  a put that missed it meanwhile reads its file again (`FilePutter`), a get looks aside, too (`ContentStore.open`).
- One `collect` waits for another, which would take content that this one moved aside for a leftover.
"""

import fcntl
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.catalogs.file_system.content_store import ASIDE, READ, RECENT_NS, YOUNG_NS, Content, ContentStore
from magnus.catalogs.file_system.copying import BLOCK_BYTES, hash_of, sha256
from magnus.catalogs.file_system.failures import failed
from magnus.catalogs.file_system.folders import entries_in, files_below, remove_tree, run_folder
from magnus.errors import CatalogError
from magnus.interfaces.catalog import Collected, Usage
from magnus.run_log.records import CatalogRecord
from magnus.system.atomic_files import make_own_folder
from magnus.system.parallel import for_each
from magnus.system.system_calls import SystemCalls

_GONE: Final = "gone-"
_LOCK: Final = "collecting"
_FIRST_DIGITS: Final = 2
_HASH_DIGITS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")

_MISSING: Final = "missing"
_DAMAGED: Final = "damaged"


class _File(Struct, frozen=True):
    """A stored file: where it is, its name without folders (the whole hash), and its status."""

    path: str
    name: str
    status: os.stat_result

    @property
    def data_hash(self) -> str:
        return self.name[:_HASH_DIGITS]


class Maintenance:
    """Looks after one catalog."""

    def __init__(self, location: str, system: SystemCalls) -> None:
        self._location = location
        self._store = f"{location}/.store"
        self._temporary = f"{self._store}/tmp"  # noqa: S108 - below the catalog
        self._marks = f"{self._store}/removed"
        self._system = system

    def usage(self, run_id: str) -> Usage | None:
        """The files in the folder of the run."""
        folder = self._folder(run_id)
        with _failing("look at", folder):
            if not os.path.lexists(folder):
                return None
            sizes = [status.st_size for _, status in files_below(folder)]
        return Usage(len(sizes), sum(sizes))

    def remove_run(self, run_id: str) -> None:
        """Leave a mark, move the folder of the run out of sight, and remove it."""
        folder = self._folder(run_id)
        with _failing("remove", folder):
            is_marked = self._has_marked(run_id)
            removed = f"{self._temporary}/{_GONE}{os.getpid()}-{os.urandom(6).hex()}"
            if not os.path.isdir(self._temporary):
                removed = f"{self._store}/{_GONE}{os.getpid()}"
            with suppress(FileNotFoundError):
                self._system.replace(folder, removed)
                remove_tree(removed)
            if not is_marked:  # now there is room
                self._has_marked(run_id)

    def _has_marked(self, run_id: str) -> bool:
        """Leave a mark; False when the disk is too full for it."""
        try:
            make_own_folder(self._location)
            Path(self._temporary).mkdir(parents=True, exist_ok=True)
            Path(self._marks).mkdir(exist_ok=True)
            Path(self._mark(run_id)).touch()
        except OSError as error:
            if error.errno not in {ENOSPC, EDQUOT}:
                raise
            return False
        return True

    def was_removed(self, run_id: str) -> bool:
        """Whether there is a mark, and no folder."""
        return os.path.lexists(self._mark(run_id)) and not os.path.lexists(self._folder(run_id))

    def collect(
        self,
        referred: frozenset[str],
        run_ids: Collection[str],
        *,
        without: Collection[str],
        pretend: bool,
        is_quiet: Callable[[], bool] | None = None,
    ) -> Collected:
        """Remove content that no run needs, and leftovers of earlier removals and dead processes."""
        age = YOUNG_NS if is_quiet is None else RECENT_NS
        with _failing("clean up", self._location), nullcontext() if pretend else self._alone():
            if not pretend:
                self._finish_earlier(run_ids)
            needed = {*referred, *self._copied_by_strangers(run_ids)}
            links = self._links(without)
            removed, young = Counter[str](), Counter[str]()
            aside: list[_File] = []
            for file in self._contents():
                if file.data_hash not in needed and file.status.st_nlink - links.get(file.status.st_ino, 0) <= 1:
                    if not self._is_old(file.status, age):
                        young.update(files=1, size=file.status.st_size)
                    elif pretend:
                        removed.update(files=1, size=file.status.st_size)
                    elif self._is_aside(file, age):
                        if is_quiet is None:
                            self._system.unlink(self._aside(file))
                            removed.update(files=1, size=file.status.st_size)
                        else:
                            aside.append(file)
            if is_quiet is not None and aside:
                (removed if self._ended(aside, goes=is_quiet()) else young).update(
                    files=len(aside), size=sum(file.status.st_size for file in aside)
                )
        return Collected(Usage(removed["files"], removed["size"]), Usage(young["files"], young["size"]))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no other process cleans up; where no lock can be had, such as on some network file systems, do not."""
        with ExitStack() as opened:
            with suppress(OSError):
                lock = os.open(f"{self._store}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
                opened.callback(os.close, lock)
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _ended(self, aside: Collection[_File], *, goes: bool) -> bool:
        """Remove content that is out of sight, or put it back; whether it went."""
        for file in aside:
            if goes:
                self._system.unlink(self._aside(file))
            else:
                self._put_back(self._aside(file), file.path)
        return goes

    def _aside(self, file: _File) -> str:
        return f"{self._temporary}/{ASIDE}{file.name}"

    def _is_aside(self, file: _File, age: int) -> bool:
        """Move the content out of sight, unless a put or a run needs it by now."""
        aside = self._aside(file)
        Path(self._temporary).mkdir(exist_ok=True)
        try:
            self._system.replace(file.path, aside)
            status = os.lstat(aside)
        except FileNotFoundError:
            return False
        if status.st_nlink > 1 or not self._is_old(status, age):
            self._put_back(aside, file.path)
            return False
        return True

    def _put_back(self, aside: str, path: str) -> None:
        """Rename to its place, unless the same content is there again, which another process may be linking to."""
        with suppress(FileNotFoundError):
            try:
                self._system.link(aside, path)
            except FileExistsError:
                pass
            except OSError:  # no hard links here
                self._system.replace(aside, path)
            with suppress(FileNotFoundError):
                self._system.unlink(aside)

    def _is_old(self, status: os.stat_result, age: int = YOUNG_NS) -> bool:
        return self._system.now() - status.st_mtime_ns > age

    def _finish_earlier(self, run_ids: Collection[str]) -> None:
        """Put content back that a dead process moved aside, and remove folders that it was removing."""
        for entry in entries_in(self._temporary):
            if entry.name.startswith(ASIDE):
                name = entry.name.removeprefix(ASIDE)
                self._put_back(entry.path, f"{self._store}/{name[:_FIRST_DIGITS]}/{name[_FIRST_DIGITS:]}")
            elif entry.name.startswith(_GONE) or self._is_left_over(entry):
                remove_tree(entry.path)
        listed_folders = {run_folder(run_id) for run_id in run_ids}
        for entry in entries_in(self._marks):
            if entry.name not in listed_folders:
                with suppress(FileNotFoundError):
                    self._system.unlink(entry.path)

    def _is_left_over(self, entry: "os.DirEntry[str]") -> bool:
        """Whether nobody has written to it for a day."""
        with suppress(FileNotFoundError):
            return self._is_old(entry.stat(follow_symlinks=False))
        return False

    def _contents(self) -> Iterator[_File]:
        for folder in entries_in(self._store):
            if len(folder.name) == _FIRST_DIGITS and folder.is_dir(follow_symlinks=False):
                for entry in entries_in(folder.path):
                    name = folder.name + entry.name
                    digits = name.removesuffix(".x")
                    if len(digits) == _HASH_DIGITS and _HEX.issuperset(digits):
                        with suppress(FileNotFoundError):
                            status = entry.stat(follow_symlinks=False)
                            if stat.S_ISREG(status.st_mode):
                                yield _File(entry.path, name, status)

    def _links(self, run_ids: Collection[str]) -> Mapping[int, int]:
        """How many links to a file are in the folders of these runs, by its inode."""
        return Counter(status.st_ino for run_id in run_ids for _, status in files_below(self._folder(run_id)))

    def _copied_by_strangers(self, run_ids: Collection[str]) -> Iterator[str]:
        """The hashes of files of runs that have no records: where there are hard links, none has to be looked for."""
        listed_folders = {run_folder(run_id) for run_id in run_ids}
        for entry in entries_in(self._location):
            if not entry.name.startswith(".") and entry.name not in listed_folders:
                for path, status in files_below(entry.path):
                    if status.st_nlink == 1 and not path.startswith(f"{entry.path}/.logs/"):
                        yield self._hash(path)

    def _hash(self, path: str) -> str:
        descriptor = self._system.open(path, READ, 0)
        try:
            return hash_of(descriptor, self._system)[0]
        finally:
            os.close(descriptor)

    def _folder(self, run_id: str) -> str:
        return f"{self._location}/{run_folder(run_id)}"

    def _mark(self, run_id: str) -> str:
        return f"{self._marks}/{run_folder(run_id)}"


@contextmanager
def _failing(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise failed(verb, error.filename or name, error) from error


def problems_of(entries: Sequence[CatalogRecord], store: ContentStore, system: SystemCalls) -> list[str]:
    """The problem with the content of each entry; "" when it is whole. Content of several entries is read once."""

    def problem_of(key: tuple[str, int]) -> str:
        data_hash, size = key
        stored = [_problem_of(Content(data_hash, size, executable), store, system) for executable in (False, True)]
        present = [problem for problem in stored if problem != _MISSING]
        return max(present) if present else _MISSING

    keys = tuple(dict.fromkeys((entry.data_hash, entry.size) for entry in entries))
    problems = dict(zip(keys, for_each(problem_of, keys), strict=True))
    return [problems[entry.data_hash, entry.size] for entry in entries]


def _problem_of(content: Content, store: ContentStore, system: SystemCalls) -> str:
    try:
        descriptor = store.open(content)
    except FileNotFoundError:
        return _MISSING
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except CatalogError as error:
        return f"unreadable: {error.problems[0].message}"
    try:
        return "" if _hash_within(descriptor, content.size, system) == content.data_hash else _DAMAGED
    except OSError as error:
        return f"unreadable: {error.strerror}"
    finally:
        os.close(descriptor)


def _hash_within(descriptor: int, size: int, system: SystemCalls) -> str:
    """The SHA-256 of the file, or of so much more of it than it should hold that it is certainly another."""
    if size <= BLOCK_BYTES:
        return sha256(system.read(descriptor, size + 1))
    return hash_of(descriptor, system)[0]
