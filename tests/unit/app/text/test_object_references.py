"""Objects as people read them, wherever parameters are shown."""

import pytest

from magnus.app.compare.sentences import was_is
from magnus.app.report.interned_texts import Texts
from magnus.app.text.object_references import completed, objects_by_hash, readable
from magnus.cli.text import values
from magnus.run_log.parameters import JsonParameter, ListParameter, ObjectParameter, from_json, plain, shown, to_json

DATA = ObjectParameter(".objects/raw%20data.pickle", "ab" * 32, 2_500_000, "DataFrame")
TEXT = "<DataFrame 'raw data', 2.5 MB, abababab>"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (shown(DATA), TEXT),
        (plain(DATA), "<object 'raw data', abababab>"),
        ([shown(DATA), 1], [TEXT, 1]),
        ({"object": "x", "data_hash": 3}, {"object": "x", "data_hash": 3}),
        ({"object": "x", "data_hash": "y", "mine": 1}, {"object": "x", "data_hash": "y", "mine": 1}),
    ],
)
def test_references_are_texts(value, text):
    assert readable(value) == text


def test_every_place_shows_an_object_in_the_same_way():
    other = ObjectParameter(DATA.catalog_name, "cd" * 32, 1_000, "DataFrame")
    assert values.parameters({"raw": DATA})["raw"] == TEXT
    assert values.parameters({"all": ListParameter((DATA, JsonParameter(1)))})["all"] == f"[{TEXT}, 1]"
    assert values.texts({"raw": shown(DATA), "all": [shown(DATA), 1]}) == {"raw": TEXT, "all": f"[{TEXT}, 1]"}
    assert was_is(shown(DATA), shown(other)) == f"was {TEXT}, is <DataFrame 'raw data', 1.0 kB, cdcdcdcd>"
    texts = Texts()
    texts.parameters({"raw": DATA})
    assert [text.text for text in texts.fitting(1)] == [f'"{TEXT}"']


def test_the_type_of_an_object_is_in_its_record():
    assert from_json(to_json(DATA)) == DATA
    old = {"object": "o", "data_hash": "ab", "size": 3}
    assert to_json(from_json(old)) == old


def test_inputs_have_type_and_size_of_the_objects_of_earlier_steps():
    other = ObjectParameter("x", "cd" * 32, 3, "dict")
    objects = objects_by_hash((DATA, JsonParameter(1), ListParameter((other, ListParameter((other,))))))
    assert objects == {DATA.data_hash: DATA, other.data_hash: other}
    unknown = {"object": "x", "data_hash": "ef" * 32}
    inputs = {"raw": plain(DATA), "all": [plain(DATA), {"deep": plain(other)}], "gone": unknown, "n": 1}
    assert values.input_texts(inputs, objects) == {
        "raw": TEXT,
        "all": f"""[{TEXT}, {{"deep": "<dict 'x', 3 B, cdcdcdcd>"}}]""",
        "gone": "<object 'x', efefefef>",
        "n": "1",
    }
    assert completed(shown(DATA), {}) == shown(DATA)
    assert completed({**unknown, "mine": 1}, {unknown["data_hash"]: DATA}) == {**unknown, "mine": 1}
