"""What a notebook step costs over the same notebook run by nbclient alone: whole processes, in interleaved rounds.

python benchmarks/notebook.py [ROUNDS]
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCES = ["x = 1", "y = x + 1", "print(y)"]
BARE = (
    "import nbformat; from nbclient import NotebookClient; notebook = nbformat.read('three.ipynb', 4); "
    "NotebookClient(notebook).execute(); nbformat.write(notebook, 'bare_out.ipynb')"
)
PIPELINE = "dag: {start_at: nb, steps: {nb: {type: task, command_type: notebook, command: three.ipynb, next: success}}}"
COMMANDS = {
    "nbclient": [sys.executable, "-c", BARE],
    "magnus": [sys.executable, "-m", "magnus", "execute", "pipeline.yaml"],
}


def write_project(folder: Path) -> None:
    cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": []}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [{**cell, "id": f"c{number}", "source": source} for number, source in enumerate(SOURCES)]
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": cells}
    (folder / "three.ipynb").write_text(json.dumps(notebook))
    (folder / "pipeline.yaml").write_text(PIPELINE)


def seconds(command: list[str], folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    return time.perf_counter() - start


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with TemporaryDirectory() as name:
        write_project(Path(name))
        for number in range(rounds + 1):
            for command, argv in COMMANDS.items():
                took = seconds(argv, Path(name))
                if number:  # the first one fills caches
                    taken[command].append(took)
    for command, times in taken.items():
        print(f"{command:10} best {min(times):.2f} s, median {statistics.median(times):.2f} s")
    ratio = statistics.median(taken["magnus"]) / statistics.median(taken["nbclient"])
    print(f"overhead   {100 * (ratio - 1):+.0f} %")


if __name__ == "__main__":
    main()
