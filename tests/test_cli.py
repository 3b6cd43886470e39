"""The commands of `rle` from outside, on a small database made on the spot."""
import csv
import json
import os
import pty
import signal
import subprocess
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shop import Shop

FAST = ("--set", "config.n_epochs=1")


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path).write()


def done(result):
    assert result.returncode == 0, result.stderr
    return result


@pytest.fixture
def model(rle, shop):
    done(rle("fit", "spec.json", "--model", "model", *FAST, "--quiet"))
    return shop


def test_version_and_help(rle):
    assert done(rle("--version")).stdout.startswith("rle 0.")
    assert "DuckDB v" in rle("--version").stdout
    text = done(rle("--help")).stdout
    for command in ("init", "validate", "inspect", "fit", "evaluate", "predict"):
        assert command in text
        assert "--set" in text and done(rle(command, "--help")).stdout


def test_wrong_arguments_are_named(rle, shop):
    result = rle("evalute", "spec.json")
    assert result.returncode == 2
    assert result.stderr == "error: no command 'evalute'; did you mean 'evaluate'?\n"
    assert rle().returncode == 2
    assert rle("fit", "spec.json").returncode == 2
    assert "--model is required" in rle("fit", "spec.json").stderr
    assert rle("fit", "spec.json", "--model", "m", "--sets", "x").returncode == 2
    assert rle("fit", "spec.json", "--model", "m", "--threads", "0").returncode == 2


def test_mistyped_options_are_named(rle, shop):
    for arguments, message in [
        (["fit", "spec.json", "--modle", "m"], "no option '--modle'; did you mean '--model'?; see `rle fit --help`"),
        (["evaluate", "spec.json", "--model", "m", "--splits", "test"], "no option '--splits'; did you mean '--split'?; see `rle evaluate --help`"),
        (["--jsn", "inspect", "spec.json"], "no option '--jsn'; did you mean '--json'?"),
        (["fit", "spec.json", "--model", "m", "--set", "n_epochs=3"], "n_epochs: unknown key; did you mean 'config.n_epochs'?"),
        (["evaluate", "spec.json", "--model", "spec.json"], "--model spec.json: a file; name the folder that `rle fit SPEC --model DIR` made"),
        ([], "no command is given; there are: init, validate, inspect, fit, evaluate, predict"),
    ]:
        result = rle(*arguments)
        assert result.returncode == 2 and message in result.stderr, result.stderr
    assert "--set, --threads, --snapshot, --memory-limit, --json, --quiet" in done(rle("fit", "--help")).stdout
    assert "--snapshot, --memory-limit" not in done(rle("init", "--help")).stdout
    for option in (("--snapshot", "kept"), ("--memory-limit", "1GiB")):
        result = rle("init", ".", *option)
        assert result.returncode == 2 and f"{option[0]}: `rle init`" in result.stderr, result.stderr


def test_errors_as_json(rle, shop):
    result = rle("inspect", "nowhere.yaml", "--json")
    assert result.returncode == 2
    error = json.loads(result.stdout)["error"]
    assert error == {"code": "specification", "exit_code": 2, "message": "nowhere.yaml: no such specification"}
    assert rle("--json", "fit", "spec.json").stdout.startswith("{")


def test_inspect_text(rle, shop):
    text = done(rle("inspect", "spec.json", "--dot", "schema.dot", "--quiet")).stdout
    assert "dataset shop: 2 tables, 440 rows" in text
    assert "foreign key  customer -> customers.id, 0 null, 0 dangling" in text
    assert "age   integer   declared" in text
    assert 'flowchart LR\n  t0["customers<br/>40 rows"]' in text
    dot = (shop.folder / "schema.dot").read_text()
    assert dot.startswith('digraph "shop" {') and 't1 -> t0 [label="customer"];' in dot


def test_a_picture_is_never_overwritten(rle, shop):
    (shop.folder / "mine.dot").write_text("mine")
    result = rle("inspect", "spec.json", "--dot", "mine.dot")
    assert result.returncode == 2 and "--dot mine.dot: exists already" in result.stderr
    assert (shop.folder / "mine.dot").read_text() == "mine"


def test_names_in_the_picture(rle, shop):
    shop.spec["tables"]["<b>&#1"] = shop.spec["tables"].pop("orders")
    shop.write()
    assert 't1["#lt;b#gt;#amp;#35;1<br/>400 rows<br/>by at"]' in done(rle("inspect", "spec.json", "-q")).stdout


def test_columns_of_an_edge_table_are_told(rle, shop):
    shop.tables["friends"] = {"a": [1, 2], "b": [3, 4], "since": [5, 6], "note": ["x", "y"]}
    shop.spec["tables"]["friends"] = {"source": "friends.parquet", "type": "edge", "foreign_keys": {"a": "customers.id", "b": "customers.id"},
                                      "exclude": ["note"]}
    shop.write()
    line = "table 'friends': a table of type edge has no features; left out: since\n"
    assert done(rle("inspect", "spec.json")).stderr.count(line) == 1


def test_times_with_and_without_a_zone_are_told(rle, shop):
    assert "zone" not in done(rle("inspect", "spec.json")).stderr
    shop.types["train", "at"] = pa.timestamp("us", "Europe/Rome")
    shop.write()
    line = next(line for line in done(rle("inspect", "spec.json")).stderr.splitlines() if "zone" in line)
    assert "task.train, column 'at'" in line and "table 'orders', column 'at'" in line and "UTC" in line


def test_inspect_json_counts_what_is_there(rle, shop):
    orders = shop.tables["orders"]
    orders["customer"][0], orders["customer"][1], orders["at"][2], orders["amount"][3] = None, 1000, None, None
    shop.spec["tables"]["orders"]["columns"] = {}
    shop.write()
    found = json.loads(done(rle("inspect", "spec.json", "--json", "--quiet")).stdout)
    customers, orders = found["tables"]
    assert (customers["rows"], orders["rows"], orders["primary_key"]) == (40, 400, "id")
    assert orders["foreign_keys"] == [{"column": "customer", "link_to": "customers.id", "nulls": 1, "dangling": 1}]
    assert orders["time"]["nulls"] == 1
    amount = next(c for c in orders["columns"] if c["name"] == "amount")
    assert amount["dtype"] == "float" and amount["reason"] != "declared" and amount["nulls"] == 1
    assert found["statistics_until"] == "2020-03-31"
    assert orders["visible_rows"] == sum(t is not None and (t.month <= 3) for t in shop.tables["orders"]["at"])
    for split in found["task"]["splits"]:
        labels = shop.tables[split["name"]]["again"]
        assert {c["label"]: c["rows"] for c in split["classes"]} == {"0": labels.count(0), "1": labels.count(1)}


def test_fit_writes_a_model_and_its_metrics(rle, shop):
    result = json.loads(done(rle("fit", "spec.json", "--model", "m", "--json", "--quiet")).stdout)
    assert (result["epochs"], result["metric"], result["stopped_early"]) == (2, "roc_auc", False)
    assert [s["split"] for s in result["scores"]] == ["validation", "test"]
    for score in result["scores"]:
        assert {"prior", "entity mean", "last label"} == {b["name"] for b in score["baselines"]}
        best = max(b["metrics"]["roc_auc"] for b in score["baselines"])
        own = score["metrics"]["roc_auc"]
        assert score["winner"] == ("model" if own > best else "equal" if own == best else "baseline")
    lines = [json.loads(line) for line in (shop.folder / "m/metrics.jsonl").read_text().splitlines()]
    assert [line.get("epoch") for line in lines] == [1, 2, result["best_epoch"], result["best_epoch"]]
    assert lines[result["best_epoch"] - 1]["best"] and set(lines[0]["validation"]) >= {"roc_auc", "f1"}
    assert lines[2]["metrics"] == result["scores"][0]["metrics"]
    assert sorted(os.listdir(shop.folder / "m")) == ["metrics.jsonl", "model.safetensors"]


def test_fit_prints_progress_and_says_who_wins(rle, shop):
    result = done(rle("fit", "spec.json", "--model", "m"))
    assert "epoch 1/2  loss " in result.stderr and "validation roc_auc" in result.stderr and "seeds/s" in result.stderr
    assert "\r" not in result.stderr
    assert "last label, train labels" in result.stdout
    assert ("BASELINE WINS" in result.stdout) or ("better than every baseline" in result.stdout)


def test_warnings_of_the_specification_come_with_fit(rle, shop):
    sets = ["--set", "config.head_norm=layer_norm", "--set", "task.validation=./train.parquet"]
    for command in (["validate", "spec.json"], ["fit", "spec.json", "--model", "m", *FAST]):
        lines = done(rle(*command, *sets)).stderr.splitlines()
        assert sum(line.startswith("WARNING: config.head_norm is not used") for line in lines) == 1
        assert sum(line.startswith("WARNING: task.validation and task.train are the same source") for line in lines) == 1
    assert not any("head_norm" in line for line in done(rle("evaluate", "spec.json", "--model", "m")).stderr.splitlines())


def test_unknown_windows_of_labels_are_told(rle, shop):
    note = "The task has no horizon"
    assert note not in done(rle("fit", "spec.json", "--model", "a", *FAST)).stdout
    del shop.spec["task"]["horizon"]
    shop.write()
    assert done(rle("fit", "spec.json", "--model", "b", *FAST)).stdout.count(note) == 1


def test_progress_on_a_terminal_rewrites_its_line(rle_program, shop):
    leader, follower = pty.openpty()
    process = subprocess.Popen([rle_program, "fit", "spec.json", "--model", "m"], cwd=shop.folder, stdout=subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    seen = b""
    try:
        while chunk := os.read(leader, 4096):
            seen += chunk
    except OSError:  # the terminal is closed with the process
        pass
    assert process.wait() == 0 and b"epoch 2/2" in seen


def test_same_bytes_with_any_number_of_threads(rle, shop):
    for threads in (1, 2, 4):
        done(rle("fit", "spec.json", "--model", f"m{threads}", "--threads", threads, "--quiet", *FAST))
    models = {(shop.folder / f"m{threads}/model.safetensors").read_bytes() for threads in (1, 2, 4)}
    assert len(models) == 1
    done(rle("fit", "spec.json", "--model", "other", "--quiet", *FAST, "--set", "config.seed=43"))
    assert (shop.folder / "other/model.safetensors").read_bytes() not in models


def test_a_model_is_never_overwritten(rle, model):
    before = (model.folder / "model/model.safetensors").read_bytes()
    result = rle("fit", "spec.json", "--model", "model")
    assert result.returncode == 2 and "holds a model already" in result.stderr
    assert (model.folder / "model/model.safetensors").read_bytes() == before


def test_evaluate_repeats_the_figures_of_fit(rle, shop):
    fitted = json.loads(done(rle("fit", "spec.json", "--model", "m", "--json", "-q")).stdout)["scores"]
    assert json.loads(done(rle("evaluate", "spec.json", "--model", "m", "--json", "-q")).stdout)["scores"] == fitted
    only = json.loads(done(rle("evaluate", "spec.json", "--model", "m", "--split", "train", "--json", "-q")).stdout)["scores"]
    assert [s["split"] for s in only] == ["train"] and only[0]["rows"] == 120


def test_evaluate_without_test_labels(rle, model):
    del model.tables["test"]["again"]
    model.write()
    scores = json.loads(done(rle("evaluate", "spec.json", "--model", "model", "--json", "-q")).stdout)["scores"]
    assert [s["split"] for s in scores] == ["validation"]
    result = rle("evaluate", "spec.json", "--model", "model", "--split", "test")
    assert result.returncode == 2 and "no column 'again'" in result.stderr


def test_predict_into_a_new_table(rle, model):
    duckdb = pytest.importorskip("duckdb")
    text = done(rle("predict", "spec.json", "--model", "model", "--output", "p1")).stdout
    assert "40 predictions in" in text and "predicted_prob" in text and "SELECT * FROM p1" in text
    found = duckdb.connect(str(model.folder / "out.duckdb"), read_only=True).sql("select * from p1").to_arrow_table()
    if hasattr(found, "read_all"):
        found = found.read_all()
    assert found.column_names == ["customer", "at", "again", "predicted_label", "predicted_prob"]
    test = pq.read_table(model.folder / "test.parquet")
    for column in ("customer", "at", "again"):
        assert found[column].to_pylist() == test[column].to_pylist(), "the rows of the test table, in their order"
        assert found.schema.field(column).type == test.schema.field(column).type or column == "at"
    assert all(0 <= p <= 1 and label == (p >= 0.5) for p, label in zip(found["predicted_prob"].to_pylist(), found["predicted_label"].to_pylist()))
    again = rle("predict", "spec.json", "--model", "model", "--output", "p1")
    assert again.returncode == 2 and "exists already" in again.stderr


def test_predict_files(rle, model):
    done(rle("predict", "spec.json", "--model", "model", "--output", "p.parquet", "-q"))
    done(rle("predict", "spec.json", "--model", "model", "--output", "p.csv", "-q"))
    parquet = pq.read_table(model.folder / "p.parquet").to_pylist()
    rows = list(csv.DictReader((model.folder / "p.csv").open()))
    assert [float(r["predicted_prob"]) for r in rows] == [r["predicted_prob"] for r in parquet]
    before = (model.folder / "p.csv").read_bytes()
    result = rle("predict", "spec.json", "--model", "model", "--output", "p.csv")
    assert result.returncode == 2 and (model.folder / "p.csv").read_bytes() == before


def test_predict_for_entities(rle, model):
    done(rle("predict", "spec.json", "--model", "model", "--output", "all.parquet", "--entities", "all", "--at", "2020-05-30", "-q"))
    every = {r["customer"]: r["predicted_prob"] for r in pq.read_table(model.folder / "all.parquet").to_pylist()}
    assert sorted(every) == list(range(40))
    (model.folder / "some.csv").write_text("customer\n7\n3\n")
    done(rle("predict", "spec.json", "--model", "model", "--output", "some.parquet", "--entities", "some.csv", "--at", "2020-05-30", "-q"))
    some = pq.read_table(model.folder / "some.parquet").to_pylist()
    assert [r["customer"] for r in some] == [7, 3]
    (model.folder / "timed.csv").write_text("customer,at,note\n7,2020-05-30,x\n")
    done(rle("predict", "spec.json", "--model", "model", "--output", "timed.parquet", "--entities", "timed.csv", "-q"))
    assert pq.read_table(model.folder / "timed.parquet").num_rows == 1


@pytest.mark.parametrize("arguments, message", [
    (["--output", "x.csv", "--entities", "all"], "--entities all needs --at TIME"),
    (["--output", "x.csv", "--at", "2020-01-01"], "--at gives the time of predictions for --entities"),
    (["--output", "x.csv", "--entities", "all", "--at", "soon"], "--at: 'soon' is no time"),
    (["--output", "x.csv", "--entities", "some.csv"], "--at TIME"),
    (["--output", "x.csv", "--entities", "none.csv", "--at", "2020-01-01"], "none.csv"),
    (["--output", "x.csv", "--entities", "odd.csv", "--at", "2020-01-01"], "no column 'customer'; did you mean 'custmer'?"),
    (["--output", "x.csv", "--entities", "timed.csv", "--at", "2020-05-30"], "--at: timed.csv has times of its own (column 'at')"),
    (["--output", "x.csv", "--entities", "text.csv", "--at", "2020-05-30"], "--entities text.csv: 'customer' has the type string, but the key 'customers.id'"),
    (["--output", "x.xlsx"], "x.xlsx"), ([], "--output is missing"),
])
def test_predict_refuses(rle, model, arguments, message):
    (model.folder / "some.csv").write_text("customer\n7\n")
    (model.folder / "odd.csv").write_text("custmer,x\n7,1\n")
    (model.folder / "timed.csv").write_text("customer,at\n7,2020-05-30\n")
    (model.folder / "text.csv").write_text("customer\nseven\n")
    result = rle("predict", "spec.json", "--model", "model", *arguments)
    assert result.returncode == 2 and message in result.stderr, result.stderr
    assert not (model.folder / "x.csv").exists()


def test_predict_for_unknown_entities(rle, model):
    (model.folder / "some.csv").write_text("customer\n7\n1000\n")
    result = rle("predict", "spec.json", "--model", "model", "--output", "x.csv", "--entities", "some.csv", "--at", "2020-05-30")
    assert result.returncode == 1 and "1000" in result.stderr and not (model.folder / "x.csv").exists()


def test_predict_for_an_empty_list_of_entities(rle, model):
    (model.folder / "none.csv").write_text("customer\n")
    result = rle("predict", "spec.json", "--model", "model", "--output", "x.csv", "--entities", "none.csv", "--at", "2020-05-30")
    assert result.returncode == 1 and "--entities none.csv: has no rows" in result.stderr, result.stderr


@pytest.mark.parametrize("command", [["evaluate"], ["predict", "--output", "x.csv"]])
def test_configuration_of_the_model_counts(rle, model, command):
    sets = ["--set", "config.lr=0.5", "--set", "config.threads=1", "--set", "config.fanouts=[2]", "--set", "config.visible_until=null"]
    lines = done(rle(*command, "spec.json", "--model", "model", *sets)).stderr.splitlines()
    assert sum(line.startswith("WARNING: --set config.lr, config.fanouts: not used") for line in lines) == 1, lines


def test_a_model_is_compared_with_the_schemas_before_rows_are_read(rle, model):
    model.tables["customers"]["age"] = [str(age) for age in model.tables["customers"]["age"]]
    model.tables["orders"]["at"] = ["yesterday" for _ in model.tables["orders"]["at"]]
    model.write()
    result = rle("evaluate", "spec.json", "--model", "model")
    assert result.returncode == 2, result.stderr
    assert "table 'customers': column 'age' is of type string, the model was trained with" in result.stderr, result.stderr


def test_a_model_is_compared_with_the_data(rle, model):
    del model.tables["customers"]["age"], model.spec["tables"]["customers"]["columns"]["age"]
    model.spec["tables"]["orders"]["foreign_keys"] = {}
    model.write()
    result = rle("predict", "spec.json", "--model", "model", "--output", "x.csv")
    assert result.returncode == 2
    assert "age" in result.stderr and "foreign key 'customer'" in result.stderr and not (model.folder / "x.csv").exists()


def test_a_model_of_another_task_is_refused(rle, model):
    model.spec["task"]["target"] = "customer2"
    model.write()
    result = rle("evaluate", "spec.json", "--model", "model")
    assert result.returncode == 2 and "target is 'customer2' and was 'again'" in result.stderr


def test_interrupt_keeps_the_best_epoch(rle_program, shop):
    command = [rle_program, "fit", "spec.json", "--model", "m", "--set", "config.n_epochs=100000", "--set", "config.patience=null"]
    process = subprocess.Popen(command, cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for _ in range(600):
        time.sleep(0.1)
        log = shop.folder / "m/metrics.jsonl"
        if log.exists() and len(log.read_text().splitlines()) >= 2:
            break
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "the best model so far (epoch" in stderr
    assert (shop.folder / "m/model.safetensors").stat().st_size > 1000


def test_interrupt_before_the_first_epoch_leaves_no_folder_without_checkpoints(rle_program, shop):
    command = [rle_program, "fit", "spec.json", "--model", "m", "--set", "config.train_batch_size=1", "--set", "config.channels=512",
               "--set", "config.checkpoint_every_seconds=0"]
    process = subprocess.Popen(command, cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = shop.folder / "m/metrics.jsonl"
    for _ in range(6000):
        if log.exists():
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130 and "no model was written" in stderr, stderr
    assert not (shop.folder / "m").exists()


def test_init_proposes_what_inspect_accepts(rle, shop):
    for split in ("train", "validation", "test"):
        (shop.folder / f"{split}.parquet").unlink()
    (shop.folder / "broken.csv").write_bytes(b"\xff\xfe\x00")
    text = done(rle("init", ".")).stdout
    assert "primary_key: id" in text and "customer: customers.id" in text and "time_column: at" in text
    (shop.folder / "spec.json").unlink()
    assert "WARNING: broken.csv is left out: " in done(rle("init", ".", "--output", "proposed.yaml")).stderr
    found = json.loads(done(rle("inspect", "proposed.yaml", "--json", "-q")).stdout)
    assert [t["name"] for t in found["tables"]] == ["customers", "orders"]
    assert rle("init", ".", "--output", "proposed.yaml").returncode == 2


def test_init_of_a_database(rle, shop):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute(f"attach '{shop.folder}/shop.duckdb' as db (storage_version 'v1.4.0')")
    for name in ("customers", "orders"):
        connection.execute(f"create table db.{name} as select * from '{shop.folder}/{name}.parquet'")
    connection.close()
    (shop.folder / "spec.yaml").write_text(done(rle("init", "shop.duckdb", "-q")).stdout)
    found = json.loads(done(rle("inspect", "spec.yaml", "--json", "-q")).stdout)
    assert [(t["name"], t["primary_key"]) for t in found["tables"]] == [("customers", "id"), ("orders", "id")]


def test_init_without_tables(rle, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "no .parquet, .csv or .json file" in rle("init", "empty").stderr
    assert rle("init", "nowhere").returncode == 2


TASKS = {
    "regression": (lambda y: y * 3.5, ["predicted_value"]),
    "multiclass_classification": (lambda y: ["no", "yes", "maybe"][y % 3], ["predicted_label", "predicted_probs"]),
    "multilabel_classification": (lambda y: [["a"], ["a", "b"], ["c"]][y % 3], ["predicted_labels", "predicted_probs"]),
    "binary_classification": (lambda y: y % 2 == 1, ["predicted_label", "predicted_prob"]),
}


@pytest.mark.parametrize("task", TASKS)
def test_every_node_task_from_fit_to_predictions(rle, shop, task):
    label, columns = TASKS[task]
    for split in ("train", "validation", "test"):
        rows = shop.tables[split]
        rows["again"] = [label(y + c) for y, c in zip(rows["again"], rows["customer"])]
    shop.spec["task"]["type"] = task
    shop.write()
    result = json.loads(done(rle("fit", "spec.json", "--model", "m", "-q", "--json", *FAST)).stdout)
    assert all(value is not None for s in result["scores"] for value in s["metrics"].values())
    done(rle("predict", "spec.json", "--model", "m", "--output", "p.parquet", "-q"))
    found = pq.read_table(shop.folder / "p.parquet")
    assert found.column_names == ["customer", "at", "again", *columns]
    assert found["again"].to_pylist() == shop.tables["test"]["again"]
    if task in ("regression", "binary_classification"):
        result = rle("predict", "spec.json", "--model", "m", "--output", "flat.parquet", "-q", "--flatten")
        assert result.returncode == 2 and "--flatten: a " + task in result.stderr and not (shop.folder / "flat.parquet").exists()
        return
    done(rle("predict", "spec.json", "--model", "m", "--output", "flat.parquet", "-q", "--flatten"))
    flat = pq.read_table(shop.folder / "flat.parquet")
    classes = {"multiclass_classification": ["maybe", "no", "yes"], "multilabel_classification": ["a", "b", "c"]}[task]
    assert [c for c in flat.column_names if c.startswith("prob_")] == [f"prob_{c}" for c in classes]
    for i, name in enumerate(classes):
        assert flat[f"prob_{name}"].to_pylist() == pytest.approx([p[i] for p in found["predicted_probs"].to_pylist()], rel=1e-6)


def test_order_of_rows_does_not_matter(rle, shop):
    done(rle("fit", "spec.json", "--model", "a", "-q", *FAST))
    for name in shop.tables:
        rows = shop.tables[name]
        order = sorted(range(len(next(iter(rows.values())))), key=lambda i: hash((i * 7919) % 1009))
        shop.tables[name] = {column: [values[i] for i in order] for column, values in rows.items()}
    shop.write()
    done(rle("fit", "spec.json", "--model", "b", "-q", *FAST))
    assert (shop.folder / "a/model.safetensors").read_bytes() == (shop.folder / "b/model.safetensors").read_bytes()
