"""Where the walk through a pipeline is, and the parameters and files that a step there sees, with certainty and shape. Pure."""

import json
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.graph.branches import json_of, spelled
from magnus.graph.dataflow.facts import Certainty, Setting
from magnus.graph.dataflow.shapes import ANYTHING, Shape, joined
from magnus.values import Json


class Fact(Struct, frozen=True):
    """A parameter or a file; `lacking` names the path that lacks it: "when 'fetch' fails"."""

    certainty: Certainty = Certainty.CERTAIN
    shape: Shape = ANYTHING
    lacking: str = ""


class VisibleData(Struct, frozen=True):
    """The parameters and files that a step sees, or that a branch has set.

    `is_open` is true when there may be parameters of unknown names, `files_open` when there may be such files. `via` names
    the last turn of the path that not every run takes.
    """

    parameters: Mapping[str, Fact] = field(default_factory=dict)
    files: Mapping[str, Fact] = field(default_factory=dict)
    is_open: bool = False
    files_open: bool = False
    via: str = ""

    def find(self, name: str) -> Fact | None:
        """The parameter of this name in any case; None when there is certainly none."""
        folded = name.casefold()
        fact = self.parameters.get(name)
        if fact is None:
            alike = [other for key, other in self.parameters.items() if key.casefold() == folded]
            fact = alike[0] if len(alike) == 1 else Fact(Certainty.UNCLEAR) if alike else None
        if self.is_open and (fact is None or fact.certainty is Certainty.POSSIBLE):
            return Fact(Certainty.UNCLEAR)
        return fact

    def setting(self, settings: Iterable[Setting], *, others: bool) -> "VisibleData":
        """The same after a task set these, and with `others` parameters of unknown names."""
        parameters = dict(self.parameters)
        if others:
            parameters = {name: replace(fact, shape=ANYTHING) for name, fact in parameters.items()}
        for setting in settings:
            before = parameters.get(setting.name)
            if setting.is_certain:
                parameters[setting.name] = Fact(shape=setting.shape)
            elif before is None:
                parameters[setting.name] = Fact(Certainty.UNCLEAR, setting.shape)
            else:
                parameters[setting.name] = _either(before, setting.shape)
        return replace(self, parameters=parameters, is_open=self.is_open or others)

    def putting(self, patterns: Iterable[str], *, others: bool) -> "VisibleData":
        """The same after a task put files of these patterns, and with `others` files of unknown names."""
        files = {**self.files, **dict.fromkeys(patterns, Fact())}
        return replace(self, files=files, files_open=self.files_open or others)

    def followed_by(self, own: "VisibleData") -> "VisibleData":
        """This data, with the data set since over it."""
        parameters = {
            name: replace(fact, shape=ANYTHING) if own.is_open else fact for name, fact in self.parameters.items()
        }
        for name, fact in own.parameters.items():
            parameters[name] = _over(parameters.get(name), fact)
        files = {**self.files}
        for name, fact in own.files.items():
            files[name] = _over(files.get(name), fact)
        return VisibleData(parameters, files, self.is_open or own.is_open, self.files_open or own.files_open, own.via)


def _either(before: Fact, shape: Shape) -> Fact:
    """A fact that may have been replaced."""
    certainty = before.certainty if before.certainty is Certainty.CERTAIN else Certainty.UNCLEAR
    return Fact(certainty, joined((before.shape, shape)))


def _over(base: Fact | None, own: Fact) -> Fact:
    """The fact of a name that may have existed before and may have been set since."""
    if base is None or own.certainty is Certainty.CERTAIN:
        return own
    shape = joined((base.shape, own.shape))
    if base.certainty is own.certainty is Certainty.POSSIBLE:
        return Fact(Certainty.POSSIBLE, shape, own.lacking)
    return Fact(Certainty.CERTAIN if base.certainty is Certainty.CERTAIN else Certainty.UNCLEAR, shape)


def meeting(ways: Sequence[tuple[VisibleData, str]]) -> VisibleData:
    """The data where several paths meet; each path with its name in words."""
    if len(ways) == 1:
        return ways[0][0]
    is_open = any(data.is_open for data, _ in ways)
    files_open = any(data.files_open for data, _ in ways)
    vias = {data.via for data, _ in ways}
    return VisibleData(
        _met([(data.parameters, data.is_open, text) for data, text in ways]),
        _met([(data.files, data.files_open, text) for data, text in ways]),
        is_open,
        files_open,
        vias.pop() if len(vias) == 1 else "",
    )


def _met(ways: Sequence[tuple[Mapping[str, Fact], bool, str]]) -> dict[str, Fact]:
    names = dict.fromkeys(name for facts, _, _ in ways for name in facts)
    return {name: _meeting_fact([(facts.get(name), is_open, text) for facts, is_open, text in ways]) for name in names}


def _meeting_fact(ways: Sequence[tuple[Fact | None, bool, str]]) -> Fact:
    there = [fact for fact, _, _ in ways if fact is not None]
    shape = joined(fact.shape for fact in there)
    lacking = [text for fact, is_open, text in ways if fact is None and not is_open]
    lacking += [fact.lacking for fact in there if fact.certainty is Certainty.POSSIBLE]
    if lacking:
        return Fact(Certainty.POSSIBLE, shape, lacking[0])
    unclear = any(fact is None or fact.certainty is Certainty.UNCLEAR for fact, _, _ in ways)
    return Fact(Certainty.UNCLEAR if unclear else Certainty.CERTAIN, shape)


class BranchCursor(Struct, frozen=True):
    """Where the walk is.

    `around` are the names of the steps and branches around and of the current step; `is_caught` says that a failure here
    leads to success all the same, `is_reached` that the initial parameters lead here.
    """

    around: tuple[str, ...] = ()
    is_caught: bool = False
    is_reached: bool = True

    def inside(self, key: str) -> "BranchCursor":
        """The same in the branch of this key."""
        return replace(self, around=(*self.around, key))

    def where_reached(self, *, is_reached: bool) -> "BranchCursor":
        """The same; in a branch that the initial parameters do not choose nothing makes the run fail."""
        return self if is_reached else replace(self, is_reached=False)


def matchable(keys: Iterable[str]) -> frozenset[str]:
    """The kinds of values whose text may be one of the keys."""
    names = {"str"}
    for key in keys:
        try:
            value = json.loads(json_of(key))
        except ValueError:
            continue
        names.add(
            {type(None): "null", bool: "bool", int: "int", float: "float", list: "list", dict: "dict"}.get(
                type(value), "str"
            )
        )
    return frozenset(names)


def can_choose(shape: Shape, key: str) -> bool:
    """Whether some value of this shape chooses the branch of the key."""
    if shape.values is not None:
        return any(as_text(value) in spelled(key) for value, _ in shape.values)
    return shape.kinds is None or bool(matchable([key]) & shape.kinds)


def as_text(value: Json) -> str:
    """The text of a value, as keys are compared with it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def all_spellings(keys: Iterable[str]) -> set[str]:
    """The texts of values that any of the keys stands for."""
    return {spelling for key in keys for spelling in spelled(key)}
