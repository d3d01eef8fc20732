"""The archive of exported runs: a tar with members of few names in one order, which ends with a digest of all of them.

The same runs give the same bytes: members have no times and no owners. The reader takes what the writer makes and nothing
else, so no member can be a link or a device, have another place, or claim more bytes than the file has.
"""

import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import TYPE_CHECKING, BinaryIO, Final

from msgspec import Struct

from magnus.errors import InvalidInput
from magnus.run_log.json_bytes import from_bytes, to_bytes
from magnus.values import Json

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

HEAD: Final = "magnus-export.json"
END: Final = "end.json"
FORMAT: Final = 1
LONGEST_LINE_BYTES: Final = 1 << 28
"""Records and lists of an archive have shorter lines; the reader holds one in memory."""
_MODE: Final = 0o644
_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE_BYTES: Final = 1 << 20
_NAME: Final = re.compile(
    r"(?P<head>magnus-export\.json)|runs/(?P<run>\d{1,9})/(?:(?P<records>records)\.jsonl|(?P<logs>logs)\.jsonl"
    r"|logs/(?P<log>\d{1,9}))|contents/(?P<content>[0-9a-f]{64})|(?P<end>end\.json)"
)


class Member(Struct, frozen=True):
    """A file in the archive; `offset` is where its bytes start."""

    name: str
    size: int
    offset: int

    @property
    def place(self) -> tuple[str, int, str]:
        """What it is, the number of its run, and the number or the content hash that its name ends with."""
        match = _NAME.fullmatch(self.name)
        assert match is not None
        kind = match.lastgroup if match["run"] is None else next(k for k in ("records", "logs", "log") if match[k])
        return kind or "", int(match["run"] or 0), match["log"] or match["content"] or ""

    @property
    def order(self) -> tuple[int, int, int, int, str]:
        """Members are sorted by this."""
        kind, run, last = self.place
        first = {HEAD: 0, "content": 2, END: 3}.get(self.name if kind in {"head", "end"} else kind, 1)
        number = int(last) if kind == "log" else 0
        return first, run, ("records", "logs", "log").index(kind) if first == 1 else 0, number, last


class ArchiveWriter:
    """Gives the bytes of an archive, member by member."""

    def __init__(self) -> None:
        self._digest = sha256()

    def member(self, name: str, size: int, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The bytes of a member; ValueError if the pieces are not of this size."""
        yield _header(name, size)
        written, content = 0, sha256()
        for piece in pieces:
            written += len(piece)
            content.update(piece)
            yield piece
        if written != size:
            message = f"'{name}' has {written} bytes, not {size}"
            raise ValueError(message)
        self._digest.update(_line(name, size, content.hexdigest()))
        yield bytes(-size % _BLOCK)

    def json(self, name: str, value: Json) -> Iterator[bytes]:
        """A member of one JSON value."""
        content = to_bytes(value)
        yield from self.member(name, len(content), [content])

    def end(self, more: dict[str, Json]) -> Iterator[bytes]:
        """The last member, with the digest, and the end of the tar."""
        yield from self.json(END, {**more, "digest": self._digest.hexdigest()})
        yield bytes(2 * _BLOCK)


class ArchiveReader:
    """Reads an archive that may be anything; every method raises InvalidInput if it is not what the writer makes."""

    def __init__(self, file: BinaryIO, shown: str) -> None:
        self._file = file
        self._shown = shown
        self._size = os.fstat(file.fileno()).st_size
        self._digest = sha256()

    def members(self) -> Iterator[tuple[Member, Iterator[bytes]]]:
        """Each member with its pieces, which are read to the end in any case; the last one says whether all are whole."""
        offset, before = 0, (-1, 0, 0, 0, "")
        while True:
            member = self._member(offset)
            if member.order <= before:
                raise self.wrong(f"its members are not in order: '{member.name}'")
            before = member.order
            digest, content = self._digest.hexdigest(), sha256()
            pieces = self._hashed(member, content)
            if member.name == END:
                self._check_end(member, b"".join(pieces) if member.size < LONGEST_LINE_BYTES else b"", digest)
                yield member, self.pieces(member)
                return
            yield member, pieces
            for _ in pieces:
                pass
            data_hash = content.hexdigest()
            if member.place[0] == "content" and member.place[2] != data_hash:
                raise self.wrong(f"'{member.name}' has another content hash")
            self._digest.update(_line(member.name, member.size, data_hash))
            offset = member.offset + member.size
            padding = -offset % _BLOCK
            self._file.seek(offset)
            if self._file.read(padding) != bytes(padding):
                raise self.wrong(f"'{member.name}' in it is damaged")
            offset += padding

    def pieces(self, member: Member) -> Iterator[bytes]:
        """The bytes of a member."""
        self._file.seek(member.offset)
        left, at = member.size, member.offset
        while left:
            self._file.seek(at)
            piece = self._file.read(min(left, _PIECE_BYTES))
            if not piece:
                raise self.wrong("it is cut off")
            left, at = left - len(piece), at + len(piece)
            yield piece

    def lines(self, pieces: Iterable[bytes]) -> Iterator[Json]:
        """The JSON values of lines."""
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LONGEST_LINE_BYTES:
                raise self.wrong("a record is too large")
            yield from map(self.value, lines)
        if rest:
            raise self.wrong("a list in it does not end with a line")

    def value(self, text: bytes) -> Json:
        """The JSON value."""
        try:
            return from_bytes(text)
        except (ValueError, RecursionError):
            raise self.wrong("it holds a line that is no JSON") from None

    def wrong(self, why: str) -> InvalidInput:
        """The error of an archive that cannot be used."""
        fix = "export the runs again, and see that the file is copied whole"
        return InvalidInput(f"'{self._shown}' is no whole export of runs: {why}", fix=fix)

    def _hashed(self, member: Member, content: "Hash") -> Iterator[bytes]:
        for piece in self.pieces(member):
            content.update(piece)
            yield piece

    def _member(self, offset: int) -> Member:
        self._file.seek(offset)
        header = self._file.read(_BLOCK)
        try:
            info = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
            raise self.wrong("it is cut off" if len(header) < _BLOCK else "it is no tar, or is damaged") from None
        if info.type != tarfile.REGTYPE or info.linkname or not _NAME.fullmatch(info.name):
            name = "".join(each if each.isprintable() else "?" for each in info.name[:80])
            raise self.wrong(f"'{name}' is no member of one")
        start = offset + _BLOCK
        if not 0 <= info.size <= self._size - start:
            raise self.wrong("it is cut off")
        if header != _header(info.name, info.size):
            raise self.wrong(f"the header of '{info.name}' is of another program, or is damaged")
        return Member(info.name, info.size, start)

    def _check_end(self, member: Member, content: bytes, digest: str) -> None:
        value = self.value(content)
        if not isinstance(value, dict) or value.get("digest") != digest:
            raise self.wrong("its digest is wrong")
        rest = self._size - member.offset - member.size
        self._file.seek(member.offset + member.size)
        if rest != -member.size % _BLOCK + 2 * _BLOCK or self._file.read(rest).strip(b"\0"):
            raise self.wrong("bytes follow its end, or are missing there")


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = _MODE
    return info.tobuf(tarfile.GNU_FORMAT)


def _line(name: str, size: int, data_hash: str) -> bytes:
    return f"{name} {size} {data_hash}\n".encode()
