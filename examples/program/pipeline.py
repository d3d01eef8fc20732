"""A pipeline built by a program: `python pipeline.py` runs it, and so does `magnus execute pipeline.py`."""

from pathlib import Path
from statistics import mean

from magnus import Catalog, Conditional, Map, Pipeline, PythonTask, ShellTask, metric


def read(stations=("north", "south", "west")):
    return list(stations), {"north": [3, 4, 5], "south": [12, 14], "west": [9]}


def average(station: str, measured: dict[str, list[float]]):
    return mean(measured[station])


def judge(averages: list[float]):
    highest = max(averages)
    return highest, "warm" if highest > 10 else "cold"


def write(stations: list[str], averages: list[float]):
    lines = [f"{station}: {value}" for station, value in zip(stations, averages, strict=True)]
    Path("report.txt").write_text("\n".join(lines) + "\n")


each = PythonTask(average, returns=["averages"])
pipeline = Pipeline(
    name="stations",
    steps=[
        PythonTask(read, returns=["stations", "measured"]),
        Map("every station", each, iterate_on="stations", iterate_as="station"),
        PythonTask(judge, returns=[metric("highest"), "climate"]),
        PythonTask(write, catalog=Catalog(put=["report.txt"])),
        Conditional(
            "advice",
            parameter="climate",
            branches={
                "warm": ShellTask("open", "export advice='open the window'", returns=["advice"]),
                "cold": ShellTask("shut", "export advice='shut the window'", returns=["advice"]),
            },
        ),
    ],
)

if __name__ == "__main__":
    run = pipeline.execute()
    print(run.parameters["advice"], run.artifacts["report.txt"].path().read_text(), sep="\n")
