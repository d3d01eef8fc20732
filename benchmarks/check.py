"""How long `magnus check` takes on a pipeline of 200 steps, besides starting Python and importing the user's code.

Half of it are python steps with models and annotations, the rest shell steps; one in ten is a pipeline inside. Medians of
whole processes, beside one that only imports the user's code: seconds of processor, which other work on the machine
disturbs less, and by the clock.
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


def seconds(folder: Path, *argv: str) -> tuple[float, float]:
    """Of processor, those of children too, and by the clock."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run([sys.executable, *argv], cwd=folder, env=os.environ, capture_output=True, text=True)
    after = os.times()
    assert done.returncode == 0, done.stdout + done.stderr
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return used, time.perf_counter() - start


def main() -> None:
    ways = {
        "python and the user's code": ["-c", "import work"],
        "magnus check": ["-m", "magnus", "check", "-p", "parameters.yaml"],
        "magnus check --no-import": ["-m", "magnus", "check", "-p", "parameters.yaml", "--no-import"],
    }
    took: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    with TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        for _ in range(ROUNDS):
            for way, argv in ways.items():
                took[way].append(seconds(folder, *argv))
    medians = {way: [statistics.median(column) for column in zip(*times, strict=True)] for way, times in took.items()}
    for way, (used, clock) in medians.items():
        print(f"{way:<28} {used:6.3f} s of processor, {clock:6.3f} s by the clock")
    plain, checked = medians["python and the user's code"], medians["magnus check"]
    print(
        f"{STEPS} steps, besides the user's code: {checked[0] - plain[0]:.3f} s, {checked[1] - plain[1]:.3f} s by the clock"
    )


if __name__ == "__main__":
    main()
