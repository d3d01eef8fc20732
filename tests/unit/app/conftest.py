"""What the tests of the use cases share."""

import pytest
from orphans import Orphans

from magnus.app.composition import plugins


@pytest.fixture
def orphans(monkeypatch):
    """The executor `orphans`, whose jobs outlive the process of their run."""
    monkeypatch.setitem(plugins.BUILT_IN["executor"], "orphans", "orphans:Orphans")
    Orphans.reset()
    return Orphans
