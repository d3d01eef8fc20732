"""The contract of transpilers finds what a transpiler must not do: each of these tests of the suite fails for a bad one."""

import json
import os
import re
import subprocess
import sys

import pytest

BAD = """
import os, socket
from msgspec import Struct
from magnus.errors import InvalidDefinition, Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality
from magnus.interfaces.graph import CompositeNode
from magnus.interfaces.transpiler import NextCommand, TranspileResult

class Options(Struct):
    output: str = "out.txt"

class Bad:
    options = Options
    capabilities = ExecutorCapabilities(runs_on=Locality.HOST)
    def __init__(self, options):
        pass
    def problems(self, request):
        composite = any(isinstance(node, CompositeNode) for node in request.graph.nodes.values())
        return [Problem("no")] if composite else []
    def transpile(self, request):
        if self.problems(request):
            raise InvalidDefinition.of(self.problems(request))
{body}
        return TranspileResult({{{name!r}: text}}, [NextCommand("run", ["x"])])
"""
SUITE = """
from magnus.testing.transpiler_contract import TranspilerContract

class TestBad(TranspilerContract):
    configuration = {"type": "bad", "config": {"output": "x"}}
    def commands(self, files):
        return [line.split() for text in files.values() for line in text.splitlines()]
"""
GOOD = "        text = '\\n'.join(f'execute_single_node id {name} --file p' for name in request.graph.nodes)"


IMPURE = """
        os.environ.get("HOME")
        dict(os.environ)
        open("left.txt", "w").close()
        socket.socket().close()
        text = str(hash("a"))
"""


@pytest.fixture
def offered(tmp_path):
    """Offers a transpiler with this body as the type `bad`; the environment of processes that find it."""

    def offer(body, name="out.txt"):
        (tmp_path / "bad_transpiler.py").write_text(BAD.format(body=body, name=name))
        info = tmp_path / "bad-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[magnus.transpiler]\nbad = bad_transpiler:Bad\n")
        return {**os.environ, "PYTHONPATH": str(tmp_path)}

    return offer


def test_what_is_not_pure_is_found(tmp_path, offered):
    environment = offered(IMPURE)
    (tmp_path / "c.yaml").write_text("executor: {type: bad}")
    (tmp_path / "p.yaml").write_text("dag: {start_at: a, steps: {a: {type: stub, next: success}}}")
    command = [sys.executable, "-m", "magnus.testing.transpiler_process", "p.yaml"]
    first, second = (
        json.loads(
            subprocess.run(command, cwd=tmp_path, env=environment | seed, capture_output=True, check=True).stdout
        )
        for seed in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    )
    assert first != second
    touched = " ".join(first["p.yaml"]["touched"])
    for what in ("the variable HOME", "the whole environment", "open ('left.txt', 'w')", "socket.__new__"):
        assert what in touched


@pytest.mark.slow
def test_what_is_badly_written_or_refused_is_found(tmp_path, offered):
    environment = offered(GOOD.replace("--file", "--fiel"), name="../out.txt")
    (tmp_path / "test_bad.py").write_text(SUITE)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_bad.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    found = set(re.findall(r"^FAILED test_bad.py::TestBad::(\w+)", done.stdout, re.MULTILINE))
    assert found == {
        "test_every_shape_is_transpiled_or_refused_with_place_and_fix",  # there is neither place nor fix
        "test_it_declares_its_capabilities",  # that steps are run by re-entry commands
        "test_files_are_named_relative_to_the_project",
        "test_a_misspelt_option_is_refused_with_the_one_that_is_meant",  # the options take any
        "test_every_step_of_a_chain_and_of_parallel_branches_is_run",
        "test_names_of_steps_survive",
        "test_every_command_in_what_is_written_is_one_of_magnus",
        "test_what_is_refused_is_refused_before_a_file_is_written",
        "test_magnus_writes_what_the_transpiler_gives",  # it is outside the project
    }, done.stdout
