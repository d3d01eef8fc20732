"""The `sql` run log store behind PgBouncer, where statements of one store go over connections that other stores use too."""

import subprocess
import sys
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import postgresql
import psycopg
import pytest
from rows_of_runs import InRows
from safety_net import LONGEST_SECONDS

from magnus.graph.path import BranchPath
from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_store_contract import RunLogStoreContract

pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(scope="module")
def emptied_database(postgresql_server):
    """The name of a database that tests use one after the other: the pooler refuses to choose a schema."""
    with postgresql.new_database(postgresql_server) as name:
        yield name


@pytest.mark.parametrize("pooler", ["transaction"], indirect=True)
class TestBehindPooler(InRows, RunLogStoreContract):
    @pytest.fixture(autouse=True)
    def _servers(self, postgresql_server, pooler, emptied_database):
        self.server, self.pooler, self.database = postgresql_server, pooler, emptied_database

    @contextmanager
    def place(self):
        with self.server.connect(self.database) as connection:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        yield lambda: SqlRunLogStore(SqlOptions(url=self.pooler(self.database), durable=True), Path.cwd())

    @contextmanager
    def connected(self):
        with closing(psycopg.connect(self.server.url(self.database), autocommit=True)) as connection:

            def run(text, *values):
                cursor = connection.execute(text, values)
                return cursor.fetchall() if cursor.description else []

            yield run


def test_16_processes_make_the_tables_and_share_four_connections(postgresql_server, pooler, database):
    script = Path(__file__).with_name("writer.py")
    processes = [
        subprocess.Popen([sys.executable, script, pooler(database), str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(16)
    ]
    answers = [process.communicate(timeout=LONGEST_SECONDS)[0] for process in processes]
    assert sorted(answers) == ["exists\n"] * 15 + ["made\n"]
    with closing(SqlRunLogStore(SqlOptions(url=postgresql_server.url(database)), Path.cwd())) as store:
        names = {step.path.name for step in store.list_steps("shared", BranchPath())}
        assert names == {step_record().path.name} | {f"{a}-{b}" for a in range(16) for b in range(20)}
        assert store.damaged_records("shared") == ()


def test_a_durable_put_leaves_the_setting_of_the_connection_of_others(postgresql_server, pooler, database):
    with postgresql_server.connect(database) as connection:
        connection.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    with (
        closing(SqlRunLogStore(SqlOptions(url=pooler(database), durable=True), Path.cwd())) as store,
        closing(psycopg.connect(pooler(database), autocommit=True, prepare_threshold=None)) as other,
    ):
        store.create_run(run_record("a"))
        for number in range(10):
            store.put_step("a", step_record(f"step {number}"))
            assert other.execute("SHOW synchronous_commit").fetchone() == ("off",)
        assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_200_stores_share_four_connections(pooler, database):
    stores = [SqlRunLogStore(SqlOptions(url=pooler(database)), Path.cwd()) for _ in range(200)]
    stores[0].create_run(run_record("a"))
    threads = [
        threading.Thread(target=store.put_step, args=("a", step_record(f"step {number}")))
        for number, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_SECONDS)
    assert len(stores[0].list_steps("a", BranchPath())) == 200
    for store in stores:
        store.close()


def test_options_that_the_pooler_refuses_are_one_error(pooler, database):
    store = SqlRunLogStore(SqlOptions(url=f"{pooler(database)}?options=-csearch_path%3Dnowhere"), Path.cwd())
    [problem] = store.connect_problems()
    assert "unsupported startup parameter" in problem.message
    assert problem.fix == "correct the parameters in `url`, or let the pooler ignore them"
