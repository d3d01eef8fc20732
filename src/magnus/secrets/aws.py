"""The secrets providers of AWS: `aws-secrets-manager` for Secrets Manager, and `aws-ssm` for the Parameter Store.

botocore loads when a step asks for the first secret.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct, field

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.errors import InvalidConfiguration, Problem
from magnus.secrets.fields import FieldSecrets, SecretTexts
from magnus.secrets.names import SecretNames, wrong_name

if TYPE_CHECKING:
    from magnus.secrets.aws_client import AwsClient  # lazy: botocore takes longer to load than a short run

_SECRETS_MANAGER: Final = "aws-secrets-manager"
_SSM: Final = "aws-ssm"
_FILES: Final = {"AWS_CONFIG_FILE": "config", "AWS_SHARED_CREDENTIALS_FILE": "credentials"}
"""The files of the AWS command line in ~/.aws, by the variables that name them."""
_URL: Final = re.compile(r"https?://[^/@\s]+(?:/\S*)?")


class AwsOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secrets are, and who asks for them.

    Attributes:
        region: the region; empty: of the environment or of the profile.
        profile: the profile in the files of AWS; empty: AWS_PROFILE, or the credentials of the environment or the machine.
        endpoint: the URL of another server that has the same interface; empty: AWS.
        prefix: the text before the names that steps write.
        names: by a name that steps write, the name at AWS, which may have a field: `DB_PASSWORD: team/db#password`.
    """

    region: str = ""
    profile: str = ""
    endpoint: str = ""
    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


class AwsSecretsManager(FieldSecrets):
    """Gives secrets of Secrets Manager, and fields of secrets that are JSON."""

    options = AwsOptions
    provider: ClassVar[str] = _SECRETS_MANAGER
    service: ClassVar[str] = "secretsmanager"
    pattern: ClassVar[re.Pattern[str]] = re.compile(r"(?:arn:\S+|[A-Za-z0-9/_+=.@!-]{1,512})")
    characters: ClassVar[str] = "letters, digits and /_+=.@-"

    def __init__(self, options: AwsOptions, _working_directory: Path) -> None:
        if find_spec("botocore") is None:
            message = f"secrets '{self.provider}' needs the package 'botocore', which is not installed"
            raise InvalidConfiguration(message, fix="pip install 'magnus[aws]'")
        if options.endpoint and not _URL.fullmatch(options.endpoint):
            fix = f"write a URL such as https://{self.service}.eu-west-1.amazonaws.com"
            raise WrongFields([Complaint(("endpoint",), "endpoint is no URL of a server", fix)])
        self._options = options
        self._texts = SecretTexts(SecretNames(self.provider, options.names, options.prefix), self._fetch)
        self._client: AwsClient | None = None
        self._pid = 0

    def setup_problems(self) -> Sequence[Problem]:
        """A region or credentials that this machine does not have; asks no server."""
        return self._connected().setup_problems()

    def connect_problems(self) -> Sequence[Problem]:
        """The problem that every request has."""
        return self._connected().connect_problems()

    def needed_variables(self) -> Sequence[str]:
        """None: on other machines a role can give the rights."""
        return ()

    def variables(self, names: Iterable[str]) -> Mapping[str, str]:  # noqa: ARG002 - the same for all secrets
        """The variables of AWS, and the files that are in the home folder of the user."""
        read = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        files = {name: str(self.location / file) for name, file in _FILES.items() if (self.location / file).exists()}
        return {**files, **read}

    @property
    def location(self) -> Path:
        """The folder with the files of AWS, of which a process in another place needs the same."""
        return Path("~/.aws").expanduser().absolute()

    def _check(self, name: str) -> None:
        place, _ = self._texts.place(name)
        if not self.pattern.fullmatch(place):
            called = "" if place == name else f", called '{place}' at AWS"
            raise wrong_name(self.provider, name, f"names have {self.characters} alone{called}", "correct the name")

    def _fetch(self, place: str, label: str) -> str:
        return self._connected().secret(place, label)

    def _connected(self) -> "AwsClient":
        """The client of this process: connections must not be shared with a parent."""
        if self._client is None or self._pid != os.getpid():
            from magnus.secrets.aws_client import AwsClient  # lazy: as above

            self._client = AwsClient(self.provider, self.service, self._options)
            self._pid = os.getpid()
        return self._client


class AwsParameterStore(AwsSecretsManager):
    """Gives parameters of the Parameter Store of Systems Manager, decrypted."""

    provider = _SSM
    service = "ssm"
    pattern = re.compile(r"(?:arn:\S+|[A-Za-z0-9/_.-]{1,2048}(?::[A-Za-z0-9_.-]{1,100})?)")
    characters = "letters, digits and /_.-"
