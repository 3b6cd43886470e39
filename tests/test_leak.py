"""Nothing of the future reaches statistics, parameters or predictions: not its values, not even its presence."""
import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from runs import LARGE, OTHER_OPTIONS, f1_data, fit, market_data, predict, split_model, write

LIST_VALUE = {"string": "never before", "double": 77.5}


def other_value(type_):
    """A valid value that stands nowhere in the data."""
    if pa.types.is_list(type_):
        return [LIST_VALUE[str(type_.value_type)]] * 3
    if pa.types.is_timestamp(type_):
        return dt.datetime(2031, 7, 8)
    if pa.types.is_time(type_):
        return dt.time(23, 59)
    return {"int64": 98765, "double": -4321.5, "string": "never before"}[str(type_)]


def later_than(table, column, when):
    return pc.fill_null(pc.greater(table[column], pa.scalar(when, table.schema.field(column).type)), False)


class Data:
    """Specification and tables of a data set, and the parts of a table that a model may use of it."""

    def __init__(self, root, name):
        self.spec, self.tables = f1_data(root, "driver-top3") if name == "f1" else market_data()
        self.config = {"visible_until": None}
        self.graph_tables = [(t["source"].removesuffix(".parquet"), t) for t in self.spec["tables"].values() if t.get("time_column")]
        task = self.spec["task"]
        self.keys = [task.get("entity_column", "driverId"), task["time_column"]]
        self.label_tables = {s: self.tables[task[s].removesuffix(".parquet")] for s in ("train", "validation", "test")}

    def last(self, *splits):
        return max(pc.max(self.label_tables[s][self.keys[1]]).as_py() for s in splits)

    def changed(self, change, when):
        """All tables with `change(table, rows later than when, table's specification)` where there is time."""
        tables = dict(self.tables)
        for name, spec in self.graph_tables:
            later = later_than(tables[name], spec["time_column"], when)
            assert 0 < pc.sum(later).as_py() < len(later)
            tables[name] = change(tables[name], later, spec)
        return tables


def replaced(table, later, spec):
    """Every value of these rows but keys and times is another one; what was null is not."""
    kept = {spec.get("primary_key"), spec["time_column"], *spec["foreign_keys"]}
    for i, field in enumerate(table.schema):
        if field.name in kept:
            continue
        other = pa.chunked_array([pa.array([other_value(field.type)] * table.num_rows, field.type)])
        if pa.types.is_list(field.type):
            values = [o if is_later else v for v, o, is_later in zip(table[i].to_pylist(), other.to_pylist(), later.to_pylist())]
            table = table.set_column(i, field, pa.array(values, field.type))
        else:
            table = table.set_column(i, field, pc.if_else(later, other, table[i]))
    return table


def deleted(table, later, spec):
    return table.filter(pc.invert(later))


@pytest.fixture(params=[pytest.param("f1", marks=LARGE), "market"])
def data(root, request):
    return Data(root, request.param)


class Runs:
    def __init__(self, rle, folder, data):
        self.rle, self.folder, self.data = rle, folder, data

    def spec(self, name, tables):
        return write(self.folder / name, self.data.spec, tables)

    def fit(self, name, tables):
        """The model's bytes and its predictions for the test table."""
        spec = self.spec(name, tables)
        content = fit(self.rle, spec, self.folder / f"{name}-model", **self.data.config)
        return content, self.predict(name, spec, self.folder / f"{name}-model")

    def predict(self, name, spec, model):
        config = ("--set", "config.visible_until=null")
        return predict(self.rle, spec, model, self.folder / f"{name}.parquet", *config)


@pytest.fixture
def runs(rle, tmp_path, data):
    return Runs(rle, tmp_path, data)


@pytest.mark.parametrize("change", [replaced, deleted])
def test_rows_later_than_all_seeds_are_never_seen(runs, data, change):
    when = data.last("train", "validation", "test")
    model, predictions = runs.fit("whole", data.tables)
    assert np.ptp(predictions["predicted_prob"].to_numpy()) > 1e-4
    other_model, other_predictions = runs.fit("changed", data.changed(change, when))
    assert split_model(other_model)[0]["statistics"] == split_model(model)[0]["statistics"]
    assert other_model == model
    assert other_predictions.equals(predictions)


@pytest.mark.parametrize("data", ["market"], indirect=True)
@pytest.mark.parametrize("change", [replaced, deleted])
@pytest.mark.parametrize("options", OTHER_OPTIONS, ids=["last", "untimed"])
def test_no_option_lets_them_in(runs, data, change, options):
    data.config |= options
    model, predictions = runs.fit("whole", data.tables)
    other_model, other_predictions = runs.fit("changed", data.changed(change, data.last("train", "validation", "test")))
    assert other_model == model
    assert other_predictions.equals(predictions)


@pytest.mark.parametrize("change", [replaced, deleted])
def test_training_never_sees_what_only_test_seeds_may(runs, data, change):
    when = data.last("train", "validation")
    model, predictions = runs.fit("whole", data.tables)
    other_model, other_predictions = runs.fit("changed", data.changed(change, when))
    assert other_model == model
    assert not other_predictions.equals(predictions)  # the rows were of use there: the test above could fail


@pytest.mark.parametrize("change", [replaced, deleted])
def test_statistics_never_see_what_only_validation_seeds_may(runs, data, change):
    model, _ = runs.fit("whole", data.tables)
    other, _ = runs.fit("changed", data.changed(change, data.last("train")))
    (description, tensors), (other_description, other_tensors) = split_model(model), split_model(other)
    for key in ("statistics", "tables", "labels", "bounds"):
        assert other_description[key] == description[key], key
    assert {n: t for n, t in other_tensors.items() if n.startswith("vocabulary")} == {
        n: t for n, t in tensors.items() if n.startswith("vocabulary")}
    assert other_description["validation_metrics"] != description["validation_metrics"]


@pytest.mark.parametrize("change", [replaced, deleted])
def test_a_prediction_never_sees_what_is_later_than_itself(runs, data, change):
    times = sorted(set(data.label_tables["test"][data.keys[1]].to_pylist()))
    when = times[len(times) // 2 - 1]
    _, predictions = runs.fit("whole", data.tables)
    spec = runs.spec("changed", data.changed(change, when))
    other = runs.predict("changed", spec, runs.folder / "whole-model")
    early = pc.invert(later_than(predictions, data.keys[1], when))
    assert other.filter(early).equals(predictions.filter(early))
    assert not other.filter(pc.invert(early)).equals(predictions.filter(pc.invert(early)))


@pytest.mark.parametrize("data", ["market"], indirect=True)
@pytest.mark.parametrize("current_time", [True, False])
def test_rows_at_the_time_of_a_seed_are_seen_if_the_task_says_so(runs, data, current_time):
    data.spec["task"]["current_time"] = current_time
    when = data.last("train", "validation", "test") - dt.timedelta(microseconds=1)
    model, predictions = runs.fit("whole", data.tables)
    other_model, other_predictions = runs.fit("changed", data.changed(replaced, when))
    assert other_model == model
    assert other_predictions.equals(predictions) != current_time


def test_training_sees_rows_up_to_its_last_seed(runs, data):
    model, _ = runs.fit("whole", data.tables)
    when = data.last("train") - dt.timedelta(days=365 if "drivers" in data.spec["tables"] else 45)
    other, _ = runs.fit("changed", data.changed(replaced, when))
    assert split_model(other)[0]["statistics"] != split_model(model)[0]["statistics"]


def test_rows_without_a_time_are_never_seen(runs, data):
    """Rows that point at everything there is and have the wildest values, but no time."""
    model, predictions = runs.fit("whole", data.tables)
    tables = {}
    for name, table in data.tables.items():
        spec = dict(data.graph_tables).get(name)
        if spec is None:
            tables[name] = table
            continue
        rows = replaced(table, pa.chunked_array([pa.array([True] * table.num_rows)]), spec)
        rows = rows.filter(pc.is_valid(rows[spec["time_column"]])).slice(0, 300)
        time = rows.schema.get_field_index(spec["time_column"])
        rows = rows.set_column(time, rows.schema.field(time), pa.nulls(rows.num_rows, rows.schema.field(time).type))
        if "primary_key" in spec:
            key = rows.schema.get_field_index(spec["primary_key"])
            rows = rows.set_column(key, rows.schema.field(key), pa.array(range(10**6, 10**6 + rows.num_rows), rows.schema.field(key).type))
        tables[name] = pa.concat_tables([table, rows])
    other_model, other_predictions = runs.fit("timeless", tables)
    assert other_model == model
    assert other_predictions.equals(predictions)
