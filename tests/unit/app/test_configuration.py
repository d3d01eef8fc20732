"""What the run log shows of the configuration."""

from magnus.app.composition.configuration import hashes_of_variables, without_secrets


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


def test_variables_are_told_apart_without_their_values_and_not_where_they_look_like_secrets():
    names = ["unit", "db_password"]
    first, same, other = (
        hashes_of_variables(names, {"MAGNUS_VAR_unit": unit, "MAGNUS_VAR_db_password": "hidden"})
        for unit in ("kB", "kB", "MB")
    )
    assert first == same != other
    assert set(first) == {"unit"}
    assert len(first["unit"]) == 6
