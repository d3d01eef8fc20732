"""The values of a run: parameters (JSON values, large values and objects in the catalog) and metrics. Pure.

A metric is a value, or measurements that the user counts by step. A value may be a mapping whose keys look like numbers, so
the two differ by type here and in records, never by shape.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias

from msgspec import Struct

from magnus.errors import CatalogError
from magnus.run_log.json_bytes import from_bytes
from magnus.values import Json

_HASH_DIGITS: Final = 64


class JsonParameter(Struct, frozen=True):
    """A JSON value. `text` is the text on a command line or in an environment variable, where the value came from one."""

    value: Json
    text: str | None = None


class Contents(Protocol):
    """Reads large values from the catalog; it can be pickled, as they travel between processes."""

    def content(self, parameter: "LargeParameter") -> bytes:
        """The content; CatalogError when it is not there any more."""
        ...


class LargeParameter(Struct, eq=False):
    """A JSON value that is too large for records: its JSON is content of the catalog, called `catalog_name` there.

    It is read when somebody asks for it, and is a new value each time. `size` is that of the content, in bytes. With
    `is_text` the content is what a shell said, to the letter. `contents` is not part of a record: the run log
    store sets it in what it returns, which is why this class is not frozen.
    """

    catalog_name: str
    data_hash: str
    size: int
    is_text: bool = False
    contents: Contents | None = None

    @property
    def json_text(self) -> str:
        """The value as JSON."""
        return self._content().decode()

    @property
    def value(self) -> Json:
        """The value; CatalogError when it is not there any more."""
        return from_bytes(self._content())

    @property
    def text(self) -> str | None:
        """As of a `JsonParameter`."""
        return self.json_text if self.is_text else None

    def _content(self) -> bytes:
        if self.contents is None:
            raise CatalogError(f"no catalog is known that keeps '{self.catalog_name}'")
        return self.contents.content(self)

    def __eq__(self, other: object) -> bool:
        """Whether both stand for one content."""
        return isinstance(other, LargeParameter) and to_json(self) == to_json(other)

    def __hash__(self) -> int:
        """That of the content."""
        return hash(self.data_hash)


class ObjectParameter(Struct, frozen=True):
    """An object stored in the catalog under `catalog_name`; its value travels by this reference only.

    `size` is that of its content, in bytes; `type_name` what its type is called, "" where that is not known.
    """

    catalog_name: str
    data_hash: str
    size: int = 0
    type_name: str = ""


class MetricParameter(Struct, frozen=True):
    """A JSON value that is also tracked; the only kind that may be NaN or infinite."""

    value: Json


class ListParameter(Struct, frozen=True):
    """The values that the branches of a map set under one name, in their order, when one of them is an object."""

    items: tuple["Parameter", ...]


Parameter: TypeAlias = JsonParameter | LargeParameter | ObjectParameter | MetricParameter | ListParameter
"""A parameter as a record holds it."""
Scope: TypeAlias = Mapping[str, Parameter]
"""The parameters a branch sees, by name."""


def plain(parameter: Parameter) -> Json:
    """The value as it stands in the run log and in `MAGNUS_PRM_*`: an object as a reference.

    CatalogError when it is a large one that is not there any more.
    """
    match parameter:
        case JsonParameter(value=value) | MetricParameter(value=value):
            return value
        case LargeParameter():
            return parameter.value
        case ObjectParameter(catalog_name=name, data_hash=data_hash):
            return {"object": name, "data_hash": data_hash}
        case ListParameter(items=items):
            return [plain(item) for item in items]


def argument_json(parameter: Parameter) -> Json:
    """The value of an argument as the run log shows it: a large one as a reference, too."""
    match parameter:
        case LargeParameter():
            return to_json(parameter)
        case ListParameter(items=items):
            return [argument_json(item) for item in items]
        case _:
            return plain(parameter)


def argument_reference(value: Json) -> LargeParameter | None:
    """The large parameter that `argument_json` writes as this value; None for every other value."""
    match value:
        case {"large": str(), "data_hash": str() as digits, "size": int(), **rest} if len(digits) == _HASH_DIGITS:
            return None if rest.keys() - {"is_text"} else large_from_json(value)
        case _:
            return None


def shown(parameter: Parameter) -> Json:
    """The value for people; of an object, and of a large one that is not there any more, the reference."""
    if isinstance(parameter, ListParameter):
        return [shown(item) for item in parameter.items]
    if isinstance(parameter, ObjectParameter):
        more = {"size": parameter.size, "type": parameter.type_name}
        return {**plain(parameter), **{name: value for name, value in more.items() if value}}
    try:
        return plain(parameter)
    except CatalogError:
        return argument_json(parameter)


def large_ones(values: Iterable[object]) -> Iterator[LargeParameter]:
    """The large parameters among the values, and in lists of parameters among them."""
    for value in values:
        if isinstance(value, LargeParameter):
            yield value
        elif isinstance(value, ListParameter):
            yield from large_ones(value.items)


def to_json(parameter: Parameter) -> Json:
    """The parameter as it is stored in a record: a mapping that tells its kind, or a JSON value that is no mapping."""
    match parameter:
        case JsonParameter(value=value, text=None):
            return {"json": value} if isinstance(value, Mapping) else value
        case JsonParameter(value=value, text=text):
            return {"json": value, "text": text}
        case LargeParameter(catalog_name=name, data_hash=data_hash, size=size, is_text=is_text):
            stored = {"large": name, "data_hash": data_hash, "size": size}
            return {**stored, "is_text": True} if is_text else stored
        case MetricParameter(value=value):
            return {"metric": value}
        case ObjectParameter(catalog_name=name, data_hash=data_hash, size=size, type_name=type_name):
            stored = {"object": name, "data_hash": data_hash, "size": size}
            return {**stored, "type": type_name} if type_name else stored
        case ListParameter(items=items):
            return {"list": [to_json(item) for item in items]}


def holds_objects(parameter: Parameter) -> bool:
    """Whether it is an object, or some of it is."""
    return isinstance(parameter, ObjectParameter | ListParameter)


def objects_in(parameter: Parameter) -> Iterator[ObjectParameter]:
    """The objects that it is, or is made of."""
    match parameter:
        case ObjectParameter():
            yield parameter
        case ListParameter(items=items):
            for item in items:
                yield from objects_in(item)
        case _:
            pass


def from_json(stored: Json) -> Parameter:
    """The parameter that `to_json` stored."""
    if not isinstance(stored, dict):
        return JsonParameter(stored)
    if "json" in stored:
        return JsonParameter(stored["json"], stored.get("text"))
    if "metric" in stored:
        return MetricParameter(stored["metric"])
    if "large" in stored:
        return large_from_json(stored)
    if "list" in stored:
        return ListParameter(tuple(from_json(item) for item in stored["list"]))
    return ObjectParameter(stored["object"], stored["data_hash"], stored.get("size", 0), stored.get("type", ""))


def all_to_json(scope: Scope) -> dict[str, Json]:
    """Parameters by name, each as `to_json` stores it."""
    return {name: to_json(parameter) for name, parameter in scope.items()}


def all_from_json(stored: Mapping[str, Json]) -> dict[str, Parameter]:
    """The parameters that `all_to_json` stored."""
    return {name: from_json(parameter) for name, parameter in stored.items()}


def large_from_json(stored: Json) -> LargeParameter:
    """The large parameter that `to_json` stored."""
    return LargeParameter(stored["large"], stored["data_hash"], stored["size"], stored.get("is_text", False))


class CountedMetric(Struct, frozen=True):
    """The measurements of one name, each by the number of the step that the user gave with it, in their order."""

    by_step: Mapping[int, Json]


Metric: TypeAlias = Json | CountedMetric
"""A metric as a record holds it."""
Metrics: TypeAlias = Mapping[str, Metric]
"""The metrics of a step, by name."""


def add_metric(metrics: dict[str, Metric], name: str, value: Json, step: int | None) -> None:
    """Add one measurement to `metrics`; names that differ by case alone are the same metric.

    A measurement with a step is added to the earlier ones with a step, and replaces a value without a step. A
    measurement without a step replaces every earlier one.
    """
    name = _name_in(metrics, name)
    if step is None:
        metrics[name] = value
        return
    counted = metrics.get(name)
    before = counted.by_step if isinstance(counted, CountedMetric) else {}
    metrics[name] = CountedMetric({**before, step: value})


def merged(metrics: Metrics, later: Metrics) -> Metrics:
    """`metrics` with those tracked `later`; counted ones of one name are joined step by step."""
    if not later:
        return metrics
    merged = dict(metrics)
    for name, metric in later.items():
        stored_name = _name_in(merged, name)
        before = merged.get(stored_name)
        if isinstance(metric, CountedMetric) and isinstance(before, CountedMetric):
            merged[stored_name] = CountedMetric({**before.by_step, **metric.by_step})
        else:
            merged[stored_name] = metric
    return merged


def plain_metric(metric: Metric) -> Json:
    """The metric as the run log document shows it: the value, or `{"<step>": value}`."""
    if isinstance(metric, CountedMetric):
        return {str(step): value for step, value in metric.by_step.items()}
    return metric


def plain_metrics(metrics: Metrics) -> dict[str, Json]:
    """All of them, likewise."""
    return {name: plain_metric(metric) for name, metric in metrics.items()}


def counted_from_json(stored: Mapping[str, Json]) -> CountedMetric:
    """The counted metric that `plain_metric` wrote."""
    return CountedMetric({int(step): value for step, value in stored.items()})


def _name_in(metrics: Metrics, name: str) -> str:
    """The name that is there already for it: the same one, or the only one that differs by case alone."""
    if name in metrics or not metrics:
        return name
    folded = name.casefold()
    matches = [stored_name for stored_name in metrics if stored_name.casefold() == folded]
    return matches[0] if len(matches) == 1 else name
