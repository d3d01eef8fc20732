"""Rows of files from one step to the next, beside their limits: one copy, one SHA-256, both in plain Python.

Every round makes every measurement once, in a new folder, and removes nothing (see `measuring.clean`). Times of magnus are
those of a whole run, its start-up included. Of the large file the fastest round counts, in each way: what a machine does
with 1 GiB of memory varies by far more than what is measured.
"""

import hashlib
import mmap
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from measuring import Bench, Goal, Row, Taken, Way, process, timed

BLOCK: Final = 1 << 20
LARGE_BYTES: Final = 1024 * BLOCK
SMALL_FILES: Final = 5000
SMALL_BYTES: Final = 10_000
SETTLED_SECONDS: Final = 2.1
"""How long magnus does not trust a file that was just written to stay as it is."""

OTHER_CATALOG: Final = "catalog: {type: file-system, config: {catalog_location: .other}}\n"
RUNNABLE: Final = """\
from runnable import Catalog, Pipeline, ShellTask
def main():
    make = ShellTask(name="make", command="true", catalog=Catalog(put=["data/*"]))
    between = ShellTask(name="between", command="true")
    use = ShellTask(name="use", command="true", catalog=Catalog(get=["data/*"]))
    pipeline = Pipeline(steps=[make, between, use])
    pipeline.execute()
    return pipeline
if __name__ == "__main__":
    main()
"""


def pipeline(*, moved: bool) -> dict[str, object]:
    """A pipeline that puts the files, and gets them two steps later, when they are gone or still there."""

    def step(command: str, following: str, **catalog: list[str]) -> dict[str, object]:
        return {"type": "task", "command_type": "shell", "command": command, "next": following, "catalog": catalog}

    steps = {
        "make": step(":", "between", put=["data/*"]),
        "between": step("mv data gone" if moved else ":", "use"),
        "use": step(":", "success", get=["data/*"]),
    }
    return {"dag": {"start_at": "make", "steps": steps}}


def files_folder(bench: Bench, name: str, count: int, size: int) -> Path:
    """A new folder with files of new content, as a step would have made them."""
    pipelines = {"kept.yaml": pipeline(moved=False), "moved.yaml": pipeline(moved=True)}
    folder = bench.folder(name, {**pipelines, "other.yaml": OTHER_CATALOG, "runnable_files.py": RUNNABLE})
    (folder / "data").mkdir()
    seed = os.urandom(BLOCK)
    for number in range(count):
        with (folder / "data" / f"{number}.bin").open("wb") as file:
            for block in range(max(1, size // BLOCK)):
                file.write((number + block).to_bytes(8, "big") + seed[8 : min(size, BLOCK)])
    os.sync()
    time.sleep(SETTLED_SECONDS)
    return folder


def copy(folder: Path) -> None:
    """Copy the files as a user would."""
    subprocess.run(["cp", "-r", "data", "copy"], cwd=folder, check=True)


def hash_files(folder: Path) -> None:
    """Compute the SHA-256 of each file."""
    for file in (folder / "data").iterdir():
        with file.open("rb", buffering=0) as source:
            hashlib.file_digest(source, "sha256")


def hash_and_copy(folder: Path) -> None:
    """Copy every file and hash it, as a plain script would."""
    target = folder / "plain"
    target.mkdir()
    for file in sorted((folder / "data").iterdir()):
        data = file.read_bytes()
        hashlib.sha256(data).hexdigest()
        (target / file.name).write_bytes(data)


def files(bench: Bench, count: int, size: int) -> dict[str, float]:
    """Seconds of all ways with so many files of that size."""

    def execute(folder: Path, *arguments: str) -> Way:
        return partial(process, bench.magnus("execute", *arguments), folder)

    def rounds() -> Iterator[dict[str, Way]]:
        for number in range(bench.rounds):
            folder = files_folder(bench, f"files-{count}-{number}", count, size)
            ways = {name: timed(action, folder) for name, action in LIMITS[count > 1].items()}
            ways["magnus"] = execute(folder, "kept.yaml")
            ways["[again]"] = execute(folder, "kept.yaml")
            if python := bench.python("runnable"):
                ways["runnable"] = partial(process, [python, "runnable_files.py"], folder)
            ways["[moved]"] = execute(folder, "moved.yaml", "-c", "other.yaml")
            yield {name: partial(with_memory, way, count * size) for name, way in ways.items()}

    typical = statistics.median if count > 1 else min
    return bench.once(f"files-{count}", lambda: bench.medians_of(rounds(), typical=typical))


def with_memory(way: Way, size: int) -> Taken:
    """Do the work when there is memory for a copy of the files.

    A virtual machine gives free memory back to its host, and takes it again page by page: that made every copy of 1 GiB
    up to five times as long, whoever made it. So this process uses as much memory before, and frees it.
    """
    os.sync()
    with mmap.mmap(-1, size + size // 4, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE):
        pass
    return way()


LIMITS: Final[tuple[dict[str, Callable[[Path], None]], ...]] = (
    {"copy": copy, "SHA-256": hash_files},
    {"plain": hash_and_copy, "copy": copy, "SHA-256": hash_files},
)
"""What else is measured with one file, and with many: the limits, in plain Python and with `cp`."""


def large(bench: Bench, name: str = "magnus") -> dict[str, float]:
    """Seconds for the large file; "limit" is the slower one of SHA-256 and copy."""
    measured = files(bench, 1, LARGE_BYTES)
    return _of(name, {**measured, "limit": max(measured["copy"], measured["SHA-256"])})


def small(bench: Bench, name: str = "magnus") -> dict[str, float]:
    """Seconds for the small files."""
    return _of(name, files(bench, SMALL_FILES, SMALL_BYTES))


def _of(name: str, measured: dict[str, float]) -> dict[str, float]:
    """The values of the row of which magnus has the value of this name."""
    peers = {tool: value for tool, value in measured.items() if tool[0] != "[" and tool != "magnus"}
    return {"magnus": measured[name], **peers}


ROWS: Final = (
    Row("large", "a file of 1 GiB, put and got in place", "s", large, Goal("limit", 1.3)),
    Row("large-again", "the same, the content is stored already", "s", partial(large, name="[again]")),
    Row("large-moved", "the same, the file is gone before it is got", "s", partial(large, name="[moved]")),
    Row("small", "5,000 files of 10 KB, put and got in place", "s", small, Goal("plain", 2)),
    Row("small-again", "the same, the content is stored already", "s", partial(small, name="[again]")),
    Row("small-moved", "the same, the files are gone before they are got", "s", partial(small, name="[moved]")),
)
