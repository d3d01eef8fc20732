"""Runs the verbs step, fan-out and fan-in in one process of a run that another engine drives, and records them.

Called by `app.reentry`. A process does one act, and may continue with the next acts of the same (sub)pipeline.
"""

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.interaction.step_secrets import learn_all
from magnus.engine.interaction.tracking import run_as_recorded
from magnus.engine.reentry import engine_runs
from magnus.engine.reentry.attempts import Act, Attempts, EarlierSecrets, OneAttempt, composite_act, is_joined
from magnus.engine.reentry.protocol import Reentry
from magnus.engine.rules import fan, traversal
from magnus.engine.run import control
from magnus.engine.run.composite_run import reopened, run_composite
from magnus.engine.run.reuse import Reuse, followed, outdated_run_message
from magnus.engine.step import lost_attempts, place
from magnus.engine.step.run_step import run_step
from magnus.engine.user_code import process_state
from magnus.errors import InvalidInput, RunExists, RunNotFound
from magnus.graph.nodes import CompositeNode, Node, RepeatedBranch, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.reachability import may_start_run
from magnus.interfaces.executor import Executor, StepRequest
from magnus.interfaces.reporter import BranchEnded, BranchesStarted, StepStarted
from magnus.run_log.records import ENDED, Branching, BranchScope, CacheRecord, Owner, RunRecord, Status, StepRecord

if TYPE_CHECKING:
    from magnus.engine.run.cached import CachedResults  # lazy: as where it is used


class EngineRun:
    """The run of the context; `create` puts its record for this owner when no process did, and raises RunExists when one does.

    `workflow` is the unique id of the workflow that the process belongs to, `workflow_name` what the engine calls it.
    """

    def __init__(
        self,
        context: RunContext,
        create: Callable[[Owner], RunRecord],
        message: Reentry,
        *,
        workflow: str = "",
        workflow_name: str = "",
    ) -> None:
        self._context = context
        self.graph = context.graph
        self._store = context.services.run_log_store
        self._create = create
        self._message = message
        self._workflow = workflow
        self._workflow_name = workflow_name
        self._run: RunRecord | None = None
        self._secrets = EarlierSecrets(context)

    def step(self, path: StepPath, one: OneAttempt | None = None) -> Act:
        """Run the task at `path`, with all its attempts or the next one, or record the end at `path`.

        What succeeded before is left alone. InvalidInput when a composite is there.
        """
        run = self._arrive(path)
        node, known = self.graph.step(path), self._store.get_step(run.run_id, path)
        ends_run = known is not None and engine_runs.ends_run(known, run)
        if not ends_run and (done := self._done(path, node, known)) is not None:
            return done
        is_left = known is not None and engine_runs.is_left(self.graph, self._store, run, known)
        match node:
            case TerminalNode():
                return self._finish(self._reopened(run), path, node)
            case CompositeNode():
                raise InvalidInput(
                    f"'{path}' is of type {node.written_as}", fix=f"magnus fan {run.run_id} {path} -m out"
                )
            case TaskNode():
                return self._task(self._reopened(run), node, Attempts(path, node, known, one, is_left=is_left))

    def fan_out(self, path: StepPath) -> Act:
        """Start the branches of the composite at `path`. One that has started, or succeeded, is left as it is."""
        run, node = self._arrive(path), self._composite(path)
        known = self._store.get_step(run.run_id, path)
        if known is not None and known.status is not Status.FAIL:
            return composite_act(node, known)
        if (done := self._done(path, node, known)) is not None:
            return done
        run = self._reopened(run)
        position, scope = place.before(self.graph, self._store, run, path)
        reused = self._reused(run, path, position, scope)
        if reused is not None:
            return Act(path, reused.status)
        if known is not None:
            engine_runs.close_branches(self.graph, self._store, run.run_id, known)
        return composite_act(node, control.fan_out(self._of(run), node, path, position, scope, before=known))

    def fan_in(self, path: StepPath, iteration: int | None = None) -> Act:
        """Join the branches that `fan_out` started; the path of the next iteration of a loop, if there is one.

        `iteration` is the one to join, None for the current one. One that was joined before, by a process that the
        engine lost, is not joined again: the answer is the same. A branch without an end counts as failed. InvalidInput
        when the step, or the iteration, has not started.
        """
        run, node = self._arrive(path), self._composite(path)
        known = self._store.get_step(run.run_id, path)
        if iteration is not None and not isinstance(node.branches, RepeatedBranch):
            raise InvalidInput(
                f"'{path}' is of type {node.written_as}, which has no iterations", fix="leave out '--round'"
            )
        is_open = known is not None and known.status not in ENDED
        if not is_open and (done := self._done(path, node, known)) is not None:
            return done
        if known is None or known.branching is None:
            raise InvalidInput(
                f"the branches of '{path}' have not started", fix=f"magnus fan {run.run_id} {path} -m out"
            )
        if iteration is not None and is_joined(known, known.branching, iteration):
            return Act(path, Status.PROCESSING, (str(path.into(str(iteration + 1))),))
        return self._joined(self._reopened(run), node, known, known.branching)

    def run_composite(self, path: StepPath, executor: Callable[[RunContext], Executor]) -> Act:
        """Run the composite at `path` from its fan-out to its fan-in in this process, with the executor.

        Finished steps in it stand. If it had failed, its failed steps are tried again.
        """
        run, node = self._arrive(path), self._composite(path)
        known = self._store.get_step(run.run_id, path)
        if (done := self._done(path, node, known)) is not None:
            return done
        run = self._reopened(run)
        context = self._of(run)
        self._secrets.mask(run)
        position, scope = place.before(self.graph, self._store, run, path)
        if known is not None and known.status is Status.FAIL:
            changed = fan.restart(node, fan.start(node, path, position, scope), known)
            if changed.status is Status.FAIL:
                return composite_act(node, control.fan_out(context, node, path, position, scope, before=known))
            known = reopened(context, known, position)
        branch, reuse = self._original(context, run, path, position)
        composite_executor = executor(context)
        with process_state.without_hard_exits(context.output_capture.original_stderr):
            record = run_composite(
                context,
                composite_executor,
                path,
                position,
                scope,
                before=known,
                reuse=reuse,
                original=branch,
            )
        return Act(path, record.status)

    def go_on(self, act: Act, names: Collection[str], one: OneAttempt | None = None) -> Act:
        """Do the acts that follow a successful act, as long as the next step has one of these names; the last act.

        A composite that comes next is started, and is the last one. Failures are never followed: an engine has a process
        of its own for them, since one that dies can follow nothing.
        """
        while act.status is Status.SUCCESS and (path := self._next(act.path, names)) is not None:
            if isinstance(self.graph.step(path), CompositeNode):
                return self.fan_out(path)
            act = self.step(path, one)
        return act

    def _next(self, path: StepPath, names: Collection[str]) -> StepPath | None:
        if isinstance(self.graph.step(path), TerminalNode):
            return None
        following = traversal.following(self.graph, path, 0, succeeded=True).path
        return following if following.name in names else None

    def _arrive(self, path: StepPath) -> RunRecord:
        """The run, in which all that failed before the step is recorded.

        It is created when the step is the one a run starts with, or one that the failure of that leads to: its process
        may never have started.
        """
        if self._run is None:
            self._run = self._record_of_run(path)
        engine_runs.close_before(self.graph, self._store, self._run.run_id, path)
        return self._run

    def _record_of_run(self, path: StepPath) -> RunRecord:
        run_id = self._context.run_id
        try:
            return engine_runs.check_owner(self._store.get_run(run_id), self._workflow)
        except RunNotFound as error:
            if len(path.parts) > 1 or path.name not in may_start_run(self.graph):
                fix = f"start the run with the step '{self.graph.start_at}'"
                raise RunNotFound(f"there is no run '{run_id}'", fix=fix) from error
        return self.created()

    def created(self) -> RunRecord:
        """The run, created here unless another process was first."""
        try:
            run = self._create(engine_runs.owner(self._workflow, self._workflow_name))
        except RunExists:  # another process was first
            return engine_runs.check_owner(self._store.get_run(self._context.run_id), self._workflow)
        context = self._context
        context.tracking.begin_run(run_as_recorded(context.tracked_run, run), run.parameters)
        return run

    def _done(self, path: StepPath, node: Node, known: StepRecord | None) -> Act | None:
        """The act when nothing is left to do: the step, or a (sub)pipeline around it, has succeeded. Else None."""
        if known is not None and known.status is Status.SUCCESS:
            return Act(path, known.status)
        if engine_runs.is_settled(self.graph, self._store, self._context.run_id, path):
            return Act(path, engine_runs.status_in_settled(node, known))
        return None

    def _reopened(self, run: RunRecord) -> RunRecord:
        self._run = engine_runs.reopened(self._store, run)
        return self._run

    def _of(self, run: RunRecord) -> RunContext:
        """The context with what the record of the run says, and the engine about this process."""
        message = self._message
        identities = (*run.code_identities, *message.code_identities) if message.code_identities else None
        return replace(
            self._context,
            tag=self._context.tag or run.tag,
            code_identities=identities,
            job=message.job,
            machine=message.machine,
        )

    def _composite(self, path: StepPath) -> CompositeNode:
        node = self.graph.step(path)
        if not isinstance(node, CompositeNode):
            fix = f"magnus execute_single_node {self._context.run_id} {path}"
            raise InvalidInput(f"'{path}' has no branches", fix=fix)
        return node

    def _reused(self, run: RunRecord, path: StepPath, position: int, scope: BranchScope) -> StepRecord | None:
        """The record of the step when the run that this one resumes has it, and it is reused."""
        branch, reuse = self._original(self._of(run), run, path, position)
        if branch is None or reuse is None:
            return None
        return reuse.step(branch.step(path.name), path, position, scope)

    def _original(
        self, context: RunContext, run: RunRecord, path: StepPath, position: int
    ) -> tuple[BranchPath, Reuse] | tuple[None, None]:
        """The branch that the step's branch resumes, and the reuse of its steps; None twice when it resumes none."""
        branch = followed(self._store, run, path.branch, position) if run.original_run_id else None
        if branch is None:
            return None, None
        return branch, Reuse(context, self._store.get_run(run.original_run_id), run)

    def _task(self, run: RunRecord, node: TaskNode, attempts: Attempts) -> Act:
        path = attempts.path
        if attempts.are_over:
            return Act(path, Status.FAIL)
        context = self._of(run)
        if attempts.is_silent_start and not context.job:
            context.reporter.report(StepStarted(path, node.written_as))
        position, scope = place.before(self.graph, self._store, run, path)
        ended = self._reused(run, path, position, scope)
        cache: CacheRecord | None = None
        cached = self._cached_results(context, run) if node.cache is not None else None
        if ended is None and cached is not None:
            decision = cached.decide(path, position, scope)
            ended, cache = (decision, None) if isinstance(decision, StepRecord) else (None, decision)
        if ended is None:
            self._secrets.mask(run)
            request = StepRequest(
                run.run_id,
                path,
                context.definition_file,
                context.configuration_file,
                context.tag,
                attempt=attempts.number,
                position=position,
                scope=scope,
                record=attempts.before,
                cache=cache,
            )
            with process_state.without_hard_exits(context.output_capture.original_stderr):
                run_step(context, request)
            ended = self._store.get_step(run.run_id, path)
            if cached is not None and ended is not None:
                cached.keep(ended)
        status = ended.status if ended is not None else Status.FAIL
        return Act(path, status, tries_again=status is Status.FAIL and attempts.leave_another)

    def _cached_results(self, context: RunContext, run: RunRecord) -> "CachedResults":
        from magnus.engine.run.cached import CachedResults  # lazy: most steps have no cache

        learn_all(context.services.secrets, context.masker, self.graph)
        return CachedResults(context, run, whole=False)

    def _finish(self, run: RunRecord, path: StepPath, node: TerminalNode) -> Act:
        """Record that a (sub)pipeline reached its end, and with that of the pipeline itself the end of the run."""
        if self._message.events:
            self._context.reporter.report(StepStarted(path, node.written_as))
        position = place.position(self.graph, self._store, run.run_id, path)
        steps = list(engine_runs.finished_steps(self._store, run.run_id, path.branch))
        left = traversal.given_up(self.graph.within(path.branch), steps, path.name)
        record = control.finish(self._context, path, position, left)
        if path.branch.composite is None:
            self._secrets.mask(run)
            message = (
                outdated_run_message(run)
                if node.succeeds
                else engine_runs.reason_of_failure(self.graph.within(path.branch), steps, path, position)
            )
            self._run = control.end_run(self._of(run), run, record.status, message)
        return Act(path, record.status)

    def _joined(self, run: RunRecord, node: CompositeNode, known: StepRecord, branching: Branching) -> Act:
        path, context = known.path, self._of(run)
        position, scope = place.before(self.graph, self._store, run, path)
        context.reporter.report(BranchesStarted(path, branching))
        known = replace(place.reopened(self.graph, self._store, run, known), position=position)
        outcomes = [self._outcome(path.into(key)) for key in fan.keys_to_join(node, known)]
        with process_state.without_hard_exits(context.output_capture.original_stderr):
            record = control.fan_in(context, node, known, outcomes, scope)
        return composite_act(node, record)

    def _outcome(self, branch: BranchPath) -> fan.Outcome:
        """What the branch left; one without an end has failed."""
        run_id = self._context.run_id
        outcome = place.outcome_of(self._store, run_id, branch)
        if outcome is not None:
            return outcome
        lost_attempts.close_open_steps(self._store, run_id, branch)
        engine_runs.close_branch(self.graph, self._store, run_id, branch)
        engine_runs.close_end(self.graph, self._store, run_id, branch)
        self._context.reporter.report(BranchEnded(branch, succeeded=False))
        return fan.Outcome(branch.parts[-1], succeeded=False, parameters={}, files={})
