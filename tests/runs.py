"""Fits and predictions for tests that compare them bit by bit: the example's database and a richer small one, written in any form."""
import copy
import datetime as dt
import json
import random
import struct

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

TINY = {"n_epochs": 2, "max_iters": 3, "channels": 16, "fanouts": [8, 4], "train_batch_size": 64, "encoder_blocks": 1}
LARGE = pytest.mark.no_sanitizer("too slow there; the same test runs on smaller data")


# Options away from their defaults, together.
OTHER_OPTIONS = [
    {"temporal_strategy": "last", "subgraph_type": "bidirectional", "gnn_norm": "batch_norm", "conv_aggregation": "max", "hetero_conv_aggregation": "mean", "head_layers": 2,
     "shallow_embeddings_list": ["people", "notes"], "label_smoothing": True},
    {"gnn_norm": "instance_norm", "conv_aggregation": "mean", "hetero_conv_aggregation": "max", "head_layers": 3, "head_norm": "layer_norm",
     "encoder_blocks": 0, "use_temporal_encoder": False, "fanouts": [8, 4, 2]},
]


def options(config):
    """--set options for a configuration."""
    return [word for key, value in config.items() for word in ("--set", f"config.{key}={json.dumps(value)}")]


def done(result):
    assert result.returncode == 0, result.stderr
    return result


def fit(rle, spec, model, *args, **config):
    """The bytes of the fitted model."""
    done(rle("fit", spec, "--model", model, "--quiet", *options(TINY | config), *args))
    return (model / "model.safetensors").read_bytes()


def predict(rle, spec, model, output, *args):
    """The predictions as a table."""
    done(rle("predict", spec, "--model", model, "--output", output, "--quiet", *args))
    return pq.read_table(output)


def split_model(content):
    """A model file's description and its tensors (bytes by name)."""
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + size])
    description = json.loads(header.pop("__metadata__")["model"])
    data = content[8 + size:]
    return description, {name: data[slice(*tensor["data_offsets"])] for name, tensor in header.items()}


def f1_data(root, task):
    """The example as (specification, tables by source path without its suffix)."""
    folder = root / "examples/f1"
    spec = yaml.safe_load((folder / f"{task}.yaml").read_text())
    sources = [table["source"] for table in spec["tables"].values()] + [spec["task"][s] for s in ("train", "validation", "test")]
    return spec, {source.removesuffix(".parquet"): pq.read_table(folder / source) for source in sources}


def market_data(seed=5, lists=True):
    """People, visits (no key of their own, many alike), friendships as edges, categories of equal counts, lists, null times; dtypes
    are inferred where none is written."""
    random_ = random.Random(seed)
    day = lambda: dt.datetime(2020, 1, 1) + dt.timedelta(days=random_.randrange(200))
    people = range(60)
    tags = ["red", "green", "blue", "white"]
    tables = {
        "people": {"id": [f"p{i}" for i in people], "boss": [f"p{i // 2}" if i else None for i in people],
                   "city": [["Oslo", "Rome", "Lima", "Kyiv", "Bonn"][i % 5] for i in people],
                   "income": [random_.lognormvariate(0, 8) for _ in people],
                   "level": [random_.randrange(1000) for _ in people]},
        "visits": {"person": [f"p{random_.choice(people)}" for _ in range(500)],
                   "at": [day() if i % 9 else None for i in range(500)],
                   "kind": [random_.choice(["web", "shop"]) for _ in range(500)],
                   "amount": [random_.choice([0.1, 0.7, 1e-9, 1e9, None]) for _ in range(500)]},
        "friends": {"one": [f"p{random_.choice(people)}" for _ in range(200)], "other": [f"p{random_.choice(people)}" for _ in range(200)],
                    "since": [day() for _ in range(200)]},
        "notes": {"id": list(range(150)), "person": [f"p{random_.choice(people)}" for _ in range(150)], "at": [day() for _ in range(150)],
                  "tags": [random_.sample(tags, random_.randrange(4)) for _ in range(150)],
                  "meaning": [[random_.gauss(0, 1) for _ in range(3)] for _ in range(150)]},
    }
    for split, days in (("train", (30, 60, 90)), ("validation", (110,)), ("test", (130, 140))):
        rows = [(f"p{i}", dt.datetime(2020, 1, 1) + dt.timedelta(days=d), random_.randrange(2)) for d in days for i in people]
        tables[split] = dict(zip(("person", "at", "comes"), map(list, zip(*rows))))
    spec = {
        "dataset": "market",
        "tables": {
            "people": {"source": "people.parquet", "primary_key": "id", "foreign_keys": {"boss": "people.id"},
                       "columns": {"city": "category"}},
            "visits": {"source": "visits.parquet", "time_column": "at", "foreign_keys": {"person": "people.id"}},
            "friends": {"source": "friends.parquet", "type": "edge", "time_column": "since",
                        "foreign_keys": {"one": "people.id", "other": "people.id"}},
            "notes": {"source": "notes.parquet", "primary_key": "id", "time_column": "at", "foreign_keys": {"person": "people.id"},
                      "columns": {"tags": "multi_categorical", "meaning": "embedding"}},
        },
        "task": {"name": "comes", "type": "binary_classification", "entity": "people.id", "entity_column": "person", "target": "comes",
                 "time_column": "at", "train": "train.parquet", "validation": "validation.parquet", "test": "test.parquet"},
    }
    if not lists:
        del tables["notes"], spec["tables"]["notes"]
    return spec, {name: pa.table(columns) for name, columns in tables.items()}


def shuffled(table, seed):
    order = list(range(table.num_rows))
    random.Random(seed).shuffle(order)
    return table.take(order)


def typed(columns, key, time):
    """Columns for a SELECT, keys (p1, p2, ...) and times cast where a type is given."""
    casts = {c: f"CAST(substr({c}, 2) AS {key})" for c in ("id", "boss", "person", "one", "other") if key}
    casts |= {c: f'CAST("{c}" AS {time})' for c in ("at", "since") if time}
    return ", ".join(f'{casts[c]} AS "{c}"' if c in casts else f'"{c}"' for c in columns)


def write(folder, spec, tables, form="parquet", files=1, version="v1.4.0", key=None, time=None):
    """Tables in a form (parquet, csv, json or duckdb), in so many files each; returns the specification's path. A database is in the
    format of a version of DuckDB, keys and times of market_data there have the types asked for."""
    folder.mkdir(parents=True)
    spec = copy.deepcopy(spec)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if form == "duckdb":
        connection.execute(f"ATTACH '{folder}/data.duckdb' AS data (STORAGE_VERSION '{version}')")
        spec["data"] = {"source": "data.duckdb"}
    for name, rows in tables.items():
        if form == "duckdb":
            connection.execute(f"CREATE TABLE data.{name.replace('/', '_').replace('-', '_')} AS "
                               f"SELECT {typed(rows.column_names, key, time)} FROM rows")
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        for i in range(files):
            begin, end = (k * rows.num_rows // files for k in (i, i + 1))
            part = rows.slice(begin, end - begin)
            file = path.with_name(f"{path.name}{f'-{i}' if files > 1 else ''}.{form}")
            connection.execute(f"COPY (FROM part) TO '{file}' (FORMAT {form}{', HEADER' if form == 'csv' else ''})")
    connection.close()

    def source(parquet):
        name = parquet.removesuffix(".parquet")
        return name.replace("/", "_").replace("-", "_") if form == "duckdb" else f"{name}{'-*' if files > 1 else ''}.{form}"

    for table in spec["tables"].values():
        table["source"] = source(table["source"])
    for split in ("train", "validation", "test"):
        spec["task"][split] = source(spec["task"][split])
    path = folder / "spec.json"
    path.write_text(json.dumps(spec))
    return path
