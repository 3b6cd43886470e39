"""PyTorch Frame tensors and the graph of a specification's tables, with its declared dtypes; columns of text are left out, as our engine
leaves them out."""
import numpy as np
import pandas as pd
import pyarrow as pa
from relbench.base import Database, Table
from relbench.modeling.graph import make_pkey_fkey_graph
from relbench.modeling.utils import get_stype_proposal
from torch_frame import stype
from torch_geometric.seed import seed_everything

from tables import micros

STYPES = {"integer": stype.numerical, "float": stype.numerical, "category": stype.categorical, "datetime": stype.timestamp}


def stypes(spec):
    """Table -> column -> stype."""
    found = {}
    for name, info in spec.tables.items():
        for column, dtype in info.dtypes.items():
            if dtype not in STYPES and dtype != "text":
                raise SystemExit(f"{spec.path}: {name}.{column} is {dtype}; the peer's side knows {', '.join(STYPES)} and leaves text out")
        found[name] = {c: STYPES[d] for c, d in info.dtypes.items() if d in STYPES}
    return found


def to_pandas(column):
    """Times as nanoseconds (pandas 3 would keep microseconds, which relbench 3.0.2 takes for nanoseconds); all else as it is."""
    if pa.types.is_temporal(column.type):
        if pa.types.is_time(column.type):
            column = column.cast(pa.time64("us"))
        value = micros(column)
        return pd.Series(np.where(value == np.iinfo(np.int64).max, np.datetime64("NaT", "ns"), value.astype("datetime64[us]").astype("datetime64[ns]")))
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    return column.to_pandas()


def database(spec, text=False):
    """RelBench's form: keys are positions of rows."""
    tables = {}
    for name, info in spec.tables.items():
        columns = [c for c, d in info.dtypes.items() if text or d != "text"]
        columns += [info.time_column] if info.time_column and info.time_column not in columns else []
        rows = info.read(columns)
        frame = {c: to_pandas(rows[c].combine_chunks()) for c in columns}
        if info.primary_key:
            frame[info.primary_key] = np.arange(rows.num_rows if columns else info.rows())
        for column in info.foreign_keys:
            found = spec.parent_rows(name, column)
            frame[column] = pd.array(np.where(found < 0, 0, found), dtype="Int64")
            frame[column][found < 0] = pd.NA
        parents = {c: parent for c, (parent, _) in info.foreign_keys.items()}
        tables[name] = Table(pd.DataFrame(frame), parents, info.primary_key, info.time_column)
    return Database(tables)


def graph(spec, cache):
    """HeteroData with a TensorFrame per table and the column statistics; tensors are kept in the folder `cache`."""
    return make_pkey_fkey_graph(database(spec), stypes(spec), cache_dir=str(cache))


def inferred_differently(spec):
    """The columns to which RelBench's own inference (from randomly drawn rows, seed 42) gives another stype: [table.column, its, ours]."""
    seed_everything(42)
    proposal, ours = get_stype_proposal(database(spec, text=True)), stypes(spec)
    found = []
    for table, columns in proposal.items():
        info = spec.tables[table]
        for column, theirs in columns.items():
            if column in info.foreign_keys or column == info.primary_key:
                continue
            mine = ours[table].get(column)
            text = info.dtypes.get(column) == "text" and theirs.value in ("text_embedded", "text_tokenized")
            if mine != theirs and not text:
                found.append([f"{table}.{column}", theirs.value, mine.value if mine else "left out"])
        found += [[f"{table}.{c}", "left out", d.value] for c, d in ours[table].items() if c not in columns]
    return found
