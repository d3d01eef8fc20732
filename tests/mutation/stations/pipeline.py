"""A pipeline in python, to be made wrong in one place at a time."""

from statistics import mean

from magnus import Catalog, Conditional, Map, Pipeline, PythonTask, ShellTask, metric


def read(stations: list[str]):
    return {"measured": {station: [float(len(station))] for station in stations}}


def average(station: str, measured: dict[str, list[float]]) -> float:
    return mean(measured[station])


def judge(averages: list[float]):
    return max(averages), "warm" if max(averages) > 10 else "cold"


def say(highest: float, advice: str):
    print(highest, advice)


each = PythonTask(average, returns=["averages"]).as_pipeline()
pipeline = Pipeline(
    steps=[
        PythonTask(read),
        Map("every station", each, iterate_on="stations", iterate_as="station"),
        PythonTask(judge, returns=[metric("highest"), "climate"]),
        ShellTask("note", "echo $climate > note.txt", catalog=Catalog(put=["note.txt"])),
        ShellTask("show", "cat note.txt", catalog=Catalog(get=["note.txt"])),
        Conditional(
            "advice",
            parameter="climate",
            branches={
                "warm": ShellTask("open", "export advice='open the window'", returns=["advice"]).as_pipeline(),
                "cold": ShellTask("shut", "export advice='shut the window'", returns=["advice"]).as_pipeline(),
            },
        ),
        PythonTask(say),
    ],
)
