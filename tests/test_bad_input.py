"""Wrong input is told: each mistake with its message and its exit code, and nothing is left behind."""
import os
import resource
import subprocess

import pyarrow as pa
import pytest
from shop import Shop


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
    refused(1, "customers", "id", "3")


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
    refused(1, "orders", "at", "yesterday")


def test_target_among_the_features(shop, refused):
    shop.spec["tables"]["orders"].update(source="train.parquet", primary_key="customer", foreign_keys={}, columns={})
    shop.write()
    refused(2, "task.target: 'again' is taken from train.parquet, which is table 'orders'", "leak", "tables.orders.exclude")


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
    refused(1, "again")


def test_one_class_only(shop, refused):
    shop.tables["train"]["again"] = [1] * len(shop.tables["train"]["again"])
    shop.write()
    refused(1, "again", "one class", "add rows of another class")


def test_more_than_two_classes(shop, refused):
    shop.tables["train"]["again"][0] = 7
    shop.write()
    refused(1, "again", "multiclass_classification")


def test_class_that_training_never_saw_is_counted(rle, shop):
    labels = shop.tables["test"]["again"]
    labels[0] = labels[1] = 5
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert "test (40 rows, 2 without a usable label left out)" in result.stdout
    assert "2" in next(line for line in result.stderr.splitlines() if "never" in line)


def test_empty_splits(shop, refused):
    for column in shop.tables["validation"]:
        shop.types["validation", column] = pa.timestamp("us") if column == "at" else pa.int64()
        shop.tables["validation"][column] = []
    shop.write()
    refused(1, "validation", "no rows; put labelled rows into its source")


def test_unknown_entities(shop, refused):
    shop.tables["train"]["customer"][3] = 12345
    shop.write()
    refused(1, "12345", "train")


def test_validation_earlier_than_training_warns(rle, shop):
    shop.spec["task"].update(train="validation.parquet", validation="train.parquet")
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    warning = next(line for line in result.stderr.splitlines() if line.startswith("WARNING: the validation split"))
    assert "the validation metrics are too good" in warning


def test_infinite_features_are_counted(rle, shop):
    amounts = shop.tables["orders"]["amount"]
    amounts[0], amounts[1] = float("inf"), float("nan")
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert any("amount" in line and "2" in line for line in result.stderr.splitlines())


def test_embeddings_of_unequal_length(shop, refused):
    shop.tables["customers"]["vector"] = [[1.0, 2.0]] * 39 + [[1.0]]
    shop.types["customers", "vector"] = pa.list_(pa.float32())
    shop.spec["tables"]["customers"]["columns"]["vector"] = "embedding"
    shop.write()
    refused(1, "customers", "vector")


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


def test_link_tasks(shop, refused):
    shop.spec["task"]["type"] = "link_prediction"
    shop.write()
    refused(2, "link tasks are not built yet")


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


def test_model_folder_below_a_file(shop, refused):
    shop.write()
    (shop.folder / "file").write_text("x")
    refused(2, "--model file/m: ", "is a file", command=("fit", "spec.json", "--model", "file/m"))
    refused(2, "is a file", command=("fit", "spec.json", "--model", "file"))


def limited(bytes_):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))


def test_disk_that_takes_no_more(rle_program, model):
    def call(*arguments):
        return subprocess.run([rle_program, *arguments], cwd=model.folder, text=True, capture_output=True, check=False,
                              preexec_fn=limited(5_000))

    result = call("fit", "spec.json", "--model", "m", "-q")
    assert result.returncode == 1 and "m/model.safetensors" in result.stderr, result.stderr
    assert not (model.folder / "m/model.safetensors").exists()
    result = call("predict", "spec.json", "--model", "model", "--output", "new.duckdb::p", "-q")
    assert result.returncode == 1 and "new.duckdb" in result.stderr, result.stderr
    assert not (model.folder / "new.duckdb").exists()


def test_output_below_a_file(rle, model):
    (model.folder / "file").write_text("x")
    for output in ("file/p.csv", "file/p.duckdb::t", "file/p.parquet"):
        result = rle("predict", "spec.json", "--model", "model", "--output", output)
        assert result.returncode in (1, 2) and "file" in result.stderr, result.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_standard_output_that_takes_no_more(rle_program, shop):
    shop.write()
    with open("/dev/full", "w") as full:
        result = subprocess.run([rle_program, "inspect", "spec.json"], cwd=shop.folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 1 and "standard output cannot be written" in result.stderr


def test_zero_row_table(rle, shop):
    shop.types.update({("orders", "id"): pa.int64(), ("orders", "customer"): pa.int64(), ("orders", "at"): pa.timestamp("us"), ("orders", "amount"): pa.float64()})
    shop.tables["orders"] = {c: [] for c in shop.tables["orders"]}
    shop.write()
    result = rle("fit", "spec.json", "--model", "m", "--set", "config.n_epochs=1")
    assert result.returncode == 0, result.stderr
    assert any(line.startswith("WARNING: table 'orders': ") for line in result.stderr.splitlines())


def test_many_columns(rle, shop):
    for i in range(2000):
        shop.tables["customers"][f"c{i}"] = [i] * 40
    shop.spec["tables"]["customers"]["columns"] = {}
    shop.spec["tables"]["customers"]["other_columns"] = "infer"
    shop.write()
    result = rle("inspect", "spec.json", "-q")
    assert result.returncode == 0, result.stderr


def test_a_table_that_nothing_links_to_warns(rle, shop):
    shop.spec["tables"]["lonely"] = {"source": "customers.parquet", "primary_key": "id"}
    shop.write()
    result = rle("inspect", "spec.json")
    assert result.returncode == 0, result.stderr
    assert any(line.startswith("WARNING: ") and "lonely" in line for line in result.stderr.splitlines()), result.stderr
