"""The task kind `python`: how a function is found and loaded."""

import sys
from pathlib import Path

import pytest

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import Problem, TaskFailed
from magnus.graph.nodes import TaskSpec
from magnus.interfaces.task_kind import TaskCall, TaskKind
from magnus.run_log.parameters import JsonParameter
from magnus.tasks.python import PythonTask


def test_it_is_a_task_kind_that_does_not_isolate_and_has_no_options():
    kind: TaskKind = PythonTask()
    assert kind.isolates is False
    assert kind.options.__struct_fields__ == ()
    with pytest.raises(WrongFields, match="unknown field 'strict'"):
        read(kind.options, {"strict": True})


def test_a_function_is_called_and_its_results_are_parameters(user_folder):
    user_folder.write("adding.py", "def add(x):\n    return {'x': x + 1}\n")
    outcome = user_folder.run("adding.add", x=3)
    assert outcome.failure == ""
    assert outcome.arguments == {"x": 3}
    assert outcome.parameters == {"x": JsonParameter(4)}


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("deploy.py", "deploy.deploy"),
        ("package/__init__.py", "package.deploy"),
        ("package/inner/module.py", "package.inner.module.deploy"),
        ("01-load.py", "01-load.deploy"),
    ],
)
def test_modules_packages_and_namespace_packages_are_imported(user_folder, file, command):
    user_folder.write(file, "def deploy():\n    return {'done': True}\n")
    assert user_folder.run(command).parameters == {"done": JsonParameter(True)}


def test_an_attribute_of_an_attribute_is_found(user_folder):
    user_folder.write(
        "nested.py",
        """
        class Steps:
            class Inner:
                @staticmethod
                def run():
                    return {"inner": 1}

            @classmethod
            def make(cls):
                return {"made": cls.__name__}

        class Model:
            def fit(self):
                return {"fitted": True}

        model = Model()
        """,
    )
    assert user_folder.run("nested.Steps.make").parameters == {"made": JsonParameter("Steps")}
    assert user_folder.run("nested.Steps.Inner.run").parameters == {"inner": JsonParameter(1)}
    assert user_folder.run("nested.model.fit").parameters == {"fitted": JsonParameter(True)}


def test_a_module_is_preferred_to_an_attribute_of_the_same_name(user_folder):
    user_folder.write("both/__init__.py", "class inner:\n    def f():\n        return {'from': 'class'}\n")
    user_folder.write("both/inner.py", "def f():\n    return {'from': 'module'}\n")
    assert user_folder.run("both.inner.f").parameters == {"from": JsonParameter("module")}


def test_an_installed_function_is_called_too(user_folder):
    assert user_folder.run("math.sqrt", x=4, returns=["root"]).parameters == {"root": JsonParameter(2.0)}


def test_a_module_is_imported_once(user_folder):
    user_folder.write("counting.py", "calls = []\ndef f():\n    calls.append(1)\n    return {'n': len(calls)}\n")
    user_folder.run("counting.f")
    assert user_folder.run("counting.f").parameters == {"n": JsonParameter(2)}


def test_a_missing_module_is_a_failure_that_names_it(user_folder):
    user_folder.write("adding.py", "def add(): pass\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("ading.add")
    message = "there is no module 'ading' in the working directory or on the import path"
    assert caught.value.problems == (Problem(message, "did you mean 'adding'?"),)


def test_a_missing_function_is_a_failure_that_names_it(user_folder):
    user_folder.write("adding.py", "def add(): pass\ndef subtract(): pass\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("adding.ad")
    message = "there is no function 'ad' in the module 'adding'"
    assert caught.value.problems == (Problem(message, "did you mean 'add'?"),)


def test_a_function_that_only_running_shows_to_be_missing_is_named_with_its_file(user_folder):
    file = user_folder.write("dynamic.py", "globals()['f'] = 1\ndel f\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("dynamic.f")
    assert str(caught.value) == f"there is no function 'f' in the module 'dynamic', which is '{file}'"


def test_what_is_not_callable_is_a_failure(user_folder):
    user_folder.write("numbers_only.py", "limit = int('3')\n")
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("numbers_only.limit")
    assert str(caught.value) == "'numbers_only.limit' is not callable: it is a value of type int"


def test_a_module_written_just_now_by_another_step_is_found(user_folder):
    user_folder.write("first.py", "def f(): pass\n")
    user_folder.run("first.f")
    user_folder.write("second.py", "def f(): return {'second': True}\n")
    assert user_folder.run("second.f").parameters == {"second": JsonParameter(True)}


@pytest.mark.parametrize("module", ["steps.py", "pipelines/steps.py", "pipelines/__init__.py"])
def test_a_module_of_the_same_name_in_another_working_directory_is_another_module(
    tmp_path, monkeypatch, user_folder, module
):
    command = ".".join(Path(module).with_suffix("").parts).removesuffix(".__init__") + ".f"
    for folder in ("one", "two"):
        user_folder.write(f"{folder}/helper.py", f"NAME = {folder!r}\n")
        user_folder.write(f"{folder}/{module}", "from helper import NAME\ndef f():\n    return {'folder': NAME}\n")
    for folder in ("one", "two", "one"):
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(tmp_path / folder))
            call = TaskCall(TaskSpec("python", command), {}, {}, tmp_path / folder)
            assert PythonTask().run(call).parameters == {"folder": JsonParameter(folder)}
            assert PythonTask().run(call).parameters == {"folder": JsonParameter(folder)}


def test_a_working_directory_reached_by_another_path_keeps_its_modules(tmp_path, monkeypatch, user_folder):
    user_folder.write("real/steps.py", "loaded = []\ndef f():\n    loaded.append(1)\n    return {'n': len(loaded)}\n")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.syspath_prepend(str(tmp_path / "real"))
    for folder, expected in (("real", 1), ("link", 2)):
        call = TaskCall(TaskSpec("python", "steps.f"), {}, {}, tmp_path / folder)
        assert PythonTask().run(call).parameters == {"n": JsonParameter(expected)}


def test_a_module_of_the_standard_library_stays_what_it_is(user_folder):
    user_folder.write("textwrap.py", "def f(): pass\n")
    before = sys.modules["textwrap"]
    with pytest.raises(TaskFailed) as caught:
        user_folder.run("textwrap.f")
    assert str(caught.value) == f"there is no function 'f' in the module 'textwrap', which is '{before.__file__}'"
    assert sys.modules["textwrap"] is before


def test_problems_are_those_of_the_command(tmp_path):
    (tmp_path / "adding.py").write_text("def add(): pass\n")
    assert PythonTask().problems(TaskSpec("python", "adding.add"), tmp_path) == ()
    [problem] = PythonTask().problems(TaskSpec("python", "adding.ad"), tmp_path)
    assert problem.message == "there is no function 'ad' in the module 'adding'"
    assert "adding" not in sys.modules
