"""The run log store `object-store` keeps its contract on servers of S3 and Azure, and loses nothing when answers are lost."""

import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from object_servers import AZURITE_ACCOUNT, ObjectPiece, faults, objects, of_azure, of_s3

from magnus.errors import RunExists, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.run_log.records import Status
from magnus.run_log_stores import record_objects
from magnus.run_log_stores.object_store import ObjectStoreRunLogStore
from magnus.testing.records import run_record, step_record
from magnus.testing.run_log_store_contract import RunLogStoreContract

pytestmark = pytest.mark.xdist_group("moto")


def opened(location):
    return ObjectStoreRunLogStore(location, Path.cwd(), objects(location))


class Objects:
    def pieces(self, store, run_id):
        return [ObjectPiece(store._objects, key) for key in record_objects.all_keys(store._objects, run_id)]


@pytest.mark.slow
class TestOnS3(Objects, RunLogStoreContract):
    @pytest.fixture(autouse=True)
    def server(self, moto_server):
        self.address = moto_server

    @contextmanager
    def place(self):
        location = of_s3(self.address, f"s3://tests/{uuid.uuid4()}/run logs")
        yield lambda: opened(location)


@pytest.mark.slow
@pytest.mark.xdist_group("azurite")
class TestOnAzure(Objects, RunLogStoreContract):
    @pytest.fixture(autouse=True)
    def server(self, azurite_server):
        self.address = azurite_server

    @contextmanager
    def place(self):
        location = of_azure(self.address, f"az://tests/{uuid.uuid4()}")
        yield lambda: opened(location)


@pytest.fixture
def proxy(moto_server):
    with faults(moto_server) as proxy:
        yield proxy


@pytest.fixture
def store(proxy):
    return opened(of_s3(proxy.address, f"s3://tests/{uuid.uuid4()}"))


@pytest.mark.parametrize("fault", ["lost", ("late", 503), 409, 503, "reset"])
def test_a_run_is_created_once_whatever_becomes_of_the_answer(proxy, store, fault):
    proxy.fail(fault, path="/.runs/")
    store.create_run(run_record("a"))
    assert store.get_run("a") == run_record("a")
    proxy.fail(fault, path="/.runs/")
    with pytest.raises(RunExists):
        store.create_run(run_record("a", status=Status.FAIL))
    assert store.list_runs() == ["a"]


@pytest.mark.parametrize("fault", ["lost", ("late", 503), 409, 503, "reset"])
@pytest.mark.parametrize("status", [Status.PROCESSING, Status.SUCCESS])
def test_a_record_is_put_once_whatever_becomes_of_the_answer(proxy, store, fault, status):
    store.create_run(run_record("a"))
    proxy.fail(fault, path="/.steps/")
    store.put_step("a", step_record(status=status))
    assert store.list_steps("a", BranchPath()) == [step_record(status=status)]
    proxy.fail(fault, path="/.steps/")
    store.put_step("a", replace(step_record(), message="late"))
    late = store.get_step("a", step_record().path)
    assert late.message == ("" if status is Status.SUCCESS else "late")


def test_a_put_that_failed_for_good_took_place_whole_or_not_at_all(proxy, store):
    store.create_run(run_record("a"))
    proxy.fail("reset", path="/.steps/", times=100)
    with pytest.raises(RunLogStoreError, match="cannot write to 's3://tests/"):
        store.put_step("a", step_record())
    proxy._faults.clear()
    assert store.get_step("a", step_record().path) is None
    store.put_step("a", step_record())
    assert store.get_step("a", step_record().path) == step_record()


def test_a_server_that_ignores_if_none_match_is_refused_when_the_first_run_is_created(proxy, store):
    proxy.fail(("headers", ["If-None-Match"]), times=100)
    with pytest.raises(RunLogStoreError, match="If-None-Match is ignored"):
        store.create_run(run_record("a"))
    proxy._faults.clear()
    assert store.list_runs() == []
    assert not [each.key for each in store._objects.list("") if "probe" in each.key]
    store.create_run(run_record("a"))
    probes = [path for _, path in proxy.requests if ".probe" in path]
    opened(store._objects._location).create_run(run_record("b"))
    assert probes == [path for _, path in proxy.requests if ".probe" in path], "the second run tries again"


def test_records_of_a_newer_version_are_refused(store):
    store._objects.put(record_objects.FORMAT, b"2\n")
    with pytest.raises(RunLogStoreError, match="newer version of magnus"):
        store.create_run(run_record("a"))


def test_requests_of_a_step_do_not_grow_with_the_run(proxy, store):
    store.create_run(run_record("a"))
    for number in range(20):
        proxy.requests.clear()
        store.put_step("a", step_record(f"step {number}", position=number))
        assert sorted(method for method, _ in proxy.requests) == ["HEAD", "PUT"]


def test_a_record_put_into_a_run_that_is_not_there_is_not_there_either(store):
    for status in (Status.PROCESSING, Status.SUCCESS):
        with pytest.raises(RunNotFound):
            store.put_step("a", step_record(status=status))
    store._objects.put(f"{record_objects.step('a', step_record().path)}.done.json", b"of a removed run")
    store.create_run(run_record("a"))
    assert store.list_steps("a", BranchPath()) == []
    assert store.damaged_records("a") == ()


def test_no_message_holds_the_keys(moto_server):
    location = of_s3(moto_server, "s3://no-such-bucket/x")
    with pytest.raises(RunLogStoreError, match="there is no such bucket") as failed:
        opened(location).create_run(run_record("a"))
    assert "a-secret-key" not in str(failed.value) + repr(failed.value.__cause__)
    assert AZURITE_ACCOUNT not in str(failed.value)
