"""How long the catalog `object-store` takes to put and get files, beside the client that it uses, against moto on this machine.

`make bench` runs one round of it. Each round sends and brings one file of 1 GiB and 5,000 files of 10 KB in both ways, one after the other, with new content and
in new places. The client alone sends as many files at a time, and hashes nothing. Prints the seconds of each round, the
medians. moto keeps all content in memory: three rounds take about 6 GB. At last the small files go to and come from a server
that answers in 20 ms, beside the requests of some of them one after the other.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import obstore
from obstore.store import S3Store

from magnus.catalogs.object_store import put_files
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.graph.path import BranchPath

TESTS: Final = Path(__file__).parents[1] / "tests/services"
MOTO: Final = [str(TESTS / "moto_server_locked.py")]
ANSWER_SECONDS: Final = 0.02
FEW: Final = 50
"""So many files one after the other stand for all."""
BLOCK: Final = 1 << 20
THREADS: Final = put_files.SMALL_AT_A_TIME
KEYS: Final = {"access_key_id": "an-id", "secret_access_key": "a-key", "region": "us-east-1"}


@contextmanager
def running(port: int, program: str, *arguments: str) -> Iterator[str]:
    """The address of a server with the bucket `bench`."""
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, program, str(port), *arguments]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            made = False
            while not made:
                with suppress(urllib.error.URLError):
                    request = urllib.request.Request(f"{address}/bench", method="PUT")
                    urllib.request.urlopen(request).close()
                    made = True
                time.sleep(0.1)
            yield address
        finally:
            process.kill()


def seconds(action: Callable[[], object]) -> float:
    """The seconds of the clock that the action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def new_files(folder: Path, count: int, size: int) -> list[str]:
    """The names of new files with new content in the folder."""
    folder.mkdir()
    for number in range(count):
        with (folder / str(number)).open("wb") as file:
            for _ in range(max(1, size // BLOCK)):
                file.write(os.urandom(min(size, BLOCK)))
    return sorted(path.name for path in folder.iterdir())


class Client:
    """The client alone."""

    def __init__(self, address: str) -> None:
        options: Any = {"allow_http": True, "timeout": "15m"}
        self._store = S3Store("bench", endpoint=address, client_options=options, prefix=str(uuid.uuid4()), **KEYS)

    def put(self, folder: Path, names: list[str]) -> None:
        """Send the files; a large one in parts, four at a time."""
        self._each(lambda name: obstore.put(self._store, name, folder / name, chunk_size=8 * BLOCK), names)

    def get(self, folder: Path, names: list[str]) -> None:
        """Bring the files."""
        folder.mkdir()
        self._each(lambda name: self._write(folder / name, name), names)

    def _write(self, path: Path, name: str) -> None:
        with path.open("wb") as file:
            for piece in obstore.get(self._store, name).stream(4 * BLOCK):
                file.write(piece)

    def _each(self, action: Callable[[str], object], names: list[str]) -> None:
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(action, names))


class Catalog:
    """The catalog."""

    def __init__(self, address: str) -> None:
        options = ObjectCatalogOptions(f"s3://bench/{uuid.uuid4()}", endpoint=address, **KEYS)
        self._catalog = ObjectStoreCatalog(options, Path.cwd())
        self._entries: Any = ()

    def put(self, folder: Path, names: list[str]) -> None:
        """Put the files."""
        self._entries = self._catalog.put("a-run", BranchPath(), folder, names, unchanged={})

    def get(self, folder: Path, _names: list[str]) -> None:
        """Get the files that were put."""
        folder.mkdir()
        self._catalog.get("a-run", BranchPath(), self._entries, folder)


def measured(address: str, scratch: Path, count: int, size: int) -> dict[str, float]:
    """The seconds of one round."""
    names = new_files(scratch / "files", count, size)
    ways: dict[str, Client | Catalog] = {"client": Client(address), "catalog": Catalog(address)}
    result = {}
    for name, way in ways.items():
        result[f"put {name}"] = seconds(lambda way=way: way.put(scratch / "files", names))
    for name, way in ways.items():
        result[f"get {name}"] = seconds(lambda way=way, name=name: way.get(scratch / name, names))
    for folder in ("files", *ways):
        shutil.rmtree(scratch / folder)
    return result


def distant(address: str, scratch: Path, count: int) -> dict[str, float]:
    """The seconds that the catalog takes for files of a store that answers late, and the ones they take one by one."""
    names = new_files(scratch / "files", count, 10_000)
    catalog, client = Catalog(address), Client(address)
    return {
        "put": seconds(lambda: catalog.put(scratch / "files", names)),
        "get": seconds(lambda: catalog.get(scratch / "new", names)),
        "put one by one": count
        / FEW
        * seconds(lambda: [client.put(scratch / "files", [name]) for name in names[:FEW]]),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=15999)
    parser.add_argument("--size", type=int, default=1024, help="of the large file, in MiB")
    parser.add_argument("--count", type=int, default=5000, help="of small files")
    options = parser.parse_args()
    for what, count, size in (("large file", 1, options.size * BLOCK), ("small files", options.count, 10_000)):
        with running(options.port, *MOTO) as address, TemporaryDirectory() as scratch:
            rounds = [measured(address, Path(scratch), count, size) for _ in range(options.rounds)]
        for name in rounds[0]:
            values = [taken[name] for taken in rounds]
            print(f"{what}, {name}: {statistics.median(values):.2f} s, of", *(f"{value:.2f}" for value in values))
        for verb in ("put", "get"):
            ratios = [taken[f"{verb} catalog"] / taken[f"{verb} client"] for taken in rounds]
            print(f"{what}, {verb}: {statistics.median(ratios):.2f} times the client", flush=True)
    program = str(TESTS / "distant_object_server.py")
    with running(options.port, program, str(ANSWER_SECONDS)) as address, TemporaryDirectory() as scratch:
        taken = distant(address, Path(scratch), options.count)
    for verb in ("put", "get"):
        ratio = taken["put one by one"] / taken[verb]
        print(
            f"small files at {ANSWER_SECONDS * 1e3:.0f} ms an answer, {verb}: {taken[verb]:.2f} s, {ratio:.1f} times as fast as one by one"
        )


if __name__ == "__main__":
    main()
