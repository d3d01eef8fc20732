"""The row of eight runs at once in one folder, beside eight plain Pythons that read the same modules."""

from typing import Final

from measuring import Bench, Goal, Row, in_clean_folder

COPIES: Final = 8
PIPELINE: Final = {"dag": {"start_at": "a", "steps": {"a": {"command": "work.f", "next": "success"}}}}
PLAIN: Final = "import datetime, hashlib, json, os, subprocess, time\nfrom work import f\nf()\n"
RUNNABLE: Final = """\
from runnable import Pipeline, PythonTask
from work import f
def main():
    pipeline = Pipeline(steps=[PythonTask(name="a", function=f)])
    pipeline.execute()
    return pipeline
if __name__ == "__main__":
    main()
"""


def at_once(bench: Bench) -> dict[str, float]:
    """Seconds until the last of eight processes has ended."""
    programs = {"work.py": "def f(): pass\n", "plain.py": PLAIN, "runnable_hello.py": RUNNABLE}
    folder = bench.folder("at-once", {**programs, "hello.yaml": PIPELINE})

    def no_run_is_lost() -> None:
        runs = len(list((folder / ".run_log_store").glob("*.jsonl")))
        assert runs == COPIES, f"{COPIES} runs left {runs} records"

    commands = {"plain": [str(bench.python("magnus")), "plain.py"]}
    if python := bench.python("runnable"):
        commands["runnable"] = [python, "runnable_hello.py"]
    execute = bench.magnus("execute", "hello.yaml")
    ways = {"magnus": in_clean_folder(execute, folder, copies=COPIES, look=no_run_is_lost)}
    ways |= {name: in_clean_folder(argv, folder, copies=COPIES) for name, argv in commands.items()}
    return bench.medians(ways)


ROWS: Final = (Row("at-once", "8 runs of one step at once", "s", at_once, Goal("plain", 5)),)
