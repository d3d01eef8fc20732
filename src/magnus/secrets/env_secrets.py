"""The `env-secrets-manager` secrets provider: secrets are variables of the environment magnus was started with."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.secrets.missing import missing

_TYPE: Final = "env-secrets-manager"


class EnvSecretsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """The prefix and suffix of the variables that hold secrets.

    Attributes:
        prefix: the text before the name of the secret in the name of its variable.
        suffix: the text after it.
    """

    prefix: str = ""
    suffix: str = ""


class EnvSecrets:
    """Reads the secret `name` from the variable `<prefix><name><suffix>`."""

    options = EnvSecretsOptions

    def __init__(self, options: EnvSecretsOptions, _working_directory: Path) -> None:
        self._options = options
        self._environment = dict(os.environ)  # now: steps add to it, and change it

    def get(self, name: str) -> str:
        """The value of its variable, which may be empty; SecretsError when it is not set."""
        variable = self.variable(name)
        value = self._environment.get(variable)
        if value is None:
            raise missing(_TYPE, name, "the environment", self._names(), f"set the variable '{variable}'")
        return value

    def variable(self, name: str) -> str:
        """The variable of the secret."""
        return f"{self._options.prefix}{name}{self._options.suffix}"

    def variables(self, names: Iterable[str]) -> Mapping[str, str]:
        """The variables of these secrets, as far as they are set."""
        variables = (self.variable(name) for name in names)
        return {variable: self._environment[variable] for variable in variables if variable in self._environment}

    def _names(self) -> list[str]:
        """The names of the secrets that the environment holds."""
        prefix, suffix = self._options.prefix, self._options.suffix
        return [
            variable[len(prefix) : len(variable) - len(suffix)]
            for variable in self._environment
            if variable.startswith(prefix) and variable.endswith(suffix) and len(variable) > len(prefix) + len(suffix)
        ]
