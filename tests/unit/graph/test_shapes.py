"""What fits what, of values that are not there yet."""

import pytest

from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Fit, Shape, fitting, joined, kinds, of_value

INT = AcceptedShape(frozenset({"bool", "int"}), frozenset({"float", "str"}), wording="int")
LIST_OF_INT = AcceptedShape(frozenset({"list"}), item=INT, wording="list[int]")
MODEL = AcceptedShape(frozenset({"dict"}), required=(("a", "A"),), fields={"a": INT}, wording="Model")


@pytest.mark.parametrize(
    ("shape", "wanted", "fit"),
    [
        (ANYTHING, INT, Fit.YES),
        (kinds("int"), INT, Fit.YES),
        (kinds("list"), AcceptedShape(), Fit.YES),
        (kinds("str"), INT, Fit.PERHAPS),
        (kinds("int", "null"), INT, Fit.PERHAPS),
        (kinds("list"), INT, Fit.NO),
        (kinds("object"), INT, Fit.YES),
        (kinds("object"), AcceptedShape(frozenset({"list"}), objects=True), Fit.NO),
        (Shape(frozenset({"list"}), kinds("dict")), LIST_OF_INT, Fit.PERHAPS),
        (Shape(frozenset({"list"}), kinds("int")), LIST_OF_INT, Fit.YES),
        (kinds("list"), LIST_OF_INT, Fit.YES),
        (of_value({"a": 1}), MODEL, Fit.YES),
        (of_value({"A": 1}), MODEL, Fit.YES),
        (of_value({"b": 1}), MODEL, Fit.NO),
        (of_value({"a": [1]}), MODEL, Fit.NO),
        (kinds("dict"), MODEL, Fit.YES),
    ],
)
def test_fitting(shape, wanted, fit):
    assert fitting(shape, wanted).fit is fit


def test_values_that_are_known_are_tried():
    wanted = AcceptedShape(frozenset({"str"}), refuses=lambda value, _text: "" if value == "a" else f"it is {value}")
    assert fitting(of_value("a"), wanted).fit is Fit.YES
    assert fitting(of_value("b"), wanted).reason == "it is b"
    assert fitting(joined([of_value("a"), of_value("b")]), wanted).fit is Fit.PERHAPS


def test_what_is_one_of_several():
    assert joined([of_value(1), of_value("a")]).kinds == {"int", "str"}
    assert joined([of_value(1), ANYTHING]) == ANYTHING
    assert joined([of_value([1]), of_value([])]).item is None
    assert joined([of_value({"a": 1}), of_value({"b": 1})]).fields is None
    assert joined([of_value(1), of_value(1)]) == of_value(1)


def test_as_messages_show_it():
    assert str(of_value("a")) == '"a"'
    assert str(kinds("null", "list")) == "null or a list"
    assert str(Shape(frozenset({"list"}), wording="list[int]")) == "list[int]"
