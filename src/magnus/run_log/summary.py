"""A run in short, as a listing has it: read from the record of the run alone, most of which is passed over. Pure."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from magnus.run_log import codec
from magnus.run_log.records import Owner, RunRecord, Status


class RunSummary(Struct, frozen=True, array_like=True):
    """A run in short, from its record; `pipeline` is its name, or else the file it is written in."""

    run_id: str
    status: Status
    start_time: datetime
    end_time: datetime | None
    owner: Owner
    pipeline: str = ""
    tag: str = ""
    message: str = ""
    use_cached: bool = False
    original_run_id: str = ""


class DamagedRun(Struct, frozen=True):
    """A run that is there, but whose record cannot be read; `problem` says why."""

    run_id: str
    problem: str


class _Dag(Struct):
    name: str = ""


class _RunConfig(Struct):
    pipeline_file: str = ""
    dag: _Dag = field(default_factory=_Dag)


class _Stored(Struct):
    """The fields of a stored record that a summary needs."""

    run: str
    status: Status
    start_time: datetime
    end_time: datetime | None
    owner: Owner
    message: str
    tag: str
    use_cached: bool
    original_run_id: str
    run_config: _RunConfig


_DECODER: Final = msgspec.json.Decoder(_Stored)


def summary(run: RunRecord) -> RunSummary:
    """The run in short."""
    return RunSummary(
        run_id=run.run_id,
        status=run.status,
        start_time=run.start_time,
        end_time=run.end_time,
        owner=run.owner,
        pipeline=_pipeline(run),
        tag=run.tag,
        message=run.message,
        use_cached=run.use_cached,
        original_run_id=run.original_run_id,
    )


def summary_from_bytes(text: bytes) -> RunSummary:
    """That of a stored record; KeyError, TypeError or ValueError when it is none."""
    try:
        stored = _DECODER.decode(text)
    except ValueError:  # NaN, half of a surrogate pair, or a name that is no text
        return summary(codec.run_from_json(codec.from_bytes(text)))
    return RunSummary(
        stored.run,
        stored.status,
        stored.start_time,
        stored.end_time,
        stored.owner,
        stored.run_config.dag.name or stored.run_config.pipeline_file,
        stored.tag,
        stored.message,
        stored.use_cached,
        stored.original_run_id,
    )


def _pipeline(run: RunRecord) -> str:
    dag = run.run_config.get("dag")
    names = (dag.get("name") if isinstance(dag, dict) else None, run.run_config.get("pipeline_file"))
    return next((name for name in names if name and isinstance(name, str)), "")
