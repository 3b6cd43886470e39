"""Trainer: sends jobs to the host. Each call checks its arguments, queues a job and returns its JobMonitor."""

from __future__ import annotations

import uuid
from typing import Any, Mapping, Optional

from . import _check as check
from ._http import segment
from ._spec import job_specification
from .config import TrainerConfig
from .connectors import Connector
from .dataset import Dataset
from .errors import ConflictError, GNNError, HostIOError, NotBuiltError, NotFoundError, ValidationError
from .jobs import JobMonitor
from .metrics import EvaluationMetric
from .outputs import OutputConfig

_REGISTRY = "model registry"


class Trainer:
    """Trains and predicts. An engine runs one job at a time, in the order they were sent.

    Attributes:
        connector, config: as given.
    """

    def __init__(self, connector: Connector, config: TrainerConfig) -> None:
        """
        Args:
            connector: the host and the engine that run the jobs.
            config: how to train; later changes to it count for later jobs.
        """
        self.connector = check.instance("connector", connector, Connector)
        self.config = check.instance("config", config, TrainerConfig)

    def fit(self, dataset: Dataset) -> JobMonitor:
        """Trains on the train table and keeps the epoch that is best on the validation table.

        Args:
            dataset: with a train and a validation table.

        Returns:
            The job, at once; wait() waits for its end, and its model_run_id then names the model.

        Raises:
            ValidationError: the dataset can't be trained on; nothing is queued then.
            NotBuiltError: it needs a part that is not built yet.
        """
        _usable(dataset, training=True)
        return self._submit(
            {
                "kind": "fit",
                "spec": job_specification(dataset, self.config, ("train", "validation")),
                "experiment_name": dataset.experiment_name,
            }
        )

    def predict(
        self,
        output_alias: str,
        output_config: Optional[OutputConfig] = None,
        test_batch_size: int = 128,
        dataset: Optional[Dataset] = None,
        test_table: Optional[str] = None,
        model_run_id: Optional[str] = None,
        registered_model_key: Optional[str] = None,
        extract_embeddings: bool = False,
        materialize_results: bool = False,
        overwrite_results: bool = False,
        flatten_output: bool = False,
        align_dtypes: bool = False,
        compute_test_metrics: bool = False,
        *,
        registered_model_name: Optional[str] = None,
        version: Optional[str] = None,
        experiment_name: Optional[str] = None,
        model_selection_strategy: Optional[str] = None,
        evaluation_metric: Optional[EvaluationMetric] = None,
    ) -> JobMonitor:
        """Predicts for the test table and writes PREDICTIONS_<OUTPUT_ALIAS>, and embeddings where asked for.

        Args:
            output_alias: tells outputs apart: 1 to 100 of A-Z a-z 0-9 _; it is upper-cased.
            output_config: where it is written.
            test_batch_size: rows a batch, 1 to 65536. Results don't depend on it.
            dataset: with a test table. None: the one that the model was trained on.
            test_table: the source to predict for, where there is no dataset.
            model_run_id: the model of a job that trained.
            registered_model_key: "database.schema.model.version"; comes with the model registry part.
            extract_embeddings: also writes the vectors of the entities, EMBEDDINGS_<ENTITY COLUMN>_<OUTPUT_ALIAS>, and of link tasks those of
                the targets; JobMonitor.embeddings() fetches them. All outputs of a job are written, or none.
            materialize_results: waits for the end before it returns.
            overwrite_results: replaces outputs of the same alias, which are else an error.
            flatten_output: one column a class instead of one list, of links one row a pair instead of one list; not of binary tasks and regressions.
            align_dtypes: columns take the dtypes that the model was trained with; else a difference is an error.
            compute_test_metrics: judges the predictions; the test table must hold the target. They are in result["test_metrics"].
            registered_model_name, version: come with the model registry part.
            experiment_name: "DATASET/TASK_TYPE/TASK" of the model's training, instead of a dataset; needs test_table.
            model_selection_strategy: "best": the model with the best validation result; comes with the model registry part.
            evaluation_metric: by which "best" is found.

        Returns:
            The job, at once, or COMPLETED with materialize_results.

        Raises:
            ValidationError: an argument is not as it must be, arguments contradict each other, there is no such model,
                the output exists; nothing is queued then.
            NotBuiltError: it needs a part that is not built yet; the text names it.
        """
        request = _output_request(self.connector, output_alias, output_config, flatten_output)
        options = _options(test_batch_size, compute_test_metrics, extract_embeddings, overwrite_results, align_dtypes)
        check.boolean("materialize_results", materialize_results)
        run_id = _model(model_run_id, registered_model_key, registered_model_name, version, model_selection_strategy, evaluation_metric)
        self._check_data(dataset, test_table, experiment_name)
        if isinstance(run_id, NotBuiltError):
            raise run_id
        if dataset is not None:
            spec, experiment = job_specification(dataset, self.config, ("test",)), dataset.experiment_name
        else:
            spec, experiment = self._trained_on(run_id, test_table, experiment_name)
        _check_flatten(spec["task"]["type"], flatten_output)
        job = self._submit(
            {
                "kind": "predict",
                "spec": spec,
                "model": {"run_id": run_id},
                "output": request,
                "options": options,
                "experiment_name": experiment,
            }
        )
        return job.wait() if materialize_results else job

    def fit_predict(
        self,
        dataset: Dataset,
        output_alias: str,
        output_config: Optional[OutputConfig] = None,
        test_batch_size: int = 128,
        extract_embeddings: bool = False,
        materialize_results: bool = False,
        overwrite_results: bool = False,
        flatten_output: bool = False,
        compute_test_metrics: bool = False,
    ) -> JobMonitor:
        """Trains, then predicts for the test table with the best epoch, in one job.

        Args:
            dataset: with a train, a validation and a test table.
            output_alias, output_config, test_batch_size, extract_embeddings, materialize_results, overwrite_results, flatten_output,
                compute_test_metrics: as of predict().

        Returns:
            The job, at once, or COMPLETED with materialize_results.

        Raises:
            ValidationError, NotBuiltError: as of fit() and predict().
        """
        request = _output_request(self.connector, output_alias, output_config, flatten_output)
        options = _options(test_batch_size, compute_test_metrics, extract_embeddings, overwrite_results, False)
        check.boolean("materialize_results", materialize_results)
        _usable(dataset, training=True)
        dataset.task_description.validate_for_inference()
        _check_flatten(dataset.task_description.task_type.value, flatten_output)
        spec = job_specification(dataset, self.config, ("train", "validation", "test"))
        job = self._submit(
            {"kind": "fit_predict", "spec": spec, "output": request, "options": options, "experiment_name": dataset.experiment_name}
        )
        return job.wait() if materialize_results else job

    # -- inside -------------------------------------------------------------------------------------------------------------

    def _submit(self, request: Mapping[str, Any]) -> JobMonitor:
        """Sends the request once, however often it takes; warns of what the host warns of."""
        body = {"kind": request["kind"], "engine": self.connector.engine_name, **request}
        try:
            told = self.connector.client.post("/v1/jobs", body, idempotency_key=str(uuid.uuid4()), long=True)
        except GNNError as error:
            self._explain(error, request)
            raise
        job = JobMonitor(self.connector, told["id"], told.get("kind"), self.config.experiment_config)
        for warning in told.get("warnings") or []:
            job._warn(warning)
        return job

    def _explain(self, error: GNNError, request: Mapping[str, Any]) -> None:
        """Says what the host refused in the words of this package's arguments; raises another error where that fits it better."""
        field, output, options = str(error.field or ""), request.get("output") or {}, request.get("options") or {}
        if field == "model.run_id":
            raise self._refused_model(request["model"]["run_id"], error) from error
        if field == "spec.task.test" and options.get("compute_test_metrics") and "(target)" in error.message:
            error.advice = "compute_test_metrics=True needs the label column in the test table: leave the option out, or add the column."
        if not output or not field.startswith("output"):
            return
        argument, path = ("artifacts_dir", output["folder"]) if "folder" in output else ("database", output["database"])
        if isinstance(error, ConflictError) and field == "output.alias":
            error.advice = "Take another output_alias, or replace that output with overwrite_results=True."
        self.connector.explain(error, path)
        if isinstance(error, HostIOError):
            what = "a folder" if argument == "artifacts_dir" else "a file in a folder"
            raise ValidationError(
                f"{argument}: expected {what} that can be written or made, got {check.shown(path)}: {error.message}",
                field=argument,
                advice=error.advice or f"Name {what} that is there or can be made.",
                problem=error.problem,
            ) from error

    def _refused_model(self, run_id: str, error: GNNError) -> ValidationError:
        """What is wrong with a model_run_id that the host refused with `error`."""
        own = "model.run_id:"
        text, advice = error.message.removeprefix(own).strip(), error.advice
        if error.message.startswith(own) or isinstance(error, NotFoundError):
            text, advice = f"{check.shown(run_id)}: {text}", "Give the model_run_id of a job that trained, after its wait()."
            try:
                job = self.connector.client.get(f"/v1/jobs/{segment(run_id)}")
            except NotFoundError:
                text = f"expected the model_run_id of a job that trained, got {check.shown(run_id)}: the host has no such job"
            else:
                if job["state"] != "COMPLETED":
                    text = f"job {check.shown(run_id)} is {job['state']}: only a job that is COMPLETED has a model"
                elif job["kind"] == "predict":
                    text = f'job {check.shown(run_id)} only predicts; the model that it used is "{job["model_run_id"]}"'
        return ValidationError(f"model_run_id: {text}", field="model_run_id", advice=advice, problem=error.problem)

    def _check_data(self, dataset: Optional[Dataset], test_table: Optional[str], experiment_name: Optional[str]) -> None:
        if dataset is not None and (test_table is not None or experiment_name is not None):
            other = "test_table" if test_table is not None else "experiment_name"
            raise ValidationError(f"{other}: give either dataset= or {other}=, not both: a dataset has its test table", field=other)
        if experiment_name is not None:
            _check_experiment_name(experiment_name)
            if test_table is None:
                raise ValidationError("test_table: is missing: with experiment_name= it names the table to predict for", field="test_table")
        if test_table is not None:
            self.connector.resolve("test_table", test_table)
        if dataset is not None:
            _usable(dataset, training=False)

    def _trained_on(self, run_id: str, test_table: Optional[str], experiment_name: Optional[str]) -> tuple[dict[str, Any], str]:
        """The specification that the model was trained with, to predict for another table; and its experiment."""
        try:
            request = self.connector.client.get(f"/v1/jobs/{segment(run_id)}/request")
        except NotFoundError as error:
            raise self._refused_model(run_id, error) from error
        experiment = str(request.get("experiment_name") or "")
        if experiment_name is not None and experiment_name.replace("/", "_") != experiment.replace("/", "_"):
            raise ValidationError(
                f'experiment_name: expected that of the model, "{experiment}", got {check.shown(experiment_name)}', field="experiment_name"
            )
        spec = {**request["spec"], "task": {k: v for k, v in request["spec"]["task"].items() if k not in ("train", "validation")}}
        if test_table is not None:
            spec["task"]["test"] = self.connector.resolve("test_table", test_table)
        elif "test" not in spec["task"]:
            raise ValidationError("test_table: is missing: the model was trained without one; give test_table= or dataset=", field="test_table")
        spec.pop("config", None)
        if config := self.config.engine_config(spec["task"]["type"]):
            spec["config"] = config
        return spec, experiment


def _usable(dataset: Any, *, training: bool) -> None:
    """Refuses a dataset that no job can run on."""
    if not isinstance(dataset, Dataset):
        check.refuse("dataset", dataset, "a Dataset")
    dataset.validate()
    if training:
        dataset.task_description.validate_for_training()
    else:
        dataset.task_description.validate_for_inference()


def _output_request(connector: Connector, alias: str, output: Optional[OutputConfig], flatten: bool) -> Mapping[str, Any]:
    check.alias("output_alias", alias)
    check.boolean("flatten_output", flatten)
    if output is None:
        raise ValidationError(
            'output_config: is missing: it says where predictions are written, such as OutputConfig.local(artifacts_dir="predictions")',
            field="output_config",
        )
    return check.instance("output_config", output, OutputConfig).request(connector, alias, flatten)


def _options(batch_size: int, compute_test_metrics: bool, embeddings: bool, overwrite: bool, align_dtypes: bool) -> Mapping[str, Any]:
    return {
        "batch_size": check.integer("test_batch_size", batch_size, 1, 65536),
        "compute_test_metrics": check.boolean("compute_test_metrics", compute_test_metrics),
        "extract_embeddings": check.boolean("extract_embeddings", embeddings),
        "overwrite": check.boolean("overwrite_results", overwrite),
        "align_dtypes": check.boolean("align_dtypes", align_dtypes),
    }


def _model(
    run_id: Optional[str],
    key: Optional[str],
    name: Optional[str],
    version: Optional[str],
    strategy: Optional[str],
    metric: Optional[EvaluationMetric],
) -> Any:
    """The run id; or, for a model that is named in another way, the NotBuiltError that says so once all arguments are checked."""
    ways = {"model_run_id": run_id, "registered_model_key": key, "registered_model_name": name, "model_selection_strategy": strategy}
    given = [way for way, value in ways.items() if value is not None]
    if strategy is not None:
        check.one_of("model_selection_strategy", strategy, ("best",))
        if metric is None:
            raise ValidationError(
                'evaluation_metric: is missing: model_selection_strategy="best" needs the metric that it goes by', field="evaluation_metric"
            )
        check.instance("evaluation_metric", metric, EvaluationMetric)
    elif metric is not None:
        raise ValidationError('evaluation_metric: goes with model_selection_strategy="best"', field="evaluation_metric")
    if version is not None and name is None:
        raise ValidationError("version: goes with registered_model_name=", field="version")
    if len(given) != 1:
        found = "none is given" if not given else f"{check.listed(given)} are given"
        raise ValidationError(f"model_run_id: exactly one of {check.listed(ways)} names the model; {found}", field="model_run_id")
    if run_id is not None:
        return check.text("model_run_id", run_id)
    if key is not None and len(check.text("registered_model_key", key).split(".")) != 4:
        check.refuse("registered_model_key", key, '"database.schema.model.version"')
    if name is not None:
        check.name_without("registered_model_name", name, "/")
        if version is None:
            raise ValidationError('version: is missing: registered_model_name= needs it, such as version="1"', field="version")
        if not isinstance(version, str) or version.lower().startswith("version"):
            check.refuse("version", version, 'the number alone as a text, such as "1"')
    return check.not_built(f"predict({given[0]}=...)", _REGISTRY)


def _check_experiment_name(name: str) -> None:
    check.text("experiment_name", name, longest=700)
    if len(name.split("/")) != 3 and "_" not in name:
        check.refuse("experiment_name", name, '"DATASET/TASK_TYPE/TASK"')


def _check_flatten(kind: str, flatten: bool) -> None:
    if flatten and kind in ("binary_classification", "regression"):
        raise ValidationError(f"flatten_output: a {kind} has one number a row: there is nothing to flatten", field="flatten_output")
