"""The client of object stores against a server of S3, with faults between them."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from object_servers import HASTY, faults, free_port, make_bucket, objects, of_s3

from magnus.definition.wrong_fields import WrongFields
from magnus.object_stores import keys
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.interface import Cause, ObjectStoreFailure

pytestmark = pytest.mark.xdist_group("moto")
ODD_TEXTS = (
    "a b/ü✓",
    "a%2Fb/x",
    "a//b",
    "../x",
    ".",
    "..",
    "x" * 3000,
    "quo'te\"",
    "tab\t",
    "a+b",
    "a#b?c#1",
    "A",
    "\udcff",
    "",
)


@pytest.fixture
def url():
    return f"s3://tests/{uuid.uuid4()}"


@pytest.fixture
def proxy(moto_server):
    with faults(moto_server) as proxy:
        yield proxy


@pytest.fixture
def store(proxy, url):
    return objects(of_s3(proxy.address, url))


def test_variables_of_the_client_count(moto_server, url, monkeypatch):
    environment = {"AWS_ENDPOINT_URL": moto_server, "AWS_ALLOW_HTTP": "true", "AWS_REGION": "us-east-1"}
    for name, value in {**environment, "AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-key"}.items():
        monkeypatch.setenv(name, value)
    store = objects(ObjectLocation(url))
    store.put("k", b"content")
    assert store.get("k") == b"content"


def puts(proxy):
    return [path for method, path in proxy.requests if method == "PUT"]


def test_of_sixteen_threads_that_create_one_key_one_succeeds(store):
    together = threading.Barrier(16)

    def create(number):
        together.wait()
        return store.create("k", b"%d" % number)

    with ThreadPoolExecutor(16) as threads:
        created = list(threads.map(create, range(16)))
    assert created.count(True) == 1
    assert store.get("k") == b"%d" % created.index(True)


@pytest.mark.parametrize("fault", ["lost", ("late", 503), ("late", 500)])
def test_a_create_whose_answer_was_lost_is_the_callers(proxy, store, fault):
    proxy.fail(fault)
    assert store.create("k", b"mine")
    assert store.get("k") == b"mine"
    assert len(puts(proxy)) == 1


@pytest.mark.parametrize("fault", ["lost", ("late", 503), "reset", 503, 409])
def test_a_create_of_a_key_that_another_has_is_never_the_callers(proxy, store, fault):
    store.create("k", b"others")
    proxy.fail(fault)
    assert not store.create("k", b"mine")
    assert store.get("k") == b"others"


@pytest.mark.parametrize("fault", ["reset", 503, 500, 429, 409])
def test_a_create_that_did_not_take_place_is_tried_again(proxy, store, fault):
    proxy.fail(fault, times=2)
    assert store.create("k", b"mine")
    assert store.get("k") == b"mine"
    assert len(puts(proxy)) == 3


def test_the_same_bytes_of_another_are_not_the_callers(store):
    assert store.create("k", b"same")
    assert not store.create("k", b"same")


@pytest.mark.parametrize("fault", ["lost", "reset", 503, ("late", 503)])
def test_a_put_is_tried_until_it_stands(proxy, store, fault):
    store.put("k", b"before")
    proxy.fail(fault, times=2)
    store.put("k", b"after")
    assert store.get("k") == b"after"


@pytest.mark.parametrize("fault", ["reset", 503, "half"])
def test_reads_are_tried_again(proxy, store, fault):
    store.put("k", b"content" * 100_000)
    proxy.fail(fault, "GET", times=2)
    assert store.get("k") == b"content" * 100_000


def test_a_download_goes_on_where_the_connection_broke(proxy, store):
    content = bytes(range(256)) * 40_000
    store.put("k", content)
    proxy.fail("half", "GET")
    pieces = bytearray()
    assert store.download("k", pieces.extend)
    assert bytes(pieces) == content


@pytest.mark.parametrize("fault", ["reset", 503])
def test_a_store_that_stays_away_is_one_failure(proxy, store, fault):
    proxy.fail(fault, "*", times=100)
    for request in (
        lambda: store.create("k", b""),
        lambda: store.put("k", b""),
        lambda: store.get("k"),
        lambda: store.head("k"),
        lambda: list(store.list("k")),
        lambda: store.upload("k", [b""]),
    ):
        with pytest.raises(ObjectStoreFailure) as failed:
            request()
        assert failed.value.cause is Cause.UNREACHABLE
        assert "a-secret-key" not in str(failed.value)


def test_a_large_upload_is_whole_when_parts_and_its_completion_fail(proxy, store):
    pieces = [bytes([number]) * 5_000_000 for number in range(5)]
    proxy.fail("reset", "PUT", "partNumber", times=1)
    proxy.fail(503, "PUT", "partNumber", times=1)
    proxy.fail(500, "POST", "uploadId")
    store.upload("large", pieces)
    assert store.get("large") == b"".join(pieces)


def test_an_upload_whose_source_fails_leaves_nothing(store):
    def pieces():
        yield b"x" * 20_000_000
        raise OSError("the file is gone")

    with pytest.raises(OSError, match="the file is gone"):
        store.upload("large", pieces())
    assert store.head("large") is None


def test_an_upload_may_read_the_store_it_writes_to(store):
    store.put("source", b"x" * 1_000_000)
    for key, number in (("small", 3), ("large", 20)):
        store.upload(key, (store.get("source") for _ in range(number)))
        assert store.head(key).size == number * 1_000_000


@pytest.mark.parametrize("fault", ["reset", 503])
def test_a_large_upload_to_a_store_that_stays_away_is_one_failure(proxy, store, fault):
    pieces = iter([b"x" * 5_000_000] * 40)
    proxy.fail(fault, "*", times=1000)
    with pytest.raises(ObjectStoreFailure) as failed:
        store.upload("k", pieces)
    assert failed.value.cause is Cause.UNREACHABLE
    assert next(pieces, None) is not None, "the source was read to its end for nothing"


def test_objects_are_listed_with_their_facts(store):
    for key in ("a/b/c", "a/b", "a/d", "ab/c"):
        store.put(key, key.encode())
    assert sorted(each.key for each in store.list("a")) == ["a/b", "a/b/c", "a/d"]
    assert sorted(each.key for each in store.list_direct("a")) == ["a/b", "a/d"]
    [facts] = [each for each in store.list("a") if each.key == "a/b"]
    assert facts.size == 3
    assert facts == store.head("a/b")
    store.delete(["a/b", "a/missing", "a/d"])
    assert [each.key for each in store.list("a")] == ["a/b/c"]


def test_more_objects_than_fit_in_an_answer_are_listed(store):
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(lambda number: store.put(f"many/{number}", b""), range(1100)))
    assert len(list(store.list("many"))) == len(store.list_direct("many")) == 1100


def test_any_text_can_be_a_part_of_a_key(store):
    for text in ODD_TEXTS:
        store.put(f"odd/{keys.part(text)}", text.encode("utf-8", "surrogatepass"))
    for text in ODD_TEXTS:
        assert store.get(f"odd/{keys.part(text)}") == text.encode("utf-8", "surrogatepass")
    assert len(list(store.list("odd"))) == len(ODD_TEXTS)


def test_a_deep_folder_has_a_short_key(store):
    key = keys.folder(("deep",), ["a part of thirty bytes or more"] * 200)
    assert len(key.encode()) < 500
    store.put(f"{key}/x", b"deep")
    assert [each.key for each in store.list_direct(key)] == [f"{key}/x"]


def test_a_missing_bucket_is_no_missing_object(moto_server):
    store = objects(of_s3(moto_server, "s3://no-such-bucket/x"))
    for request in (lambda: store.get("k"), lambda: store.put("k", b""), lambda: list(store.list("k"))):
        with pytest.raises(ObjectStoreFailure) as failed:
            request()
        assert failed.value.cause is Cause.NO_BUCKET
        assert "'s3://no-such-bucket/x': there is no such bucket" in str(failed.value)


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [
        (403, "AccessDenied", Cause.DENIED),
        (403, "InvalidAccessKeyId", Cause.DENIED),
        (403, "RequestTimeTooSkewed", Cause.CLOCK),
        (400, "InvalidRequest", Cause.REFUSED),
    ],
)
def test_what_the_store_refuses_is_named(proxy, store, monkeypatch, status, code, cause):
    body = f"<Error><Code>{code}</Code><AWSAccessKeyId>an-id</AWSAccessKeyId></Error>".encode()
    send = proxy._send
    monkeypatch.setattr(proxy, "_send", lambda handler, *_: send(handler, status, {}, body))
    problem = store.connect_problem()
    assert problem is not None
    assert "an-id" not in problem.message
    with pytest.raises(ObjectStoreFailure) as failed:
        store.put("k", b"")
    assert failed.value.cause is cause


def test_nobody_at_the_address_is_said(url):
    problem = objects(of_s3(f"http://127.0.0.1:{free_port()}", url)).connect_problem()
    assert problem is not None
    assert "the store cannot be reached" in problem.message
    assert "`endpoint`" in problem.fix


def test_no_credentials_are_said(moto_server, url, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    location = of_s3(
        moto_server,
        url,
        access_key_id="",
        secret_access_key="",
        settings={"metadata_endpoint": f"http://127.0.0.1:{free_port()}"},
    )
    problem = objects(location).connect_problem()
    assert problem is not None
    assert "no credentials were found" in problem.message


def test_a_profile_is_read_when_it_is_named(moto_server, url, tmp_path, monkeypatch):
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = a\naws_secret_access_key = b\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    store = objects(of_s3(moto_server, url, access_key_id="", secret_access_key="", profile="team"))
    store.put("k", b"by profile")
    assert store.get("k") == b"by profile"
    with pytest.raises(WrongFields, match="'others'"):
        objects(of_s3(moto_server, url, profile="others"))


def test_two_buckets_are_apart(moto_server):
    make_bucket(moto_server, "tests-2")
    first, second = (objects(of_s3(moto_server, f"s3://{name}/same"), HASTY) for name in ("tests", "tests-2"))
    first.put("k", b"1")
    assert second.get("k") is None
