"""The commands of the page on S3 do what it says, from `magnus check` to `magnus show`, and mistakes are one clear error each."""

import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from object_servers import faults, free_port, make_bucket
from safety_net import LONGEST_SECONDS

from magnus.engine.secrets.masking import MASK

pytestmark = pytest.mark.xdist_group("moto")
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/use-s3.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
BIN = Path(sys.executable).parent
KEYS = {"AWS_ACCESS_KEY_ID": "an-access-id", "AWS_SECRET_ACCESS_KEY": "hush-hush"}


@pytest.fixture(scope="module")
def bucket(moto_server):
    make_bucket(moto_server, "my-bucket")
    return moto_server


class Folder:
    """A project with the configuration of the page, whose endpoint is the server of the tests."""

    def __init__(self, path):
        self.path = path
        shutil.copy(ROOT / "examples/getting-started.yaml", path)

    def configure(self, endpoint, families=("run_log_store", "catalog"), **options):
        config = {"url": f"s3://my-bucket/{uuid.uuid4()}", "region": "eu-central-1", "endpoint": endpoint, **options}
        services = {family: {"type": "object-store", "config": config} for family in families}
        (self.path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))

    def run(self, command, keys=KEYS):
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment = {**others, **keys, "PATH": f"{BIN}:{os.environ['PATH']}"}
        return subprocess.run(
            ["bash", "-c", command],
            cwd=self.path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_the_commands_of_the_page_run(bucket, folder):
    written, endpoint = (text for kind, text in BLOCKS if kind == "yaml")
    endpoint = endpoint.replace("http://127.0.0.1:9000", bucket)
    (folder.path / "magnus-config.yaml").write_text(both_at(written, endpoint))
    install, commands = (text for kind, text in BLOCKS if kind == "shell")
    assert install == "pip install 'magnus[object-store]'\n"
    keys, *commands = commands.splitlines()
    assert keys == "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=..."
    for command in commands:
        done = folder.run(command)
        assert done.returncode == 0, done.stderr
        if command == "magnus show latest":
            assert "SUCCESS" in done.stdout
    assert not (folder.path / ".run_log_store").exists()
    assert not (folder.path / ".catalog").exists()


def both_at(written, endpoint):
    """The configuration of the page with the endpoint in each service."""
    region = "      region: eu-central-1\n"
    assert written.count(region) == 2
    return written.replace(region, region + endpoint)


@pytest.mark.parametrize("executor", ["local", "workers"])
def test_a_run_in_s3_is_complete_and_holds_no_key(bucket, folder, executor):
    folder.configure(bucket, secret_access_key="hush-hush", access_key_id="an-access-id")
    with (folder.path / "magnus-config.yaml").open("r+") as file:
        services = json.load(file)
        services["defaults"]["executor"] = {"type": "local", "config": {"enable_parallel": executor == "workers"}}
        file.seek(0)
        file.write(json.dumps(services))
    done = folder.run("magnus execute getting-started.yaml --x 3", keys={})
    assert done.returncode == 0, done.stderr
    log = json.loads(done.stdout)
    assert log["status"] == "SUCCESS"
    shown = folder.run("magnus show latest --json", keys={})
    assert json.loads(shown.stdout) == log
    for family in ("run_log_store", "catalog"):
        assert log["run_config"][family]["config"]["secret_access_key"] == MASK
    for text in (done.stdout, done.stderr, shown.stdout, shown.stderr):
        assert "hush-hush" not in text


@pytest.mark.parametrize("family", ["run_log_store", "catalog"])
@pytest.mark.parametrize(
    ("options", "keys", "message"),
    [
        ({"url": "s3//my-bucket"}, KEYS, "`url` 's3//my-bucket' names no object store"),
        ({"url": "s3://a:hush-hush@my-bucket"}, KEYS, "'s3://***@my-bucket' holds credentials"),
        ({"endpoint": "localhost"}, KEYS, "`endpoint` is no address of a server"),
        ({"regoin": "x"}, KEYS, "unknown field 'regoin'"),
        ({"profile": "nobody"}, KEYS, "`profile` 'nobody' has no credentials"),
        ({}, {}, "no credentials for 's3://my-bucket/"),
    ],
)
def test_mistakes_in_the_configuration_are_found_before_a_run(bucket, folder, family, options, keys, message):
    folder.configure(**{"endpoint": bucket, "families": [family], **options})
    done = folder.run("magnus check getting-started.yaml --x 3", keys=keys)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout
    assert "magnus-config.yaml:1:" in done.stderr + done.stdout
    assert "1 error" in done.stderr + done.stdout
    assert "hush-hush" not in done.stderr + done.stdout
    if not options:
        return
    done = folder.run("magnus execute getting-started.yaml --x 3", keys=keys)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1


@pytest.mark.parametrize(
    ("answer", "options", "message"),
    [
        (None, {"url": "s3://no-such-bucket/x"}, "there is no such bucket"),
        ("nobody", {}, "the store cannot be reached"),
        ((403, "AccessDenied"), {}, "the store denies it (AccessDenied)"),
        ((403, "SignatureDoesNotMatch"), {}, "the store denies it (SignatureDoesNotMatch)"),
        ((403, "RequestTimeTooSkewed"), {}, "the clocks of this machine and of the store differ too much"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_error_and_nothing_is_recorded(bucket, folder, answer, options, message):
    with faults(bucket) as proxy:
        if isinstance(answer, tuple):
            status, code = answer
            proxy.fail(("answer", status, f"<Error><Code>{code}</Code></Error>"), "*", times=1000)
        folder.configure(f"http://127.0.0.1:{free_port()}" if answer == "nobody" else proxy.address, **options)
        checked = folder.run("magnus check getting-started.yaml --x 3 --connect")
        done = folder.run("magnus execute getting-started.yaml --x 3")
        proxy.forget()
        listed = folder.run("magnus runs --json")
    assert checked.returncode == 2
    assert message in checked.stderr + checked.stdout
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.count("error:") == 1
    assert message in done.stderr
    assert "fix:" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush-hush" not in done.stderr + checked.stderr + checked.stdout
    assert not (folder.path / "data").exists(), "a step ran"
    if isinstance(answer, tuple):
        assert json.loads(listed.stdout) == [], listed.stderr


def test_a_file_in_s3_is_loaded_and_has_no_path(bucket, folder):
    folder.configure(bucket)
    assert folder.run("magnus execute getting-started.yaml --x 3 --run-id it").returncode == 0
    program = "import magnus; a = magnus.run('it').artifacts['data/data.txt']; print('PATH=' in a.load()); a.path()"
    done = folder.run(f'python -c "{program}"')
    assert done.stdout == "True\n", done.stderr
    assert "is in 's3://my-bucket/" in done.stderr
    assert "read it with load()" in done.stderr
