"""Asks Secrets Manager and the Parameter Store by botocore, and says why they do not answer; botocore is used here alone.

Texts of AWS are shown on one line; they name users, rights and secrets, and hold no values.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from botocore import exceptions
from botocore.config import Config
from botocore.session import Session

from magnus.errors import Problem, SecretsError
from magnus.secrets.addresses import reach_fix

if TYPE_CHECKING:
    from magnus.secrets.aws import AwsOptions

_TRIES: Final = Config(
    connect_timeout=5, read_timeout=15, retries={"mode": "standard", "max_attempts": 3}, user_agent_appid="magnus"
)
_NO_SUCH_NAME: Final = "magnus-connection-check"
_LONGEST_WORDS: Final = 300
_ASKS_A_SERVER: Final = ("container-role", "iam-role")
_SET_CREDENTIALS: Final = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where a role gives the rights"
)
_RENEW: Final = "renew the credentials, such as by `aws sso login`"

_MISSING: Final = frozenset({"ResourceNotFoundException", "ParameterNotFound", "ParameterVersionNotFound"})
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidKeyId",
        "NotAuthorized",
        "UnauthorizedOperation",
    }
)
_WRONG_CREDENTIALS: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException"}
    | {"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidSignatureException", "InvalidToken"}
    | {"MissingAuthenticationToken", "MissingAuthenticationTokenException", "SignatureDoesNotMatch"}
    | {"UnrecognizedClientException"}
)
_SKEWED: Final = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_SKEWED_WORDS: Final = ("signature expired", "signature not yet current", "time too skewed")
_NO_CREDENTIALS: Final = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.ProfileNotFound,
    exceptions.NoAuthTokenError,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
    exceptions.UnknownCredentialError,
    exceptions.ConfigParseError,
)


class AwsClient:
    """A connection to one service, made at the first request."""

    def __init__(self, provider: str, service: str, options: "AwsOptions") -> None:
        self._provider = provider
        self._service = service
        self._options = options
        self._made: Any = None

    def secret(self, place: str, label: str) -> str:
        """The text at the place; SecretsError, which calls it `label`, if there is none."""
        try:
            return self._text(label, self._asked(place))
        except exceptions.ClientError as error:
            raise self._refused(label, error) from None
        except (exceptions.BotoCoreError, ValueError) as error:
            raise self._failed(error) from None

    def setup_problems(self) -> Sequence[Problem]:
        """A missing region, and credentials that are not to be found without a server."""
        try:
            session = self._session()
            if not self._region(session):
                return [self._no_region().problems[0]]
            resolver = session.get_component("credential_provider")
            for provider in _ASKS_A_SERVER:
                resolver.remove(provider)
            if resolver.load_credentials() is not None:
                return ()
        except (exceptions.BotoCoreError, ValueError) as error:
            return self._failed(error).problems
        if any(
            name in os.environ
            for name in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
        ):
            return ()
        message = (
            f"the secrets provider '{self._provider}' has no credentials, unless a role of this machine gives them"
        )
        return [Problem(message, _SET_CREDENTIALS, severity="warning")]

    def connect_problems(self) -> Sequence[Problem]:
        """The problem that every request has: it asks for a name that nobody uses."""
        try:
            self._asked(_NO_SUCH_NAME)
        except exceptions.ClientError as error:
            code = _code(error)
            return () if code in _MISSING | _DENIED else self._refused(_NO_SUCH_NAME, error).problems
        except (exceptions.BotoCoreError, ValueError) as error:
            return self._failed(error).problems
        return ()

    def _asked(self, place: str) -> Mapping[str, Any]:
        client = self._client()
        answer: Mapping[str, Any]
        if self._service == "ssm":  # without decryption the answer would be ciphertext, and no error
            answer = client.get_parameter(Name=place, WithDecryption=True)["Parameter"]
        else:
            answer = client.get_secret_value(SecretId=place)
        return answer

    def _text(self, label: str, answer: Mapping[str, Any]) -> str:
        text = answer.get("Value", answer.get("SecretString"))
        if isinstance(text, str):
            return text
        try:
            return bytes(answer.get("SecretBinary", b"")).decode("utf-8")
        except UnicodeDecodeError:
            message = f"the secret {label} of the secrets provider '{self._provider}' is not UTF-8 text"
            raise SecretsError(message, fix="store text, such as base64") from None

    def _client(self) -> Any:
        if self._made is None:
            session = self._session()
            region = self._region(session)
            if not region:
                raise self._no_region()
            self._made = session.create_client(
                self._service, region_name=region, endpoint_url=self._options.endpoint or None, config=_TRIES
            )
        return self._made

    def _session(self) -> Session:
        return Session(profile=self._options.profile or None)

    def _region(self, session: Session) -> str:
        configured = self._options.region or session.get_config_variable("region")
        return str(configured or os.environ.get("AWS_REGION", ""))

    def _no_region(self) -> SecretsError:
        message = f"the secrets provider '{self._provider}' has no region"
        return SecretsError(message, fix="set `region` of the secrets provider, or AWS_DEFAULT_REGION")

    def _where(self) -> str:
        return f"'{self._options.endpoint}'" if self._options.endpoint else f"AWS in {self._region(self._session())}"

    def _refused(self, label: str, error: exceptions.ClientError) -> SecretsError:
        """The server answered, and gave no secret."""
        code, words = _code(error), _words(error)
        provider = f"the secrets provider '{self._provider}'"
        if code in _MISSING:
            return SecretsError(
                f"{provider} has no secret {label} in {self._where()}", fix="correct the name, or create the secret"
            )
        if code in _SKEWED or any(part in words.lower() for part in _SKEWED_WORDS):
            return SecretsError(
                f"{provider} is refused: the clock of this machine is wrong: {words}",
                fix="set the clock, such as by NTP",
            )
        if code in _WRONG_CREDENTIALS:
            return SecretsError(f"{provider} has credentials that AWS does not accept: {words}", fix=_RENEW)
        if code in _DENIED:
            action = "ssm:GetParameter" if self._service == "ssm" else "secretsmanager:GetSecretValue"
            return SecretsError(
                f"{provider} may not read the secret {label}: {words}",
                fix=f"let the user or the role have the right {action}, and kms:Decrypt for a key of your own",
            )
        return SecretsError(f"{provider} cannot get {label}: {code}: {words}", fix="see the message of AWS")

    def _failed(self, error: Exception) -> SecretsError:
        """No answer of a server came."""
        provider = f"the secrets provider '{self._provider}'"
        match error:
            case exceptions.NoRegionError():
                return self._no_region()
            case exceptions.ProfileNotFound():
                fix = "correct `profile` of the secrets provider, or AWS_PROFILE"
                return SecretsError(f"{provider} has no credentials: {_short(str(error))}", fix=fix)
            case _ if isinstance(error, _NO_CREDENTIALS):
                return SecretsError(f"{provider} has no credentials: {_short(str(error))}", fix=_SET_CREDENTIALS)
            case exceptions.SSLError():
                fix = "correct `endpoint`, the clock of this machine, or AWS_CA_BUNDLE"
                return SecretsError(f"{provider} cannot trust {self._where()}: the certificate is refused", fix=fix)
            case exceptions.HTTPClientError() | exceptions.ConnectionError():
                fix = "see that this machine has a network, and correct `region` or `endpoint`"
                fix = reach_fix(fix, self._options.endpoint)
                return SecretsError(f"{provider} cannot reach {self._where()}: {type(error).__name__}", fix=fix)
            case _:  # the text of others may hold parts of credentials
                fix = "correct the configuration of AWS on this machine, and the options of the secrets provider"
                return SecretsError(f"{provider} cannot ask AWS: {type(error).__name__}", fix=fix)


def _code(error: exceptions.ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2]


def _words(error: exceptions.ClientError) -> str:
    """The first line: what follows may be the headers of the request, with a token of the session."""
    message = str(error.response.get("Error", {}).get("Message", "")).strip()
    return _short(message.partition("\n")[0] or _code(error))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}..."
