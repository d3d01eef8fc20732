import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from forked import kept
from safety_net import LONGEST_SECONDS


class Result:
    def __init__(self, completed):
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def log(self):
        return json.loads(self.out)


class Folder:
    """A folder of a user, in which the command is run as a user would: `start` is an interpreter, `magnus` may be forked."""

    def __init__(self, path: Path, temporary: Path, commands):
        self.path = path
        self.commands = commands
        self.environment = {**kept(), "TMPDIR": str(temporary)}

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "magnus", *arguments]

    def start(self, *arguments: str, **more):
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            env={**self.environment, **more.pop("env", {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def magnus(self, *arguments: str, env=None) -> Result:
        return Result(self.commands(*arguments, cwd=self.path, env={**self.environment, **(env or {})}))

    def python(self, program: str, *arguments: str) -> subprocess.CompletedProcess:
        """A program of the folder that succeeds, in an interpreter of its own."""
        return subprocess.run(
            [sys.executable, program, *arguments],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=True,
        )

    def runs(self) -> list[str]:
        return sorted(file.stem for file in (self.path / ".run_log_store").glob("*.jsonl"))


@pytest.fixture
def folder(tmp_path, commands):
    path = tmp_path / "project"
    path.mkdir()
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        yield Folder(path, Path(temporary), commands)
        assert list(Path(temporary).iterdir()) == [], "the command left files behind"
