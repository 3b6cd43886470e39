"""The same model bytes and predictions for any number of threads, any order of rows, any files and file formats."""
import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from runs import LARGE, OTHER_OPTIONS, f1_data, fit, market_data, predict, shuffled, split_model, write

TASKS = ("driver-top3", "driver-position")


def by_content(table, columns):
    return table.sort_by([(column, "ascending") for column in columns]).to_pydict()


@pytest.mark.parametrize("task", [TASKS[0], pytest.param(TASKS[1], marks=LARGE)])
def test_threads_do_not_matter_and_seeds_do(rle, root, tmp_path, task):
    spec = root / f"examples/f1/{task}.yaml"
    one = fit(rle, spec, tmp_path / "one", "--threads", 1)
    assert fit(rle, spec, tmp_path / "again", "--threads", 1) == one
    assert fit(rle, spec, tmp_path / "two", "--threads", 2) == one
    assert fit(rle, spec, tmp_path / "four", threads=4) == one
    _, other = split_model(fit(rle, spec, tmp_path / "other", seed=43))
    drawn = [n for n, data in split_model(one)[1].items() if n.endswith("weight") and data != data[:4] * (len(data) // 4)]
    assert len(drawn) > 50 and all(other[name] != split_model(one)[1][name] for name in drawn)
    first = predict(rle, spec, tmp_path / "one", tmp_path / "one.parquet", "--threads", 1)
    assert predict(rle, spec, tmp_path / "two", tmp_path / "four.parquet", "--threads", 4).equals(first)


@pytest.mark.parametrize("options", OTHER_OPTIONS, ids=["last", "untimed"])
def test_threads_do_not_matter_whatever_the_options(rle, tmp_path, options):
    path = write(tmp_path / "market", *market_data())
    one = fit(rle, path, tmp_path / "one", "--threads", 1, **options)
    for threads in (2, 4):
        assert fit(rle, path, tmp_path / f"model{threads}", "--threads", threads, **options) == one
    assert fit(rle, path, tmp_path / "other", seed=43, **options) != one


@LARGE
def test_threads_do_not_matter_at_the_published_sizes(rle, root, tmp_path):
    spec = root / "examples/f1/driver-position.yaml"
    sizes = {"n_epochs": 1, "max_iters": 2, "channels": 128, "fanouts": [128, 64], "train_batch_size": 512, "encoder_blocks": 4}
    models = [fit(rle, spec, tmp_path / f"model{n}", "--threads", n, **sizes) for n in (1, 4)]
    assert split_model(models[0])[0]["config"]["model"]["channels"] == 128
    assert models[1] == models[0]


def test_a_model_tells_nothing_of_where_and_how_it_was_made(rle, root, tmp_path):
    spec, tables = f1_data(root, "driver-top3")
    spec["config"]["threads"] = 3
    path = write(tmp_path / "sources-of-mine", spec, tables)
    content = fit(rle, path, tmp_path / "model-of-mine")
    for text in (str(tmp_path), "of-mine", ".parquet", "spec.json", str(root)):
        assert text.encode() not in content, text
    description, _ = split_model(content)
    keys = set()

    def collect(value):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
            keys.add(key)
            collect(item)

    collect(description)
    assert {"seed", "n_epochs", "mean"} <= keys
    assert not keys & {"threads", "seconds", "seeds_per_second", "path", "host", "time", "created", "nodes"}
    assert all("source" not in table for table in description["tables"])
    assert not {"train", "validation", "test"} & set(description["task"])


FORMS = [("parquet", 1, 1), ("parquet", 1, 2), ("parquet", 3, 3), ("csv", 1, None), ("duckdb", 1, 4)]
MARKET_FORMS = [*FORMS, ("csv", 3, 5), ("json", 2, 6)]


@pytest.mark.parametrize("name, form, files, seed", [pytest.param("f1", *form, marks=LARGE) for form in FORMS] + [("market", *form) for form in MARKET_FORMS])
def test_order_and_form_of_the_tables_do_not_matter(rle, root, tmp_path, name, form, files, seed):
    spec, tables = f1_data(root, "driver-top3") if name == "f1" else market_data(lists=form != "csv")
    other = {n: t if seed is None else shuffled(t, seed) for n, t in tables.items()}
    first, second = write(tmp_path / "first", spec, tables), write(tmp_path / "second", spec, other, form, files)
    model = fit(rle, first, tmp_path / "model1")
    assert fit(rle, second, tmp_path / "model2") == model
    before = predict(rle, first, tmp_path / "model1", tmp_path / "first.parquet")
    after = predict(rle, second, tmp_path / "model2", tmp_path / "second.parquet")
    keys = [spec["task"].get("entity_column", "driverId"), spec["task"]["time_column"]]
    assert len(set(before["predicted_prob"].to_pylist())) > 10
    assert by_content(after, keys) == by_content(before, keys)
    asked = other["tasks/driver-top3/test" if name == "f1" else "test"]
    assert after.select(keys).to_pydict() == asked.select(keys).to_pydict()  # in the order of the test table


def test_a_list_is_the_set_of_its_elements(rle, tmp_path):
    spec, tables = market_data()
    notes = tables["notes"]
    tags = notes.schema.get_field_index("tags")
    repeated = [list(reversed(row)) + row[:2] for row in notes["tags"].to_pylist()]
    other = tables | {"notes": notes.set_column(tags, notes.schema.field(tags), pa.array(repeated, notes.schema.field(tags).type))}
    models = [fit(rle, write(tmp_path / name, spec, rows), tmp_path / f"{name}-model") for name, rows in (("once", tables), ("twice", other))]
    assert models[1] == models[0]


def test_narrower_types_of_the_same_values_train_the_same_parameters(rle, root, tmp_path):
    spec, tables = f1_data(root, "driver-top3")
    narrow = {pa.int64(): pa.int32(), pa.timestamp("ms"): pa.date32(), pa.timestamp("us"): pa.date32()}

    def narrowed(name, table):  # the tables' own times are not all at midnight
        return table.cast(pa.schema([(f.name, narrow[f.type] if f.type in narrow and (f.name != "date" or name.startswith("tasks/"))
                                      else f.type) for f in table.schema]))

    wide, small = write(tmp_path / "wide", spec, tables), write(tmp_path / "small", spec, {n: narrowed(n, t) for n, t in tables.items()})
    wide_model, small_model = split_model(fit(rle, wide, tmp_path / "m1")), split_model(fit(rle, small, tmp_path / "m2"))
    assert small_model[1] == wide_model[1]
    for key in ("statistics", "graph", "config", "validation_metrics", "bounds"):
        assert small_model[0][key] == wide_model[0][key]
    table = predict(rle, small, tmp_path / "m2", tmp_path / "small.parquet")
    assert (table.schema.field("driverId").type, table.schema.field("date").type) == (pa.int32(), pa.date32())
    assert table["predicted_prob"].equals(predict(rle, wide, tmp_path / "m1", tmp_path / "wide.parquet")["predicted_prob"])


@pytest.fixture
def market(rle, tmp_path):
    """A model that samples nothing: its predictions depend on key and time alone."""
    spec, tables = market_data()
    path = write(tmp_path / "market", spec, tables)
    fit(rle, path, tmp_path / "model", fanouts=[512, 512])
    return path, tables


def test_entities_of_a_file_come_in_its_order(rle, tmp_path, market):
    path, tables = market
    test = predict(rle, path, tmp_path / "model", tmp_path / "test.parquet")
    probability = dict(zip(zip(test["person"].to_pylist(), test["at"].to_pylist()), test["predicted_prob"].to_pylist()))
    who = ["p9", "p3", "p41", "p3", "p0"]
    pq.write_table(pa.table({"person": who}), tmp_path / "who.parquet")
    table = predict(rle, path, tmp_path / "model", tmp_path / "out.parquet", "--entities", tmp_path / "who.parquet", "--at", "2020-05-10")
    at = dt.datetime(2020, 5, 10)
    assert table["person"].to_pylist() == who and table["at"].to_pylist() == [at] * 5
    assert table["predicted_prob"].to_pylist() == pytest.approx([probability[w, at] for w in who], rel=1e-6)

    asked = shuffled(tables["test"].drop_columns("comes"), 7)
    pq.write_table(asked, tmp_path / "when.parquet")
    table = predict(rle, path, tmp_path / "model", tmp_path / "out2.parquet", "--entities", tmp_path / "when.parquet")
    assert table.select(["person", "at"]).to_pydict() == asked.to_pydict()
    expected = [probability[row["person"], row["at"]] for row in asked.to_pylist()]
    assert table["predicted_prob"].to_pylist() == pytest.approx(expected, rel=1e-6)


def test_all_entities_come_once_in_the_order_of_their_keys(rle, tmp_path, market):
    path, tables = market
    table = predict(rle, path, tmp_path / "model", tmp_path / "all.parquet", "--entities", "all", "--at", "2020-05-10")
    assert table["person"].to_pylist() == sorted(tables["people"]["id"].to_pylist())
    test = predict(rle, path, tmp_path / "model", tmp_path / "test.parquet")
    probability = {r["person"]: r["predicted_prob"] for r in test.to_pylist() if r["at"] == dt.datetime(2020, 5, 10)}
    assert table["predicted_prob"].to_pylist() == pytest.approx([probability[p] for p in table["person"].to_pylist()], rel=1e-6)
    assert set(table["at"].to_pylist()) == {dt.datetime(2020, 5, 10)}
