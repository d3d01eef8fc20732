"""The row of an array of 100 MB that one step passes to the next, beside pickling it to a file and reading it back."""

import subprocess
from typing import Final

from measuring import Bench, Row, in_clean_folder

WORK: Final = """\
import numpy
def make(): return numpy.random.default_rng(0).random(13_107_200)
def use(array): return float(array[::4096].sum())
"""
PICKLED: Final = """\
import pickle, work
with open("array.pickle", "wb") as file:
    pickle.dump(work.make(), file, pickle.HIGHEST_PROTOCOL)
with open("array.pickle", "rb") as file:
    print(work.use(pickle.load(file)))
"""
IN_MEMORY: Final = "import work\nprint(work.use(work.make()))\n"
ARRAY: Final = {"name": "array", "kind": "object"}
PIPELINE: Final = {
    "dag": {
        "start_at": "make",
        "steps": {
            "make": {"type": "task", "command": "work.make", "returns": [ARRAY], "next": "use"},
            "use": {"type": "task", "command": "work.use", "returns": ["sum"], "next": "success"},
        },
    }
}


def array(bench: Bench) -> dict[str, float]:
    """Seconds of a run of two steps, and of plain programs that pass the array through a file and in memory."""
    python = str(bench.python("magnus"))
    subprocess.run([python, "-m", "pip", "install", "-q", "numpy"], check=True)
    folder = bench.folder("array", {"work.py": WORK, "pickled.py": PICKLED, "memory.py": IN_MEMORY, "p.yaml": PIPELINE})
    commands = {
        "magnus": bench.magnus("execute", "p.yaml"),
        "pickled to a file": [python, "pickled.py"],
        "in memory": [python, "memory.py"],
    }
    return bench.medians({name: in_clean_folder(argv, folder) for name, argv in commands.items()})


ROWS: Final = (Row("array", "an array of 100 MB from one step to the next", "s", array),)
