"""What the tests of the Python package share: the package on the path, tables, a fake host, and the real one where it is built."""

import sys
from pathlib import Path

import pytest
from fake_host import FakeHost
from school import write
from sdk_objects import Objects, stop_host

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))


@pytest.fixture(scope="session")
def school(tmp_path_factory):
    """The folder of the tables."""
    return write(tmp_path_factory.mktemp("school") / "data")


@pytest.fixture
def host(tmp_path):
    """A fake host that runs, new for each test."""
    with FakeHost(tmp_path) as running:
        yield running


@pytest.fixture
def connector(host):
    """A connector to it."""
    from relationalai_gnns import LocalConnector

    return LocalConnector(url=host.url, token=host.token)


@pytest.fixture
def objects(connector, school):
    """Makes tables, tasks and datasets on the fake host."""
    return Objects(connector, school)


@pytest.fixture
def real_state(rle_program, tmp_path, monkeypatch):
    """An environment in which LocalConnector() starts the built `rle` on a state folder of its own; the host is ended afterwards."""
    monkeypatch.setenv("RLE_ENGINE", str(rle_program))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "state" / "gnn-rle"
    stop_host(tmp_path / "state" / "gnn-rle")
