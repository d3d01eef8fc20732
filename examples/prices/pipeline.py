"""The same pipeline in Python: `python pipeline.py` runs it, and so does `magnus execute pipeline.py`."""

import prices

from magnus import Catalog, Map, Pipeline, PythonTask, ShellTask, metric

fit = PythonTask(prices.fit, returns=["lines", metric("error")], catalog=Catalog(get=["prices.csv"]))
report = 'echo "best rate $best_rate, 100 m2 cost $price_of_100_m2" | tee report.txt'
pipeline = Pipeline(
    name="prices",
    steps=[
        PythonTask(prices.load, catalog=Catalog(put=["prices.csv"])),
        Map("each rate", fit, iterate_on="rates", iterate_as="rate"),
        PythonTask(prices.choose),
        ShellTask("report", report, catalog=Catalog(put=["report.txt"])),
    ],
)

if __name__ == "__main__":
    run = pipeline.execute(parameters={"epochs": 100})
    print(run.parameters["best_rate"], run.parameters["error"])
