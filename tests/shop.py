"""A small database with a task, made on the spot: customers, orders, and whether a customer orders again."""
import copy
import datetime as dt
import json
import random

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

START = dt.datetime(2020, 1, 1)
SPEC = {
    "dataset": "shop",
    "tables": {
        "customers": {"source": "customers.parquet", "primary_key": "id", "columns": {"age": "integer", "city": "category"}},
        "orders": {"source": "orders.parquet", "primary_key": "id", "time_column": "at", "foreign_keys": {"customer": "customers.id"},
                   "columns": {"amount": "float"}},
    },
    "task": {"name": "again", "type": "binary_classification", "entity": "customers.id", "entity_column": "customer", "target": "again",
             "time_column": "at", "horizon": "30d", "train": "train.parquet", "validation": "validation.parquet", "test": "test.parquet"},
    "config": {"n_epochs": 2, "channels": 8, "fanouts": [4, 4], "encoder_blocks": 1, "train_batch_size": 32},
    "output": {"database": "out.duckdb"},
}


def day(number):
    return START + dt.timedelta(days=number)


def tables(customers=40, orders=400, seed=1):
    """Columns as lists, by table; labels follow from the orders."""
    random_ = random.Random(seed)
    rows = sorted((random_.randrange(200), random_.randrange(customers)) for _ in range(orders))
    out = {
        "customers": {"id": list(range(customers)), "age": [random_.randrange(18, 80) for _ in range(customers)],
                      "city": [random_.choice(["Oslo", "Rome", "Lima"]) for _ in range(customers)]},
        "orders": {"id": list(range(orders)), "customer": [c for _, c in rows], "at": [day(d) for d, _ in rows],
                   "amount": [round(random_.uniform(1, 100), 2) for _ in rows]},
    }
    for split, days in (("train", (30, 60, 90)), ("validation", (120,)), ("test", (150,))):
        at = [d for d in days for _ in range(customers)]
        who = [c for _ in days for c in range(customers)]
        again = [int(any(c == w and d < r <= d + 30 for r, c in rows)) for d, w in zip(at, who)]
        out[split] = {"customer": who, "at": [day(d) for d in at], "again": again}
    return out


class Shop:
    """The database and its specification in a folder; change `tables` and `spec`, then `write`."""

    def __init__(self, folder):
        self.folder = folder
        self.tables = tables()
        self.spec = copy.deepcopy(SPEC)
        self.types = {}

    def write(self):
        for name, columns in self.tables.items():
            arrays = {c: v if isinstance(v, pa.Array) else pa.array(v, self.types.get((name, c))) for c, v in columns.items()}
            pq.write_table(pa.table(arrays), self.folder / f"{name}.parquet")
        (self.folder / "spec.json").write_text(json.dumps(self.spec))
        return self
