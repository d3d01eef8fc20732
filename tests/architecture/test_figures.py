"""The table of the documentation is the one that the measured values give."""

import importlib.util
from pathlib import Path

TABLE = Path(__file__).parents[2] / "benchmarks" / "table.py"


def test_the_table_of_the_page_is_made_of_the_results():
    specification = importlib.util.spec_from_file_location("table", TABLE)
    table = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(table)
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.page_with(table.kept(), page) == page
