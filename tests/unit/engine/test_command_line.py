"""What of a command line is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.engine.secrets.mask_run import masked_command_line


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("execute p.yaml --x 3 --tag t", "execute p.yaml --x 3 --tag t"),
        ("--db-password pw --x 3", "--db-password ***** --x 3"),
        ("--db-password=pw=2", "--db-password=*****"),
        ("--API_TOKEN --x", "--API_TOKEN *****"),
        ("--secret", "--secret"),
        ("--keyFile a --credentials b", "--keyFile ***** --credentials *****"),
        ("AWS_SECRET=abc run", "AWS_SECRET=***** run"),
        ("--url postgres://me:pw@host/db", "--url postgres://*****@host/db"),
        ("--url http://host/?a=1&token=abc&b=2", "--url http://host/?a=1&token=*****&b=2"),
        ("--keep-last 3", "--keep-last 3"),
    ],
)
def test_values_that_look_like_secrets_are_masked(given, kept):
    assert masked_command_line(given.split(" ")) == kept.split(" ")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"password": "a \\" b", "x": 1}', '{"password": *****, "x": 1}'),
        ('{"api_key":12,"x":"y"}', '{"api_key":*****,"x":"y"}'),
        ("{'my-token': 'a b'}", "{'my-token': *****}"),
        ('{"secret": "never ends', '{"secret": *****'),
        ("two words and token: abc", "two words and token: *****"),
    ],
)
def test_also_within_a_value(text, kept):
    assert masked_command_line(["--x", text]) == ["--x", kept]


@given(
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from(("--my-password", "--TOKEN", "--x.secret", "-key")),
    st.booleans(),
)
def test_a_secret_is_in_no_argument(others, name, joined):
    value = "s3cr3t \n value"
    arguments = [*others, *([f"{name}={value}"] if joined else [name, value]), *others]
    assert not any(value in argument for argument in masked_command_line(arguments))
    assert len(masked_command_line(arguments)) == len(arguments)
