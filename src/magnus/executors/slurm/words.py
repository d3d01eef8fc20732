"""Texts, sizes and times of options, each read in the forms that Slurm has, with an error that shows the right form."""

import re
from typing import Final, Self

from magnus.executors.memory_sizes import MEBIBYTE, memory_bytes
from magnus.values import Json

_CLOCK: Final = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2}))?")
_UNITS: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?", re.IGNORECASE)
_GPUS: Final = re.compile(r"([A-Za-z][\w.-]*:)?\d+(,[A-Za-z][\w.-]*:\d+)*")
_FLAG: Final = re.compile(r"--([a-z][a-z0-9-]*)(=[^\0\n]*)?")

FIELDS: Final = (
    "partition account qos time mem mem-per-cpu cpus-per-task gpus gres constraint nodes clusters reservation requeue"
).split()
"""The flags of `sbatch` that are options of their own, with `_` for `-`."""

_RENAMED: Final = {"no-requeue": "requeue"}
_OURS: Final = (
    "array chdir comment dependency error export export-file help input job-name open-mode output parsable "
    "test-only usage version wait wrap"
).split()
"""The flags that magnus itself sets, or that would keep it from watching the jobs."""


def _text(written: Json) -> str:
    """The text of an option; YAML has a number for some of them. "" for any other value."""
    return str(written).strip() if isinstance(written, str | int) and not isinstance(written, bool) else ""


class Word(str):
    """A name of Slurm: text without spaces that begins with no hyphen; a number is a name too."""

    __slots__ = ()

    @classmethod
    def read(cls, written: Json) -> Self:
        """The name; ValueError when it is none."""
        text = _text(written)
        if not text or text.startswith("-") or not text.isprintable() or " " in text:
            message = f"must be a name without spaces, not {written!r}"
            raise ValueError(message)
        return cls(text)


class Size(int):
    """An amount of memory in MiB; 0 stands for all the memory of a node."""

    @classmethod
    def read(cls, written: Json) -> Self:
        """The amount that is written, such as `4000` (MiB), `16G` or `1.5T`; ValueError when it is none."""
        size = memory_bytes(written, number_bytes=MEBIBYTE)
        if size is None or 0 < size < MEBIBYTE:
            message = f"must be an amount of memory such as 4000M or 16G, not {written!r}"
            raise ValueError(message)
        return cls(int(size / MEBIBYTE))

    def __str__(self) -> str:
        return f"{int(self)}M"


class TimeLimit(int):
    """A time limit in whole minutes, as Slurm counts it; 0 stands for no limit."""

    @classmethod
    def read(cls, written: Json) -> Self:
        """The minutes that are written, in a form of `sbatch --time` or as in `2h30m`, rounded up; ValueError when they are none."""
        text = _text(written)
        if text.lower() in {"unlimited", "infinite"}:
            return cls(0)
        seconds = _clock_seconds(text)
        seconds = _unit_seconds(text) if seconds is None else seconds
        if seconds is None:
            forms = "90 (minutes), 2:00:00 (hours), 1-12 (days-hours) or 2h30m"
            message = f"must be a time limit such as {forms}, not {written!r}"
            raise ValueError(message)
        return cls(-(-seconds // 60))

    def __str__(self) -> str:
        return str(int(self))


def _clock_seconds(text: str) -> int | None:
    """The seconds of `minutes`, `minutes:seconds`, `hours:minutes:seconds` or `days-hours[:minutes[:seconds]]`."""
    match = _CLOCK.fullmatch(text)
    if match is None:
        return None
    days, *parts = match.groups()
    numbers = [int(part) for part in parts if part is not None]
    if days is not None:
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
        return ((int(days) * 24 + hours) * 60 + minutes) * 60 + seconds
    hours, minutes, seconds = (0, *numbers, 0)[:3] if len(numbers) < 3 else numbers
    return (hours * 60 + minutes) * 60 + seconds


def _unit_seconds(text: str) -> int | None:
    match = _UNITS.fullmatch(text)
    if match is None or not text:
        return None
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60


class Gpus(str):
    """A number of graphics processors, with or without their type: `2`, `a100:2`."""

    __slots__ = ()

    @classmethod
    def read(cls, written: Json) -> Self:
        """The text that is written; ValueError when it is none."""
        text = _text(written)
        if not _GPUS.fullmatch(text):
            message = f"must be a number of GPUs such as 2 or a100:2, not {written!r}"
            raise ValueError(message)
        return cls(text)


class Flag(str):
    """A flag of `sbatch` in its long form, that is neither an option of this executor nor set by magnus itself."""

    __slots__ = ()

    @classmethod
    def read(cls, written: Json) -> Self:
        """The flag; ValueError when it is none, or not free."""
        match = _FLAG.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            message = (
                f"must be a flag of sbatch in its long form, such as --exclusive or --mail-type=FAIL, not {written!r}"
            )
            raise ValueError(message)
        name = match[1]
        if field := _RENAMED.get(name) or next((field.replace("-", "_") for field in FIELDS if field == name), ""):
            message = f"must be a flag without an option of its own, not {written!r}: that is the option '{field}'"
            raise ValueError(message)
        if taken := next((own for own in (*_OURS, *FIELDS) if own.startswith(name)), ""):
            message = f"must be a flag that magnus leaves to you, not {written!r}: magnus itself sets --{taken}"
            raise ValueError(message)
        return cls(written)
