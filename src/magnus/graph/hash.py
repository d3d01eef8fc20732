"""Hash of a pipeline as it was written: the same on every machine, for any order of keys and any comments."""

import hashlib
import json

from magnus.values import Json

_NOT_RUN = frozenset({"name", "description"})


def dag_hash(dag: Json) -> str:
    """SHA-256, in hex, of the canonical JSON of `dag`, the mapping under `dag:` with `start_at` and `steps`.

    Canonical: keys sorted, no white space, UTF-8. The pipeline's own name and description do not count,
    and variables count as they are written, before they are replaced.
    """
    counted = {key: value for key, value in dag.items() if key not in _NOT_RUN}
    text = json.dumps(counted, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
