"""Predicted links and the embeddings behind them, from the command line and over HTTP, in all outputs."""
import datetime as dt
import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from host_process import HostProcess, fit_predict_request
from link_shop import LinkShop
from output_tables import OUTPUTS, matrix, rows_of
from shop import day

ARTICLES, K = 12, 5


def fitted(rle, folder, change=lambda shop: None, **config):
    """The shop with two test times, and a model of it in `model`."""
    shop = LinkShop(folder)
    test = shop.tables["test"]
    for customer in (3, 1, 2):
        for column, value in zip(test.values(), (customer, day(140 + customer), [100, 101])):
            column.append(value)
    shop.spec["config"].update(config)
    change(shop)
    shop.write()
    result = rle("fit", "spec.json", "--model", "model", "-q")
    assert result.returncode == 0, result.stderr
    return shop


def predict(rle, output, *args):
    result = rle("predict", "spec.json", "--model", "model", "-q", "--json", "--output", output, *args)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def by_seed(table):
    """{(customer, time): (keys, scores)} of lists, or of one row a pair."""
    out = {}
    for row in table.to_pylist():
        seed = (row["customer"], row["at"])
        if "rank" not in row:
            out[seed] = (row["predicted_article"], row["predicted_scores"])
            continue
        keys, scores = out.setdefault(seed, ([], []))
        assert row["rank"] == len(keys) + 1
        keys.append(row["predicted_article"])
        scores.append(row["score"])
    return out


def test_lists_in_the_order_of_the_test_table(rle, tmp_path):
    shop = fitted(rle, tmp_path)
    table = rows_of(tmp_path, predict(rle, "p.parquet"))
    assert table.column_names == ["customer", "at", "bought", "predicted_article", "predicted_scores"]
    assert table.select(["customer", "at", "bought"]).to_pydict() == shop.tables["test"]
    for keys, scores in by_seed(table).values():
        assert len(keys) == len(set(keys)) == K and set(keys) <= set(shop.tables["articles"]["article"])
        assert scores == sorted(scores, reverse=True)


def test_flattened_is_a_row_a_pair(rle, tmp_path):
    fitted(rle, tmp_path)
    lists, flat = rows_of(tmp_path, predict(rle, "p.parquet")), rows_of(tmp_path, predict(rle, "flat.parquet", "--flatten"))
    assert flat.column_names[-3:] == ["predicted_article", "rank", "score"] and flat.num_rows == K * len(by_seed(lists))
    assert by_seed(flat).keys() == by_seed(lists).keys()
    for seed, (keys, scores) in by_seed(lists).items():
        assert by_seed(flat)[seed][0] == keys and by_seed(flat)[seed][1] == pytest.approx(scores, rel=1e-6)


def test_one_key_a_row_is_a_row_a_seed(rle, tmp_path):
    (tmp_path / "pairs").mkdir()
    fitted(rle, tmp_path)
    lists = by_seed(rows_of(tmp_path, predict(rle, "p.parquet")))
    shop = fitted(lambda *args: rle(*args, cwd=tmp_path / "pairs"), tmp_path / "pairs", change=LinkShop.one_a_row)
    table = rows_of(tmp_path / "pairs", predict(lambda *args: rle(*args, cwd=tmp_path / "pairs"), "p.parquet"))
    assert table.column_names == ["customer", "at", "predicted_article", "predicted_scores"]
    test = shop.tables["test"]
    assert list(by_seed(table)) == list(dict.fromkeys(zip(test["customer"], test["at"]))), "seeds as they first appear"
    assert table.num_rows == len(by_seed(table)) < len(test["at"]) and by_seed(table) == lists


@pytest.mark.parametrize("kind", OUTPUTS)
def test_dot_products_of_embeddings_are_the_scores(rle, tmp_path, kind):
    fitted(rle, tmp_path)
    told = predict(rle, OUTPUTS[kind], "--embeddings")
    source, target = told["embeddings"]
    assert "EMBEDDINGS_CUSTOMER_P" in source["output"] and "EMBEDDINGS_BOUGHT_P" in target["output"]
    sources, targets = rows_of(tmp_path, source), rows_of(tmp_path, target)
    assert (sources.column_names, targets.column_names) == (["customer", "at", "embedding"], ["article", "at", "embedding"])
    times = sorted(set(sources["at"].to_pylist()))
    assert len(times) > 1 and targets.num_rows == ARTICLES * len(times), "each target at each time"
    assert list(zip(targets["at"].to_pylist(), targets["article"].to_pylist())) == [(t, 100 + a) for t in times for a in range(ARTICLES)]
    vectors = {(row["at"], row["article"]): np.array(row["embedding"]) for row in targets.to_pylist()}
    found = by_seed(rows_of(tmp_path, told)) if kind != "csv" else by_seed(rows_of(tmp_path, predict(rle, "same.parquet")))
    assert sources.num_rows >= len(found)
    for row in sources.to_pylist():
        products = {a: np.array(row["embedding"]) @ vectors[row["at"], a] for a in range(100, 100 + ARTICLES)}
        keys, scores = found[row["customer"], row["at"]]
        assert [products[key] for key in keys] == pytest.approx(scores, abs=1e-5)
        assert min(scores) >= max((p for a, p in products.items() if a not in keys)) - 1e-5, "the best of all"


def repeated(shop):
    shop.spec["task"]["type"] = "repeated_link_prediction"


@pytest.mark.parametrize("change, config", [(repeated, {}), (lambda shop: None, {"link_fusion": True})], ids=["repeated", "fusion"])
def test_other_link_models_have_vectors_of_both_ends(rle, tmp_path, change, config):
    fitted(rle, tmp_path, change, **config)
    told = predict(rle, "p.parquet", "--embeddings")
    sources, targets = (rows_of(tmp_path, output) for output in told["embeddings"])
    seeds = by_seed(rows_of(tmp_path, told))
    assert set(zip(sources["customer"].to_pylist(), sources["at"].to_pylist())) == set(seeds)
    assert matrix(sources).shape[1] == matrix(targets).shape[1] == 8 and len(np.unique(matrix(targets), axis=0)) > 1
    assert len(np.unique(matrix(sources), axis=0)) > 10


def test_names_that_are_alike_are_told_apart(rle, tmp_path):
    def rename(shop):
        for split in ("train", "validation", "test"):
            customer, at, bought = shop.tables[split].values()
            shop.tables[split] = {"a b": customer, "at": at, "a_b": bought}
            shop.types[split, "a_b"] = shop.types[split, "bought"]
        shop.spec["task"].update(entity_column="a b", target="a_b")

    fitted(rle, tmp_path, rename)
    told = predict(rle, "p.csv", "--embeddings")
    assert [output["output"].split("/")[-1] for output in told["embeddings"]] == ["EMBEDDINGS_A_B_P.csv", "EMBEDDINGS_A_B_TARGET_P.csv"]
    assert [output["columns"][0] for output in told["embeddings"]] == ["a b", "article"]


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_job_writes_and_gives_all_three(rle_program, rle, tmp_path, kind):
    shop = LinkShop(tmp_path).write()
    request = fit_predict_request(shop, tmp_path / "out") | {"options": {"extract_embeddings": True}}
    request["output"]["extension"] = kind
    if kind == "duckdb":
        request["output"] = {"kind": "duckdb", "database": str(tmp_path / "out/o.duckdb"), "alias": "again"}
    with HostProcess(rle_program, tmp_path / "state") as host:
        job = host.job_in(host.submit(request)["id"], "COMPLETED", "FAILED")
        assert job["state"] == "COMPLETED", job
        assert [(o["role"], o.get("entity_table"), o.get("column")) for o in job["outputs"]] == [
            ("predictions", None, None), ("embeddings", "customers", "customer"), ("embeddings", "articles", "bought")]
        path = f"/v1/jobs/{job['id']}/embeddings"
        unnamed = host.get(path)
        assert unnamed.status == 422 and "customers (column customer), articles (column bought)" in unnamed.json["detail"]
        for names, output in ((("customers", "customer"), job["outputs"][1]), (("articles", "bought"), job["outputs"][2])):
            for name in names:
                table = pq.read_table(io.BytesIO(host.get(f"{path}?table={name}").body))
                written = rows_of(tmp_path, output)
                assert table.column_names == written.column_names and matrix(table).tolist() == matrix(written).tolist()
                assert table.num_rows == output["rows"]


@pytest.mark.no_sanitizer("its shadow memory is beyond the limit")
def test_embeddings_of_targets_beyond_the_memory_limit(rle, tmp_path):
    """A target has a vector at each time: 12 articles at 20,000 times are refused before work."""
    shop = fitted(rle, tmp_path, channels=128, n_epochs=1)
    times = [day(150) + dt.timedelta(seconds=i) for i in range(20_000)]
    shop.tables["test"].update(customer=[i % 30 for i in range(20_000)], at=times, bought=[[100]] * 20_000)
    shop.write()
    refused = rle("predict", "spec.json", "--model", "model", "-q", "--output", "p.parquet", "--memory-limit", "300MiB", "--embeddings")
    assert refused.returncode == 1, refused.stderr
    assert "240000 vectors at 20000 times" in refused.stderr and "without embeddings" in refused.stderr
    assert not (tmp_path / "p.parquet").exists()
