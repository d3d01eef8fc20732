"""JSON files: the place of everything in them, and what Python's reader and ours agree upon."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.definition.json_places import scan
from magnus.definition.yaml_text import parse, read_with_faults
from magnus.errors import InvalidConfiguration, InvalidDefinition, Location

TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)


def paths(value, path=()):
    """The path of every value in it."""
    yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from paths(inner, (*path, number))


def at(text, place):
    """What is written from a place on."""
    lines = text.split("\n")
    return "\n".join([lines[place.line - 1][place.column - 1 :], *lines[place.line :]])


def value_at(value, path):
    for key in path:
        value = value[key]
    return value


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_every_value_and_key_has_its_place(value, is_ascii, indent):
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    found = scan(text, "f.json")
    assert found.wrong == ()
    assert set(found.values) == set(paths(value))
    decoder = json.JSONDecoder()
    for path, place in found.values.items():
        assert decoder.raw_decode(at(text, place))[0] == value_at(value, path)
    for path, place in found.keys.items():
        assert decoder.raw_decode(at(text, place))[0] == path[-1]


def test_places_are_looked_for_when_they_are_asked_for():
    document = parse('{"dag":\n  {"a": [1, 2]}}', "p.json", InvalidDefinition, "the pipeline")
    assert document.locate("dag", "a") == Location("p.json", 2, 4)
    assert document.locate_value("dag", "a", 1) == Location("p.json", 2, 13)
    assert document.locate("dag", "none") == Location("p.json", 1, 2)
    assert document.locate_value("dag") == Location("p.json", 2, 3)


@pytest.mark.parametrize("text", ["{a: 1}", '{"a": 1,}', "{'a': 1}", '{"a": 1} # said'])
def test_what_begins_as_json_does_and_is_none_is_yaml_unless_the_file_is_called_json(text):
    assert parse(text, "p.yaml", InvalidDefinition, "the pipeline").value == {"a": 1}
    with pytest.raises(InvalidDefinition, match=r"p\.json:1:\d+: error: this is not JSON: "):
        parse(text, "p.json", InvalidDefinition, "the pipeline")


def test_everything_wrong_in_a_json_file_is_said_at_once():
    text = '{"a": 1e400,\n "a": NaN,\n "b": ["\\ud800"]}'
    with pytest.raises(InvalidDefinition) as caught:
        parse(text, "p.json", InvalidDefinition, "the pipeline")
    assert [str(problem.location) for problem in caught.value.problems] == [
        "p.json:1:7", "p.json:2:2", "p.json:2:7", "p.json:3:8",
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b'\xef\xbb\xbf{"a": 1}', b"\xef\xbb\xbfa: 1\n"])
def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    assert read_with_faults(tmp_path / "f", InvalidDefinition, "the file").document.value == {"a": 1}


@pytest.mark.parametrize("content", ["", "# nothing\n", "---\n", "\ufeff"])
def test_an_empty_file_stands_for_what_the_reader_says(tmp_path, content):
    (tmp_path / "f").write_text(content)
    found = read_with_faults(tmp_path / "f", InvalidConfiguration, "the file", empty={})
    assert found.document.value == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3), ("1e-05", 1e-05), ("1E+3", 1000.0), ("-.5e3", -500.0), (".5", 0.5), ("1.", 1.0), ("1_000", 1000),
        ("0x10", 16), ("0o17", 15), ("0b11", 3), ("+1", 1), ("0", 0), ("1.5_0", 1.5), ("12:30", "12:30"), ("1:30.5", "1:30.5"),
        ("007", "007"), ("-010", "-010"), ("yes", True), ("Off", False), ("~", None), ("2020-01-02", "2020-01-02"),
        ("1e", "1e"), ("e3", "e3"), ("=", "="), ("<<", "<<"), ("0x", "0x"), ("_1", "_1"),
    ],
)  # fmt: skip
def test_what_plain_words_of_yaml_are(text, value):
    found = parse(f"v: {text}\n", "f.yaml", InvalidDefinition, "the file").value["v"]
    assert (found, type(found)) == (value, type(value))
