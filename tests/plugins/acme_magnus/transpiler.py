"""A transpiler that writes a shell script of re-entry commands: `executor: {type: script}`."""

import json
import shlex
from typing import Annotated

from msgspec import Meta, Struct

from magnus.errors import InvalidDefinition, Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.graph import CompositeNode, StaticBranches
from magnus.interfaces.transpiler import NextCommand, TranspileResult
from magnus.transpilers.planning import PlanRules, plan_of
from magnus.transpilers.process_plan import Composite, Single
from magnus.transpilers.reentry import Input, encode_name, fill_in, process_command

START = """\
#!/bin/sh
# Runs the pipeline with the run id that is its first argument. It exits with 0 if the run succeeds, and with 1 if it fails.
run=$1
magnus() {{
    status=0
    {program} "$@" || status=$?
    if [ "$status" -gt 1 ]; then exit "$status"; fi  # it could not be run at all
    return "$status"
}}
"""


class ScriptOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """`output_file` is the script, `program` the command that starts magnus."""

    output_file: Annotated[str, Meta(min_length=1)] = "pipeline.sh"
    program: tuple[str, ...] = ("magnus",)


class ScriptTranspiler:
    """Every (sub)pipeline becomes a shell function that goes from unit to unit of the process plan."""

    options = ScriptOptions
    capabilities = ExecutorCapabilities(runs_on=Locality.HOST, reenters=True)

    def __init__(self, options):
        self._options = options

    def problems(self, request):
        return [*_refused(request, request.graph), *_unusable(request)]

    def transpile(self, request):
        if problems := self.problems(request):
            raise InvalidDefinition.of(problems)
        script = _Script(request, self._options.program)
        command = ["sh", self._options.output_file, request.run_id or "RUN_ID"]
        return TranspileResult({self._options.output_file: script.text()}, [NextCommand("run it with", command)])


def _refused(request, graph):
    """The steps whose branches are not in the pipeline: the script has a function for each branch."""
    for node in graph.nodes.values():
        match node:
            case CompositeNode(branches=StaticBranches(graphs=graphs)):
                for inner in graphs.values():
                    yield from _refused(request, inner)
            case CompositeNode():
                message = f"a script has no steps of type '{node.written_as}'"
                fix = "write the branches under a step of type parallel, or choose another executor"
                yield Problem(message, fix, request.locate_step(node, "type"), node.name)


def _unusable(request):
    """The initial parameters that cannot be variables of a shell."""
    for name in request.parameters:
        if not (name.isascii() and name.isidentifier()):
            message = f"the parameter '{name}' cannot be a variable of the shell"
            yield Problem(message, "give it in a parameters file", request.locate_option())


class _Script:
    """The script of one pipeline."""

    def __init__(self, request, program):
        self._request = request
        self._program = program
        self._lines = []
        self._functions = 0

    def text(self):
        main = self._function(plan_of(self._request.graph, PlanRules()))
        variables = (
            f"export {shlex.quote(f'MAGNUS_PRM_{name}={json.dumps(value)}')}"
            for name, value in self._request.parameters.items()
        )
        start = START.format(program=shlex.join(("command", *self._program)))
        return "\n".join([start, *variables, *self._lines, main, ""])

    def _function(self, plan, branch=""):
        """Write the function of a (sub)pipeline; its name. Units have numbers in it, since names may be any text."""
        numbers = {name: number for number, name in enumerate(plan.units)}
        cases = [self._case(name, unit, branch, numbers) for name, unit in plan.units.items()]
        self._functions += 1
        name = f"pipeline_{self._functions}"
        body = [f"    {number}) {case} ;;" for number, case in enumerate(cases)]
        head = [f"{name}() (", f"  step={numbers[plan.graph.start_at]}", "  while :; do case $step in"]
        self._lines += [*head, *body, "  esac; done", ")"]
        return name

    def _case(self, name, unit, branch, numbers):
        """Run the unit, and say which one is next; the function exits where none follows."""
        path = branch + encode_name(name)
        match unit:
            case Single(process=process):
                command = self._magnus(process, path)
            case Composite(node=node, fan_out=fan_out, plans=plans, fan_in=fan_in):
                inner = zip(node.branches.graphs, plans, strict=True)
                calls = [self._function(plan, f"{path}/{encode_name(key)}/") for key, plan in inner]
                command = f"{{ {'; '.join([*calls, self._magnus(fan_in, path)])}; }}"
                if fan_out is not None:
                    command = f"{self._magnus(fan_out, path)} && {command}"
        then, otherwise = (
            "exit" if following is None else f"step={numbers[following]}" for following in (unit.succeeded, unit.failed)
        )
        return f"if {command}; then {then}; else {otherwise}; fi"

    def _magnus(self, process, path):
        words = process_command(process, self._request)
        quoted = [word if isinstance(word, Input) else shlex.quote(word) for word in words]
        values = {Input.RUN_ID: '"$run"', Input.STEP: shlex.quote(path)}
        if self._request.original_run_id:
            values[Input.ORIGINAL_RUN_ID] = shlex.quote(self._request.original_run_id)
        return " ".join(["magnus", *fill_in(quoted, values)])
