"""Steps in containers get secrets of AWS, of Vault and of files; no value stands in a definition, a container or a log."""

import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from container_engines import IMAGE
from safety_net import LONGEST_SECONDS
from secrets_servers import CREDENTIALS, TOKEN, Vault, serving

pytestmark = pytest.mark.xdist_group("docker")

PASSWORD = "never to be seen"
WORK = """\
import os

def use(x=0):
    print("the password is", os.environ["DB_PASSWORD"], flush=True)
    with open("/proc/1/environ", "rb") as file:
        return len(os.environ["DB_PASSWORD"]), b"never" not in file.read()
"""
STEPS = {"use": {"command": "work.use", "returns": ["length", "is_hidden"], "secrets": ["DB_PASSWORD"]}}
VARIABLES = ("AWS_", "VAULT_")


class Project:
    """A pipeline with a secret, whose step runs in a container."""

    def __init__(self, path, client):
        self.path, self.client = path, client
        (path / "work.py").write_text(WORK)
        (path / "p.yaml").write_text(json.dumps({"dag": {"steps": STEPS}}))

    def execute(self, secrets, variables, status=0, **options):
        """The run log, the output, and the container as the engine shows it."""
        container = {"docker_image": IMAGE, "pull_policy": "never", "auto_remove_container": False, **options}
        services = {"executor": {"type": "local-container", "config": container}, "secrets": secrets}
        (self.path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        others = {name: value for name, value in os.environ.items() if not name.startswith(VARIABLES)}
        done = subprocess.run(
            [sys.executable, "-m", "magnus", "execute", "p.yaml"],
            cwd=self.path,
            env={**others, "HOME": str(self.path.parent), **variables},
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        [one] = self.client.containers.list(all=True)
        shown = json.dumps(one.attrs)
        one.remove()
        assert PASSWORD not in done.stdout + done.stderr + shown
        return json.loads(done.stdout), done.stderr, shown

    def message(self, secrets, variables, **options):
        """The one error of a step that gets no secret."""
        log, output, _ = self.execute(secrets, variables, status=1, **options)
        message = log["steps"]["use"]["message"]
        assert message in output
        return message


@pytest.fixture
def project(client):
    with tempfile.TemporaryDirectory(prefix="mt-", dir="/tmp") as folder:  # which all users of containers can reach
        path = Path(folder)
        path.chmod(0o755)
        (path / "project").mkdir()
        yield Project(path / "project", client)


def of_files(project):
    """The provider of a folder beside the project."""
    folder = project.path.parent / "secrets"
    folder.mkdir()
    (folder / "DB_PASSWORD").write_text(f"{PASSWORD}\n")
    return {"type": "files", "config": {"folder": str(folder)}}


def of_aws(server):
    """The provider of a server that has the secret."""
    body = json.dumps({"Name": "team/db", "SecretString": json.dumps({"password": PASSWORD, "user": "app"})})
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "secretsmanager.CreateSecret",
        "Authorization": "AWS4-HMAC-SHA256 Credential=an-id/20260101/us-east-1/secretsmanager/aws4_request",
    }
    with suppress(urllib.error.HTTPError):  # it is there since another test
        urllib.request.urlopen(urllib.request.Request(server, body.encode(), headers), timeout=30).close()
    options = {"endpoint": server, "region": "us-east-1", "names": {"DB_PASSWORD": "team/db#password"}}
    return {"type": "aws-secrets-manager", "config": options}


def of_vault(address):
    return {"type": "vault", "config": {"address": address, "names": {"DB_PASSWORD": "team/db#password"}}}


def check(project, log, output):
    """The step had the secret, and nobody else has."""
    assert {name: log["parameters"][name] for name in ("length", "is_hidden")} == {
        "length": len(PASSWORD),
        "is_hidden": True,
    }
    assert "the password is *****" in output
    kept = b"".join(file.read_bytes() for file in project.path.rglob("*") if file.is_file())
    assert PASSWORD.encode() not in kept


def test_a_step_gets_a_secret_of_files(project):
    log, output, _ = project.execute(of_files(project), {}, network="none")
    check(project, log, output)


def test_a_step_gets_a_secret_of_aws(project, moto_server):
    log, output, _ = project.execute(of_aws(moto_server), CREDENTIALS, network="host")
    check(project, log, output)


def test_a_step_gets_a_secret_of_aws_by_files_in_another_folder(project, moto_server):
    file = project.path.parent / "keys"
    file.write_text("[team]\naws_access_key_id = an-id\naws_secret_access_key = a-secret-key\n")
    variables = {"AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "team"}
    log, output, shown = project.execute(of_aws(moto_server), variables, network="host")
    check(project, log, output)
    assert "a-secret-key" not in shown


def test_a_step_gets_a_secret_of_vault(project):
    with serving(Vault({"team/db": {"password": PASSWORD}})) as address:
        log, output, _ = project.execute(of_vault(address), {"VAULT_TOKEN": TOKEN}, network="host")
        check(project, log, output)
        (project.path.parent / ".vault-token").write_text(TOKEN)
        log, output, _ = project.execute(of_vault(address), {}, network="host")
        check(project, log, output)


def test_files_that_are_not_there_are_one_error(project):
    provider = of_files(project)
    (Path(provider["config"]["folder"]) / "DB_PASSWORD").rename(Path(provider["config"]["folder"]) / "OTHER")
    message = project.message(provider, {}, network="none")
    assert "has no secret 'DB_PASSWORD' in " in message
    assert message.endswith("; add a file of that name")
    message = project.message({"type": "files", "config": {"folder": "/run/ours"}}, {}, network="none")
    assert message == (
        "the folder '/run/ours' of the secrets provider 'files' does not exist; "
        "mount the secrets there, or set `folder` of the secrets provider"
    )


def test_missing_credentials_are_one_error(project, moto_server):
    message = project.message(of_aws(moto_server), {"AWS_EC2_METADATA_DISABLED": "true"}, network="host")
    assert "has no credentials: " in message
    assert "; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or run where" in message
    message = project.message(of_vault("http://127.0.0.1:1"), {}, network="host")
    assert message.endswith("has no token; set VAULT_TOKEN, or log in: vault login writes '~/.vault-token'")


def test_a_server_of_this_machine_needs_its_network(project, moto_server):
    fix = "in a container this address is the container itself: set `network: host` of the executor"
    message = project.message(of_aws(moto_server), CREDENTIALS, network="none")
    assert message.endswith(fix)
    with serving(Vault({})) as address:
        message = project.message(of_vault(address), {"VAULT_TOKEN": TOKEN}, network="none")
    assert message.endswith(fix)


def test_a_certificate_file_that_a_variable_names_is_there(project):
    file = project.path.parent / "authority.pem"
    variables = {"VAULT_TOKEN": TOKEN, "VAULT_CACERT": str(file)}
    provider = of_vault("https://127.0.0.1:1")
    message = project.message(provider, variables, network="host")
    assert f"cannot read '{file}', the file of VAULT_CACERT" in message
    file.write_bytes(Path("/etc/ssl/certs/ca-certificates.crt").read_bytes())
    assert "cannot reach 'https://127.0.0.1:1'" in project.message(provider, variables, network="host")
