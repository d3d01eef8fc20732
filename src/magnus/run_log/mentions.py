"""Which content the records of a run speak of, found in their bytes without reading any record. Used by stores.

Every reference to content, of a file or of an object, is written as `"data_hash":"<SHA-256>"`. What no longer stands
counts too: too much kept does no harm.
"""

import re
from collections.abc import Iterable
from typing import Final

_MENTION: Final = re.compile(rb'"data_hash":"([0-9a-f]{64})"')
_LONGEST: Final = len('"data_hash":""') + 64


def mentioned(blocks: Iterable[bytes]) -> frozenset[str]:
    """The hashes mentioned in a text, which may be cut anywhere."""
    found: set[bytes] = set()
    before = b""
    for block in blocks:
        text = before + block
        found.update(_MENTION.findall(text))
        before = text[-_LONGEST:]
    return frozenset(data_hash.decode() for data_hash in found)
