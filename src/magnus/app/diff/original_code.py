"""The code that the steps of a run ran with, where some of them were reused from runs before. Used by `app.prepare`."""

from msgspec.structs import replace

from magnus.app.diff.inputs import code_that_ran
from magnus.app.diff.runs import ReadRun
from magnus.app.diff.walk import pairs
from magnus.app.step_code import as_fact, kept
from magnus.engine.context import Services
from magnus.run_log.records import RunRecord


def with_code_that_ran(services: Services, run: RunRecord) -> RunRecord:
    """The record of the run, in which the code of a step that was reused is that of the run in which it ran."""
    if not run.original_run_id or kept(run.run_config) is None:
        return run
    read = ReadRun(run, services.run_log_store, services.catalog)
    code = code_that_ran(read, [(pair.name, pair.first) for pair in pairs(read, read)])
    return replace(run, run_config={**run.run_config, "code": as_fact(code)})
