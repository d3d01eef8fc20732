"""The catalog `object-store` keeps its contract on servers of S3 and Azure."""

import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from object_servers import HASTY, ObjectPiece, faults, of_azure, of_s3

from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.object_stores.client import ObstoreObjects
from magnus.testing.keeping_catalog_contract import KeepingCatalogContract
from magnus.testing.maintained_catalog_contract import MaintainedCatalogContract

pytestmark = pytest.mark.xdist_group("moto")


class Aging(ObstoreObjects):
    """Objects that can be made to look older than they are; `ages` are the seconds, by key."""

    def __init__(self, location, ages):
        super().__init__(location, HASTY)
        self.ages = ages

    def __reduce__(self):
        return Aging, (self._location, self.ages)

    def make_old(self, seconds):
        for facts in super().list(".catalog"):
            self.ages[facts.key] = seconds

    def aged(self, facts):
        return replace(facts, modified=facts.modified - timedelta(seconds=self.ages.get(facts.key, 0)))

    def put(self, key, content):
        self.ages.pop(key, None)
        super().put(key, content)

    def upload(self, key, pieces):
        self.ages.pop(key, None)
        super().upload(key, pieces)

    def create(self, key, content):
        is_new = super().create(key, content)
        if is_new:
            self.ages.pop(key, None)
        return is_new

    def head(self, key):
        facts = super().head(key)
        return None if facts is None else self.aged(facts)

    def list(self, prefix):
        return map(self.aged, super().list(prefix))

    def list_direct(self, prefix):
        return [self.aged(facts) for facts in super().list_direct(prefix)]


def options_of(location, **options):
    return ObjectCatalogOptions(**msgspec.structs.asdict(location), **options)


def opened(location, ages=None, **options):
    return ObjectStoreCatalog(
        options_of(location, **options), Path.cwd(), Aging(location, {} if ages is None else ages)
    )


class OnAServer(KeepingCatalogContract, MaintainedCatalogContract):
    def pieces(self, catalog, data_hash):
        return [ObjectPiece(catalog._objects, layout.content(data_hash))]

    def make_old(self, catalog, seconds=2 * 24 * 3600):
        catalog._objects.make_old(seconds)

    @contextmanager
    def place(self):
        location, ages = self.location(), {}
        yield lambda: opened(location, ages)


@pytest.mark.slow
class TestOnS3(OnAServer):
    @pytest.fixture(autouse=True)
    def server(self, moto_server):
        self.address = moto_server

    def location(self):
        return of_s3(self.address, f"s3://tests/{uuid.uuid4()}/a catalog")


@pytest.mark.slow
@pytest.mark.xdist_group("azurite")
class TestOnAzure(OnAServer):
    @pytest.fixture(autouse=True)
    def server(self, azurite_server):
        self.address = azurite_server

    def location(self):
        return of_azure(self.address, f"az://tests/{uuid.uuid4()}")


@pytest.fixture
def proxy(moto_server):
    with faults(moto_server) as proxy:
        yield proxy
