"""The contract suite of task kinds: a kind proves itself by subclassing `TaskKindContract`.

::

    class TestMyTask(TaskKindContract):
        kind = MyTask
        good = TaskSpec("mine", "a command that succeeds with the parameter x")
        failing = TaskSpec("mine", "a command that fails")
        wrong = TaskSpec("mine", "a command that can be seen to be wrong")
        sets = {"y": JsonParameter(2)}

With `pytest.register_assert_rewrite("magnus.testing")` in a `conftest.py`, before the import, failures show values.
"""

import os
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.engine.step import outcomes
from magnus.errors import TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskKind, TaskOutcome
from magnus.run_log.parameters import JsonParameter, Parameter

__all__ = ["TaskKindContract"]


class TaskKindContract:
    """Subclass it with a name that begins with `Test`.

    Attributes:
        kind: the class.
        good, failing: commands that succeed and fail, with the parameter `x` = 1 in scope.
        wrong: a command that is wrong to see, without running it; None where none is.
        sets: the parameters that the good command sets.
    """

    kind: ClassVar[type[TaskKind]]
    good: ClassVar[TaskSpec]
    failing: ClassVar[TaskSpec]
    wrong: ClassVar[TaskSpec | None]
    sets: ClassVar[Mapping[str, Parameter]]

    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """The working directory of a step: also that of the process, and first on the import path."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(tmp_path))
        return tmp_path

    def call(self, spec: TaskSpec, folder: Path) -> TaskOutcome:
        """Run the command as the engine does."""
        environment = {**os.environ, "MAGNUS_PRM_x": "1"}
        return self.kind().run(TaskCall(spec, {"x": JsonParameter(1)}, environment, folder))

    def test_its_options_have_defaults_and_refuse_what_they_do_not_know(self) -> None:
        options = self.kind().options
        read(options, self.good.options)
        with pytest.raises(WrongFields, match="unknown field 'no_such_option'"):
            read(options, {"no_such_option": 1})

    def test_a_good_command_succeeds_and_sets_its_parameters(self, folder: Path) -> None:
        outcome = self.call(self.good, folder)
        parameters = {**outcomes.exported_parameters(outcome.exported), **outcome.parameters}
        assert (outcome.failure, parameters) == ("", dict(self.sets))

    def test_a_failing_command_says_why_in_one_line_first(self, folder: Path) -> None:
        try:
            failure = self.call(self.failing, folder).failure
        except TaskFailed as error:
            failure = str(error)
        assert failure.splitlines()[0].strip()
        assert "Traceback" not in failure.splitlines()[0]

    def test_nothing_is_wrong_with_a_good_command(self, folder: Path) -> None:
        assert list(self.kind().problems(self.good, folder)) == []

    def test_what_is_wrong_is_seen_before_it_runs(self, folder: Path) -> None:
        if self.wrong is None:
            pytest.skip("nothing can be seen to be wrong with a command of this kind")
        problems = list(self.kind().problems(self.wrong, folder))
        assert problems
        assert all(problem.message for problem in problems)
        assert list(folder.iterdir()) == []

    def test_it_holds_no_state_and_is_pickled_by_its_class(self, folder: Path) -> None:
        again = pickle.loads(pickle.dumps(self.kind()))
        assert type(again) is self.kind
        assert isinstance(again.isolates, bool)
        first, second = self.call(self.good, folder), self.call(self.good, folder)
        assert first.parameters == second.parameters
