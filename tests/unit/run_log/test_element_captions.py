"""What elements of a map are called: the keys in which they differ."""

import pytest

from magnus.run_log.element_captions import caption, captions, differences


@pytest.mark.parametrize(
    ("elements", "named"),
    [
        ([{"a": 1, "b": 2}, {"a": 1, "b": 3}], ["b=2", "b=3"]),
        ([{"a": 1}, {"a": 1, "b": 3}], ["", "b=3"]),
        ([{"a": 1}, {"a": True}], ["a=1", "a=true"]),
        ([{"a": 1}, {"a": 1.0}], ["a=1", "a=1.0"]),
        ([{"a": {"b": {"c": 1}}, "d": 1}, {"a": {"b": {"c": 2}}, "d": 1}], ["a.b.c=1", "a.b.c=2"]),
        ([{"a": "x y"}, {"a": "x"}], ['a="x y"', "a=x"]),
        ([{"a": "x=1 b"}, {"a": ""}], ['a="x=1 b"', 'a=""']),
        ([{"a": [1, 2]}, {"a": None}], ["a=[1, 2]", "a=null"]),
        ([{"only": 1, "one": 2}], ["only=1 one=2"]),
        ([{"a": 1}, {"a": 1}], ["", ""]),
        ([{"a": 1}, 2], ["", ""]),
        ([1, 2.5], ["1", "2.5"]),
        ([0.5, 0.5], ["", ""]),
        (["a", "b"], ["", ""]),
        ([], []),
        (None, []),
    ],
)
def test_captions(elements, named):
    assert captions(elements) == named


def test_a_long_caption_is_cut():
    text = caption({"a": "x" * 30, "b": "y" * 30, "c": "z" * 30})
    assert len(text) == 60
    assert text.startswith(f"a={'x' * 23}… b=")


def test_the_values_of_keys_that_differ():
    assert differences([{"a": 1, "b": {"c": 2}}, {"a": 1, "b": {}}]) == [{"b.c": 2}, {"b": {}}]
