"""The `sql` run log store and a real PostgreSQL server, one for all of it."""

from contextlib import closing, contextmanager
from pathlib import Path

import postgresql
import psycopg
import pytest
from rows_of_runs import InRows

from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore
from magnus.testing.run_log_store_contract import RunLogStoreContract

pytestmark = pytest.mark.xdist_group("postgresql")


class TestPostgresql(InRows, RunLogStoreContract):
    durable = False

    @pytest.fixture(autouse=True)
    def _server(self, postgresql_server):
        self.server = postgresql_server

    @contextmanager
    def place(self):
        with postgresql.new_schema(self.server) as self.url:
            yield lambda: SqlRunLogStore(SqlOptions(url=self.url, durable=self.durable), Path.cwd())

    @contextmanager
    def connected(self):
        with closing(psycopg.connect(self.url, autocommit=True)) as connection:

            def run(text, *values):
                cursor = connection.execute(text, values)
                return cursor.fetchall() if cursor.description else []

            yield run


class TestPostgresqlWithDurablePuts(TestPostgresql):
    durable = True
