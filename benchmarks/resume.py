"""Rows of a chain of 100 steps that failed at step 90 and runs again: beside tools that do the same, and the eleven alone."""

import os
from pathlib import Path
from typing import Final

from chains import DOIT_FILES, DOIT_VALUES, LUIGI
from measuring import Bench, Goal, Row, Taken, Way, in_clean_folder, process, restored

STEPS: Final = 100
FAILED: Final = 89
WORK: Final = f"""\
import os, time
SECONDS = float(os.environ.get("SECONDS_OF_A_STEP", "0"))
def step(x: int = 0):
    if x == {FAILED} and os.path.exists("broken"):
        raise ValueError("broken")
    time.sleep(SECONDS)
    return {{"x": x + 1}}
"""
