"""Tables as the reference takes them: keys are row positions, text columns are left out, feature columns are PyTorch Frame tensors."""
import functools
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch_frame import stype
from torch_frame.data import Dataset

F1_KEYS = {  # primary key, time column, foreign keys
    "circuits": ("circuitId", None, {}),
    "constructor_results": ("constructorResultsId", "date", {"raceId": "races", "constructorId": "constructors"}),
    "constructor_standings": ("constructorStandingsId", "date", {"raceId": "races", "constructorId": "constructors"}),
    "constructors": ("constructorId", None, {}),
    "drivers": ("driverId", None, {}),
    "qualifying": ("qualifyId", "date", {"raceId": "races", "driverId": "drivers", "constructorId": "constructors"}),
    "races": ("raceId", "date", {"circuitId": "circuits"}),
    "results": ("resultId", "date", {"raceId": "races", "driverId": "drivers", "constructorId": "constructors"}),
    "standings": ("driverStandingsId", "date", {"raceId": "races", "driverId": "drivers"}),
}
F1_TEXT = {"circuitRef", "constructorRef", "driverRef", "code", "name", "forename", "surname", "nationality", "location", "country"}
F1_CATEGORY = {("races", "year"), ("qualifying", "position")}
F1_DATETIME = {"date", "dob", "time"}


@dataclass
class Table:
    """Foreign keys hold row positions of the parent, -1 where null. `time` is in whole seconds since 1970, None without a time column."""
    rows: int
    time: np.ndarray | None
    foreign_keys: dict = field(default_factory=dict)  # column -> (parent, positions)
    features: pd.DataFrame = None
    stypes: dict = field(default_factory=dict)        # feature column -> stype

    def materialize(self, columns=None, seen=slice(None)):
        """TensorFrame and statistics of the feature columns (all, or those named); the statistics are those of the rows `seen`."""
        stypes = {c: s for c, s in self.stypes.items() if columns is None or c in columns}
        frame = self.features
        if not stypes:
            stypes, frame = {"__const__": stype.numerical}, pd.DataFrame({"__const__": np.ones(self.rows)})
        data = Dataset(frame[list(stypes)][seen], stypes).materialize()
        return data.convert_to_tensor_frame(frame), data.col_stats


def subset(tables, names):
    """Some of the tables, with the foreign keys among them."""
    kept = {t: tables[t] for t in sorted(names)}
    return {t: Table(v.rows, v.time, {c: k for c, k in v.foreign_keys.items() if k[0] in kept}, v.features, v.stypes)
            for t, v in kept.items()}


def f1(folder, until=None, text=False):
    """The Formula 1 database from <folder>/db, Parquet or CSV; without rows later than the day `until`; text columns left out, or as hashed vectors."""
    frames = {t: read(folder / "db" / t) for t in F1_KEYS}
    for t, (_, time, _) in F1_KEYS.items():
        if until and time:
            frames[t] = frames[t][instants(frames[t][time]) <= np.datetime64(until)].reset_index(drop=True)
    position = {t: pd.Series(np.arange(len(df)), index=df[F1_KEYS[t][0]]) for t, df in frames.items()}
    tables = {}
    for t, (key, time, parents) in F1_KEYS.items():
        df, out = frames[t], Table(len(frames[t]), None, features=pd.DataFrame(index=range(len(frames[t]))))
        for c, parent in parents.items():
            out.foreign_keys[c] = (parent, df[c].map(position[parent]).fillna(-1).to_numpy(np.int64))
        for c in df.columns:
            if c == key or c in parents or (c in F1_TEXT and not text):
                continue
            if c in F1_TEXT:
                out.stypes[c], out.features[c] = stype.embedding, [hashed(v) for v in df[c].fillna("")]
                continue
            out.stypes[c] = stype.categorical if (t, c) in F1_CATEGORY else stype.timestamp if c in F1_DATETIME else stype.numerical
            out.features[c] = instants(df[c]) if c in F1_DATETIME else df[c].astype(float).to_numpy()
        if time:
            out.time = seconds(instants(df[time]))
        tables[t] = out
    return tables


def f1_labels(folder, task, label, split="train"):
    """Rows of drivers, seed times in seconds, labels of a task's split."""
    df, drivers = read(folder / "tasks" / task / split), read(folder / "db" / "drivers")
    row = pd.Series(np.arange(len(drivers)), index=drivers["driverId"])
    return df["driverId"].map(row).to_numpy(np.int64), seconds(instants(df["date"])), df[label].to_numpy(float)


def read(path):
    parquet = Path(f"{path}.parquet")
    return pd.read_parquet(parquet) if parquet.exists() else pd.read_csv(f"{path}.csv")


def instants(column):
    """Nanoseconds, the unit that the reference assumes; a clock time lies on 1970-01-01."""
    if not pd.api.types.is_datetime64_any_dtype(column.dtype):
        text = column.map(lambda v: None if pd.isna(v) else f"1970-01-01 {v}" if str(v)[2:3] == ":" else str(v))
        column = pd.to_datetime(text, format="ISO8601")
    if column.dt.tz is not None:
        column = column.dt.tz_convert(None)
    return column.astype("datetime64[ns]").to_numpy()


@functools.cache
def hashed(text, width=300):
    """Mean of a fixed random vector for each word and each three letters of it: tells texts apart, knows nothing of their meaning."""
    words = [f"#{word}#" for word in text.lower().replace("_", " ").split()] or ["##"]
    pieces = [p for word in words for p in (word, *(word[i : i + 3] for i in range(len(word) - 2)))]
    return np.mean([np.random.default_rng(zlib.crc32(p.encode())).standard_normal(width) for p in pieces], 0).tolist()


def seconds(times):
    return times.astype("datetime64[s]").astype(np.int64)


def synthetic(rng):
    """People and their trades: nulls in every kind of column, a self reference, two keys to one table, null keys."""
    people, trades = 40, 120
    some = lambda values, share: [None if rng.random() < share else v for v in values]
    born = np.datetime64("1950-03-04T05:06:07", "s") + rng.integers(0, 10**9, people).astype("timedelta64[s]")
    tags = [15, 8, 3, 9, 4]  # numbers: the order of a set of strings differs from run to run
    lists = [None if rng.random() < 0.2 else rng.choice(tags, rng.integers(0, 4), replace=False).tolist() for _ in range(people)]
    vectors = [np.full(3, np.nan) if rng.random() < 0.25 else rng.normal(size=3) for _ in range(people)]
    who = Table(people, None, {"friend": ("people", parents(rng, people, people, 0.3))}, pd.DataFrame({
        "height": pd.Series(some(rng.normal(170, 9, people), 0.3), dtype=float),
        "weight": rng.normal(70, 5, people),
        "kind": pd.Series(some(rng.choice(list("abcd"), people), 0.25), dtype=object),
        "town": pd.Series(some(rng.choice(list("xyz"), people), 0.1), dtype=object),
        "tags": pd.Series(lists, dtype=object),
        "born": pd.Series(some(born, 0.25)).astype("datetime64[ns]"),
        "vector": pd.Series([list(v) for v in vectors], dtype=object),
        "other_vector": pd.Series([list(rng.normal(size=2)) for _ in range(people)], dtype=object),
    }), {"height": stype.numerical, "weight": stype.numerical, "kind": stype.categorical, "town": stype.categorical,
         "tags": stype.multicategorical, "born": stype.timestamp, "vector": stype.embedding, "other_vector": stype.embedding})
    time = 1_000_000_000 + rng.integers(0, 3 * 10**8, trades)
    what = Table(trades, time, {"buyer": ("people", parents(rng, trades, people, 0.1)), "seller": ("people", parents(rng, trades, people, 0.1))},
                 pd.DataFrame({"price": pd.Series(some(rng.normal(10, 3, trades), 0.2), dtype=float)}), {"price": stype.numerical})
    return {"people": who, "trades": what}


def parents(rng, rows, parent_rows, null_share):
    return np.where(rng.random(rows) < null_share, -1, rng.integers(0, parent_rows, rows))
