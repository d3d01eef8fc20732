"""The SQL of the store, one text for PostgreSQL and SQLite; every `%b` is a value that the driver sends beside the text.

A key is the SHA-256 of a path, since a path can be longer than an entry of an index may be. A record is bytes with a
checksum: no text type of a database takes U+0000 and half of a surrogate pair, both of which names may hold.
"""

from typing import Final

SCHEMA: Final = 1
"""The version of these tables; a database of a later one is refused. The statement that writes it is in `TABLES`."""

TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS magnus_runs (
        key BYTEA PRIMARY KEY,
        run_id BYTEA NOT NULL,
        summary BYTEA NOT NULL,
        record BYTEA NOT NULL,
        put_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
    )""",
    """CREATE TABLE IF NOT EXISTS magnus_steps (
        run BYTEA NOT NULL REFERENCES magnus_runs (key) ON DELETE CASCADE,
        branch BYTEA NOT NULL,
        step BYTEA NOT NULL,
        position INTEGER NOT NULL,
        done INTEGER NOT NULL,
        record BYTEA NOT NULL,
        put_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
        PRIMARY KEY (run, branch, step)
    )""",
    """CREATE TABLE IF NOT EXISTS magnus_results (
        key BYTEA NOT NULL,
        run BYTEA NOT NULL REFERENCES magnus_runs (key) ON DELETE CASCADE,
        step BYTEA NOT NULL,
        path BYTEA NOT NULL,
        put_ns BIGINT NOT NULL,
        PRIMARY KEY (key, run, step)
    )""",
    "CREATE TABLE IF NOT EXISTS magnus_schema (version INTEGER PRIMARY KEY)",
    "INSERT INTO magnus_schema (version) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM magnus_schema)",
)
"""Makes the tables that are missing, in one transaction; the version comes last, so it says that all are there."""

VERSION: Final = "SELECT max(version) FROM magnus_schema"

CREATE_RUN: Final = "INSERT INTO magnus_runs (key, run_id, summary, record) VALUES (%b, %b, %b, %b)"
UPDATE_RUN: Final = "UPDATE magnus_runs SET summary = %b, record = %b, put_at = CURRENT_TIMESTAMP WHERE key = %b"
REMOVE_RUN: Final = "DELETE FROM magnus_runs WHERE key = %b"
RUN: Final = "SELECT record FROM magnus_runs WHERE key = %b"
RUN_IDS: Final = "SELECT run_id FROM magnus_runs"
SUMMARIES: Final = "SELECT run_id, summary FROM magnus_runs"

PUT_STEP: Final = (
    "INSERT INTO magnus_steps (run, branch, step, position, done, record) VALUES (%b, %b, %b, %b, %b, %b)"
    " ON CONFLICT (run, branch, step) DO UPDATE SET position = excluded.position, done = excluded.done,"
    " record = excluded.record, put_at = CURRENT_TIMESTAMP WHERE magnus_steps.done = 0"
)
"""The first success of a step stands: a row that is done is not updated."""
REPLACE_DAMAGED: Final = (
    "UPDATE magnus_steps SET position = %b, done = %b, record = %b, put_at = CURRENT_TIMESTAMP"
    " WHERE run = %b AND branch = %b AND step = %b AND record = %b"
)

_OF_RUN: Final = "SELECT r.key, s.record FROM magnus_runs r LEFT JOIN magnus_steps s ON s.run = r.key"
STEP: Final = f"{_OF_RUN} AND s.branch = %b AND s.step = %b WHERE r.key = %b"
STEPS: Final = f"{_OF_RUN} AND s.branch = %b WHERE r.key = %b ORDER BY s.position, s.step"
"""One row without a record says that the run is there, and no row that it is not."""

PUT_RESULT: Final = (
    "INSERT INTO magnus_results (key, run, step, path, put_ns) VALUES (%b, %b, %b, %b, %b)"
    " ON CONFLICT (key, run, step) DO UPDATE SET put_ns = excluded.put_ns"
)
RESULTS: Final = (
    "SELECT r.run_id, s.path, s.put_ns FROM magnus_results s JOIN magnus_runs r ON r.key = s.run"
    " WHERE s.key = %b ORDER BY s.put_ns DESC LIMIT 8"
)
"""The newest results under a key; `put_ns` is in nanoseconds since 1970, by the clock of the process that put it."""

PAGE_ROWS: Final = 1000
PAGE: Final = (
    "SELECT branch, step, record FROM magnus_steps WHERE run = %b AND (branch, step) > (%b, %b)"
    " ORDER BY branch, step LIMIT %b"
)

LAST_PUT: Final = (
    "SELECT max(put_at) FROM (SELECT put_at FROM magnus_runs WHERE key = %b"
    " UNION ALL SELECT put_at FROM magnus_steps WHERE run = %b) puts"
)
