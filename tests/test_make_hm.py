"""bench/make_hm.py: sizes, keys, the churn labels against the lines they stand for, and the same bytes for the same seed."""
import subprocess
import sys
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
import yaml


def make(root, out, seed=7):
    subprocess.run([sys.executable, root / "bench/make_hm.py", out, "--scale", "0.002", "--seed", str(seed)], check=True)
    return out


@pytest.fixture(scope="module")
def made(root, tmp_path_factory):
    return make(root, tmp_path_factory.mktemp("hm"))


def rows(path):
    return pq.read_table(path).to_pylist()


def test_sizes_are_those_asked_for(made):
    sizes = {name: pq.read_metadata(made / f"db/{name}.parquet") for name in ("customers", "articles", "transactions")}
    assert {n: (m.num_rows, m.num_columns) for n, m in sizes.items()} == {
        "customers": (2744, 7), "articles": (211, 25), "transactions": (30375, 5)}


def test_every_line_has_its_customer_and_article(made):
    lines = rows(made / "db/transactions.parquet")
    assert {r["customer_id"] for r in lines} <= {r["customer_id"] for r in rows(made / "db/customers.parquet")}
    assert {r["article_id"] for r in lines} <= {r["article_id"] for r in rows(made / "db/articles.parquet")}
    assert all(a["t_dat"] <= b["t_dat"] for a, b in zip(lines, lines[1:]))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_churn_is_what_the_lines_say(made, split):
    bought = {}
    for line in rows(made / "db/transactions.parquet"):
        bought.setdefault(line["customer_id"], set()).add(line["t_dat"])
    week = timedelta(days=7)
    labels = rows(made / f"tasks/churn/{split}.parquet")
    expected = {(t, c): int(not any(t < d <= t + week for d in days))
                for t in {r["timestamp"] for r in labels} for c, days in bought.items() if any(t - week < d <= t for d in days)}
    assert {(r["timestamp"], r["customer_id"]): r["churn"] for r in labels} == expected
    assert 0.3 < sum(expected.values()) / len(expected) < 0.95


def test_specification_names_every_column(made):
    spec = yaml.safe_load((made / "hm.yaml").read_text())
    for table in spec["tables"].values():
        named = {*table["columns"], *table.get("foreign_keys", {}), table.get("primary_key")} - {None}
        assert named == set(pq.read_schema(made / table["source"]).names)


def test_same_seed_same_bytes_another_seed_others(root, made, tmp_path):
    files = sorted(p.relative_to(made) for p in made.rglob("*.*"))
    again, other = make(root, tmp_path / "again"), make(root, tmp_path / "other", seed=8)
    assert len(files) == 7
    assert all((made / f).read_bytes() == (again / f).read_bytes() for f in files)
    assert (made / "db/transactions.parquet").read_bytes() != (other / "db/transactions.parquet").read_bytes()
