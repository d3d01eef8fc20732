"""Puts records into S3 until it ends or is killed: `python object_writer.py ENDPOINT URL alone|together [NUMBER]`."""

import sys
from pathlib import Path

from msgspec.structs import replace

from magnus.errors import RunExists
from magnus.object_stores.address import ObjectLocation
from magnus.run_log.records import Status
from magnus.run_log_stores.object_store import ObjectStoreRunLogStore
from magnus.testing.records import run_record, step_record

endpoint, url, mode, *number = sys.argv[1:]
location = ObjectLocation(url, endpoint=endpoint, region="us-east-1", access_key_id="a", secret_access_key="b")
store = ObjectStoreRunLogStore(location, Path.cwd())


def alone():
    """A new run every five steps; each success is said when it was put."""
    base = len(store.list_runs())
    for position in range(10**6):
        run_id = f"run-{base + position // 5}"
        if position % 5 == 0:
            store.create_run(run_record(run_id))
        step = step_record(f"step {position}", position=position)
        store.put_step(run_id, replace(step, status=Status.PROCESSING))
        store.put_step(run_id, replace(step, message="x" * 1000 * (position % 10)))
        store.write_document(run_id, iter(["{}"]))
        print(run_id, position, flush=True)


def together():
    """Into a run of which other processes are writers too."""
    try:
        store.create_run(run_record("shared"))
        print("made")
    except RunExists:
        print("exists")
    for position in range(5):
        store.put_step("shared", replace(step_record(), message=f"{number[0]}: {position}"))
        store.put_step("shared", step_record(f"{number[0]}-{position}", position=position))


{"alone": alone, "together": together}[mode]()
