"""Whether two globs may mean one file."""

import pytest

from magnus.engine.files.match_files import may_overlap


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a.csv", "a.csv", True),
        ("a.csv", "b.csv", False),
        ("*.csv", "a.csv", True),
        ("*.csv", "a.txt", False),
        ("*.csv", "data_*", True),
        ("*.csv", "*.txt", False),
        ("a*", "b*", False),
        ("data", "data/a.csv", True),
        ("data/*", "data/deep/a.csv", True),
        ("data/*.csv", "other/*.csv", False),
        ("**/*.csv", "data/deep/a.csv", True),
        ("**/*.csv", "a.csv", True),
        ("**/*.csv", "a.txt", True),  # which may be a folder
        ("**/*", "out/**/*", True),
        ("**/a/*.csv", "**/b.csv", True),
        ("**/*", ".hidden", False),
        ("*", ".hidden", False),
        (".hidden", ".hidden", True),
        ("[ab].csv", "a.csv", True),
    ],
)
def test_overlapping(one, other, overlap):
    assert may_overlap(one, other) is overlap
    assert may_overlap(other, one) is overlap
