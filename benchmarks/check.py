"""How long `magnus check` takes on a pipeline of 200 steps, besides starting Python and importing the user's code.

Half of it are python steps with models and annotations, the rest shell steps; one in ten has branches. Medians of whole
processes, with what the interpreter and the imports of the pipeline's module take in a process of their own.
"""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

STEPS = 200
ROUNDS = 7
HEAD = "from pydantic import BaseModel\n\n\nclass Model(BaseModel):\n    a: int\n    b: list[str]\n"
FUNCTION = "\n\ndef f{n}(x{n}: int, model: Model, *, quick: bool = False) -> int:\n    return x{n}\n"


def write(folder: Path) -> None:
    (folder / "work.py").write_text(HEAD + "".join(FUNCTION.format(n=n) for n in range(STEPS)))
    (folder / "parameters.yaml").write_text("x0: 1\nmodel: {a: 1, b: [x]}\n")
    lines = ["dag:", "  start_at: s0", "  steps:"]
    for n in range(STEPS):
        following = f"s{n + 1}" if n + 1 < STEPS else "success"
        task = (
            [f"command: work.f{n}"]
            if n % 2
            else ["command_type: shell", f'command: export x{n + 1}="$((x{n} + 1))"; echo "step {n}" >> log.txt']
        )
        task = [*task, f"returns: [x{n + 1}]"]
        if n % 10 == 9:
            inner = [
                "dag:",
                "  start_at: inner",
                "  steps:",
                "    inner:",
                *(f"      {line}" for line in task),
                "      next: success",
            ]
            task = ["type: dag", *inner]
        lines += [f"    s{n}:", *(f"      {line}" for line in task), f"      next: {following}"]
    (folder / "pipeline.yaml").write_text("\n".join(lines) + "\n")


def seconds(folder: Path, *argv: str) -> float:
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *argv], cwd=folder, env=os.environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - start


def main() -> None:
    ways = {
        "python and the user's code": ["-c", "import work"],
        "magnus check": ["-m", "magnus", "check", "-p", "parameters.yaml"],
        "magnus check --no-import": ["-m", "magnus", "check", "-p", "parameters.yaml", "--no-import"],
    }
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        took = {way: [] for way in ways}
        for _ in range(ROUNDS):
            for way, argv in ways.items():
                took[way].append(seconds(folder, *argv))
    for way, times in took.items():
        print(f"{way:<28} {statistics.median(times):6.3f} s  (least {min(times):.3f} s)")
    besides = statistics.median(took["magnus check"]) - statistics.median(took["python and the user's code"])
    print(f"{STEPS} steps, besides the user's code: {besides:.3f} s")


if __name__ == "__main__":
    main()
