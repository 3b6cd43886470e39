"""The package in a real Jupyter kernel: a job's summary with its curves, the bars of wait() as widgets and as text, and the stop button."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.no_sanitizer("it measures the package; the host's own tests run under it")]

TABLES = """
from relationalai_gnns import *
folder = {folder!r}
connector = LocalConnector()
source = lambda name: f"{{folder}}/{{name}}.parquet"
students = GNNTable(connector, source("students"), "Students", primary_key="studentId")
classes = GNNTable(connector, source("classes"), "Classes", primary_key="classId")
keys = [ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")]
takes = GNNTable(connector, source("students_take_class"), "Takes", foreign_keys=keys)
task = NodeTask(connector, "pass", {{s: source(s) for s in ("train", "validation", "test")}}, source_entity_column="studentId",
                source_entity_table="Students", target_column="label", task_type="binary_classification")
dataset = Dataset(connector, "school", [students, classes, takes], task)
trainer = lambda **more: Trainer(connector, TrainerConfig(connector, **{{"n_epochs": 3, "channels": 8, "fanouts": [4, 4], **more}}))
"""
STOP_BUTTON = """
import os, signal, threading
endless = trainer(n_epochs=1_000_000, patience=None).fit(dataset)
threading.Timer(3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
endless.wait()
"""


@pytest.fixture(scope="module")
def kernel(root):
    """The Python of a virtual environment with Jupyter's kernel; kept in build/ between runs."""
    sys.path.insert(0, str(root / "tools"))
    from notebooks import make_environment

    return make_environment()


@pytest.fixture
def notebook(kernel, real_state, root, school):
    """Runs cells after those that make the dataset; returns their outputs and the widgets."""

    def run(*cells, before=""):
        environment = {**os.environ, "PYTHONPATH": str(root / "python"), "PATH": f"{kernel.parent}:{os.environ['PATH']}"}
        done = subprocess.run([kernel, Path(__file__).parent / "run_notebook.py"], input=json.dumps([before + TABLES.format(folder=str(school)), *cells]),
                              capture_output=True, text=True, timeout=600, check=False, env=environment)
        assert done.returncode == 0, done.stderr[-3000:]
        told = json.loads(done.stdout)
        assert told["outputs"][0] == [], told["outputs"][0]
        return told["outputs"][1:], told["widgets"]

    return run


def texts(outputs, stream):
    return "".join(o["text"] for o in outputs if o["output_type"] == "stream" and o["name"] == stream)


def test_a_job_is_shown_with_its_curves_and_bars(notebook):
    (trained, shown, stopped, after), widgets = notebook(
        "train_job = trainer().fit(dataset)\ntrain_job.wait();", "train_job", STOP_BUTTON, "print(endless.get_status()['state'], endless.cancel()['status'])"
    )
    assert [o["output_type"] for o in trained if o["output_type"] == "error"] == []
    bars = [o for o in trained if "application/vnd.jupyter.widget-view+json" in o.get("data", {})]
    titles = [str(w.get("value", "")).replace("\u2007", " ") for w in widgets if w.get("_model_name") == "HTMLModel"]
    assert len(bars) >= 3 and any("epoch 3/3" in t for t in titles) and any("loss" in t and "roc_auc" in t for t in titles), titles
    (summary,) = [o["data"] for o in shown]
    html = summary["text/html"]
    assert "COMPLETED" in html and "<svg" in html and html.count("<polyline") == 2 and "best epoch" in html
    assert summary["text/plain"].startswith("JobMonitor(job_id=")
    (error,) = [o for o in stopped if o["output_type"] == "error"]
    assert error["ename"] == "KeyboardInterrupt" and "goes on; wait() waits for it again, cancel() stops it" in error["evalue"]
    assert texts(after, "stdout").split()[0] == "RUNNING"


def test_bars_are_text_where_there_are_no_widgets(notebook):
    (trained,), _ = notebook("trainer().fit(dataset).wait();", before="import sys\nsys.modules['ipywidgets'] = None\n")
    assert [o["output_type"] for o in trained if o["output_type"] == "error"] == []
    assert "epoch 3/3: 100%" in texts(trained, "stderr"), trained
