import logging
import os
import signal
import sys

from magnus.engine.process_state import applied


def test_everything_is_restored(tmp_path, monkeypatch):
    monkeypatch.setenv("KEPT", "1")
    monkeypatch.setenv("CHANGED", "1")
    before = (dict(os.environ), os.getcwd(), list(sys.path), list(sys.argv), list(logging.root.handlers))
    handler = signal.getsignal(signal.SIGTERM)
    with applied({"ADDED": "ü", "KEPT": None}, tmp_path) as environment:
        assert environment["ADDED"] == "ü"
        assert "KEPT" not in os.environ
        assert os.getcwd() == str(tmp_path)
        assert sys.path[0] == str(tmp_path)
        os.environ["CHANGED"] = "2"
        os.environ["NEW"] = "3"
        sys.argv.append("x")
        sys.path.clear()
        logging.root.addHandler(logging.NullHandler())
        logging.disable(logging.CRITICAL)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.chdir("/")
    assert (dict(os.environ), os.getcwd(), list(sys.path), list(sys.argv), list(logging.root.handlers)) == before
    assert logging.root.manager.disable == 0
    assert signal.getsignal(signal.SIGTERM) is handler
