"""The use cases *fan-out* and *fan-in*: a composite step of a run, in a fresh process, from files and options alone.

What any engine that walks the graph itself calls before and after the branches of the step.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec.structs import replace

from magnus.app import engine_runs, gaps
from magnus.app.beginning import context_of
from magnus.app.prepare import Execution, Prepared, prepare
from magnus.app.run_ids import check_run_id
from magnus.app.step import find_step, run_of, taken_over
from magnus.definition.compiling import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.engine import fan, process_state
from magnus.engine import scope as scopes
from magnus.engine.reducing import reducing
from magnus.errors import InvalidInput
from magnus.graph.nodes import ChosenBranch, CompositeNode, MappedBranches, RepeatedBranch, StaticBranches
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import Branched, BranchEnded, Reporter, StepEnded, StepStarted
from magnus.run_log.records import Branching, RunRecord, Status, StepRecord


def fan_out(asked: Execution, step: str, reporter: Reporter, branches_file: str = "") -> tuple[Status, list[str]]:
    """Begin the step of the run `asked.run_id`; how it stands, and the paths of the branches to run.

    These are also written to `branches_file` for engines that go by numbers: of a map a list of the numbers of its
    branches, of a conditional the number of the chosen one, of a loop the number of the round; nothing if there is none.

    A step that has begun, or succeeded, is left as it is. The run is created as by `execute_step`.
    """
    with _found(asked, step, reporter) as found:
        status, branches = _fan_out(*found, reporter)
        _write_numbers(branches_file, found[3], branches)
        return status, branches


def _fan_out(
    prepared: Prepared, run: RunRecord, path: StepPath, node: CompositeNode, reporter: Reporter
) -> tuple[Status, list[str]]:
    store = prepared.services.run_log_store
    known = store.get_step(run.run_id, path)
    if known is not None and known.status is not Status.FAIL:
        return known.status, _to_run(node, known)
    if engine_runs.is_settled(store, run.run_id, path):
        return engine_runs.status_in_settled(node, known), []
    run = engine_runs.reopened(store, run)
    if taken_over(prepared, run, path, reporter):
        return Status.SUCCESS, []
    if known is not None:
        gaps.close_branches(prepared.pipeline.graph, store, run.run_id, known)
    reporter.report(StepStarted(path, node.written_as))
    position, scope = fan.before(prepared.pipeline.graph, store, run, path)
    record = fan.begun_again(node, fan.begun(node, path, position, scope), known)
    if record.status is Status.FAIL:
        reporter.report(StepEnded(path, node.written_as, record.status, record.message, 0.0))
    if record.branching is not None:
        reporter.report(Branched(path, record.branching))
    store.put_step(run.run_id, record)
    return record.status, _to_run(node, record)


def fan_in(
    asked: Execution, step: str, reporter: Reporter, branches_file: str = "", number: int | None = None
) -> tuple[Status, list[str]]:
    """Join the branches that `fan_out` began; how the step stands, and the path of the next round of a loop.

    `number` is that of the round to join, None for the current one. One that was joined before, by a process that the
    engine lost, is not joined again: the answer is the same. `branches_file` is as for `fan_out`. A branch without an end
    counts as failed. InvalidInput when the step, or the round, has not begun.
    """
    with _found(asked, step, reporter) as found:
        status, branches = _fan_in(*found, reporter, number)
        _write_numbers(branches_file, found[3], branches)
        return status, branches


def _fan_in(
    prepared: Prepared,
    run: RunRecord,
    path: StepPath,
    node: CompositeNode,
    reporter: Reporter,
    number: int | None,
) -> tuple[Status, list[str]]:
    store = prepared.services.run_log_store
    known = store.get_step(run.run_id, path)
    if number is not None and not isinstance(node.branches, RepeatedBranch):
        raise InvalidInput(f"'{path}' is of type {node.written_as}, which has no rounds", fix="leave out '--round'")
    if known is not None and known.status is Status.SUCCESS:
        return known.status, []
    if (known is None or known.status is Status.FAIL) and engine_runs.is_settled(store, run.run_id, path):
        return engine_runs.status_in_settled(node, known), []
    if known is None or known.branching is None:
        raise InvalidInput(f"the branches of '{path}' have not begun", fix=f"magnus fan {run.run_id} {path} -m out")
    if number is not None and _is_joined(known, known.branching, number):
        return Status.PROCESSING, [str(path.into(str(number + 1)))]
    run = engine_runs.reopened(store, run)
    graph = prepared.pipeline.graph
    position, scope = fan.before(graph, store, run, path)
    reporter.report(Branched(path, known.branching))
    known = replace(fan.reopened(graph, store, run, known), position=position)
    with context_of(prepared, reporter) as opened:
        context = replace(opened, run_id=run.run_id, tag=prepared.execution.tag or run.tag)
        outcomes = [_outcome(prepared, run, path.into(key), reporter) for key in fan.keys_to_join(node, known)]
        with process_state.without_hard_exits(context.pump.original_stderr):
            record = fan.joined(node, known, outcomes, reducing(context, path))
    if record.status is not Status.PROCESSING:
        record = replace(record, scope=scopes.carried(record.position, scope, record))
        reporter.report(StepEnded(path, node.written_as, record.status, record.message, 0.0))
    elif record.branching is not None:
        reporter.report(Branched(path, record.branching))
    store.put_step(run.run_id, record)
    return record.status, _to_run(node, record)


def _is_joined(loop: StepRecord, rounds: Branching, number: int) -> bool:
    """Whether the round was joined before; InvalidInput when it has not begun."""
    current = rounds.count - 1
    if number > current:
        message = f"round {number} of '{loop.path}' has not begun: round {current} is the current one"
        raise InvalidInput(message, fix=f"join it first, with '--round {current}'")
    return number < current


def _outcome(prepared: Prepared, run: RunRecord, branch: BranchPath, reporter: Reporter) -> fan.Outcome:
    """What the branch left; one without an end has failed."""
    store = prepared.services.run_log_store
    found = fan.outcome_of(store, run.run_id, branch)
    if found is None:
        gaps.close_begun(store, run.run_id, branch)
        gaps.close_branch(prepared.pipeline.graph, store, run.run_id, branch)
        gaps.close_end(prepared.pipeline.graph, store, run.run_id, branch)
        reporter.report(BranchEnded(branch, succeeded=False))
        return fan.Outcome(branch.parts[-1], succeeded=False, parameters={}, files={})
    return found


@contextmanager
def _found(
    asked: Execution, step: str, reporter: Reporter
) -> Iterator[tuple[Prepared, RunRecord, StepPath, CompositeNode]]:
    """The run and the step; the run log store is closed afterwards."""
    check_run_id(asked.run_id)
    prepared = prepare(asked, reporter, looked_at=_all_steps)
    path = find_step(prepared.pipeline.graph, step)
    node = prepared.pipeline.graph.step(path)
    if not isinstance(node, CompositeNode):
        raise InvalidInput(f"'{path}' has no branches", fix=f"magnus execute_single_node {asked.run_id} {path}")
    with closing(prepared.services.run_log_store):
        yield prepared, run_of(prepared, path, reporter), path, node


def _to_run(node: CompositeNode, record: StepRecord) -> list[str]:
    """The paths of the branches that are to be run now: all that have begun, of a loop the last one."""
    if record.status is not Status.PROCESSING or record.branching is None:
        return []
    return [str(record.path.into(key)) for key in fan.keys_to_join(node, record)]


def _write_numbers(file: str, node: CompositeNode, branches: list[str]) -> None:
    if not file:
        return
    keys = [BranchPath.parse(branch).parts[-1] for branch in branches]
    match node.branches:
        case MappedBranches():
            text = json.dumps([int(key) for key in keys])
        case ChosenBranch(graphs=graphs):
            numbers = {key: number for number, key in enumerate((*graphs, fan.key_of_default(graphs)))}
            text = "".join(str(numbers[key]) for key in keys)
        case RepeatedBranch():
            text = "".join(keys)
        case StaticBranches():
            text = ""
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(
            f"the branches cannot be written to '{file}': {error.strerror}",
            fix="name a file in a folder that is writable",
        ) from error


def _all_steps(pipeline: LoadedPipeline) -> Sequence[StepPlace]:
    """What is checked; of parameters that no step uses the process that began the run has said enough."""
    return pipeline.steps
