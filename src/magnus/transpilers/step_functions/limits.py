"""Checks a pipeline, its machine and the size of its runs for limits of AWS, before anything is submitted.

The numbers are from the pages "Service quotas" of AWS Step Functions, AWS Batch, Amazon ECS and CloudFormation.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Final

from magnus.engine.rules.fan import key_of_default
from magnus.engine.values.parameter_values import VARIABLE_PREFIX
from magnus.errors import Location, Problem
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TerminalNode,
    graphs_of,
)
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.process_plan import Composite, PipelinePlan, Process, Single
from magnus.transpilers.reentry import Input, encode_name, fill_in, iteration_command, process_command
from magnus.transpilers.refusals import looks_like_secret
from magnus.transpilers.step_functions import option_rules, reach
from magnus.transpilers.step_functions.containers import definitions
from magnus.transpilers.step_functions.costs import Cost, Costs
from magnus.transpilers.step_functions.handover import place_of
from magnus.transpilers.step_functions.map_modes import MapModes
from magnus.transpilers.step_functions.options import StepFunctionsOptions
from magnus.transpilers.step_functions.policies import ROLES, policy
from magnus.transpilers.step_functions.resources import Resources
from magnus.transpilers.step_functions.state_data import texts
from magnus.transpilers.step_functions.variables import of_containers
from magnus.values import Json

MOST_BYTES: Final = 1_048_576
MOST_BYTES_OF_TEMPLATE: Final = 1_000_000
MOST_EVENTS: Final = 25_000
MOST_BYTES_OF_DATA: Final = 262_144
MOST_BYTES_OF_OVERRIDES: Final = 8_192
MOST_BYTES_OF_DEFINITION: Final = {"batch": 24 * 1024, "ecs": 64 * 1024}
MOST_BYTES_OF_POLICY: Final = 10_240
MOST_INLINE: Final = 30_000
"""The numbers of so many branches are less than the state data may have."""
MOST_DISTRIBUTED: Final = 100_000
"""The results of so many branches, a digit each, are less than the state data may have."""

_RUN_ID: Final = "x" * 80
_WORKFLOW: Final = "x" * 256
_NUMBER: Final = "999999"
_EXECUTION: Final = re.compile(r"[A-Za-z0-9_.+=@-]{1,80}\Z")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)
_BY_STEP_FUNCTIONS: Final[Json] = {"name": "MANAGED_BY_AWS", "value": "STARTED_BY_STEP_FUNCTIONS"}
"""The variable that Step Functions adds to each container."""

_READ_BY_AWS: Final = ("$(", "$$", "Ref::")
"""What AWS Batch and ECS replace in commands."""


def of_request(options: StepFunctionsOptions, request: TranspileRequest) -> Iterator[Problem]:
    """Problems of options and pipeline that need no plan to be seen."""
    yield from option_rules.of_options(options, request)
    yield from _of_texts(request)
    yield from _of_variables(options, request)
    yield from _of_parameters(request)
    yield from reach.of_stores(options, request)
    together = Together.of(request.executor, options.overrides)
    yield from together.problems(request.graph, request.locate_step)
    if not options.handover:
        yield from _of_handover(request, request.graph, together)


def _of_texts(request: TranspileRequest) -> Iterator[Problem]:
    names = {
        "pipeline": request.definition_file,
        "configuration": request.configuration_file,
        "parameters": request.parameters_file,
        "tag": request.tag,
    }
    where = request.locate_option()
    for what, text in names.items():
        if any(sign in text for sign in _READ_BY_AWS):
            message = f"in the {what} '{text}' there is something that AWS replaces: '$(', '$$' or 'Ref::'"
            yield Problem(message, "rename it", where)
    for run_id in filter(None, (request.run_id, request.original_run_id)):
        if not _EXECUTION.match(run_id):
            message = f"the run id '{run_id}' cannot be the name of an execution"
            yield Problem(message, "use at most 80 letters, digits and the signs _.+=@-", where)


def _of_variables(options: StepFunctionsOptions, request: TranspileRequest) -> Iterator[Problem]:
    """Variables of the environment that pipeline and configuration use, which stand in definitions."""
    for name in of_containers(request.variables, options):
        if looks_like_secret(name):
            message = f"the variable {name} looks like a secret, and everybody in the account can read definitions"
            fix = f"give it by 'secrets', with 'environment_variable: {name}' and 'value_from'"
            yield Problem(message, fix, request.locate_option())


def _of_parameters(request: TranspileRequest) -> Iterator[Problem]:
    for name, value in request.parameters.items():
        if not _VARIABLE.match(name):
            message = f"the parameter '{name}' cannot be a variable of the environment of a container"
            yield Problem(message, "give it in a parameters file that is in the image", request.locate_option())
        elif isinstance(value, str) and looks_like_secret(name):
            message = f"the parameter '{name}' looks like a secret, and everybody in the account can read the machine"
            fix = "let the step name it under 'secrets' instead"
            yield Problem(message, fix, request.locate_option(), severity="warning")


def _of_handover(request: TranspileRequest, graph: Graph, together: Together) -> Iterator[Problem]:
    """The steps whose branches are chosen when the pipeline runs, so that a process has to say which."""
    for node in graph.nodes.values():
        if isinstance(node, CompositeNode) and not together.runs(node):
            if not isinstance(node.branches, StaticBranches):
                message = (
                    f"a step of type '{node.written_as}' needs a place in S3, where its job says which branches run"
                )
                fix = "set 'handover: s3://BUCKET/PREFIX' in the configuration of the executor"
                yield Problem(message, fix, request.locate_step(node, "type"), node.name)
            for inner in graphs_of(node):
                yield from _of_handover(request, inner, together)


class PlanLimits:
    """Checks the plan of a request."""

    def __init__(self, options: StepFunctionsOptions, request: TranspileRequest, modes: MapModes) -> None:
        self._options = options
        self._request = request
        self._modes = modes
        self._costs = Costs(request.lengths, lambda unit: modes.of(unit).is_distributed)
        self._place = place_of(options.handover)

    def cost(self, plan: PipelinePlan) -> Cost:
        """What a run takes if every step succeeds."""
        return self._costs.of_execution(plan)

    def problems(self, plan: PipelinePlan) -> Iterator[Problem]:
        """What of the plan AWS cannot run."""
        yield from self._of_history(self.cost(plan), "the history of an execution", None)
        yield from self._of_data()
        yield from self._of_definitions()
        yield from self._of_policies()
        yield from self._of_plan(plan, "")

    def _of_history(self, cost: Cost, what: str, node: Node | None) -> Iterator[Problem]:
        where = self._request.locate_step(node, "type") if node is not None else self._request.locate_option()
        fix = "write 'map: distributed', or run steps together: 'together: true' in an override"
        if cost.events > MOST_EVENTS:
            message = f"{what} has {cost.events} events, and AWS takes {MOST_EVENTS}"
            yield Problem(message, fix, where, node.name if node is not None else "")
        elif cost.most_events > MOST_EVENTS:
            message = f"{what} has {cost.most_events} events if all attempts are used, and AWS takes {MOST_EVENTS}"
            yield Problem(message, fix, where, node.name if node is not None else "", severity="warning")

    def _of_data(self) -> Iterator[Problem]:
        """The state data has the parameters twice while they are merged."""
        size = 2 * _bytes(dict(self._request.parameters)) + 2 * _bytes(texts(self._request)) + 2_000
        if size > MOST_BYTES_OF_DATA:
            message = f"initial parameters make state data of {size} bytes, and AWS takes {MOST_BYTES_OF_DATA}"
            fix = "give large values in a parameters file that is in the image"
            yield Problem(message, fix, self._request.locate_option())

    def _of_definitions(self) -> Iterator[Problem]:
        most = MOST_BYTES_OF_DEFINITION[self._options.compute]
        variables = of_containers(self._request.variables, self._options)
        for name, definition in definitions(Resources(self._options, "123456789012"), variables).items():
            if (size := _bytes(definition)) > most:
                message = f"the definition of containers '{name}' has {size} bytes, and AWS takes {most}"
                yield Problem(message, "give fewer or shorter variables", self._request.locate_option("environment"))

    def _of_policies(self) -> Iterator[Problem]:
        """The rights of each role that is created, which name all definitions, queues, buckets and secrets."""
        resources = Resources(self._options, "123456789012")
        for role in ROLES:
            size = _bytes(policy(role, resources, is_distributed=True))
            if size > MOST_BYTES_OF_POLICY and not getattr(self._options.roles, role):
                message = f"the policy of the role '{role}' has {size} bytes, and IAM takes {MOST_BYTES_OF_POLICY}"
                fix = (
                    f"name a role of your own in 'roles: {{{role}: ...}}', or use fewer overrides, buckets and secrets"
                )
                yield Problem(message, fix, self._request.locate_option())

    def _of_plan(self, plan: PipelinePlan, before: str) -> Iterator[Problem]:
        for unit in plan.units.values():
            match unit:
                case Single(process=process):
                    yield from self._of_process(process, before)
                case Composite():
                    yield from self._of_composite(unit, before)

    def _of_composite(self, unit: Composite, before: str) -> Iterator[Problem]:
        node = unit.node
        for process in filter(None, (unit.fan_out, unit.fan_in)):
            yield from self._of_process(process, before, is_round=isinstance(node.branches, RepeatedBranch))
        if isinstance(node.branches, MappedBranches):
            yield from self._of_map(unit)
        for key, plan in zip(_longest_keys(node), unit.plans, strict=True):
            yield from self._of_plan(plan, f"{before}{encode_name(node.name)}/{key}/")

    def _of_map(self, unit: Composite) -> Iterator[Problem]:
        assert isinstance(unit.node.branches, MappedBranches)
        name, node = unit.node.branches.iterate_on, unit.node
        count = self._request.lengths.get(name, 1)
        is_distributed = self._modes.of(unit).is_distributed
        most = MOST_DISTRIBUTED if is_distributed else MOST_INLINE
        if count > most:
            kind = "distributed" if is_distributed else "inline"
            message = f"the map has {count} branches, and the state data is enough for {most} in a map that is {kind}"
            fix = "divide the list" if is_distributed else "write 'map: distributed'"
            yield Problem(message, fix, self._request.locate_step(node, "iterate_on"), node.name)
        if is_distributed:
            yield from self._of_history(self._costs.of_child(unit.plans[0]), "the history of a branch", node)

    def _of_process(self, process: Process, before: str, *, is_round: bool = False) -> Iterator[Problem]:
        """The size of what overrides the definition of the container, with the longest values that it may get."""
        node = process.first.node
        is_join = is_round and process.may_start_run is False and process.starts is None
        words = (
            iteration_command(self._request) if is_join else process_command(process, self._request, one_attempt=True)
        )
        folder = f"s3://{self._place.bucket}/{self._place.prefix}" if self._place is not None else ""
        values = {
            Input.RUN_ID: _RUN_ID,
            Input.STEP: before + encode_name(node.name),
            Input.ITERATION: _NUMBER,
            Input.ORIGINAL_RUN_ID: _RUN_ID,
            Input.WORKFLOW: _WORKFLOW,
            Input.WORKFLOW_NAME: _RUN_ID,
            Input.BRANCHES_FILE: f"{folder}{_RUN_ID}/{'x' * 64}",
        }
        command = [*self._options.program, *fill_in(words, values)]
        parameters = self._request.parameters if process.may_start_run else {}
        environment: list[Json] = [
            {"name": VARIABLE_PREFIX + name, "value": json.dumps(value)} for name, value in parameters.items()
        ]
        size = _bytes({"command": [*command], "environment": [*environment, _BY_STEP_FUNCTIONS]})
        is_for_parameters = _bytes(environment) > MOST_BYTES_OF_OVERRIDES // 2
        if size > MOST_BYTES_OF_OVERRIDES and not (is_for_parameters and isinstance(node, TerminalNode)):
            message = f"its job gets {size} bytes of command and parameters, and AWS takes {MOST_BYTES_OF_OVERRIDES}"
            large = "give large parameters in a file that is in the image"
            fix = large if is_for_parameters else "shorten the names of steps around it"
            yield Problem(message, fix, self._place_of(node), node.name)

    def _place_of(self, node: Node) -> Location | None:
        return self._request.locate_step(node, "type") or self._request.locate_option()


def _longest_keys(node: CompositeNode) -> list[str]:
    """The keys of its branches as paths have them, numbers as long as they get."""
    match node.branches:
        case StaticBranches(graphs=graphs):
            return [encode_name(key) for key in graphs]
        case ChosenBranch(graphs=graphs, default=default):
            return [*map(encode_name, graphs), *([] if default is None else [encode_name(key_of_default(graphs))])]
        case MappedBranches() | RepeatedBranch():
            return [_NUMBER]


def of_files(options: StepFunctionsOptions, request: TranspileRequest, files: Mapping[str, int]) -> Iterator[Problem]:
    """Problems of the sizes in bytes of the machine and the template."""
    machine, template = files["machine"], files["template"]
    if machine > MOST_BYTES:
        message = f"the definition of the machine has {machine} bytes, and AWS takes {MOST_BYTES}"
        fix = "run steps together: 'together: true' in an override, or put a part of the pipeline into one of its own"
        yield Problem(message, fix, request.locate_option())
    elif template > MOST_BYTES_OF_TEMPLATE:
        message = f"the template has {template} bytes, and CloudFormation takes {MOST_BYTES_OF_TEMPLATE}"
        fix = "create it by the script" if options.account else "set 'account', and create it by the script"
        yield Problem(message, fix, request.locate_option(), severity="warning")


def _bytes(value: Json) -> int:
    return len(json.dumps(value, separators=(",", ":")))
