"""A python source file as blocks at its left margin: what each defines, and what is imported. Nothing is imported or parsed.

Used by `tasks.code_parts`. Every line belongs to a block, so that nothing that changes goes unseen, but for comments at
the left margin and what only runs when the file is a script.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.values import Json

_BLOCK: Final = re.compile(r"^(?=[^\s#)\]}])", re.MULTILINE)
_KEYWORDS: Final = ("def ", "class ", "async def ")
_WORD: Final = re.compile(r"[^\W\d]\w*")
_SCRIPT_ONLY: Final = ("if __name__", "if (__name__")
_QUOTES: Final = ('"', "'", 'r"', "r'")
_MOST_BYTES: Final = 4_000_000
HASH_DIGITS: Final = 12


class Imported(Struct, frozen=True):
    """What a name stands for: a module, or with `attribute` a name in it; `module` may begin with dots."""

    module: str
    attribute: str = ""

    @property
    def inner(self) -> str:
        """The module that is meant where the name is one of a module."""
        if not self.attribute:
            return self.module
        return self.module + self.attribute if self.module.endswith(".") else f"{self.module}.{self.attribute}"


class Block:
    """A piece of source: its text, the words in it, what it imports."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def digest(self) -> str:
        """The beginning of its SHA-256, in hex."""
        return short_hash(self.text.encode("utf-8", "surrogatepass"))

    @cached_property
    def words(self) -> frozenset[str]:
        """Everything in it that may be a name, also in texts and comments."""
        return frozenset(_WORD.findall(self.text))

    @cached_property
    def imports(self) -> Mapping[str, Imported]:
        """What names stand for that it imports."""
        return dict(_imports(self.text)) if "import" in self.text else {}


class Source:
    """A module: its definitions by name, what it imports, and all other statements as one block, which may be empty."""

    def __init__(self, text: str) -> None:
        definitions: dict[str, list[str]] = {}
        imports: list[str] = []
        rest: list[str] = []
        for number, block in enumerate(_blocks(text)):
            if number == 0 and block.startswith(_QUOTES):
                continue  # what the module says of itself
            if name := _defined(block):
                definitions.setdefault(name, []).append(block)
            elif block.startswith(("import ", "from ")):
                imports.append(block)
            elif not block.startswith(_SCRIPT_ONLY):
                rest.append(block)
        self.definitions = {name: Block("\n".join(texts)) for name, texts in definitions.items()}
        self.rest = Block("\n".join(rest))
        listed = [item for block in imports for item in _imports(block)]
        self.imports = dict(listed)
        self.stars = [imported.module for name, imported in listed if name == "*"]

    def known(self, words: frozenset[str]) -> Collection[str]:
        """Those of the words that mean something here, or may."""
        return words if self.stars else words & (self.definitions.keys() | self.imports.keys())


def read(file: Path) -> Source | None:
    """The source in the file; None when it cannot be read, or is too long to be looked through."""
    try:
        status = file.stat()
        return _read(file, status.st_mtime_ns, status.st_size) if status.st_size <= _MOST_BYTES else None
    except OSError:
        return None


@lru_cache(maxsize=256)
def _read(file: Path, modified_ns: int, size: int) -> Source:
    del modified_ns, size  # a file that was changed is another key
    return Source(file.read_bytes().decode("utf-8", "surrogateescape").replace("\r\n", "\n"))


def short_hash(data: bytes) -> str:
    """Enough of a SHA-256 to tell one version of a piece of code from another."""
    return sha256(data, usedforsecurity=False).hexdigest()[:HASH_DIGITS]


def _blocks(text: str) -> Iterable[str]:
    """The blocks, decorators with what they decorate, without the comments and empty lines that follow them."""
    decorators = ""
    for piece in _BLOCK.split(text):
        if piece.startswith("@"):
            decorators += piece
            continue
        block, decorators = decorators + piece, ""
        lines = block.rstrip().split("\n")
        while lines and (lines[-1].startswith("#") or not lines[-1].strip()):
            lines.pop()
        if lines:
            yield "\n".join(lines)


def _defined(block: str) -> str:
    """What a block defines: a function, a class, or a name by an assignment; "" when it is none of these."""
    for line in block.split("\n"):
        if line.startswith(_KEYWORDS):
            return line.partition("(")[0].partition(":")[0].split()[-1]
        if not block.startswith("@"):
            break
    target, equals, value = block.partition("\n")[0].partition("=")
    name = target.partition(":")[0].strip()
    return name if equals and not value.startswith("=") and name.isidentifier() else ""


def _imports(text: str) -> Iterable[tuple[str, Imported]]:
    lines = iter(text.split("\n"))
    for line in lines:
        words = line.strip()
        if words.startswith("import "):
            for name, other in _names(words[len("import ") :]):
                yield other or name.partition(".")[0], Imported(name)
        elif words.startswith("from ") and " import " in words:
            module, _, names = words[len("from ") :].partition(" import ")
            while names.partition("#")[0].rstrip().endswith("\\") or ("(" in names and ")" not in names):
                names = names.partition("#")[0].rstrip(" \\") + next(lines, ")")
            for name, other in _names(names.replace("(", "").replace(")", "")):
                yield other or name, Imported(module.strip(), "" if name == "*" else name)


def _names(listed: str) -> Iterable[tuple[str, str]]:
    """The names of an import statement, each with the one that it goes by, or ""."""
    for item in listed.partition("#")[0].split(","):
        name, _, other = item.strip().partition(" as ")
        if name:
            yield name.strip(), other.strip()


def code_hash(function: Json) -> str:
    """Likewise of a function that is known as an object alone, by what it does and not by where it stands."""
    return short_hash(repr(_code(function.__code__)).encode("utf-8", "surrogatepass"))


def _code(code: Json) -> tuple[Json, ...]:
    constants = tuple(_code(inner) if hasattr(inner, "co_code") else repr(inner) for inner in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants
