"""Reads what Slurm writes: the jobs that `squeue` lists, the id that `sbatch` gives, and fields of `scontrol`.

Sites put banners before such output, so a line counts only if it has the whole form.
"""

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from magnus.executors.jobs.batch_system import Job, NoAnswer
from magnus.executors.slurm.states import phase_of

_WIDTHS: Final = MappingProxyType(
    {"ArrayJobID": 20, "JobArrayID": 60, "State": 24, "RestartCnt": 12, "Reason": 80, "BatchHost": 260}
)

_ROW: Final = re.compile(
    r"(?P<job>\d+) *\|(?P<id>\d+(?:_(?P<index>\d+))?) *\|(?P<state>[A-Z_]+) *\|(?P<restarts>\d+) *"
    r"\|(?P<reason>[^|]*)\|(?P<place>[^|]*)\|(?P<name>[^|]*)\|(?P<key>[^\s|]*)[^\n]*\|"
)
_FIELD: Final = re.compile(r"(?:^|\s)([A-Za-z:/]+)=(\S*)")
_SUBMITTED: Final = re.compile(r"(\d+)(?:;\S+)?")
_NOWHERE: Final = frozenset({"", "n/a", "(null)"})


def queue_format(longest_name: int) -> str:
    """The value of `squeue --Format`: each field is padded to its width, and cut to it.

    The key is at the start of the comment.
    """
    widths = {**_WIDTHS, "Name": longest_name, "Comment": 100}
    return ",".join(f"{field}:{width}|" for field, width in widths.items())


def jobs_in(output: str) -> Iterator[tuple[str, Job]]:
    """The jobs in the output of `squeue --array --Format`, each with its name; NoAnswer when a line is cut."""
    for line in output.splitlines():
        row = _ROW.fullmatch(line.rstrip())
        if row is None:
            if line.count("|") >= 3:
                raise NoAnswer(f"squeue wrote a line that cannot be read: {line.strip()}")
            continue
        place, reason = row["place"].strip(), row["reason"].strip()
        job = Job(
            id=row["id"],
            batch=row["key"],
            index=int(row["index"] or 0),
            phase=phase_of(row["state"], reason),
            state=row["state"],
            reason="" if reason == "None" else reason,
            place="" if place.lower() in _NOWHERE else place,
            restarts=int(row["restarts"]),
            by_user=row["state"] == "CANCELLED",
        )
        yield row["name"].strip(), job


def job_id_in(output: str) -> str:
    """The id in the output of `sbatch --parsable`; NoAnswer when there is none."""
    ids = [match[1] for line in output.splitlines() if (match := _SUBMITTED.fullmatch(line.strip()))]
    if not ids:
        raise NoAnswer(f"sbatch gave no job id: {output.strip()[-200:]!r}")
    return ids[-1]


def setting_in(output: str, name: str) -> str:
    """A value in the output of `scontrol show config`; "" when it is not there."""
    for line in output.splitlines():
        field, _, value = line.partition("=")
        if field.strip() == name:
            return value.strip().partition(" ")[0]
    return ""


def records_in(output: str) -> Iterator[dict[str, str]]:
    """The fields of the records in the output of `scontrol show --oneliner`."""
    for line in output.splitlines():
        fields = dict(_FIELD.findall(line))
        if fields:
            yield fields
