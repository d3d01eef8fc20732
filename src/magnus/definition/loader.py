"""Reads a pipeline file into a checked graph, with the place of everything in it. Called by `app`.

All that is wrong is said at once, stage by stage: the YAML; the variables; the fields of all steps; their structure.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from magnus.definition.fields import WrongFields
from magnus.definition.nodes import NODE_TYPES
from magnus.definition.variables import replace_variables
from magnus.definition.yaml_text import Document, read
from magnus.errors import InvalidDefinition, Location, Problem
from magnus.graph.check import near, structure_problems, unreachable
from magnus.graph.digest import dag_hash
from magnus.graph.graph import Graph
from magnus.graph.nodes import Node, TerminalNode
from magnus.values import Json

_DAG_FIELDS: Final = ("name", "description", "start_at", "steps")
_SAME_WORDS: Final = {"as-is": "stub"}


class LoadedPipeline(Struct, frozen=True):
    """A pipeline file: the graph to run, and what was written.

    `dag` is what stands under `dag:` before variables are replaced, `dag_hash` the hash of that, `variables` the names
    of the variables in it.
    """

    graph: Graph
    dag: Json
    dag_hash: str
    variables: frozenset[str]
    warnings: tuple[Problem, ...]
    document: Document

    def locate(self, step: str, *keys: str | int) -> Location:
        """The place of a field of a step, or of the step."""
        return self.document.locate("dag", "steps", step, *keys)


def load(file: str, environment: Mapping[str, str]) -> LoadedPipeline:
    """Read the pipeline; variables are taken from `environment`. InvalidDefinition carries all that is wrong."""
    document = read(file, InvalidDefinition, "the pipeline")
    written = _dag(document)
    replaced = replace_variables(document, environment, InvalidDefinition)
    dag = replaced.value["dag"]
    nodes = _with_terminals(_nodes(dag["steps"], document), document)
    _raise_if_any(_structure(dag["start_at"], nodes, document))
    graph = Graph(dag["start_at"], nodes, str(dag.get("name") or ""), str(dag.get("description") or ""))
    return LoadedPipeline(
        graph, written, dag_hash(_normal(written)), replaced.names, tuple(_unreached(graph, document)), document
    )


def _raise_if_any(problems: list[Problem]) -> None:
    if problems:
        raise InvalidDefinition.of(problems)


def _dag(document: Document) -> Mapping[str, Json]:
    """What is under `dag:`, once it has the shape of a pipeline."""
    root = document.value
    if not isinstance(root, dict):
        raise _wrong(document, f"a pipeline is a mapping with the key 'dag', this is {_kind(root)}", "write dag: first")
    problems = [*_unknown(root, ("dag",), document)]
    dag: Json = root.get("dag")
    if "dag" not in root:
        problems.append(Problem("'dag' is missing", "put the pipeline under the key 'dag'", document.locate()))
    elif not isinstance(dag, dict):
        problems.append(_shape(document, "dag", dag))
    else:
        problems += [*_unknown(dag, _DAG_FIELDS, document, "dag"), *_dag_fields(dag, document)]
    _raise_if_any(problems)
    return dict(dag)


def _dag_fields(dag: Mapping[str, Json], document: Document) -> Iterator[Problem]:
    steps = dag.get("steps")
    if "steps" not in dag:
        yield Problem("'steps' is missing", "add the steps under the key 'steps'", document.locate("dag"))
    elif not isinstance(steps, dict) or not steps:
        yield _shape(document, "steps", steps, "dag", "steps")
    else:
        for name, step in steps.items():
            if not isinstance(step, dict):
                yield _shape(document, f"step '{name}'", step, "dag", "steps", name)
    if "start_at" not in dag:
        first = next(iter(steps), "") if isinstance(steps, dict) else ""
        fix = f"add start_at: {first}" if first else "add start_at with the name of the first step"
        yield Problem("'start_at' is missing", fix, document.locate("dag"))
    elif not isinstance(dag["start_at"], str):
        yield Problem("start_at must be the name of a step", "", document.locate("dag", "start_at"))


def _shape(document: Document, what: str, value: Json, *path: str) -> Problem:
    problem = "has no fields" if value in (None, {}) else f"must be a mapping, not {_kind(value)}"
    return Problem(f"{what} {problem}", "write 'key: value' lines below it", document.locate(*(path or (what,))))


def _kind(value: Json) -> str:
    match value:
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case None:
            return "nothing"
        case _:
            return f"'{value}'"


def _unknown(found: Mapping[str, Json], known: tuple[str, ...], document: Document, *path: str) -> Iterator[Problem]:
    for key in found:
        if key not in known:
            match = near(key, known)
            fix = f"did you mean '{match}'?" if match else f"there are {', '.join(repr(name) for name in known)}"
            yield Problem(f"unknown field '{key}'", fix, document.locate(*path, key))


def _wrong(document: Document, message: str, fix: str) -> InvalidDefinition:
    return InvalidDefinition(message, fix=fix, location=document.locate())


def _nodes(steps: Mapping[str, Mapping[str, Json]], document: Document) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    problems: list[Problem] = []
    for name, written in steps.items():
        try:
            nodes[name] = _node(name, written, document)
        except InvalidDefinition as error:
            problems += error.problems
    _raise_if_any(problems)
    return nodes


def _node(name: str, written: Mapping[str, Json], document: Document) -> Node:
    def locate(*keys: str | int) -> Location:
        return document.locate("dag", "steps", name, *keys)

    word = written.get("type", "task")
    if not isinstance(word, str) or word not in NODE_TYPES:
        match = near(str(word), NODE_TYPES)
        fix = f"did you mean '{match}'?" if match else f"there are {', '.join(repr(known) for known in NODE_TYPES)}"
        raise InvalidDefinition(f"unknown node type '{word}'", fix=fix, location=locate("type"), step=name)
    node_type = NODE_TYPES[word]
    try:
        return node_type.read(name, {key: value for key, value in written.items() if key != "type"}).lower()
    except WrongFields as error:
        found = error.problems(locate, step=name)
        raise InvalidDefinition.of(
            [Problem(problem.message, _better_fix(problem), problem.location, name) for problem in found]
        ) from error


def _better_fix(problem: Problem) -> str:
    return "add next: <step>, for example next: success" if problem.message == "'next' is missing" else problem.fix


def _with_terminals(nodes: Mapping[str, Node], document: Document) -> dict[str, Node]:
    """The nodes, and the terminals that were left out under the names `success` and `fail`."""
    complete = dict(nodes)
    for name, succeeds in (("success", True), ("fail", False)):
        if any(isinstance(node, TerminalNode) and node.succeeds is succeeds for node in nodes.values()):
            continue
        if name in nodes:
            message = f"the pipeline has no step of type {name}, and this step has the name it would get"
            fix = f"give it another name, or add a step of type {name}"
            raise InvalidDefinition(message, fix=fix, location=document.locate("dag", "steps", name), step=name)
        complete[name] = TerminalNode(name, succeeds=succeeds)
    return complete


def _structure(start_at: str, nodes: Mapping[str, Node], document: Document) -> list[Problem]:
    problems = []
    for found in structure_problems(start_at, nodes):
        path = ("dag", "steps", found.step) if found.step else ("dag",)
        location = document.locate(*path, *filter(None, (found.field,)))
        problems.append(Problem(found.message, found.fix, location, found.step))
    return problems


def _unreached(graph: Graph, document: Document) -> Iterator[Problem]:
    for name in unreachable(graph.start_at, graph.nodes):
        location = document.locate("dag", "steps", name)
        yield Problem("nothing leads to this step", "lead to it, or remove it", location, name, "warning")


def _normal(dag: Json) -> Json:
    """What is written, with one word where several mean the same, and without what changes nothing."""
    steps = {name: _normal_step(step) for name, step in dag["steps"].items()}
    return {**dag, "steps": steps}


def _normal_step(step: Mapping[str, Json]) -> Mapping[str, Json]:
    normal = {key: value for key, value in step.items() if value is not None and key != "description"}
    if "retry" in normal and "max_attempts" not in normal:
        normal["max_attempts"] = normal.pop("retry")
    word = normal.get("type", "task")
    return {**normal, "type": _SAME_WORDS.get(word, word) if isinstance(word, str) else word}
