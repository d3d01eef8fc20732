"""The secrets providers of AWS and a server of AWS, and their errors; no error holds a value."""

import json
import os
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

import botocore.session
import pytest
from secrets_servers import CREDENTIALS, refusing, serving

from magnus.app.check.services import checked_services
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import SecretsError
from magnus.secrets.aws import AwsOptions, AwsParameterStore, AwsSecretsManager
from magnus.testing.secrets_contract import SecretsContract

pytestmark = pytest.mark.xdist_group("moto")
BOTH = pytest.mark.parametrize("kind", [AwsSecretsManager, AwsParameterStore])


@pytest.fixture(autouse=True)
def credentials(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def client(address, service):
    return botocore.session.get_session().create_client(service, region_name="eu-west-1", endpoint_url=address)


@contextmanager
def stored(address, secrets, kind):
    """The prefix of these secrets on the server, which has no empty text: the first field of JSON is one."""
    run = os.urandom(4).hex()
    connected = client(address, kind.service)
    for name, value in secrets.items():
        if kind is AwsSecretsManager:
            connected.create_secret(Name=f"{run}/{name}", SecretBinary=(value or '{"value": ""}').encode())
        else:
            connected.put_parameter(
                Name=f"/{run}/{name}", Value=value or '{"value": ""}', Type="SecureString", Tier="Advanced"
            )
    yield f"{run}/" if kind is AwsSecretsManager else f"/{run}/"


def provider(kind, address, **options):
    return kind(AwsOptions(region="eu-west-1", endpoint=address, **options), Path.cwd())


class TestSecretsManager(SecretsContract):
    provider = "aws-secrets-manager"
    kind = AwsSecretsManager

    @pytest.fixture(autouse=True)
    def _server(self, moto_server):
        self.address = moto_server

    @contextmanager
    def place(self, secrets):
        with stored(self.address, secrets, self.kind) as prefix:
            names = {name: f"{prefix}{name}#value" for name, value in secrets.items() if not value}
            yield lambda: provider(self.kind, self.address, prefix=prefix, names=names)


class TestParameterStore(TestSecretsManager):
    provider = "aws-ssm"
    kind = AwsParameterStore


@BOTH
def test_a_field_is_a_secret_and_the_mask_knows_the_whole(moto_server, kind):
    whole = {"user": "postgres", "password": 'p"#ss wörd', "port": 5432, "pin": 123456, "more": {"a": [1]}, "no": None}
    with stored(moto_server, {"db": json.dumps(whole)}, kind) as prefix:
        secrets = provider(kind, moto_server, prefix=prefix, names={"DB_PASSWORD": f"{prefix}db#password"})
        assert secrets.get("DB_PASSWORD") == secrets.get("db#password") == 'p"#ss wörd'
        assert [secrets.get(f"db#{field}") for field in ("user", "port", "more", "no")] == [
            "postgres", "5432", '{"a": [1]}', "null"
        ]  # fmt: skip
        assert sorted(secrets.masked_with("DB_PASSWORD")) == sorted([json.dumps(whole), 'p"#ss wörd', "123456"])
        with pytest.raises(SecretsError, match="has no field 'pasword'\n  fix: did you mean 'password'"):
            secrets.get("db#pasword")


@BOTH
def test_text_that_is_no_json_has_no_field(moto_server, kind):
    with stored(moto_server, {"key": "never-to-be-seen"}, kind) as prefix:
        error = refusal(provider(kind, moto_server, prefix=prefix), "key#x")
    assert "it is no JSON object\n  fix: leave out '#x'" in error
    assert "never-to-be-seen" not in error


def test_bytes_that_are_no_text_are_refused(moto_server):
    client(moto_server, "secretsmanager").create_secret(Name="binary", SecretBinary=b"\xff\xfe")
    assert "is not UTF-8 text" in refusal(provider(AwsSecretsManager, moto_server), "binary")


def test_the_server_is_asked_once_for_a_secret_of_many_steps():
    requests = []

    def answer(*request):
        requests.append(request)
        return 200, {"SecretString": '{"a": "one", "b": "two"}'}

    with serving(answer) as address:
        secrets = provider(AwsSecretsManager, address)
        assert [secrets.get(name) for name in ("db#a", "db#b", "db#a")] == ["one", "two", "one"]
        secrets.masked_with("db#a")
    assert len(requests) == 1


EXPIRED = "Signature expired: 20261129T000000Z is now earlier than 20261129T010000Z"
WRONG = "The request signature we calculated does not match\n\nx-amz-security-token:never-to-be-seen"


@BOTH
@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (
            "AccessDeniedException",
            "User: arn:x is not authorized to perform: y",
            "may not read the secret 'a': User: arn:x",
        ),
        ("UnrecognizedClientException", "The security token is invalid", "has credentials that AWS does not accept"),
        ("ExpiredTokenException", "The security token has expired", "fix: renew the credentials"),
        ("InvalidSignatureException", WRONG, "has credentials that AWS does not accept: The request signature"),
        ("InvalidSignatureException", EXPIRED, "the clock of this machine is wrong: Signature expired"),
        (
            "InvalidRequestException",
            "it was marked for deletion",
            "InvalidRequestException: it was marked for deletion",
        ),
    ],
)
def test_the_server_refuses(kind, code, message, words):
    with serving(refusing(code, message)) as address:
        secrets = provider(kind, address)
        error = refusal(secrets, "a")
        problems = secrets.connect_problems()
    assert words in error
    assert "never-to-be-seen" not in error
    assert len(problems) == (0 if code in {"AccessDeniedException"} else 1)


@BOTH
def test_a_missing_secret_and_a_secret_without_rights_differ_from_no_credentials_and_no_network(
    moto_server, kind, monkeypatch
):
    assert f"has no secret 'a/b' in '{moto_server}'" in refusal(provider(kind, moto_server), "a/b")
    assert "cannot reach 'http://127.0.0.1:9': EndpointConnectionError" in refusal(
        provider(kind, "http://127.0.0.1:9"), "a"
    )
    assert "has no credentials: The config profile (nobody)" in refusal(
        provider(kind, moto_server, profile="nobody"), "a"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    without = provider(kind, moto_server)
    assert "has no credentials: Unable to locate credentials" in refusal(without, "a")
    [problem] = without.setup_problems()
    assert (problem.severity, "unless a role of this machine gives them" in problem.message) == ("warning", True)
    nowhere = kind(AwsOptions(endpoint=moto_server), Path.cwd())
    assert "has no region\n  fix: set `region` of the secrets provider" in refusal(nowhere, "a")
    assert [problem.severity for problem in nowhere.setup_problems()] == ["error"]


@BOTH
@pytest.mark.parametrize("name", ["", "a b", "a\nb", "#field", "ü"])
def test_names_that_aws_does_not_have_are_refused_without_a_request(kind, name):
    secrets = provider(kind, "http://127.0.0.1:9")
    assert "cannot have a secret" in refusal(secrets, name)
    assert secrets.name_problem(name) is not None
    assert secrets.name_problem("team/db#a field") is None


@BOTH
def test_an_endpoint_that_is_no_url_is_refused(kind):
    for endpoint in ("127.0.0.1", "ftp://x", "http://u:never@x y"):
        with pytest.raises(WrongFields, match=r"^endpoint is no URL of a server$"):
            provider(kind, endpoint)


def test_a_missing_package_is_an_error_before_the_run(monkeypatch, tmp_path):
    monkeypatch.setattr("magnus.secrets.aws.find_spec", lambda _name: None)
    (tmp_path / "c.yaml").write_text("secrets:\n  type: aws-ssm\n")
    _, [problem] = checked_services("c.yaml", {}, tmp_path)
    assert str(problem) == (
        "c.yaml:2:3: error: secrets 'aws-ssm' needs the package 'botocore', which is not installed\n"
        "  fix: pip install 'magnus[aws]'"
    )


def test_containers_get_the_variables_and_the_files(monkeypatch, tmp_path):
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text("[default]\n")
    secrets = provider(AwsSecretsManager, "http://127.0.0.1:9")
    assert secrets.location == folder
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    assert secrets.variables([]) == {**CREDENTIALS, "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials")}


def test_botocore_loads_when_a_secret_is_asked_for():
    program = (
        "import sys; from pathlib import Path; from magnus.secrets.aws import *\n"
        "secrets = AwsSecretsManager(AwsOptions(region='x'), Path())\n"
        "assert secrets.name_problem('a') is None\n"
        "print('botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def refusal(secrets, name):
    """The error and the traceback that a log would have."""
    with pytest.raises(SecretsError) as caught:
        secrets.get(name)
    assert "a-secret-key" not in "".join(traceback.format_exception(caught.value))
    assert "During handling" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)
