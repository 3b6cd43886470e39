"""Trainer: what each call sends, what each argument changes, and what is refused before anything is sent."""

import numpy as np
import pytest


def posted(host):
    return [r[2] for r in host.requests if r[:2] == ("POST", "/v1/jobs")][-1]


@pytest.fixture
def output(tmp_path):
    from relationalai_gnns import OutputConfig

    return OutputConfig.local(str(tmp_path / "out"))


@pytest.fixture
def trained(objects):
    return objects.trainer().fit(objects.dataset()).wait()


def test_fit_sends_the_specification(objects, host):
    objects.trainer(n_epochs=3, lr=0.01).fit(objects.dataset())
    sent = posted(host)
    assert sent["kind"] == "fit" and sent["engine"] == "default" and sent["experiment_name"] == "school/binary_classification/pass"
    assert sent["spec"]["config"] == {"n_epochs": 3, "lr": 0.01} and "output" not in sent
    assert "test" not in sent["spec"]["task"] and sent["spec"]["task"]["train"] == objects.source("train")


def test_jobs_go_to_the_engine_of_the_connector(host, objects, school):
    from relationalai_gnns import ConflictError, LocalConnector

    host.add_engine("big", "HIGHMEM_X64_M")
    objects.connector = LocalConnector(url=host.url, token=host.token, engine_name="big")
    objects.trainer().fit(objects.dataset())
    assert posted(host)["engine"] == "big"
    host.engines["big"]["state"] = "SUSPENDED"
    with pytest.raises(ConflictError, match='engine "big" is suspended\nResume it first'):
        objects.trainer().fit(objects.dataset())


def test_predict_sends_model_output_and_options(objects, host, output, trained, tmp_path):
    job = objects.trainer().predict(
        output_alias="first", output_config=output, test_batch_size=64, dataset=objects.dataset(), model_run_id=trained.model_run_id
    )
    assert job.job_type == "predict"
    sent = posted(host)
    assert sent["model"] == {"run_id": trained.job_id} and sent["output"] == {
        "kind": "files",
        "folder": str(tmp_path / "out"),
        "extension": "parquet",
        "alias": "first",
    }
    assert sent["options"] == {
        "batch_size": 64,
        "compute_test_metrics": False,
        "extract_embeddings": False,
        "overwrite": False,
        "align_dtypes": False,
    }
    assert set(sent["spec"]["task"]) & {"train", "validation", "test"} == {"test"}
    job.wait()
    assert (tmp_path / "out" / "PREDICTIONS_FIRST.parquet").exists() and job.model_run_id == trained.job_id


def test_materialize_results_waits(objects, host, output, trained):
    host.hold.set()
    job = objects.trainer().predict("A", output, dataset=objects.dataset(), model_run_id=trained.job_id)
    assert job.get_status()["state"] in ("QUEUED", "RUNNING")
    host.hold.clear()
    for call in (
        lambda: objects.trainer().predict("B", output, dataset=objects.dataset(), model_run_id=trained.job_id, materialize_results=True),
        lambda: objects.trainer().fit_predict(objects.dataset(), "C", output, materialize_results=True),
    ):
        assert call().get_status()["state"] == "COMPLETED"


def test_overwrite_results_replaces_an_output(objects, host, output, trained):
    from relationalai_gnns import ConflictError

    arguments = {"output_config": output, "dataset": objects.dataset(), "model_run_id": trained.job_id}
    objects.trainer().predict("A", materialize_results=True, **arguments)
    before = len(host.jobs)
    with pytest.raises(ConflictError, match="exists already"):
        objects.trainer().predict("a", **arguments)  # aliases are upper-cased
    assert len(host.jobs) == before
    objects.trainer().predict("A", overwrite_results=True, materialize_results=True, **arguments)
    assert posted(host)["options"]["overwrite"] is True


def test_flatten_output_makes_a_column_a_class(objects, host, output, tmp_path):
    from relationalai_gnns import ValidationError

    levels = objects.dataset(objects.task(task_type="multiclass_classification", target_column="level"))
    lists = objects.trainer().fit_predict(levels, "LISTS", output, materialize_results=True).predictions()
    assert "flatten" not in posted(host)["output"]
    flat = objects.trainer().fit_predict(levels, "FLAT", output, flatten_output=True, materialize_results=True).predictions()
    assert posted(host)["output"]["flatten"] is True
    assert "predicted_probs" in lists.column_names and {"prob_a", "prob_b"} <= set(flat.column_names)
    with pytest.raises(ValidationError, match="flatten_output: a binary_classification has one number a row"):
        objects.trainer().fit_predict(objects.dataset(), "X", output, flatten_output=True)


def test_compute_test_metrics_adds_them_to_the_result(objects, host, output, trained):
    job = objects.trainer().predict("A", output, dataset=objects.dataset(), model_run_id=trained.job_id, compute_test_metrics=True).wait()
    assert posted(host)["options"]["compute_test_metrics"] is True and job.result.test_metrics == {"roc_auc": 0.7}


def test_a_table_to_predict_for_need_not_have_the_target(objects, host, output, trained):
    from relationalai_gnns import ValidationError

    only_test = {"task_data_source": {"test": objects.source("students")}}
    objects.trainer().predict("A", output, dataset=objects.dataset(objects.task(**only_test)), model_run_id=trained.job_id)
    assert posted(host)["spec"]["task"]["target"] == "label"
    unnamed = objects.dataset(objects.task(**only_test, target_column=...))
    objects.trainer().predict("B", output, dataset=unnamed, model_run_id=trained.job_id)
    assert "target" not in posted(host)["spec"]["task"], "the host knows what the model predicts"


def test_a_dataset_may_be_left_out(objects, host, output, trained):
    from relationalai_gnns import ValidationError

    arguments = {"output_config": output, "model_run_id": trained.job_id, "test_table": objects.source("students")}
    for name in (None, "school/binary_classification/pass", "school_binary_classification_pass"):
        objects.trainer(n_epochs=3).predict(f"A{len(name or '')}", experiment_name=name, **arguments)
        sent = posted(host)
        assert sent["spec"]["task"]["test"] == objects.source("students") and "train" not in sent["spec"]["task"]
        assert sent["spec"]["tables"] == host.jobs[trained.job_id]["request"]["spec"]["tables"] and sent["spec"]["config"]["n_epochs"] == 3
        assert sent["experiment_name"] == "school/binary_classification/pass"
    with pytest.raises(ValidationError, match='experiment_name: expected that of the model, "school/binary_classification/pass"'):
        objects.trainer().predict("B", experiment_name="other/binary_classification/pass", **arguments)
    with pytest.raises(ValidationError, match="test_table: is missing"):
        objects.trainer().predict("C", output, model_run_id=trained.job_id)


NO_JOB = 'model_run_id: expected the model_run_id of a job that trained, got "nope": the host has no such job\nGive .* after its wait()'


@pytest.mark.parametrize("with_dataset", [True, False])
def test_a_model_run_id_without_a_model_is_named_with_what_to_do(objects, host, output, trained, with_dataset):
    from relationalai_gnns import ValidationError

    data = {"dataset": objects.dataset()} if with_dataset else {"test_table": objects.source("test"), "experiment_name": trained.experiment_name}
    used = objects.trainer().predict("USED", output, dataset=objects.dataset(), model_run_id=trained.job_id).wait()
    host.hold.set()
    running = objects.trainer().fit(objects.dataset())
    canceled = objects.trainer().fit(objects.dataset())
    while canceled.get_status()["state"] != "CANCELED":
        canceled.cancel()
    while running.get_status()["state"] != "RUNNING":
        pass
    for run_id, text in (
        ("nope", NO_JOB),
        (running.job_id, f'model_run_id: job "{running.job_id}" is RUNNING: only a job that is COMPLETED has a model\nGive .* after its wait()'),
        (canceled.job_id, f'model_run_id: job "{canceled.job_id}" is CANCELED: only .*\nGive .* after its wait()'),
        (used.job_id, f'model_run_id: job "{used.job_id}" only predicts; the model that it used is "{trained.job_id}"'),
    ):
        with pytest.raises(ValidationError, match=text) as error:
            objects.trainer().predict("A", output, model_run_id=run_id, **data)
        assert error.value.field == "model_run_id"
    host.hold.clear()


def test_numbers_of_numpy_are_arguments_too(objects, host, output):
    objects.trainer().fit_predict(objects.dataset(), "A", output, test_batch_size=np.int64(32), compute_test_metrics=np.bool_(True))
    assert posted(host)["options"]["batch_size"] == 32 and posted(host)["options"]["compute_test_metrics"] is True


def test_bounds_written_out_go_with_every_task(objects, host, output, trained):
    trainer = objects.trainer(clamp_min=0, clamp_max=100)
    trainer.fit(objects.dataset())
    assert "config" not in posted(host)["spec"]
    trainer.predict("A", output, test_table=objects.source("test"), model_run_id=trained.job_id)
    assert "config" not in posted(host)["spec"]
    trainer.fit(objects.dataset(objects.task(task_type="regression", target_column="load")))
    assert posted(host)["spec"]["config"] == {"clamp_min": 0, "clamp_max": 100}


def test_align_dtypes_is_asked_for(objects, host, output, trained):
    arguments = {"output_config": output, "dataset": objects.dataset(), "model_run_id": trained.job_id}
    objects.trainer().predict("B", align_dtypes=True, **arguments)
    assert posted(host)["options"]["align_dtypes"] is True
    objects.trainer().predict("A", **arguments)
    assert posted(host)["options"]["align_dtypes"] is False


def test_fit_predict_does_both(objects, host, output):
    job = (
        objects.trainer()
        .fit_predict(dataset=objects.dataset(), output_alias="A", output_config=output, test_batch_size=32, compute_test_metrics=True)
        .wait()
    )
    sent = posted(host)
    assert (
        sent["kind"] == "fit_predict"
        and {"train", "validation", "test"} <= set(sent["spec"]["task"])
        and sent["options"]["batch_size"] == 32
    )
    assert job.model_run_id == job.job_id and job.result.test_metrics and job.predictions().num_rows == 20


def test_embeddings_are_asked_for_and_fetched(objects, host, output, tmp_path):
    from relationalai_gnns import ConflictError, JobMonitorError, ValidationError

    trainer = objects.trainer()
    job = trainer.fit_predict(objects.dataset(), "A", output, extract_embeddings=True).wait()
    assert posted(host)["options"]["extract_embeddings"] is True and (tmp_path / "out/EMBEDDINGS_STUDENTID_A.parquet").exists()
    for table in (None, "Students"):
        assert job.embeddings(table).column_names == ["studentId", "embedding"]
    assert job.embeddings("studentId", format="arrow").num_rows == 20
    with pytest.raises(ValidationError, match="there are none of 'Classes'"):
        job.embeddings("Classes")
    with pytest.raises(ValidationError, match="table"):
        job.embeddings("")
    with pytest.raises(ConflictError, match="exists already"):
        trainer.predict("A", output, dataset=objects.dataset(), model_run_id=job.job_id, extract_embeddings=True)
    without = trainer.predict("B", output, dataset=objects.dataset(), model_run_id=job.job_id).wait()
    assert posted(host)["options"]["extract_embeddings"] is False
    with pytest.raises(JobMonitorError, match="made no embeddings"):
        without.embeddings()
    with pytest.raises(JobMonitorError, match="trains only"):
        trainer.fit(objects.dataset()).wait().embeddings()


def test_a_table_of_duckdb(objects, host, tmp_path):
    from relationalai_gnns import OutputConfig

    objects.trainer().fit_predict(objects.dataset(), "A", OutputConfig.duckdb(str(tmp_path / "p.duckdb"), schema="results")).wait()
    assert posted(host)["output"] == {"kind": "duckdb", "database": str(tmp_path / "p.duckdb"), "schema": "results", "alias": "A"}


def test_a_relative_output_of_another_host_is_explained(objects, host, tmp_path, monkeypatch):
    from relationalai_gnns import ConflictError, OutputConfig

    monkeypatch.chdir(tmp_path)  # where the small host runs too
    relative = OutputConfig.local("out")
    objects.trainer().fit_predict(objects.dataset(), "A", relative).wait()
    with pytest.raises(ConflictError, match="exists already\nTake another output_alias, or .*overwrite_results=True. Relative paths are those of the host"):
        objects.trainer().fit_predict(objects.dataset(), "A", relative)


def test_paths_are_absolute_for_this_machines_host(objects, host, monkeypatch, tmp_path):
    from relationalai_gnns import OutputConfig

    objects.connector.is_local = True
    monkeypatch.chdir(tmp_path)
    objects.trainer().fit_predict(objects.dataset(), "A", OutputConfig.local("out")).wait()
    assert posted(host)["output"]["folder"] == str(tmp_path / "out")


RUN, BEST = {"model_run_id": "r"}, {"model_selection_strategy": "best"}


@pytest.mark.parametrize(
    "change,kind,text",
    [
        ({"output_alias": "a b"}, "ValidationError", "output_alias: expected 1 to 100 of A-Z a-z 0-9 _"),
        ({"output_alias": ""}, "ValidationError", "output_alias"),
        ({"output_alias": "x" * 101}, "ValidationError", "output_alias"),
        ({"output_config": None}, "ValidationError", "output_config: is missing"),
        ({"output_config": "out"}, "ValidationError", "output_config: expected an OutputConfig"),
        ({"test_batch_size": 0}, "ValidationError", "test_batch_size: expected an integer of at least 1"),
        ({"test_batch_size": 65537}, "ValidationError", "test_batch_size"),
        ({"dataset": "d"}, "ValidationError", "dataset: expected a Dataset"),
        ({"flatten_output": 1}, "ValidationError", "flatten_output: expected True or False"),
        ({"align_dtypes": None}, "ValidationError", "align_dtypes"),
        ({"compute_test_metrics": "yes"}, "ValidationError", "compute_test_metrics"),
        ({"overwrite_results": 1}, "ValidationError", "overwrite_results"),
        ({"materialize_results": 1}, "ValidationError", "materialize_results"),
        ({"extract_embeddings": 1}, "ValidationError", "extract_embeddings"),
        ({"model_run_id": None}, "ValidationError", "model_run_id: exactly one of .* none is given"),
        ({"registered_model_name": "m", "version": "1"}, "ValidationError", "are given"),
        ({"version": "1"}, "ValidationError", "version: goes with registered_model_name"),
        ({"evaluation_metric": "f1"}, "ValidationError", 'goes with model_selection_strategy="best"'),
        ({"model_run_id": None, "registered_model_name": "m"}, "ValidationError", "version: is missing"),
        ({"model_run_id": None, "registered_model_name": "m", "version": "Version 1"}, "ValidationError", "the number alone"),
        (
            {"model_run_id": None, "registered_model_name": "m", "version": "1"},
            "NotBuiltError",
            "predict\\(registered_model_name=...\\) is not built yet: it comes with the model registry part",
        ),
        ({"model_run_id": None, "registered_model_key": "a.b"}, "ValidationError", "database.schema.model.version"),
        ({"model_run_id": None, "registered_model_key": "a.b.c.1"}, "NotBuiltError", "registered_model_key"),
        ({"model_run_id": None, **BEST}, "ValidationError", "evaluation_metric: is missing"),
        (
            {"model_run_id": None, "model_selection_strategy": "worst"},
            "ValidationError",
            'model_selection_strategy: expected one of "best"',
        ),
        ({"test_table": "x.parquet"}, "ValidationError", "test_table: give either dataset= or test_table="),
        ({"experiment_name": "a/b/c"}, "ValidationError", "experiment_name: give either"),
        ({"dataset": None, "experiment_name": "a/b/c"}, "ValidationError", "test_table: is missing"),
        ({"dataset": None, "experiment_name": "abc", "test_table": "x"}, "ValidationError", "DATASET/TASK"),
    ],
)
def test_arguments_of_predict_are_checked_before_anything_is_sent(objects, host, output, change, kind, text):
    import relationalai_gnns

    given = {"output_alias": "A", "output_config": output, "dataset": objects.dataset(), "model_run_id": "r", **change}
    with pytest.raises(getattr(relationalai_gnns, kind), match=text):
        objects.trainer().predict(**given)
    assert not host.jobs


def test_the_best_model_comes_later(objects, output):
    from relationalai_gnns import EvaluationMetric, NotBuiltError

    with pytest.raises(NotBuiltError, match="model_selection_strategy=...\\) is not built yet: it comes with the model registry part"):
        objects.trainer().predict(
            "A", output, dataset=objects.dataset(), model_selection_strategy="best", evaluation_metric=EvaluationMetric("accuracy")
        )


def test_a_dataset_that_can_not_be_used_is_refused(objects, host, output):
    from relationalai_gnns import ValidationError

    trainer = objects.trainer()
    no_test = objects.dataset(objects.task(task_data_source={s: objects.source(s) for s in ("train", "validation")}))
    with pytest.raises(ValidationError, match='needs task_data_source\\["test"\\]'):
        trainer.fit_predict(no_test, "A", output)
    only_test = objects.dataset(objects.task(task_data_source={"test": objects.source("test")}))
    with pytest.raises(ValidationError, match="training needs"):
        trainer.fit(only_test)
    changed = objects.dataset()
    changed.tables[0].unset_primary_key("studentId")
    with pytest.raises(ValidationError):
        trainer.fit(changed)
    assert not host.jobs


def test_links_are_trained_and_predicted(objects, host, output):
    trainer = objects.trainer(num_negative=5, negative_sampling_strategy="degree_based", id_awareness=True, link_fusion=True)
    job = trainer.fit(objects.shop()).wait()
    sent = host.jobs[job.job_id]["request"]
    assert sent["spec"]["task"]["target_entity"] == "articles.article_id" and "test" not in sent["spec"]["task"]
    assert sent["spec"]["config"] == {
        "num_negative": 5,
        "negative_sampling_strategy": "degree_based",
        "id_awareness": True,
        "link_fusion": True,
    }
    assert job.experiment_name == "shop/link_prediction/buys" and job.result.validation_metrics == {"link_prediction_map": 0.8}
    lists = trainer.predict("A", output, dataset=objects.shop(), model_run_id=job.model_run_id, compute_test_metrics=True).wait()
    assert lists.result.test_metrics == {"link_prediction_map": 0.7}
    assert lists.predictions()["predicted_article_id"].to_pylist() == [[0, 1]] * 20
    flat = trainer.predict("B", output, dataset=objects.shop(), model_run_id=job.model_run_id, flatten_output=True).wait().predictions()
    assert flat.column_names[-3:] == ["predicted_article_id", "rank", "score"] and flat.num_rows == 40
    again = trainer.predict("C", output, test_table=objects.source("pairs_test"), model_run_id=job.model_run_id).wait()
    assert host.jobs[again.job_id]["request"]["spec"]["task"]["test"] == objects.source("pairs_test")


def test_arguments_of_the_trainer_are_checked(connector):
    from relationalai_gnns import Trainer, ValidationError

    with pytest.raises(ValidationError, match="config: expected a TrainerConfig"):
        Trainer(connector, {"n_epochs": 3})
    with pytest.raises(ValidationError, match="connector: expected a Connector"):
        Trainer("x", None)


def test_models_are_managed_later(connector):
    from relationalai_gnns import ExperimentConfig, ModelManager, NotBuiltError, ValidationError

    manager = ModelManager(connector=connector)
    for call in (
        manager.list_models,
        manager.list_registered_models,
        lambda: manager.register_model("r", "m"),
        lambda: manager.delete_model("r"),
        lambda: manager.delete_registered_model("m", "1", ExperimentConfig("d", "s")),
    ):
        with pytest.raises(NotBuiltError, match="it comes with the model registry part"):
            call()
    with pytest.raises(ValidationError, match="model_name"):
        manager.register_model("r", "")
