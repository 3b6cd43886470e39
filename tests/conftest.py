"""What the Python tests share: where things are, and how the engine's command line is called."""
import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


SANITIZER = os.environ.get("RLE_SANITIZER")  # asan or tsan: `rle` is built with it, and many times slower


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too (make test-full)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than some seconds; left out without --slow")
    config.addinivalue_line("markers", "no_sanitizer(reason): not run by make test-asan and make test-tsan")


def pytest_collection_modifyitems(config, items):
    if SANITIZER:
        only_what_a_sanitizer_can_see(config, items)
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow: runs with --slow (make test-full)"))


def only_what_a_sanitizer_can_see(config, items):
    """Tests that never call `rle` are left out silently; those marked no_sanitizer are skipped with their reason."""
    blind = [item for item in items if not {"rle", "rle_program"} & set(item.fixturenames)]
    config.hook.pytest_deselected(items=blind)
    items[:] = [item for item in items if item not in blind]
    for item in items:
        for mark in item.iter_markers("no_sanitizer"):
            item.add_marker(pytest.mark.skip(reason=f"under {SANITIZER}: {mark.args[0]}"))


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
        seconds = timeout * 10 if SANITIZER else timeout
        return subprocess.run([rle_program, *map(str, args)], cwd=cwd, timeout=seconds, text=True, capture_output=True,
                              env={**os.environ, **(env or {})}, check=False)

    return call
