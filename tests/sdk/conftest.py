"""What the tests of the Python package share: the package on the path, tables, a fake host, and the real one where it is built."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_host import FakeHost
from school import write

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


class Objects:
    """Short ways to what most tests need. Every keyword overrides an argument."""

    def __init__(self, connector, folder):
        self.connector, self.folder = connector, folder

    def source(self, name):
        return str(self.folder / f"{name}.parquet")

    def table(self, name, file, **more):
        from relationalai_gnns import GNNTable

        return GNNTable(connector=self.connector, name=name, source=self.source(file), **more)

    def students(self, **more):
        return self.table("Students", "students", **{"primary_key": "studentId", **more})

    def classes(self, **more):
        return self.table("Classes", "classes", **{"primary_key": "classId", **more})

    def takes(self, **more):
        from relationalai_gnns import ForeignKey

        keys = [ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")]
        return self.table("Takes", "students_take_class", **{"foreign_keys": keys, **more})

    def task(self, **more):
        from relationalai_gnns import NodeTask, TaskType

        given = {
            "name": "pass",
            "task_data_source": {s: self.source(s) for s in ("train", "validation", "test")},
            "source_entity_column": "studentId",
            "source_entity_table": "Students",
            "target_column": "label",
            "task_type": TaskType.BINARY_CLASSIFICATION,
            **more,
        }
        return NodeTask(connector=self.connector, **{k: v for k, v in given.items() if v is not ...})

    def dataset(self, task=None, tables=None, name="school"):
        from relationalai_gnns import Dataset

        return Dataset(self.connector, name, tables or [self.students(), self.classes(), self.takes()], task or self.task())

    def trainer(self, **config):
        from relationalai_gnns import Trainer, TrainerConfig

        return Trainer(self.connector, TrainerConfig(self.connector, **config))


def serve_program(build_folder):
    """The built `rle`, if it has the command serve; else the reason why there is no real host."""
    program = Path(os.environ.get("RLE_ENGINE") or build_folder / "rle")
    if not program.exists():
        return None, f"NO REAL HOST: {program} is not built"
    if subprocess.run([program, "serve", "--help"], capture_output=True, check=False).returncode != 0:
        return None, f"NO REAL HOST: {program} has no `serve`"
    return program, ""


@pytest.fixture
def real_state(build_folder, tmp_path, monkeypatch):
    """An environment in which LocalConnector() starts the built `rle` on a state folder of its own; the host is ended afterwards."""
    program, reason = serve_program(build_folder)
    if program is None:
        print(reason, file=sys.__stderr__)
        pytest.skip(reason)
    monkeypatch.setenv("RLE_ENGINE", str(program))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "state" / "gnn-rle"
    stop_host(tmp_path / "state" / "gnn-rle")


def stop_host(state):
    """Ends the host that host.json names, and waits until it is gone."""
    import contextlib
    import json
    import signal
    import time

    try:
        pid = json.loads((state / "host.json").read_text())["pid"]
        os.kill(pid, signal.SIGTERM)
        for _ in range(300):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            os.kill(pid, 0)
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError, KeyError):
        pass
