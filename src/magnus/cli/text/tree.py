"""A run drawn as a tree of steps, as `magnus show` prints it. Used by it."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from magnus.app.inspect.list_runs import ListedRun
from magnus.app.inspect.show_run import BranchNode, RunTree, ShownStep, StepNode
from magnus.app.text.columns import width
from magnus.app.text.palette import Style
from magnus.app.text.plain_text import plain
from magnus.app.text.units import elapsed, size
from magnus.cli.text import values
from magnus.cli.text.styled_text import Piece, cut, has_colour, line_of, terminal_width, wrapped
from magnus.graph.path import print_names
from magnus.run_log.next_commands import Command
from magnus.run_log.parameters import ObjectParameter, plain_metrics
from magnus.run_log.records import AttemptRecord, RunRecord, RunStatus, Status, StepRecord, is_cached
from magnus.run_log.summary import summary

_FEW_BRANCHES: Final = 4
_MOST_FAILED: Final = 5
_LABEL_WIDTH: Final = 8


class Line(Struct, frozen=True):
    """Pieces behind a margin.

    On a terminal that is too narrow they are cut; or wrapped behind the margin if it `wraps`; or left as they are, to be
    copied, if it `stays_whole`.
    """

    margin: str
    pieces: tuple[Piece, ...]
    wraps: bool = False
    stays_whole: bool = False


def run_lines(tree: RunTree, now: datetime, *, everything: bool) -> Iterator[Line]:
    """The run, its steps and its last parameters."""
    run = tree.run
    yield from heading(run, tree.status, tree.message, now)
    if tree.last_heard is not None:
        yield from _labelled("  ", "heard", values.last_heard(tree.last_heard, run.owner.workflow_name))
    yield from _labelled("  ", "initial", values.shortened(values.parameters(run.parameters), everything=everything))
    yield Line("", ())
    yield from _Tree(everything=everything, objects=tree.objects).steps(tree.steps, "")
    if tree.parameters and tree.steps:
        yield Line("", ())
        yield from _labelled("  ", "final", values.shortened(values.parameters(tree.parameters), everything=everything))
    if tree.commands:
        yield Line("", ())
        yield from _commands(tree.commands)


def heading(run: RunRecord, status: RunStatus, message: str, now: datetime) -> Iterator[Line]:
    """The line of the run itself."""
    short = summary(run)
    listed = ListedRun(run.run_id, status, start_time=run.start_time, end_time=run.end_time)
    took = values.duration(listed.duration(now))
    yield Line(
        "", (("run ", Style.QUIET), (plain(run.run_id), Style.STRONG), ("  ", Style.PLAIN), *_state(status, took))
    )
    yield from _message("  ", message, status)
    file = str(run.run_config.get("pipeline_file") or "")
    of_file = f" ({file})" if file and file != short.pipeline else ""
    yield from _labelled("  ", "pipeline", f"{short.pipeline}{of_file}")
    yield from _labelled("  ", "started", f"{values.moment(run.start_time)} UTC")
    yield from _labelled("  ", "tag", run.tag)
    yield from _labelled("  ", "resumes", run.original_run_id)
    yield from _labelled("  ", "reproduces", str(run.run_config.get("reproduces") or ""))
    yield from _labelled("  ", "workflow", run.owner.workflow_name)
    yield from _labelled("  ", "code", "; ".join(values.identities(run.code_identities)))


class _Tree:
    """Draws steps below one another, and their branches inside them."""

    def __init__(self, *, everything: bool, objects: Mapping[str, ObjectParameter]) -> None:
        self._everything = everything
        self._objects = objects

    def steps(self, steps: Sequence[StepNode], margin: str) -> Iterator[Line]:
        for number, step in enumerate(steps, 1):
            is_last = number == len(steps)
            yield from self._step(step, margin + ("└─ " if is_last else "├─ "), margin + ("   " if is_last else "│  "))

    def _step(self, step: StepNode, first: str, margin: str) -> Iterator[Line]:
        name = (plain(step.record.path.name), Style.STRONG)
        if step.record.is_terminal:
            return (yield Line(first, ((name[0], values.style(step.status)),)))
        took = values.duration(step.took)
        yield Line(first, (name, ("  ", Style.PLAIN), *_state(step.status, took), *_remarks(step)))
        inside = margin + ("│  " if step.branches else "   ")
        yield from _message(inside, step.record.message, step.status)
        yield from _warning(inside, step.record)
        yield from self._facts(step, inside)
        yield from self.branches(step.branches, margin)

    def _facts(self, step: StepNode, margin: str) -> Iterator[Line]:
        record, everything = step.record, self._everything
        inputs = record.attempts[-1].parameters if record.attempts else {}
        put = {} if record.branching else values.files(record.catalog, "put")
        yield from _labelled(
            margin, "in", values.shortened(values.input_texts(inputs, self._objects), everything=everything)
        )
        yield from _labelled(
            margin, "out", values.shortened(values.parameters(record.parameters), everything=everything)
        )
        yield from _labelled(
            margin, "metrics", values.shortened(values.texts(plain_metrics(record.metrics)), everything=everything)
        )
        yield from _labelled(
            margin, "get", values.file_names(values.files(record.catalog, "get"), everything=everything)
        )
        yield from _labelled(margin, "put", values.file_names(put, everything=everything))

    def branches(self, branches: Sequence[BranchNode], margin: str) -> Iterator[Line]:
        shown, hidden = self._chosen(branches)
        for number, branch in enumerate(shown, 1):
            is_last = number == len(shown) and not hidden
            yield Line(
                margin + ("└─ " if is_last else "├─ "),
                (*_called(branch), ("  ", Style.PLAIN), *_state(branch.status, "")),
            )
            yield from self.steps(branch.steps, margin + ("   " if is_last else "│  "))
        if hidden:
            counts = _counts(hidden, "more " if shown else "")
            yield Line(margin + "└─ ", ((f"{counts}  (--all shows them)", Style.QUIET),))

    def _chosen(self, branches: Sequence[BranchNode]) -> tuple[Sequence[BranchNode], Sequence[BranchNode]]:
        """The branches to show and the branches to count only: of many, the failed ones are shown."""
        if self._everything or len(branches) <= _FEW_BRANCHES:
            return branches, ()
        of_interest = [branch for branch in branches if branch.status not in {Status.SUCCESS, Status.CREATED}]
        shown = {branch.key for branch in of_interest[:_MOST_FAILED]}
        return (
            [branch for branch in branches if branch.key in shown],
            [branch for branch in branches if branch.key not in shown],
        )


def step_lines(shown: ShownStep) -> Iterator[Line]:
    """All facts of one step."""
    run, step, record = shown.run, shown.node, shown.node.record
    took = values.duration(step.took)
    of_run: Piece = (f" of run {plain(run.run_id)}", Style.QUIET)
    yield Line(
        "",
        (
            ("step ", Style.QUIET),
            (print_names(shown.names), Style.STRONG),
            of_run,
            ("  ", Style.PLAIN),
            *_state(step.status, took),
        ),
    )
    yield from _message("  ", record.message, step.status)
    yield from _labelled("  ", "type", record.step_type)
    source = record.cache.run_id if record.cache is not None and record.cache.run_id else run.original_run_id
    yield from _labelled("  ", "reused", f"from run {source}" if _is_reused(record) else "")
    yield from _labelled("  ", "ran because", "" if record.cache is None else record.cache.reason)
    yield from _labelled("  ", "mocked", "its task was not executed" if record.mock and not _is_reused(record) else "")
    yield from _labelled("  ", "code", "; ".join(values.identities(record.code_identities or run.code_identities)))
    for attempt in record.attempts:
        when = f"{elapsed(attempt.duration)} from {values.moment(attempt.start_time)} UTC"
        state = _state(attempt.status, when + _job(attempt))
        yield Line("  ", ((f"attempt {attempt.attempt_number + 1}  ", Style.PLAIN), *state))
        if attempt.message != record.message:
            yield from _message("    ", attempt.message, attempt.status)
    yield from _listed("in", values.input_texts(shown.inputs, shown.objects))
    yield from _listed("out", values.whole_parameters(record.parameters))
    yield from _listed("metrics", values.texts(plain_metrics(record.metrics)))
    for stage in ("get", "put"):
        entries = (entry for entry in record.catalog if entry.stage == stage)
        yield from _listed(stage, {entry.name: f"{size(entry.size)}, sha256 {entry.data_hash}" for entry in entries})
    if step.branches:
        yield from _labelled("  ", "branches", _counts(step.branches))
        yield from _Tree(everything=True, objects=shown.objects).branches(step.branches, "  ")


def _state(status: RunStatus, took: str) -> Iterable[Piece]:
    yield status.value, values.style(status)
    if took:
        yield f"  {took}", Style.QUIET


def _remarks(step: StepNode) -> Iterator[Piece]:
    record = step.record
    if record.mock or is_cached(record):
        yield "  reused" if _is_reused(record) else "  mocked", Style.QUIET
    if len(record.attempts) > 1:
        yield f"  {len(record.attempts)} attempts", Style.QUIET
    if step.branches:
        yield f"  {record.step_type} of {_counts(step.branches)}", Style.QUIET


def _job(attempt: AttemptRecord) -> str:
    """The job of a batch system that made the attempt, with its machine and the most memory that it had."""
    on = f" on {plain(attempt.machine)}" if attempt.machine else ""
    memory = f", {size(attempt.peak_memory)} of memory" if attempt.peak_memory else ""
    return f", job {plain(attempt.job)}{on}{memory}" if attempt.job else ""


def _is_reused(record: StepRecord) -> bool:
    """Whether another run made the results of the step; one that was mocked in this run has an attempt."""
    return is_cached(record) or (record.mock and not record.attempts)


def _counts(branches: Sequence[BranchNode], more: str = "") -> str:
    """`6 branches: 5 SUCCESS, 1 FAIL`, or `6 branches: SUCCESS`."""
    counts = Counter(branch.status.value for branch in branches)
    total = f"1 {more}branch" if len(branches) == 1 else f"{len(branches)} {more}branches"
    if len(counts) == 1:
        return f"{total}: {next(iter(counts))}"
    return f"{total}: {', '.join(f'{count} {status}' for status, count in counts.most_common())}"


def _called(branch: BranchNode) -> Iterator[Piece]:
    yield plain(branch.label), Style.STRONG
    if branch.caption:
        yield f" = {plain(branch.caption)}", Style.PLAIN
    elif branch.value and (text := values.text_of(branch.value[0])).strip('"') != branch.label:
        yield f" = {values.cut(text)}", Style.PLAIN


def _labelled(margin: str, label: str, text: str) -> Iterator[Line]:
    if text:
        yield Line(margin, ((f"{label:<{_LABEL_WIDTH}} ", Style.QUIET), (plain(text), Style.PLAIN)))


def _listed(label: str, texts: Mapping[str, str]) -> Iterator[Line]:
    if texts:
        yield Line("  ", ((label, Style.QUIET),))
    for name, text in texts.items():
        yield Line("    ", ((f"{plain(name)} = ", Style.PLAIN), (plain(text), Style.PLAIN)), wraps=True)


def _commands(commands: Iterable[Command]) -> Iterator[Line]:
    """The commands to continue with, one on a line."""
    for purpose, command in commands:
        yield Line("  ", ((f"{purpose}: ", Style.QUIET), (plain(command), Style.PLAIN)), stays_whole=True)


def _warning(margin: str, record: StepRecord) -> Iterator[Line]:
    """The warnings of the last attempt of a step that succeeded."""
    if record.attempts and record.status is Status.SUCCESS:
        for line in record.attempts[-1].message.splitlines():
            yield Line(margin, ((plain(line), Style.CAREFUL),), wraps=True)


def _message(margin: str, message: str, status: RunStatus) -> Iterator[Line]:
    for line in message.splitlines():
        yield Line(margin, ((plain(line), values.style(status)),), wraps=True)


def printed(lines: Iterable[Line]) -> Iterator[str]:
    """The lines as text, each with its newline."""
    if sys.stdout.isatty():
        yield from _drawn(lines)
    else:
        for line in lines:
            yield f"{line.margin}{''.join(text for text, _ in line.pieces)}".rstrip() + "\n"


def _drawn(lines: Iterable[Line]) -> Iterator[str]:
    colour, columns = has_colour(), terminal_width()
    for line in lines:
        room = columns - width(line.margin)
        parts = wrapped(line.pieces, room) if line.wraps and room > 0 else [line.pieces]
        for part in parts:
            whole = [(line.margin, Style.QUIET), *part]
            yield line_of(whole if line.stays_whole else cut(whole, columns), colour=colour) + "\n"
