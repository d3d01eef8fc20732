"""Where a step or a branch is in a pipeline, as a value. The one place where paths are printed and parsed."""

from functools import lru_cache

from msgspec import Struct

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~")
_HEX = frozenset("0123456789abcdefABCDEF")


class BranchPath(Struct, frozen=True):
    """A (sub)pipeline of a run: the root, or a branch of a composite step.

    `parts` alternates step name and branch key from the root inwards, so it has an even length.
    """

    parts: tuple[str, ...] = ()

    def step(self, name: str) -> "StepPath":
        """The step of this name in the branch."""
        return StepPath((*self.parts, name))

    @property
    def composite(self) -> "StepPath | None":
        """The composite step this is a branch of; None for the root."""
        return StepPath(self.parts[:-1]) if self.parts else None

    def __str__(self) -> str:
        return print_parts(self.parts)

    @classmethod
    def parse(cls, text: str) -> "BranchPath":
        """The branch path that prints as `text`."""
        parts = _parse_parts(text) if text else ()
        if len(parts) % 2:
            raise ValueError(f"'{text}' is the path of a step, not of a branch")
        return cls(parts)


class StepPath(Struct, frozen=True):
    """A step of a run. `parts` has an odd length: the branch it is in, then its own name."""

    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the step in its (sub)pipeline."""
        return self.parts[-1]

    @property
    def branch(self) -> BranchPath:
        """The (sub)pipeline the step is in."""
        return BranchPath(self.parts[:-1])

    def into(self, key: str) -> BranchPath:
        """The branch of this (composite) step under `key`."""
        return BranchPath((*self.parts, key))

    def __str__(self) -> str:
        return print_parts(self.parts)

    @classmethod
    def parse(cls, text: str) -> "StepPath":
        """The step path that prints as `text`; ValueError when `text` is not the path of a step."""
        parts = _parse_parts(text)
        if len(parts) % 2 == 0:
            raise ValueError(f"'{text}' is the path of a branch, not of a step")
        return cls(parts)


@lru_cache(maxsize=64)  # a step prints its own path several times
def print_parts(parts: tuple[str, ...]) -> str:
    """The parts joined by `/`, each percent-encoded (RFC 3986 unreserved characters but the dot stay plain)."""
    return "/".join([part if part.isalnum() and part.isascii() else _encode(part) for part in parts])


@lru_cache(maxsize=64)  # as above
def print_names(names: tuple[str, ...]) -> str:
    """The names of steps and branches joined by `/`, as people read and write them.

    As they are, but for `/`, `%` and what cannot be printed, which are percent-encoded; so it parses back.
    """
    return "/".join(map(_encode_least, names))


def _encode_least(name: str) -> str:
    if name.isprintable() and "/" not in name and "%" not in name:
        return name
    return "".join(_encode(char) if char in "/%" or not char.isprintable() else char for char in name)


def _parse_parts(text: str) -> tuple[str, ...]:
    parts = text.split("/")
    return tuple([_decode(part) for part in parts] if "%" in text else parts)


@lru_cache(maxsize=4096)
def _encode(part: str) -> str:
    return "".join(chr(b) if b in _PLAIN else f"%{b:02X}" for b in part.encode("utf-8", "surrogatepass"))


def _decode(part: str) -> str:
    if "%" not in part:
        return part
    head, *escapes = part.split("%")
    decoded = bytearray(head.encode("utf-8", "surrogatepass"))
    for escape in escapes:
        digits = escape[:2]
        if len(digits) < 2 or not _HEX.issuperset(digits):
            raise ValueError(f"'%{digits}' in '{part}' is not a percent-encoded byte")
        decoded.append(int(digits, 16))
        decoded += escape[2:].encode("utf-8", "surrogatepass")
    return decoded.decode("utf-8", "surrogatepass")
