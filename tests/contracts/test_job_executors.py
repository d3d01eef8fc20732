"""The base of batch systems keeps the contract of executors of jobs, with the batch system for tests."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from magnus.testing.batch_system.client import FakeBatchSystem
from magnus.testing.batch_system.executor import install
from magnus.testing.job_executor_contract import JobExecutorContract
from magnus.values import Json


class FakeSite:
    folder = ".jobs-of-runs"

    def __init__(self, folder: Path) -> None:
        self.system = FakeBatchSystem(folder)
        together = {"together": {"together": True}}
        self.configuration: Mapping[str, Json] = {
            "type": "fake-batch",
            "config": {"state": str(folder), "overrides": together},
        }

    def requeue(self, job: str) -> None:
        self.system.order(job, "requeue")

    def fail_machine(self, job: str) -> None:
        self.system.order(job, "fail")

    def be_silent(self) -> None:
        self.system.change(lambda state: setattr(state, "is_silent", True))

    def answer(self) -> None:
        self.system.change(lambda state: setattr(state, "is_silent", False))

    def submissions(self) -> int:
        return self.system.calls("submit")


class TestFakeBatchSystem(JobExecutorContract):
    @pytest.fixture
    def site(self, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSite]:
        folder = tmp_path_factory.mktemp("batch")
        for name, value in install(folder / "installed").items():
            monkeypatch.setenv(name, value)
        site = FakeSite(folder / "state")
        yield site
        site.system.close()
