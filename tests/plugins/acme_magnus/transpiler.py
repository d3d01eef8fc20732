"""A transpiler that writes a shell script of re-entry commands: `executor: {type: script}`."""

import json
import shlex
from typing import Annotated

from msgspec import Meta, Struct

from magnus.errors import InvalidDefinition, Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.graph import BranchPath, CompositeNode, StaticBranches, TerminalNode
from magnus.interfaces.transpiler import NextCommand, TranspileResult

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
    """`output_file` is what is written, `program` how magnus is started."""

    output_file: Annotated[str, Meta(min_length=1)] = "pipeline.sh"
    program: tuple[str, ...] = ("magnus",)


class ScriptTranspiler:
    """Every (sub)pipeline becomes a shell function that goes from step to step."""

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
    """The steps whose branches are known only when they run: a script of commands cannot ask for them."""
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
        main = self._function(self._request.graph, BranchPath())
        variables = (
            f"export {shlex.quote(f'MAGNUS_PRM_{name}={json.dumps(value)}')}"
            for name, value in self._request.parameters.items()
        )
        start = START.format(program=shlex.join(("command", *self._program)))
        return "\n".join([start, *variables, *self._lines, main, ""])

    def _function(self, graph, branch):
        """Write the function of a (sub)pipeline; its name. Steps have numbers in it, since names may be any text."""
        numbers = {name: number for number, name in enumerate(graph.nodes)}
        cases = [self._case(graph, node, branch, numbers) for node in graph.nodes.values()]
        self._functions += 1
        name = f"pipeline_{self._functions}"
        body = [f"    {number}) {case} ;;" for number, case in enumerate(cases)]
        head = [f"{name}() (", f"  step={numbers[graph.start_at]}", "  while :; do case $step in"]
        self._lines += [*head, *body, "  esac; done", ")"]
        return name

    def _case(self, graph, node, branch, numbers):
        """Run the step, and say which one is next; an end ends the function."""
        path = branch.step(node.name)
        match node:
            case TerminalNode():
                return f"{self._magnus('execute_single_node', path)}; exit"
            case CompositeNode(branches=StaticBranches(graphs=graphs)):
                inner = [self._function(inner, path.into(key)) for key, inner in graphs.items()]
                out, joined = (self._magnus("fan", path, "-m", mode) for mode in ("out", "in"))
                command = f"{out} && {{ {'; '.join(inner)}; {joined}; }}"
            case _:
                command = self._magnus("execute_single_node", path)
        failure = node.on_failure or graph.terminal(succeeds=False).name
        return f"if {command}; then step={numbers[node.next]}; else step={numbers[failure]}; fi"

    def _magnus(self, command, path, *more):
        options = [*more, *self._request.reentry_options()]
        return f'magnus {command} {shlex.join(options)} -- "$run" {shlex.quote(str(path))}'
