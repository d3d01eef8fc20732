import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


class Result:
    def __init__(self, completed):
        self.status = completed.returncode
        self.out = completed.stdout
        self.err = completed.stderr

    @property
    def log(self):
        return json.loads(self.out)


class Folder:
    """A folder of a user, in which the command is run as a user would."""

    def __init__(self, path: Path, temporary: Path):
        self.path = path
        kept = (
            "PATH",
            "HOME",
            "LANG",
            "LD_LIBRARY_PATH",
            "PYTHONPATH",
            "COVERAGE_PROCESS_CONFIG",
            "COVERAGE_PROCESS_START",
        )
        self.environment = {name: os.environ[name] for name in kept if name in os.environ}
        self.environment["TMPDIR"] = str(temporary)

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
        with self.start(*arguments, env=env or {}) as process:
            out, err = process.communicate(timeout=60)
        return Result(subprocess.CompletedProcess(arguments, process.returncode, out, err))

    def runs(self) -> list[str]:
        return sorted(file.stem for file in (self.path / ".run_log_store").glob("*.jsonl"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "project"
    path.mkdir()
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        yield Folder(path, Path(temporary))
        assert list(Path(temporary).iterdir()) == [], "the command left files behind"
