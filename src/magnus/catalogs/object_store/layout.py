"""The keys of the catalog and the texts of its small objects. Pure.

    content/<2 digits>/<62 digits>         content, by its SHA-256
    versions/<hash>                        the version of a large content that is whole
    files/<run>/<branch and list>          the files of one put
    logs/<run>/<step>/<number>             pieces of the captured output of a step
    removed/<run>                          says that the files of the run were removed
    recent/<hash>                          content that is no file of a run, or of a removed run, and too young to go
    collecting/<random>                    content that a clean-up is about to remove

All keys are below `.catalog`, so that a run log store can have the same URL.
"""

import json
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct

from magnus.graph.path import BranchPath, StepPath
from magnus.object_stores import keys

TOP: Final = ".catalog"
CONTENT: Final = f"{TOP}/content"
COLLECTING: Final = f"{TOP}/collecting"
FILES: Final = f"{TOP}/files"
RECENT: Final = f"{TOP}/recent"
REMOVED: Final = f"{TOP}/removed"
_FIRST_DIGITS: Final = 2
_HASH_DIGITS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_SHORT: Final = 32


class ListedFile(Struct, frozen=True):
    """A file in the list of a put: its name, and the SHA-256 (hex) and the size (bytes) of its content."""

    name: str
    data_hash: str
    size: int


def content(data_hash: str) -> str:
    """The content with this SHA-256 (hex)."""
    return f"{CONTENT}/{data_hash[:_FIRST_DIGITS]}/{data_hash[_FIRST_DIGITS:]}"


def hash_of(key: str) -> str:
    """The SHA-256 of the content with this key; "" when it is none."""
    digits = key.removeprefix(f"{CONTENT}/").replace("/", "", 1)
    return digits if len(digits) == _HASH_DIGITS and _HEX.issuperset(digits) else ""


def version(data_hash: str) -> str:
    """Where the version of a large content is."""
    return f"{TOP}/versions/{data_hash}"


def files(run_id: str) -> str:
    """Above the lists of the files of the run."""
    return f"{FILES}/{keys.part(run_id)}"


def run_part(key: str) -> str:
    """The part of the key of a list that stands for its run."""
    return key.removeprefix(f"{FILES}/").partition("/")[0]


def branch_and_list(branch: BranchPath, files: Sequence[ListedFile]) -> str:
    """The last part of the key of a list: the same files of a branch have the same."""
    names = json.dumps([[file.name, file.data_hash] for file in files])
    return f"{_short(str(branch))}-{_short(names)}"


def logs(run_id: str) -> str:
    """Above the pieces of the output of all steps of the run."""
    return f"{TOP}/logs/{keys.part(run_id)}"


def log(run_id: str, path: StepPath) -> str:
    """Above the pieces of the output of a step."""
    return f"{logs(run_id)}/{sha256(str(path).encode('utf-8', 'surrogatepass')).hexdigest()}"


def removed(run_id: str) -> str:
    """The mark of a run whose files were removed."""
    return f"{REMOVED}/{keys.part(run_id)}"


def list_to_bytes(branch: BranchPath, files: Sequence[ListedFile]) -> bytes:
    """The list of the files of one put, with a checksum."""
    return _sealed({"branch": str(branch), "files": [[file.name, file.data_hash, file.size] for file in files]})


def list_from_bytes(data: bytes) -> tuple[str, Sequence[ListedFile]]:
    """The branch (as text) and the files; ValueError when the list is damaged."""
    document = _opened(data)
    return document["branch"], [ListedFile(*file) for file in document["files"]]


def hashes_to_bytes(hashes: Collection[str]) -> bytes:
    """The hashes of contents, with a checksum."""
    return _sealed({"hashes": sorted(hashes)})


def hashes_from_bytes(data: bytes) -> frozenset[str]:
    """The hashes; ValueError when the text is damaged."""
    return frozenset(_opened(data)["hashes"])


def _sealed(document: object) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    return b"%s\n%s\n" % (sha256(text).hexdigest().encode(), text)


def _opened(data: bytes) -> dict[str, Any]:
    checksum, _, text = data.rstrip(b"\n").partition(b"\n")
    if checksum != sha256(text).hexdigest().encode():
        raise ValueError("the checksum differs")
    document: dict[str, Any] = json.loads(text)
    return document


def _short(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_SHORT]
