"""Writes a pipeline out: `start_at`, `next`, the pipeline around a lone task, and kinds of results. Used by `loader` alone.

Everything after it sees one form: graphs, hashes, run logs, comparisons, and the manifests of other engines.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Final, TypeAlias, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.definition.nodes import NODE_TYPES, FindNodeType, main_word
from magnus.definition.nodes.contract import DEFAULT_TRAITS, NodeType, traits_of
from magnus.definition.nodes.task import RETURN_FIELDS, Task, fields_of_kind, name_by_command
from magnus.definition.places import Later
from magnus.definition.shape import FIELDS, key_corrections
from magnus.definition.yaml_text import Document, KeyPath
from magnus.errors import Problem
from magnus.graph.structure import TERMINAL_TYPES
from magnus.suggest import near
from magnus.values import Json

_TASK: Final = "task"
"""The node type of a step that names none, and the name of a lone step that has no better one."""
_ALWAYS: Final = frozenset({"type", "retry"})
"""Fields of steps that no model has."""

Moves: TypeAlias = Mapping[KeyPath, KeyPath]
PlaceT = TypeVar("PlaceT")


class WrittenOut(Struct, frozen=True):
    """A document without shorthands.

    Attributes:
        document: the document; places are where the values are written.
        moves: the key paths that values have in it, by the key paths where they are written, where they differ.
        implied: the key paths of the `next` that nobody wrote.
    """

    document: Document
    moves: Moves
    implied: frozenset[KeyPath]


def write_out(document: Document, path: KeyPath, find_type: FindNodeType) -> WrittenOut:
    """The document with the pipeline at `path` written out; `find_type` finds node types of other packages."""
    work = _Work(find_type)
    value = document.value
    for key in path:
        value = value[key]
    value = work.pipeline(value, path, path)
    for key in reversed(path):
        value = {**document.value, key: value}
    document = replace(document, value=value)
    if work.moves:
        document = replace(
            document,
            values=_moved_places(document.values, work.moves),
            keys=_moved_places(document.keys, work.moves),
            texts=_moved_places(document.texts, work.moves),
        )
    return WrittenOut(document, work.moves, frozenset(work.implied))


def moved(path: KeyPath, moves: Moves) -> KeyPath:
    """The key path after the moves."""
    for depth in range(len(path), 0, -1):
        if path[:depth] in moves:
            return (*moves[path[:depth]], *path[depth:])
    return path


def _moved_places(places: Mapping[KeyPath, PlaceT], moves: Moves) -> Mapping[KeyPath, PlaceT]:
    return Later(lambda: {moved(path, moves): place for path, place in places.items()})


class _Work(Struct):
    """Writes out one document; every method gets the new and the written key path of a value."""

    find_type: FindNodeType
    moves: dict[KeyPath, KeyPath] = field(default_factory=dict)
    implied: set[KeyPath] = field(default_factory=set)

    def pipeline(self, value: Json, path: KeyPath, written: KeyPath) -> Json:
        if not isinstance(value, dict):
            return value
        corrections = key_corrections(value)
        key = next((key for key in value if corrections.get(key, key) == "steps"), None)
        if key is None or not isinstance(value[key], dict) or not value[key]:
            return value
        steps = {name: self._step(step, (*path, key, name), (*written, key, name)) for name, step in value[key].items()}
        following = _following(steps)
        for name, step in steps.items():
            if self._may_be_followed(step):
                steps[name] = {**step, "next": following[name]}
                self.implied.add((*path, key, name, "next"))
        if "start_at" not in value and "start_at" not in corrections.values():
            return {"start_at": next(iter(following), next(iter(steps))), **value, key: steps}
        return {**value, key: steps}

    def _step(self, step: Json, path: KeyPath, written: KeyPath) -> Json:
        if not isinstance(step, dict):
            return step
        node_type = self._type(step)
        traits = DEFAULT_TRAITS if node_type is None else traits_of(node_type)
        if traits.takes_any_field:
            return step
        changed = dict(step)
        for key in ("on_failure", *traits.pipelines):
            if isinstance(step.get(key), dict):
                changed[key] = self._branch(step[key], (*path, key), (*written, key))
        for key in traits.branches:
            if isinstance(step.get(key), dict):
                changed[key] = {
                    name: self._branch(branch, (*path, key, name), (*written, key, name))
                    for name, branch in step[key].items()
                }
        if node_type is Task and isinstance(step.get("returns"), list | dict):
            changed["returns"] = self._returns(step["returns"], (*path, "returns"), (*written, "returns"))
        return changed

    def _branch(self, value: Json, path: KeyPath, written: KeyPath) -> Json:
        """A pipeline, which may be written as its one step."""
        if not isinstance(value, dict) or not _is_step(value):
            return self.pipeline(value, path, written)
        name = _name_of_lone_step(value)
        inside = (*path, "steps", name)
        self.moves.update({(*written, key): (*inside, key) for key in value})
        step = self._step(value, inside, written)
        if self._may_be_followed(step):
            step = {**step, "next": TERMINAL_TYPES[True]}
        return {"start_at": name, "steps": {name: step}}

    def _returns(self, items: Json, path: KeyPath, written: KeyPath) -> Json:
        """Results as names, or mappings with the names of their fields."""
        if isinstance(items, dict):
            self.moves.update({(*written, name): (*path, number) for number, name in enumerate(items)})
            return [{"name": name, **fields_of_kind(kind)} for name, kind in items.items()]
        return [self._return(item, (*path, number), (*written, number)) for number, item in enumerate(items)]

    def _return(self, item: Json, path: KeyPath, written: KeyPath) -> Json:
        """A result: `name: kind` in full."""
        if not isinstance(item, dict) or len(item) != 1 or item.keys() & RETURN_FIELDS:
            return item
        [(name, kind)] = item.items()
        self.moves[*written, name] = (*path, "kind")
        return {"name": name, **fields_of_kind(kind)}

    def _type(self, step: Mapping[str, Json]) -> type[NodeType] | None:
        """The node type of the step, or the one that was probably meant."""
        word = step.get("type", _TASK)
        if not isinstance(word, str):
            return None
        if word in NODE_TYPES:
            return NODE_TYPES[word]
        node_type = self.find_type(word)
        return NODE_TYPES.get(near(word, NODE_TYPES)) if isinstance(node_type, Problem) else node_type

    def _may_be_followed(self, step: Json) -> bool:
        """Whether the step has a `next`, and nobody wrote one: not even misspelt, or in place of a variable."""
        if not isinstance(step, dict) or "next" in step or "$" in str(step.get("type", "")):
            return False
        node_type = self._type(step)
        names: tuple[str, ...] = getattr(node_type, "__struct_fields__", ("next", *step))
        if "next" not in names:
            return False
        others = [key for key in step if key not in names and key not in _ALWAYS]
        traits = DEFAULT_TRAITS if node_type is None else traits_of(node_type)
        return not others or traits.takes_any_field or not near("next", others)


def _following(steps: Mapping[str, Json]) -> dict[str, str]:
    """The step below each step; the success step below the last. No end is a step here."""
    ends = {name: step["type"] for name, step in steps.items() if _is_end(step)}
    success = next((name for name, word in ends.items() if word == TERMINAL_TYPES[True]), TERMINAL_TYPES[True])
    return dict(pairwise([*(name for name in steps if name not in ends), success]))


def _name_of_lone_step(step: Mapping[str, Json]) -> str:
    word, command, kind = step.get("type", _TASK), step.get("command"), step.get("command_type", "python")
    if word == _TASK and isinstance(command, str) and isinstance(kind, str):
        return name_by_command(command, kind)
    return main_word(word) if isinstance(word, str) and word in NODE_TYPES else _TASK


def _is_end(step: Json) -> bool:
    return isinstance(step, dict) and step.get("type") in TERMINAL_TYPES.values()


def _is_step(value: Mapping[str, Json]) -> bool:
    """Whether the mapping in place of a pipeline is a step: it has no steps, and a field of a step."""
    if "steps" in value:
        return False
    if "command" in value or "type" in value:
        return True
    others = [key for key in value if key not in FIELDS]
    return "steps" not in key_corrections(value).values() and any(near(word, others) for word in ("command", "type"))
