"""The differences between a run and the run that resumes it, a line each. Called by `app.run.prepare`."""

from collections.abc import Iterator, Mapping

from magnus.app.inspect.step_code import Pieces, changed_pieces, pieces_text, recorded_code
from magnus.definition.loader import LoadedPipeline
from magnus.definition.written_steps import written_steps
from magnus.run_log.parameters import Scope, shown
from magnus.run_log.records import RunRecord
from magnus.values import Json


def changes(
    original: RunRecord,
    pipeline: LoadedPipeline,
    parameters: Scope,
    code: Mapping[str, Pieces],
    configured: Mapping[str, Json],
) -> Iterator[str]:
    """Steps whose definition or code differs, parameters, and services; `code` is that of the steps now."""
    yield from _changed_code(original, code)
    yield from _changed_steps(original, pipeline)
    yield from _changed_parameters(original, parameters)
    yield from (
        f"{family} is configured in another way" for family in configured if _differs(original, family, configured)
    )


def _differs(original: RunRecord, family: str, configured: Mapping[str, Json]) -> bool:
    return family in original.run_config and original.run_config[family] != configured[family]


def _changed_code(original: RunRecord, code: Mapping[str, Pieces]) -> Iterator[str]:
    before = recorded_code(original.run_config)
    if before is None:
        if code:
            yield "the code of the steps cannot be compared: another version of magnus recorded it"
        return
    for name, pieces in code.items():
        if name in before and (found := changed_pieces(before[name], pieces)):
            yield f"step '{name}' has other code ({pieces_text(found)})"


def _changed_steps(original: RunRecord, pipeline: LoadedPipeline) -> Iterator[str]:
    config = original.run_config
    included = config.get("included") or {}
    file = str(config.get("pipeline_file") or "")
    before = dict(written_steps(config.get("dag"), file=file, included=included))
    after = dict(written_steps(pipeline.dag, file=pipeline.file, included=pipeline.included))
    for name, step in after.items():
        old = before.get(name)
        if old is None:
            yield f"step '{name}' is new"
        elif old != step:
            fields = sorted(key for key in {*old, *step} if old.get(key) != step.get(key))
            yield f"step '{name}' is defined in another way ({', '.join(fields)})"
    yield from (f"step '{name}' is gone" for name in before if name not in after)


def _changed_parameters(original: RunRecord, parameters: Scope) -> Iterator[str]:
    before = original.parameters
    for name, value in parameters.items():
        if name not in before:
            yield f"parameter '{name}' is new"
        elif value is not before[name] and shown(value) != shown(before[name]):
            yield f"parameter '{name}' has another value"
