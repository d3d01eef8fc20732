"""Records in the tables of the `sql` store, for contract suites that damage them; used with both databases."""

from magnus.run_log_stores.sql.store import key_of

_RUN = ("magnus_runs", "key = %s")
_STEP = ("magnus_steps", "run = %s AND branch = %s AND step = %s")


class RowPiece:
    """The record of a row; a column for it can be damaged by tests as a disk damages a page."""

    def __init__(self, connected, place, keys):
        self._connected, self._keys = connected, keys
        self._table, self._where = place

    def read(self):
        with self._connected() as run:
            [[record]] = run(f"SELECT record FROM {self._table} WHERE {self._where}", *self._keys)
            return bytes(record)

    def write(self, content):
        with self._connected() as run:
            run(f"UPDATE {self._table} SET record = %s WHERE {self._where}", content, *self._keys)

    def remove(self):
        with self._connected() as run:
            run(f"DELETE FROM {self._table} WHERE {self._where}", *self._keys)


class InRows:
    """For a contract suite; `connected` gives a function that runs a statement with `%s` and returns its rows."""

    def pieces(self, store, run_id):
        run = key_of(run_id)
        with self.connected() as query:
            steps = query("SELECT branch, step FROM magnus_steps WHERE run = %s ORDER BY branch, step", run)
        keys = [(run, bytes(branch), bytes(step)) for branch, step in steps]
        return [RowPiece(self.connected, _RUN, (run,)), *(RowPiece(self.connected, _STEP, each) for each in keys)]
