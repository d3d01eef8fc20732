"""A put of a record into a run log in S3, beside the same bytes put by the client alone, in interleaved rounds on one server.

`python benchmarks/object_store.py ENDPOINT` measures against a server of S3 with the bucket `tests`; a put of a success is a
conditional put. The least and the median of the milliseconds of each are printed, and the ratio to the client alone.
"""

import argparse
import statistics
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final

import obstore
from msgspec.structs import replace
from obstore.store import S3Store

from magnus.object_stores.address import ObjectLocation
from magnus.run_log.records import Status, StepRecord
from magnus.run_log_stores import record_files
from magnus.run_log_stores.object_store import ObjectStoreRunLogStore
from magnus.testing.records import run_record, step_record

KEYS: Final = {"access_key_id": "id", "secret_access_key": "secret", "region": "us-east-1"}


def ways(endpoint: str) -> dict[str, Callable[[int], object]]:
    """By name: what puts the record of this number."""
    prefix = str(uuid.uuid4())
    client = S3Store("tests", prefix=prefix, endpoint=endpoint, client_options={"allow_http": True}, **KEYS)
    store = ObjectStoreRunLogStore(ObjectLocation(f"s3://tests/{prefix}", endpoint=endpoint, **KEYS), Path.cwd())
    store.create_run(run_record("a"))
    content = record_files.content_of(step_record())
    open_step = replace(step_record(), status=Status.PROCESSING)
    return {
        "client: put": lambda number: obstore.put(client, f"raw/{number}", content),
        "client: conditional put": lambda number: obstore.put(client, f"new/{number}", content, mode="create"),
        "client: head": lambda _: obstore.head(client, "raw/0"),
        "store: put of a step": lambda number: store.put_step("a", _named(open_step, number)),
        "store: put of a success": lambda number: store.put_step("a", _named(step_record(), number)),
    }


def _named(step: StepRecord, number: int) -> StepRecord:
    return replace(step, path=step.path.branch.step(f"step {number}"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    taken: dict[str, list[float]] = {}
    by_name = ways(options.endpoint)
    for number in range(options.rounds):
        for name, put in by_name.items():
            start = time.perf_counter()
            put(number)
            taken.setdefault(name, []).append((time.perf_counter() - start) * 1000)
    raw = min(taken["client: put"]), statistics.median(taken["client: put"])
    for name, times in taken.items():
        least, median = min(times), statistics.median(times)
        print(f"{name:26} {least:7.2f} ms {median:7.2f} ms   {least / raw[0]:5.2f} {median / raw[1]:5.2f}")


if __name__ == "__main__":
    main()
