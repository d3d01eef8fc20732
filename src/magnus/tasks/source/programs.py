"""Finds the files that the programs of a shell command run or load, also files without an ending. Used by `scripts`."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import dropwhile, pairwise
from pathlib import Path
from shutil import which
from typing import Final

MAKEFILES: Final = ("GNUmakefile", "Makefile", "makefile")

_BETWEEN: Final = re.compile(r"[;&|\n()`]+")
_ASSIGNED: Final = re.compile(r"[A-Za-z_]\w*=\S*")
_BEFORE_PROGRAMS: Final = frozenset(
    "! { command do else env exec if nice nohup stdbuf sudo then time timeout until while xargs".split()
)
"""Words and programs in front of the program that they start."""
_SHELLS: Final = frozenset({"bash", "sh", "dash", "zsh", "ksh", "source", "."})
_READERS: Final = frozenset(
    "awk bc gawk gmake gnuplot jq make mawk mysql nawk psql sed snakemake sqlite3 xsltproc yq".split()
)
"""Programs that load what to do from the file behind an option."""
_FILE_OPTIONS: Final = frozenset({"-f", "--file", "--from-file", "--makefile", "-s", "--snakefile"})
_FOLDER_OPTIONS: Final = frozenset({"-C", "--directory"})
_INCLUDES: Final = frozenset({"include", "-include", "sinclude"})
_LARGEST_SCRIPT: Final = 16_384


def files_of_programs(text: str) -> Iterator[Sequence[str]]:
    """For each program the words that may be such files: the first that is a file is one, and for `(word,)` this word."""
    earlier: list[str] = []
    for part in _BETWEEN.split(text):
        words = list(dropwhile(_is_before_program, (word.strip("'\"") for word in part.split())))
        if not words:
            continue
        program, arguments = words[0].rpartition("/")[2], words[1:]
        if program in _SHELLS and "-c" not in arguments:
            files = [word for word in arguments if not word.startswith(("-", "+", "<"))]
            yield files
            if not files and not any(word.startswith("<<") for word in arguments):
                yield from ((word,) for word in earlier)  # it reads what another program prints
        elif program in _READERS:
            yield from ((word,) for word in _behind_options(arguments))
        elif program in _INCLUDES:
            yield from ((word,) for word in arguments)
        earlier += words


def programs_of(text: str) -> Iterator[str]:
    """The names of the programs that the command starts by name alone."""
    for part in _BETWEEN.split(text):
        for word in dropwhile(_is_before_program, part.split()):
            yield word
            break


@lru_cache(maxsize=256)
def python_of_program(name: str) -> str:
    """The python of an installed script, such as the entry point of a project; "" of another program."""
    if "/" in name or (place := which(name)) is None:
        return ""
    try:
        with Path(place).open("rb") as file:
            data = file.read(_LARGEST_SCRIPT)
    except OSError:
        return ""
    is_python = data.startswith(b"#!") and b"python" in data.partition(b"\n")[0]
    return data.decode("utf-8", "replace") if is_python else ""


def _is_before_program(word: str) -> bool:
    return word in _BEFORE_PROGRAMS or word.startswith("-") or _ASSIGNED.fullmatch(word) is not None


def _behind_options(arguments: Sequence[str]) -> Iterator[str]:
    for option, value in pairwise((*arguments, "")):
        name, sign, same = option.partition("=")
        if name in _FILE_OPTIONS:
            yield same if sign else value
        elif name in _FOLDER_OPTIONS:
            yield from (f"{same if sign else value}/{file}" for file in MAKEFILES)
        elif len(option) > 2 and option[:2] in _FILE_OPTIONS:
            yield option[2:]
