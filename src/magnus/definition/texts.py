"""Lists of texts as users write them: one text alone stands for a list of one. Used by the node types."""

from typing import Self

from magnus.values import Json


class Texts(tuple[str, ...]):
    """Texts, in order."""

    __slots__ = ()

    @classmethod
    def read(cls, written: Json) -> Self:
        """The texts of what is written; ValueError when it is no text and no list of texts."""
        if isinstance(written, str):
            return cls((written,))
        if not isinstance(written, list):
            message = f"must be a list, not {written!r}"
            raise ValueError(message)  # noqa: TRY004 - what readers of fields raise
        for item in written:
            if not isinstance(item, str):
                message = f"must be a list of texts, not of {item!r}"
                raise ValueError(message)  # noqa: TRY004 - what readers of fields raise
        return cls(written)
