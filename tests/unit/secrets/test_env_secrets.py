"""Secrets from the environment magnus was started with."""

import pytest

from magnus.errors import SecretsError
from magnus.secrets.env_secrets import EnvSecrets, EnvSecretsOptions


def test_a_missing_variable_is_named_with_the_nearest_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("ACME_API_KEY_SECRET", "hidden")
    provider = EnvSecrets(EnvSecretsOptions(prefix="ACME_", suffix="_SECRET"), tmp_path)
    with pytest.raises(SecretsError) as caught:
        provider.get("API_KEI")
    assert str(caught.value) == (
        "error: the secrets provider 'env-secrets-manager' has no secret 'API_KEI' in the environment\n"
        "  fix: did you mean 'API_KEY'? else set the variable 'ACME_API_KEI_SECRET'"
    )


def test_what_steps_do_to_the_environment_changes_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("API_KEY", "as it was")
    provider = EnvSecrets(EnvSecretsOptions(), tmp_path)
    monkeypatch.setenv("API_KEY", "as a step set it")
    assert provider.get("API_KEY") == "as it was"


def test_the_variables_of_secrets_are_told_to_who_takes_them_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("ACME_API_KEY", "hidden")
    monkeypatch.setenv("API_KEY", "another")
    provider = EnvSecrets(EnvSecretsOptions(prefix="ACME_"), tmp_path)
    assert provider.variables(["API_KEY", "NOT_SET"]) == {"ACME_API_KEY": "hidden"}
