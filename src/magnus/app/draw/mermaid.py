"""A pipeline in the language of mermaid: a flowchart, with a subgraph for each composite and each branch."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final

from magnus.app.draw import labels
from magnus.app.draw.data_names import DataNames
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, Node, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath

_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 _-.,:/()=+*'")
_CLASSES: Final = (
    "classDef stub stroke-dasharray:4 3",
    "classDef success stroke:#218358,fill:#e9f6ee,color:#1b2430",
    "classDef fail stroke:#cf3a3a,fill:#fdecec,color:#1b2430",
    "classDef conditional stroke-dasharray:5 4",
)


def mermaid(graph: Graph, data: Mapping[StepPath, DataNames] | None = None, *, across: bool = False) -> str:
    """The flowchart, the same for the same graph. Edges of `on_failure` are dotted, red, and say so.

    `data` are the names on the edges that leave steps by `next`.
    """
    drawing = _Flowchart(data or {})
    lines = [*drawing.pipeline(graph, BranchPath(), "  "), *drawing.edges]
    red = [str(number) for number, edge in enumerate(drawing.edges) if "-.->" in edge]
    style = [f"  linkStyle {','.join(red)} stroke:#cf3a3a"] if red else []
    return "\n".join([f"flowchart {'LR' if across else 'TD'}", *lines, *style, *(f"  {line}" for line in _CLASSES), ""])


class _Flowchart:
    """Lines of the chart; the edges come after all steps, and are counted for their colours."""

    def __init__(self, data: Mapping[StepPath, DataNames]) -> None:
        self._data = data
        self._numbers = count(1)
        self.edges: list[str] = []

    def pipeline(self, graph: Graph, branch: BranchPath, indent: str) -> Iterator[str]:
        alone = labels.only_step(graph) if branch.parts else None
        nodes = labels.in_order(graph) if alone is None else (alone,)
        names = {node.name: f"s{next(self._numbers)}" for node in nodes}
        for node in nodes:
            yield from self._step(node, branch.step(node.name), names[node.name], indent)
            for field, target in node.edges if alone is None else ():
                arrow = "-.->|on failure|" if field == "on_failure" else self._arrow(branch.step(node.name))
                self.edges.append(f"  {names[node.name]} {arrow} {names[target]}")

    def _arrow(self, path: StepPath) -> str:
        lines = [_escaped(line) for line in self._data.get(path, DataNames()).lines()]
        return f'-->|"{"<br/>".join(lines)}"|' if lines else "-->"

    def _step(self, node: Node, path: StepPath, name: str, indent: str) -> Iterator[str]:
        text = f'"{_escaped(node.name)}"'
        match node:
            case TerminalNode(written_as=word):
                yield f"{indent}{name}([{text}]):::{word}"
            case TaskNode():
                text_of_kind = " ".join(filter(None, (labels.kind(node), labels.detail(node))))
                stub = ":::stub" if node.is_placeholder else ""
                yield f'{indent}{name}["{_escaped(node.name)}<br/>{_escaped(text_of_kind)}"]{stub}'
            case CompositeNode():
                text_of_kind = " ".join(filter(None, (labels.kind(node), labels.detail(node))))
                yield f'{indent}subgraph {name}["{_escaped(node.name)} - {_escaped(text_of_kind)}"]'
                yield from self._branches(node, path, indent + "  ")
                yield f"{indent}end"
                if isinstance(node.branches, ChosenBranch):
                    yield f"{indent}class {name} conditional"

    def _branches(self, node: CompositeNode, path: StepPath, indent: str) -> Iterator[str]:
        for branch in labels.branches(node, path):
            if not branch.title:
                yield from self.pipeline(branch.graph, branch.path, indent)
                continue
            yield f'{indent}subgraph b{next(self._numbers)}["{_escaped(branch.title)}"]'
            yield from self.pipeline(branch.graph, branch.path, indent + "  ")
            yield f"{indent}end"


def _escaped(text: str) -> str:
    """The text so that mermaid takes none of it for its own, on one line."""
    line = " ".join(text.split())
    return "".join(c if c in _PLAIN else f"#{ord(c)};" for c in line) or " "
