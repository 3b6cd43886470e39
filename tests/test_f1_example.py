"""examples/f1: the published row counts, keys that hold, labels recomputed from the tables, specifications that fit them."""
import pyarrow.parquet as pq
import pytest
import yaml

TASKS = ("driver-position", "driver-dnf", "driver-top3", "driver-circuit-compete")
SPECS = (*TASKS, "driver-circuit-compete-repeat")
PUBLISHED = {"driver-position": (7453, 499, 760), "driver-dnf": (11411, 566, 702), "driver-top3": (1353, 588, 726)}
LABEL = {  # the label of driver d at time t with window w, in SQL over the example's tables
    "driver-position": "select avg(positionOrder) from results r where r.driverId = d and r.date > t and r.date <= t + w",
    "driver-dnf": "select max((statusId <> 1)::int) from results r where r.driverId = d and r.date > t and r.date <= t + w",
    "driver-top3": "select coalesce(max((position <= 3)::int), 0) from qualifying r where r.driverId = d and r.date > t and r.date <= t + w",
    "driver-circuit-compete": "select list_sort(list(distinct a.circuitId)) from results r join races a using (raceId)"
                              " where r.driverId = d and r.date > t and r.date <= t + w",
}


@pytest.fixture(scope="module")
def folder(root):
    return root / "examples/f1"


@pytest.fixture(scope="module", params=SPECS)
def spec(folder, request):
    return yaml.safe_load((folder / f"{request.param}.yaml").read_text())


@pytest.fixture(scope="module")
def database(folder):
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    for file in (folder / "db").glob("*.parquet"):
        connection.execute(f"create view {file.stem} as select * from '{file}'")
    return connection


@pytest.mark.parametrize("task", PUBLISHED)
def test_row_counts_are_the_published_ones(folder, task):
    counts = tuple(pq.read_metadata(folder / f"tasks/{task}/{s}.parquet").num_rows for s in ("train", "validation", "test"))
    assert counts == PUBLISHED[task]


def test_visible_part_has_the_published_size(folder):
    tables = [pq.read_table(p) for p in (folder / "db").glob("*.parquet")]
    visible = sum(t.num_rows if "date" not in t.column_names else sum(d.year < 2010 for d in t["date"].to_pylist()) for t in tables)
    assert (len(tables), visible, sum(t.num_columns for t in tables)) == (9, 74063, 67)


def test_rows_of_drivers_without_history(database, folder):
    """What examples/f1/README.md says of the test rows of driver-position."""
    history = " union all ".join(f"select driverId, date from {t}" for t in ("results", "standings", "qualifying"))
    without = database.execute(
        f"select count(*) from '{folder}/tasks/driver-position/test.parquet' where driverId not in"
        f" (select driverId from ({history}) where date <= timestamp '2010-01-01')").fetchone()[0]
    assert without == 327


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_labels_follow_from_the_tables(database, folder, task, split):
    spec = yaml.safe_load((folder / f"{task}.yaml").read_text())["task"]
    days = int(spec["horizon"].removesuffix("d"))
    wrong = database.execute(
        f"select count(*) from (select date as t, driverId as d, {spec['target']} as y, interval {days} days as w"
        f" from '{folder}/tasks/{task}/{split}.parquet') where ({LABEL[task]}) is distinct from y").fetchone()[0]
    assert wrong == 0


def test_links_are_those_of_the_readme(folder):
    tables = [pq.read_table(folder / f"tasks/driver-circuit-compete/{s}.parquet") for s in ("train", "validation", "test")]
    assert [t.num_rows for t in tables] == [2649, 27, 27]
    assert [sum(map(len, t["circuitId"].to_pylist())) for t in tables] == [18212, 376, 456]


def test_two_specifications_of_one_link_task(folder):
    ranked, repeated = (yaml.safe_load((folder / f"driver-circuit-compete{s}.yaml").read_text()) for s in ("", "-repeat"))
    assert (ranked["task"].pop("type"), repeated["task"].pop("type")) == ("link_prediction", "repeated_link_prediction")
    assert (ranked["task"], ranked["tables"]) == (repeated["task"], repeated["tables"])
    assert len(repeated["config"]["fanouts"]) == 4  # circuits are three hops from drivers, their own races a fourth


def test_specification_fits_the_files(folder, spec):
    for name, table in spec["tables"].items():
        columns = pq.read_table(folder / table["source"])
        keys = {table["primary_key"], *table.get("foreign_keys", {})}
        assert keys | set(table["columns"]) == set(columns.column_names), name
        assert keys.isdisjoint(table["columns"]), name
        values = columns[table["primary_key"]].to_pylist()
        assert len(set(values)) == len(values), name
        for column, target in table.get("foreign_keys", {}).items():
            parent, parent_key = target.split(".")
            known = set(pq.read_table(folder / spec["tables"][parent]["source"])[parent_key].to_pylist())
            assert set(columns[column].to_pylist()) - {None} <= known, (name, column)


def test_dtypes_are_the_declared_ones(spec):
    dtypes = {(t, c): d for t, table in spec["tables"].items() for c, d in table["columns"].items()}
    assert {k for k, d in dtypes.items() if d == "category"} == {("races", "year"), ("qualifying", "position")}
    assert {c for (_, c), d in dtypes.items() if d == "datetime"} == {"date", "dob", "time"}
    assert {c for (t, c) in dtypes if t == "constructors"} == {"constructorRef", "name", "nationality"}
    assert all(dtypes["constructors", c] == "text" for c in ("constructorRef", "name", "nationality"))
