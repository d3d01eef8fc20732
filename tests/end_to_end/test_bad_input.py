"""Every mistake gets one clear message, exit status 2, and nothing is written."""

import pytest

LINEAR = """\
dag:
  start_at: a
  steps:
    a:
      type: task
      command: work.f
      next: success
"""


def refused(folder, *arguments, env=None):
    result = folder.magnus("execute", *arguments, env=env)
    assert result.status == 2, result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert not (folder.path / ".run_log_store").exists()
    assert not (folder.path / ".catalog").exists()
    return result.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "p.yaml: error: the pipeline is empty\n  fix: write dag: {start_at: a, steps: {a: {command: module.function, next: success}}}\n",
        ),
        (
            "- a\n",
            "p.yaml:1:1: error: a pipeline is a mapping with the key 'dag', this is a list\n  fix: write dag: first\n",
        ),
        (
            LINEAR + "    a:\n      type: stub\n      next: success\n",
            "p.yaml:8:5: error: the key 'a' stands here a second time, the first is in line 4\n  fix: keep one of them\n",
        ),
        (
            LINEAR.replace("type: task", "type: tsk"),
            "p.yaml:5:7: error: step 'a': unknown node type 'tsk'\n  fix: did you mean 'task'?\n",
        ),
        (
            LINEAR.replace("next:", "nxt:"),
            "p.yaml:7:7: error: step 'a': unknown field 'nxt'\n  fix: did you mean 'next'?\n",
        ),
        (
            LINEAR + "      max_atempts: 2\n",
            "p.yaml:8:7: error: step 'a': unknown field 'max_atempts'\n  fix: did you mean 'max_attempts'?\n",
        ),
        (
            LINEAR.replace("start_at: a", "start_at: b"),
            "p.yaml:2:3: error: start_at names 'b', which is not a step\n  fix: the steps are 'a', 'success', 'fail'\n",
        ),
        (
            LINEAR.replace("next: success", "next: b") + "    b: {type: stub, next: a}\n",
            "p.yaml:8:21: error: step 'b': the steps form a cycle: a -> b -> a\n  fix: let next of 'b' lead to another step\n",
        ),
        (
            LINEAR.replace(" a:", " a.b:").replace("start_at: a", "start_at: a.b"),
            "p.yaml:4:5: error: step 'a.b': the name of a step may not hold '.'\n  fix: call it 'a b'\n",
        ),
        (
            LINEAR.replace(" a:", " a%b:").replace("start_at: a", "start_at: a%b"),
            "p.yaml:4:5: error: step 'a%b': the name of a step may not hold '%'\n  fix: call it 'a b'\n",
        ),
        (
            LINEAR.replace("work.f", "${module}.f"),
            "p.yaml:6:16: error: step 'a': the variable 'module' is not set\n"
            "  fix: set MAGNUS_VAR_module in the environment, or write $${module} for the text itself\n",
        ),
        (
            LINEAR.replace("work.f", "no_such_module.f"),
            "p.yaml:6:7: error: step 'a': there is no module 'no_such_module' in the working directory",
        ),
    ],
)
def test_a_faulty_pipeline(folder, text, message):
    folder.write("p.yaml", text)
    folder.write("work.py", "def f():\n    pass\n")
    assert message in refused(folder, "p.yaml")


def test_all_problems_are_said_at_once(folder):
    folder.write("p.yaml", "dag:\n  start_at: a\n  steps:\n    a: {type: tsk, next: b}\n    b: {type: task}\n")
    said = refused(folder, "p.yaml")
    assert [line for line in said.splitlines() if "error:" in line] == [
        "p.yaml:4:5: error: step 'a': 'command' is missing",
        "p.yaml:4:9: error: step 'a': unknown node type 'tsk'",
        "p.yaml:5:5: error: step 'b': 'command' is missing",
    ]


def test_faults_of_steps_are_said_with_those_of_the_structure(folder):
    folder.write(
        "p.yaml", LINEAR.replace("next: success", "next: b") + "    c: {command: gone.f, retrys: 1, next: success}\n"
    )
    said = refused(folder, "p.yaml")
    assert [line for line in said.splitlines() if "error:" in line] == [
        "p.yaml:6:7: error: step 'a': there is no module 'work' in the working directory or on the import path",
        "p.yaml:7:7: error: step 'a': next names 'b', which is not a step",
        "p.yaml:8:9: error: step 'c': there is no module 'gone' in the working directory or on the import path",
        "p.yaml:8:26: error: step 'c': unknown field 'retrys'",
    ]


def test_no_pipeline_file(folder):
    assert refused(folder) == (
        "error: the pipeline 'pipeline.yaml' does not exist\n"
        "  fix: check the path, and the folder you are in; magnus init NAME writes a project with a pipeline\n"
    )
    assert "magnus init" not in refused(folder, "p.yaml")


def test_a_slip_in_an_option(folder):
    folder.write("p.yaml", LINEAR)
    said = refused(folder, "p.yaml", "--conifg", "c.yaml")
    assert said.startswith("error: '--conifg' looks like the option '--config'\n")


@pytest.mark.parametrize("run_id", ["../x", ".x", "a/b", " "])
def test_run_ids_that_cannot_be(folder, run_id):
    folder.write("p.yaml", LINEAR)
    assert f"error: '{run_id}' cannot be a run id: " in refused(folder, "p.yaml", "--run-id", run_id)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "run_log_stor: {type: buffered}\n",
            "c.yaml:1:1: error: unknown key 'run_log_stor'\n  fix: did you mean 'run_log_store'?\n",
        ),
        (
            "executor: {type: lokal}\n",
            "c.yaml:1:12: error: executor has no type 'lokal'\n  fix: did you mean 'local'?\n",
        ),
        (
            "catalog: {type: file-system, config: {catalog_loc: x}}\n",
            "c.yaml:1:39: error: catalog 'file-system': unknown field 'catalog_loc'\n  fix: did you mean 'catalog_location'?\n",
        ),
        (
            "pickler: {type: dill}\n",
            "c.yaml:1:11: error: unknown pickler 'dill'\n  fix: there are 'joblib', 'json', 'npy', 'parquet', 'pickle', 'text'\n",
        ),
        ("catalog: {type: $kind}\n", "c.yaml:1:17: error: the variable 'kind' is not set\n"),
    ],
)
def test_a_faulty_configuration(folder, text, message):
    folder.write("p.yaml", LINEAR)
    folder.write("work.py", "def f():\n    pass\n")
    folder.write("c.yaml", text)
    assert message in refused(folder, "p.yaml", "-c", "c.yaml")


def test_parameters_files(folder):
    folder.write("p.yaml", LINEAR)
    folder.write("work.py", "def f():\n    pass\n")
    said = refused(folder, "p.yaml", "-p", "none.yaml")
    assert (
        said
        == "error: the parameters file 'none.yaml' does not exist\n  fix: check the path, and the folder you are in\n"
    )
    folder.write("list.yaml", "- 1\n")
    said = refused(folder, "p.yaml", "-p", "list.yaml")
    assert said == (
        "list.yaml:1:1: error: the parameters file must be a mapping of names to values\n  fix: write 'name: value' lines\n"
    )
