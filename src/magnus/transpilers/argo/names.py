"""Names that Argo and Kubernetes take, made of the names of steps: letters, digits and hyphens."""

import re
from typing import Final

_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63
"""Of a label of DNS (RFC 1123), which names of volumes and values of labels have to be; Argo itself takes 128."""


def plain(text: str, otherwise: str = "step") -> str:
    """The text as a name: lower case, everything else made a hyphen; `otherwise` where nothing is left."""
    return _OTHER.sub("-", text.lower()).strip("-")[:_LONGEST].strip("-") or otherwise


class Names:
    """Gives names that are all different, in the order in which they are asked for."""

    def __init__(self, *taken: str) -> None:
        self._taken = set(taken)

    def of(self, text: str, otherwise: str = "step") -> str:
        """A name for the text that was not given before."""
        wanted = plain(text, otherwise)
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            end = f"-{number}"
            name = wanted[: _LONGEST - len(end)].strip("-") + end
        self._taken.add(name)
        return name
