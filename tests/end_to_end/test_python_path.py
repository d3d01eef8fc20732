"""A working directory that PYTHONPATH names is on the path."""

import os
import subprocess
import sys

from safety_net import LONGEST_SECONDS


def test_a_package_in_the_working_directory(tmp_path):
    information = tmp_path / "theirs-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[magnus.tasks]\ntheirs = theirs:Kind\n")
    (tmp_path / "theirs.py").write_text("class Kind: pass\n")
    (tmp_path / "p.yaml").write_text("dag: {steps: {a: {command_type: theirs, command: x}}}")
    done = subprocess.run(
        [sys.executable, "-m", "magnus", "execute", "p.yaml"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    assert "of the package 'theirs' cannot be used" in done.stderr
