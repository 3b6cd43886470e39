"""Runs inside the virtual environment of one published client and drives a host with it, as a user's script would.

    python drive_public_client.py ENDPOINT TOKEN DATA_FOLDER OUTPUT_FOLDER

OUTPUT_FOLDER/links has label tables of links, one row a pair, as these clients take them.

Prints one JSON document, the last line: what each call returned, or the error's type and text.
"""
import contextlib
import inspect
import io
import json
import sys
import time
from pathlib import Path

from relationalai_gnns import (CandidateKey, Dataset, EvaluationMetric, ExperimentConfig, ForeignKey, GNNTable, JobManager, LinkTask, LocalConnector,
                               NodeTask, OutputConfig, TaskType, Trainer, TrainerConfig)

from f1_keys import KEYS

class Drive:
    def __init__(self, endpoint, token, data, output):
        self.data, self.output = Path(data), output
        self.connector = LocalConnector(connector_type="parquet", endpoint_url=endpoint, headers={"Authorization": f"Bearer {token}"})
        self.wrong = LocalConnector(connector_type="parquet", endpoint_url=endpoint, headers={"Authorization": "Bearer wrong"})
        self.seen = {}

    def note(self, name, call):
        """The call's result, kept under its name; an error is kept as its type and text, and None returned."""
        try:
            result = call()
            self.seen[name] = result if isinstance(result, (str, int, float, list, dict, bool)) else "ok"
            return result
        except Exception as error:  # noqa: BLE001 - every error of a client is an outcome
            self.seen[name] = {"error": type(error).__name__, "text": str(error)}
            return None

    def tables(self):
        tables = []
        for name, (key, links, time_column) in KEYS.items():
            table = GNNTable(connector=self.connector, source=str(self.data / f"db/{name}.parquet"), name=name, type="node",
                             candidate_keys={CandidateKey(column_name=key)},
                             foreign_keys={ForeignKey(column_name=c, link_to=link) for c, link in links.items()}, time_column=time_column)
            table.validate_table()
            self.seen[f"keys {name}"] = [sorted(k.column_name for k in table.candidate_keys), sorted(k.column_name for k in table.foreign_keys),
                                         table.time_column]
            tables.append(table)
        return tables

    def dataset(self):
        folder = self.data / "tasks/driver-position"
        task = NodeTask(connector=self.connector, name="position", task_type=TaskType.REGRESSION, label_column="position", time_column="date",
                        task_data_source={split: str(folder / f"{split}.parquet") for split in ("train", "validation", "test")},
                        target_entity_column=ForeignKey(column_name="driverId", link_to="drivers.driverId"),
                        evaluation_metric=EvaluationMetric(name="mae"))
        return Dataset(connector=self.connector, dataset_name="f1", tables=self.tables(), task_description=task)

    def links(self, tables):
        task = LinkTask(connector=self.connector, name="competes", task_type=TaskType.LINK_PREDICTION, time_column="date",
                        task_data_source={split: f"{self.output}/links/{split}.parquet" for split in ("train", "validation", "test")},
                        source_entity_column=ForeignKey(column_name="driverId", link_to="drivers.driverId"),
                        target_entity_column=ForeignKey(column_name="circuitId", link_to="circuits.circuitId"),
                        evaluation_metric=EvaluationMetric(name="link_prediction_map", eval_at_k=5))
        return Dataset(connector=self.connector, dataset_name="f1", tables=tables, task_description=task)

    def config(self, **more):
        return TrainerConfig(connector=self.connector, device="cpu", experiment_config=ExperimentConfig(database="DB", schema="S"),
                             **{"n_epochs": 2, "max_iters": 200, "train_batch_size": 32, "fanouts": [8, 8], "channels": 32, "seed": 1, **more})

    def wait(self, job):
        while job.get_status()["status"] in ("RUNNING", "QUEUED"):
            time.sleep(0.1)
        return job.get_status()

    def predictions(self, trainer, run, alias, **more):
        known = inspect.signature(trainer.predict).parameters
        output = OutputConfig.local(artifacts_dir=self.output, extension="parquet")
        job = trainer.predict(output_alias=alias, output_config=output, model_run_id=run, materialize_results=False,
                              **{k: v for k, v in more.items() if k in known})
        return self.wait(job)

    def run(self):
        self.note("wrong token", lambda: GNNTable(connector=self.wrong, source=str(self.data / "db/drivers.parquet"), name="drivers", type="node",
                                                  candidate_keys={CandidateKey(column_name="driverId")}))
        self.note("no such table", lambda: GNNTable(connector=self.connector, source=str(self.data / "nowhere.parquet"), name="x", type="node",
                                                    candidate_keys={CandidateKey(column_name="id")}))
        self.note("bad config", lambda: self.config(lr=-1.0))
        dataset = self.dataset()
        trainer = Trainer(connector=self.connector, config=self.config())
        job = trainer.fit(dataset=dataset)
        log, bar = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(bar):
            self.note("stream_logs", job.stream_logs)
        self.seen["log"], self.seen["bar"] = log.getvalue(), bar.getvalue()
        self.seen["fit"] = self.wait(job)
        run = self.note("model_run_id", lambda: job.model_run_id)
        self.note("experiment_name", lambda: job.experiment_name)
        self.note("register_model", lambda: job.register_model("m", "1", "DB", "S"))
        self.note("predict with dataset", lambda: self.predictions(trainer, run, "WITH_DATASET", dataset=dataset, compute_test_metrics=True))
        test = str(self.data / "tasks/driver-position/test.parquet")
        self.note("predict with test table", lambda: self.predictions(trainer, run, "WITH_TABLE", test_table=test, experiment_name="f1_regression_position"))
        self.note("same alias again", lambda: self.predictions(trainer, run, "WITH_DATASET", dataset=dataset))
        output = OutputConfig.local(artifacts_dir=self.output, extension="csv")
        self.note("fit_predict", lambda: self.wait(trainer.fit_predict(dataset=dataset, output_alias="BOTH", output_config=output,
                                                                        materialize_results=False)))
        self.note("links", lambda: self.wait(
            Trainer(connector=self.connector, config=self.config(num_negative=5, negative_sampling_strategy="degree_based", max_iters=5)).fit_predict(
                dataset=self.links(self.tables()), output_alias="LINKS", output_config=OutputConfig.local(artifacts_dir=self.output, extension="parquet"),
                materialize_results=False)))
        long_job = Trainer(connector=self.connector, config=self.config(n_epochs=1000)).fit(dataset=dataset)
        self.note("show_jobs", lambda: JobManager(connector=self.connector).show_jobs())
        with contextlib.redirect_stdout(io.StringIO()):
            self.note("cancel", long_job.cancel)
        self.seen["canceled"] = self.wait(long_job)["status"]
        self.note("fetch_job", lambda: JobManager(connector=self.connector).fetch_job(job.job_id).job_type)
        self.note("fetch no job", lambda: JobManager(connector=self.connector).fetch_job("00000000-0000-4000-8000-000000000000"))


if __name__ == "__main__":
    drive = Drive(*sys.argv[1:])
    drive.run()
    print(json.dumps(drive.seen, default=str))
