"""Processes of one run have one pipeline: the one in the record of the run, whatever becomes of its file."""

import pytest

WORK = """\
def double(x: int):
    return {"x": 2 * x}

def each(part: int, x: int):
    return {"seen": part + x}
"""
INNER = "dag: {steps: {inside: {command: work.double}}}\n"
PIPELINE = """\
dag:
  cache: ${cached}
  steps:
    first: {command: "work.${function}"}
    map:
      type: map
      iterate_on: parts
      iterate_as: part
      branch: {steps: {each: {command: work.each}}}
    file: {type: dag, dag_definition: inner.yaml}
    last:
      command: work.missing
      on_failure: {steps: {mend: {command: work.double, cache: false}}}
"""
VARIABLES = {"MAGNUS_VAR_function": "double", "MAGNUS_VAR_cached": "true"}
BROKEN = "dag: {steps: {first: {type: no such type}, other: 7}}\n"


def edit(folder):
    """Make everything in the files of the pipeline wrong."""
    for file in ("p.yaml", "inner.yaml"):
        folder.write(file, BROKEN)


def remove(folder):
    """Remove the files of the pipeline."""
    for file in ("p.yaml", "inner.yaml"):
        (folder.path / file).unlink()


@pytest.mark.parametrize("change", [edit, remove])
def test_a_process_runs_what_the_record_of_the_run_says(folder, change):
    def process(*arguments):
        return folder.magnus(*arguments, "-f", "p.yaml", env=VARIABLES)

    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    folder.write("inner.yaml", INNER)
    parameters = ("--x", "1", "--parts", "[10, 20]")
    first = process("execute_single_node", "r", "first", *parameters)
    assert first.status == 0, first.err
    change(folder)
    step, fan = "execute_single_node", "fan"
    for command in (
        (fan, "r", "map", "-m", "out"),
        *((step, "r", f"map/{number}/{name}") for number in (0, 1) for name in ("each", "success")),
        (fan, "r", "map", "-m", "in"),
        (fan, "r", "file", "-m", "out"),
        *((step, "r", f"file/dag/{name}") for name in ("inside", "success")),
        (fan, "r", "file", "-m", "in"),
    ):
        result = process(*command)
        assert result.status == 0, (command, result.err)
    last = process(step, "r", "last")
    assert (last.status, "there is no function 'missing'" in last.err) == (2, True), last.err
    run = folder.magnus("show", "r", "--json").log
    assert [step["status"] for step in run["steps"].values()] == ["SUCCESS"] * 3
    assert run["parameters"] == {"parts": [10, 20], "seen": [12, 22], "x": 4}
