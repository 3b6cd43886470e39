"""Tables and tasks: inference of dtypes, changes, keys, and what becomes of them in the specification of a job."""

import pytest


def test_dtypes_are_inferred_by_the_host(objects, host, capsys):
    table = objects.students()
    assert table.column_names == ["studentId", "name", "age", "email"] and table.rows == 60
    assert str(table.column_dtype("age")) == "integer" and str(table.column_dtype("name")) == "text"
    table.show_table()
    shown = capsys.readouterr().out
    assert "Students (node, 60 rows)" in shown and "primary key" in shown and "60 distinct" in shown
    assert [r[:2] for r in host.requests if r[1] == "/v1/describe"] == [("POST", "/v1/describe")]


@pytest.mark.parametrize(
    "member,spellings",
    [
        ("integer_t", ["integer", "integer_t"]),
        ("float_t", ["float", "float_t"]),
        ("category_t", ["category"]),
        ("datetime_t", ["datetime"]),
        ("text_t", ["text"]),
        ("embedding_t", ["embedding"]),
        ("multi_category_t", ["multi_categorical", "multi_category", "multi_category_t", "multi_categorical_t"]),
    ],
)
def test_dtypes_have_both_spellings(member, spellings):
    from relationalai_gnns import ColumnDType

    for spelling in spellings:
        assert ColumnDType(spelling) is getattr(ColumnDType, member)
    assert ColumnDType.multi_categorical_t is ColumnDType.multi_category_t


def test_an_unknown_dtype_names_the_nearest():
    from relationalai_gnns import ColumnDType, ValidationError

    with pytest.raises(ValidationError, match='got "categry". Did you mean "category"'):
        ColumnDType("categry")


def test_columns_come_and_go(objects):
    from relationalai_gnns import ColumnDType, ColumnNotFoundError, ValidationError
    from relationalai_gnns._spec import table_specification

    table = objects.classes()
    table.remove_column(col_name="credits")
    assert table.column_names == ["classId", "title"] and table_specification(table)["exclude"] == ["credits"]
    with pytest.raises(ColumnNotFoundError, match="was removed; add_column"):
        table.update_column_dtype("credits", "float")
    table.add_column(col_name="credits", dtype=ColumnDType.category_t)
    assert table_specification(table) == {"source": objects.source("classes"), "primary_key": "classId", "columns": {"credits": "category"}}
    table.update_column_dtype(col_name="credits", dtype=ColumnDType("float"))
    assert table_specification(table)["columns"] == {"credits": "float"}
    with pytest.raises(ValidationError, match="is in use already"):
        table.add_column("credits", "float")
    with pytest.raises(ColumnNotFoundError, match='has no column "credit". Did you mean "credits"') as error:
        table.remove_column("credit")
    assert isinstance(error.value, KeyError) and isinstance(error.value, ValueError)
    with pytest.raises(ValidationError, match='dtype: .*primary key.*not "datetime"'):
        table.update_column_dtype("classId", "datetime")


def test_keys_are_set_and_unset(objects):
    from relationalai_gnns import CandidateKey, ColumnNotFoundError, ForeignKey, ValidationError
    from relationalai_gnns._spec import table_specification

    table = objects.students()
    table.unset_primary_key(col_name="studentId")
    with pytest.raises(ValidationError, match="has a primary key or a foreign key"):
        table.validate_table()
    with pytest.raises(ValidationError, match='"studentId" is not the primary key'):
        table.unset_primary_key("studentId")
    table.set_primary_key(col_name="studentId")
    with pytest.raises(ValidationError, match='table "Students" has the primary key "studentId" already'):
        table.set_primary_key("email")
    table.set_candidate_key(CandidateKey("email", is_feature=True))
    assert table_specification(table)["candidate_keys"] == [{"column": "email", "is_feature": True}]
    table.set_candidate_key("email")
    assert table_specification(table)["candidate_keys"] == ["email"] and table.keys() == ["studentId", "email"]
    table.unset_candidate_key("email")
    with pytest.raises(ValidationError, match='"email" is no candidate key'):
        table.unset_candidate_key(CandidateKey("email"))
    takes = objects.takes()
    key = ForeignKey(column_name="studentId", link_to="Students.studentId")
    takes.unset_foreign_key(key)
    with pytest.raises(ValidationError, match="has no foreign key studentId to Students.studentId"):
        takes.unset_foreign_key(key)
    takes.set_foreign_key(key)
    with pytest.raises(ValidationError, match="links to Students.studentId already, not to Classes.classId"):
        takes.set_foreign_key(ForeignKey("studentId", "Classes.classId"))
    with pytest.raises(ColumnNotFoundError, match='foreign_key: .*no column "student". Did you mean "studentId"'):
        takes.set_foreign_key(ForeignKey("student", "Students.studentId"))
    assert takes.validate_table() is True
    takes.remove_column("classId")
    assert [k.column_name for k in takes.foreign_keys] == ["studentId"]


def test_two_primary_keys_are_refused(objects):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match=r"primary_key: table \"Students\" can have one primary key"):
        objects.students(primary_key=["studentId", "email"])


def test_a_table_with_candidate_keys_only(objects):
    from relationalai_gnns import CandidateKey, ValidationError
    from relationalai_gnns._spec import table_specification

    table = objects.students(primary_key=None, candidate_keys=[CandidateKey("studentId"), CandidateKey("email")])
    assert table.validate_table()
    assert table_specification(table) == {"source": objects.source("students"), "primary_key": "studentId", "candidate_keys": ["email"]}
    mixed = objects.students(primary_key=None, candidate_keys=[CandidateKey("email", is_feature=True), CandidateKey("studentId")])
    assert table_specification(mixed)["primary_key"] == "studentId"
    assert table_specification(mixed)["candidate_keys"] == [{"column": "email", "is_feature": True}]
    with pytest.raises(ValidationError, match="one must be the primary key, or no feature"):
        objects.students(primary_key=None, candidate_keys=[CandidateKey("email", is_feature=True)]).validate_table()


def test_edge_tables(objects):
    from relationalai_gnns import ForeignKey, ValidationError
    from relationalai_gnns._spec import table_specification

    edge = objects.takes(type="edge")
    assert edge.validate_table() and table_specification(edge)["type"] == "edge"
    edge.unset_foreign_key(ForeignKey("classId", "Classes.classId"))
    with pytest.raises(ValidationError, match='type "edge" has exactly two foreign keys; this one has 1'):
        edge.validate_table()
    with pytest.raises(ValidationError, match='type: expected one of "node", "edge", got "edges". Did you mean "edge"'):
        objects.takes(type="edges")
    with pytest.raises(ValidationError, match="no primary or candidate key"):
        objects.table(
            "P",
            "purchases",
            type="edge",
            primary_key="at",
            foreign_keys=[ForeignKey("customer_id", "C.c"), ForeignKey("article_id", "A.a")],
        ).validate_table()


def test_a_foreign_key_that_is_a_feature_keeps_its_dtype(objects):
    from relationalai_gnns import ForeignKey
    from relationalai_gnns._spec import table_specification

    keys = [ForeignKey("studentId", "Students.studentId", is_feature=True), ForeignKey("classId", "Classes.classId")]
    takes = objects.takes(foreign_keys=keys, column_dtypes={"studentId": "category", "classId": "integer"})
    told = table_specification(takes)
    assert told["foreign_keys"] == {"studentId": {"link_to": "Students.studentId", "is_feature": True}, "classId": "Classes.classId"}
    assert told["columns"] == {"studentId": "category"}  # the other key is no feature: its dtype decides nothing


@pytest.mark.parametrize("link_to", ["Students", ".studentId", "Students.", "", 3])
def test_a_foreign_key_needs_table_and_column(link_to):
    from relationalai_gnns import ForeignKey, ValidationError

    with pytest.raises(ValidationError, match="link_to"):
        ForeignKey("studentId", link_to)


def test_time_columns(objects):
    from relationalai_gnns import ColumnNotFoundError, ValidationError
    from relationalai_gnns._spec import table_specification

    table = objects.table("Purchases", "purchases", primary_key="article_id", time_column="at")
    assert table_specification(table)["time_column"] == "at"
    with pytest.raises(ValidationError, match='"at" is the time column .* must stay datetime, got "float"'):
        table.update_column_dtype("at", "float")
    table.unset_time_column(col_name="at")
    with pytest.raises(ValidationError, match='"at" is not the time column'):
        table.unset_time_column("at")
    with pytest.raises(ValidationError, match='is of dtype "datetime"; that of "customer_id" in table "Purchases" is "integer"'):
        table.set_time_column("customer_id")
    with pytest.raises(ColumnNotFoundError, match='time_column: table "P" has no column "att". Did you mean "at"'):
        objects.table("P", "purchases", primary_key="article_id", time_column="att")
    with pytest.raises(ValidationError, match="time_column: .*is a primary key"):
        table.set_time_column("article_id")
    texts = objects.table("T", "link_train", primary_key="customer_id", time_column="text_time", column_dtypes={"text_time": "datetime"})
    with pytest.raises(ValidationError, match='has the time column "text_time" already'):
        texts.set_time_column("timestamp")


def test_sources(connector, host, school, monkeypatch):
    from relationalai_gnns import GNNTable, LocalConnector, ValidationError

    takes = GNNTable(connector, f"{school}/takes/*.csv", "Takes")
    assert takes.column_names == ["studentId", "classId"]
    classes = GNNTable(connector, f"{school}/school.duckdb::uni.classes", "Classes", primary_key="classId")
    assert classes.rows == 8
    assert connector.resolve("source", "students.parquet") == "students.parquet"  # of another host: as written
    connector.is_local = True
    monkeypatch.chdir(school)
    assert connector.resolve("source", "students.parquet") == str(school / "students.parquet")
    assert connector.resolve("source", "school.duckdb::uni.classes") == f"{school}/school.duckdb::uni.classes"
    assert connector.resolve("source", "takes/*.csv") == f"{school}/takes/*.csv"
    assert connector.resolve("source", school / "students.parquet") == str(school / "students.parquet")
    assert connector.resolve("source", "s3://bucket/x.parquet") == "s3://bucket/x.parquet"
    with pytest.raises(ValidationError, match='a table after "::"'):
        connector.resolve("source", "school.duckdb::")
    with pytest.raises(ValidationError, match="can't be read") as error:
        GNNTable(connector, "/absent.parquet", "A")
    assert "Relative paths" not in str(error.value)
    connector.is_local = False
    with pytest.raises(ValidationError, match=f"Relative paths are those of the host at {host.url}, not of this program"):
        GNNTable(connector, "absent.parquet", "A")
    csv_only = LocalConnector(connector_type="csv", url=host.url.rsplit(":", 1)[0], port=int(host.url.rsplit(":", 1)[1]), token=host.token)
    with pytest.raises(ValidationError, match='connector_type="csv", "x.parquet" is of type "parquet"'):
        csv_only.resolve("source", "x.parquet")


@pytest.mark.parametrize("name", ["", "a.b", "a/b", 3, None])
def test_names_of_tables(objects, name):
    from relationalai_gnns import ValidationError

    with pytest.raises(ValidationError, match="name: expected"):
        objects.table(name, "students")


def test_columns_without_a_dtype_are_told(objects, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from relationalai_gnns import GNNTable, GNNWarning

    pq.write_table(pa.table({"id": [1, 2], "empty": pa.array([None, None], pa.int64())}), tmp_path / "e.parquet")
    with pytest.warns(GNNWarning, match='no dtype could be inferred for "empty"'):
        table = GNNTable(objects.connector, str(tmp_path / "e.parquet"), "E", primary_key="id")
    table.add_column("empty", "category")
    assert str(table.column_dtype("empty")) == "category"


def test_keys_may_come_as_a_set(objects):
    from relationalai_gnns import ForeignKey, ValidationError

    keys = {ForeignKey("studentId", "Students.studentId"), ForeignKey("classId", "Classes.classId")}
    assert [k.column_name for k in objects.takes(foreign_keys=keys).foreign_keys] == ["classId", "studentId"]
    with pytest.raises(ValidationError, match="foreign_keys: expected a list of keys"):
        objects.takes(foreign_keys="studentId")
