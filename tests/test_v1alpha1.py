"""Protocol v1alpha1 over real HTTP, with payloads written from its own page: bare, keys marked in columns, target_table and target_column."""
import json
import threading
import time
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from host_process import SLOW, HostProcess, fit_request
from shop import Shop, day

CONFIG = {
    "training_parameters": {"n_epochs": 2, "max_iters": 2**63 - 1, "train_batch_size": 32, "val_batch_size": 64, "eval_every": 1, "patience": 5,
                            "label_smoothing": False, "label_smoothing_alpha": 0.1, "id_awareness": False, "use_temporal_encoder": True,
                            "num_negative": 10, "negative_sampling_strategy": "random", "seed": 7, "device": "cpu", "shallow_embeddings_list": []},
    "optimizer": {"name": "adam", "parameters": {"lr": 0.01, "weight_decay": 0.0001}},
    "scheduler": {"name": "cosine", "parameters": {"T_max": 2, "eta_min": 1e-8}},
    "sampler": {"name": "pyg_neighbor_sampling", "parameters": {"fanouts": [4, 4], "temporal_strategy": "uniform", "num_workers": 0}},
    "gnn": {"name": "hetero_graph_sage", "parameters": {"channels": 8, "num_layers": 2, "conv_aggregation": "mean", "hetero_conv_aggregation": "sum",
                                                        "skip_connection": False, "normalize": False, "norm": "layer_norm"}},
    "head": {"name": "MLP", "parameters": {"num_layers": 1, "in_channels": 8, "hidden_channels": 8, "norm": "batch_norm"}},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Shop(tmp_path_factory.mktemp("shop")).write()


@pytest.fixture(scope="module")
def host(rle_program, tmp_path_factory):
    with HostProcess(rle_program, tmp_path_factory.mktemp("host") / "state") as host:
        yield host


def metadata(shop):
    column = lambda name, dtype, **key: {"name": name, "dtype": dtype, **key}
    source = lambda name: str(shop.folder / f"{name}.parquet")
    return {
        "connector": {"name": "parquet", "dataset_name": "shop", "experiment_name": "shop_binary_again"},
        "tables": [
            {"name": "customers", "source": source("customers"), "type": "node", "extra_fields": {},
             "columns": [column("id", "integer", key_type="primary_key"), column("age", "integer"), column("city", "category")]},
            {"name": "orders", "source": source("orders"), "type": "node", "time_column": "at",
             "columns": [column("id", "integer", key_type="primary_key"), column("amount", "float"), column("at", "datetime"),
                         column("customer", "integer", key_type="foreign_key", link_to="customers.id")]}],
        "task": {"name": "again", "source": {s: source(s) for s in ("train", "validation", "test")}, "time_column": "at", "current_time": True,
                 "columns": [column("customer", "integer", key_type="primary_key"), column("at", "datetime"), column("again", "integer")],
                 "task_type": "binary_classification", "target_column": "again", "target_table": "customers",
                 "evaluation_metric": {"name": "roc_auc"}},
    }


def ask(host, payload, job=None, status=200):
    answer = host.post(f"/v1alpha1/jobs/create/{job or uuid.uuid4()}", payload)
    assert answer.status == status, answer.body
    return answer.json["data"] if status == 200 else answer.json["detail"]


@pytest.fixture(scope="module")
def trained(host, shop):
    job = str(uuid.uuid4())
    body = {"payload_type": "JOB", "job_type": "train", "dataset_metadata": metadata(shop), "model_configuration": CONFIG}
    assert ask(host, body, job) == {"job_id": job}, "the id is the client's"
    assert host.job_in(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    return job


def test_tables_and_configurations(host, shop):
    table = ask(host, {"payload_type": "FETCH_TABLE", "source": str(shop.folder / "customers.parquet"), "connector": "parquet"})
    assert table == {"columns": ["id", "age", "city"], "dtypes": {"id": "integer", "age": "integer", "city": "category"}}
    assert "where.parquet" in ask(host, {"payload_type": "FETCH_TABLE", "source": "/no/where.parquet", "connector": "parquet"}, status=422)
    ask(host, {"payload_type": "VALIDATE_CONFIG", "type": "model_config", "config": CONFIG})
    ask(host, {"payload_type": "VALIDATE_CONFIG", "type": "dataset_config", "config": metadata(shop)})
    wrong = json.loads(json.dumps(CONFIG))
    wrong["optimizer"]["parameters"]["lr"] = -1
    assert "lr" in ask(host, {"payload_type": "VALIDATE_CONFIG", "type": "model_config", "config": wrong}, status=422)


def test_status_is_told_while_tables_are_looked_at(host, trained, tmp_path):
    """Looks at tables wait for a child each, and there are few workers for them; a poll of the status waits for none."""
    rows = tmp_path / "many.csv"
    rows.write_text("a,b\n" + "12345,some text\n" * 600_000)
    looks = [threading.Thread(target=ask, args=(host, {"payload_type": "FETCH_TABLE", "source": str(rows), "connector": "csv"})) for _ in range(12)]
    for look in looks:
        look.start()
    time.sleep(0.2)
    worst = 0.0
    polls = 0
    while sum(look.is_alive() for look in looks) > 4:
        started = time.monotonic()
        assert ask(host, {"payload_type": "REQUEST_JOB_STATUS", "job_id": trained})["status"] == "COMPLETED"
        assert "jobs" in ask(host, {"payload_type": "REQUEST_QUEUE_STATUS"})
        worst, polls = max(worst, time.monotonic() - started), polls + 1
    for look in looks:
        look.join()
    assert polls > 3 and worst < 0.25 * SLOW, (polls, worst)


def test_the_job_is_one_like_any_other(host, trained):
    status = ask(host, {"payload_type": "REQUEST_JOB_STATUS", "job_id": trained})
    assert status["status"] == "COMPLETED" and status["job_type"] == "train" and status["experiment_name"] == "shop_binary_again"
    assert status["result"]["validation_metrics"]["roc_auc"] > 0 and status["error"] is None
    assert ask(host, {"payload_type": "REQUEST_MLFLOW_RUN_ID", "job_id": trained}) == trained
    spec = host.get(f"/v1/jobs/{trained}/request").json["spec"]
    assert spec["config"]["seed"] == 7 and spec["config"]["lr"] == 0.01 and "max_iters" not in spec["config"]
    lines = host.get(f"/v1alpha1/jobs/logs/{trained}").body.decode().splitlines()
    assert lines[-1] == f"JOB_END:{trained}" and any(line.startswith("EPOCH_COMPLETE: epoch 2/2") for line in lines)
    assert isinstance(ask(host, {"payload_type": "REQUEST_QUEUE_STATUS"})["jobs"], list)


def test_predictions_for_the_dataset_that_is_kept(host, shop, trained, tmp_path):
    kept = ask(host, {"payload_type": "REQUEST_DATASET_CONFIG", "experiment_name": "shop_binary_again", "model_run_id": trained})
    assert kept["task"]["target_table"] == "customers" and kept["tables"][0]["columns"][0]["key_type"] == "primary_key", "in the caller's dialect"
    request = {"payload_type": "ADD_INFERENCE_EXPORT", "config": {**CONFIG, "experiment": {"database": "D", "schema": "S"}}, "test_batch_size": 16,
               "model_selection_strategy": "current", "model_run_id": trained, "output_alias": "bare", "artifacts_dir": str(tmp_path), "extension": "parquet",
               "extract_embeddings": True}
    config = ask(host, request)
    assert config["experiment"] == {"database": "D", "schema": "S"}
    body = {"payload_type": "JOB", "job_type": "inference", "dataset_metadata": kept, "model_configuration": config}
    job = ask(host, body)["job_id"]
    assert host.job_in(job, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    paths = ask(host, {"payload_type": "REQUEST_JOB_STATUS", "job_id": job})["export_paths"]
    assert paths["embeddings"] == {"customer": str(tmp_path / "EMBEDDINGS_CUSTOMER_BARE.parquet")} and (tmp_path / "EMBEDDINGS_CUSTOMER_BARE.parquet").exists()
    path = paths["predictions"]
    assert path == str(tmp_path / "PREDICTIONS_BARE.parquet") and pq.read_table(path).num_rows == len(shop.tables["test"]["again"])


def test_a_model_of_the_other_api_is_predicted_with(host, shop, tmp_path):
    """Trained with a specification that leaves dtypes to inference; predicted with as newer clients do."""
    request = fit_request(shop)
    request["spec"]["task"].pop("test")
    run = host.submit({**request, "experiment_name": "mine"})["id"]
    assert host.job_in(run, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    wrap = lambda payload: {"user": payload, "system": {"references": []}}
    kept = ask(host, wrap({"payload_type": "REQUEST_DATASET_CONFIG", "model_run_id": run, "model_selection_strategy": "custom_run"}))
    assert kept["task"]["target_link_to"] == "customers.id" and kept["tables"][1]["foreign_keys"] == [{"name": "customer", "link_to": "customers.id"}]
    kept["task"]["source"]["test"] = str(shop.folder / "test.parquet")
    del kept["task"]["label_column"]  # a dataset for prediction alone: the model knows what it predicts
    config = ask(host, wrap({"payload_type": "ADD_INFERENCE_EXPORT", "config": CONFIG, "model_selection_strategy": "custom_run", "model_run_id": run,
                             "output_alias": "OTHER", "artifacts_dir": str(tmp_path), "extension": "csv", "compute_test_metrics": True}))
    job = ask(host, wrap({"payload_type": "JOB", "job_type": "inference", "dataset_metadata": kept, "model_configuration": config}))["job_id"]
    told = host.job_in(job, "COMPLETED", "FAILED")
    assert told["state"] == "COMPLETED" and told["result"]["test_metrics"]["roc_auc"] >= 0


@pytest.fixture(scope="module")
def links(shop):
    """Label tables of links: some orders that each customer had."""
    orders = shop.tables["orders"]
    for split, days in (("train", (90, 120)), ("validation", (150,)), ("test", (180,))):
        rows = [(c, day(d), [o for o, who, at in zip(orders["id"], orders["customer"], orders["at"]) if who == c and at <= day(d)][-3:])
                for d in days for c in range(40)]
        columns = dict(zip(("who", "at", "had"), map(list, zip(*rows))))
        pq.write_table(pa.table(columns, pa.schema([("who", pa.int64()), ("at", pa.timestamp("us")), ("had", pa.list_(pa.int64()))])),
                       shop.folder / f"links_{split}.parquet")
    return {s: str(shop.folder / f"links_{s}.parquet") for s in ("train", "validation", "test")}


def link_metadata(shop, sources, dialect):
    told = metadata(shop)
    task = told["task"]
    for key in ("target_column", "target_table"):
        del task[key]
    task |= {"name": "had", "source": sources, "task_type": "repeated_link_prediction", "evaluation_metric": {"name": "link_prediction_map", "eval_at_k": 4},
             "columns": [{"name": n, "dtype": d} for n, d in (("who", "integer"), ("at", "datetime"), ("had", "integer"))]}
    if dialect == "bare":
        return {**told, "task": task | {"source_column": "who", "source_table": "customers", "target_column": "had", "target_table": "orders"}}
    for table in told["tables"]:
        table["candidate_keys"] = [{"name": "id"}]
        if table["name"] == "orders":
            table["foreign_keys"] = [{"name": "customer", "link_to": "customers.id"}]
        for column in table["columns"]:
            column.pop("key_type", None)
    return {**told, "task": task | {"source_entity_column": "who", "source_link_to": "customers.id", "target_entity_column": "had",
                                    "target_link_to": "orders.id"}}


@pytest.mark.parametrize("dialect", ["bare", "lists"])
def test_links_are_trained_and_predicted(host, shop, links, tmp_path, dialect):
    wrap = (lambda payload: payload) if dialect == "bare" else (lambda payload: {"user": payload, "system": {"references": []}})
    sent = link_metadata(shop, links, dialect)
    ask(host, wrap({"payload_type": "VALIDATE_CONFIG", "type": "dataset_config", "config": sent}))
    config = {**CONFIG, "training_parameters": {**CONFIG["training_parameters"], "id_awareness": True}}
    run = ask(host, wrap({"payload_type": "JOB", "job_type": "train", "dataset_metadata": sent, "model_configuration": config}))["job_id"]
    assert host.job_in(run, "COMPLETED", "FAILED")["state"] == "COMPLETED"
    kept = ask(host, wrap({"payload_type": "REQUEST_DATASET_CONFIG", "model_run_id": run, "model_selection_strategy": "current"}))
    ends = {k: v for k, v in kept["task"].items() if k.startswith(("source_", "target_"))}
    assert ends == {k: v for k, v in sent["task"].items() if k.startswith(("source_", "target_"))}
    export = {"payload_type": "ADD_INFERENCE_EXPORT", "config": config, "model_selection_strategy": "current", "model_run_id": run,
              "output_alias": dialect, "artifacts_dir": str(tmp_path), "extension": "parquet", "compute_test_metrics": True}
    body = {"payload_type": "JOB", "job_type": "inference", "dataset_metadata": kept, "model_configuration": ask(host, wrap(export))}
    told = host.job_in(ask(host, wrap(body))["job_id"], "COMPLETED", "FAILED")
    assert told["state"] == "COMPLETED", told["error"]
    assert set(told["result"]["test_metrics"]) == {"link_prediction_map", "link_prediction_precision", "link_prediction_recall"}
    table = pq.read_table(tmp_path / f"PREDICTIONS_{dialect.upper()}.parquet").to_pydict()
    assert table["who"] == list(range(40)) and all(len(ids) <= 4 for ids in table["predicted_id"])
    own = {c: {o for o, who in zip(shop.tables["orders"]["id"], shop.tables["orders"]["customer"]) if who == c} for c in range(40)}
    assert all(set(ids) <= own[c] for c, ids in zip(table["who"], table["predicted_id"]))


def test_what_is_refused_says_so_in_the_clients_words(host, shop, trained):
    for later in ("REGISTER_MODEL", "LIST_REGISTERED_MODELS", "DELETE_MODEL", "CHECK_EXPERIMENT_PERMISSIONS"):
        assert ask(host, {"payload_type": later, "model_run_id": trained}, status=422).startswith(f"unsupported: {later}")
    assert "missing required" in ask(host, {"payload_type": "REQUEST_JOB_STATUS"}, status=422)
    assert "not found" in ask(host, {"payload_type": "REQUEST_JOB_STATUS", "job_id": str(uuid.uuid4())}, status=404)
    assert "unsupported" in ask(host, {"payload_type": "DANCE"}, status=422)
    links = metadata(shop)
    links["task"]["task_type"] = "link_prediction"
    body = {"payload_type": "JOB", "job_type": "train", "dataset_metadata": links, "model_configuration": CONFIG}
    assert "missing required task.source_" in ask(host, body, status=422)
    for bad in ("[]", '"x"', "{", '{"payload_type": 3}'):
        assert host.post(f"/v1alpha1/jobs/create/{uuid.uuid4()}", bad).status in (400, 422)
    assert host.post(f"/v1alpha1/jobs/create/{uuid.uuid4()}", {"payload_type": "REQUEST_QUEUE_STATUS"}, token="wrong").status == 401


def test_a_running_job_is_canceled(host, shop):
    slow = json.loads(json.dumps(CONFIG))
    slow["training_parameters"] |= {"n_epochs": 100000, "patience": 100000}
    slow["scheduler"]["parameters"]["T_max"] = 100000
    job = ask(host, {"payload_type": "JOB", "job_type": "train", "dataset_metadata": metadata(shop), "model_configuration": slow})["job_id"]
    host.job_in(job, "RUNNING")
    assert host.post(f"/v1alpha1/jobs/cancel/{job}").json["data"]["job_id"] == job
    assert host.job_in(job, "CANCELED", seconds=10)
