"""What is said of the values that annotations take is never less than casting takes."""

from collections.abc import Collection, Iterable, Mapping, MutableSequence, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Any, Literal
from uuid import UUID

import pytest

from magnus.graph.dataflow.shapes import Fit, Shape, fitting, kind_of
from magnus.tasks.functions.casting import Cast, WrongType
from magnus.tasks.static.annotations import accepted_shape

VALUES = [
    None, True, False, 0, 1, 20240506, 1.0, 0.5, "", "x", "1", "1.5", "true", "2024-05-06", "2024-05-06T10:00:00", "10:00:00",
    "P1D", "00000000-0000-0000-0000-000000000001", [], [1], ["a"], [["a", 1]], [1, 2], {}, {"a": 1}, {"1": 2},
]  # fmt: skip
ANNOTATIONS = [
    bool, int, float, str, None, date, datetime, time, timedelta, PurePath, Path, UUID, Decimal, list, tuple, set, frozenset,
    Sequence, Collection, Iterable, AbstractSet, MutableSequence, list[int], tuple[int], tuple[int, ...], set[str],
    frozenset[int], Sequence[int], Sequence[str], Sequence[Any], Collection[int], Collection[str], Iterable[int],
    Iterable[str], Iterable[Any], AbstractSet[str], dict, dict[str, int], Mapping, Mapping[str, int], Literal["x"],
    Iterable[int] | None, Sequence | int, timedelta | None,
]  # fmt: skip


def is_taken(value, annotation):
    try:
        Cast(annotation)(value)
    except WrongType:
        return False
    return True


@pytest.mark.parametrize("annotation", ANNOTATIONS, ids=str)
def test_a_kind_of_which_a_value_is_taken_is_no_error(annotation):
    wanted = accepted_shape(annotation)
    taken = {kind_of(value) for value in VALUES if is_taken(value, annotation)}
    assert [kind for kind in taken if fitting(Shape(frozenset({kind})), wanted).fit is Fit.NO] == []


def test_text_is_no_sequence_of_texts():
    assert fitting(Shape(frozenset({"str"})), accepted_shape(Sequence[str])).fit is Fit.NO
