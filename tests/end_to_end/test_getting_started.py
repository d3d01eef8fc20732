import hashlib
import json
import shutil
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_main_job(folder):
    shutil.copy(EXAMPLES / "getting-started.yaml", folder.path)
    result = folder.magnus("execute", "--file", "getting-started.yaml", "--x", "3")
    assert result.status == 0, result.err
    log = result.log
    assert log["status"] == "SUCCESS"
    assert log["parameters"] == {"x": 4}
    assert list(log["steps"]) == ["step parameters", "step shell", "success"]
    [entry] = [e for e in log["steps"]["step shell"]["data_catalog"] if e["name"] == "data/data.txt"]
    kept = folder.path / ".catalog" / log["run_id"] / "data" / "data.txt"
    assert entry == {
        "name": "data/data.txt",
        "data_hash": hashlib.sha256(kept.read_bytes()).hexdigest(),
        "catalog_relative_path": f"{log['run_id']}/data/data.txt",
        "catalog_handler_location": ".catalog",
        "stage": "put",
        "size": kept.stat().st_size,
    }
    assert (folder.path / "data" / "data.txt").read_bytes() == kept.read_bytes()
    document = folder.path / ".run_log_store" / f"{log['run_id']}.json"
    assert document.read_text() == result.out
    shown = folder.magnus("show", log["run_id"], "--json")
    assert shown.status == 0
    assert json.loads(shown.out) == log


def test_the_run_log_has_the_fields_users_know(folder):
    shutil.copy(EXAMPLES / "getting-started.yaml", folder.path)
    log = folder.magnus("execute", "--file", "getting-started.yaml", "--x", "3", "--tag", "first").log
    assert list(log) == [
        "run_id",
        "dag_hash",
        "use_cached",
        "tag",
        "original_run_id",
        "status",
        "message",
        "steps",
        "parameters",
        "run_config",
        "start_time",
        "end_time",
    ]
    assert log["tag"] == "first"
    step = log["steps"]["step parameters"]
    assert list(step) == [
        "name",
        "internal_name",
        "status",
        "step_type",
        "message",
        "mock",
        "code_identities",
        "attempts",
        "user_defined_metrics",
        "branches",
        "data_catalog",
    ]
    [attempt] = step["attempts"]
    assert attempt["parameters"] == {"x": 3}
    assert attempt["attempt_number"] == 0
