"""Names that AWS takes, made of the names of steps: of states, jobs and resources."""

import re
from typing import Final

from magnus.transpilers.unique_names import UniqueNames

LONGEST_STATE: Final = 80
_LONGEST_JOB: Final = 128
_NOT_OF_STATES: Final = re.compile(r"[^A-Za-z0-9 ._-]+")
_NOT_OF_JOBS: Final = re.compile(r"[^A-Za-z0-9_-]+")


def _state(text: str, otherwise: str) -> str:
    """The text as the name of a state: all but ASCII letters, digits, space, dot and hyphens is made a hyphen."""
    return _NOT_OF_STATES.sub("-", text)[:LONGEST_STATE].strip(" -") or otherwise


def state_names() -> UniqueNames:
    """Gives names of states; no two states of a machine have the same."""
    return UniqueNames(_state, LONGEST_STATE)


def is_kept(text: str) -> bool:
    """Whether a state can have the text as its name."""
    return _state(text, "") == text


def job_name(text: str) -> str:
    """The text as the name of a job of AWS Batch, or of a job definition."""
    return _NOT_OF_JOBS.sub("-", text)[:_LONGEST_JOB].strip("-_") or "step"
