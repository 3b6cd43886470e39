"""Made-up retail data: its sizes and keys, what there is to learn in it, its labels against what is counted, and the same bytes for the same seed."""

import os
import subprocess
import sys

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.metrics import roc_auc_score

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    from relationalai_gnns.retail import make_retail

    return make_retail(tmp_path_factory.mktemp("retail"), scale=0.01, report=lambda line: None)


@pytest.fixture(scope="module")
def sql(made):
    """Answers of DuckDB over the tables: rows, and the one value where there is one."""
    with duckdb.connect() as db:
        for name in ("customers", "articles", "transactions"):
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM '{made}/db/{name}.parquet'")
        for task in ("churn", "purchases"):
            for split in SPLITS:
                db.execute(f"CREATE VIEW {task}_{split} AS SELECT * FROM '{made}/tasks/{task}/{split}.parquet'")
        # Each line with the day of the first line of this customer, and of this customer and article.
        db.execute("""CREATE VIEW lines AS SELECT *, min(t_dat) OVER (PARTITION BY customer_id) AS joined,
                      min(t_dat) OVER (PARTITION BY customer_id, article_id) AS first FROM transactions JOIN articles USING (article_id)""")

        def ask(query):
            rows = db.execute(query).fetchall()
            return rows[0][0] if len(rows) == len(rows[0]) == 1 else rows

        yield ask


def test_sizes_are_those_of_the_original_times_the_scale(made):
    sizes = {n: pq.read_metadata(made / f"db/{n}.parquet") for n in ("customers", "articles", "transactions")}
    assert {n: (m.num_rows, m.num_columns) for n, m in sizes.items()} == {
        "customers": (13720, 7),
        "articles": (1055, 25),
        "transactions": (151873, 5),
    }


def test_keys_are_unique_and_every_line_has_its_customer_and_article(sql):
    assert sql("SELECT count(*) - count(DISTINCT customer_id) FROM customers") == 0
    assert sql("SELECT count(*) - count(DISTINCT article_id) FROM articles") == 0
    assert sql("SELECT count(*) FROM transactions ANTI JOIN customers USING (customer_id)") == 0
    assert sql("SELECT count(*) FROM transactions ANTI JOIN articles USING (article_id)") == 0
    for split in SPLITS:
        assert sql(f"SELECT count(*) FROM (SELECT unnest(article_id) AS article_id FROM purchases_{split}) ANTI JOIN articles USING (article_id)") == 0
        assert sql(f"SELECT count(*) FROM purchases_{split} ANTI JOIN customers USING (customer_id)") == 0


def test_few_articles_and_customers_make_most_lines(sql):
    share = "SELECT sum(n) FILTER (p < {}) / sum(n) FROM (SELECT count(*) AS n, percent_rank() OVER (ORDER BY count(*) DESC) AS p FROM transactions GROUP BY {})"
    assert 0.1 < sql(share.format(0.01, "article_id")) < 0.25
    assert 0.4 < sql(share.format(0.1, "article_id")) < 0.65
    assert 0.4 < sql(share.format(0.1, "customer_id")) < 0.65
    assert sql("SELECT median(n) FROM (SELECT count(*) AS n FROM transactions GROUP BY customer_id)") < 8


def test_purchases_are_repeated_basics_most(sql):
    again = "SELECT avg((t_dat > first)::INT) FROM lines WHERE t_dat > joined"
    assert 0.3 < sql(again) < 0.6
    basics = sql(f"{again} AND garment_group_name IN ('Socks', 'Underwear')")
    fashion = sql(f"{again} AND garment_group_name IN ('Dresses', 'Party Wear')")
    assert basics > 0.4 > 0.3 > fashion


def test_what_a_customer_bought_tells_what_he_buys_next(sql):
    """Of the articles bought in the validation week a customer's own ones are far likelier than others' favourites."""
    seen = sql("""SELECT avg((first <= v.timestamp)::INT) FROM (SELECT timestamp, customer_id, unnest(article_id) AS article_id FROM purchases_validation) v
                  LEFT JOIN (SELECT DISTINCT customer_id, article_id, first FROM lines) USING (customer_id, article_id)""")
    assert 0.15 < seen < 0.5


def test_customers_of_an_age_share_a_taste(sql):
    """The groups that an age band bought in the first year tell what it buys in the second better than what all bought does."""
    rows = sql("""SELECT age // 6, (garment_group_no - 1001)::INT, t_dat < DATE '2019-09-20', count(*) FROM lines JOIN customers USING (customer_id)
                  WHERE age IS NOT NULL AND t_dat = first GROUP BY ALL""")
    counts = np.zeros((2, 20, 21))
    for band, group, first_year, n in rows:
        counts[int(not first_year), band, group] += n
    own = (counts[0] + 1) / (counts[0] + 1).sum(1, keepdims=True)
    everybody = counts[0].sum(0) / counts[0].sum()
    gain = (counts[1] * np.log(own / everybody)).sum() / counts[1].sum()
    assert gain > 0.1  # nats a line


def test_seasons(sql):
    def sold(group, months):
        return sql(f"SELECT count(*) FROM lines WHERE garment_group_name = '{group}' AND month(t_dat) IN ({months})")

    assert sold("Swimwear", "6, 7") > 3 * sold("Swimwear", "12, 1")
    assert sold("Knitwear", "12, 1") > 3 * sold("Knitwear", "6, 7")
    daily = sql("SELECT dayofweek(t_dat), count(*) FROM transactions GROUP BY 1 ORDER BY 1")
    assert max(n for _, n in daily) > 1.1 * min(n for _, n in daily)


@pytest.mark.parametrize("split", SPLITS)
def test_churn_shows_before_it_comes(sql, split):
    rows = sql(f"""SELECT churn, count(DISTINCT t_dat) FROM churn_{split} c JOIN transactions t ON t.customer_id = c.customer_id
                   AND t_dat BETWEEN timestamp - INTERVAL 28 DAYS AND timestamp GROUP BY churn, c.customer_id, timestamp""")
    churn, visits = np.array(rows).T
    assert 0.5 < churn.mean() < 0.9
    assert roc_auc_score(churn, -visits) > 0.68


@pytest.mark.parametrize("split", ["train", "validation"])
def test_labels_are_what_is_counted(sql, split):
    counted = f"""SELECT DISTINCT timestamp, customer_id FROM transactions, (SELECT DISTINCT timestamp FROM churn_{split})
                  WHERE t_dat > timestamp - INTERVAL 7 DAYS AND t_dat <= timestamp"""
    bought = f"""SELECT timestamp, customer_id, list_sort(list(DISTINCT article_id)) AS article_id FROM transactions, (SELECT DISTINCT timestamp FROM churn_{split})
                 WHERE t_dat > timestamp AND t_dat <= timestamp + INTERVAL 7 DAYS GROUP BY ALL"""
    expected = sql(f"SELECT timestamp, customer_id, (b.article_id IS NULL)::BIGINT FROM ({counted}) LEFT JOIN ({bought}) b USING (timestamp, customer_id) ORDER BY ALL")
    assert sql(f"SELECT timestamp, customer_id, churn FROM churn_{split}") == expected
    assert sql(f"SELECT timestamp, customer_id, article_id FROM purchases_{split}") == sql(f"{bought} ORDER BY timestamp, customer_id")


def test_the_tables_end_where_the_test_labels_begin(sql):
    last = sql("SELECT max(t_dat) FROM transactions")
    times = {split: sql(f"SELECT DISTINCT timestamp FROM churn_{split} ORDER BY 1") for split in SPLITS}
    assert len(times["train"]) == 20 and times["test"] == last
    assert (times["test"] - times["validation"]).days == (times["validation"] - times["train"][-1][0]).days == 7
    assert all(sql(f"SELECT DISTINCT timestamp FROM purchases_{split} ORDER BY 1") == times[split] for split in SPLITS)
    # The week behind them is nowhere but in the labels of the test, and both tasks tell the same of it.
    assert sql("SELECT count(*) FROM churn_test WHERE churn = (customer_id IN (SELECT customer_id FROM purchases_test))::INT") == 0


def test_a_shop_of_several_parts_is_as_large_and_as_sound(made, tmp_path, monkeypatch):
    from relationalai_gnns.retail import _files, make_retail

    monkeypatch.setattr(_files, "CHUNK", 1000)
    monkeypatch.setattr(_files, "ROWS", 10_000)
    parts = make_retail(tmp_path, scale=0.002, report=lambda line: None)
    lines = pq.read_table(parts / "db/transactions.parquet").to_pydict()
    assert len(lines["t_dat"]) == 30375 and lines["t_dat"] == sorted(lines["t_dat"])
    customers = pq.read_table(parts / "db/customers.parquet")["customer_id"].to_pylist()
    assert customers == list(range(2744)) and len(set(lines["customer_id"])) > 2500
    assert pq.read_metadata(parts / "db/customers.parquet").num_row_groups == 3


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_smallest_shop_of_any_seed(tmp_path, seed):
    from relationalai_gnns.retail import make_retail

    make_retail(tmp_path, scale=0.001, seed=seed, report=lambda line: None)
    assert pq.read_metadata(tmp_path / "db/transactions.parquet").num_rows == 15187


def run(root, *args):
    return subprocess.run(
        [sys.executable, "-m", "relationalai_gnns.retail", *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(root / "python")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_same_seed_same_bytes_another_seed_others(root, tmp_path):
    from relationalai_gnns.retail import make_retail

    for name, seed in (("one", 7), ("other", 8)):
        make_retail(tmp_path / name, scale=0.002, seed=seed, train_weeks=2, report=lambda line: None)
    done = run(root, tmp_path / "again", "--scale", "0.002", "--seed", "7", "--train-weeks", "2")
    assert done.returncode == 0 and "db/transactions: 30,375 x 5" in done.stdout
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 11
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "again" / f).read_bytes() for f in files)
    assert all((tmp_path / "one" / f).read_bytes() != (tmp_path / "other" / f).read_bytes() for f in files if f.suffix == ".parquet")


@pytest.mark.parametrize("task", ["churn", "purchases"])
def test_specifications_name_every_column(made, task):
    spec = yaml.safe_load((made / f"{task}.yaml").read_text())
    for table in spec["tables"].values():
        named = {*table["columns"], *table.get("foreign_keys", {}), table.get("primary_key")} - {None}
        assert named == set(pq.read_schema(made / table["source"]).names)
    for split in SPLITS:
        assert {"customer_id", spec["task"]["target"], spec["task"]["time_column"]} == set(pq.read_schema(made / spec["task"][split]).names)


def test_the_engine_takes_the_specification(made, rle):
    done = rle("validate", made / "churn.yaml")
    assert done.returncode == 0, done.stderr


def test_bad_arguments(root, tmp_path, monkeypatch):
    from relationalai_gnns import MissingPackageError, ValidationError, retail

    for name, value in (("scale", 0.0001), ("scale", "1"), ("seed", -1), ("train_weeks", 0), ("train_weeks", 101)):
        with pytest.raises(ValidationError, match=f"{name}: expected"):
            retail.make_retail(tmp_path, **{name: value})
    done = run(root, tmp_path, "--scale", "0")
    assert done.returncode == 2 and "scale: expected a number of at least 0.001" in done.stderr
    monkeypatch.setattr(retail.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match="numpy pyarrow"):
        retail.make_retail(tmp_path)
    assert not list(tmp_path.iterdir())
