"""Small tables and texts as HTML for notebooks, in the colours of the page; every text is escaped."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from magnus.app.text.palette import HTML, Style, style_of
from magnus.app.text.plain_text import plain, short

_LONGEST: Final = 80
_TABLE: Final = "border-collapse:collapse;color:inherit;font-size:inherit"
_CELL: Final = "text-align:left;vertical-align:top;padding:2px 12px 2px 0"
_PRE: Final = (
    "margin:0;padding:0;background:none;color:inherit;font-family:var(--jp-code-font-family,monospace);"
    "white-space:pre-wrap;overflow-wrap:anywhere"
)


def table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    names = "".join(f'<th style="{_CELL}">{heading}</th>' for heading in headings)
    head = f"<thead><tr>{names}</tr></thead>" if names else ""
    body = "".join(f"<tr>{''.join(_cells(row))}</tr>" for row in rows)
    return f'<table style="{_TABLE}">{head}<tbody>{body}</tbody></table>'


def _cells(row: Sequence[str]) -> Iterator[str]:
    for cell in row:
        yield f'<td style="{_CELL}">{cell}</td>'


def text(content: str) -> str:
    """The text on one line."""
    return escape(plain(content))


def cut(content: str, longest: int = _LONGEST) -> str:
    """The text on one line, with an ellipsis where it is long."""
    return escape(short(plain(content), longest))


def status(word: str) -> str:
    """A status in its colour."""
    return f'<span style="color:{HTML[style_of(word)]};font-weight:600">{text(word)}</span>'


def lines(pieces: Iterable[Iterable[tuple[str, Style]]]) -> str:
    """Lines of pieces with their styles, as a terminal shows them."""
    return f'<pre style="{_PRE}">{"".join(_line(line) for line in pieces)}</pre>'


def _line(pieces: Iterable[tuple[str, Style]]) -> str:
    return "".join(_piece(content, style) for content, style in pieces) + "\n"


def _piece(content: str, style: Style) -> str:
    css = _CSS.get(style, "")
    return f'<span style="{css}">{text(content)}</span>' if css and content else text(content)


_CSS: Final = {
    **{style: f"color:{colour}" for style, colour in HTML.items()},
    Style.STRONG: "font-weight:600",
    Style.QUIET: "opacity:.7",
    Style.BRANCH: f"color:{HTML[Style.BUSY]}",
    Style.NEXT: f"color:{HTML[Style.BUSY]}",
}
