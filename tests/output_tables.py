"""Outputs of every kind, read back."""
import json

import duckdb
import numpy as np

OUTPUTS = {"parquet": "p.parquet", "csv": "p.csv", "duckdb": "out.duckdb::main.p"}  # --output


def rows_of(folder, told):
    """The table behind what a run or a job tells of an output; lists of a CSV file read from their text."""
    path = folder / (told.get("file") or told["path"])
    with duckdb.connect() as connection:
        if path.suffix == ".duckdb":
            connection.execute(f"ATTACH '{path}' AS out (READ_ONLY)")
            return connection.sql(f"FROM out.main.{told['table'].split('.')[-1]}").to_arrow_table()
        relation = connection.sql(f"FROM read_csv('{path}', header = true)" if path.suffix == ".csv" else f"FROM read_parquet('{path}')")
        if path.suffix == ".csv" and "embedding" in relation.columns:
            assert json.loads(relation.limit(1).fetchall()[0][-1])
            relation = relation.project("* REPLACE (embedding::FLOAT[] AS embedding)")
        return relation.to_arrow_table()


def matrix(table):
    return np.array(table["embedding"].to_pylist(), dtype=np.float64)
