"""The files of a project that a shell command names: scripts, the scripts these name, and modules run by `python -m`."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from magnus.tasks.code.digest import short_hash
from magnus.tasks.code.reach import Reach

_WORD: Final = re.compile(r"[^\s;&|<>()'\"$`={}]+")
_OUTPUT: Final = re.compile(r">>?[ \t]*[^\s;&|<>()]+")
_MAKE: Final = re.compile(r"(?:^|[\s;&|(])make\b")
_MODULE: Final = re.compile(r"(?:^|[\s/])python[\d.]*[ \t]+(?:-[A-Za-z]+[ \t]+)*?-m[ \t]+([A-Za-z_][\w.]*)")
_SUFFIXES: Final = (".sh", ".bash", ".py", ".R", ".r", ".jl", ".pl", ".rb", ".js", ".sql", ".awk")
_NAMES: Final = frozenset({"Makefile", "makefile", "GNUmakefile"})
_IN_SHELL: Final = (".sh", ".bash", "")
_MOST_BYTES: Final = 4_000_000
_COMMENT: Final = re.compile(rb"^[ \t]*(?:#(?!!)[^\n]*)?(?:\n|\Z)", re.MULTILINE)


def scripts_of(command: str, reach: Reach) -> Mapping[str, str]:
    """The pieces that the command is made of beside its own text, by name, each with a short hash."""
    return dict(sorted(_Scripts(reach).of(command).items()))


class _Scripts:
    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._folder = Path(reach.working_directory)
        self._seen: set[str] = set()

    def of(self, text: str, beside: str = "") -> dict[str, str]:
        """The pieces of a text for the shell, that of a script in the folder `beside` of the project."""
        found: dict[str, str] = {}
        for module in _MODULE.findall(text):
            found.update(self._reach.of_module(module))
        for name in self._named(text, beside):
            found.update(self._pieces(name))
        return found

    def _named(self, text: str, beside: str) -> Iterator[str]:
        """The files below the working directory that are code; what is written to is none."""
        text = text.replace("\\\n", " ")
        words = dict.fromkeys(_WORD.findall(_OUTPUT.sub(" ", text)))
        if _MAKE.search(text):
            words.update(dict.fromkeys(sorted(_NAMES)))
        for word in words:
            for name in dict.fromkeys((os.path.normpath(word), os.path.normpath(f"{beside}/{word.lstrip('/')}"))):
                if not name.startswith(("../", "/")) and self._is_code(name):
                    yield name

    def _is_code(self, name: str) -> bool:
        try:
            status = (self._folder / name).stat()
        except (OSError, ValueError):
            return False
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
            return False
        return name.endswith(_SUFFIXES) or Path(name).name in _NAMES or bool(status.st_mode & stat.S_IXUSR)

    def _pieces(self, name: str) -> Mapping[str, str]:
        if name in self._seen:
            return {}
        self._seen.add(name)
        file = self._folder / name
        if name.endswith(".py"):
            return self._reach.of_script(file)
        try:
            data = file.read_bytes()
        except OSError:
            return {}
        if Path(name).suffix not in _IN_SHELL and Path(name).name not in _NAMES:
            return {name: short_hash(data)}
        if data.startswith(b"#!") and b"python" in data.partition(b"\n")[0]:
            return {name: short_hash(data), **self._reach.of_text(data.decode("utf-8", "replace"))}
        inner = self.of(data.decode("utf-8", "replace"), str(Path(name).parent))
        return {name: short_hash(data if b"<<" in data else _COMMENT.sub(b"", data)), **inner}
