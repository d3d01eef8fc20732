"""A project with runs as records, and a server for them that answers over HTTP."""

import http.client
import threading
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

from magnus.app.inspect.viewer import Viewer
from magnus.app.ui.guard import Access
from magnus.app.ui.serve import Address, listen
from magnus.app.ui.server import make_server
from magnus.engine.processes import liveness
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, RunRecord, Status, StepRecord

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
STEPS = {
    "fit": {"type": "task", "command": "work.fit", "next": "score"},
    "score": {"type": "task", "command": "work.score"},
}


class Runs:
    """Puts runs into the stores of a folder, as records."""

    def __init__(self, folder: Path) -> None:
        self.viewer = Viewer("", {}, folder)
        self.store = self.viewer.store

    def run(
        self, run_id, status=Status.SUCCESS, *, after=0, took=9, pipeline="training", message="", tag="", **parameters
    ):
        """A run that started some seconds after the first one could."""
        start = BEGAN + timedelta(seconds=after)
        record = RunRecord(
            run_id=run_id, status=status, dag_hash="", start_time=start, owner=liveness.this_process(), tag=tag,
            end_time=None if status is Status.PROCESSING else start + timedelta(seconds=took), message=message,
            parameters={name: JsonParameter(value) for name, value in parameters.items()},
            run_config={"dag": {"name": pipeline, "start_at": "fit", "steps": STEPS}, "pipeline_file": "p.yaml"},
        )  # fmt: skip
        self.store.create_run(record)
        return record

    def step(self, run, name, status=Status.SUCCESS, *, position=0, message="", metrics=None, **parameters):
        """A step of the run, which took half a second."""
        end = run.start_time + timedelta(seconds=0.5)
        record = StepRecord(
            BranchPath().step(name), position, status, "task", message,
            attempts=() if status is Status.PROCESSING else (AttemptRecord(0, run.start_time, end, 0.5, status, message),),
            metrics=metrics or {}, parameters={key: JsonParameter(value) for key, value in parameters.items()},
        )  # fmt: skip
        self.store.put_step(run.run_id, record)
        return record

    @contextmanager
    def printing(self, run, name):
        """Writes the output of a step."""
        with self.viewer.catalog.open_log(run.run_id, BranchPath().step(name)) as log:
            yield lambda data: (log.write(data), log.flush())


@pytest.fixture
def runs(tmp_path):
    made = Runs(tmp_path)
    yield made
    made.store.close()


class Client:
    """Asks a server over HTTP."""

    def __init__(self, port: int, stop: Callable[[], None]) -> None:
        self.port = port
        self.stop = stop

    def ask(self, address, *, method="GET", host=None, **headers):
        """The status, the headers in lower case, and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_SECONDS)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, address, headers={"Host": host or f"127.0.0.1:{self.port}", **named})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
        finally:
            connection.close()

    @contextmanager
    def events(self, address):
        """Gives the next event of a stream, as its name and its data, at each call; None when the stream has ended."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONGEST_SECONDS)
        try:
            connection.request("GET", address)
            yield Events(connection.getresponse()).next
        finally:
            connection.close()


class Events:
    """Reads events from an answer."""

    def __init__(self, answer) -> None:
        assert answer.status == 200
        assert answer.getheader("content-type").startswith("text/event-stream")
        self.answer = answer

    def next(self):
        name = ""
        while line := self.answer.readline():
            field, _, value = line.decode().rstrip("\n").partition(": ")
            if field == "event":
                name = value
            elif field.partition(":")[0] == "data":
                return name, value
        return None


@pytest.fixture
def serve(runs):
    """Starts servers for the runs; all have ended when the test has."""
    started: list[Callable[[], None]] = []

    def start(access=Access()):  # noqa: B008 - it cannot be changed
        listening = listen(Address("127.0.0.1", 0))
        server = make_server(runs.viewer, access)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()

        def stop():
            server.handle_exit(2, None)
            thread.join()
            listening.close()

        started.append(stop)
        return Client(listening.getsockname()[1], stop)

    yield start
    for stop in started:
        stop()
