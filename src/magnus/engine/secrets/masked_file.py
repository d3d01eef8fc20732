"""A file to write to that takes no secret. Used by `engine.files.objects`, for what it cannot look through otherwise."""

import io
from typing import Any, BinaryIO

from magnus.engine.secrets.masking import Masker
from magnus.errors import TaskFailed


class WatchedFile(io.RawIOBase):
    """Hands on what is written; raises TaskFailed with `message` instead, once a secret that `masker` knows is in it."""

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
