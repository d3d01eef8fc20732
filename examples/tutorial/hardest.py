"""The patients whose progression the model misses most."""

import pandas as pd


def hardest(model, unseen: pd.DataFrame, count: int = 3) -> dict:
    expected = model.predict(unseen.drop(columns="progression"))
    misses = (unseen["progression"] - expected).abs().to_numpy()
    by_patient = {}
    for patient, miss in zip(unseen.index, misses, strict=True):
        by_patient[str(patient)] = round(float(miss), 1)
    worst = sorted(by_patient, key=by_patient.get, reverse=True)[:count]
    return {"hardest": {patient: by_patient[patient] for patient in worst}}
