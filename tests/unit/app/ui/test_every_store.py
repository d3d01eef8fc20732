"""The pages with every run log store: the list, a run that goes on, and what follows."""

import json

import pytest
import yaml
from msgspec.structs import replace

from magnus.app.inspect.viewer import Viewer
from magnus.run_log.records import Status

STORES = {
    "file-system": {"type": "file-system"},
    "chunked-fs": {"type": "chunked-fs"},
    "sqlite": {"type": "sql", "config": {"url": "sqlite:///runs.db"}},
    "object-store": {"type": "object-store", "config": {"url": "file://{folder}/objects"}},
}


@pytest.fixture(params=STORES)
def runs_in_store(request, runs, tmp_path):
    text = yaml.safe_dump({"run_log_store": STORES[request.param]}).replace("{folder}", str(tmp_path))
    (tmp_path / "c.yaml").write_text(text)
    (tmp_path / "objects").mkdir()
    runs.viewer = Viewer("c.yaml", {}, tmp_path)
    runs.store = runs.viewer.store
    return runs


def test_a_run_is_listed_and_followed_until_it_fails(runs_in_store, serve):
    runs = runs_in_store
    run = runs.run("one", Status.PROCESSING, lr=0.5)
    client = serve()
    [row] = json.loads(client.ask("/runs.json?column=params.lr")[2])["rows"]
    assert (row["run_id"], row["status"], row["cells"]) == ("one", "PROCESSING", [0.5])
    with client.events("/run.events?id=one") as event:
        assert json.loads(event()[1])["head"]["status"] == "PROCESSING"
        runs.step(run, "fit", metrics={"auc": 0.75})
        assert [row["name"] for row in json.loads(event()[1])["rows"]] == ["training", "fit"]
        runs.step(run, "score", Status.FAIL, position=1, message="no label")
        runs.store.update_run(replace(run, status=Status.FAIL, end_time=run.start_time, message="score failed"))
        names = []
        while (news := event())[0] == "report":
            names.append(json.loads(news[1])["head"]["status"])
    assert news[0] == "over"
    assert names[-1] == "FAIL"
    assert client.ask("/compare?id=one&id=one")[0] == 400
    assert client.ask("/run?id=one")[0] == 200
