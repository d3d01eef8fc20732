"""Every task kind of magnus keeps the contract of task kinds."""

import json

import pytest

from magnus.graph.nodes import Return, TaskSpec
from magnus.run_log.parameters import JsonParameter
from magnus.tasks.noop import NoopTask
from magnus.tasks.notebook import NotebookTask
from magnus.tasks.python import PythonLambdaTask, PythonTask
from magnus.tasks.shell import ShellTask
from magnus.testing.task_kind_contract import TaskKindContract


class TestPython(TaskKindContract):
    kind = PythonTask
    good = TaskSpec("python", "contract_functions.double")
    failing = TaskSpec("python", "contract_functions.fail")
    wrong = TaskSpec("python", "contract_functions.no_such_function")
    sets = {"y": JsonParameter(2)}

    @pytest.fixture
    def folder(self, tmp_path, tmp_path_factory, monkeypatch):
        elsewhere = tmp_path_factory.mktemp("functions")
        (elsewhere / "contract_functions.py").write_text(
            "def double(x): return {'y': 2 * x}\ndef fail(): raise ValueError('no')\n"
        )
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(elsewhere))
        return tmp_path


class TestPythonLambda(TaskKindContract):
    kind = PythonLambdaTask
    good = TaskSpec("python-lambda", "lambda x: {'y': 2 * x}")
    failing = TaskSpec("python-lambda", "lambda x: 1 / 0")
    wrong = TaskSpec("python-lambda", "2 * x")
    sets = {"y": JsonParameter(2)}


class TestShell(TaskKindContract):
    kind = ShellTask
    good = TaskSpec("shell", "export MAGNUS_PRM_y=$((2 * MAGNUS_PRM_x))")
    failing = TaskSpec("shell", "exit 3")
    wrong = TaskSpec("shell", "")
    sets = {"y": JsonParameter(2, "2")}


@pytest.mark.kernel
class TestNotebook(TaskKindContract):
    kind = NotebookTask
    good = TaskSpec("notebook", "../good.ipynb", {"notebook_output_path": "out.ipynb"}, (Return("y"),))
    failing = TaskSpec("notebook", "../bad.ipynb", {"notebook_output_path": "out.ipynb"})
    wrong = TaskSpec("notebook", "no_such.ipynb")
    sets = {"y": JsonParameter(2)}

    @pytest.fixture
    def folder(self, tmp_path, monkeypatch):
        for name, source in {"good": "y = 2 * x", "bad": "raise ValueError('no')"}.items():
            cell = {"cell_type": "code", "metadata": {}, "execution_count": None, "outputs": [], "source": source}
            notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
            (tmp_path / f"{name}.ipynb").write_text(json.dumps(notebook))
        (tmp_path / "work").mkdir()
        monkeypatch.chdir(tmp_path / "work")
        return tmp_path / "work"


class TestNoop(TaskKindContract):
    kind = NoopTask
    good = TaskSpec("noop")
    failing = TaskSpec("noop")
    wrong = None
    sets = {}

    def test_its_options_have_defaults_and_refuse_what_they_do_not_know(self):
        """It takes anything: a stub may say what it will be."""

    def test_a_failing_command_says_why_in_one_line_first(self, folder):
        """It cannot fail."""
        assert self.call(self.failing, folder).failure == ""
