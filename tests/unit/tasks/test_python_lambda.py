"""The task kind `python-lambda`."""

import pytest

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import Return, TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskKind
from magnus.run_log.parameters import JsonParameter, MetricParameter
from magnus.tasks.python import PythonLambdaTask


@pytest.fixture
def run(tmp_path):
    def run_it(command, *, returns=None, **values):
        parameters = {
            name: value if isinstance(value, JsonParameter) else JsonParameter(value) for name, value in values.items()
        }
        return PythonLambdaTask().run(
            TaskCall(TaskSpec("python-lambda", command, returns=returns), parameters, {}, tmp_path)
        )

    return run_it


def test_it_is_a_task_kind_that_does_not_isolate_and_has_no_options():
    kind: TaskKind = PythonLambdaTask()
    assert kind.isolates is False
    with pytest.raises(WrongFields, match="unknown field 'strict'"):
        read(kind.options, {"strict": True})


def test_a_lambda_is_called_with_parameters_by_name(run):
    outcome = run("lambda x: {'x': int(x) + 1}", x=JsonParameter(3, "3"), y=5)
    assert outcome.failure == ""
    assert outcome.arguments == {"x": 3}
    assert outcome.parameters == {"x": JsonParameter(4)}


def test_the_same_rules_hold_as_for_functions(run):
    assert run("lambda x, *, y=2, **rest: (x, y, rest)", returns=(Return("a"), Return("b"), Return("c")), x=1, z=3)
    assert run("lambda: 0.5", returns=(Return("loss", "metric"),)).metrics == {"loss": 0.5}
    assert run("lambda: 0.5", returns=(Return("loss", "metric"),)).parameters == {"loss": MetricParameter(0.5)}
    with pytest.raises(TaskFailed) as caught:
        run("lambda x: x", y=1)
    assert str(caught.value) == (
        "the lambda needs the argument 'x', and there is no such parameter; the parameters are: y"
    )
    dropped = (
        "which has no name and is dropped; to keep it, declare returns: [NAME], or on the command line --returns NAME"
    )
    assert run("lambda: 5").warnings == (f"the lambda returned a value of type int, {dropped}",)


def test_built_in_names_are_there_and_no_others(run):
    assert run("lambda: {'n': len(str(max(1, 20)))}").parameters == {"n": JsonParameter(2)}
    assert run("lambda: {'root': __import__('math').sqrt(4)}").parameters == {"root": JsonParameter(2.0)}
    assert run("lambda: TaskCall").failure == "NameError: name 'TaskCall' is not defined"


def test_what_it_raises_is_the_failure(run):
    assert run("lambda x: 1 / x", x=0).failure == "ZeroDivisionError: division by zero"
    assert run("lambda: exec('import sys; sys.exit(3)')").failure == "sys.exit(3) was called"
    with pytest.raises(TaskFailed) as caught:
        run("lambda x=1/0: x")
    assert str(caught.value) == "ZeroDivisionError: division by zero"


def test_it_may_go_over_several_lines(run):
    assert run("\n  lambda x:\n    {'x': x + 1}  # next\n", x=1).parameters == {"x": JsonParameter(2)}


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("", Problem("the command is empty", "write lambda <parameters>: <value>")),
        ("x + 1", Problem("'x + 1' is not a lambda", "write lambda <parameters>: <value>")),
        (
            "lambda x: {'x': x",
            Problem("the lambda is not python: '{' was never closed", "correct it: lambda x: {'x': x"),
        ),
        (
            "lambda x: x), (lambda: 1",
            Problem("the lambda is not python: unmatched ')'", "correct it: lambda x: x), (lambda: 1"),
        ),
        (
            "lambda x:\n  {'x': x",
            Problem("the lambda is not python: invalid syntax", "correct it: lambda x:\n  {'x': x"),
        ),
        (
            "lambda x: x\n), (\nlambda: 1",
            Problem("'lambda x: x\n), (\nlambda: 1' is not a lambda", "write lambda <parameters>: <value>"),
        ),
    ],
)
def test_a_command_that_is_no_lambda_is_a_problem(run, tmp_path, command, problem):
    [found] = PythonLambdaTask().problems(TaskSpec("python-lambda", command), tmp_path)
    assert found == problem
    with pytest.raises(TaskFailed) as caught:
        run(command)
    assert str(caught.value) == found.message


def test_a_lambda_is_no_problem_and_is_not_evaluated(tmp_path):
    assert PythonLambdaTask().problems(TaskSpec("python-lambda", "lambda x=1/0: x"), tmp_path) == ()
