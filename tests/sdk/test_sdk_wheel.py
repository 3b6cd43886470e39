"""The wheels: the one for any platform names the way to a host elsewhere; the one with the engine trains from an empty environment."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from sdk_objects import stop_host

pytestmark = pytest.mark.no_sanitizer("a library with a sanitizer needs a Python with it")

TRAIN = """
import sys
from relationalai_gnns import *
folder, out = sys.argv[1:]
connector = LocalConnector()
source = lambda name: f"{folder}/{name}.parquet"
students = GNNTable(connector, source("students"), "Students", primary_key="studentId")
classes = GNNTable(connector, source("classes"), "Classes", primary_key="classId")
keys = [ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")]
takes = GNNTable(connector, source("students_take_class"), "Takes", foreign_keys=keys)
task = NodeTask(connector, "pass", {s: source(s) for s in ("train", "validation", "test")}, source_entity_column="studentId",
                source_entity_table="Students", target_column="label", task_type="binary_classification")
config = TrainerConfig(connector, n_epochs=2, channels=8, fanouts=[4, 4])
job = Trainer(connector, config).fit_predict(Dataset(connector, "school", [students, classes, takes], task), "A", OutputConfig.local(out), materialize_results=True)
print(job.get_status()["outputs"][0]["rows"])
"""


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stderr
    return done.stdout


def fresh(folder):
    """An environment with only pip; returns its programs' folder and its variables, none of which name an engine."""
    venv.create(folder, with_pip=True)
    environment = {k: v for k, v in os.environ.items() if k not in ("RLE_ENGINE", "PYTHONPATH", "RLE_DUCKDB_LIBRARY", "RLE_TOKEN")}
    return folder / "bin", {**environment, "PATH": f"{folder}/bin:/usr/bin:/bin", "XDG_STATE_HOME": str(folder / "state")}


@pytest.fixture(scope="module")
def wheels(root, build_folder, tmp_path_factory):
    """The folder of the wheels."""
    out = tmp_path_factory.mktemp("wheels")
    run(sys.executable, root / "tools/make_wheels.py", "--out", out, "--engine", build_folder / "librle.so")
    return out


def test_the_wheel_for_any_platform(wheels, tmp_path):
    (wheel,) = wheels.glob("gnn_rle-*-py3-none-any.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"relationalai_gnns/py.typed", "relationalai_gnns/retail/__main__.py"} <= set(names)
    assert any(n.endswith("LICENSE") for n in names) and not any(n.endswith(".so") for n in names)
    programs, environment = fresh(tmp_path / "env")
    run(programs / "pip", "install", "-q", wheel, env=environment)
    script = "from relationalai_gnns import *\ntry: LocalConnector()\nexcept HostStartError as e: print(e)"
    said = run(programs / "python", "-c", script, env=environment, cwd=tmp_path)
    assert "comes without one" in said and "LocalConnector(url=..., token=...)" in said


def test_the_wheel_with_the_engine(wheels, school, root, tmp_path):
    """Installed into an empty environment it trains; then the quickstart, as a newcomer would."""
    (wheel,) = wheels.glob("*-py3-none-manylinux_2_35_x86_64.whl")
    assert wheel.stat().st_size < 30e6
    names = zipfile.ZipFile(wheel).namelist()
    assert [n for n in names if "gnn_rle.libs/libsqlite3" in n] and [n for n in names if n.endswith("licenses/libsqlite3-0.txt")]
    programs, environment = fresh(tmp_path / "env")
    run(programs / "pip", "install", "-q", f"{wheel}[retail]", env=environment)
    assert run(programs / "rle", "--version", env=environment, cwd=tmp_path).strip()
    try:
        assert run(programs / "python", "-c", TRAIN, school, tmp_path / "out", env=environment, cwd=tmp_path).strip() == "20"
        assert "test_metrics" in run(programs / "python", root / "examples/quickstart.py", env=environment, cwd=tmp_path)
        assert (tmp_path / "demo-output/PREDICTIONS_DRIVER_DNF.parquet").exists()
        run(programs / "python", "-m", "relationalai_gnns.retail", "retail", "--scale", "0.001", env=environment, cwd=tmp_path)
        assert "valid" in run(programs / "rle", "validate", "retail/purchases.yaml", env=environment, cwd=tmp_path)
    finally:
        stop_host(Path(environment["XDG_STATE_HOME"]) / "gnn-rle")
