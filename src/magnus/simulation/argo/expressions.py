"""The small languages inside a manifest: `{{variables}}`, and expressions in `depends`, `when` and retry strategies.

What is read is the part that is written here: comparisons for (in)equality, `&&`, `||`, `!` and brackets, and of variables
`{{=sprig.trunc(20000, workflow.failures)}}`, the first characters of one. Everything else is refused. https://argo-workflows.readthedocs.io/en/latest/variables/ and .../enhanced-depends-logic/
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from magnus.errors import InvalidInput

Value: TypeAlias = str | bool | float

_VARIABLE: Final = re.compile(r"\{\{((?:(?!\{\{|\}\}).)*+)\}\}", re.DOTALL)
_TRUNCATED: Final = re.compile(r"=sprig\.trunc\((\d+), ([\w.]+)\)")
_TOKEN: Final = re.compile(r"""\s*(?:(&&|\|\||==|!=|!|\(|\))|'([^'\\]*)'|"([^"\\]*)"|([\w.\-]+))""")
_COMPARISONS: Final = ("==", "!=")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


def variables(text: str) -> list[str]:
    """The names of the variables in the text."""
    return [_named(match[1])[0] for match in _VARIABLE.finditer(text)]


def substituted(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced, once; InvalidInput for one that is not there."""

    def value(match: re.Match[str]) -> str:
        name, longest = _named(match[1])
        if name not in values:
            raise InvalidInput(f"'{{{{{name}}}}}' is no variable here", fix="simulate what magnus writes")
        return values[name][:longest]

    return _VARIABLE.sub(value, text)


def _named(written: str) -> tuple[str, int | None]:
    """The name of the variable, and the number of its characters; None for all."""
    truncated = _TRUNCATED.fullmatch(written.strip())
    return (truncated[2], int(truncated[1])) if truncated else (written.strip(), None)


def names(expression: str) -> list[str]:
    """The plain words of an expression, each once."""
    return list(dict.fromkeys(text for kind, text in _tokens(expression) if kind == "word"))


def depends_holds(expression: str, value_of: Callable[[str], bool]) -> bool:
    """As `holds`, for `depends`, which is made of results of tasks alone."""
    if any(kind == "text" or text in _COMPARISONS for kind, text in _tokens(expression)):
        raise _refused(expression)
    return holds(expression, value_of)


def when_holds(expression: str) -> bool:
    """Whether a `when` holds, in which words are text, truth values or numbers; only what is of one kind is equal.

    https://argo-workflows.readthedocs.io/en/latest/walk-through/conditionals/
    """
    return holds(expression, _literal)


def holds(expression: str, value_of: Callable[[str], Value]) -> bool:
    """Whether the expression is true; `value_of` gives the value of a plain word."""
    parser = _Parser(_tokens(expression), value_of, expression)
    value = parser.either()
    parser.end()
    return _truth(value, expression)


def _literal(word: str) -> Value:
    if word in {"true", "false"}:
        return word == "true"
    return float(word) if _NUMBER.fullmatch(word) else word


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

    def __init__(self, tokens: Sequence[tuple[str, str]], value_of: Callable[[str], Value], expression: str) -> None:
        self._tokens = [*tokens, ("end", "")]
        self._place = 0
        self._value_of = value_of
        self._expression = expression

    def either(self) -> Value:
        value = self._both()
        while self._take("||"):
            truths = (self._truth(value), self._truth(self._both()))
            value = any(truths)
        return value

    def end(self) -> None:
        if self._tokens[self._place][0] != "end":
            raise _refused(self._expression)

    def _both(self) -> Value:
        value = self._compared()
        while self._take("&&"):
            truths = (self._truth(value), self._truth(self._compared()))
            value = all(truths)
        return value

    def _compared(self) -> Value:
        value = self._single()
        for comparison in _COMPARISONS:
            if self._take(comparison):
                other = self._single()
                return (type(value) is type(other) and value == other) is (comparison == "==")
        return value

    def _single(self) -> Value:
        if self._take("!"):
            return not self._truth(self._single())
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

    def _truth(self, value: Value) -> bool:
        return _truth(value, self._expression)


def _truth(value: Value, expression: str) -> bool:
    if isinstance(value, bool):
        return value
    raise _refused(expression)


def _refused(expression: str) -> InvalidInput:
    return InvalidInput(f"'{expression}' is no expression that is simulated", fix="simulate what magnus writes")
