"""Wrong input is told: each mistake with its message and its exit code, and nothing is left behind."""
import json

import pyarrow as pa
import pytest
from runs import split_model
from shop import START, Shop, day


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.fixture
def refused(rle, shop):
    """Writes the shop and fits; expects the exit code, and every part in the message; no model is left."""

    def check(code, *parts, command=("fit", "spec.json", "--model", "m")):
        result = rle(*command)
        assert result.returncode == code, result.stdout + result.stderr
        for part in parts:
            assert part in result.stderr, result.stderr
        assert not (shop.folder / "m/model.safetensors").exists()
        return result

    return check


def test_missing_file(shop, refused):
    shop.spec["tables"]["orders"]["source"] = "order.parquet"
    shop.write()
    refused(2, "table 'orders'", "order.parquet", "did you mean 'orders.parquet'?")


def test_missing_table_of_a_database(shop, refused):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute(f"attach '{shop.folder}/shop.duckdb' as db (storage_version 'v1.4.0'); create table db.orders as select 1 as id")
    connection.close()
    shop.spec["tables"]["orders"]["source"] = "shop.duckdb::order"
    shop.write()
    refused(2, "table 'orders'", "did you mean 'orders'?")


def test_missing_columns_are_told_all_at_once(shop, refused):
    shop.spec["tables"]["customers"]["columns"] = {"aeg": "integer"}
    shop.spec["tables"]["orders"]["time_column"] = "when"
    shop.spec["tables"]["orders"]["exclude"] = ["amuont"]
    shop.spec["tables"]["orders"]["columns"] = {}
    shop.spec["task"]["target"] = "agian"
    shop.write()
    refused(2, "no column 'aeg' (columns); did you mean 'age'?", "no column 'when' (time_column)",
            "no column 'amuont' (exclude); did you mean 'amount'?", "task.train: ", "no column 'agian' (target); did you mean 'again'?")


def test_key_types_that_cannot_match(shop, refused):
    shop.tables["orders"]["customer"] = [str(c) for c in shop.tables["orders"]["customer"]]
    shop.write()
    refused(2, "table 'orders': 'customer' has the type", "the key 'customers.id' it refers to has int64")


def test_duplicate_primary_key(shop, refused):
    shop.tables["customers"]["id"][7] = 3
    shop.write()
    refused(1, "table 'customers': key 'id' has the value 3 twice, in rows 4 and 8 of the source")


@pytest.mark.parametrize("keys", [[START] * 400, [[1]] * 400], ids=["times", "lists"])
def test_keys_that_can_be_none(shop, refused, keys):
    shop.tables["orders"]["customer"] = keys
    shop.tables["orders"]["at"] = ["yesterday"] * 400  # shows once rows are read
    shop.write()
    refused(2, "table 'orders': 'customer' refers to 'customers.id', but 'customer' has the type", "keys are integers or text")


def test_links_to_what_is_not_there(shop, refused):
    keys = shop.spec["tables"]["orders"]
    keys["foreign_keys"] = {"customer": "custmers.id"}
    shop.write()
    refused(2, "tables.orders.foreign_keys.customer: there is no table 'custmers'; did you mean 'customers'?")
    keys["foreign_keys"] = {"custmer": "customers.id"}
    shop.write()
    refused(2, "orders.parquet has no column 'custmer' (foreign_keys); did you mean 'customer'?")
    keys["foreign_keys"] = {"customer": "customers.id"}
    shop.spec["task"]["entity"] = "custmers.id"
    shop.write()
    refused(2, "task.entity: there is no table 'custmers'; did you mean 'customers'?")


def test_foreign_key_to_no_key(shop, refused):
    shop.spec["tables"]["orders"]["foreign_keys"] = {"customer": "customers.age"}
    shop.write()
    refused(2, "tables.orders.foreign_keys.customer: 'age' is no key of table 'customers'; there are: id")


def test_two_time_columns(shop, refused):
    shop.spec["tables"]["orders"]["time_column"] = ["at", "on"]
    shop.write()
    refused(2, "tables.orders.time_column", "a table has one time column")


def test_time_column_that_is_no_time(shop, refused):
    shop.spec["tables"]["orders"]["time_column"] = "id2"
    shop.tables["orders"]["id2"] = shop.tables["orders"]["id"]
    shop.write()
    refused(2, "table 'orders': the time column 'id2' has the type int64; expected a date, a timestamp or ISO text")


def test_time_as_text_that_is_no_time(shop, refused):
    shop.tables["orders"]["at"] = [t.isoformat() for t in shop.tables["orders"]["at"]]
    shop.tables["orders"]["at"][5] = "yesterday"
    shop.write()
    refused(1, "table 'orders', column 'at', row 6 of the source (counted from 1): 'yesterday' is no time; expected ISO 8601")


def test_target_among_the_features(shop, refused):
    shop.spec["tables"]["orders"].update(source="train.parquet", primary_key="customer", foreign_keys={}, columns={})
    shop.write()
    refused(2, "task.target: 'again' is taken from train.parquet, which is table 'orders'", "leak", "tables.orders.exclude")


def test_a_test_table_of_the_graph(rle, shop, refused):
    """Refused where it holds the target as a feature, and only there."""
    del shop.spec["tables"]["customers"]["columns"]
    shop.spec["task"] |= {"entity_column": "id", "test": "customers.parquet"}
    shop.spec["task"].pop("time_column"), shop.spec["task"].pop("horizon"), shop.spec["tables"]["orders"].pop("time_column")
    for split in ("train", "validation"):
        shop.tables[split] = {"id": shop.tables[split]["customer"], "again": shop.tables[split]["again"]}
    shop.write()
    done = rle("fit", "spec.json", "--model", "first", cwd=shop.folder)
    assert done.returncode == 0, done.stderr
    assert rle("predict", "spec.json", "--model", "first", "--output", "p.parquet", cwd=shop.folder).returncode == 0
    shop.tables["customers"]["again"] = [0, 1] * 20
    shop.write()
    refused(2, "task.test: 'again' is taken from customers.parquet, which is table 'customers'", "leak", "tables.customers.exclude")


def test_target_of_the_same_name_elsewhere_is_fine(rle, shop):
    shop.tables["customers"]["again"] = [1.5] * 40
    shop.write()
    assert rle("inspect", "spec.json", "-q").returncode == 0


def test_target_missing_in_train(shop, refused):
    del shop.tables["train"]["again"]
    shop.write()
    refused(2, "task.train: train.parquet has no column 'again' (target)")


def test_type_of_the_target_in_every_split(shop, refused):
    shop.spec["task"]["type"] = "regression"
    shop.tables["validation"]["again"] = ["x"] * 40
    shop.tables["orders"]["at"] = ["yesterday"] * 400  # shows once rows are read
    shop.write()
    refused(2, "task.validation: the target 'again' has the type string; a regression task needs a number")


def test_declared_dtypes_that_cannot_be(shop, refused):
    shop.spec["tables"]["customers"]["columns"] = {"city": "float", "age": "embedding"}
    shop.tables["orders"]["at"] = ["yesterday"] * 400
    shop.write()
    refused(2, "table 'customers': column 'city' has the type string and can't be encoded as float",
            "column 'age' has the type int64 and can't be encoded as embedding")


def test_null_labels_in_train(shop, refused):
    shop.tables["train"]["again"][4] = None
    shop.write()
    refused(1, "target column 'again' of table 'task.train' (train): 1 of 120 rows have no label (null or NaN), first row 5")


@pytest.mark.parametrize("task, label", [("binary", 1), ("multiclass", "x"), ("multilabel", ["x"])])
def test_one_class_only(shop, refused, task, label):
    shop.spec["task"]["type"] = f"{task}_classification"
    for split in ("train", "validation", "test"):
        shop.tables[split]["again"] = [label] * len(shop.tables[split]["again"])
    shop.write()
    refused(1, "target column 'again' of table 'task.train' (train) has one class only: '", "' in all 120 rows", "add rows of another class")


def test_validation_with_one_class_only_warns(rle, shop):
    shop.tables["validation"]["again"] = [1] * 40
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "WARNING: the validation metric roc_auc is not defined on the 40 rows of the validation split: the last epoch is kept" in result.stderr


def test_more_than_two_classes(shop, refused):
    shop.tables["train"]["again"][0] = 7
    shop.write()
    refused(1, "again", "multiclass_classification")


UNSEEN = {
    "binary": (lambda y: y, 5, "2 of 40 rows have a class in column 'again' that training never saw (first '5'); they are predicted and left out"),
    "multiclass": (lambda y: f"c{y}", "new", "2 of 40 rows have a class in column 'again' that training never saw (first 'new'); they are predicted"),
    "multilabel": (lambda y: ["a"] * y, ["new", "a"], "2 labels in column 'again' are of classes that training never saw (first 'new')"),
}


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("task", UNSEEN)
def test_class_that_training_never_saw_is_counted(rle, shop, task, split):
    label, new, message = UNSEEN[task]
    shop.spec["task"]["type"] = f"{task}_classification"
    for rows in (shop.tables[name] for name in ("train", "validation", "test")):
        rows["again"] = [label(y) for y in rows["again"]]
    shop.tables[split]["again"][:2] = [new, new]
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count(f"WARNING: table 'task.{split}' ({split}): {message}") == 1, result.stderr
    assert f"{split} (40 rows{'' if task == 'multilabel' else ', 2 without a usable label left out'})" in result.stdout


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_empty_splits(rle, shop, refused, split):
    for column in shop.tables[split]:
        shop.types[split, column] = pa.timestamp("us") if column == "at" else pa.int64()
        shop.tables[split][column] = []
    shop.write()
    if split != "test":
        refused(1, f"empty split: table 'task.{split}' ({split}) has no rows", "put labelled rows into its source")
        return
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "WARNING: table 'task.test' (test) has no rows: there is nothing to predict" in result.stderr
    result = rle("predict", "spec.json", "--model", "m", "--output", "p.csv")
    assert result.returncode == 0 and (shop.folder / "p.csv").read_text() == "customer,at,again,predicted_label,predicted_prob\n"


def test_unknown_entities(shop, refused):
    shop.tables["train"]["customer"][3] = 12345
    shop.write()
    refused(1, "column 'customer' of table 'task.train' (train): 1 of 120 rows name an entity that table 'customers' does not have, first '12345' in row 4")


def test_entities_later_than_their_seeds(shop, refused):
    shop.tables["customers"]["joined"] = [day(i) for i in range(38)] + [day(500), None]
    shop.spec["tables"]["customers"]["time_column"] = "joined"
    shop.write()
    refused(1, "table 'task.train' (train): in 10 of 120 rows the entity is later than the seed time, in 3 it has no time; first in row 32",
            "'31' of table 'customers' has time 2020-02-01, the seed time is 2020-01-31", "leave these rows out")


def test_entities_and_times_that_are_null(shop, refused):
    shop.tables["train"]["at"][5] = None
    shop.write()
    refused(1, "time column 'at' of table 'task.train' (train) is null in 1 of 120 rows, first row 6 of the source")
    shop.tables["train"]["at"][5] = day(30)
    shop.tables["customers"]["id"][7] = None
    shop.write()
    refused(1, "table 'customers': key 'id' is null in row 8 of the source")


def test_infinite_targets(shop, refused):
    shop.spec["task"]["type"] = "regression"
    for split in ("train", "validation", "test"):
        shop.tables[split]["again"] = [float(y) for y in shop.tables[split]["again"]]
    shop.tables["validation"]["again"][3] = float("inf")
    shop.write()
    refused(1, "target column 'again' of table 'task.validation' (validation): 1 values are infinite or beyond 3.4e38, first inf in row 4")


def test_dangling_keys_and_null_times_are_counted(rle, shop):
    orders = shop.tables["orders"]
    orders["customer"][5], orders["customer"][6], orders["at"][9] = 999, None, None
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "WARNING: table 'orders': 1 of 400 rows have no time in 'at'; they are never visible" in result.stderr
    assert ("WARNING: table 'orders': 1 of 400 rows have a value in foreign key 'customer' that 'customers.id' does not have "
            "(first: 999 in row 6 of the source, counted from 1); these rows get no edge") in result.stderr


def test_validation_earlier_than_training_warns(rle, shop):
    shop.spec["task"].update(train="validation.parquet", validation="train.parquet")
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    warning = next(line for line in result.stderr.splitlines() if line.startswith("WARNING: the validation split"))
    assert "the validation metrics are too good" in warning


def test_test_split_earlier_than_training_warns(rle, shop):
    shop.tables["test"]["at"] = [day(40)] * 40
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "WARNING: the test split starts at 2020-02-10, before the train split ends at 2020-03-31 (40 of 40 rows): " in result.stderr
    assert "so the test metrics are too good" in result.stderr


def test_infinite_features_are_nulls_and_counted(rle, shop):
    amounts = shop.tables["orders"]["amount"]
    models = []
    for values in ((float("inf"), float("nan"), float("-inf")), (None, None, None)):
        amounts[0], amounts[1], amounts[-1] = values  # the last is later than training: not counted
        shop.write()
        result = rle("fit", "spec.json", "--model", f"m{len(models)}", "--set", "config.n_epochs=1")
        assert result.returncode == 0, result.stderr
        told = "WARNING: table 'orders', column 'amount': 2 of 175 visible values are NaN or infinite; they are taken as null"
        assert result.stderr.count(told) == (values[0] is not None)
        models.append(split_model((shop.folder / f"m{len(models)}/model.safetensors").read_bytes()))
    assert models[0][1] == models[1][1]
    assert models[0][0]["validation_metrics"] == models[1][0]["validation_metrics"]


@pytest.mark.parametrize("table, rows, message", [
    ("customers", 40, "the lists of an embedding must have one length, but row 1 has 2 elements and row 40 has 1"),
    ("orders", 400, "row 400 holds a list of 1 elements, but the embedding's length in training is 2"),  # later than training
])
def test_embeddings_of_unequal_length(shop, refused, table, rows, message):
    shop.tables[table]["vector"] = [[1.0, 2.0]] * (rows - 1) + [[1.0]]
    shop.types[table, "vector"] = pa.list_(pa.float32())
    shop.spec["tables"][table]["columns"]["vector"] = "embedding"
    shop.write()
    refused(1, f"table '{table}', column 'vector': {message}; make ")


def test_text_that_is_not_utf8(shop, refused):
    shop.write()
    shop.spec["tables"]["customers"]["source"] = "customers.csv"
    shop.write()
    (shop.folder / "customers.csv").write_bytes(b"id,age,city\n1,20,caf\xe9\n")
    refused(1, "customers.csv", "utf-8")


@pytest.mark.parametrize("text, parts", [
    ("dataset: [1, 2\ntables: x\n", ["not YAML", "line"]),
    ("just words", ["expected a map"]),
    ("", ["expected a map"]),
    ("dataset: a\ndataset: b\n", ["line 2: the key 'dataset' is written twice"]),
    ("dataset: a\ntabels: {}\n", ["tabels (line 2): unknown key; did you mean 'tables'?"]),
    (b"dataset: \xff\n", ["not UTF-8"]),
])
def test_a_spec_that_is_none(shop, refused, text, parts):
    (shop.folder / "bad.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refused(2, "bad.yaml: ", *parts, command=("fit", "bad.yaml", "--model", "m"))


def test_parts_that_are_missing(shop, refused):
    del shop.spec["task"]["validation"]
    shop.write()
    refused(2, "task.validation is missing: `rle fit` needs that label table")
    del shop.spec["task"]
    shop.write()
    refused(2, "the specification has no task")


def test_no_model(shop, refused):
    shop.write()
    refused(2, "--model nowhere: no model is there", "rle fit", command=("evaluate", "spec.json", "--model", "nowhere"))


@pytest.fixture
def model(rle, shop):
    shop.write()
    assert rle("fit", "spec.json", "--model", "model", "--set", "config.n_epochs=1", "-q").returncode == 0
    return shop


@pytest.mark.parametrize("keep", [0, 7, 8, 100, 5000, -1])
def test_truncated_checkpoint(rle, model, keep):
    path = model.folder / "model/model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    result = rle("evaluate", "spec.json", "--model", "model")
    assert result.returncode == 1 and "model.safetensors" in result.stderr, result.stderr


TYPES = {"id": pa.int64(), "customer": pa.int64(), "at": pa.timestamp("us"), "amount": pa.float64(), "age": pa.int64(), "city": pa.string()}


def without_rows(shop, table):
    shop.types.update({(table, column): TYPES[column] for column in shop.tables[table]})
    shop.tables[table] = {column: [] for column in shop.tables[table]}
    shop.write()


def test_table_without_rows(rle, shop):
    without_rows(shop, "orders")
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "WARNING: table 'orders': none of its 0 rows is visible in training; its 2 feature columns are left out" in result.stderr
    assert rle("predict", "spec.json", "--model", "m", "--output", "p.csv").returncode == 0


def test_entity_table_without_rows(shop, refused):
    without_rows(shop, "customers")
    refused(1, "table 'task.train' (train): 120 of 120 rows name an entity that table 'customers' does not have")


def test_ten_thousand_columns(rle, shop):
    shop.write()
    rows = [[row, 30, "Oslo", *(i % 7 + row % 3 for i in range(10_000))] for row in range(40)]
    names = ["id", "age", "city", *(f"c{i}" for i in range(10_000))]
    (shop.folder / "customers.csv").write_text("\n".join(",".join(map(str, row)) for row in [names, *rows]))
    shop.spec["tables"]["customers"].update(source="customers.csv", columns={})
    (shop.folder / "spec.json").write_text(json.dumps(shop.spec))
    small = ["--set", "config.n_epochs=1", "--set", "config.channels=2", "--set", "config.max_iters=1"]
    result = rle("fit", "spec.json", "--model", "m", "-q", *small)
    assert result.returncode == 0, result.stderr
    description, _ = split_model((shop.folder / "m/model.safetensors").read_bytes())
    assert len(description["tables"][0]["columns"]) >= 10_002


def test_a_table_that_nothing_links_to_warns(rle, shop):
    shop.spec["tables"]["lonely"] = {"source": "customers.parquet", "primary_key": "id"}
    shop.write()
    for command in (["inspect", "spec.json"], ["fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1"]):
        result = rle(*command)
        assert result.returncode == 0, result.stderr
        assert result.stderr.count("WARNING: table 'lonely' is linked to no other table: no foreign key leaves it or refers to it") == 1
