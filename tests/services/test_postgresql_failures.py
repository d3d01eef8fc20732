"""Servers that are killed in the middle of puts, forks, many processes, and connections that cannot be had."""

import json
import os
import subprocess
import sys
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace
from postgresql import WITH_PASSWORD
from safety_net import LONGEST_SECONDS

from magnus.errors import MagnusError, RunExists, RunLogStoreError
from magnus.graph.path import BranchPath
from magnus.run_log.records import Status
from magnus.run_log_stores.sql import session
from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore
from magnus.testing.records import run_record, step_record

pytestmark = pytest.mark.xdist_group("postgresql")

PASSWORD = "Kx7%pw/1@"
ENCODED = "Kx7%25pw%2F1%40"


def store_of(url, **options):
    return SqlRunLogStore(SqlOptions(url=url, **options), Path.cwd())


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_nothing_acknowledged_is_lost_and_nothing_doubled_when_the_server_restarts(
    mortal_server, mortal_url, end, monkeypatch
):
    monkeypatch.setattr(session, "_PATIENCE_SECONDS", LONGEST_SECONDS)  # a busy machine recovers slowly
    acknowledged, stop, failures = [], threading.Event(), []

    def put(number):
        with closing(store_of(mortal_url)) as store:
            for position in range(10**6):
                if stop.is_set():
                    return
                run_id = f"{number}-{position}"
                try:
                    store.create_run(run_record(run_id))
                    store.put_step(run_id, step_record(status=Status.PROCESSING))
                    store.put_step(run_id, step_record())
                except MagnusError as error:
                    failures.append(error)
                    return
                acknowledged.append(run_id)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        wait_for_more(acknowledged)
        getattr(mortal_server, end)()
        mortal_server.start()
    wait_for_more(acknowledged)
    stop.set()
    for thread in threads:
        thread.join(LONGEST_SECONDS)
    assert failures == []
    with closing(store_of(mortal_url)) as store:
        assert set(store.list_runs()) == set(acknowledged)
        assert all(store.get_step(run_id, step_record().path) == step_record() for run_id in acknowledged)


def wait_for_more(acknowledged):
    deadline, count = time.monotonic() + LONGEST_SECONDS, len(acknowledged)
    while len(acknowledged) < count + 20:
        assert time.monotonic() < deadline, "no put was acknowledged"
        time.sleep(0.01)


def test_a_durable_record_is_on_the_disk_where_the_server_does_not_wait_for_it(mortal_server):
    with mortal_server.connect() as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")
        connection.execute("SELECT pg_reload_conf()")
    for number in range(3):
        with closing(store_of(mortal_server.url())) as store:
            store.create_run(run_record(f"run {number}"))
            store.put_step(f"run {number}", step_record(), durable=True)
            mortal_server.kill()
        mortal_server.start()
        with closing(store_of(mortal_server.url())) as store:
            assert store.get_step(f"run {number}", step_record().path) == step_record()


def test_a_second_run_is_refused_after_an_answer_was_lost(postgresql_server, database):
    """The insertion took place and its answer did not arrive: the same record is the run's own, another one is not."""
    with (
        closing(store_of(postgresql_server.url(database))) as store,
        closing(store_of(postgresql_server.url(database))) as other,
    ):
        store.create_run(run_record("first"))
        lose_one_answer(store)
        store.create_run(run_record("mine"))
        assert store.get_run("mine") == run_record("mine")
        lose_one_answer(store, before=lambda: other.create_run(replace(run_record("theirs"), tag="of another")))
        with pytest.raises(RunExists):
            store.create_run(run_record("theirs"))
        lose_one_answer(store)
        store.remove_run("mine")
        assert store.list_runs() == ["first", "theirs"]


def lose_one_answer(store, before=lambda: None):
    """The next statement takes place, and the connection breaks before the answer is read."""
    store.list_runs()
    connection = store._session._connection
    run = connection.run

    def run_and_break(*arguments, **options):
        before()
        try:
            run(*arguments, **options)
        finally:
            connection._connection.close()
        return run(*arguments, **options)

    connection.run = run_and_break


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_16_processes_use_one_run(postgresql_server, database, tmp_path, kind):
    url = postgresql_server.url(database) if kind == "postgresql" else f"sqlite:///{tmp_path}/runs.db"
    script = Path(__file__).with_name("writer.py")
    processes = [
        subprocess.Popen([sys.executable, script, url, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(16)
    ]
    created = [process.communicate(timeout=LONGEST_SECONDS)[0] for process in processes]
    assert sorted(created) == ["exists\n"] * 15 + ["made\n"]
    with closing(store_of(url)) as store:
        names = {step.path.name for step in store.list_steps("shared", BranchPath())}
        own = {f"{number}-{position}" for number in range(16) for position in range(20)}
        assert names == {step_record().path.name, *own}
        assert store.damaged_records("shared") == ()


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_a_forked_child_opens_its_own_connection_and_leaves_the_parents(postgresql_server, database, tmp_path, kind):
    url = postgresql_server.url(database) if kind == "postgresql" else f"sqlite:///{tmp_path}/runs.db"
    with closing(store_of(url)) as store:
        store.create_run(run_record("a"))
        for number in range(5):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # pytest has threads
                pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    store.put_step("a", step_record(f"child {number}"))
                    store.close()
                    status = 0
                finally:
                    os._exit(status)
            store.put_step("a", step_record(f"parent {number}"))
            assert os.waitpid(pid, 0)[1] == 0
        names = {step.path.name for step in store.list_steps("a", BranchPath())}
        assert names == {f"{who} {number}" for who in ("child", "parent") for number in range(5)}


def test_connections_are_not_held_by_processes_of_engines(postgresql_server, database):
    stores = [store_of(postgresql_server.url(database)) for _ in range(200)]
    stores[0].create_run(run_record("a"))
    for store in stores:
        store.connect_by_statement()
    for number, store in enumerate(stores):
        store.put_step("a", step_record(f"step {number}"))
    assert connections(postgresql_server, database) == 0
    assert len(stores[0].list_steps("a", BranchPath())) == 200


def test_200_at_once_wait_for_a_free_connection(postgresql_server, database):
    stores = [store_of(postgresql_server.url(database)) for _ in range(200)]
    stores[0].create_run(run_record("a"))
    for store in stores:
        store.connect_by_statement()
    failures = []

    def put(number):
        try:
            stores[number].put_step("a", step_record(f"step {number}"))
        except MagnusError as error:
            failures.append(error)

    threads = [threading.Thread(target=put, args=(number,)) for number in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_SECONDS)
    assert failures == []
    assert len(stores[0].list_steps("a", BranchPath())) == 200


def connections(server, database):
    deadline = time.monotonic() + LONGEST_SECONDS
    while True:
        with server.connect() as connection:
            [[count]] = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database])
        if count == 0 or time.monotonic() > deadline:
            return count
        time.sleep(0.05)


def test_nothing_is_prepared_and_no_setting_stays(postgresql_server, database):
    with closing(store_of(postgresql_server.url(database), durable=True)) as store:
        store.create_run(run_record("a"))
        for number in range(20):
            store.put_step("a", step_record(f"step {number}"))
            store.get_step("a", step_record().path)
        connection = store._session._connection._connection
        assert connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


@pytest.fixture
def secured(postgresql_server, database):
    with postgresql_server.connect(database) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [WITH_PASSWORD]).fetchone():
            connection.execute(f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD '{PASSWORD}'")
    return postgresql_server


@pytest.fixture
def project(tmp_path):
    steps = {}
    steps["a"] = {"type": "task", "command": "true", "command_type": "shell", "next": "success"}
    steps["success"] = {"type": "success"}
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    return tmp_path


def magnus(project, url, *arguments, **environment):
    parallel = {"type": "local", "config": {"enable_parallel": True}}
    options = {"run_log_store": {"type": "db", "config": {"url": url}}, "executor": parallel}
    (project / "magnus-config.yaml").write_text(json.dumps({"defaults": options}))
    return subprocess.run(
        [sys.executable, "-m", "magnus", *arguments],
        cwd=project,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )


def refused_connections(server, database):
    wrong = server.url(database, WITH_PASSWORD, "not" + ENCODED)
    return {
        "wrong password": (wrong, "password authentication failed", "correct user and password"),
        "no password": (server.url(database, WITH_PASSWORD), "no password supplied", "set PGPASSWORD"),
        "no user": (server.url(database, "nobody-here", ENCODED), 'role "nobody-here" does not exist', "correct the user"),
        "no database": (
            server.url("none-here", password=ENCODED), 'database "none-here" does not exist', "correct the database",
        ),
        "refused": ("postgresql://u:" + ENCODED + "@127.0.0.1:1/d", "Connection refused", "start the server"),
        "no host": (f"postgresql://u:{ENCODED}@no.such.host.invalid/d", "no.such.host.invalid", "correct the host"),
        "no rights": (
            server.url(database, WITH_PASSWORD, ENCODED), "may not create tables in the schema 'public'", "run as its owner: GRANT CREATE",
        ),
        "parameter": (server.url(database, password=ENCODED, nosuch="1"), "nosuch", "correct `url`"),
        "no schema": (
            server.url(database, password=ENCODED, options="-csearch_path%3Dnowhere"), "no schema", "make the schema",
        ),
        "encoding": (f"postgresql://u:%zz{ENCODED}@127.0.0.1/d", "cannot be used", "correct `url`"),
    }  # fmt: skip


CASES = (
    "wrong password", "no password", "no user", "no database", "refused", "no host", "no rights", "parameter", "no schema",
    "encoding",
)  # fmt: skip

WORDS_OF_SERVER = {
    "no rights": "permission denied for schema public",
    "no schema": "no schema has been selected to create in",
}


@pytest.mark.parametrize("case", CASES)
def test_a_connection_that_cannot_be_had_is_one_error_without_the_password(secured, database, project, case):
    url, message, fix = refused_connections(secured, database)[case]
    checked = magnus(project, url, "check", "p.yaml", "--connect")
    assert checked.returncode == 2
    assert checked.stdout.count("error: ") == 1
    executed = magnus(project, url, "execute", "p.yaml", "--log-level", "debug")
    assert executed.returncode in {2, 3}, executed.stderr
    for text in (checked.stdout, executed.stderr):
        assert message in text or (case in {"no rights", "no schema"} and WORDS_OF_SERVER[case] in text), text
        assert "Traceback" not in text
    assert f"fix: {fix}" in checked.stdout
    for text in (checked.stdout, checked.stderr, executed.stdout, executed.stderr):
        assert ENCODED not in text
        assert PASSWORD not in text
    assert sorted(path.name for path in project.iterdir() if not path.name.startswith(".")) == [
        "magnus-config.yaml",
        "p.yaml",
    ]
    with secured.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('public.magnus_runs')").fetchone() == (None,)


def test_the_password_is_in_no_run_log_no_message_no_file_and_no_argument_of_a_process(secured, database, project):
    with secured.connect(database) as connection:
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {WITH_PASSWORD}")
    url = secured.url(database, WITH_PASSWORD, "${DB_PASSWORD}")
    step = {
        "type": "task",
        "command": "cat /proc/[0-9]*/cmdline > arguments; true",
        "command_type": "shell",
        "next": "success",
    }
    (project / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": {"a": step}}}))
    given = {"MAGNUS_VAR_DB_PASSWORD": ENCODED}
    assert magnus(project, url, "check", "p.yaml", "--connect", **given).returncode == 0
    executed = magnus(project, url, "execute", "p.yaml", "--log-level", "debug", **given)
    assert executed.returncode == 0, executed.stderr
    shown = [magnus(project, url, *command, **given) for command in (("show", "latest", "--json"), ("runs", "--json"))]
    assert "*****@127.0.0.1" in shown[0].stdout
    with secured.connect(database) as connection:
        rows = connection.execute("SELECT record FROM magnus_runs UNION ALL SELECT record FROM magnus_steps").fetchall()
        rows += connection.execute("SELECT summary FROM magnus_runs").fetchall()
    assert b"p.yaml" in (project / "arguments").read_bytes()
    files = [path.read_bytes() for path in project.rglob("*") if path.is_file()]
    texts = [text for done in (executed, *shown) for text in (done.stdout, done.stderr)]
    for content in (*(bytes(row[0]) for row in rows), *files, *(text.encode() for text in texts)):
        assert ENCODED.encode() not in content
        assert PASSWORD.encode() not in content


def test_tables_of_a_newer_version_are_refused_with_one_error(postgresql_server, database, project):
    url = postgresql_server.url(database)
    with closing(store_of(url)) as store:
        store.create_run(run_record("a"))
    with postgresql_server.connect(database) as connection:
        connection.execute("UPDATE magnus_schema SET version = 99")
    for command, code in ((("check", "p.yaml", "--connect"), 2), (("execute", "p.yaml"), 3), (("runs",), 3)):
        done = magnus(project, url, *command)
        assert done.returncode == code
        text = done.stdout + done.stderr
        assert text.count("has run logs of a newer magnus: version 99, and this one reads 1") == 1
        assert "fix: update magnus" in text
    with postgresql_server.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM magnus_runs").fetchone() == (1,)


def test_a_server_that_does_not_come_back_is_an_error_in_the_end(mortal_server, monkeypatch):
    monkeypatch.setattr(session, "_PATIENCE_SECONDS", 0.5)
    with closing(store_of(mortal_server.url())) as store:
        store.create_run(run_record("a"))
        mortal_server.stop()
        with pytest.raises(RunLogStoreError, match=r"cannot (connect to|use)") as raised:
            store.put_step("a", step_record())
        mortal_server.start()
        assert "the server" in raised.value.problems[0].fix
        assert store.list_steps("a", BranchPath()) in ([], [step_record()])


def test_psycopg_is_loaded_for_postgresql_alone(tmp_path):
    code = (
        "import sys; from pathlib import Path; from magnus.run_log_stores.sql.store import *\n"
        f"SqlRunLogStore(SqlOptions(url='sqlite:///{tmp_path}/runs.db'), Path.cwd()).list_runs()\n"
        "print('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
