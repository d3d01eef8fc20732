"""The `vault` secrets provider and the API of Vault's KV engine as a server of the tests has it."""

import json
import os
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

import pytest
from secrets_servers import TOKEN, Vault, serving

from magnus.definition.wrong_fields import WrongFields
from magnus.errors import SecretsError
from magnus.secrets.vault import VaultOptions, VaultSecrets
from magnus.testing.secrets_contract import SecretsContract


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("VAULT_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VAULT_TOKEN", TOKEN)
    monkeypatch.setenv("HOME", str(tmp_path))


def provider(address, **options):
    return VaultSecrets(VaultOptions(address=address, **options), Path.cwd())


class TestFields(SecretsContract):
    provider = "vault"

    @contextmanager
    def place(self, secrets):
        names = {name: f"app/of all#{name}" for name in secrets}
        with serving(Vault({"app/of all": secrets})) as address:
            yield lambda: provider(address, names=names)


def test_a_secret_without_a_field_is_json_and_the_mask_knows_its_values():
    whole = {"user": "postgres", "password": "pass-wörd", "n": 12345}
    with serving(Vault({"team/db": whole})) as address:
        secrets = provider(address)
        assert json.loads(secrets.get("team/db")) == whole
        assert secrets.get("team/db#password") == "pass-wörd"
        assert secrets.masked_with("team/db#n") == [json.dumps(whole, ensure_ascii=False), "12345", "pass-wörd"]


def test_each_reason_has_its_error(tmp_path, monkeypatch):
    with serving(Vault({"a": {"x": "never-to-be-seen"}})) as address:
        secrets = provider(address)
        assert f"has no secret 'b' in the mount 'secret' of '{address}'" in refusal(secrets, "b")
        assert "has 'a', which has no field 'y'" in refusal(secrets, "a#y")
        assert "may not read the secret 'denied/x'" in refusal(secrets, "denied/x")
        assert "has no secret 'a' in the mount 'other'" in refusal(provider(address, mount="other"), "a")
        assert secrets.connect_problems() == ()
        monkeypatch.setenv("VAULT_TOKEN", "hvs.wrong")
        wrong = provider(address)
        assert f"has a token that '{address}' does not accept" in refusal(wrong, "a")
        assert [problem.message for problem in wrong.connect_problems()] == [
            f"the secrets provider 'vault' has a token that '{address}' does not accept"
        ]
        monkeypatch.setenv("VAULT_TOKEN", "never-to-be\r\nX-Vault-Token: seen")
        assert "holds characters that no token has" in refusal(provider(address), "a")
        monkeypatch.delenv("VAULT_TOKEN")
        assert "has no token" in refusal(provider(address), "a")
        (tmp_path / ".vault-token").write_text(f"{TOKEN}\n")
        assert provider(address).get("a#x") == "never-to-be-seen"
        assert provider(address).variables([]) == {"VAULT_TOKEN": TOKEN}
    assert "cannot reach 'http://127.0.0.1:9': Connection refused" in refusal(provider("http://127.0.0.1:9"), "a")
    for address in ("http://a..b:1", "http://[::1", "http://127.0.0.1:1/\u00e9"):
        assert f"cannot reach '{address}'" in refusal(provider(address), "a")
    for namespace in ("a\nb", "\u4e2d"):
        assert "cannot reach 'http://127.0.0.1:9'" in refusal(provider("http://127.0.0.1:9", namespace=namespace), "a")
    assert "has no address of a server\n  fix: set `address`" in refusal(provider(""), "a")


@pytest.mark.parametrize("status", [500, 502, 429, 472])
def test_a_server_that_is_busy_gets_another_request(status):
    vault = Vault({"a": {"x": "value"}})
    vault.failures = [(status, {"errors": ["busy"]})] * 2
    with serving(vault) as address:
        assert provider(address).get("a#x") == "value"
    assert len(vault.headers) == 3


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((503, {"errors": ["Vault is sealed"]}), "is sealed\n  fix: unseal the server"),
        ((200, b"<html>never-to-be-seen"), "found no KV engine of version 2"),
        ((200, {"data": {"x": "never-to-be-seen"}}), "found no KV engine of version 2"),
        ((400, {"errors": ["odd"]}), "got the status 400"),
        ((200, b"[" * 100_000), "found no KV engine of version 2"),
        ((301, b"", ("Location", "file:///etc/passwd")), "got the status 301"),
    ],
)
def test_odd_answers_are_one_error_without_their_content(answer, words):
    with serving(lambda *_request: answer) as address:
        assert words in refusal(provider(address), "a")


def test_a_standby_server_leads_to_the_active_one():
    vault = Vault({"a": {"x": "value"}})
    with (
        serving(vault) as active,
        serving(lambda _method, path, _headers: (307, b"", ("Location", active + path))) as standby,
    ):
        assert provider(standby, namespace="team").get("a#x") == "value"
    assert [headers["X-Vault-Namespace"] for headers in vault.headers] == ["team"]


@pytest.mark.parametrize("name", ["", "/a", "a//b", "a/../b", "a\nb", "#x"])
def test_names_that_are_no_paths_are_refused_without_a_request(name):
    secrets = provider("http://127.0.0.1:9")
    assert "cannot have a secret" in refusal(secrets, name)
    assert secrets.name_problem(name) is not None


def test_an_address_that_is_no_url_is_refused(monkeypatch):
    with pytest.raises(WrongFields, match=r"^address is no URL of a server$"):
        provider("vault.example.org")
    monkeypatch.setenv("VAULT_ADDR", "vault.example.org")
    [problem] = provider("").setup_problems()
    assert problem.message.startswith("VAULT_ADDR is no URL of a server")


def refusal(secrets, name):
    """The error, once it is clear that no log would have a secret."""
    with pytest.raises(SecretsError) as caught:
        secrets.get(name)
    written = "".join(traceback.format_exception(caught.value))
    assert "never-to-be" not in written
    assert TOKEN not in written
    assert "During handling" not in written
    return str(caught.value)


WORK = """\
import json, os
from magnus import get_secret

def show(x=0):
    whole = json.loads(get_secret("team/db"))
    print(whole["password"], whole, os.environ.get("DB"), flush=True)
    print("user", whole["user"])

def later(x=0):
    print(open(".copy").read())

def returned():
    return {"a": json.loads(get_secret("team/db"))["password"]}
"""


@pytest.mark.parametrize("executor", [{}, {"enable_parallel": True, "max_workers": 2}])
def test_a_run_shows_nothing_of_a_secret_nor_of_its_fields(tmp_path, executor):
    whole = {"user": "postgres", "password": "never-to-be-seen \u00fc"}
    task = {"type": "task", "command": "work.show", "secrets": ["DB"]}
    branches = {name: {"start_at": "s", "steps": {"s": {**task, "next": "success"}}} for name in "ab"}
    steps = {
        "p": {"type": "parallel", "branches": branches, "next": "l"},
        "l": {"type": "task", "command": "work.later", "next": "r"},
        "r": {"type": "task", "command": "work.returned", "next": "success"},
    }
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / ".copy").write_text("never-to-be-seen \u00fc")
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "p", "steps": steps}}))
    with serving(Vault({"team/db": whole})) as address:
        options = {"address": address, "names": {"DB": "team/db#user"}}
        services = {"executor": {"type": "local", "config": executor}, "secrets": {"type": "vault", "config": options}}
        (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        done = magnus("execute", "p.yaml", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    log = json.loads(done.stdout)
    assert "may not set the parameter 'a': its value contains a secret" in log["steps"]["r"]["message"]
    assert b"'password': '*****'" in done.stderr
    (tmp_path / ".copy").unlink()
    kept = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".pyc")
    assert b"never-to-be-seen" not in kept + done.stdout + done.stderr
    assert TOKEN.encode() not in kept + done.stdout + done.stderr


def test_check_says_which_variables_pods_need(tmp_path):
    task = {"type": "task", "command_type": "shell", "command": "true", "secrets": ["DB"], "next": "success"}
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "a", "steps": {"a": task}}}))
    volume = {"name": "data", "mount_path": "/data"}
    keys = [{"environment_variable": "VAULT_TOKEN", "secret_name": "s", "secret_key": "k"}]
    services = {
        "executor": {"type": "argo", "config": {"image": "i", "persistent_volumes": [volume]}},
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": "/data/log"}},
        "catalog": {"type": "file-system", "config": {"catalog_location": "/data/catalog"}},
        "secrets": {"type": "vault", "config": {"address": "http://127.0.0.1:9", "names": {"DB": "team/db#user"}}},
    }
    words = b"the executor gives steps no variable 'VAULT_TOKEN', which the secrets provider needs"
    for given, count in ((None, 1), (keys, 0)):
        services["executor"]["config"] |= {"secrets_from_k8s": given} if given else {}
        (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
        checked = magnus("check", "p.yaml", cwd=tmp_path).stdout
        assert checked.count(words) == count, checked


def magnus(*arguments, cwd):
    return subprocess.run([sys.executable, "-m", "magnus", *arguments], cwd=cwd, capture_output=True)
