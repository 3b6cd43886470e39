"""The package on the built engine: LocalConnector() starts it, jobs train and predict, and every argument shows in what comes out."""

import json
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest

pytestmark = pytest.mark.no_sanitizer("it measures the package; the host's own tests run under it")
SMALL = {"n_epochs": 3, "channels": 8, "fanouts": [4, 4], "train_batch_size": 16, "engine_options": {"encoder_blocks": 1}}


@pytest.fixture
def local(real_state, school):
    """Tables, tasks and datasets on a host that LocalConnector() started."""
    from sdk_objects import Objects
    from relationalai_gnns import LocalConnector

    return Objects(LocalConnector(), school)


@pytest.fixture
def output(tmp_path):
    from relationalai_gnns import OutputConfig

    return OutputConfig.local(str(tmp_path / "out"))


def levels(local):
    return local.dataset(local.task(task_type="multiclass_classification", target_column="level"))


def endless(local):
    trainer = local.trainer(**{**SMALL, "n_epochs": 1_000_000, "patience": None})
    job = trainer.fit(local.dataset())
    until = time.monotonic() + 60
    while job.get_status()["progress"] is None and time.monotonic() < until:
        time.sleep(0.1)
    return job


def test_a_model_is_trained_and_predicts(local, output, tmp_path):
    job = local.trainer(**SMALL).fit(local.dataset()).wait()
    assert {"best_epoch", "epochs", "seconds", "validation_metrics"} <= set(job.result) and "roc_auc" in job.result.validation_metrics
    assert (job.result.metric, job.result.stopped_early) == ("roc_auc", False) and job.result.parameters > 0
    assert [b["labels"] for b in job.result.validation_baselines] == ["train"] * len(job.result.validation_baselines) != []
    assert all("roc_auc" in b["metrics"] for b in job.result.validation_baselines) and "test_baselines" not in job.result
    inference = local.trainer(**SMALL).predict("first", output, dataset=local.dataset(), model_run_id=job.model_run_id).wait()
    table = inference.predictions()
    assert table.num_rows == 20 and table["studentId"].to_pylist() == list(range(40, 60))
    assert table.column_names == ["studentId", "label", "predicted_label", "predicted_prob"]  # not what else the test table has
    assert (tmp_path / "out/PREDICTIONS_FIRST.parquet").exists() and inference.model_run_id == job.model_run_id
    assert "<svg" in job._repr_html_()


def test_inferred_dtypes(local):
    students = local.students()
    assert {c.name: str(c.dtype) for c in students.columns}["name"] == "text" and students.rows == 60
    assert {c.name: str(c.dtype) for c in local.table("P", "purchases", primary_key="article_id").columns}["at"] == "datetime"


def test_a_job_gives_what_the_command_line_gives(local, output, rle, tmp_path):
    import pyarrow.parquet as pq
    from relationalai_gnns._spec import job_specification

    trainer = local.trainer(**SMALL)
    ours = trainer.fit_predict(local.dataset(), "A", output).wait().predictions()
    spec = job_specification(local.dataset(), trainer.config, ("train", "validation", "test"))
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    assert rle("fit", tmp_path / "spec.json", "--model", tmp_path / "model").returncode == 0
    done = rle("predict", tmp_path / "spec.json", "--model", tmp_path / "model", "--output", tmp_path / "p.parquet")
    assert done.returncode == 0, done.stderr
    assert ours.equals(pq.read_table(tmp_path / "p.parquet"))


def test_flatten_output_makes_a_column_a_class(local, output):
    trainer = local.trainer(**SMALL)
    job = trainer.fit_predict(levels(local), "LISTS", output, materialize_results=True)
    lists = job.predictions()
    flat = trainer.predict(
        "FLAT", output, dataset=levels(local), model_run_id=job.model_run_id, flatten_output=True, materialize_results=True
    ).predictions()
    assert "predicted_probs" in lists.column_names
    assert {"prob_high", "prob_low", "prob_middle"} <= set(flat.column_names) and "predicted_probs" not in flat.column_names
    assert [row[0] for row in lists["predicted_probs"].to_pylist()] == pytest.approx(flat["prob_high"].to_pylist())


def test_compute_test_metrics_and_materialize_results(local, output):
    trainer = local.trainer(**SMALL)
    with_metrics = trainer.fit_predict(local.dataset(), "A", output, compute_test_metrics=True, materialize_results=True)
    assert with_metrics.get_status()["state"] == "COMPLETED" and 0 <= with_metrics.result.test_metrics["roc_auc"] <= 1
    without = trainer.predict("B", output, dataset=local.dataset(), model_run_id=with_metrics.model_run_id).wait()
    assert not without.result.get("test_metrics")


def test_overwrite_results_replaces_an_output(local, output, tmp_path):
    from relationalai_gnns import GNNError, OutputConfig

    trainer = local.trainer(**SMALL)
    run = trainer.fit_predict(local.dataset(), "A", output).wait().model_run_id
    written = tmp_path / "out/PREDICTIONS_A.parquet"
    before = (written.stat().st_ino, written.stat().st_mtime_ns)
    with pytest.raises(GNNError, match="(?i)exists|already"):
        trainer.predict("a", output, dataset=local.dataset(), model_run_id=run).wait()
    assert (written.stat().st_ino, written.stat().st_mtime_ns) == before
    trainer.predict("a", output, dataset=local.dataset(), model_run_id=run, overwrite_results=True).wait()
    assert (written.stat().st_ino, written.stat().st_mtime_ns) != before
    database = OutputConfig.duckdb(str(tmp_path / "p.duckdb"), schema="results")
    trainer.predict("A", database, dataset=local.dataset(), model_run_id=run).wait()
    with pytest.raises(GNNError, match="(?i)exists|already"):
        trainer.predict("A", database, dataset=local.dataset(), model_run_id=run).wait()
    trainer.predict("A", database, dataset=local.dataset(), model_run_id=run, overwrite_results=True).wait()


@pytest.mark.parametrize("kind", ["csv", "duckdb"])
def test_predictions_are_fetched_from_every_output(local, tmp_path, kind):
    from relationalai_gnns import OutputConfig

    target = OutputConfig.local(str(tmp_path), "csv") if kind == "csv" else OutputConfig.duckdb(str(tmp_path / "p.duckdb"))
    job = local.trainer(**SMALL).fit_predict(local.dataset(), "A", target, extract_embeddings=True).wait()
    assert job.predictions().num_rows == 20 and job.get_status()["outputs"][0]["rows"] == 20
    embeddings = job.embeddings("Students")
    assert embeddings["studentId"].to_pylist() == job.predictions()["studentId"].to_pylist()
    assert str(embeddings.schema.field("embedding").type.value_type) == "float"
    assert {len(vector) for vector in embeddings["embedding"].to_pylist()} == {SMALL["channels"]}


def test_tables_from_every_source(local, output, school):
    from relationalai_gnns import ForeignKey, GNNTable

    keys = [ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")]
    takes = GNNTable(local.connector, f"{school}/takes/*.csv", "Takes", foreign_keys=keys)
    classes = GNNTable(local.connector, f"{school}/school.duckdb::uni.classes", "Classes", primary_key="classId")
    dataset = local.dataset(tables=[local.students(), classes, takes])
    assert local.trainer(**SMALL).fit_predict(dataset, "A", output).wait().predictions().num_rows == 20


def test_a_gpu_that_is_not_there_is_warned_of_once(local):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        job = local.trainer(**SMALL, device="cuda").fit(local.dataset()).wait()
        status = job.get_status()
    assert len([w for w in caught if "cuda" in str(w.message)]) == 1
    assert status["device"] == {"requested": "cuda", "used": "cpu"}


def test_what_the_host_refuses_is_a_typed_error(local, output, tmp_path):
    from relationalai_gnns import GNNTable, ValidationError

    with pytest.raises(ValidationError, match="absent.parquet"):
        GNNTable(local.connector, str(tmp_path / "absent.parquet"), "A")
    with pytest.raises(ValidationError, match="T_max"):
        local.trainer(**{**SMALL, "engine_options": {"lr_schedule": "constant"}}, T_max=5).fit(local.dataset())
    with pytest.raises(ValidationError, match="(?i)model"):
        local.trainer().predict("A", output, dataset=local.dataset(), model_run_id="01bbe3b2-0205-0e72-001d-f987ec094ee2")


def test_results_are_documented_whole(local, root):
    from relationalai_gnns import JobMonitor, JobResult

    result = local.trainer(**SMALL).fit(local.dataset()).wait().result
    page = (root / "docs/sdk.md").read_text()
    shown = next(line for line in page.splitlines() if line.startswith("result = train_job.result"))
    told = next(line for line in (root / "docs/host.md").read_text().splitlines() if line.startswith('"result": {"best_epoch"'))
    for key in result:
        assert key in JobResult.__doc__ and key in JobMonitor.result.__doc__ and f'"{key}"' in told
        assert f'"{key}"' in shown or f"`{key}`" in page


@pytest.mark.parametrize("with_dataset", [True, False])
def test_a_model_run_id_without_a_model_is_named_with_what_to_do(local, output, with_dataset):
    from relationalai_gnns import ValidationError

    data = {"dataset": local.dataset()} if with_dataset else {"test_table": local.source("test")}
    running = endless(local)
    for run_id, text in (
        ("nope", 'got "nope": the host has no such job\nGive .* wait()'),
        ("01bbe3b2-0205-0e72-001d-f987ec094ee2", "the host has no such job\nGive .* wait()"),
        (running.job_id, f'job "{running.job_id}" is RUNNING: only .*\nGive .* wait()'),
    ):
        with pytest.raises(ValidationError, match=f"model_run_id: .*{text}") as error:
            local.trainer().predict("A", output, model_run_id=run_id, **data)
        assert error.value.field == "model_run_id"
    running.cancel()


def test_an_output_folder_that_is_a_file_is_told_by_its_argument(local, tmp_path):
    from relationalai_gnns import OutputConfig, ValidationError

    (tmp_path / "taken").write_text("a file")
    for output, argument, advice in (
        (OutputConfig.local(str(tmp_path / "taken")), "artifacts_dir", "Name a folder"),
        (OutputConfig.duckdb(str(tmp_path / "taken/p.duckdb")), "database", "Name a file in a folder"),
    ):
        with pytest.raises(ValidationError, match=f"{argument}: expected a .*, got .*taken.* is not a folder\n{advice}") as error:
            local.trainer(**SMALL).fit_predict(local.dataset(), "A", output)
        assert error.value.field == argument


def test_a_database_that_is_none_is_no_output_that_is_there(local, tmp_path):
    from relationalai_gnns import ConflictError, OutputConfig, ValidationError

    (tmp_path / "notes.duckdb").write_text("no database, but longer than any header of one. " * 100)
    with pytest.raises(ValidationError, match="cannot be read as a DuckDB database") as error:
        local.trainer(**SMALL).fit_predict(local.dataset(), "A", OutputConfig.duckdb(str(tmp_path / "notes.duckdb")))
    assert not isinstance(error.value, ConflictError)


def test_test_metrics_without_labels_are_refused_with_what_to_do(local, output):
    from relationalai_gnns import ValidationError

    needs = "has no column 'label'.*\ncompute_test_metrics=True needs the label column in the test table: leave the option out, or add the column"
    sources = {"train": local.source("train"), "validation": local.source("validation"), "test": local.source("students")}
    dataset = local.dataset(local.task(task_data_source=sources))
    trainer = local.trainer(**SMALL)
    job = trainer.fit_predict(dataset, "A", output).wait()
    for call in (
        lambda: trainer.fit_predict(dataset, "B", output, compute_test_metrics=True),
        lambda: trainer.predict("C", output, dataset=dataset, model_run_id=job.model_run_id, compute_test_metrics=True),
    ):
        with pytest.raises(ValidationError, match=needs):
            call()
    keyless = local.dataset(local.task(task_data_source={**sources, "test": local.source("articles")}))
    with pytest.raises(ValidationError) as error:
        trainer.fit_predict(keyless, "D", output)
    assert "compute_test_metrics" not in str(error.value)


def test_defaults_that_are_written_out_are_taken(local):
    from relationalai_gnns import ValidationError

    for dataset in (local.dataset(), local.shop()):
        assert local.trainer(**SMALL, clamp_min=0, clamp_max=100, num_negative=10).fit(dataset).wait().result.epochs == 3
    for refused in ({"clamp_max": 99}, {"num_negative": 20}):
        with pytest.raises(ValidationError, match=f"config.{next(iter(refused))}"):
            local.trainer(**SMALL, **refused).fit(local.dataset())


def test_links_have_embeddings_of_both_tables(local, output, tmp_path):
    job = local.trainer(**SMALL).fit_predict(local.shop(), "A", output, extract_embeddings=True).wait()
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "PREDICTIONS_A.parquet", "EMBEDDINGS_CUSTOMER_ID_A.parquet", "EMBEDDINGS_ARTICLE_ID_A.parquet"
    }
    entities, targets = job.embeddings("customers"), job.embeddings("article_id")
    assert entities["customer_id"].to_pylist() == job.predictions()["customer_id"].to_pylist()
    assert targets.column_names == ["article_id", "timestamp", "embedding"]
    assert sorted(targets["article_id"].to_pylist()) == list(range(10))  # all articles at the one time of the test table


def test_align_dtypes_takes_those_of_the_model(local, output):
    from relationalai_gnns import ColumnDType, ValidationError

    job = local.trainer(**SMALL).fit(local.dataset()).wait()
    other = local.dataset()
    column = next(c for c in other.tables[0].columns if c.name not in other.tables[0].keys() and c.dtype is ColumnDType.integer_t)
    other.tables[0].update_column_dtype(column.name, ColumnDType.category_t)
    arguments = {"dataset": other, "model_run_id": job.model_run_id}
    with pytest.raises(ValidationError, match=f"column '{column.name}' is declared category, and the model was trained with integer"):
        local.trainer().predict("A", output, **arguments)
    with pytest.warns(UserWarning, match="read as integer"):
        aligned = local.trainer().predict("A", output, align_dtypes=True, **arguments).wait()
    plain = local.trainer().predict("B", output, dataset=local.dataset(), model_run_id=job.model_run_id).wait()
    assert aligned.predictions("arrow").equals(plain.predictions("arrow"))


def test_a_column_that_is_taken_out_after_training_is_told(local, output):
    from relationalai_gnns import ColumnDType

    job = local.trainer(**SMALL).fit(local.dataset()).wait()
    other = local.dataset()
    column = next(c.name for c in other.tables[0].columns if c.name not in other.tables[0].keys() and c.dtype is ColumnDType.integer_t)
    other.tables[0].remove_column(column)
    with pytest.warns(UserWarning, match=f"column '{column}' is left out, and the model was trained with it: it is read all the same"):
        local.trainer().predict("A", output, dataset=other, model_run_id=job.model_run_id).wait()


def test_a_model_of_another_kind_of_task_is_named(local, output):
    from relationalai_gnns import ValidationError

    links = local.trainer(**SMALL).fit(local.shop()).wait()
    nodes = local.trainer(**SMALL).fit(local.dataset()).wait()
    for model, dataset in ((links, local.dataset()), (nodes, local.shop())):
        with pytest.raises(ValidationError, match="the model was trained for another task.*type is"):
            local.trainer().predict("A", output, dataset=dataset, model_run_id=model.model_run_id)


def test_a_dataset_may_be_left_out(local, output):
    job = local.trainer(**SMALL).fit(local.dataset()).wait()
    whole = local.trainer().predict("WHOLE", output, dataset=local.dataset(), model_run_id=job.model_run_id).wait()
    short = local.trainer().predict("SHORT", output, test_table=local.source("test"), model_run_id=job.model_run_id,
                                    experiment_name=job.experiment_name).wait()
    assert short.predictions("arrow").equals(whole.predictions("arrow"))


def test_a_job_that_fails_is_a_typed_error(local, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from relationalai_gnns import JobFailedError

    pq.write_table(pa.table({"studentId": [0, 1, 2], "label": [1, 1, 1]}), tmp_path / "one_class.parquet")
    sources = {s: str(tmp_path / "one_class.parquet") if s != "test" else local.source("test") for s in ("train", "validation", "test")}
    with pytest.raises(JobFailedError, match="job .* failed: .*label"):
        local.trainer(**SMALL).fit(local.dataset(local.task(task_data_source=sources))).wait()


def test_cancel_and_the_queue(local, capsys):
    from relationalai_gnns import JobCanceledError, JobManager, JobMonitorError

    running = endless(local)
    queued = local.trainer(**SMALL).fit(local.dataset())
    assert queued.get_status()["state"] == "QUEUED" and queued.get_status()["queue_position"] is not None
    manager = JobManager(local.connector)
    assert [j["job_id"] for j in manager.show_jobs()][:2] == [queued.job_id, running.job_id]
    started = time.monotonic()
    running.cancel()
    with pytest.raises(JobCanceledError):
        running.wait(timeout=30)
    assert time.monotonic() - started < 10
    assert queued.wait(timeout=120).get_status()["state"] == "COMPLETED"
    with pytest.raises(JobMonitorError, match="COMPLETED"):
        queued.cancel()
    assert running.cancel()["status"] == "CANCELED"
    queued.stream_logs()
    assert capsys.readouterr().out.strip()


def test_a_host_that_is_killed_goes_on_with_the_job(local, real_state):
    settings = {**SMALL, "n_epochs": 1500, "patience": None, "engine_options": {"encoder_blocks": 1, "checkpoint_every_seconds": 0.2}}
    job = local.trainer(**settings).fit(local.dataset())
    until = time.monotonic() + 60
    while ((job.get_status()["progress"] or {}).get("epoch") or 0) < 50 and time.monotonic() < until:
        time.sleep(0.02)
    os.kill(json.loads((real_state / "host.json").read_text())["pid"], signal.SIGKILL)
    status = job.wait(timeout=300).get_status()  # a new host is started by the first call that finds none
    assert status["attempt"] == 2 and status["result"]["epochs"] == 1500


def test_a_table_to_predict_for_need_not_have_the_target(local, output, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"studentId": [3, 1]}), tmp_path / "who.parquet")
    trainer = local.trainer(**SMALL)
    run = trainer.fit(local.dataset()).wait().model_run_id
    only_test = local.dataset(local.task(task_data_source={"test": str(tmp_path / "who.parquet")}))
    table = trainer.predict("A", output, dataset=only_test, model_run_id=run).wait().predictions()
    assert table.column_names == ["studentId", "predicted_label", "predicted_prob"] and table["studentId"].to_pylist() == [3, 1]


@pytest.mark.parametrize("time_column,current_time", [("timestamp", True), ("timestamp", False), ("text_time", True)])
def test_times(local, output, time_column, current_time):
    from relationalai_gnns import Dataset, ForeignKey, NodeTask

    customers = local.table("customers", "customers", primary_key="customer_id", time_column="joined")
    bought = local.table("purchases", "purchases", time_column="at", foreign_keys=[ForeignKey("customer_id", "customers.customer_id")])
    task = NodeTask(
        local.connector,
        "spends",
        {s: local.source(f"link_{s}") for s in ("train", "validation", "test")},
        ForeignKey("customer_id", "customers.customer_id"),
        "regression",
        label_column="spent",
        time_column=time_column,
        current_time=current_time,
        column_dtypes={time_column: "datetime"},
    )
    dataset = Dataset(local.connector, "shop", [customers, bought], task)
    assert local.trainer(**SMALL).fit_predict(dataset, "A", output).wait().predictions()["predicted_value"].null_count == 0


def test_keys_of_every_kind(local):
    from relationalai_gnns import CandidateKey, ForeignKey

    keys = [ForeignKey("studentId", "Students.studentId", is_feature=True), ForeignKey("classId", "Classes.classId")]
    candidates = local.students(primary_key=None, candidate_keys=[CandidateKey("email", is_feature=True), CandidateKey("studentId")])
    for tables in (
        [local.students(), local.classes(), local.takes(type="edge")],
        [candidates, local.classes(), local.takes(foreign_keys=keys)],
    ):
        assert local.trainer(**SMALL).fit(local.dataset(tables=tables)).wait().result.epochs == 3


def test_processes_that_ask_at_once_end_with_one_host(real_state, root):
    ask = "from relationalai_gnns import LocalConnector; print(LocalConnector().endpoint_url)"
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    asking = [subprocess.Popen([sys.executable, "-c", ask], env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({p.communicate(timeout=60)[0] for p in asking}) == 1 and all(p.returncode == 0 for p in asking)


def test_engines(real_state, school):
    from sdk_objects import Objects
    from relationalai_gnns import ConflictError, GNNError, LocalConnector, Provider

    provider = Provider()
    assert provider.create_gnn("second", settings={"auto_suspend_mins": None})
    with pytest.raises(ConflictError):
        provider.create_gnn("SECOND")
    on_second = Objects(LocalConnector(engine_name="second"), school)
    assert on_second.trainer(**SMALL).fit(on_second.dataset()).wait().get_status()["engine"] == "second"
    assert provider.suspend_gnn("second") and provider.get_gnn("second")["state"] == "SUSPENDED"
    with pytest.raises(GNNError, match="(?i)suspended"):
        on_second.trainer(**SMALL).fit(on_second.dataset())
    assert provider.resume_gnn("second") and provider.delete_gnn("second") and provider.get_gnn("second") is None
    with pytest.raises(GNNError):
        provider.delete_gnn("default")


def test_a_wrong_token(local):
    from relationalai_gnns import AuthenticationError, LocalConnector

    with pytest.raises(AuthenticationError):
        LocalConnector(url=local.connector.endpoint_url, token="wrong")


INTERRUPTED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from sdk_objects import Objects
from pathlib import Path
from relationalai_gnns import LocalConnector
local = Objects(LocalConnector(), Path(sys.argv[2]))
job = local.trainer(n_epochs=1_000_000, patience=None, channels=8, fanouts=[4, 4]).fit(local.dataset())
print(job.job_id, flush=True)
job.wait()
"""


def test_a_ctrl_c_in_a_terminal_leaves_job_and_host_alone(real_state, root, school):
    from relationalai_gnns import JobManager, LocalConnector

    command = [sys.executable, "-c", INTERRUPTED, str(root / "tests/sdk"), str(school)]
    environment = {**os.environ, "PYTHONPATH": str(root / "python")}
    asking = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    job_id = asking.stdout.readline().strip()
    connector = LocalConnector()
    job = JobManager(connector).fetch_job(job_id)
    until = time.monotonic() + 60
    while job.get_status()["progress"] is None and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)
    os.killpg(asking.pid, signal.SIGINT)  # as a terminal does: to all that it started
    out, err = asking.communicate(timeout=30)
    assert asking.returncode != 0 and out == "", out
    assert err.splitlines()[-1] == f"KeyboardInterrupt: job {job_id} goes on; wait() waits for it again, cancel() stops it" and "recv_into" not in err
    assert job.get_status()["state"] == "RUNNING"
    assert job.cancel()["status"] in ("CANCELED", "RUNNING")
