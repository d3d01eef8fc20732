"""A run whose disk is full ends with a clear error and a log that can be read."""

import json
import os
import resource
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from magnus.run_log.records import Status
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore

STEPS = {
    f"s{n}": {
        "type": "task",
        "command_type": "python-lambda",
        "command": "lambda x: {'x': x + 1}",
        "next": f"s{n + 1}" if n < 9 else "success",
    }
    for n in range(10)
}


@pytest.mark.parametrize("limit", [1, 500, 2500, 2800, 3100, 3400, 3700, 4000, 4500, 5000, 6000])
def test_no_file_can_grow_beyond_a_limit(tmp_path, limit):
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": {"start_at": "s0", "steps": STEPS}}))
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        ended = subprocess.run(
            [sys.executable, "-m", "magnus", "execute", "p.yaml", "--x", "0", "--run-id", "r"],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": temporary, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        )
    assert ended.returncode == 3, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error: " in ended.stderr
    store = FileSystemRunLogStore(FileSystemOptions(), tmp_path)
    for run in store.list_runs():
        assert store.get_run(run).status is not Status.SUCCESS
    store.close()
    assert [name for name in os.listdir(tmp_path) if name not in {"p.yaml", ".run_log_store", ".catalog"}] == []
    for file in filter(Path.is_file, (tmp_path / ".catalog").rglob("*")):  # what the catalog keeps is whole
        if file.name == ".gitignore":
            continue
        assert sha256(file.read_bytes()).hexdigest() == file.parent.name + file.name
