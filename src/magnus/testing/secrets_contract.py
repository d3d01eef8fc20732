"""The contract suite of secrets providers: a provider proves itself by subclassing `SecretsContract`.

::

    class TestMySecrets(SecretsContract):
        provider = "mine"

        @contextmanager
        def place(self, secrets):
            with a_vault_that_holds(secrets) as address:
                yield lambda: MySecrets(MyOptions(address=address), Path.cwd())

With `pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final, TypeAlias

import pytest

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import SecretsError
from magnus.interfaces.secrets import Secrets

__all__ = ["OpenSecrets", "SecretsContract"]

OpenSecrets: TypeAlias = Callable[[], Secrets]
"""Makes a provider of the same secrets."""

ODD_VALUES: Final = {
    "plain": "a-plain-value",
    "empty": "",
    "equals_and_hash": "a=b #c#d == e",
    "quotes": 'it\'s "quoted", it`s',
    "blanks": "  before and after\t",
    "lines": "-----BEGIN-----\n  first\n\nsecond\n-----END-----\n",
    "backslashes": "C:\\new\\table\\ \\\\n",
    "dollars": "$HOME ${HOME} $$ %HOME% {name}",
    "letters": "wörd \N{SNOWMAN}",
    "number": "00123",
    "long": "0123456789abcdef" * 512,
}
"""Values that a provider has to give back exactly, by the name of the secret."""

_VALUE: Final = "never-to-be-seen"


class SecretsContract(ABC):
    """Subclass it with a name that begins with `Test`, and say in `place` how to get a provider.

    Attributes:
        provider: the type as configurations name it, and messages too.
        keeps: whether it has secrets; False for one that answers every name with an empty text.
    """

    provider: ClassVar[str]
    keeps: ClassVar[bool] = True

    @abstractmethod
    def place(self, secrets: Mapping[str, str]) -> AbstractContextManager[OpenSecrets]:
        """A place that holds exactly these secrets, gone afterwards.

        Every call of what it yields makes one more provider for the place, as another process would.
        """

    @pytest.mark.parametrize("name", ODD_VALUES)
    def test_a_value_comes_back_exactly(self, name: str) -> None:
        with self.place(ODD_VALUES) as opening:
            assert opening().get(name) == (ODD_VALUES[name] if self.keeps else "")

    def test_a_secret_can_be_asked_for_again_and_by_others(self) -> None:
        with self.place({"API_KEY": _VALUE, "OTHER": "other"}) as opening:
            one, another = opening(), opening()
            values = [one.get("API_KEY"), one.get("OTHER"), another.get("API_KEY"), one.get("API_KEY")]
        assert values == ([_VALUE, "other", _VALUE, _VALUE] if self.keeps else [""] * 4)

    def test_names_differ_by_case(self) -> None:
        with self.place({"API_KEY": _VALUE, "api_key": "lower"}) as opening:
            assert opening().get("api_key") == ("lower" if self.keeps else "")

    def test_what_is_missing_is_named_with_the_provider_and_without_a_value(self) -> None:
        with self.place({"API_KEY": _VALUE}) as opening:
            if not self.keeps:
                assert opening().get("API_KEI") == ""
                return
            message = _refusal(opening(), "API_KEI")
        assert "'API_KEI'" in message
        assert f"'{self.provider}'" in message
        assert _VALUE not in message

    def test_a_secret_is_missing_where_there_is_none(self) -> None:
        with self.place({}) as opening:
            provider = opening()  # making it asks for nothing yet
            if self.keeps:
                assert self.provider in _refusal(provider, "API_KEY")
            else:
                assert provider.get("API_KEY") == ""

    def test_it_does_not_show_its_values(self) -> None:
        with self.place({"API_KEY": _VALUE}) as opening:
            provider = opening()
            provider.get("API_KEY")
            assert _VALUE not in f"{provider!r} {provider}"

    def test_its_options_have_defaults_and_refuse_what_they_do_not_know(self) -> None:
        with self.place({}) as opening:
            options: Any = type(opening()).options  # type: ignore[attr-defined]  # what the composition root asks for
        with pytest.raises(WrongFields, match="unknown field 'no_such_option'"):
            read(options, {"no_such_option": 1})


def _refusal(provider: Secrets, name: str) -> str:
    """The texts of the error and of its causes, which a traceback shows."""
    with pytest.raises(SecretsError) as caught:
        provider.get(name)
    error: BaseException | None = caught.value
    texts = []
    while error is not None:
        texts.append(str(error))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(texts)
