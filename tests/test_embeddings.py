"""Embeddings beside predictions, from the command line and over HTTP: what the head makes predictions of, in all outputs, all tables or none."""
import datetime as dt
import io
import json

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from host_process import HostProcess, fit_predict_request
from output_tables import OUTPUTS, matrix, rows_of
from runs import split_model
from shop import Shop

CHANNELS = 8


@pytest.fixture
def shop(rle, tmp_path):
    """The shop with a model of it in `model`."""
    shop = Shop(tmp_path).write()
    assert rle("fit", "spec.json", "--model", "model", "-q").returncode == 0
    return shop


def predict(rle, output, *args):
    result = rle("predict", "spec.json", "--model", "model", "-q", "--json", "--output", output, "--embeddings", *args)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def probabilities(folder, vectors):
    """The head of the model on vectors: one linear map and the logistic function."""
    tensors = split_model((folder / "model/model.safetensors").read_bytes())[1]
    weight, bias = (np.frombuffer(tensors[f"head.0.{part}"], dtype=np.float32).astype(np.float64) for part in ("weight", "bias"))
    return 1 / (1 + np.exp(-(vectors @ weight.reshape(-1) + bias[0])))


@pytest.mark.parametrize("inference", ["sampled", "exact"])
@pytest.mark.parametrize("kind", OUTPUTS)
def test_the_head_on_embeddings_is_the_prediction(rle, shop, kind, inference):
    told = predict(rle, OUTPUTS[kind], "--set", f"config.inference={inference}")
    assert told["rows"] == told["embeddings"][0]["rows"] == 40 and told["embeddings"][0]["columns"] == ["customer", "at", "embedding"]
    assert "EMBEDDINGS_CUSTOMER_P" in told["embeddings"][0]["output"]
    predictions, embeddings = rows_of(shop.folder, told), rows_of(shop.folder, told["embeddings"][0])
    assert embeddings.schema.field("embedding").type == pa.list_(pa.float32())
    for column in ("customer", "at"):
        assert embeddings[column] == predictions[column] and embeddings.schema.field(column) == predictions.schema.field(column)
    vectors = matrix(embeddings)
    assert vectors.shape == (40, CHANNELS) and len(np.unique(vectors, axis=0)) > 20
    np.testing.assert_allclose(probabilities(shop.folder, vectors), predictions["predicted_prob"].to_numpy(), atol=1e-5)


def test_all_outputs_hold_the_same(rle, shop):
    tables = [rows_of(shop.folder, predict(rle, output)["embeddings"][0]) for output in OUTPUTS.values()]
    assert matrix(tables[0]).tolist() == matrix(tables[1]).tolist() == matrix(tables[2]).tolist(), "CSV text keeps all digits"
    plain = rle("predict", "spec.json", "--model", "model", "-q", "--output", "plain.parquet")
    assert plain.returncode == 0 and pq.read_table(shop.folder / "plain.parquet").equals(pq.read_table(shop.folder / "p.parquet"))


def test_rows_are_those_of_the_predictions(rle, shop):
    """Twice the same entity, out of order; keys of another integer type; no time of their own."""
    who = pa.table({"customer": pa.array([7, 3, 7], pa.int16())})
    pq.write_table(who, shop.folder / "who.parquet")
    told = predict(rle, "some.parquet", "--entities", "who.parquet", "--at", "2020-05-30")
    table = rows_of(shop.folder, told["embeddings"][0])
    assert table["customer"].to_pylist() == [7, 3, 7] and table.schema.field("customer").type == pa.int16()
    assert table["at"].to_pylist() == [dt.datetime(2020, 5, 30)] * 3
    told = predict(rle, "all.parquet", "--entities", "all", "--at", "2020-05-30")
    assert rows_of(shop.folder, told["embeddings"][0])["customer"].to_pylist() == list(range(40))


@pytest.mark.parametrize("kind", OUTPUTS)
def test_embeddings_that_are_there_are_refused_before_work(rle, shop, kind):
    told = predict(rle, OUTPUTS[kind])
    if kind == "duckdb":
        with duckdb.connect(str(shop.folder / "out.duckdb")) as database:
            database.execute("DROP TABLE main.p")
    else:
        (shop.folder / OUTPUTS[kind]).unlink()
    before = rows_of(shop.folder, told["embeddings"][0])
    result = rle("predict", "spec.json", "--model", "model", "--output", OUTPUTS[kind], "--embeddings")
    assert result.returncode == 2 and "EMBEDDINGS_CUSTOMER_P" in result.stderr and "exists already" in result.stderr, result.stderr
    assert "customers" not in result.stderr.split("error:")[0], "no table was read"
    assert rows_of(shop.folder, told["embeddings"][0]).equals(before)
    if kind != "duckdb":
        assert not (shop.folder / OUTPUTS[kind]).exists()


def test_names_and_columns_that_are_odd(rle, shop):
    """A key column that is called embedding, in a table whose name has spaces."""
    for split in ("train", "validation", "test"):
        shop.tables[split]["embedding"] = shop.tables[split].pop("customer")
    shop.spec["task"]["entity_column"] = "embedding"
    shop.write()
    told = predict(rle, "my run.v2.csv")
    assert told["embeddings"][0]["output"].endswith("EMBEDDINGS_EMBEDDING_MY_RUN_V2.csv")
    assert told["embeddings"][0]["columns"] == ["embedding", "at", "gnn_embedding"]


# -- over HTTP --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(rle_program, tmp_path):
    with HostProcess(rle_program, tmp_path / "state") as host:
        yield host


def request(shop, kind, alias="first", **options):
    made = fit_predict_request(shop, shop.folder / "out", alias) | {"options": {"extract_embeddings": True, **options}}
    if kind == "duckdb":
        made["output"] = {"kind": "duckdb", "database": str(shop.folder / "out/o.duckdb"), "alias": alias}
    else:
        made["output"]["extension"] = kind
    return made


def completed(host, made):
    job = host.job_in(host.submit(made)["id"], "COMPLETED", "FAILED")
    assert job["state"] == "COMPLETED", job
    return job


def fetched(host, job, query=""):
    answer = host.get(f"/v1/jobs/{job['id']}/embeddings{query}")
    assert answer.status == 200, answer.body
    return answer


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_job_writes_and_gives_them(host, tmp_path, kind):
    shop = Shop(tmp_path).write()
    job = completed(host, request(shop, kind))
    predictions, embeddings = job["outputs"]
    assert (predictions["role"], embeddings["role"], embeddings["kind"]) == ("predictions", "embeddings", kind)
    assert (embeddings["rows"], embeddings["entity_table"], embeddings["column"]) == (40, "customers", "customer")
    name = embeddings["table"] if kind == "duckdb" else embeddings["path"]
    assert name == {"duckdb": "main.EMBEDDINGS_CUSTOMER_FIRST"}.get(kind, str(tmp_path / f"out/EMBEDDINGS_CUSTOMER_FIRST.{kind}"))
    written = rows_of(tmp_path, embeddings)
    table = pq.read_table(io.BytesIO(fetched(host, job).body))
    assert matrix(table).tolist() == matrix(written).tolist() and table["customer"] == written["customer"]
    assert fetched(host, job, "?table=customers").body == fetched(host, job, "?table=customer").body
    text = fetched(host, job, "?format=csv")
    assert text.headers["Content-Type"].startswith("text/csv") and len(text.body.splitlines()) == 41
    assert f"embeddings-{job['id']}.csv" in text.headers["Content-Disposition"]
    unknown = host.get(f"/v1/jobs/{job['id']}/embeddings?table=orders")
    assert unknown.status == 422 and unknown.json["field"] == "table" and "customers (column customer)" in unknown.json["detail"]
    without = completed(host, request(shop, kind, "second", extract_embeddings=False))
    assert len(without["outputs"]) == 1
    assert host.get(f"/v1/jobs/{without['id']}/embeddings").status == 409


@pytest.mark.parametrize("kind", OUTPUTS)
def test_outputs_are_replaced_together(host, tmp_path, kind):
    shop = Shop(tmp_path).write()
    first = completed(host, request(shop, kind))
    before = [rows_of(tmp_path, output) for output in first["outputs"]]
    taken = host.post("/v1/jobs", request(shop, kind))
    assert taken.status == 409 and taken.json["field"] == "output.alias"
    if kind != "duckdb":  # one of the two is enough
        (tmp_path / f"out/PREDICTIONS_FIRST.{kind}").rename(tmp_path / "moved")
        taken = host.post("/v1/jobs", request(shop, kind))
        assert taken.status == 409 and "EMBEDDINGS_CUSTOMER_FIRST" in taken.json["detail"]
        (tmp_path / "moved").rename(tmp_path / f"out/PREDICTIONS_FIRST.{kind}")
    second = completed(host, request(shop, kind, overwrite=True) | {"spec": request(shop, kind)["spec"] | {"config": {**shop.spec["config"], "seed": 7}}})
    for old, output in zip(before, second["outputs"]):
        assert rows_of(tmp_path, output).num_rows == 40 and not rows_of(tmp_path, output).equals(old)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
