"""The part of the environment that processes in other places get, since services read it."""

from types import SimpleNamespace

import pytest

from magnus.app.dispatch.reentry_spec import variables_read
from magnus.engine.files.spilling_store import SpillingStore
from magnus.graph.nodes import Graph, TaskNode, TaskSpec, TerminalNode

FAMILIES = ("run_log_store", "catalog", "secrets", "pickler", "experiment_tracker")
GRAPH = Graph(
    "a",
    {
        "a": TaskNode("a", TaskSpec("noop"), "success", secrets=("two", "one")),
        "success": TerminalNode("success", succeeds=True),
        "fail": TerminalNode("fail", succeeds=False),
    },
)


class Reading:
    def variables(self, names):
        return {"TOKEN": "t", "NAMES": " ".join(names)}


def services(**reading):
    each = {**dict.fromkeys(FAMILIES, object()), **reading}
    return SimpleNamespace(**each, picklers=SimpleNamespace(default=each["pickler"]))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_service_that_reads_the_environment_has_its_variables_elsewhere(family):
    assert variables_read(services(**{family: Reading()}), GRAPH) == {"TOKEN": "t", "NAMES": "one two"}


def test_a_store_has_them_too_when_large_values_are_elsewhere():
    store = SpillingStore(Reading(), None)
    assert variables_read(services(run_log_store=store), GRAPH)["TOKEN"] == "t"


def test_services_that_read_none_add_none():
    assert variables_read(services(), GRAPH) == {}
