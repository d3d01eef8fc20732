"""The data: patients, and how far their diabetes progressed within a year."""

import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split


def load() -> pd.DataFrame:
    """Ten measurements of 442 patients, and the progression. scikit-learn brings the data."""
    table = load_diabetes(as_frame=True, scaled=False).frame
    return table.rename(columns={"target": "progression"})


def describe(patients: pd.DataFrame) -> dict:
    print(patients.describe().T[["mean", "min", "max"]].round(1))
    return {"rows": len(patients), "mean_progression": round(patients["progression"].mean(), 1)}


def split(features: pd.DataFrame, test_share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Patients to learn from, and patients that no model has seen."""
    training, unseen = train_test_split(features, test_size=test_share, random_state=0)
    return training, unseen
