"""`magnus check --connect` asks the services that can try their connection, and says where they are configured."""

from pathlib import Path

from msgspec.structs import replace

from magnus.app.check.services import checked_services, connect_problems
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.errors import Problem
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore


class Unreachable(BufferedRunLogStore):
    def connect_problems(self):
        return [Problem("nobody answers", "start it")]


def test_problems_of_a_connection_have_the_place_of_the_service(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text("run_log_store:\n  type: buffered\n")
    services, problems = checked_services("config.yaml", {}, tmp_path)
    assert problems == []
    assert list(connect_problems(services)) == []
    store = SpillingStore(Unreachable(BufferedOptions(), Path.cwd()), LargeValues(lambda: services.built.catalog))
    unreachable = replace(services, built=replace(services.built, run_log_store=store))
    [(family, problem)] = connect_problems(unreachable)
    assert family == "run_log_store"
    assert str(problem) == "config.yaml:2:3: error: nobody answers\n  fix: start it"
