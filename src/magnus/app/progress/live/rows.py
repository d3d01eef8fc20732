"""Makes the rows of a tree: one for each step and named branch."""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from msgspec import Struct

from magnus.app.progress.line_reporter import waiting_remark
from magnus.app.progress.live.model import Branch, State, Step
from magnus.app.progress.live.screen import Look, Piece
from magnus.app.text.columns import clip
from magnus.app.text.escapes import without_escapes
from magnus.app.text.palette import Style
from magnus.app.text.plain_text import plain
from magnus.app.text.units import elapsed, elapsed_so_far

MOST_FAILURES: Final = 50
"""The number of failures that the final tree shows in full."""

_BAR_COLUMNS: Final = 20
_STYLES: Final = {
    State.WAITING: Style.QUIET,
    State.RUNNING: Style.BUSY,
    State.DONE: Style.GOOD,
    State.REUSED: Style.QUIET,
    State.FAILED: Style.BAD,
    State.STOPPED: Style.BAD,
}


class Rank(IntEnum):
    """The order in which rows are left out if there is no room."""

    ENDED = 0
    WAITING = 1
    OUTPUT = 2
    RUNNING = 3
    AROUND = 4
    FAILED = 5


class Row(Struct, frozen=True):
    """One line of a tree. `done`, `running`, `failed`, `waiting` count the steps it stands for; `message` says why it failed."""

    depth: int
    pieces: list[Piece]
    rank: Rank
    done: int = 0
    running: int = 0
    failed: int = 0
    message: str = ""
    waiting: int = 0


class Rows:
    """Makes the rows of the tree at a time; None stands for the end of the run."""

    def __init__(self, look: Look, at: float | None) -> None:
        self._look = look
        self._at = at
        self._most = max(look.rows, MOST_FAILURES) if at is None else look.rows

    def of(self, branch: Branch, depth: int = 1) -> list[Row]:
        """The rows of all steps of the branch; steps that finished long ago share one row."""
        steps = list(branch.steps.values())
        early, late = steps[: -self._most], steps[-self._most :]
        failed = [step for step in early if step.state is State.FAILED]
        done = branch.gone - branch.gone_failed + len(early) - len(failed)
        rows = [row for step in failed[: self._most] for row in self._step(step, depth)]
        if done or branch.gone_failed:
            rows.append(folded(depth, done, 0, branch.gone_failed, self._look))
        return rows + [row for step in late for row in self._step(step, depth)]

    def _step(self, step: Step, depth: int, prefix: str = "", caption: str = "") -> Iterator[Row]:
        is_composite, state = step.branching is not None, step.state
        is_around = is_composite and state in {State.RUNNING, State.STOPPED}
        explained = is_composite and step.failed > 0
        failed = state is State.FAILED
        ranks = {
            State.WAITING: Rank.WAITING,
            State.FAILED: Rank.FAILED,
            State.RUNNING: Rank.RUNNING,
            State.STOPPED: Rank.RUNNING,
        }
        yield Row(
            depth,
            self._pieces(step, depth, prefix, caption),
            Rank.AROUND if is_around else ranks.get(state, Rank.ENDED),
            done=int(state in {State.DONE, State.REUSED}),
            running=int(state in {State.RUNNING, State.STOPPED} and not is_composite),
            failed=int(failed and not explained),
            message=step.message if failed and not explained else "",
            waiting=int(state is State.WAITING),
        )
        yield from self._output(step, depth)
        if state not in {State.DONE, State.REUSED}:
            yield from self._branches(step, depth + 1)

    def _output(self, step: Step, depth: int) -> Iterator[Row]:
        if self._at is not None and self._look.tail_lines:
            for text in last_lines(step.tail, self._look.tail_lines):
                yield Row(depth, [(self._indent(depth) + "  " + text, Style.QUIET)], Rank.OUTPUT)

    def _branches(self, step: Step, depth: int) -> Iterator[Row]:
        names = step.branching.names if step.branching else ()
        if len(names) == 1:
            for branch in step.branches.values():
                yield from self.of(branch, depth)
        elif names:
            for key in (name for name in names if name in step.branches):
                branch = step.branches[key]
                yield self._label(key, branch, depth)
                if branch.state is not State.DONE:
                    yield from self.of(branch, depth + 1)
        else:
            yield from self._numbered(step, depth)

    def _numbered(self, step: Step, depth: int) -> Iterator[Row]:
        """For many branches of one kind: the running and failed steps, each behind the label of its branch."""
        failed = 0
        for key, branch in step.branches.items():
            failed += branch.state is State.FAILED
            if branch.state is State.FAILED and failed > self._most:
                continue
            label = plain(step.label(key))
            shown = [inner for inner in branch.steps.values() if inner.state not in {State.DONE, State.REUSED}]
            if not shown and branch.state is State.FAILED:
                yield self._label(label, branch, depth)
            caption = plain(step.caption(key)) if shown else ""
            for inner in shown:
                yield from self._step(inner, depth, f"{label}/", "" if caption == label else caption)
        if failed > self._most:
            yield folded(depth, 0, 0, failed - self._most, self._look)

    def _label(self, key: str, branch: Branch, depth: int) -> Row:
        state = branch.state
        took = elapsed(branch.took) if state is State.DONE else ""
        name = f" {self._clipped(plain(key), depth)}"
        pieces = [(self._indent(depth), Style.PLAIN), glyph(state, self._at, self._look), (name, Style.PLAIN)]
        rank = {State.DONE: Rank.ENDED, State.FAILED: Rank.FAILED}.get(state, Rank.AROUND)
        return Row(depth, [*pieces, (f"  {took}" if took else "", Style.QUIET)], rank)

    def _pieces(self, step: Step, depth: int, prefix: str, caption: str) -> list[Piece]:
        name = f" {self._clipped(prefix + plain(step.name), depth)}"
        return [
            (self._indent(depth), Style.PLAIN),
            glyph(step.state, self._at, self._look),
            (name, Style.QUIET if step.state is State.REUSED else Style.PLAIN),
            (f"  {caption}" if caption else "", Style.QUIET),
            *self._branch_pieces(step),
            *self._attempts(step),
            (f"  {self._time(step)}", Style.QUIET),
            *self._remark(step),
        ]

    def _branch_pieces(self, step: Step) -> Iterator[Piece]:
        branching = step.branching
        if branching is None:
            return
        total, names = len(branching.keys), branching.names
        if len(names) == 1:
            if names[0] != step.step_type:  # the branch has a name of its own
                yield f"  {plain(names[0])}", Style.PLAIN
        elif not names and branching.values is None:
            yield (
                f"  iteration {total}"
                if step.state is State.RUNNING
                else f"  {counted(total, 'iteration', 'iterations')}",
                Style.PLAIN,
            )
        elif step.state is State.DONE:
            yield f"  {counted(total, 'branch', 'branches')}", Style.PLAIN
        else:
            yield from self._progress(step.done, step.failed, total, has_bar=not names)
        if step.failed_within:
            yield f"  {step.failed_within} failed on the way", Style.CAREFUL

    def _progress(self, done: int, failed: int, total: int, *, has_bar: bool) -> Iterator[Piece]:
        if has_bar:
            yield "  ", Style.PLAIN
            yield from self._bar(done, failed, total)
        yield f"  {done + failed}/{total}", Style.PLAIN
        if failed:
            yield f", {failed} failed", Style.BAD

    def _bar(self, done: int, failed: int, total: int) -> Iterator[Piece]:
        """A bar of the finished branches, in which failed ones always show."""
        size = min(_BAR_COLUMNS, (self._look.columns + 1) // 4)
        bad = -(-size * failed // max(total, 1))
        good = min(size * done // max(total, 1), size - bad)
        yield self._look.glyphs.bar * good, Style.GOOD
        yield self._look.glyphs.bar * bad, Style.BAD
        yield self._look.glyphs.rest * (size - good - bad), Style.QUIET

    def _attempts(self, step: Step) -> Iterator[Piece]:
        if not step.failed_attempts:
            return
        if step.state is not State.RUNNING or self._at is None:
            yield f"  {step.failed_attempts + 1} attempts", Style.CAREFUL
        elif (wait := step.retry_at - self._at) > 0:
            yield f"  attempt {step.failed_attempts + 1} in {elapsed_so_far(wait)}", Style.CAREFUL
        else:
            yield f"  attempt {step.failed_attempts + 1}", Style.CAREFUL

    def _time(self, step: Step) -> str:
        match step.state:
            case State.REUSED:
                return "reused"
            case State.STOPPED:
                return "interrupted"
            case State.WAITING | State.RUNNING:
                return elapsed_so_far((step.started if self._at is None else self._at) - step.started)
            case _:
                return elapsed(step.took)

    def _remark(self, step: Step) -> Iterator[Piece]:
        """The text beside a step: the reason of its failure, or its last line of output."""
        if self._at is None:
            return
        if step.state is State.WAITING:
            yield f"  waits{waiting_remark(step.job, step.reason)}", Style.QUIET
        elif step.message and (step.state is State.FAILED or step.retry_at > self._at) and not step.failed:
            style = Style.BAD if step.state is State.FAILED else Style.CAREFUL
            yield f"  {plain(step.message.splitlines()[0])}", style
        elif step.loading:
            yield f"  loading {plain(step.loading)}", Style.QUIET
        elif step.tail and not self._look.tail_lines:
            yield from ((f"  {text}", Style.QUIET) for text in last_lines(step.tail, 1))

    def _indent(self, depth: int) -> str:
        return " " * min(2 * depth, self._look.columns // 3)

    def _clipped(self, name: str, depth: int) -> str:
        """The name, cut so that there is room for the text behind it."""
        room = self._look.columns - len(self._indent(depth)) - 2
        return clip(name, max(room // 2, room - 30), self._look.glyphs.ellipsis)


def glyph(state: State, at: float | None, look: Look) -> Piece:
    """The character for the state; for a running step it changes each tenth of a second."""
    glyphs, style = look.glyphs, _STYLES[state]
    match state:
        case State.WAITING:
            return glyphs.waiting, style
        case State.RUNNING:
            return glyphs.spinner[int((at or 0.0) * 10) % len(glyphs.spinner)], style
        case State.DONE:
            return glyphs.done, style
        case State.REUSED:
            return glyphs.reused, style
        case State.FAILED:
            return glyphs.failed, style
        case State.STOPPED:
            return glyphs.stopped, style


def counted(count: int, one: str, several: str) -> str:
    """The count with its noun."""
    return f"{count} {one if count == 1 else several}"


def folded(depth: int, done: int, running: int, failed: int, look: Look, *, waiting: int = 0) -> Row:
    """One row that stands for many."""
    counts = ((done, "done"), (running, "running"), (waiting, "waiting"), (failed, "failed"))
    text = ", ".join(f"{count} {word}" for count, word in counts if count)
    indent = " " * min(2 * depth, look.columns // 3)
    rank = Rank.FAILED if failed else Rank.RUNNING if running else Rank.WAITING if waiting else Rank.ENDED
    pieces = [(f"{indent}{look.glyphs.ellipsis} {text}", Style.QUIET)]
    return Row(depth, pieces, rank, done, running, failed, waiting=waiting)


def last_lines(data: bytes, count: int) -> list[str]:
    """The last lines of output that are not blank, without colours; of a line that was written over, its last state."""
    lines: list[str] = []
    for line in reversed(data.decode("utf-8", "replace").split("\n")):
        shown = without_escapes(line.rstrip()).rpartition("\r")[2]
        if shown.strip():
            lines.append(plain(shown.expandtabs()))
        if len(lines) == count:
            break
    return lines[::-1]
