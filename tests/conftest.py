"""What the Python tests share: where things are, and how the engine's command line is called."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too (make test-full)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than some seconds; left out without --slow")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: runs with --slow (make test-full)"))


@pytest.fixture(scope="session")
def root():
    """The repository's folder."""
    return ROOT


@pytest.fixture(scope="session")
def build_folder():
    """build/release, or what RLE_BUILD names."""
    return Path(os.environ.get("RLE_BUILD", ROOT / "build/release")).resolve()


@pytest.fixture(scope="session")
def rle_program(build_folder):
    """Path of the built `rle`."""
    program = build_folder / "rle"
    if not program.exists():
        pytest.fail(f"{program} is not there: run make build first")
    return program


@pytest.fixture
def rle(rle_program, tmp_path):
    """Calls `rle ARGS...` in an empty folder; returns the CompletedProcess (returncode, stdout, stderr as text)."""

    def call(*args, cwd=tmp_path, timeout=300, env=None):
        return subprocess.run([rle_program, *map(str, args)], cwd=cwd, timeout=timeout, text=True, capture_output=True,
                              env={**os.environ, **(env or {})}, check=False)

    return call
