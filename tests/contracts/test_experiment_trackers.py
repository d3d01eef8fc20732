"""Trackers that need no server keep the contract of experiment trackers; of those that do see `tests/services`."""

import json
import socket
from pathlib import Path

import pytest

from magnus.experiment_trackers.do_nothing import DoNothingOptions, DoNothingTracker
from magnus.experiment_trackers.mlflow import MlflowOptions, MlflowTracker
from magnus.run_log.parameters import CountedMetric
from magnus.run_log.records import Status
from magnus.testing.experiment_tracker_contract import (
    ExperimentTrackerContract,
    KeepingExperimentTrackerContract,
    Kept,
    UnreachableContract,
)
from magnus.testing.in_memory_tracker import InMemoryTracker


class TestDoNothing(ExperimentTrackerContract):
    def open_tracker(self):
        return DoNothingTracker(DoNothingOptions(), Path.cwd())


class TestInMemory(KeepingExperimentTrackerContract):
    @pytest.fixture(autouse=True)
    def _memory(self):
        self.memory = InMemoryTracker()

    def open_tracker(self):
        return self.memory

    def kept(self, run_id, path):
        run = self.memory.runs[run_id]
        step = run.steps.get(path)
        parameters = {} if step is None else step.parameters
        return Kept(
            None if run.status is Status.PROCESSING else run.status,
            {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in self.merged(run, parameters).items()
            },
            {} if step is None else {name: self.points(value) for name, value in step.metrics.items()},
        )

    @staticmethod
    def merged(run, parameters):
        return parameters or run.parameters

    @staticmethod
    def points(value):
        return list(value.by_step.items()) if isinstance(value, CountedMetric) else [(0, value)]


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")


@pytest.mark.slow
class TestMlflowWithoutAServer(UnreachableContract):
    def open_unreachable(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
        return MlflowTracker(MlflowOptions(server_url=f"http://127.0.0.1:{port}"), Path.cwd())


@pytest.mark.slow
class TestMlflowWithAServerThatHangs(UnreachableContract):
    @pytest.fixture(autouse=True)
    def _hangs(self, monkeypatch):
        monkeypatch.setattr("magnus.experiment_trackers.mlflow_calls._TIMEOUT_SECONDS", 1)
        with socket.create_server(("127.0.0.1", 0)) as self.server:
            yield

    def open_unreachable(self):
        port = self.server.getsockname()[1]
        return MlflowTracker(MlflowOptions(server_url=f"http://127.0.0.1:{port}"), Path.cwd())
