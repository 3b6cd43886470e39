"""Tasks and datasets: both forms of a task, what is checked of all tables together, the specification, the picture."""

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET

import jsonschema
import numpy as np
import pytest
import yaml


def test_a_node_task_in_both_forms_is_the_same_job(objects):
    from relationalai_gnns import ForeignKey, NodeTask

    named = objects.dataset().metadata_dict
    keyed = NodeTask(
        connector=objects.connector,
        name="pass",
        task_data_source=objects.task().task_data_source,
        target_entity_column=ForeignKey("studentId", "Students.studentId"),
        task_type="binary_classification",
        label_column="label",
    )
    assert objects.dataset(keyed).metadata_dict == named
    assert named["task"] == {
        "name": "pass",
        "type": "binary_classification",
        "entity": "Students.studentId",
        "entity_column": "studentId",
        "target": "label",
        "metric": "roc_auc",
        "train": objects.source("train"),
        "validation": objects.source("validation"),
        "test": objects.source("test"),
    }


def test_the_specification_has_the_form_of_the_schema(objects, root):
    told = objects.dataset().metadata_dict
    jsonschema.validate(told, json.loads((root / "schema/job.schema.json").read_text()))


def test_the_engine_takes_the_specification(objects, rle, tmp_path):
    from relationalai_gnns import TrainerConfig
    from relationalai_gnns._spec import job_specification

    config = TrainerConfig(objects.connector, channels=8, fanouts=[4, 4], n_epochs=2, use_temporal_encoder=False)
    spec = job_specification(objects.dataset(), config, ("train", "validation", "test"))
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    checked = rle("validate", tmp_path / "spec.json")
    assert checked.returncode == 0, checked.stderr


def test_metrics(objects):
    from relationalai_gnns import EvaluationMetric, ValidationError

    task = objects.task()
    assert task.evaluation_metric == EvaluationMetric(name="roc_auc")
    task.set_evaluation_metric(EvaluationMetric(name="accuracy"))
    assert objects.dataset(task).metadata_dict["task"]["metric"] == "accuracy"
    with pytest.raises(ValidationError, match='"rmse" does not judge binary_classification; these do: "roc_auc"'):
        task.set_evaluation_metric(EvaluationMetric("rmse"))
    with pytest.raises(ValidationError, match='got "acuracy". Did you mean "accuracy"'):
        EvaluationMetric("acuracy")
    for k in (12, 12.0, np.int64(12)):
        assert type(EvaluationMetric("link_prediction_map", eval_at_k=k).eval_at_k) is int
    with pytest.raises(ValidationError, match="eval_at_k: only link metrics"):
        EvaluationMetric("f1", eval_at_k=3)
    for kind, default, target in (
        ("regression", "rmse", "load"),
        ("multiclass_classification", "macro_f1", "level"),
        ("multilabel_classification", "multilabel_auroc_macro", "level"),
    ):
        assert objects.task(task_type=kind, target_column=target).evaluation_metric.name == default


def test_a_link_task_is_told_as_the_engine_reads_it(objects):
    from relationalai_gnns import EvaluationMetric

    task = objects.links(time_column=..., name="buys")
    assert task.evaluation_metric == EvaluationMetric("link_prediction_map", 12)
    task.set_evaluation_metric(EvaluationMetric("link_prediction_recall"))
    assert task.evaluation_metric.eval_at_k == 12
    task.set_evaluation_metric(EvaluationMetric("link_prediction_recall", eval_at_k=3))
    task.set_time_column(col_name="timestamp")
    assert objects.shop(task).metadata_dict["task"] == {
        "name": "buys",
        "type": "link_prediction",
        "entity": "customers.customer_id",
        "entity_column": "customer_id",
        "target_entity": "articles.article_id",
        "target": "article_id",
        "time_column": "timestamp",
        "metric": "link_prediction_recall",
        "eval_at_k": 3,
        **{s: objects.source(f"link_{s}") for s in ("train", "validation", "test")},
    }


@pytest.mark.parametrize("file", ["link", "pairs"])
def test_a_link_task_by_keys_is_the_same(objects, file):
    from relationalai_gnns import ForeignKey, TaskType

    keyed = objects.links(
        file,
        source_entity_column=ForeignKey("customer_id", "customers.customer_id"),
        target_entity_column=ForeignKey("article_id", "articles.article_id"),
        source_entity_table=...,
        target_entity_table=...,
        task_type=TaskType.REPEATED_LINK_PREDICTION,
    )
    named = objects.links(file, task_type="repeated_link_prediction")
    assert objects.shop(keyed).metadata_dict == objects.shop(named).metadata_dict
    assert objects.shop(keyed).metadata_dict["task"]["type"] == "repeated_link_prediction"
    assert objects.shop(keyed).experiment_name == "shop/repeated_link_prediction/buys"


def test_a_column_and_a_key_may_have_different_names(objects):
    from relationalai_gnns import Dataset, ForeignKey, LinkTask

    friends = LinkTask(
        objects.connector,
        "friends",
        {s: objects.source(s) for s in ("train", "validation")},
        ForeignKey("studentId", "Students.studentId"),
        target_entity_column=ForeignKey("load", "Students.studentId"),
    )
    told = Dataset(objects.connector, "school", objects.dataset().tables, friends).metadata_dict["task"]
    assert (told["entity"], told["target_entity"], told["target"]) == ("Students.studentId", "Students.studentId", "load")


def test_links_to_predict_for_need_not_name_their_targets(objects):
    only_test = {"test": objects.source("customers")}  # a table without targets
    bare = objects.links(task_data_source=only_test, time_column="joined", target_entity_column=..., target_entity_table=...)
    told = objects.shop(bare).metadata_dict["task"]
    assert "target" not in told and "target_entity" not in told and told["eval_at_k"] == 12
    named = objects.shop(objects.links(task_data_source=only_test, time_column="joined")).metadata_dict["task"]
    assert (named["target_entity"], named["target"]) == ("articles.article_id", "article_id")


@pytest.mark.parametrize(
    "change,error",
    [
        ({"metric": "link_prediction_map"}, "needs eval_at_k"),
        ({"task_type": "regression"}, '"regression" is a NodeTask, not a LinkTask'),
        ({"target_entity_column": "customer_id"}, '"customer_id" is source_entity_column already'),
        ({"target_entity_column": "article"}, 'no column "article".* Did you mean "article_id"'),
        ({"target_entity_column": ...}, "target_entity_column: task \"buys\" has a train or validation table"),
        ({"target_entity_table": ...}, "target_entity_table: is missing"),
        ({"source_entity_table": ...}, "source_entity_table: is missing"),
        ({"target_entity_table": "article"}, 'target_entity_table: the dataset "shop" has no table "article". Did you mean "articles"'),
        ({"target_entity_table": "purchases"}, 'target_entity_table: "article_id" is no primary or candidate key of table "purchases"'),
        ({"source_entity_table": "customer"}, 'source_entity_table: the dataset "shop" has no table "customer"'),
    ],
    ids=str,
)
def test_a_link_task_that_is_wrong_is_refused(objects, change, error):
    from relationalai_gnns import EvaluationMetric, ValidationError

    if "metric" in change:
        change = {"evaluation_metric": EvaluationMetric(change["metric"])}
    with pytest.raises(ValidationError, match=error):
        objects.shop(objects.links(**change))


def test_a_node_task_is_no_link_task(objects):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match='"link_prediction" is a LinkTask, not a NodeTask'):
        objects.task(task_type="link_prediction")


@pytest.mark.parametrize(
    "change,text",
    [
        ({"task_data_source": {"training": "x"}}, 'task_data_source: expected one of .* got "training". Did you mean "train"'),
        ({"task_data_source": {}}, "task_data_source: at least one"),
        ({"task_data_source": "x"}, "task_data_source: expected a dict"),
        ({"source_entity_column": ...}, "source_entity_column: is missing"),
        ({"source_entity_table": ...}, "source_entity_table: is missing"),
        ({"source_entity_column": "student"}, 'has no column "student". Did you mean "studentId"'),
        ({"target_column": "labl"}, 'target_column: .*Did you mean "label"'),
        ({"target_column": ...}, "target_column: task .* needs the column"),
        ({"task_type": "binary"}, "task_type: expected one of"),
        ({"current_time": 1}, "current_time: expected True or False"),
        ({"name": "a/b"}, 'name: expected a name without "/"'),
        ({"label_column": "level"}, "one argument under two names"),
        ({"evaluation_metric": "f1"}, "evaluation_metric: expected an EvaluationMetric"),
        ({"time_column": "age"}, "time_column"),
        ({"time_column": "label"}, 'is of dtype "datetime"'),
    ],
)
def test_arguments_of_a_task_are_checked(objects, change, text):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match=text):
        objects.task(**change)


def test_the_validation_table_must_have_the_same_columns(objects):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match='"studentId" is in the train table of task "pass" but not in its validation table'):
        objects.task(task_data_source={"train": objects.source("train"), "validation": objects.source("classes")})


def test_a_task_for_prediction_only(objects):
    task = objects.task(task_data_source={"test": objects.source("test")}, target_column=...)
    assert "target" not in objects.dataset(task).metadata_dict["task"]
    task.validate_for_inference()
    with pytest.raises(ValueError, match='training needs .*"train", "validation" is missing'):
        task.validate_for_training()


def test_show_task_and_its_columns(objects, capsys):
    from relationalai_gnns import ValidationError

    task = objects.task()
    task.show_task()
    shown = capsys.readouterr().out
    assert "pass: binary_classification, judged by roc_auc" in shown and "entity (Students)" in shown and "target" in shown
    with pytest.raises(ValidationError, match='"label" is the target of task "pass" and stays'):
        task.remove_column("label")
    with pytest.raises(AttributeError):
        task.current_time = False


def test_a_link_to_an_absent_table_or_key(objects):
    from relationalai_gnns import ForeignKey, TableNotFoundError, ValidationError

    wrong = objects.takes(foreign_keys=[ForeignKey("studentId", "Student.studentId")])
    with pytest.raises(
        TableNotFoundError,
        match='foreign key "studentId" of table "Takes" to Student.studentId: the dataset "school" has no table "Student". Did you mean "Students"',
    ) as error:
        objects.dataset(tables=[objects.students(), wrong])
    assert isinstance(error.value, KeyError)
    no_key = objects.takes(foreign_keys=[ForeignKey("studentId", "Students.email")])
    with pytest.raises(ValidationError, match='"email" is no primary or candidate key of "Students". Its keys: "studentId"'):
        objects.dataset(tables=[objects.students(), no_key])
    objects.dataset(tables=[objects.students(candidate_keys=["email"]), no_key])


def test_an_entity_that_is_not_there(objects):
    from relationalai_gnns import TableNotFoundError, ValidationError

    with pytest.raises(TableNotFoundError, match='source_entity_table: the dataset "school" has no table "Pupils"'):
        objects.dataset(objects.task(source_entity_table="Pupils"))
    with pytest.raises(ValidationError, match="rows of .* are edges"):
        objects.dataset(
            objects.task(source_entity_table="Takes"), tables=[objects.students(), objects.classes(), objects.takes(type="edge")]
        )


def test_times_must_fit(objects):
    from relationalai_gnns import ValidationError

    timed = {
        "name": "t",
        "task_data_source": {s: objects.source(f"link_{s}") for s in ("train", "validation")},
        "source_entity_column": "customer_id",
        "source_entity_table": "customers",
        "target_column": "text_time",
        "task_type": "multiclass_classification",
    }
    plain, with_time = (
        objects.table("customers", "customers", primary_key="customer_id"),
        objects.table("customers", "customers", primary_key="customer_id", time_column="joined"),
    )
    with pytest.raises(ValidationError, match='has the time column "timestamp", but no table has one'):
        objects.dataset(objects.task(**timed, time_column="timestamp"), [plain])
    with pytest.raises(ValidationError, match='tables "customers" have a time column, so task "t" needs one too'):
        objects.dataset(objects.task(**timed), [with_time])
    with pytest.raises(ValidationError, match="current_time: False goes with a time column"):
        objects.dataset(objects.task(**timed, current_time=False), [plain])
    told = objects.dataset(objects.task(**timed, time_column="timestamp", current_time=False), [with_time]).metadata_dict["task"]
    assert (told["time_column"], told["current_time"]) == ("timestamp", False)


@pytest.mark.parametrize(
    "change,text",
    [
        ({"dataset_name": "a/b"}, "dataset_name"),
        ({"tables": []}, "tables: expected at least one"),
        ({"tables": ["x"]}, r"tables\[0\]: expected a GNNTable"),
        ({"tables": "x"}, "tables: expected a list"),
        ({"task_description": "x"}, "task_description: expected a NodeTask or a LinkTask"),
    ],
)
def test_arguments_of_a_dataset_are_checked(objects, change, text):
    from relationalai_gnns import Dataset, ValidationError

    given = {
        "connector": objects.connector,
        "dataset_name": "school",
        "tables": [objects.students()],
        "task_description": objects.task(),
        **change,
    }
    with pytest.raises(ValidationError, match=text):
        Dataset(**given)


def test_two_tables_of_one_name(objects):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match='2 tables are named "Students"'):
        objects.dataset(tables=[objects.students(), objects.students()])


def test_disconnected_tables_are_warned_of(objects):
    from relationalai_gnns import GNNWarning

    with pytest.warns(GNNWarning, match='no keys join "Classes" with the tables of the task'):
        objects.dataset(tables=[objects.students(), objects.classes()])


def test_names_and_configuration_are_shown(objects, capsys):
    dataset = objects.dataset()
    assert dataset.experiment_name == "school/binary_classification/pass"
    dataset.print_data_config()
    assert json.loads(capsys.readouterr().out) == dataset.metadata_dict


def test_the_picture_needs_no_graphviz(objects, tmp_path, monkeypatch, capsys):
    from relationalai_gnns import GraphvizError, ValidationError

    graph = objects.dataset().visualize_dataset(show_dtypes=True)
    svg = ET.fromstring(graph._repr_svg_())
    texts = [t.text for t in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Students", "Classes", "Takes", "task pass", "studentId", "integer, PK"} <= set(texts)
    assert (
        len([p for p in svg.iter("{http://www.w3.org/2000/svg}path") if p.get("marker-end")]) == 3
    )  # two foreign keys and the task's entity
    assert graph.mermaid.startswith("erDiagram") and graph.mermaid.count("||--o{") == 3
    assert '"Takes":c0 -> "Students":c0;' in graph.source and str(graph) == graph.source
    for name in ("x.svg", "x.mmd", "x.gv"):
        graph.save(tmp_path / name)
        assert (tmp_path / name).read_text()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GraphvizError, match="apt-get install graphviz"):
        graph.create_png()
    with pytest.raises(RuntimeError, match='needs the program "dot"'):
        graph.save(tmp_path / "x.pdf")
    with pytest.raises(ValidationError, match="no ending"):
        graph.save(tmp_path / "x")
    graph.display()
    assert "digraph" in capsys.readouterr().out


def test_the_picture_as_png(objects, tmp_path, monkeypatch):
    """With a program `dot` that tells what it was given; with the real one where it is installed."""
    graph = objects.dataset().visualize_dataset()
    if shutil.which("dot"):
        assert graph.create_png().startswith(b"\x89PNG")
        assert subprocess.run(["dot", "-Tsvg"], input=graph.source.encode(), capture_output=True, check=False).returncode == 0
    (tmp_path / "dot").write_text('#!/bin/sh\necho "$1"; cat\n')
    (tmp_path / "dot").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert graph.create_png().decode() == f"-Tpng\n{graph.source}"


def test_a_cycle_of_keys_can_be_drawn(objects):
    from relationalai_gnns import ForeignKey

    students = objects.students(foreign_keys=[ForeignKey("age", "Classes.classId")])
    classes = objects.classes(foreign_keys=[ForeignKey("credits", "Students.studentId")])
    assert "<svg" in objects.dataset(tables=[students, classes]).visualize_dataset()._repr_svg_()


def test_the_specification_is_yaml_too(objects):
    assert yaml.safe_load(json.dumps(objects.dataset().metadata_dict))["dataset"] == "school"
