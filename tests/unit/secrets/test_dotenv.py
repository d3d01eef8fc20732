"""The file of `dotenv`: what it may look like, and what is said when it is none."""

import pytest

from magnus.errors import SecretsError
from magnus.secrets.dotenv import DotenvOptions, DotenvSecrets, parse


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("A=1", {"A": "1"}),
        ("A=", {"A": ""}),
        ("A= \nB=2\n", {"A": "", "B": "2"}),
        ("  A = b c  \n", {"A": "b c"}),
        ("A=b=c==", {"A": "b=c=="}),
        ("A=b#c", {"A": "b#c"}),
        ("A=#c", {"A": "#c"}),
        ("A=b # c", {"A": "b"}),
        ("A= # c", {"A": ""}),
        ("# A=1\n\n   # more\nB=2", {"B": "2"}),
        ("export A=1\nexport\tB=2\nexporter=3", {"A": "1", "B": "2", "exporter": "3"}),
        ("A='b # c' # d", {"A": "b # c"}),
        ('A="b # c"', {"A": "b # c"}),
        ('A="b\nc=\nd"\nB=2', {"A": "b\nc=\nd", "B": "2"}),
        (r'A="b\nc\t\"d\" \\ \d $e"', {"A": 'b\nc\t"d" \\ \\d $e'}),
        (r"A='b\nc \'d\' \\ $e'", {"A": "b\\nc 'd' \\ $e"}),
        ("A=it's", {"A": "it's"}),
        ('A=say "it"', {"A": 'say "it"'}),
        ("A=C:\\new\\", {"A": "C:\\new\\"}),
        ("A=${B} $B", {"A": "${B} $B"}),
        ("A=1\nA=2", {"A": "2"}),
        ('A=1\r\nB="2\r\n3"\r\n\r\n', {"A": "1", "B": "2\n3"}),
        ("\ufeffA=1", {"A": "1"}),
        ("a.b-c=1", {"a.b-c": "1"}),
        ("A=b\u2028c", {"A": "b\u2028c"}),
    ],
)
def test_what_a_line_means(text, values):
    assert parse(text) == values


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A=1\nhidden\n", "line 2: it is not NAME=value"),
        ("\n\n  export hidden", "line 3: it is not NAME=value"),
        ("=hidden", "line 1: it is not NAME=value"),
        ('"A=hidden', "line 1: it is not NAME=value"),
        ("A: hidden", "line 1: it is not NAME=value"),
        ("A=1\r\nB='hidden\r\nC=3", "line 2: the value that begins with ' does not end with one"),
        ('A="hid"den"', 'line 1: something follows the " that ends the value; write \\" for one inside it'),
        ('A="hid\nden" hidden', 'line 1: something follows the " that ends the value; write \\" for one inside it'),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_not_shown(tmp_path, text, said):
    (tmp_path / ".env").write_text(text, newline="")
    assert refusal(tmp_path, "A") == (
        f"the file '.env' of the secrets provider 'dotenv' cannot be read: {said}",
        "write NAME=value, the value in quotes where it holds several lines or a ' #'",
    )


def refusal(folder, name, **options):
    with pytest.raises(SecretsError) as caught:
        DotenvSecrets(DotenvOptions(**options), folder).get(name)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value.problems[0].message, caught.value.problems[0].fix


def test_a_file_that_is_missing_is_said_when_it_is_asked_for(tmp_path):
    assert refusal(tmp_path, "A", location="conf/my.env") == (
        "the file 'conf/my.env' of the secrets provider 'dotenv' does not exist",
        "write it, or set `location` of the secrets provider",
    )


def test_what_is_no_text_file(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(b"A=\xff\xfe")
    assert refusal(tmp_path, "A", location="folder")[0].endswith("cannot be read: Is a directory")
    assert refusal(tmp_path, "A", location="binary")[0].endswith("is not UTF-8 text")


def test_a_missing_secret_is_answered_with_the_nearest_name(tmp_path):
    (tmp_path / ".env").write_text("API_KEY=hidden\nOTHER=hidden")
    assert refusal(tmp_path, "API_KEI") == (
        "the secrets provider 'dotenv' has no secret 'API_KEI' in '.env'",
        "did you mean 'API_KEY'? else add a line API_KEI=<value>",
    )
    assert refusal(tmp_path, "zzz")[1] == "add a line zzz=<value>"


def test_the_file_is_read_once_and_when_it_is_asked_for(tmp_path):
    provider = DotenvSecrets(DotenvOptions(), tmp_path)
    (tmp_path / ".env").write_text("A=1")
    assert provider.get("A") == "1"
    (tmp_path / ".env").unlink()
    assert provider.get("A") == "1"
