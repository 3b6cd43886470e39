"""Published clients, unmodified, each in a virtual environment of its own, drive our host over v1alpha1 (docs/wire.md)."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.compute
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from host_process import HostProcess

pytestmark = pytest.mark.slow

VERSIONS = ["0.0.1", "0.1.9", "0.3.0"]
sys.path.insert(0, str(Path(__file__).parent / "clients"))
from f1_keys import KEYS  # noqa: E402

DRIVER = Path(__file__).parent / "clients/drive_public_client.py"


@pytest.fixture(scope="module", params=VERSIONS)
def client(request, root):
    """The Python of a virtual environment with that version; kept in build/ between runs."""
    folder = root / f"build/clients/{request.param}"
    python = folder / "bin/python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", f"relationalai-gnns=={request.param}"], check=True)
        (folder / "ready").touch()
    return request.param, python


@pytest.fixture(scope="module")
def host(rle_program, tmp_path_factory):
    with HostProcess(rle_program, tmp_path_factory.mktemp("host") / "state") as host:
        yield host


def write_pairs(lists, folder):
    """Label tables of links with lists as such with one row a pair: clients take a column of the key's own type."""
    folder.mkdir()
    for split in ("train", "validation", "test"):
        table = pq.read_table(lists / f"{split}.parquet")
        rows = pyarrow.compute.list_parent_indices(table["circuitId"].combine_chunks())
        pairs = table.drop_columns("circuitId").take(rows).append_column("circuitId", table["circuitId"].combine_chunks().flatten())
        pq.write_table(pairs, folder / f"{split}.parquet")


@pytest.fixture(scope="module")
def seen(client, host, root, tmp_path_factory):
    version, python = client
    output = tmp_path_factory.mktemp(f"out-{version}")
    write_pairs(root / "examples/f1/tasks/driver-circuit-compete", output / "links")
    run = subprocess.run([python, DRIVER, host.about["url"], host.token, root / "examples/f1", output], capture_output=True, text=True, timeout=600, check=False,
                         env={**os.environ, "COLUMNS": "200"})
    assert run.returncode == 0, run.stderr[-3000:] + run.stdout[-3000:]
    return version, json.loads(run.stdout.splitlines()[-1]), output


def test_all_keys_are_set_without_an_override(seen):
    _, outcome, _ = seen
    assert len(KEYS) == 9
    for table, (key, links, time_column) in KEYS.items():
        assert outcome[f"keys {table}"] == [[key], sorted(links), time_column]


def test_training_runs_and_is_told(seen):
    _, outcome, _ = seen
    assert outcome["fit"]["status"] == "COMPLETED", outcome["fit"]
    assert outcome["fit"]["job_type"] == "train"
    assert outcome["fit"]["result"]["validation_metrics"]["mae"] > 0
    assert outcome["experiment_name"] == "f1_regression_position"
    assert outcome["model_run_id"] == outcome["fit"]["job_id"]
    assert f"JOB_END:{outcome['fit']['job_id']}" in outcome["log"]
    assert "EPOCH_COMPLETE: epoch 2/2" in outcome["log"]


def test_a_progress_bar_is_drawn_by_the_clients_that_have_one(seen):
    version, outcome, _ = seen
    if version == "0.3.0":
        assert "Epoch 1/2" in outcome["bar"] and "loss=" in outcome["bar"]
        assert "TRAINING_PROGRESS" not in outcome["log"]


def test_predictions_are_written(seen, root):
    version, outcome, output = seen
    expected = pq.read_table(root / "examples/f1/tasks/driver-position/test.parquet")
    aliases = [("predict with dataset", "WITH_DATASET.parquet"), ("predict with test table", "WITH_TABLE.parquet"), ("fit_predict", "BOTH.csv")]
    for name, file in aliases:
        assert outcome[name]["status"] == "COMPLETED", outcome[name]
        path = output / f"PREDICTIONS_{file}"
        assert outcome[name]["export_paths"]["predictions"] == str(path)
        table = pq.read_table(path) if file.endswith("parquet") else pyarrow.csv.read_csv(path)
        assert table["driverId"].to_pylist() == expected["driverId"].to_pylist()
        assert table["predicted_value"].null_count == 0
    if version != "0.0.1":  # has no compute_test_metrics
        assert outcome["predict with dataset"]["result"]["test_metrics"]["mae"] > 0


def test_links_are_trained_and_predicted(seen):
    _, outcome, output = seen
    assert outcome["links"]["status"] == "COMPLETED", outcome["links"]
    table = pq.read_table(output / "PREDICTIONS_LINKS.parquet").to_pydict()
    assert [len(circuits) for circuits in table["predicted_circuitId"]] == [5] * len(set(zip(table["driverId"], table["date"])))


def test_errors_arrive_as_the_clients_own(seen):
    _, outcome, _ = seen
    assert "error" in outcome["wrong token"] and "token" in outcome["wrong token"]["text"].lower()
    assert outcome["no such table"]["error"] == "ValidationError" and "nowhere.parquet" in outcome["no such table"]["text"]
    assert outcome["bad config"]["error"] == "ValidationError" and "lr" in outcome["bad config"]["text"]
    assert outcome["register_model"]["error"] == "JobMonitorError" and "unsupported" in outcome["register_model"]["text"]
    assert "error" in outcome["same alias again"] and "PREDICTIONS_WITH_DATASET" in outcome["same alias again"]["text"]
    assert outcome["fetch no job"]["error"] == "JobManagerError"


def test_jobs_are_listed_and_canceled(seen):
    _, outcome, _ = seen
    assert [job["status"] for job in outcome["show_jobs"]["jobs"]], outcome["show_jobs"]
    assert outcome["cancel"] == "ok" and outcome["canceled"] == "CANCELED"
    assert outcome["fetch_job"] in ("train", "ok")
