"""Runs of features, and `--update-features`, with which what they found is written to the page."""

import pytest

pytest.register_assert_rewrite("rows", "project")

import engines  # noqa: E402 - its neighbours are rewritten first
import object_servers  # noqa: E402
import page  # noqa: E402
import postgresql  # noqa: E402
import slurm_cluster  # noqa: E402
from cells import all_cells  # noqa: E402
from rows import ALL  # noqa: E402

assert ALL  # the rows are there in the process that writes the page, too


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory):
    """The address of a server of S3, with the bucket `tests`."""
    with object_servers.moto(tmp_path_factory.mktemp("moto")) as address:
        object_servers.make_bucket(address, "tests")
        yield address


@pytest.fixture
def s3_endpoint(moto_server, monkeypatch):
    """The variables by which a project reaches the server."""
    monkeypatch.setenv("MAGNUS_VAR_S3_ENDPOINT", moto_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-key")


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server."""
    with postgresql.running() as server:
        yield server


@pytest.fixture
def database_url(postgresql_server, monkeypatch):
    """The variable by which a project reaches tables of its own."""
    with postgresql.new_schema(postgresql_server) as url:
        monkeypatch.setenv("MAGNUS_VAR_DATABASE_URL", url)
        yield


@pytest.fixture(scope="session")
def slurm():
    """A cluster of Slurm."""
    with slurm_cluster.running() as cluster:
        yield cluster


@pytest.fixture
def slurm_commands(slurm, monkeypatch):
    """The variables by which commands reach it; no job is left behind."""
    for name, value in slurm.environment.items():
        monkeypatch.setenv(name, value)
    yield
    slurm.until(lambda: not slurm.jobs())


FOUND = pytest.StashKey[page.Cells]()


def pytest_configure(config):
    config.stash[FOUND] = {}
    config.pluginmanager.register(_Collected(config), "features")


class _Collected:
    """Collects what tests found, where all reports come together."""

    def __init__(self, config):
        self.config = config

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            cells = (value for name, value in report.user_properties if name == "cell")
            self.config.stash[FOUND].update({tuple(cell[:3]): cell[3] for cell in cells})

    def pytest_sessionfinish(self, session):
        if self.config.getoption("--update-features") and not hasattr(self.config, "workerinput"):
            found = self.config.stash[FOUND]
            missing = [cell for cell in all_cells(engines.ENGINES) if cell not in found]
            if missing:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
                print(f"\nthe page stays as it is: of {len(missing)} cells no test found anything, first {missing[0]}")
            else:
                page.PAGE.write_text(
                    page.written({cell: found[cell] for cell in all_cells(engines.ENGINES)}, engines.ENGINES)
                )
