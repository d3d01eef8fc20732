"""Names that an engine takes, made of the names of steps, each of them once."""

from collections.abc import Callable, Iterable


class UniqueNames:
    """Gives names that are all different, in the order of the calls.

    `plain` makes of a text a name as the engine takes it, with another text where nothing of it is left; no name is longer
    than `longest` characters.
    """

    def __init__(self, plain: Callable[[str, str], str], longest: int, taken: Iterable[str] = ()) -> None:
        self._plain = plain
        self._longest = longest
        self._taken = set(taken)

    def of(self, text: str, otherwise: str = "step") -> str:
        """A name for the text that was not given before."""
        first = self._plain(text, otherwise)
        name, number = first, 1
        while name in self._taken:
            number += 1
            end = f"-{number}"
            name = first[: self._longest - len(end)].strip("-") + end
        self._taken.add(name)
        return name
