"""Puts into a run of which other processes are writers too: `python writer.py URL NUMBER` says whether it made the run."""

import sys
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from magnus.errors import RunExists
from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore
from magnus.testing.records import run_record, step_record

url, number = sys.argv[1:]
with closing(SqlRunLogStore(SqlOptions(url=url), Path.cwd())) as store:
    try:
        store.create_run(run_record("shared"))
        print("made")
    except RunExists:
        print("exists")
    for position in range(20):
        store.put_step("shared", replace(step_record(), message=f"{number}: {position}"))
        store.put_step("shared", step_record(f"{number}-{position}", position=position))
