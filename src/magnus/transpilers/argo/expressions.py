"""The small languages inside a manifest: `{{variables}}`, and expressions in `depends`, `when` and retry strategies.

What is read is the part that is written here: comparisons for (in)equality, `&&`, `||`, `!` and brackets. Everything else
is refused. https://argo-workflows.readthedocs.io/en/latest/variables/ and .../enhanced-depends-logic/
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from magnus.errors import InvalidInput

_VARIABLE: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN: Final = re.compile(r"""\s*(?:(&&|\|\||==|!=|!|\(|\))|'([^']*)'|"([^"]*)"|([\w.\-]+))""")
_COMPARISONS: Final = ("==", "!=")


def substituted(text: str, variables: Mapping[str, str]) -> str:
    """The text with its variables replaced; InvalidInput for one that is not there."""

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in variables:
            raise InvalidInput(f"'{{{{{name}}}}}' is no variable here", fix="simulate what magnus writes")
        return variables[name]

    return _VARIABLE.sub(value, text)


def names(expression: str) -> list[str]:
    """The plain words of an expression, each once."""
    return list(dict.fromkeys(text for kind, text in _tokens(expression) if kind == "word"))


def holds(expression: str, value_of: Callable[[str], str | bool]) -> bool:
    """Whether the expression is true; `value_of` gives the value of a plain word."""
    parser = _Parser(_tokens(expression), value_of, expression)
    value = parser.either()
    parser.end()
    return _truth(value, expression)


def _tokens(expression: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    place = 0
    text = expression.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _refused(expression)
        operator, single, double, word = match.groups()
        if operator is not None:
            found.append(("operator", operator))
        elif word is not None:
            found.append(("word", word))
        else:
            found.append(("text", single if single is not None else double))
        place = match.end()
    return found


class _Parser:
    """Reads an expression from left to right; `||` binds least, then `&&`, then comparisons, then `!`."""

    def __init__(
        self, tokens: Sequence[tuple[str, str]], value_of: Callable[[str], str | bool], expression: str
    ) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._place = 0
        self._value_of = value_of
        self._expression = expression

    def either(self) -> str | bool:
        value = self._both()
        while self._take("||"):
            other = self._both()
            value = _truth(value, self._expression) or _truth(other, self._expression)
        return value

    def end(self) -> None:
        if self._tokens[self._place][0] != "end":
            raise _refused(self._expression)

    def _both(self) -> str | bool:
        value = self._compared()
        while self._take("&&"):
            other = self._compared()
            value = _truth(value, self._expression) and _truth(other, self._expression)
        return value

    def _compared(self) -> str | bool:
        value = self._single()
        for comparison in _COMPARISONS:
            if self._take(comparison):
                return (value == self._single()) is (comparison == "==")
        return value

    def _single(self) -> str | bool:
        if self._take("!"):
            return not _truth(self._single(), self._expression)
        if self._take("("):
            value = self.either()
            if not self._take(")"):
                raise _refused(self._expression)
            return value
        kind, text = self._tokens[self._place]
        if kind not in {"word", "text"}:
            raise _refused(self._expression)
        self._place += 1
        return self._value_of(text) if kind == "word" else text

    def _take(self, operator: str) -> bool:
        found = self._tokens[self._place] == ("operator", operator)
        self._place += found
        return found


def _truth(value: str | bool, expression: str) -> bool:  # noqa: FBT001 - what it looks at
    if isinstance(value, bool):
        return value
    raise _refused(expression)


def _refused(expression: str) -> InvalidInput:
    return InvalidInput(f"'{expression}' is no expression that is simulated", fix="simulate what magnus writes")
