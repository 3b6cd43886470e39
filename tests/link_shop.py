"""A small database with a link task, made on the spot: customers, articles, purchases, and what a customer buys in the next 30 days."""
import copy
import random

import pyarrow as pa
from shop import Shop, day

SPEC = {
    "dataset": "shop",
    "tables": {
        "customers": {"source": "customers.parquet", "primary_key": "id", "columns": {"age": "integer"}},
        "articles": {"source": "articles.parquet", "primary_key": "article", "columns": {"price": "float"}},
        "purchases": {"source": "purchases.parquet", "primary_key": "id", "time_column": "at",
                      "foreign_keys": {"customer": "customers.id", "article": "articles.article"}, "columns": {"amount": "float"}},
    },
    "task": {"name": "buys", "type": "link_prediction", "entity": "customers.id", "entity_column": "customer",
             "target_entity": "articles.article", "target": "bought", "time_column": "at", "horizon": "30d", "eval_at_k": 5,
             "train": "train.parquet", "validation": "validation.parquet", "test": "test.parquet"},
    "config": {"n_epochs": 2, "channels": 8, "fanouts": [4, 4], "encoder_blocks": 1, "train_batch_size": 32},
    "output": {"database": "out.duckdb"},
}
SPLITS = {"train": (30, 60, 90), "validation": (120,), "test": (150,)}


def tables(customers=30, articles=12, purchases=500, seed=1):
    """Columns as lists, by table. Articles have the keys 100, 101, ...; a customer buys among four of them."""
    random_ = random.Random(seed)
    rows = []
    for _ in range(purchases):
        customer = random_.randrange(customers)
        rows.append((random_.randrange(200), customer, 100 + (customer + random_.choice([0, 0, 0, 1, 1, 2, 5])) % articles))
    rows.sort()
    out = {
        "customers": {"id": list(range(customers)), "age": [random_.randrange(18, 80) for _ in range(customers)]},
        "articles": {"article": [100 + i for i in range(articles)], "price": [round(random_.uniform(1, 50), 2) for _ in range(articles)]},
        "purchases": {"id": list(range(purchases)), "customer": [c for _, c, _ in rows], "article": [a for *_, a in rows],
                      "at": [day(d) for d, *_ in rows], "amount": [round(random_.uniform(1, 100), 2) for _ in rows]},
    }
    for split, days in SPLITS.items():
        out[split] = {"customer": [], "at": [], "bought": []}
        for d in days:
            for customer in range(customers):
                bought = sorted({a for t, c, a in rows if c == customer and d < t <= d + 30})
                if bought:
                    for column, value in zip(out[split].values(), (customer, day(d), bought)):
                        column.append(value)
    return out


class LinkShop(Shop):
    """The database and its specification in a folder; change `tables` and `spec`, then `write`."""

    def __init__(self, folder):
        super().__init__(folder)
        self.tables = tables()
        self.spec = copy.deepcopy(SPEC)
        self.types = {(split, "bought"): pa.list_(pa.int64()) for split in SPLITS}

    def one_a_row(self):
        """The label tables with one key a row instead of lists."""
        for split in SPLITS:
            table = self.tables[split]
            pairs = [(c, t, a) for c, t, bought in zip(*table.values()) for a in bought]
            for i, column in enumerate(table):
                table[column] = [pair[i] for pair in pairs]
            del self.types[split, "bought"]
        return self
