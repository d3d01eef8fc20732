"""A fault of magnus itself, or of a plugin, ends a run as failed and is raised again."""

import json

import pytest

from magnus.app.documents import document
from magnus.app.execute import execute
from magnus.app.prepare import Execution, prepare
from magnus.executors.local import LocalExecutor


class Silent:
    def report(self, event):
        """Nobody looks."""


def test_a_fault_leaves_no_run_open(tmp_path, monkeypatch):
    def broken(self, request):
        raise LookupError("somebody's bug")

    monkeypatch.setattr(LocalExecutor, "submit", broken)
    (tmp_path / "p.yaml").write_text(
        json.dumps({"dag": {"start_at": "a", "steps": {"a": {"type": "stub", "next": "success"}}}})
    )
    prepared = prepare(Execution(str(tmp_path / "p.yaml"), run_id="mine", working_directory=tmp_path), Silent())
    with pytest.raises(LookupError, match="somebody's bug"):
        execute(prepared, Silent(), lambda _text: None)
    store = prepared.services.run_log_store
    log = json.loads("".join(document(store, store.get_run("mine"))))
    store.close()
    assert (log["status"], log["message"]) == ("FAIL", "a fault: LookupError: somebody's bug")
