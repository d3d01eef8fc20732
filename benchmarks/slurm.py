"""The seconds that magnus takes on Slurm over the plain `sbatch --wait` of the same work: a chain of 10, maps of 40 and of 200.

It starts a cluster of one node on this machine; where Slurm is not installed it says so, and measures nothing. Each way runs in
turn, `--rounds` times, and the smallest times count. A task is `true`, so that all of the time is overhead: of Slurm in both ways, and of
magnus, which also starts a python in each job.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

sys.path[:0] = [str(Path(__file__).parents[1] / "tests" / part) for part in ("services", "processes")]

SIZES: Final = {"chain of 10": 10, "map of 40": 40, "map of 200": 200}


def magnus(folder: Path, name: str, count: int) -> None:
    """Run the pipeline once."""
    task = {"command_type": "shell", "command": "true"}
    steps: dict[str, Any] = {f"s{number}": task for number in range(count)}
    if name.startswith("map"):
        steps = {"each": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": task}}
    (folder / "p.yaml").write_text(json.dumps({"dag": {"steps": steps}}))
    services = {"executor": {"type": "slurm"}, "run_log_store": {"type": "chunked-fs"}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    xs = ["--xs", json.dumps(list(range(count)))] if name.startswith("map") else []
    quietly([sys.executable, "-m", "magnus", "execute", "p.yaml", *xs], folder)


def plain(folder: Path, name: str, count: int) -> None:
    """The same work by `sbatch --wait`: one job after the other, or an array."""
    job = ["sbatch", "--wait", "--output=/dev/null", "--wrap", "true"]
    if name.startswith("map"):
        quietly([*job, f"--array=0-{count - 1}"], folder)
        return
    for _ in range(count):
        quietly(job, folder)


def quietly(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def seconds(way: Callable[[Path, str, int], None], folder: Path, name: str, count: int) -> float:
    started = time.perf_counter()
    way(folder, name, count)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    import slurm_cluster

    if reason := slurm_cluster.missing():
        print(f"Slurm: skipped, {reason}")
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with slurm_cluster.running() as cluster, TemporaryDirectory() as folder:
        os.environ.update(cluster.environment)
        for name, count in SIZES.items():
            ways = {"magnus": magnus, "sbatch --wait": plain}
            taken = {way: [] for way in ways}
            for _ in range(rounds):
                for way, run in ways.items():
                    taken[way].append(seconds(run, Path(folder), name, count))
            ours, theirs = (min(taken[way]) for way in ways)
            print(f"{name}: magnus {ours:.1f} s, sbatch --wait {theirs:.1f} s, over it {ours - theirs:.1f} s")


if __name__ == "__main__":
    main()
