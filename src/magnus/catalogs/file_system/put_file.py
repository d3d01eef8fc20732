"""Puts one file into the catalog: it is read once, stored once, and linked into the tree of the run.

Used by the file-system catalog, which does it for many files at a time.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from magnus.catalogs.file_system.content_store import READ, YOUNG_NS, Content, ContentStore
from magnus.catalogs.file_system.copying import BLOCK_BYTES, copy_hashing, hash_of, sha256
from magnus.catalogs.file_system.failures import Changed, changed, failed, shown
from magnus.catalogs.file_system.folders import UserFolder, remove_tree
from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.catalogs.file_system.run_tree import RunTree
from magnus.errors import CatalogError
from magnus.system.parallel import for_each
from magnus.system.system_calls import SystemCalls

_MANY: Final = 32
"""So many files at once get their names in a tree apart; of fewer each is linked."""


class FilePutter:
    """Puts files of one folder, once. With `store_copy` false it only hashes them."""

    def __init__(
        self,
        folder: UserFolder,
        store: ContentStore,
        tree: RunTree,
        hashes: HashCache,
        system: SystemCalls,
        *,
        unchanged: Mapping[str, str],
        store_copy: bool,
    ) -> None:
        self._folder = folder
        self._store = store
        self._tree = tree
        self._hashes = hashes
        self._system = system
        self._unchanged = unchanged
        self._store_copy = store_copy
        self._tree_is_apart = False

    def put(self, names: Sequence[str]) -> list[Content | None]:
        """Keep the files; None for each that is unchanged. CatalogError when one cannot be read or kept, or changes.

        Many files get their names in a tree apart, where a small one is made in its place, as nobody reads it meanwhile.
        A put that is killed leaves it in the folder of temporary files.
        """
        is_many = len(names) >= _MANY and len(set(names)) == len(names)
        if not is_many or not self._store_copy or self._store.durable:
            return for_each(self._put, names)
        tree, start = self._tree, self._system.now()
        try:
            root = self._store.new_place()
            self._tree, self._tree_is_apart = tree.apart(root), True
            try:
                contents = for_each(self._put, names)
                tree.merge(self._tree, self._store.move)
            finally:
                remove_tree(root)
            if self._system.now() - start > YOUNG_NS // 2:
                self._link_again(tree, dict(zip(names, contents, strict=True)))
        except OSError as error:
            raise failed("keep", names[0], error) from error
        return contents

    def _link_again(self, tree: RunTree, contents: Mapping[str, Content | None]) -> None:
        """Link all files into the tree, since a clean-up may have taken a tree apart that is old for one of a dead process."""
        for name, content in contents.items():
            if content is not None:
                tree.put(name, partial(self._store.link, content))

    def _put(self, name: str) -> Content | None:
        """Keep the file; None when it is unchanged. CatalogError when it cannot be read or kept, or changes."""
        try:
            content, is_named = self._content(name)
            if content.data_hash == self._unchanged.get(name):
                return None
            if self._store_copy and not is_named:
                content = self._linked(name, content)
        except OSError as error:
            raise failed("keep", name, error) from error
        return content

    def _linked(self, name: str, content: Content) -> Content:
        """Link the content into the tree of the run; where it was just removed, as nobody needed it, it is read again."""
        try:
            self._tree.put(name, partial(self._store.link, content))
        except FileNotFoundError:
            if self._store.holds(content):
                raise
            content, is_named = self._content(name)
            if not is_named:
                self._tree.put(name, partial(self._store.link, content))
        return content

    def _content(self, name: str) -> tuple[Content, bool]:
        """The content of the file; it is stored then, unless it is unchanged or `store_copy` is false.

        Also whether the tree has the file already.
        """
        path, status = resolved(self._folder, name)
        if data_hash := self._hashes.find(path, status):
            remembered = Content(data_hash, status.st_size, bool(status.st_mode & 0o100))
            if self._need_no_copy(name, remembered):
                return remembered, False
        with suppress(Changed):
            return self._read(name, path, status)
        try:
            return self._read(name, path, None)
        except Changed:
            raise changed(name) from None

    def _need_no_copy(self, name: str, content: Content) -> bool:
        return not self._store_copy or content.data_hash == self._unchanged.get(name) or self._store.claim(content)

    def _is_probably_there(self, name: str, content: Content) -> bool:
        return content.data_hash == self._unchanged.get(name) or self._store.holds(content)

    def _read(self, name: str, path: str, status: os.stat_result | None) -> tuple[Content, bool]:
        """Likewise, by reading; Changed when the file is not as in `status`, or as it is once open, by the end."""
        descriptor = self._system.open(path, READ, 0)
        try:
            if status is None:
                status = os.fstat(descriptor)
                refuse_special(name, status)
            read_at = self._system.now()
            if status.st_size <= BLOCK_BYTES:
                content, is_named = self._read_small(name, descriptor, status)
            else:
                content, is_named = self._read_large(name, path, descriptor, status), False
        finally:
            os.close(descriptor)
        self._hashes.remember(path, status, content.data_hash, read_at=read_at)
        return content, is_named

    def _read_small(self, name: str, descriptor: int, status: os.stat_result) -> tuple[Content, bool]:
        data = self._system.read(descriptor, status.st_size + 1)
        refuse_changed(descriptor, status, len(data))
        content = Content(sha256(data), len(data), bool(status.st_mode & 0o100))
        if not self._store_copy or content.data_hash == self._unchanged.get(name):
            return content, False
        if self._tree_is_apart:
            self._tree.put(name, partial(self._store.add_at, content, data))
        else:
            self._store.add(content, data)
        return content, self._tree_is_apart

    def _read_large(self, name: str, path: str, descriptor: int, status: os.stat_result) -> Content:
        """Content that is probably there is only hashed, so that nothing is written when it is."""
        executable = bool(status.st_mode & 0o100)
        guess = self._unchanged.get(name) or self._hashes.guess(path, status.st_size)
        if not self._store_copy or (
            guess and self._is_probably_there(name, Content(guess, status.st_size, executable))
        ):
            data_hash, size = hash_of(descriptor, self._system)
            refuse_changed(descriptor, status, size)
            content = Content(data_hash, size, executable)
            if self._need_no_copy(name, content):
                return content
            os.lseek(descriptor, 0, os.SEEK_SET)
        return self._copy(descriptor, status, executable=executable)

    def _copy(self, descriptor: int, status: os.stat_result, *, executable: bool) -> Content:
        with self._store.receive(executable=executable) as (temporary, target):
            data_hash, size = copy_hashing(descriptor, target, self._system)
            refuse_changed(descriptor, status, size)
            content = Content(data_hash, size, executable)
            if not self._store.claim(content):
                self._store.adopt(temporary, target, content)
        return content


def resolved(folder: UserFolder, name: str) -> tuple[str, os.stat_result]:
    """The path of the file without links, and its status; CatalogError when it is no file of the folder."""
    path = folder.place(name)
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        path = folder.behind_link(name, path)
        status = os.lstat(path)
    refuse_special(name, status)
    return path, status


def refuse_special(name: str, status: os.stat_result) -> None:
    """CatalogError when it is a folder, a pipe or the like."""
    if stat.S_ISREG(status.st_mode):
        return
    if stat.S_ISDIR(status.st_mode):
        raise CatalogError(f"the catalog cannot keep {shown(name)}: it is a folder", fix="name the files in it")
    raise CatalogError(f"the catalog cannot keep {shown(name)}: it is a pipe, a socket or a device")


def refuse_changed(descriptor: int, before: os.stat_result, size: int) -> None:
    """Raise Changed when the file changed since before it was read; one that was replaced by another is as it was."""
    after = os.fstat(descriptor)
    is_replaced = after.st_nlink < before.st_nlink  # which sets the time of its status
    is_untouched = after.st_mtime_ns == before.st_mtime_ns and (is_replaced or after.st_ctime_ns == before.st_ctime_ns)
    if not is_untouched or after.st_ino != before.st_ino or size != before.st_size or after.st_size != before.st_size:
        raise Changed
