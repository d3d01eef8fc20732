"""The catalog that does nothing, beyond what every catalog must do."""

from pathlib import Path

import pytest

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.graph.path import BranchPath
from magnus.interfaces.capabilities import Located
from magnus.interfaces.catalog import LogStore
from magnus.run_log.records import CatalogRecord

ROOT = BranchPath()


@pytest.fixture
def catalog(tmp_path):
    return DoNothingCatalog(DoNothingOptions(), tmp_path)


def test_what_is_put_is_not_even_looked_at(catalog, tmp_path):
    assert catalog.put("a-run", ROOT, tmp_path, ["missing", "/etc/passwd"], unchanged={}) == ()


def test_what_is_got_changes_nothing(catalog, tmp_path):
    entry = CatalogRecord("a", "a" * 64, "a-run/a", ".catalog", "put", 1)
    assert catalog.get("a-run", ROOT, [entry], tmp_path) == ()
    assert list(tmp_path.iterdir()) == []


def test_it_keeps_no_logs(catalog):
    assert not isinstance(catalog, LogStore)


def test_it_has_no_location(catalog):
    assert not isinstance(catalog, Located)


def test_it_has_no_options():
    with pytest.raises(WrongFields):
        read(DoNothingOptions, {"catalog_location": str(Path())})
