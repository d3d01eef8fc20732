"""The catalog `object-store` keeps its contract on servers of S3 and Azure, and loses and damages nothing when they fail."""

import os
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from object_servers import HASTY, ObjectPiece, distant, faults, of_azure, of_s3
from safety_net import LONGEST_SECONDS

from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.errors import CatalogError, DamagedContent
from magnus.object_stores.client import ObstoreObjects
from magnus.testing.catalog_contract import ROOT
from magnus.testing.keeping_catalog_contract import KeepingCatalogContract
from magnus.testing.maintained_catalog_contract import MaintainedCatalogContract
from magnus.testing.pieces import contents, flipped, make_folder, write

pytestmark = pytest.mark.xdist_group("moto")


class Aging(ObstoreObjects):
    """Objects that can be made to look older than they are; `ages` are the seconds, by key."""

    def __init__(self, location, ages):
        super().__init__(location, HASTY)
        self.ages = ages

    def __reduce__(self):
        return Aging, (self._location, self.ages)

    def make_old(self, seconds):
        for facts in super().list(".catalog"):
            self.ages[facts.key] = seconds

    def aged(self, facts):
        return replace(facts, modified=facts.modified - timedelta(seconds=self.ages.get(facts.key, 0)))

    def put(self, key, content):
        self.ages.pop(key, None)
        super().put(key, content)

    def upload(self, key, pieces):
        self.ages.pop(key, None)
        super().upload(key, pieces)

    def create(self, key, content):
        is_new = super().create(key, content)
        if is_new:
            self.ages.pop(key, None)
        return is_new

    def head(self, key):
        facts = super().head(key)
        return None if facts is None else self.aged(facts)

    def list(self, prefix):
        return map(self.aged, super().list(prefix))

    def list_direct(self, prefix):
        return [self.aged(facts) for facts in super().list_direct(prefix)]


def options_of(location, **options):
    return ObjectCatalogOptions(**msgspec.structs.asdict(location), **options)


def opened(location, ages=None, **options):
    return ObjectStoreCatalog(
        options_of(location, **options), Path.cwd(), Aging(location, {} if ages is None else ages)
    )


class OnAServer(KeepingCatalogContract, MaintainedCatalogContract):
    def pieces(self, catalog, data_hash):
        return [ObjectPiece(catalog._objects, layout.content(data_hash))]

    def make_old(self, catalog, seconds=2 * 24 * 3600):
        catalog._objects.make_old(seconds)

    @contextmanager
    def place(self):
        location, ages = self.location(), {}
        yield lambda: opened(location, ages)


@pytest.mark.slow
class TestOnS3(OnAServer):
    @pytest.fixture(autouse=True)
    def server(self, moto_server):
        self.address = moto_server

    def location(self):
        return of_s3(self.address, f"s3://tests/{uuid.uuid4()}/a catalog")


@pytest.mark.slow
@pytest.mark.xdist_group("azurite")
class TestOnAzure(OnAServer):
    @pytest.fixture(autouse=True)
    def server(self, azurite_server):
        self.address = azurite_server

    def location(self):
        return of_azure(self.address, f"az://tests/{uuid.uuid4()}")


@pytest.fixture
def proxy(moto_server):
    with faults(moto_server) as proxy:
        yield proxy


@pytest.fixture
def place():
    return f"s3://tests/{uuid.uuid4()}"


@pytest.fixture
def catalog(proxy, place):
    """The catalog behind the proxy."""
    return opened(of_s3(proxy.address, place))


@pytest.fixture
def direct(moto_server, place):
    """The same catalog without the proxy, as another process opens it."""
    return opened(of_s3(moto_server, place))


SMALL = b"small content\n"
LARGE = b"large content\n" * 1_500_000
"""Three parts."""
LOST = ["lost", ("late", 503), 409, 503, "reset"]


def sent_contents(proxy):
    """The requests that send content, by key; the parts of a large one count once."""
    starts = [path for method, path in proxy.requests if method == "POST" and "?uploads" in path]
    whole = [path for method, path in proxy.requests if method == "PUT" and "?" not in path]
    return [path for path in starts + whole if "/content/" in path]


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(
    ("content", "method"), [(SMALL, "PUT"), (LARGE, "PUT"), (LARGE, "POST")], ids=["small", "part", "completion"]
)
def test_no_content_is_lost_or_damaged_whatever_becomes_of_an_answer(
    proxy, catalog, direct, tmp_path, fault, content, method
):
    files = write(make_folder(tmp_path / "project"), {"a": content})
    for times in (1, 2):
        proxy.fail(fault, method=method, path="/content/", times=times)
    entries = catalog.put("a-run", ROOT, tmp_path / "project", files, unchanged={})
    assert direct.verify(entries) == [""]
    direct.get("a-run", ROOT, entries, make_folder(tmp_path / "elsewhere"))
    assert contents(tmp_path / "elsewhere") == {"a": content}


@pytest.mark.parametrize("fault", ["half", "reset", 503])
@pytest.mark.parametrize("content", [SMALL, LARGE], ids=len)
def test_an_answer_that_breaks_leaves_the_whole_file_or_none(proxy, catalog, direct, tmp_path, fault, content):
    files = write(make_folder(tmp_path / "project"), {"a": content})
    entries = direct.put("a-run", ROOT, tmp_path / "project", files, unchanged={})
    elsewhere = make_folder(tmp_path / "elsewhere")
    proxy.fail(fault, method="GET", path="/content/")
    catalog.get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": content}
    (elsewhere / "a").unlink()
    proxy.fail(fault, method="GET", path="/content/", times=1000)
    with pytest.raises(CatalogError, match="cannot read from 's3://tests/"):
        catalog.get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {}


@pytest.mark.parametrize("content", [SMALL * 10_000, LARGE], ids=len)
def test_a_content_is_sent_once(proxy, catalog, place, tmp_path, content):
    for number, run_id in enumerate(("one", "two", "two")):
        folder = make_folder(tmp_path / str(number))
        opened(of_s3(proxy.address, place)).put(
            run_id, ROOT, folder, write(folder, {"a": content, "b": content}), unchanged={}
        )
    catalog.put_stream("three", ROOT, "c", lambda file: file.write(content))
    assert len(sent_contents(proxy)) == 1


def test_large_content_that_is_there_is_not_read(proxy, catalog, direct, tmp_path):
    files = write(make_folder(tmp_path / "project"), {"a": LARGE})
    direct.put("a-run", ROOT, tmp_path / "project", files, unchanged={})
    [entry] = catalog.put("another", ROOT, tmp_path / "project", files, unchanged={})
    catalog.adopt("a third", ROOT, [entry])
    assert not [path for method, path in proxy.requests if method == "GET" and "/content/" in path]


def test_content_whose_version_is_unknown_is_read_and_then_known(proxy, catalog, direct, tmp_path):
    files = write(make_folder(tmp_path / "project"), {"a": LARGE})
    [entry] = direct.put("a-run", ROOT, tmp_path / "project", files, unchanged={})
    direct._objects.delete([layout.version(entry.data_hash)])
    for reads in (1, 1):
        catalog.put("another", ROOT, tmp_path / "project", files, unchanged={})
        assert len([path for method, path in proxy.requests if method == "GET" and "/content/" in path]) == reads
    assert sent_contents(proxy) == []


def test_damage_that_keeps_the_version_is_found_by_the_first_read_and_repaired_by_the_next_put(
    direct, place, moto_server, tmp_path
):
    files = write(make_folder(tmp_path / "project"), {"a": LARGE})
    [entry] = direct.put("a-run", ROOT, tmp_path / "project", files, unchanged={})
    direct._objects.put(layout.content(entry.data_hash), flipped(LARGE, 5))
    damaged = direct._objects.head(layout.content(entry.data_hash))
    direct._objects.put(layout.version(entry.data_hash), damaged.version.encode())  # as if the disk had done it
    other = opened(of_s3(moto_server, place))
    with pytest.raises(DamagedContent, match=f"'a'.*{entry.data_hash}"):
        other.get("a-run", ROOT, [entry], make_folder(tmp_path / "elsewhere"))
    assert contents(tmp_path / "elsewhere") == {}
    other.put("another", ROOT, tmp_path / "project", files, unchanged={})
    assert other.verify([entry]) == [""]


def test_many_small_files_are_sent_and_brought_at_once(proxy, catalog, tmp_path):
    project, elsewhere = make_folder(tmp_path / "project"), make_folder(tmp_path / "elsewhere")
    files = {str(number): b"%d\n" % number * 2000 for number in range(120)}
    names = write(project, files)
    proxy.delay = 0.05
    start = time.monotonic()
    entries = catalog.put("a-run", ROOT, project, names, unchanged={})
    middle = time.monotonic()
    catalog.get("a-run", ROOT, entries, elsewhere)
    end = time.monotonic()
    assert contents(elsewhere) == files
    one_at_a_time = len(names) * proxy.delay
    assert max(middle - start, end - middle) < one_at_a_time / 5


ANSWER_SECONDS = 0.02
FEW = 40


@pytest.mark.slow
def test_5000_small_files_of_a_distant_store_take_a_tenth_of_one_at_a_time(tmp_path):
    project, elsewhere = make_folder(tmp_path / "project"), make_folder(tmp_path / "elsewhere")
    names = write(project, {str(number): os.urandom(10_000) for number in range(5000)})
    with distant(tmp_path, ANSWER_SECONDS) as address:
        catalog = ObjectStoreCatalog(options_of(of_s3(address, "s3://tests/files")), Path.cwd())
        start = time.monotonic()
        entries = catalog.put("a-run", ROOT, project, names, unchanged={})
        put = time.monotonic() - start
        start = time.monotonic()
        catalog.get("a-run", ROOT, entries, elsewhere)
        get = time.monotonic() - start
        objects = catalog._objects
        keys = [layout.content(entry.data_hash) for entry in entries[:FEW]]
        start = time.monotonic()
        whole = [objects.get(key) for key in keys]
        one_at_a_time = (time.monotonic() - start) / FEW * len(names)
    assert whole == [(elsewhere / entry.name).read_bytes() for entry in entries[:FEW]]
    assert contents(elsewhere) == contents(project)
    assert one_at_a_time >= ANSWER_SECONDS * len(names)
    assert (put < one_at_a_time / 10, get < one_at_a_time / 10) == (True, True), (put, get, one_at_a_time)


MOVES = """
import sys, msgspec
from pathlib import Path
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.graph.path import BranchPath
options = msgspec.json.decode(sys.argv[1], type=ObjectCatalogOptions)
catalog, folder = ObjectStoreCatalog(options, Path.cwd()), Path(sys.argv[2])
entries = catalog.put("a-run", BranchPath(), folder, ["a"], unchanged={})
catalog.get("a-run", BranchPath(), entries, folder.parent)
with catalog.open("a", entries[0].data_hash, entries[0].size) as file:
    while file.read(1 << 20):
        pass
catalog.put_stream("a-run", BranchPath(), "b", lambda file: [file.write(b"b" * (1 << 20)) for _ in range(int(sys.argv[3]))])
status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) // 1024)  # ru_maxrss counts the process before exec, too
"""
MEBIBYTES = int(os.environ.get("MAGNUS_TEST_MEBIBYTES", "400"))
"""Of the large file; memory must not depend on it."""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_size(moto_server, place, tmp_path):
    project = make_folder(tmp_path / "project")
    with (project / "a").open("wb") as file:
        for _ in range(MEBIBYTES):
            file.write(os.urandom(1 << 20))
    options = msgspec.json.encode(options_of(of_s3(moto_server, place))).decode()
    command = [sys.executable, "-c", MOVES, options, project, str(MEBIBYTES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a").stat().st_size == MEBIBYTES << 20
    assert int(done.stdout) < 200


PUTS = """
import sys, msgspec
from pathlib import Path
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.graph.path import BranchPath
options = msgspec.json.decode(sys.argv[1], type=ObjectCatalogOptions)
catalog = ObjectStoreCatalog(options, Path.cwd())
catalog.put("a-run", BranchPath(), Path(sys.argv[2]), ["a"], unchanged={})
"""


@pytest.mark.parametrize("parts", [1, 3])
def test_a_process_killed_while_it_sends_leaves_nothing_half_used(proxy, direct, place, tmp_path, parts):
    names = write(make_folder(tmp_path / "project"), {"a": LARGE})
    proxy.delay = 0.2
    options = msgspec.json.encode(options_of(of_s3(proxy.address, place))).decode()
    process = subprocess.Popen([sys.executable, "-c", PUTS, options, tmp_path / "project"])
    deadline = time.monotonic() + LONGEST_SECONDS
    while len([path for _, path in proxy.requests if "partNumber" in path]) < parts:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.005)
    process.kill()
    process.wait()
    proxy.delay = 0
    listed = list(direct._objects.list(layout.CONTENT))
    assert [facts.size for facts in listed] in ([], [len(LARGE)])
    [entry] = direct.put("another", ROOT, tmp_path / "project", names, unchanged={})
    assert direct.verify([entry]) == [""]


@pytest.mark.parametrize("is_quiet", [True, False])
def test_a_put_waits_for_a_clean_up_that_is_about_to_remove_its_content(place, moto_server, tmp_path, is_quiet):
    ages = {}
    first, second = (opened(of_s3(moto_server, place), ages) for _ in range(2))
    names = write(make_folder(tmp_path / "project"), {"a": SMALL, "b": LARGE})
    first.put("a-run", ROOT, tmp_path / "project", names, unchanged={})
    first.remove_run("a-run")
    first._objects.make_old(2 * 24 * 3600)
    puts = []

    def put_meanwhile():
        thread = ThreadPoolExecutor(1)
        puts.append(thread.submit(second.put, "another", ROOT, tmp_path / "project", names, unchanged={}))
        thread.shutdown(wait=False)
        deadline = time.monotonic() + LONGEST_SECONDS
        while second.usage("another") is None:  # it has announced its files
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not puts[0].done()
        return is_quiet

    first.collect(frozenset(), ["a-run"], is_quiet=put_meanwhile)
    entries = puts[0].result(timeout=LONGEST_SECONDS)
    assert second.verify(entries) == ["", ""]


def test_a_put_does_not_wait_for_a_clean_up_that_was_killed(direct, tmp_path):
    names = write(make_folder(tmp_path / "project"), {"a": SMALL})
    [entry] = direct.put("a-run", ROOT, tmp_path / "project", names, unchanged={})
    direct._objects.put(f"{layout.COLLECTING}/dead", layout.hashes_to_bytes([entry.data_hash]))
    direct._objects.make_old(3600)
    direct.put("another", ROOT, tmp_path / "project", names, unchanged={})
    direct.collect(frozenset(), [])
    assert direct._objects.list_direct(layout.COLLECTING) == []


def test_a_clean_up_that_cannot_read_what_is_needed_removes_nothing(direct, tmp_path):
    names = write(make_folder(tmp_path / "project"), {"a": SMALL})
    [entry] = direct.put("a stranger", ROOT, tmp_path / "project", names, unchanged={})
    [announced] = direct._objects.list(layout.FILES)
    direct._objects.put(announced.key, flipped(direct._objects.get(announced.key), 80))
    direct._objects.make_old(2 * 24 * 3600)
    with pytest.raises(CatalogError, match="cannot tell which content is needed"):
        direct.collect(frozenset(), [])
    assert direct.verify([entry]) == [""]


# Logs


def test_a_long_log_is_read_in_order_from_any_place(catalog, direct):
    path, lines = ROOT.step("a"), [b"line %06d\n" % number for number in range(100_000)]
    with catalog.open_log("a-run", path) as log:
        for number, line in enumerate(lines):
            log.write(line)
            if number % 10_000 == 0:
                log.flush()
    with catalog.open_log("a-run", path) as log:
        log.write(b"a second attempt\n")
    with direct.read_log("a-run", path) as log:
        assert log.read() == b"".join(lines) + b"a second attempt\n"
        assert log.seek(12 * 50_000) == 12 * 50_000
        assert log.readline() == lines[50_000]


@pytest.mark.parametrize("fault", LOST)
def test_no_line_of_a_log_is_lost_or_doubled(proxy, catalog, direct, fault):
    with catalog.open_log("a-run", ROOT.step("a")) as log:
        for number in range(5):
            proxy.fail(fault, path="/logs/")
            log.write(b"%d\n" % number * 100_000)
            log.flush()
            deadline = time.monotonic() + LONGEST_SECONDS
            while proxy._faults:
                assert time.monotonic() < deadline
                time.sleep(0.01)
    with direct.read_log("a-run", ROOT.step("a")) as log:
        assert log.read() == b"".join(b"%d\n" % number * 100_000 for number in range(5))


def test_a_log_that_cannot_be_sent_is_an_error(proxy, catalog):
    proxy.fail("reset", path="/logs/", times=1000)
    log = catalog.open_log("a-run", ROOT.step("a"))
    log.write(b"a line\n")
    with pytest.raises(CatalogError, match="cannot write to 's3://tests/"):
        log.close()


# What is wrong is said once


@pytest.mark.parametrize(
    ("url", "options", "message"),
    [
        ("s3://no-such-bucket/x", {}, "there is no such bucket"),
        ("s3://tests/x", {"endpoint": "http://127.0.0.1:9"}, "the store cannot be reached"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_error(moto_server, tmp_path, url, options, message):
    location = replace(of_s3(moto_server, url), **options)
    catalog = opened(location)
    names = write(make_folder(tmp_path / "project"), {"a": SMALL})
    for ask in (
        lambda: catalog.put("a-run", ROOT, tmp_path / "project", names, unchanged={}),
        lambda: catalog.put_stream("a-run", ROOT, "a", lambda file: file.write(SMALL)),
        lambda: catalog.open("a", "0" * 64, 1),
        lambda: catalog.read_log("a-run", ROOT.step("a")),
        lambda: catalog.collect(frozenset(), []),
    ):
        with pytest.raises(CatalogError, match=message) as failed:
            ask()
        assert len(failed.value.problems) == 1
        assert failed.value.problems[0].fix
        assert "a-secret-key" not in str(failed.value)
    assert catalog.connect_problems()[0].message.startswith("the catalog cannot ")
