"""The configuration of the page on Step Functions is written, checked and refused as the page says."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from safety_net import LONGEST_SECONDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/how-to/run-on-step-functions.md"
KEYS = {"AWS_ACCESS_KEY_ID": "known", "AWS_SECRET_ACCESS_KEY": "a secret of this machine"}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(ROOT / "examples/argo", tmp_path, dirs_exist_ok=True)
    [configuration] = re.findall(r"```yaml\n(executor:.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "aws.yaml").write_text(configuration)
    return tmp_path


def magnus(folder, command):
    return subprocess.run(
        [sys.executable, "-m", "magnus", command, "-c", "aws.yaml", "-p", "parameters.yaml"],
        cwd=folder,
        env={**os.environ, **KEYS},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )


def test_the_files_of_the_page_are_written(folder):
    done = magnus(folder, "execute")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    written = {
        file.relative_to(folder / "step-functions").as_posix() for file in (folder / "step-functions").rglob("*.*")
    }
    assert {"state-machine.json", "end-machine.json", "template.json", "ends.json", "create.sh"} <= written
    for name in re.findall(r"^\| `([a-z/.-]+\.json)` \|", PAGE.read_text(), re.MULTILINE):
        assert name in written
    assert subprocess.run(["sh", "-n", folder / "step-functions/create.sh"]).returncode == 0
    assert "a run starts 4 jobs and makes 12 state transitions, with one branch" in done.stderr
    for file in (folder / "step-functions").rglob("*.*"):
        assert "a secret of this machine" not in file.read_text()
    deploy = re.search(r"create it with: (.*)", done.stderr)[1]
    assert deploy in re.sub(r"\s*\\\n\s*", " ", PAGE.read_text())


def test_mistakes_have_their_places(folder):
    configuration = yaml.safe_load((folder / "aws.yaml").read_text())
    del configuration["executor"]["config"]["handover"]
    configuration["executor"]["config"]["queue"] = "a b"
    (folder / "aws.yaml").write_text(json.dumps(configuration, indent=1))
    before = sorted(folder.rglob("*"))
    for command in ("check", "execute"):
        done = magnus(folder, command)
        assert done.returncode == 2
        said = done.stdout + done.stderr
        assert re.search(r"aws\.yaml:\d+:\d+: error: 'a b' is no job queue", said)
        assert "pipeline.yaml:10:7: error: step 'each region': a step of type 'map' needs a place in S3" in said
    assert [file for file in sorted(folder.rglob("*")) if "__pycache__" not in str(file)] == before
