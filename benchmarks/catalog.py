"""Files from one step to the next, in whole processes, beside the limits: one copy, one SHA-256, one hard link.

`make bench` runs it after `run.py`, whose environment of magnus it uses. Every round makes every measurement once, after
the disk was flushed, in a new folder, and removes nothing: for seconds after many files were removed a disk makes new
ones several times slower. The table has medians. Times of magnus are those of a whole run, its start-up included.
"""

import argparse
import hashlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
BIN = ROOT / ".venvs" / "magnus" / "bin"
BLOCK = 1 << 20


def pipeline(pattern, *, deleted):
    between = {"type": "task", "command_type": "shell", "command": "mv data gone" if deleted else ":", "next": "use"}
    steps = {
        "make": {"type": "task", "command_type": "shell", "command": ":", "catalog": {"put": [pattern]}, "next": "between"},
        "between": between,
        "use": {"type": "task", "command_type": "shell", "command": ":", "catalog": {"get": [pattern]}, "next": "success"},
    }  # fmt: skip
    return json.dumps({"dag": {"start_at": "make", "steps": steps}})


def plain_copy(folder):
    """Copy every file and hash it, as a plain script would."""
    target = folder / "plain"
    target.mkdir()
    for file in sorted((folder / "data").iterdir()):
        data = file.read_bytes()
        hashlib.sha256(data).hexdigest()
        (target / file.name).write_bytes(data)


def copied(folder):
    subprocess.run(["cp", "-r", "data", "copy"], cwd=folder, check=True)


def hashed(folder):
    for file in (folder / "data").iterdir():
        digest = hashlib.sha256()
        with file.open("rb", buffering=0) as source:
            while block := source.read(BLOCK):
                digest.update(block)


def linked(folder):
    (folder / "links").mkdir()
    for file in (folder / "data").iterdir():
        os.link(file, folder / "links" / file.name)


def run_magnus(folder, name, *more):
    done = subprocess.run([str(BIN / "magnus"), "execute", name, *more], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"magnus failed: {done.stderr}")


def timed(action, *arguments):
    os.sync()
    start = time.perf_counter()
    action(*arguments)
    return time.perf_counter() - start


def made(folder, count, size):
    """Files with new content, as a step would have made them, in a new folder."""
    (folder / "data").mkdir(parents=True)
    seed = os.urandom(BLOCK)
    for number in range(count):
        with (folder / "data" / f"{number}.bin").open("wb") as file:
            file.write(number.to_bytes(8, "big") + seed[8:size] if size < BLOCK else b"")
            for block in range(0 if size < BLOCK else size // BLOCK):
                file.write(block.to_bytes(8, "big") + seed[8:])
    (folder / "kept.yaml").write_text(pipeline("data/*", deleted=False))
    (folder / "moved.yaml").write_text(pipeline("data/*", deleted=True))
    (folder / "other.yaml").write_text("catalog: {type: file-system, config: {catalog_location: .other}}\n")
    os.sync()
    time.sleep(2.1)  # what was just written is not trusted to stay as it is
    return folder


def files(folder, count, size, rounds):
    """Medians of all measurements with so many files of that size."""
    measured = {
        "cp": (copied,),
        "SHA-256": (hashed,),
        "hard link": (linked,),
        "plain Python: hash and copy": (plain_copy,),
        "in place": (run_magnus, "kept.yaml"),
        "again, same content": (run_magnus, "kept.yaml"),
        "gone in between": (run_magnus, "moved.yaml", "-c", "other.yaml"),
    }
    if count == 1:
        del measured["plain Python: hash and copy"]
    times = {name: [] for name in measured}
    for number in range(rounds):
        place = made(folder / f"{count}-{number}", count, size)
        for name, (action, *arguments) in measured.items():
            times[name].append(timed(action, place, *arguments))
    return {name: statistics.median(taken) for name, taken in times.items()}


def at_once(folder, rounds):
    """Eight hello runs at once in one folder, and eight plain Pythons."""
    (folder / "work.py").write_text("def f(): pass\n")
    (folder / "hello.yaml").write_text(
        json.dumps({"dag": {"start_at": "a", "steps": {"a": {"command": "work.f", "next": "success"}}}})
    )
    (folder / "plain.py").write_text("import datetime, hashlib, json, os, subprocess, time\nfrom work import f\nf()\n")
    commands = {
        "8 plain Pythons at once": [str(BIN / "python"), "plain.py"],
        "8 hello runs at once": [str(BIN / "magnus"), "execute", "hello.yaml"],
    }
    times = {name: [] for name in commands}

    def all_at_once(command):
        started = [subprocess.Popen(command, cwd=folder, stdout=-3, stderr=-3) for _ in range(8)]
        if any(process.wait() for process in started):
            sys.exit(f"{command} failed")

    for _ in range(rounds + 1):
        for name, command in commands.items():
            times[name].append(timed(all_at_once, command))
    if len(list((folder / ".run_log_store").glob("*.jsonl"))) != 8 * (rounds + 1):
        sys.exit("a run was lost")
    return {name: statistics.median(taken[1:]) for name, taken in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024, help="size of the large file")
    asked = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        report(f"one file of {asked.mib} MiB", files(folder, 1, asked.mib * BLOCK, asked.rounds), ("SHA-256", "cp"))
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        print(f"\nthe largest process so far had {memory} MiB")
        report("5,000 files of 10 KB", files(folder, 5000, 10_000, asked.rounds), ("plain Python: hash and copy",))
        report("8 at once", at_once(folder, asked.rounds), ("8 plain Pythons at once",))


def report(title, times, limits):
    limit = max(map(times.__getitem__, limits))
    named = limits[0] if len(limits) == 1 else f"max({', '.join(limits)})"
    print(f"\n| {title} | seconds | beside {named} |\n|---|---|---|")
    for name, taken in times.items():
        print(f"| {name} | {taken:.3f} | {taken / limit:.2f} |")


main()
