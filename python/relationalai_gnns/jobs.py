"""Jobs: one (JobMonitor), and all of a host (JobManager)."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Literal, Mapping, Optional, overload

from . import _check as check
from . import _events
from ._events import FINAL, Event
from ._http import segment
from ._progress import ProgressBars
from ._summary import job_html, short_time
from ._text import table_text
from .config import ExperimentConfig
from .connectors import Connector
from .errors import (
    ConflictError,
    GNNWarning,
    JobCanceledError,
    JobManagerError,
    JobMonitorError,
    JobTimeoutError,
    MissingPackageError,
    NotFoundError,
    ValidationError,
    from_job,
)

if TYPE_CHECKING:
    import pandas  # type: ignore[import-untyped,import-not-found,unused-ignore]
    import polars  # type: ignore[import-not-found,unused-ignore]
    import pyarrow  # type: ignore[import-untyped,import-not-found,unused-ignore]

STATES = ("QUEUED", "RUNNING", *FINAL)
_REGISTRY = "model registry"


class JobResult(dict[str, Any]):
    """What a job found: of a training best_epoch, epochs, seconds, metric (by which the best epoch was chosen), stopped_early (by patience),
    parameters (how many numbers the model has), validation_metrics and validation_baselines ([{"name", "labels", "metrics"}]: what is reached
    without a model); test_metrics and test_baselines where they were asked for. Keys are attributes as well."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f'the job\'s result has no "{name}"; it has {check.listed(self)}') from None


class JobHandler:
    """Base of what speaks with a host about jobs."""

    def __init__(self, connector: Connector) -> None:
        """connector: of the host."""
        self.connector = check.instance("connector", connector, Connector)

    def _told(self, job_id: str) -> dict[str, Any]:
        answer = self.connector.client.get(f"/v1/jobs/{segment(job_id)}")
        assert isinstance(answer, dict)
        return answer


class JobMonitor(JobHandler):
    """One job: its state, progress, result and output.

        QUEUED -> RUNNING -> COMPLETED | FAILED | CANCELED;  QUEUED -> CANCELED

    Attributes:
        job_id: of the host.
        job_type: "fit", "predict" or "fit_predict"; None: not asked yet.
    """

    def __init__(
        self, connector: Connector, job_id: str, job_type: Optional[str] = None, experiment_config: Optional[ExperimentConfig] = None
    ) -> None:
        """
        Args:
            connector: of the host that has the job.
            job_id: as the host told it.
            job_type: "fit", "predict" or "fit_predict".
            experiment_config: as of the TrainerConfig.
        """
        super().__init__(connector)
        self.job_id = check.text("job_id", job_id)
        self.job_type = job_type
        self.experiment_config = experiment_config
        self._warned: set[str] = set()
        self._epochs: list[Event] = []
        self._next_seq = 1

    # -- state ------------------------------------------------------------------------------------------------------------

    def get_status(self) -> dict[str, Any]:
        """The job as the host tells it now (docs/host.md), with its id also as "job_id" and its state also as "status".

        Raises:
            NotFoundError: the host has no such job.
            ConnectionError: the host can't be reached.
        """
        told = self._told(self.job_id)
        self.job_type = told.get("kind", self.job_type)
        for warning in told.get("warnings") or []:
            self._warn(warning)
        return {"job_id": told["id"], "status": told["state"], **told}

    def _warn(self, warning: Any) -> None:
        text = str(warning.get("text") or warning.get("detail") or warning) if isinstance(warning, dict) else str(warning)
        if text not in self._warned:
            self._warned.add(text)
            warnings.warn(f"job {self.job_id}: {text}", GNNWarning, stacklevel=4)

    def _ended(self, what: str) -> dict[str, Any]:
        """The job, if it is COMPLETED; else the error that tells why there is no `what`."""
        told = self.get_status()
        if told["state"] == "FAILED":
            raise from_job(self.job_id, told.get("error"))
        if told["state"] == "CANCELED":
            raise JobCanceledError(f"job {self.job_id} was canceled: it has no {what}", code=what)
        if told["state"] != "COMPLETED":
            raise JobMonitorError(
                f"job {self.job_id} is {told['state']}: there is a {what} when it has ended", code=what, advice="wait() waits for it."
            )
        return told

    @property
    def model_run_id(self) -> str:
        """The id of the model that the job trained, or used; predict() takes it.

        Raises:
            JobMonitorError: the job has not ended; wait() waits for it.
            JobFailedError, JobCanceledError: there is no model.
        """
        told = self._ended("model_run_id")
        return str(told.get("model_run_id") or told["id"])

    @property
    def result(self) -> JobResult:
        """{best_epoch, epochs, seconds, metric, stopped_early, parameters, validation_metrics, validation_baselines, test_metrics?, test_baselines?};
        of predict only the last two and metric, where compute_test_metrics asked for them.

        Raises:
            JobMonitorError: the job has not ended; wait() waits for it.
            JobFailedError, JobCanceledError: there is no result.
        """
        return JobResult(self._ended("result").get("result") or {})

    @property
    def experiment_name(self) -> str:
        """ "DATASET/TASK_TYPE/TASK"."""
        return str(self._told(self.job_id).get("experiment_name") or "")

    # -- waiting ------------------------------------------------------------------------------------------------------------

    def wait(self, timeout: Optional[float] = None) -> "JobMonitor":
        """Waits for the job's end and shows a bar an epoch. Interrupting it (KeyboardInterrupt) leaves the job alone.

        Args:
            timeout: seconds at most; None: as long as it takes.

        Returns:
            This monitor, of a job that is COMPLETED.

        Raises:
            JobFailedError: the job failed; its subclass tells why.
            JobCanceledError: the job was canceled.
            JobTimeoutError: the time is over; the job goes on.
            ConnectionError: the host can't be reached any more.
        """
        until = None if timeout is None else time.monotonic() + check.number("timeout", timeout, 0)
        self._follow(show_logs=False, until=until, num_retries=3, retry_delay=1.0)
        self._ended("result")
        return self

    def stream_logs(self, num_retries: int = 3, retry_delay: float = 1.0) -> None:
        """Prints the job's log lines from the first on, with a bar an epoch, until the job's end. Interrupting it leaves the job alone.

        Args:
            num_retries: broken connections in a row that are mended.
            retry_delay: seconds between them.

        Raises:
            JobFailedError: the job failed; its subclass tells why.
            ConnectionError: the host can't be reached any more.
        """
        check.integer("num_retries", num_retries, 0, 1000)
        check.number("retry_delay", retry_delay, 0, 3600)
        self._follow(show_logs=True, until=None, num_retries=num_retries, retry_delay=retry_delay)
        told = self.get_status()
        if told["state"] == "FAILED":
            raise from_job(self.job_id, told.get("error"))

    def _follow(self, *, show_logs: bool, until: Optional[float], num_retries: int, retry_delay: float) -> None:
        start = 1 if show_logs else self._next_seq
        try:
            with ProgressBars(show_logs) as bars:
                for event in _events.follow(
                    self.connector.client, self.job_id, start, until=until, num_retries=num_retries, retry_delay=retry_delay
                ):
                    self._note(event)
                    bars.show(event)
        except KeyboardInterrupt:
            # The last line of the traceback is what is seen.
            raise KeyboardInterrupt(f"job {self.job_id} goes on; wait() waits for it again, cancel() stops it") from None
        except TimeoutError as error:
            if until is None or time.monotonic() < until:
                raise
            raise JobTimeoutError(
                f"job {self.job_id} has not ended in time; it goes on", advice="wait() waits for it again, cancel() stops it."
            ) from error

    def _note(self, event: Event) -> None:
        """Keeps what the curves are drawn from. Epochs of an attempt that was taken up again come twice: the later counts."""
        if int(event["seq"]) < self._next_seq:
            return
        self._next_seq = int(event["seq"]) + 1
        if event["type"] == "epoch":
            self._epochs = [e for e in self._epochs if e["epoch"] < event["epoch"]] + [event]

    def cancel(self) -> dict[str, Any]:
        """Takes the job from the queue, or stops it. A job that is CANCELED stays so.

        Returns:
            The job as the host tells it.

        Raises:
            JobMonitorError: the job is COMPLETED or FAILED.
        """
        try:
            told = self.connector.client.post(f"/v1/jobs/{segment(self.job_id)}/cancel", again=True)
        except ConflictError as error:
            raise JobMonitorError(error.message, code="cancel", advice=error.advice, problem=error.problem) from error
        return {"job_id": told["id"], "status": told["state"], **told}

    def materialize_results(self, overwrite_results: bool = False) -> "JobMonitor":
        """Waits until the job's output is written; the job itself writes it.

        Args:
            overwrite_results: belongs to predict() and fit_predict(); here it is too late for it.

        Raises:
            ValidationError: overwrite_results is True.
            JobFailedError, JobCanceledError: as of wait().
        """
        if check.boolean("overwrite_results", overwrite_results):
            raise ValidationError(
                "overwrite_results: the job writes its output itself: say overwrite_results=True in predict() or fit_predict()",
                field="overwrite_results",
            )
        return self.wait()

    # -- output -------------------------------------------------------------------------------------------------------------

    @overload
    def predictions(self, format: Literal["arrow"] = "arrow") -> "pyarrow.Table": ...
    @overload
    def predictions(self, format: Literal["pandas"]) -> "pandas.DataFrame": ...
    @overload
    def predictions(self, format: Literal["polars"]) -> "polars.DataFrame": ...
    def predictions(self, format: str = "arrow") -> Any:
        """The predictions, one row for each row of the test table and in its order (of links, for each entity and time there), fetched through the host.

        Args:
            format: "arrow" (pyarrow.Table), "pandas" or "polars" (their DataFrame).

        Raises:
            JobMonitorError: the job has not ended, or makes no predictions.
            MissingPackageError: the package that the format needs is not installed.
        """
        return self._output("predictions", format, {})

    @overload
    def embeddings(self, table: Optional[str] = None, format: Literal["arrow"] = "arrow") -> "pyarrow.Table": ...
    @overload
    def embeddings(self, table: Optional[str] = None, *, format: Literal["pandas"]) -> "pandas.DataFrame": ...
    @overload
    def embeddings(self, table: Optional[str] = None, *, format: Literal["polars"]) -> "polars.DataFrame": ...
    def embeddings(self, table: Optional[str] = None, format: str = "arrow") -> Any:
        """The vectors that extract_embeddings=True asked for, fetched through the host: the key, the time where the task has one, and
        `embedding`, a list of as many floats as the model has channels. Of entities a row for each row of predictions() and in its order; of
        the targets of links a row for each time of the test table and each target that is visible then.

        Args:
            table: the table of the entities or the targets, or the column of their keys in the task's tables; link tasks have both. None: the
                only one that there is.
            format: "arrow" (pyarrow.Table), "pandas" or "polars" (their DataFrame).

        Raises:
            JobMonitorError: the job has not ended, or was not asked for embeddings.
            ValidationError: there are none of this table.
            MissingPackageError: the package that the format needs is not installed.
        """
        return self._output("embeddings", format, {} if table is None else {"table": check.text("table", table)})

    def _output(self, what: str, format: str, query: Mapping[str, str]) -> Any:
        check.one_of("format", format, ("arrow", "pandas", "polars"))
        reader = _parquet_reader(what, format)
        told = self._ended(f"table of {what}")
        if told.get("kind") == "fit":
            raise JobMonitorError(f"job {self.job_id} trains only: it has no {what}", code=what)
        if what not in [output.get("role") for output in told.get("outputs") or []]:
            raise JobMonitorError(f"job {self.job_id} made no {what}", code=what, advice="extract_embeddings=True asks for embeddings.")
        return reader(self.connector.client.download(f"/v1/jobs/{segment(self.job_id)}/{what}", {**query, "format": "parquet"}))

    # -- models ---------------------------------------------------------------------------------------------------------------

    def register_model(
        self,
        model_name: str,
        version_name: Optional[str] = None,
        database_name: Optional[str] = None,
        schema_name: Optional[str] = None,
        comment: Optional[str] = None,
    ) -> Any:
        """Gives the model a name and a version. It comes with the model registry part.

        Args:
            model_name: the name.
            version_name: None: the next number.
            database_name, schema_name: of a warehouse's registry.
            comment: kept with the version.

        Raises:
            ValidationError: an argument is not as it must be.
            NotBuiltError: always, so far.
        """
        check.name_without("model_name", model_name, "/")
        for name, value in (
            ("version_name", version_name),
            ("database_name", database_name),
            ("schema_name", schema_name),
            ("comment", comment),
        ):
            if value is not None:
                check.text(name, value)
        raise check.not_built("register_model()", _REGISTRY)

    @property
    def registered_models(self) -> list[Any]:
        """The names and versions of the job's model. They come with the model registry part.

        Raises:
            NotBuiltError: always, so far.
        """
        raise check.not_built("registered_models", _REGISTRY)

    # -- showing --------------------------------------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        told = self._told(self.job_id)
        for event in _events.past(self.connector.client, self.job_id, self._next_seq):
            self._note(event)
        return job_html(told, self._epochs)

    def __repr__(self) -> str:
        return f'JobMonitor(job_id="{self.job_id}", job_type={self.job_type!r})'


class JobManager(JobHandler):
    """All jobs of a host."""

    def show_jobs(self, state: Optional[str] = None, limit: int = 100) -> list[dict[str, Any]]:
        """Prints the jobs, newest first, and returns them as the host tells them.

        Args:
            state: only those in this state: QUEUED, RUNNING, COMPLETED, FAILED, CANCELED.
            limit: how many at most, 1 to 1000.
        """
        if state is not None:
            state = check.one_of("state", state.upper() if isinstance(state, str) else state, STATES)
        answer = self.connector.client.get("/v1/jobs", {"state": state, "limit": check.integer("limit", limit, 1, 1000)})
        jobs: list[dict[str, Any]] = [{"job_id": j["id"], "status": j["state"], **j} for j in answer["jobs"]]
        rows = [
            [
                j["id"],
                j["kind"],
                j["state"],
                str(j.get("engine") or ""),
                str(j.get("experiment_name") or ""),
                short_time(j.get("created_at")),
                short_time(j.get("finished_at")),
            ]
            for j in jobs
        ]
        print(table_text(["job", "kind", "state", "engine", "experiment", "created", "finished"], rows))
        return jobs

    def fetch_job(self, job_id: str) -> JobMonitor:
        """The monitor of a job.

        Raises:
            JobManagerError: the host has no such job.
        """
        monitor = JobMonitor(self.connector, job_id)
        try:
            monitor.get_status()
        except NotFoundError as error:
            raise JobManagerError(
                error.message, code="fetch_job", advice=error.advice or "show_jobs() lists those that there are.", problem=error.problem
            ) from error
        return monitor

    def cancel_job(self, job_id: str) -> dict[str, Any]:
        """Takes a job from the queue, or stops it; returns it as the host tells it.

        Raises:
            JobManagerError: the host has no such job.
            JobMonitorError: the job is COMPLETED or FAILED.
        """
        return self.fetch_job(job_id).cancel()


def _parquet_reader(what: str, format: str) -> Any:
    """bytes of a Parquet file -> a table of that package; MissingPackageError before anything is fetched."""
    import io

    packages = {"arrow": "pyarrow", "pandas": "pandas pyarrow", "polars": "polars"}
    try:
        if format == "arrow":
            import pyarrow.parquet  # type: ignore[import-untyped,import-not-found,unused-ignore]

            return lambda data: pyarrow.parquet.read_table(io.BytesIO(data))
        if format == "pandas":
            import pandas
            import pyarrow

            return lambda data: pandas.read_parquet(io.BytesIO(data))
        import polars

        return lambda data: polars.read_parquet(io.BytesIO(data))
    except ImportError as error:
        needed = packages[format]
        raise MissingPackageError(f'{what}(format="{format}") needs the package {needed}', advice=f"pip install {needed}") from error
