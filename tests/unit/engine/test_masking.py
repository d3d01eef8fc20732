"""Secrets are taken out of text and output, however they are written or cut."""

import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.engine.secrets.masking import MASK, Masker


def masker(*secrets):
    made = Masker()
    for number, secret in enumerate(secrets):
        made.add(f"secret {number}", secret)
    return made


def streamed(made, *pieces):
    stream = made.stream()
    return b"".join([*(stream.feed(piece) for piece in pieces), stream.finish()])


@pytest.mark.parametrize("secret", ['pass"word\\', "p/ss wörd+&", "tab\there", "per%cent"])
def test_a_secret_is_masked_in_every_form(secret):
    made = masker(secret)
    for written in (
        secret,
        json.dumps(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        repr(secret),
    ):
        assert MASK in made.mask(f"<{written}>")
        assert secret not in made.mask(f"<{written}>")


def test_each_line_of_a_secret_is_masked():
    assert masker("first line\nsecond line").mask("a second line, a first line") == f"a {MASK}, a {MASK}"


def test_the_longest_secret_is_masked_whole():
    assert masker("word", "wordy secret").mask("wordy secret and word") == f"{MASK} and {MASK}"


def test_a_short_secret_is_not_masked_and_said_once():
    made = Masker()
    assert made.add("pin", "123") == "secret 'pin' has fewer than 4 characters and cannot be masked"
    assert made.add("pin", "123") == ""
    assert made.add("empty", "") == ""
    assert made.mask("123") == "123"


@given(st.data())
def test_where_output_is_cut_makes_no_difference(data):
    secrets = data.draw(st.lists(st.text("ab", min_size=4, max_size=8), min_size=1, max_size=3))
    made = masker(*secrets)
    text = data.draw(st.text("abc", max_size=40)) + data.draw(st.sampled_from(secrets))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=5)))
    pieces = [text[start:end].encode() for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    shown = streamed(made, *pieces)
    assert shown == streamed(made, text.encode())
    assert not any(secret.encode() in shown for secret in secrets)


def test_output_without_a_secret_passes_at_once():
    stream = masker("hidden").stream()
    assert stream.feed(b"nothing here") == b"nothing here"
    assert stream.feed(b"hid") == b""
    assert stream.feed(b"ing") == b"hiding"
    assert stream.feed(b"hidde") == b""
    assert stream.finish() == b"hidde"


@pytest.mark.parametrize("value", ["x secret1 y", {"a": ["secret1"]}, {"secret1": 1}, ["b", ("secret1",)]])
def test_a_secret_inside_a_value_is_found(value):
    assert masker("secret1").contains(value)
    assert not masker("another").contains(value)


def test_a_number_is_a_secret_only_as_a_whole():
    made = masker("12345")
    assert made.contains({"pin": 12345})
    assert not made.contains(123456)
    assert not made.contains(True)
    assert not Masker().contains("anything")


@pytest.mark.parametrize("secret", ['it\'s "both"', "it's one", "naïve é", "back\\slash"])
def test_a_secret_is_masked_in_python_literals_and_traced_commands(secret):
    made = masker(secret)
    written = [repr([secret]), repr([secret + "'\""]), ascii(secret), repr(secret.encode()), f"{secret!r}"]
    for text in (*written, "'" + secret.replace("'", "'\\''") + "'"):
        assert MASK in made.mask(text)
        assert secret not in made.mask(text)


def test_what_is_left_of_a_secret_where_a_message_was_cut_is_masked():
    made = masker("secret value")
    assert made.mask("it is secret va... and more") == f"it is {MASK}... and more"
    assert made.mask("wait... sec...") == "wait... sec..."
    assert made.mask("secret value...") == f"{MASK}..."


def test_blanks_are_no_secret():
    assert masker(" \n\t  ").mask("a \n\t  b") == "a \n\t  b"


def test_a_value_is_masked_wherever_it_holds_one():
    made = masker("secret1", "12345")
    assert made.masked({"a": ["x secret1", 12345, None], "secret1": 1, "b": 2}) == {
        "a": [f"x {MASK}", MASK, None],
        MASK: 1,
        "b": 2,
    }
    untouched = {"a": [1]}
    assert made.masked(untouched) is untouched


def test_new_secrets_are_told_once_and_learnt_ones_are_not():
    told = []
    made = Masker(told.append)
    made.learn("of another process")
    made.add("a", "of another process")
    made.add("b", "of this process")
    made.add("b", "of this process")
    assert [(secret.name, secret.value) for secret in told] == [("b", "of this process")]


def test_what_is_escaped_twice_is_masked():
    masker = Masker()
    masker.add("key", 'C:\\temp\\new "quoted" ü')
    value = 'C:\\temp\\new "quoted" ü'
    for text in (
        json.dumps(json.dumps({"key": value})),
        str(KeyError(f"bad {{'path': {value!r}}}")),
        repr(repr(value)),
    ):
        assert "temp" not in masker.mask(text)
