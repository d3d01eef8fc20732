"""The comparison of two runs as an object, as `magnus.diff` returns it."""

from magnus.app.compare.document import document
from magnus.app.compare.lines import lines
from magnus.app.compare.model import Difference
from magnus.app.text import html
from magnus.values import Json


class Comparison:
    """The difference of two runs; as text it is what `magnus diff` prints.

    Attributes:
        verdict: the first cause of the difference, in one sentence.
        differs: whether more than timing differs.
    """

    def __init__(self, difference: Difference) -> None:
        self._difference = difference
        self.verdict = difference.verdict.text
        self.differs = difference.verdict.differs

    def document(self) -> Json:
        """All that differs, as `magnus diff --json` prints it."""
        return document(self._difference)

    def __str__(self) -> str:
        texts = ("".join(text for text, _ in line).rstrip() for line in lines(self._difference))
        return "".join(f"{text}\n" for text in texts)

    def __repr__(self) -> str:
        return f"<Comparison '{self._difference.first.run_id}' '{self._difference.second.run_id}': {self.verdict}>"

    def _repr_html_(self) -> str:
        return html.lines(lines(self._difference))
