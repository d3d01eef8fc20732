"""Requires the packages of formats before a run starts; the picklers import them when they write or read."""

from importlib.util import find_spec

from magnus.errors import InvalidConfiguration


def require(package: str, pickler: str) -> None:
    """Raise InvalidConfiguration if the package, which the extra of the pickler's name installs, is not installed."""
    if find_spec(package) is None:
        message = f"pickler '{pickler}' needs the package '{package}', which is not installed"
        raise InvalidConfiguration(message, fix=f"pip install 'magnus[{pickler}]'")
