"""What the run log shows of the configuration."""

from magnus.app.configuration import without_secrets


def test_options_that_look_like_secrets_are_masked():
    assert without_secrets({
        "url": "postgresql://magnus:hidden@host:5432/db?x=1",
        "plain": "http://host/a@b",
        "db_PASSWORD": "hidden",
        "apiKey": 12345,
        "use_token": True,
        "token": None,
        "nested": [{"client_secret": "hidden", "name": "shown"}],
        "Credentials": {"user": "hidden", "list": ["hidden"]},
        "number": 5,
    }) == {
        "url": "postgresql://magnus:*****@host:5432/db?x=1",
        "plain": "http://host/a@b",
        "db_PASSWORD": "*****",
        "apiKey": "*****",
        "use_token": True,
        "token": None,
        "nested": [{"client_secret": "*****", "name": "shown"}],
        "Credentials": {"user": "*****", "list": ["*****"]},
        "number": 5,
    }  # fmt: skip
