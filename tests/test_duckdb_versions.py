"""The engine's DuckDB and a newer one read each other's files; outputs keep types, and leave alone what exists."""
import hashlib
import re

import duckdb
import pytest
from runs import done, fit, market_data, shuffled, write

READABLE, NEWEST = "v1.4.0", "latest"


@pytest.fixture
def market(rle, tmp_path):
    path = write(tmp_path / "market", *market_data(lists=False))
    fit(rle, path, tmp_path / "model")
    return path


def create(file, version, *statements):
    """A database file by the newer DuckDB, in the format of a version."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS made (STORAGE_VERSION '{version}')")
        connection.execute("USE made")
        for statement in statements:
            connection.execute(statement)
    return file


def query(file, sql):
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return connection.execute(sql).fetchall()


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_two_versions_differ(rle):
    engine = re.search(r"DuckDB v(\d+)\.", done(rle("--version")).stdout)[1]
    assert int(engine) < int(duckdb.__version__.split(".")[0])


def test_a_newer_duckdb_reads_what_the_engine_writes(rle, tmp_path, market):
    out = tmp_path / "out.duckdb"
    for target in (f"{out}::results.first", f"{out}::second", tmp_path / "out.parquet"):
        done(rle("predict", market, "--model", tmp_path / "model", "--output", target))
    assert [p.name for p in tmp_path.glob("out.duckdb*")] == ["out.duckdb"]  # no log left behind
    table = query(out, "SELECT * FROM results.first")
    assert len(table) == 120
    assert table == query(out, "SELECT * FROM second") == duckdb.sql(f"SELECT * FROM '{tmp_path}/out.parquet'").fetchall()
    with duckdb.connect(str(out)) as connection:
        connection.execute("CREATE TABLE more AS SELECT avg(predicted_prob) AS p FROM second")
    done(rle("predict", market, "--model", tmp_path / "model", "--output", f"{out}::third"))  # still the format both read
    assert query(out, "SELECT * FROM third") == table and 0 < query(out, "SELECT p FROM more")[0][0] < 1


@pytest.mark.parametrize("key, time", [
    ("BIGINT", "TIMESTAMP"), ("INTEGER", "DATE"), ("VARCHAR", "TIMESTAMP_S"), ("SMALLINT", "TIMESTAMP_MS"), ("UINTEGER", "TIMESTAMP_NS"),
    ("BIGINT", "TIMESTAMP WITH TIME ZONE"), ("DECIMAL(18,0)", "TIMESTAMP")])
def test_keys_and_times_keep_their_types(rle, tmp_path, key, time):
    spec, tables = market_data(lists=False)
    path = write(tmp_path / "data", spec, {n: shuffled(t, 3) for n, t in tables.items()}, "duckdb", key=key, time=time)
    source, out = tmp_path / "data/data.duckdb", tmp_path / "out.duckdb"
    before = digest(source)
    fit(rle, path, tmp_path / "model")
    done(rle("predict", path, "--model", tmp_path / "model", "--output", f"{out}::p"))
    done(rle("predict", path, "--model", tmp_path / "model", "--output", f"{out}::q", "--entities", "all", "--at", "2020-05-10"))
    types = {c: t for c, t, *_ in query(out, "DESCRIBE p")}
    assert (types["person"], types["at"], types["comes"], types["predicted_prob"]) == (key, time, "BIGINT", "DOUBLE")
    rows = 'SELECT person, "at"::VARCHAR, comes FROM'
    assert query(out, f"{rows} p") == query(source, f"{rows} test")
    assert {c: t for c, t, *_ in query(out, "DESCRIBE q")}["person"] == key
    assert query(out, "SELECT person FROM q ORDER BY 1") == query(source, "SELECT id FROM people ORDER BY 1")
    assert digest(source) == before and [p.name for p in source.parent.glob("*.wal")] == []


def test_a_source_in_the_newest_format_gives_advice(rle, tmp_path):
    path = write(tmp_path / "data", *market_data(lists=False), "duckdb", version=NEWEST)
    for command in ("inspect", "fit"):
        result = rle(command, path, *(("--model", tmp_path / "model") if command == "fit" else ()))
        assert result.returncode == 2
        assert re.search(r"data\.duckdb' was written by a newer DuckDB than the one in use \(v1\.\d+\.\d+\)", result.stderr)
        assert "STORAGE_VERSION 'v1.4.0'" in result.stderr and "RLE_DUCKDB_LIBRARY" in result.stderr
    assert not (tmp_path / "model").exists()


def test_an_output_in_the_newest_format_gives_advice(rle, tmp_path, market):
    out = create(tmp_path / "out.duckdb", NEWEST, "CREATE TABLE mine AS SELECT 1 AS i")
    before = digest(out)
    result = rle("predict", market, "--model", tmp_path / "model", "--output", f"{out}::p")
    assert result.returncode == 2 and "was written by a newer DuckDB" in result.stderr
    assert digest(out) == before


def test_an_output_database_keeps_its_other_tables(rle, tmp_path, market):
    out = create(tmp_path / "out.duckdb", READABLE, "CREATE TABLE mine AS SELECT range AS i, 'x' || range AS t FROM range(5000)",
                 "CREATE VIEW v AS SELECT sum(i) AS s FROM mine")
    before = query(out, "SELECT * FROM mine"), query(out, "SELECT * FROM v")
    done(rle("predict", market, "--model", tmp_path / "model", "--output", f"{out}::p"))
    assert (query(out, "SELECT * FROM mine"), query(out, "SELECT * FROM v")) == before
    assert query(out, "SELECT count(*) FROM p") == [(120,)]


@pytest.mark.parametrize("made", ["CREATE TABLE p AS SELECT 42 AS i", "CREATE VIEW p AS SELECT 42 AS i"])
def test_an_existing_table_stays_as_it_is(rle, tmp_path, market, made):
    out = create(tmp_path / "out.duckdb", READABLE, made)
    before = digest(out)
    for name in ("p", "P"):  # DuckDB's names do not tell case
        result = rle("predict", market, "--model", tmp_path / "model", "--output", f"{out}::{name}")
        assert result.returncode == 2 and "exists" in result.stderr, result.stderr
    assert query(out, "SELECT * FROM p") == [(42,)] and digest(out) == before
