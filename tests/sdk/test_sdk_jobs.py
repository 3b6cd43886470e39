"""Jobs: waiting, logs, interruption, results, predictions, warnings, the summary for notebooks, and JobManager."""

import threading
import time
import warnings
import xml.etree.ElementTree as ET

import pytest


@pytest.fixture
def job(objects):
    """A training that was sent."""
    return objects.trainer().fit(objects.dataset())


@pytest.fixture
def held(objects, host):
    """A training that stays RUNNING until host.hold is cleared."""
    host.hold.set()
    return objects.trainer().fit(objects.dataset())


def test_wait_shows_a_bar_an_epoch_and_returns_the_job(job, capsys):
    assert job.wait() is job
    shown = capsys.readouterr().err
    assert "epoch 1/3" in shown and "epoch 3/3" in shown and "loss 0.3333, roc_auc 0.8, best so far" in shown and "2/2" in shown
    assert job.model_run_id == job.job_id and job.job_type == "fit"
    assert job.result["validation_metrics"] == {"roc_auc": 0.8} and job.result.best_epoch == 3 and {"epochs", "seconds"} <= set(job.result)
    with pytest.raises(AttributeError, match='no "test_metrics"'):
        job.result.test_metrics


def test_before_the_end_there_is_no_result(held):
    from relationalai_gnns import JobMonitorError

    for what in ("model_run_id", "result"):
        with pytest.raises(JobMonitorError, match=f"there is a {what} when it has ended\nwait\\(\\) waits for it"):
            getattr(held, what)


def test_wait_with_a_timeout(held, host):
    from relationalai_gnns import JobTimeoutError, ValidationError

    started = time.monotonic()
    with pytest.raises(JobTimeoutError, match="has not ended in time; it goes on") as error:
        held.wait(timeout=0.5)
    assert time.monotonic() - started < 2 and isinstance(error.value, TimeoutError)
    assert held.get_status()["state"] == "RUNNING"
    with pytest.raises(ValidationError, match="timeout"):
        held.wait(timeout=-1)
    host.hold.clear()
    held.wait()


def test_status_has_the_published_names_too(job):
    job.wait()
    status = job.get_status()
    assert status["job_id"] == status["id"] == job.job_id and status["status"] == status["state"] == "COMPLETED"
    assert job.experiment_name == "school/binary_classification/pass"


def test_logs_are_printed_with_bars(job, capsys):
    job.stream_logs(num_retries=1, retry_delay=0.1)
    captured = capsys.readouterr()
    assert "reading tables" in captured.out and "RUNNING" in captured.out and "epoch 3/3" in captured.err
    job.stream_logs()  # from the first line again
    assert "reading tables" in capsys.readouterr().out


def test_a_stream_that_breaks_goes_on_where_it_was(host, objects, capsys):
    host.cut_streams = 3
    job = objects.trainer().fit(objects.dataset())
    job.wait()
    assert [e["epoch"] for e in job._epochs] == [1, 2, 3] and host.cut_streams == 0
    assert capsys.readouterr().err.count("epoch 1/3: 100%") >= 1


def test_a_host_that_ends_while_waiting_is_told(held, host):
    from relationalai_gnns import ConnectionError

    threading.Timer(0.3, host.kill).start()
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        held.wait()
    assert time.monotonic() - started < 10


def test_an_interrupt_leaves_the_job_alone(held, host, monkeypatch):
    from relationalai_gnns import _events

    def interrupted(*ignored, **more):
        yield {"seq": 1, "type": "progress", "epoch": 1, "epochs": 3, "step": 1, "steps": 2, "loss": 1.0}
        raise KeyboardInterrupt

    monkeypatch.setattr(_events, "follow", interrupted)
    for call in (held.wait, held.stream_logs):
        with pytest.raises(KeyboardInterrupt, match="goes on; wait\\(\\) waits for it again, cancel\\(\\) stops it"):
            call()
    assert held.get_status()["state"] == "RUNNING"
    assert not [r for r in host.requests if r[1].endswith("/cancel")]


def test_cancel(held, host, job):
    from relationalai_gnns import JobCanceledError, JobMonitorError

    assert held.cancel()["status"] == "CANCELED"
    assert held.cancel()["status"] == "CANCELED"
    with pytest.raises(JobCanceledError, match="was canceled"):
        held.wait()
    host.hold.clear()
    job.wait()
    with pytest.raises(JobMonitorError, match="is COMPLETED: it can't be canceled"):
        job.cancel()


@pytest.mark.parametrize(
    "name,kind,builtin",
    [
        ("data", "JobDataError", ValueError),
        ("io", "JobIOError", OSError),
        ("numeric", "JobNumericError", ArithmeticError),
        ("killed", "JobKilledError", RuntimeError),
        ("out-of-memory", "JobMemoryError", MemoryError),
        ("lost-credentials", "JobCredentialsError", PermissionError),
        ("internal", "JobFailedError", RuntimeError),
    ],
)
def test_a_failure_is_a_typed_error(objects, host, name, kind, builtin):
    import relationalai_gnns

    host.fail_next = name
    job = objects.trainer().fit(objects.dataset())
    for call in (job.wait, job.stream_logs, lambda: job.result, lambda: job.model_run_id):
        with pytest.raises(getattr(relationalai_gnns, kind), match=f"job {job.job_id} failed: it failed by {name}") as error:
            call()
        assert (
            isinstance(error.value, builtin)
            and isinstance(error.value, relationalai_gnns.JobMonitorError)
            and isinstance(error.value, relationalai_gnns.GNNError)
        )


def test_a_warning_of_a_job_is_given_once(objects):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        job = objects.trainer(device="cuda").fit(objects.dataset()).wait()
        job.get_status()
    assert [str(w.message) for w in caught if "cuda" in str(w.message)] == [
        f"job {job.job_id}: device cuda was asked for, this engine has cpu: the job runs there"
    ]


def test_predictions(objects, tmp_path, monkeypatch):
    from relationalai_gnns import JobMonitorError, MissingPackageError, OutputConfig, ValidationError

    trained = objects.trainer().fit(objects.dataset()).wait()
    job = objects.trainer().predict("A", OutputConfig.local(str(tmp_path)), dataset=objects.dataset(), model_run_id=trained.model_run_id)
    table = job.wait().predictions()
    assert (
        table.column_names[0] == "studentId" and table.column_names[-2:] == ["predicted_label", "predicted_prob"] and table.num_rows == 20
    )
    for package in ("pandas", "polars"):
        pytest.importorskip(package)
        frame = job.predictions(format=package)
        assert list(frame.columns) == table.column_names and len(frame) == 20
    with pytest.raises(ValidationError, match='format: expected one of "arrow", "pandas", "polars", got "panda". Did you mean "pandas"'):
        job.predictions(format="panda")
    with pytest.raises(JobMonitorError, match="trains only: it has no predictions"):
        trained.predictions()
    monkeypatch.setitem(__import__("sys").modules, "polars", None)
    with pytest.raises(MissingPackageError, match="pip install polars"):
        job.predictions(format="polars")


def test_what_comes_later_is_refused_by_name(job):
    from relationalai_gnns import NotBuiltError, ValidationError

    for call, text in (
        (lambda: job.register_model("m"), "register_model\\(\\) is not built yet: it comes with the model registry part"),
        (lambda: job.registered_models, "model registry"),
    ):
        with pytest.raises(NotBuiltError, match=text):
            call()
    with pytest.raises(ValidationError, match="model_name"):
        job.register_model("a/b")
    with pytest.raises(ValidationError, match="overwrite_results: the job writes its output itself"):
        job.materialize_results(overwrite_results=True)
    assert job.materialize_results() is job


def test_the_summary_of_a_notebook(held, host):
    held.connector.client.get("/v1/host")
    time.sleep(0.2)
    running = held._repr_html_()
    assert "RUNNING" in running and "<svg" in running and "epoch" in running
    host.hold.clear()
    held.wait()
    html = held._repr_html_()
    ET.fromstring(html)  # well-formed
    assert (
        "COMPLETED" in html
        and "best epoch" in html
        and "roc_auc 0.8" in html
        and html.count("<polyline") == 2
        and html.count("<circle") == 6
    )


def test_the_summary_escapes_what_it_is_told():
    from relationalai_gnns._summary import job_html

    html = job_html(
        {
            "id": "<b>",
            "state": "FAILED",
            "kind": "fit",
            "error": {"detail": "<script>"},
            "warnings": ["a & b"],
            "outputs": [{"role": "<i>", "path": "x", "rows": 1}],
        },
        [],
    )
    assert "<script>" not in html and "<i>" not in html and "&lt;b&gt;" in html and "a &amp; b" in html


def test_bars_of_a_job_whose_epochs_are_shorter_than_its_progress(capsys):
    from relationalai_gnns._progress import ProgressBars

    with ProgressBars(show_logs=False) as bars:
        for event in (
            {"type": "epoch", "epoch": 1, "epochs": 2, "loss": None, "validation": None},
            {"type": "scored", "done": 5, "rows": 10},
            {"type": "scored", "done": 10, "rows": 10},
            {"type": "log", "text": "not shown"},
            {"type": "device"},
            {"type": "of the future"},
        ):
            bars.show(event)
    captured = capsys.readouterr()
    assert "epoch 1/2" in captured.err and "scoring: 100%" in captured.err and "10/10" in captured.err and captured.out == ""


def test_each_scoring_has_a_bar_with_its_own_total(capsys):
    from relationalai_gnns._progress import ProgressBars

    with ProgressBars(show_logs=False) as bars:
        for done, rows in ((5, 10), (10, 10), (4, 7), (7, 7), (7, 7)):
            bars.show({"type": "scored", "done": done, "rows": rows})
    shown = capsys.readouterr().err
    assert [shown.count(f"100%|██████████| {rows}/{rows}") > 0 for rows in (10, 7)] == [True, True] and "7/10" not in shown and "10/7" not in shown
    assert len([line for line in shown.replace("\r", "\n").split("\n") if "7/7" in line and "scoring: 100%" in line]) >= 2, "equal sizes are two bars"


def test_the_manager_lists_fetches_and_cancels(objects, host, capsys):
    from relationalai_gnns import JobManager, JobManagerError, ValidationError

    done = objects.trainer().fit(objects.dataset()).wait()
    host.hold.set()
    running = objects.trainer().fit(objects.dataset())
    manager = JobManager(connector=objects.connector)
    capsys.readouterr()
    jobs = manager.show_jobs()
    shown = capsys.readouterr().out
    assert [j["job_id"] for j in jobs] == [running.job_id, done.job_id] and done.job_id in shown and "2026-01-02 03:04:05" in shown
    assert [j["job_id"] for j in manager.show_jobs(state="completed")] == [done.job_id]
    fetched = manager.fetch_job(done.job_id)
    assert fetched.model_run_id == done.job_id and fetched.job_type == "fit"
    assert manager.cancel_job(running.job_id)["status"] == "CANCELED"
    with pytest.raises(JobManagerError, match='there is no job "01bbe3b2"\nshow_jobs'):
        manager.fetch_job("01bbe3b2")
    with pytest.raises(ValidationError, match='state: expected one of "QUEUED"'):
        manager.show_jobs(state="DONE")
    with pytest.raises(ValidationError, match="connector"):
        JobManager("x")
