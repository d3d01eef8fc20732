"""Features: each group of measurements is worked on by itself."""

import numpy as np
import pandas as pd

COLUMNS = {
    "person": ["age", "sex"],
    "body": ["bmi", "bp"],
    "blood": ["s1", "s2", "s3", "s4", "s5", "s6"],
}


def build(patients: pd.DataFrame, group: str) -> pd.DataFrame:
    """The measurements of a group, and their logarithms."""
    measured = patients[COLUMNS[group]]
    print(f"{group}: {', '.join(measured.columns)}")
    return measured.join(np.log(measured).add_prefix("log_"))


def join(parts: list[pd.DataFrame], patients: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([*parts, patients["progression"]], axis=1)
