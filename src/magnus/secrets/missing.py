"""The error of a provider that has no such secret. Used by the providers of magnus."""

from collections.abc import Iterable

from magnus.errors import SecretsError
from magnus.suggest import near


def missing(provider: str, name: str, where: str, names: Iterable[str], fix: str) -> SecretsError:
    """There is no secret `name` in `where`; `names` are the existing names, of which the nearest one is shown."""
    match = near(name, sorted(names))
    return SecretsError(
        f"the secrets provider '{provider}' has no secret '{name}' in {where}",
        fix=f"did you mean '{match}'? else {fix}" if match else fix,
    )
