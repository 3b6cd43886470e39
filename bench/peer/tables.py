"""The tables and the task of a specification, in numpy and Arrow: keys as positions of rows, times in microseconds.

Reads what benchmarks need of a specification: Parquet sources, primary and foreign keys, time columns, declared dtypes, a task with
one number as label or with a list of targets. A row is its position in its source, 0 = the first.
"""
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

NEVER = np.iinfo(np.int64).max  # the time of a row without one: later than any seed


@dataclass
class TableInfo:
    name: str
    source: Path
    primary_key: str | None = None
    time_column: str | None = None
    foreign_keys: dict = field(default_factory=dict)  # column -> (parent table, parent column)
    dtypes: dict = field(default_factory=dict)        # declared, without keys

    def read(self, columns=None):
        return pq.read_table(self.source, columns=columns)

    def rows(self):
        return pq.read_metadata(self.source).num_rows


class Specification:
    def __init__(self, path):
        self.path = Path(path)
        content = yaml.safe_load(self.path.read_text())
        self.tables = {name: self.table(name, t) for name, t in content["tables"].items()}
        self.task = content["task"]
        self.entity, self.entity_key = self.task["entity"].split(".")
        self.target_entity, self.target_key = self.task.get("target_entity", ".").split(".")  # "": no link task
        self.keys = {}

    def table(self, name, t):
        parents = {column: tuple(parent.split(".")) for column, parent in t.get("foreign_keys", {}).items()}
        return TableInfo(name, self.path.parent / t["source"], t.get("primary_key"), t.get("time_column"), parents, t.get("columns", {}))

    def parent_rows(self, table, column):
        """Of each row of a table the parent's row; -1 where the key is null or unknown."""
        parent, key = self.tables[table].foreign_keys[column]
        return self.find(parent, key, self.tables[table].read([column])[column])

    def find(self, parent, key, values):
        """The rows of `parent` whose key column holds the values (Arrow); -1: null or unknown."""
        if (parent, key) not in self.keys:
            self.keys[parent, key] = self.tables[parent].read([key])[key].combine_chunks()
        return np.asarray(pc.fill_null(pc.index_in(values.combine_chunks(), value_set=self.keys[parent, key]), -1), np.int64)

    def times(self, table):
        """Microseconds of each row, NEVER where it is null; None for a table without time."""
        column = self.tables[table].time_column
        return None if column is None else micros(self.tables[table].read([column])[column])

    def seeds(self, split="train"):
        """Entity rows, times in whole seconds and labels of a split; the label of a link task is a list of rows of the target table."""
        path = self.path.parent / self.task[split]
        entity, time, target = self.task.get("entity_column", self.entity_key), self.task["time_column"], self.task["target"]
        rows = pq.read_table(path, columns=[entity, time, target])
        seconds, rest = np.divmod(micros(rows[time]), 10**6)
        if rest.any():
            raise SystemExit(f"{path}: batch files hold whole seconds, and column {time} has fractions")
        found = self.known(self.entity, self.entity_key, rows[entity], path)
        if not self.target_entity:
            return found, seconds, np.asarray(rows[target].cast(pa.float64()))
        lists = rows[target].combine_chunks()
        targets = self.known(self.target_entity, self.target_key, pa.chunked_array([lists.flatten()]), path)
        return found, seconds, np.split(targets, np.cumsum(pc.list_value_length(lists).to_numpy())[:-1])

    def known(self, table, key, values, path):
        """Like find, where every value must be there."""
        found = self.find(table, key, values)
        if (found < 0).any():
            raise SystemExit(f"{path}: {np.count_nonzero(found < 0)} keys are not in table {table}")
        return found


def micros(column):
    """Arrow dates, times of day and timestamps as int64 microseconds."""
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    return np.asarray(pc.fill_null(column.cast(pa.int64()), NEVER))
