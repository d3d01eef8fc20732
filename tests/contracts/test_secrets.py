"""Every secrets provider of magnus keeps the contract of secrets providers."""

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from magnus.secrets.do_nothing import DoNothingOptions, DoNothingSecrets
from magnus.secrets.dotenv import DotenvOptions, DotenvSecrets
from magnus.secrets.env_secrets import EnvSecrets, EnvSecretsOptions
from magnus.secrets.files import FilesOptions, FilesSecrets
from magnus.testing.secrets_contract import SecretsContract


class TestDoNothing(SecretsContract):
    provider = "do-nothing"
    keeps = False

    @contextmanager
    def place(self, secrets):
        yield lambda: DoNothingSecrets(DoNothingOptions(), Path.cwd())


class TestDotenv(SecretsContract):
    provider = "dotenv"

    @contextmanager
    def place(self, secrets):
        lines = [f"{name}={self.written(value)}\n" for name, value in secrets.items()]
        with TemporaryDirectory() as folder:
            Path(folder, ".env").write_bytes("".join(lines).encode())
            yield lambda: DotenvSecrets(DotenvOptions(), Path(folder))

    def written(self, value):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'


class TestDotenvInSingleQuotes(TestDotenv):
    def written(self, value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"


class TestEnvironment(SecretsContract):
    provider = "env-secrets-manager"
    options = EnvSecretsOptions()

    @contextmanager
    def place(self, secrets):
        variables = {f"{self.options.prefix}{name}{self.options.suffix}": value for name, value in secrets.items()}
        with patch.dict(os.environ, variables):
            yield lambda: EnvSecrets(self.options, Path.cwd())


class TestEnvironmentWithPrefixAndSuffix(TestEnvironment):
    options = EnvSecretsOptions(prefix="ACME_", suffix="_SECRET")


class TestFiles(SecretsContract):
    provider = "files"

    @contextmanager
    def place(self, secrets):
        with TemporaryDirectory() as folder:
            for name, value in secrets.items():
                Path(folder, name).write_bytes(value.encode())
            yield lambda: FilesSecrets(FilesOptions(folder="."), Path(folder))


class TestFilesOfKubernetes(TestFiles):
    @contextmanager
    def place(self, secrets):
        with TemporaryDirectory() as folder:
            data = Path(folder, "..2026_11_29_08_00_00.123456789")
            data.mkdir()
            Path(folder, "..data").symlink_to(data.name)
            for name, value in secrets.items():
                (data / name).write_bytes(value.encode())
                Path(folder, name).symlink_to(f"..data/{name}")
            yield lambda: FilesSecrets(FilesOptions(folder=folder), Path.cwd())
