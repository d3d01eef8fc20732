"""Installs the wheel of a folder into a new environment and runs the getting-started pipeline there. Used by `release.py`."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def main(folder):
    """The version of the wheel, when it works; fail with the output of what does not."""
    [wheel] = Path(folder).resolve().glob("*.whl")
    [source] = Path(folder).resolve().glob("*.tar.gz")
    version = re.search(r"-([^-]+)-py3-", wheel.name)[1]
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        run(place, sys.executable, "-m", "venv", "environment")
        run(place, "environment/bin/python", "-m", "pip", "install", "-q", str(wheel))
        said = run(place, "environment/bin/magnus", "--version")
        if version not in said.split():
            sys.exit(f"the wheel is {version}, but magnus --version says: {said}")
        project = place / "project"
        project.mkdir()
        shutil.copy(ROOT / "examples/getting-started.yaml", project)
        log = json.loads(run(project, "../environment/bin/magnus", "execute", "getting-started.yaml", "--x", "3"))
        if (log["status"], log["parameters"]) != ("SUCCESS", {"x": 4}):
            sys.exit(f"the getting-started pipeline came to {log['status']} with {log['parameters']}")
        run(place, "environment/bin/magnus", "init", "new")
        log = json.loads(run(place / "new", "../environment/bin/magnus", "execute"))
        if log["status"] != "SUCCESS":
            sys.exit(f"the pipeline of magnus init came to {log['status']}")
    print(f"{wheel.name} and {source.name} are built; the wheel runs the getting-started pipeline.")
    return version


def run(folder, *argv):
    """The standard output of a command that succeeds."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
