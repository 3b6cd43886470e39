"""Writes the shop: tables by chunks, label tables by weeks, specifications."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterable

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped,import-not-found,unused-ignore]
import pyarrow.parquet as pq  # type: ignore[import-untyped,import-not-found,unused-ignore]

from ._catalogue import make_catalogue
from ._customers import CHUNK, Customers, make_customers
from ._draw import DAYS, WEEK, Integers, stream, timestamps
from ._labels import churn, purchases
from ._sales import Lines, Shop

CUSTOMERS, ARTICLES, LINES = 1_371_980, 105_542, 15_187_287
ROWS = 1 << 20  # rows that are written together
Report = Callable[[str], None]


def write(folder: Path, scale: float, seed: int, train_weeks: int, report: Report) -> None:
    """As make_retail(), whose arguments these are, checked."""
    n_customers, n_articles, n_lines = (round(n * scale) for n in (CUSTOMERS, ARTICLES, LINES))
    catalogue = make_catalogue(seed, n_articles)
    write_table(folder / "db/articles.parquet", [catalogue.table], report)
    customers: list[Customers] = []
    write_table(folder / "db/customers.parquet", _customers(seed, n_customers, customers), report)
    lines = by_day(thinned(seed, Shop(seed, catalogue).draw(customers, n_lines), n_lines))
    write_table(folder / "db/transactions.parquet", _transactions(lines), report)
    last = DAYS - 1
    splits = {"train": [last - WEEK * k for k in range(train_weeks + 1, 1, -1)], "validation": [last - WEEK], "test": [last]}
    for name, labels in (("churn", churn), ("purchases", purchases)):
        for split, days in splits.items():
            write_table(folder / f"tasks/{name}/{split}.parquet", (labels(lines, n_customers, day) for day in days), report)
        (folder / f"{name}.yaml").write_text(specification(name, catalogue.table.column_names), encoding="utf-8")


def write_table(path: Path, parts: Iterable[pa.Table], report: Report) -> None:
    """One Parquet file, a row group for each part that is not empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, writer = 0, None
    for part in parts:
        writer = writer or pq.ParquetWriter(path, part.schema, compression="zstd")
        writer.write_table(part, row_group_size=ROWS)
        rows += part.num_rows
    assert writer is not None
    writer.close()
    report(f"{path.parent.name}/{path.stem}: {rows:,} x {len(writer.schema)}")


def _customers(seed: int, total: int, kept: list[Customers]) -> Iterable[pa.Table]:
    """Tables of customers; how they act goes to `kept`."""
    for first in range(0, total, CHUNK):
        table, customers = make_customers(seed, first, min(CHUNK, total - first), total)
        kept.append(customers)
        yield table


def thinned(seed: int, chunks: list[Lines], wanted: int) -> list[Lines]:
    """As many lines left out at random, of each chunk in proportion, as leaves exactly `wanted` in the days that are written."""
    written = np.array([np.count_nonzero(c.day < DAYS) for c in chunks])
    until = np.cumsum(written) * wanted // written.sum()
    out = []
    for i, (chunk, keep) in enumerate(zip(chunks, np.diff(until, prepend=0))):
        rng = stream(seed, 4, i)
        shown, hidden = np.flatnonzero(chunk.day < DAYS), np.flatnonzero(chunk.day >= DAYS)
        left = np.sort(rng.permutation(shown)[:keep])
        later = np.sort(rng.permutation(hidden)[: len(hidden) * wanted // int(written.sum())])
        out.append(_taken(chunk, np.concatenate([left, later])))
    return out


def _taken(lines: Lines, rows: Integers) -> Lines:
    return Lines(lines.day[rows], lines.customer[rows], lines.article[rows], lines.price[rows], lines.channel[rows])


def by_day(chunks: list[Lines]) -> Lines:
    """All lines, by day, and within one by customer."""
    columns = [np.concatenate([getattr(c, name) for c in chunks]) for name in ("day", "customer", "article", "price", "channel")]
    chunks.clear()
    order = np.argsort(columns[0], kind="stable")
    return Lines(*(column[order] for column in columns))


def _transactions(lines: Lines) -> Iterable[pa.Table]:
    end = int(np.searchsorted(lines.day, DAYS))
    for first in range(0, end, ROWS):
        rows = slice(first, min(first + ROWS, end))
        yield pa.table(
            {
                "t_dat": timestamps(lines.day[rows]),
                "customer_id": pa.array(lines.customer[rows].astype(np.int64)),
                "article_id": pa.array(lines.article[rows].astype(np.int64)),
                "price": pa.array(lines.price[rows].astype(np.float64)),
                "sales_channel_id": pa.array(lines.channel[rows].astype(np.int64)),
            }
        )


_TASKS = {
    "churn": """# Will a customer who bought in the last seven days buy nothing in the next seven?
{tables}task:
  name: churn
  type: binary_classification
  entity: customers.customer_id
  target: churn
  metric: roc_auc
""",
    "purchases": """# Which articles will a customer buy in the next seven days?
{tables}task:
  name: purchases
  type: link_prediction
  entity: customers.customer_id
  target_entity: articles.article_id
  target: article_id
  metric: link_prediction_map
  eval_at_k: 12
""",
}
_TABLES = """dataset: retail
tables:
  customers:
    source: db/customers.parquet
    primary_key: customer_id
    columns: {{FN: float, Active: float, club_member_status: category, fashion_news_frequency: category, age: integer, postal_code: category}}
  articles:
    source: db/articles.parquet
    primary_key: article_id
    columns:
{columns}  transactions:
    source: db/transactions.parquet
    time_column: t_dat
    foreign_keys: {{customer_id: customers.customer_id, article_id: articles.article_id}}
    columns: {{t_dat: datetime, price: float, sales_channel_id: category}}
"""
_REST = """  time_column: timestamp
  horizon: 7d
  train: tasks/{name}/train.parquet
  validation: tasks/{name}/validation.parquet
  test: tasks/{name}/test.parquet
config:
  preset: relbench
  seed: 42
output:
  database: predictions.duckdb
  table: predictions_{name}
"""


def specification(name: str, article_columns: list[str]) -> str:
    """A task's specification. Every dtype is declared: codes and names of groups are categories, free text is text."""
    text = ("prod_name", "detail_desc")
    columns = "".join(f"      {c}: {'text' if c in text else 'category'}\n" for c in article_columns if c != "article_id")
    return _TASKS[name].format(tables=_TABLES.format(columns=columns)) + _REST.format(name=name)
