"""Names that Argo and Kubernetes take, made of the names of steps: letters, digits and hyphens."""

import re
from typing import Final

from magnus.transpilers.unique_names import UniqueNames

_RESERVED: Final = frozenset(
    """
    abs all and any bitand bitnand bitnot bitor bitshl bitshr bitushr bitxor ceil concat contains count date duration
    else false filter find first flatten float floor get if in indexof int join keys last len let lower map
    matches max mean median min nil none not now one or reduce repeat replace reverse round sort split string
    sum take timezone trim true type uniq upper values
    """.split()
)
"""Words of the language of `depends` (https://expr-lang.org/docs/language-definition): as the name of a task they are
read as keywords, or as functions by some versions of Argo."""

_OTHER: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 63
"""Of a label of DNS (RFC 1123), which names of volumes and values of labels have to be; Argo itself takes 128."""


def plain(text: str, otherwise: str = "step") -> str:
    """The text as a name: lower case, everything else made a hyphen; `otherwise` where nothing is left.

    It stands before names that `depends` cannot have: names that start with a digit, and words of its language.
    """
    name = _OTHER.sub("-", text.lower()).strip("-")[:_LONGEST].strip("-")
    if name and not name[0].isdigit() and name not in _RESERVED:
        return name
    return f"{otherwise}-{name}"[:_LONGEST].strip("-")


def unique_names(*taken: str) -> UniqueNames:
    """Gives names that are all different, and none of the names in `taken`."""
    return UniqueNames(plain, _LONGEST, taken)
