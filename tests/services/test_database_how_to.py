"""Every command of the page on run logs in a database does what the page says, in the order of the page."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import psycopg
import pytest
from postgresql import WITH_PASSWORD, programs
from safety_net import LONGEST_SECONDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/how-to/keep-run-logs-in-a-database.md").read_text()
INSTALL = "pip install 'magnus[postgres]'"
PASSWORD = "x/y@7:%"
ENCODED = "x%2Fy%407%3A%25"


def blocks(heading):
    """The blocks of a section: their languages and texts."""
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    [text] = [part for part in section if part.startswith(f"{heading}\n")]
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class Reader:
    """Somebody who does what the page says, in a folder with the pipeline."""

    def __init__(self, folder):
        self.folder = folder
        self.replaced = {}
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        shutil.copy(ROOT / "examples/getting-started.yaml", folder)

    def follow(self, heading):
        """Write the files of the section and run its commands; the output of each command."""
        outputs = {}
        for language, text_of_page in blocks(heading):
            text = text_of_page
            for name, other in self.replaced.items():
                text = text.replace(name, other)
            if language == "yaml":
                name = "magnus-config.yaml" if text.startswith("defaults:") else "argo.yaml"
                (self.folder / name).write_text(text)
                continue
            for command in text.splitlines():
                if command != INSTALL:
                    outputs[command] = self.output(command)
        return outputs

    def output(self, command):
        done = subprocess.run(
            command,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert PASSWORD not in done.stdout + done.stderr
        assert ENCODED not in done.stdout + done.stderr
        return done.stdout

    def runs(self):
        return json.loads(self.output("magnus runs --json"))


@pytest.mark.xdist_group("postgresql")
def test_the_commands_for_postgresql(mortal_server, tmp_path):
    reader = Reader(tmp_path)
    reader.replaced = {"127.0.0.1:5432": f"127.0.0.1:{mortal_server.port}"}
    reader.environment |= {
        "PATH": f"{programs()}:{reader.environment['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(mortal_server.port),
        "PGUSER": "magnus",
    }
    outputs = reader.follow("PostgreSQL")
    assert (
        outputs["magnus check getting-started.yaml --x 3 --connect"]
        == "getting-started.yaml: nothing is wrong (2 steps)\n"
    )
    [first] = reader.runs()
    assert first["status"] == "SUCCESS"
    assert first["run_id"] in outputs["magnus runs"]
    assert first["run_id"] in outputs["magnus show latest"]

    with mortal_server.connect() as connection:
        connection.execute(f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD '{PASSWORD}'")
    assert list(reader.follow("Users and rights").values()) == ["GRANT\n", "GRANT\n"]
    del reader.environment["PGUSER"]
    reader.environment["MAGNUS_VAR_DB_PASSWORD"] = ENCODED
    outputs = reader.follow("The password")
    assert (
        outputs["magnus check getting-started.yaml --x 3 --connect"]
        == "getting-started.yaml: nothing is wrong (2 steps)\n"
    )
    log = json.loads(outputs["magnus execute getting-started.yaml --x 3"])
    url = log["run_config"]["run_log_store"]["config"]["url"]
    assert url == f"postgresql://{WITH_PASSWORD}:*****@127.0.0.1:{mortal_server.port}/runs"
    assert {run["run_id"] for run in reader.runs()} == {first["run_id"], log["run_id"]}

    reader.replaced["/data"] = str(tmp_path / "volume")
    (tmp_path / "volume").mkdir()
    (tmp_path / "secrets.yaml").write_text(json.dumps({"runs-database": {"password": ENCODED}}))
    outputs = reader.follow("Argo Workflows")
    log = json.loads(outputs["magnus simulate argo-pipeline.yaml --secrets secrets.yaml"])
    assert (log["status"], log["parameters"]) == ("SUCCESS", {"x": 4})
    assert ENCODED not in (tmp_path / "argo-pipeline.yaml").read_text()
    assert not list(tmp_path.glob(".run_log_store*"))
    with psycopg.connect(mortal_server.url("runs")) as connection:
        assert connection.execute("SELECT count(*) FROM magnus_runs").fetchone() == (3,)


def test_the_commands_for_sqlite(tmp_path):
    reader = Reader(tmp_path)
    outputs = reader.follow("SQLite")
    [run] = reader.runs()
    assert run["run_id"] in outputs["magnus runs"]
    assert (tmp_path / "runs.db").is_file()


def test_the_extra_of_the_page_installs_the_client():
    assert INSTALL in TEXT
    [text] = [text for text in requires("magnus") if text.startswith("psycopg[binary]")]
    assert re.search("extra == .postgres.", text)
