"""Each command of the page on secrets of AWS, against a server of AWS."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from secrets_servers import CREDENTIALS

pytestmark = pytest.mark.xdist_group("moto")
PAGE = (Path(__file__).parents[2] / "docs/how-to/use-secrets-of-aws.md").read_text()
CONFIGURATION, PIPELINE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
INSTALLS, COMMANDS = re.findall(r"```shell\n(.*?)```", PAGE, re.DOTALL)
PASSWORD = "never-to-be-seen"


@pytest.fixture
def project(moto_server, tmp_path, monkeypatch):
    (tmp_path / "magnus-config.yaml").write_text(CONFIGURATION)
    (tmp_path / "query.yaml").write_text(PIPELINE)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_server)
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    return tmp_path


def store(value, name="team/db"):
    session = botocore.session.get_session()
    client = session.create_client(
        "secretsmanager", region_name="eu-west-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"]
    )
    client.create_secret(Name=name, SecretString=value)
    return lambda: client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)


def run(command, project):
    program, *arguments = shlex.split(command)
    assert program == "magnus"
    done = subprocess.run([sys.executable, "-m", "magnus", *arguments], cwd=project, capture_output=True, text=True)
    files = b"".join(file.read_bytes() for file in project.rglob("*") if file.is_file())
    assert PASSWORD not in done.stdout + done.stderr + files.decode("latin-1")
    return done


def test_the_extra_that_is_installed_is_one_of_the_package():
    assert INSTALLS == "pip install 'magnus[aws]'\n"


def test_each_command_works(project):
    remove = store(json.dumps({"user": "app", "password": PASSWORD}))
    try:
        commands = COMMANDS.splitlines()
        assert len(commands) == 3
        for command in commands:
            done = run(command, project)
            assert done.returncode == 0, (command, done.stderr)
        assert "the password is *****" in done.stderr
        assert json.loads(done.stdout)["status"] == "SUCCESS"
    finally:
        remove()


def test_check_finds_a_missing_secret_with_connect_alone_and_a_wrong_name_without(project):
    assert run("magnus check query.yaml", project).returncode == 0
    done = run("magnus check query.yaml --connect", project)
    assert done.returncode == 2
    assert (
        "query.yaml:8:17: error: step 'query': the secrets provider 'aws-secrets-manager' has no secret" in done.stdout
    )
    assert "'DB_PASSWORD' ('team/db')" in done.stdout
    (project / "magnus-config.yaml").write_text(CONFIGURATION.replace("team/db#", "team db#"))
    done = run("magnus check query.yaml", project)
    assert done.returncode == 2
    assert "cannot have a secret 'DB_PASSWORD'" in done.stdout


def test_check_finds_missing_credentials_and_regions(project, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    done = run("magnus check query.yaml", project)
    assert (
        done.returncode,
        "warning: the secrets provider 'aws-secrets-manager' has no credentials" in done.stdout,
    ) == (0, True)
    done = run("magnus check query.yaml --connect", project)
    assert done.returncode == 2
    assert done.stdout.count("has no credentials") == 1
    (project / "magnus-config.yaml").write_text(CONFIGURATION.replace("      region: eu-west-1\n", ""))
    done = run("magnus check query.yaml", project)
    assert done.returncode == 2
    assert "has no region" in done.stdout


def test_a_failed_look_up_fails_the_step_with_one_error(project):
    done = run("magnus execute query.yaml", project)
    assert done.returncode == 1
    [message] = {step["message"] for name, step in json.loads(done.stdout)["steps"].items() if name == "query"}
    assert message.startswith("the secrets provider 'aws-secrets-manager' has no secret 'DB_PASSWORD' ('team/db') in ")
    assert "Traceback" not in done.stderr
