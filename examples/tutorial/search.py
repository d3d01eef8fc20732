"""The search for the best setting, and the model that is trained with it."""

import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import cross_val_score


def evaluate(training: pd.DataFrame, setting: dict) -> float:
    """The mean absolute error of a setting, cross-validated."""
    model = GradientBoostingRegressor(**setting, random_state=0)
    scores = cross_val_score(model, *apart(training), scoring="neg_mean_absolute_error")
    return round(-scores.mean(), 2)


def choose(settings: list[dict], error: list[float]) -> dict:
    smallest = min(error)
    return {"best": settings[error.index(smallest)], "smallest_error": smallest}


def train(training: pd.DataFrame, best: dict) -> GradientBoostingRegressor:
    return GradientBoostingRegressor(**best, random_state=0).fit(*apart(training))


def apart(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """The features, and the progression."""
    return table.drop(columns="progression"), table["progression"]
