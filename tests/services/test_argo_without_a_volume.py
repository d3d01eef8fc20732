"""The commands of the page on Argo without a volume do what it says, and pods share nothing but the bucket."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from object_servers import make_bucket
from safety_net import LONGEST_SECONDS

pytestmark = pytest.mark.xdist_group("moto")
ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to/run-on-argo-without-a-volume.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
KEYS = {"AWS_ACCESS_KEY_ID": "an-access-id", "AWS_SECRET_ACCESS_KEY": "hush-hush"}


class Reader:
    """Somebody who does what the page says, in a copy of the example."""

    def __init__(self, folder, server):
        self.folder = folder
        shutil.copytree(ROOT / "examples/argo", folder, dirs_exist_ok=True)
        [configuration] = [text for language, text in BLOCKS if language == "yaml"]
        (folder / "s3.yaml").write_text(configuration)
        secrets = {"magnus-s3": {"id": KEYS["AWS_ACCESS_KEY_ID"], "key": KEYS["AWS_SECRET_ACCESS_KEY"]}}
        (folder / "secrets.yaml").write_text(json.dumps(secrets))
        others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment = {
            **others,
            **KEYS,
            "MAGNUS_VAR_S3_ENDPOINT": server,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def output(self, command):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * LONGEST_SECONDS,
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert "hush-hush" not in done.stdout + done.stderr
        return done.stdout


def test_the_commands_of_the_page_run(moto_server, tmp_path):
    make_bucket(moto_server, "my-bucket")
    reader = Reader(tmp_path, moto_server)
    commands = [line for language, text in BLOCKS if language == "shell" for line in text.splitlines()]
    exports = [command for command in commands if command.startswith("export ")]
    assert exports == [
        "export MAGNUS_VAR_S3_ENDPOINT=http://127.0.0.1:9000",
        "export AWS_ACCESS_KEY_ID=... AWS_SECRET_ACCESS_KEY=...",
    ]
    outputs = {command: reader.output(command) for command in commands if command not in exports}
    log = json.loads(outputs["magnus simulate argo-pipeline.yaml -p run_id=first --secrets secrets.yaml"])
    assert (log["status"], log["parameters"]["best"]) == ("SUCCESS", "south")
    [report] = log["steps"]["choose"]["data_catalog"]
    assert (report["name"], report["catalog_handler_location"]) == ("report.txt", "s3://my-bucket/sales")
    assert "1 file" in outputs["magnus catalog verify -c s3.yaml"]
    assert "hush-hush" not in (tmp_path / "argo-pipeline.yaml").read_text()
    assert not list(tmp_path.glob(".run_log_store*"))
    assert not list(tmp_path.glob(".catalog*"))


PIPELINE = """
dag:
  steps:
    make:
      command: work.make
      returns: [{name: model, kind: object}, large, items]
      catalog: {put: ["data/*", "tool.sh"]}
    each:
      type: map
      iterate_on: items
      iterate_as: item
      branch:
        steps:
          use: {command: work.use, returns: [sum], catalog: {get: ["data/*", "tool.sh"], put: "own-*"}}
    last: {command: work.last, returns: [names], catalog: {get: "own-*"}}
"""
WORK = """
import subprocess
from pathlib import Path

class Model:
    def __init__(self):
        self.weights = list(range(300_000))

def make():
    print("making " * 10_000)
    Path("data").mkdir()
    for number in range(40):
        Path(f"data/{number}").write_text(f"{number}\\n" * 100_000 * (number == 7) + str(number))
    Path("tool.sh").write_text("#!/bin/sh\\necho tool\\n")
    Path("tool.sh").chmod(0o755)
    return Model(), ["a large value"] * 50_000, [1, 2]

def use(model, large, item):
    assert subprocess.run(["./tool.sh"], capture_output=True, text=True).stdout == "tool\\n"
    Path(f"own-{item}").write_text(str(item))
    print("using", item)
    return len(list(Path("data").iterdir())) + len(model.weights) + len(large) + item

def last(sum):
    return sorted(file.name for file in Path().glob("own-*"))
"""


def test_files_objects_large_values_and_output_reach_pods_by_the_bucket_alone(moto_server, tmp_path):
    make_bucket(moto_server, "my-bucket")
    reader = Reader(tmp_path, moto_server)
    (tmp_path / "pipeline.yaml").write_text(PIPELINE)
    (tmp_path / "work.py").write_text(WORK)
    reader.output("magnus execute -c s3.yaml")
    log = json.loads(reader.output("magnus simulate argo-pipeline.yaml -p run_id=all --secrets secrets.yaml"))
    assert log["status"] == "SUCCESS", json.dumps(log["steps"], indent=1)
    assert log["parameters"]["sum"] == [350_041, 350_042]
    assert log["parameters"]["names"] == ["own-1", "own-2"]
    assert "making " * 10_000 in reader.output("magnus logs all make -c s3.yaml")
    assert "using 2" in reader.output("magnus logs all -c s3.yaml")
    configuration = yaml.safe_load((tmp_path / "s3.yaml").read_text())
    del configuration["executor"]
    (tmp_path / "local.yaml").write_text(yaml.safe_dump(configuration))
    resumed = json.loads(reader.output("magnus execute -c local.yaml --use-cached all --run-id again --from last"))
    assert (resumed["status"], resumed["steps"]["make"]["mock"]) == ("SUCCESS", True)
    assert resumed["parameters"]["names"] == ["own-1", "own-2"]
    assert not (tmp_path / "data").exists()
