"""Large workflows, simulated: what a pod costs does not grow with how many others there are."""

import json

import simulated

ITEMS = 1000


def mapped(branch):
    each = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success"}
    return {"start_at": "each", "steps": {"each": each}}


def test_a_map_over_a_thousand_items(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")  # no git, which every pod would ask
    step = {"command_type": "python-lambda", "command": "lambda x: {'y': x + 1}", "next": "success"}
    dag = mapped({"start_at": "work", "steps": {"work": step}})
    services = {
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(tmp_path / "runs")}},
        "catalog": {"type": "do-nothing"},
    }
    (tmp_path / "p.yaml").write_text(json.dumps({"dag": dag}))
    (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    log = simulated.simulate(tmp_path, {"xs": json.dumps(list(range(ITEMS)))}, "large")
    assert log["status"] == "SUCCESS"
    assert log["parameters"]["y"] == list(range(1, ITEMS + 1))
