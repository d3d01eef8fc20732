"""Takes the values of secrets out of text, of output as it streams by, and finds them in results.

`engine.interaction.step_secrets` adds a secret when a step obtains it; `engine.output.capture` masks output with it, `engine.step.run_step` messages.
"""

import json
import re
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Final

from msgspec import Struct

from magnus.interfaces.secrets import Secret
from magnus.values import Json

MASK: Final = "*****"
SHORTEST_MASKED: Final = 4
"""Shorter values, in characters, occur in ordinary text; masking them would hide more than the secret."""

_MASK_BYTES: Final = MASK.encode()
_ESCAPED: Final = "%.."
_CUT: Final = "..."
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class _Forms(Struct, frozen=True):
    """Every way the known secrets are written, longest first, and the patterns that find them."""

    text: tuple[str, ...]
    encoded: tuple[bytes, ...]
    text_pattern: re.Pattern[str]
    pattern: re.Pattern[bytes]

    @classmethod
    def of(cls, text: frozenset[str]) -> "_Forms":
        """The forms in `text`, in the order in which they have to be tried."""
        longest_first = tuple(sorted(text, key=lambda form: (-len(form), form)))
        encoded = tuple(_bytes(form) for form in longest_first)
        return cls(
            longest_first,
            encoded,
            re.compile("|".join(map(re.escape, longest_first))),
            re.compile(b"|".join(map(re.escape, encoded))),
        )


class Masker:
    """The secrets known so far; safe to use from several threads. Without secrets nothing is looked at.

    `tell` is called with every secret that is new, before `add` returns: other processes of the run mask it too.
    """

    def __init__(self, tell: Callable[[Secret], None] | None = None) -> None:
        self._tell = tell
        self._lock = Lock()
        self._warned: set[str] = set()
        self.forms: _Forms | None = None

    def __reduce__(self) -> tuple[Callable[..., "Masker"], tuple[_Forms | None]]:
        """Pickle the registered secrets without the function that new secrets are reported to."""
        return _knowing, (self.forms,)

    def telling(self, tell: Callable[[Secret], None]) -> "Masker":
        """Another masker of the same secrets, which calls `tell` with secrets that are new to it."""
        masker = Masker(tell)
        masker.forms = self.forms
        return masker

    def add(self, name: str, value: str) -> str:
        """Mask `value` from now on; returns a warning, once a name, when it is too short for that, else "".

        Masked are the value, each of its lines, and both as they stand in JSON, in URLs and in python literals.
        """
        if self.learn(value) and self._tell is not None:
            self._tell(Secret(name, value))
        with self._lock:
            if not 0 < len(value) < SHORTEST_MASKED or name in self._warned:
                return ""
            self._warned.add(name)
        return f"secret '{name}' has fewer than {SHORTEST_MASKED} characters and cannot be masked"

    def learn(self, value: str) -> bool:
        """Mask `value` from now on, without a word to anybody; returns whether it was new."""
        with self._lock:
            known = frozenset(self.forms.text) if self.forms else frozenset()
            added = frozenset(_forms_of(value)) - known
            if added:
                self.forms = _Forms.of(known | added)
        return bool(added)

    def mask(self, text: str) -> str:
        """The text with every known secret replaced, also what is left of one where a message was cut with `...`."""
        forms = self.forms
        if forms is None:
            return text
        *cut, rest = forms.text_pattern.sub(MASK, text).split(_CUT)
        return "".join(_without_beginning(part, forms.text) + _CUT for part in cut) + rest

    def masked(self, value: Json) -> Json:
        """The value with every known secret in its texts replaced; the value itself when there is none."""
        if not self.contains(value):
            return value
        match value:
            case str() as text:
                return self.mask(text)
            case list() | tuple() as elements:
                return [self.masked(element) for element in elements]
            case dict() as members:
                return {self.mask(name): self.masked(member) for name, member in members.items()}
            case _:  # a number that is a secret
                return MASK

    def contains(self, value: Json) -> bool:
        """Whether a known secret is part of any text in the value, keys included, or is one of its numbers."""
        forms = self.forms
        if forms is None:
            return False
        pattern = forms.text_pattern
        return any(pattern.fullmatch(text) if number else pattern.search(text) for text, number in _texts(value))

    def stream(self) -> "MaskedStream":
        """A new stream of output to be masked."""
        return MaskedStream(self)


class MaskedStream:
    """Masks output that arrives in pieces cut anywhere; holds back only bytes that may be the first ones of a secret."""

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """The output that can be shown now that `data` has arrived."""
        forms = self._masker.forms
        if forms is None:
            return data
        masked, done = _masked(self._held + data if self._held else data, forms)
        self._held = done
        return masked

    def finish(self) -> bytes:
        """What was held back, once nothing follows."""
        held, self._held = self._held, b""
        forms = self._masker.forms
        return forms.pattern.sub(_MASK_BYTES, held) if forms and held else held


def _knowing(forms: _Forms | None) -> Masker:
    masker = Masker()
    masker.forms = forms
    return masker


def _masked(data: bytes, forms: _Forms) -> tuple[bytes, bytes]:
    """The part of `data` that can be shown, masked, and its end if that may be the first part of a secret."""
    shown: list[bytes] = []
    start, held = 0, _beginning_of_secret(data, 0, forms)
    for found in forms.pattern.finditer(data):
        if found.start() >= held:  # a longer secret may start here too: decided when more is there
            break
        shown += (data[start : found.start()], _MASK_BYTES)
        start = found.end()
        if start > held:
            held = _beginning_of_secret(data, start, forms)
    shown.append(data[start:held])
    return b"".join(shown), data[held:]


def _beginning_of_secret(data: bytes, start: int, forms: _Forms) -> int:
    """Where the longest end of `data` starts that is the first part, but not the whole, of a form; else its length."""
    earliest = len(data)
    for form in forms.encoded:
        first = form[:1]
        at = data.find(first, max(start, len(data) - len(form) + 1), earliest)
        while at != -1:
            if form.startswith(data[at:]):
                earliest = at
                break
            at = data.find(first, at + 1, earliest)
    return earliest


def _without_beginning(text: str, forms: tuple[str, ...]) -> str:
    """The text without the first part of a form at its end, if that part is long enough to be recognized."""
    for form in forms:
        first = form[:SHORTEST_MASKED]
        at = text.find(first, max(0, len(text) - len(form) + 1))
        while at != -1:
            if form.startswith(text[at:]):
                return text[:at] + MASK
            at = text.find(first, at + 1)
    return text


def _forms_of(secret: str) -> Iterator[str]:
    """Every way the secret may be written that is long enough to be masked; blanks alone hide nothing."""
    for part in (secret, *(line.strip() for line in secret.splitlines())):
        if len(part) >= SHORTEST_MASKED and not part.isspace():
            escaped = {part, *_escaped(part)}
            yield from escaped
            for once in escaped:  # JSON in JSON, and the text of a KeyError, are escaped twice
                yield from _escaped(once)
            yield from _in_urls(part)
            yield part.replace("'", "'\\''")  # as bash traces commands


def _escaped(part: str) -> Iterator[str]:
    yield json.dumps(part)[1:-1]
    yield json.dumps(part, ensure_ascii=False)[1:-1]
    yield from _in_python(part)


def _in_python(part: str) -> Iterator[str]:
    """The part in literals of text and of bytes, with either quote around them."""
    for written in (repr(part), ascii(part), repr(_bytes(part))[1:]):
        inner = written[1:-1]
        yield inner
        if written[0] == '"':
            yield inner.replace("'", "\\'")


def _in_urls(part: str) -> Iterator[str]:
    """The part percent-encoded: all of it, but for slashes, and as a form field; hexadecimal in both cases."""
    for kept in ("", "/"):
        quoted = "".join(
            chr(byte) if byte in _UNRESERVED or chr(byte) in kept else f"%{byte:02X}" for byte in _bytes(part)
        )
        for written in (quoted, re.sub(_ESCAPED, lambda found: found[0].lower(), quoted)):
            yield written
            yield written.replace("%20", "+")


def _bytes(text: str) -> bytes:
    """The bytes a process prints for the text; a value of the environment may hold bytes that are no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _texts(value: Json) -> Iterator[tuple[str, bool]]:
    """Every text of the value, and whether it is that of a number."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text:
                yield text, False
            case int() | float() as number if not isinstance(number, bool):
                yield str(number), True
            case list() | tuple() as elements:
                waiting.extend(elements)
            case dict() as members:
                waiting.extend(members)
                waiting.extend(members.values())
            case _:  # null, true and false hold no secret
                pass
