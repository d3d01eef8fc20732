"""Finds the code of shell commands: the files that a command names, and all that these use."""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice, takewhile
from pathlib import Path
from typing import Final

from magnus.tasks.notebooks import file as notebook_file
from magnus.tasks.source.dependencies import CodeDependencies
from magnus.tasks.source.pieces import short_hash
from magnus.tasks.source.programs import MAKEFILES, files_of_programs, programs_of, python_of_program

_WORD: Final = re.compile(r"[^\s;&|<>()'\"$`={}]+")
_OUTPUT: Final = re.compile(r">>?[ \t]*[^\s;&|<>()]+")
_MAKE: Final = re.compile(r"(?:^|[\s;&|(])make\b")
_MODULE: Final = re.compile(r"(?:^|[\s(;&|])-[A-Za-z]*m[ \t]+([A-Za-z_][\w.]*)")
_QUOTED: Final = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")
_PROGRAM: Final = re.compile(r"(?:^|\s)-[A-Za-z]*c[ \t]+(?:'([^']*)'|\"([^\"]*)\")")
_HEREDOC: Final = re.compile(r"<<-?[ \t]*['\"]?(\w+)")
_FOLDER: Final = re.compile(r"(?:^|[\s;&|(])cd[ \t]+([^\s;&|<>()'\"$`]+)")
_ASSIGNED: Final = re.compile(r"(?:^|[\s;&|(])([A-Za-z_]\w*)=['\"]?([^\s;&|<>()'\"$`]+)")
_VARIABLE: Final = re.compile(r"\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})")
_PATHS: Final = re.compile(r"\bPYTHONPATH=(\S*)")
_OF_ROOTS: Final = re.compile(
    r"['\";&|)]*(?:\$\{?PYTHONPATH[^}]*\}?|(?:\.|\$PWD|\$\{PWD\}|\$\(pwd\))?/?(?:src)?/?)['\";&|)]*"
)
"""Folders of the import path that are followed in any case."""
_FIRST: Final = "import sitecustomize, usercustomize"
"""What python does before a program; the modules may be in folders that the command adds to the import path."""
_NOTEBOOK: Final = ".ipynb"
_MOST_NAMED: Final = 200
_SUFFIXES: Final = (
    ".sh", ".bash", ".zsh", ".ksh", ".mk", ".py", ".R", ".r", ".jl", ".pl", ".pm", ".rb", ".js", ".mjs", ".cjs", ".sql",
    ".awk", ".sed", ".jq", ".env", ".c", ".cc", ".cpp", ".h", ".hpp", ".go", ".rs", ".java",
)  # fmt: skip
_NAMES: Final = frozenset(MAKEFILES)
_IN_SHELL: Final = (".sh", ".bash", ".zsh", ".ksh", ".mk", "")
_MOST_BYTES: Final = 4_000_000
_COMMENT: Final = re.compile(rb"^[ \t]*(?:#(?!!)[^\n]*)?(?:\n|\Z)", re.MULTILINE)


def scripts_of(command: str, dependencies: CodeDependencies) -> Mapping[str, str]:
    """The pieces that the command is made of beside its own text, by name, each with a short hash."""
    return dict(sorted(_Scripts(dependencies).of(command).items()))


class _Scripts:
    def __init__(self, dependencies: CodeDependencies) -> None:
        self._dependencies = dependencies
        self._folder = Path(dependencies.working_directory)
        self._seen: set[str] = set()

    def of(self, text: str, beside: str = "") -> dict[str, str]:
        """The pieces of a text for the shell, that of a script in the folder `beside` of the project."""
        pieces: dict[str, str] = {}
        if any(not _OF_ROOTS.fullmatch(place) for places in _PATHS.findall(text) for place in places.split(":")):
            self._dependencies.note_moved_imports()
        text = _with_values(text.replace("\\\n", " "))
        folders = dict.fromkeys(("", *_FOLDER.findall(text)[:_MOST_NAMED]))
        for module in _MODULE.findall(text):
            for folder in folders:
                pieces.update(self._dependencies.of_module(module, folder))
        if "python" in text:
            for program in (*_programs(text), *([_FIRST] if "PYTHONPATH" in text else ())):
                for folder in folders:
                    pieces.update(self._dependencies.of_text(program, folder))
        for program in dict.fromkeys(programs_of(text)):
            if python := python_of_program(program):
                pieces.update(self._dependencies.of_text(python))
        for name in (*self._named(text, beside), *self._run(text, beside)):
            pieces.update(self._pieces(name))
        return pieces

    def _run(self, text: str, beside: str) -> Iterator[str]:
        """The files that programs run or load, also files without an ending."""
        folders = ("", *dict.fromkeys((beside, *_FOLDER.findall(text)[:_MOST_NAMED])))
        for words in files_of_programs(_OUTPUT.sub(" ", text)):
            names = (os.path.normpath(_joined(folder, word)) for word in words for folder in folders)
            yield from islice((name for name in names if not name.startswith(("../", "/")) and self._is_file(name)), 1)

    def _named(self, text: str, beside: str) -> Iterator[str]:
        """The files below the working directory that are code; files the command writes to do not count, nor a second notebook."""
        text = _OUTPUT.sub(" ", text)
        words = dict.fromkeys(_WORD.findall(text))
        words.update(dict.fromkeys(one or other for one, other in _QUOTED.findall(text)))
        if _MAKE.search(text):
            words.update(dict.fromkeys(sorted(_NAMES)))
        folders = ("", *dict.fromkeys((beside, *_FOLDER.findall(text)[:_MOST_NAMED])))
        notebooks = 0
        for word in words:
            for name in dict.fromkeys(os.path.normpath(_joined(folder, word)) for folder in folders):
                if name.startswith(("../", "/")):
                    continue
                for file in self._matching(name):
                    notebooks += file.endswith(_NOTEBOOK)
                    if self._is_code(file) and not (file.endswith(_NOTEBOOK) and notebooks > 1):
                        yield file

    def _matching(self, name: str) -> Iterator[str]:
        """The file, the program in a folder of that name, or the files that a pattern names."""
        if "*" in name and "**" not in name and name.endswith(_SUFFIXES):
            matching = sorted(islice(self._folder.glob(name), _MOST_NAMED))
            yield from (str(file.relative_to(self._folder)) for file in matching)
        else:
            yield from (name, f"{name}/__main__.py")

    def _is_code(self, name: str) -> bool:
        mode = self._mode(name)
        named_so = name.endswith((*_SUFFIXES, _NOTEBOOK)) or Path(name).name in _NAMES
        return stat.S_ISREG(mode) and (named_so or bool(mode & stat.S_IXUSR))

    def _is_file(self, name: str) -> bool:
        return stat.S_ISREG(self._mode(name))

    def _mode(self, name: str) -> int:
        """The mode of a file that is not too large to be code; else 0."""
        try:
            status = (self._folder / name).stat()
        except (OSError, ValueError):
            return 0
        return 0 if status.st_size > _MOST_BYTES else status.st_mode

    def _pieces(self, name: str) -> Mapping[str, str]:
        if name in self._seen:
            return {}
        self._seen.add(name)
        file = self._folder / name
        if name.endswith(".py"):
            return self._dependencies.of_script(file)
        self._dependencies.note(str(file))
        if name.endswith(_NOTEBOOK):
            cells = notebook_file.code_cells(file)
            text = "\n".join(cells)
            return {
                name: short_hash(text.encode("utf-8", "replace")),
                **self._dependencies.of_text(text, str(Path(name).parent)),
            }
        try:
            data = file.read_bytes()
        except OSError:
            return {}
        if (suffix := Path(name).suffix) in _SUFFIXES and suffix not in _IN_SHELL:
            return {name: short_hash(data), **self._loaded(data.decode("utf-8", "replace"), name)}
        if data.startswith(b"#!") and b"python" in data.partition(b"\n")[0]:
            return {name: short_hash(data), **self._dependencies.of_text(data.decode("utf-8", "replace"))}
        inner = self.of(data.decode("utf-8", "replace"), str(Path(name).parent))
        return {name: short_hash(data if b"<<" in data else _COMMENT.sub(b"", data)), **inner}

    def _loaded(self, text: str, name: str) -> dict[str, str]:
        """The pieces of what a script in another language names as a file, perhaps without the suffix of its own."""
        pieces: dict[str, str] = {}
        folder, suffix = str(Path(name).parent), Path(name).suffix
        for word in dict.fromkeys(one or other for one, other in _QUOTED.findall(text)[:_MOST_NAMED]):
            for place in (_joined(folder, word), word):
                for file in map(os.path.normpath, (place, f"{place}{suffix}")):
                    if not file.startswith(("../", "/")) and self._is_code(file):
                        pieces.update(self._pieces(file))
        return pieces


def _joined(folder: str, word: str) -> str:
    return f"{folder}/{word.lstrip('/')}" if folder else word


def _with_values(text: str) -> str:
    """The text with its own variables filled in; of others, which often are folders, nothing is left."""
    values = dict(_ASSIGNED.findall(text))
    return _VARIABLE.sub(lambda match: values.get(match[1] or match[2], " "), text)


def _programs(text: str) -> Iterator[str]:
    """The quoted arguments and the heredocs of the text."""
    yield from (one or other for one, other in _PROGRAM.findall(text))
    lines = iter(text.split("\n"))
    for line in lines:
        if (heredoc := _HEREDOC.search(line)) is not None:
            yield "\n".join(takewhile(partial(_is_not, heredoc[1]), lines))


def _is_not(end: str, line: str) -> bool:
    return line.strip() != end
