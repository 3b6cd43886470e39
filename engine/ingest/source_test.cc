// Sources end to end: real files, read by the real DuckDB.
#include "ingest/source.h"

#include <cmath>

#include "base/time.h"
#include "ingest/test_folder.h"

namespace rle::ingest {
namespace {

using Rows = std::vector<std::string>;
using SourceTest = FolderTest;

TEST_F(SourceTest, EveryTypeThatDuckdbSendsIsReadIntoItsPhysicalType) {
  struct Case {
    const char* sql;
    PhysicalType type;
    const char* format;
    int64_t value;  // kInt64, kTimestamp
  };
  const std::vector<Case> cases = {
      {"(-5)::TINYINT", PhysicalType::kInt64, "c", -5},
      {"200::UTINYINT", PhysicalType::kInt64, "C", 200},
      {"(-5)::SMALLINT", PhysicalType::kInt64, "s", -5},
      {"60000::USMALLINT", PhysicalType::kInt64, "S", 60000},
      {"(-5)::INTEGER", PhysicalType::kInt64, "i", -5},
      {"4000000000::UINTEGER", PhysicalType::kInt64, "I", 4000000000},
      {"9223372036854775807::BIGINT", PhysicalType::kInt64, "l", INT64_MAX},
      {"9223372036854775807::UBIGINT", PhysicalType::kInt64, "L", INT64_MAX},
      {"(-9223372036854775808)::HUGEINT", PhysicalType::kInt64, "d:38,0", INT64_MIN},
      {"12::DECIMAL(18,0)", PhysicalType::kInt64, "d:18,0,128", 12},
      {"true", PhysicalType::kInt64, "b", 1},
      {"DATE '1969-12-31'", PhysicalType::kTimestamp, "tdD", -kMicrosPerDay},
      {"TIMESTAMP '2020-01-02 03:04:05.678901'", PhysicalType::kTimestamp, "tsu:", 1577934245678901},
      {"'2020-01-02 03:04:05'::TIMESTAMP_S", PhysicalType::kTimestamp, "tss:", 1577934245000000},
      {"'2020-01-02 03:04:05.678'::TIMESTAMP_MS", PhysicalType::kTimestamp, "tsm:", 1577934245678000},
      {"'1969-12-31 23:59:59.999999999'::TIMESTAMP_NS", PhysicalType::kTimestamp, "tsn:", -1},
      {"'2020-01-02 03:04:05+02'::TIMESTAMPTZ", PhysicalType::kTimestamp, "tsu:UTC", 1577927045000000},
      {"TIME '12:30:00.5'", PhysicalType::kTimestamp, "ttu", 45000500000},
  };
  std::vector<std::string> statements = {"ATTACH '{}/t.duckdb' AS t"};
  std::string columns;
  for (size_t i = 0; i < cases.size(); ++i)
    columns += fmt::format("{}{} AS c{}", i == 0 ? "" : ", ", cases[i].sql, i);
  statements.push_back(
      fmt::format("CREATE TABLE t.things AS SELECT * FROM (SELECT {}) UNION ALL SELECT {}", columns, [&] {
        std::string nulls;
        for (size_t i = 0; i < cases.size(); ++i) nulls += i == 0 ? "NULL" : ", NULL";
        return nulls;
      }()));
  sql(statements);
  const Table table = read("t.duckdb::things");
  ASSERT_EQ(table.columns.size(), cases.size());
  EXPECT_EQ(table.rows, 2);
  for (size_t i = 0; i < cases.size(); ++i) {
    const Column& column = table.columns[i];
    EXPECT_EQ(column.type, cases[i].type) << cases[i].sql;
    EXPECT_EQ(column.arrow_format, cases[i].format) << cases[i].sql;
    EXPECT_EQ(column.ints, (std::vector<int64_t>{cases[i].value, 0})) << cases[i].sql;
    EXPECT_EQ(column.valid, (std::vector<uint8_t>{1, 0})) << cases[i].sql;
  }
}

TEST_F(SourceTest, FloatsDecimalsStringsEnumsAndLists) {
  sql({"ATTACH '{}/t.duckdb' AS t", "CREATE TYPE mood AS ENUM ('sad', 'happy')",
       "CREATE TABLE t.things (f FLOAT, g DOUBLE, d DECIMAL(9,2), s VARCHAR, e ENUM ('sad', 'happy'), li "
       "INTEGER[], ld "
       "DOUBLE[], lf FLOAT[2], ls VARCHAR[], lb BOOLEAN[])",
       "INSERT INTO t.things VALUES (1.5, 0.1, 12.34, 'pear', 'happy', [3, NULL, 1], [0.5, NULL], [1, 2], "
       "['b', 'a', 'b'], "
       "[true]), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (-2, 'nan', -0.01, 'apple', "
       "'sad', [], [], "
       "[3, 4], [], [])"});
  const Table table = read("t.duckdb::things");
  EXPECT_EQ(table.at("f").floats, (std::vector<double>{1.5, 0, -2}));
  EXPECT_EQ(table.at("g").floats[0], 0.1);
  EXPECT_TRUE(std::isnan(table.at("g").floats[2]));
  EXPECT_EQ(table.at("d").floats, (std::vector<double>{12.34, 0, -0.01}));
  EXPECT_EQ(table.at("s").codes, (std::vector<int32_t>{1, 0, 0}));
  EXPECT_EQ(shown(table.at("s")), (Rows{"pear", "null", "apple"}));
  EXPECT_EQ(table.at("s").strings->size(), 2);
  EXPECT_EQ(shown(table.at("e")), (Rows{"happy", "null", "sad"}));
  EXPECT_EQ(table.at("li").type, PhysicalType::kIntList);
  EXPECT_EQ(table.at("li").ints, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(table.at("li").offsets, (std::vector<int64_t>{0, 2, 2, 2}));
  EXPECT_EQ(table.at("ld").type, PhysicalType::kFloatList);
  EXPECT_EQ(table.at("ld").floats32[0], 0.5f);
  EXPECT_TRUE(std::isnan(table.at("ld").floats32[1]));
  EXPECT_EQ(table.at("lf").floats32, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(table.at("lf").offsets, (std::vector<int64_t>{0, 2, 2, 4}));
  EXPECT_EQ(table.at("ls").type, PhysicalType::kStringList);
  EXPECT_EQ(table.at("ls").codes, (std::vector<int32_t>{1, 0, 1}));
  EXPECT_EQ(table.at("lb").ints, (std::vector<int64_t>{1}));
}

TEST_F(SourceTest, TypesWithoutAColumnAreRefusedByNameOrLeftOutWithOneLine) {
  sql({"ATTACH '{}/t.duckdb' AS t",
       "CREATE TABLE t.things AS SELECT 1 AS id, uuid() AS u, 'a'::BLOB AS b, INTERVAL 1 DAY AS i, {'a': 1} "
       "AS s, MAP {'a': 1} "
       "AS m, union_value(a := 1) AS n, '101'::BIT AS bits, '12:00:00+02'::TIMETZ AS z, [[1]] AS nested, "
       "[uuid()] AS ids"});
  const Table table = read("t.duckdb::things");
  EXPECT_EQ(table.column_names(), (Rows{"id"}));
  ASSERT_EQ(report_.lines().size(), 1u);
  EXPECT_EQ(report_.lines()[0].text,
            "table 'things': left out, because their types cannot be read: u (uuid), b (binary), i "
            "(interval), s (struct), m "
            "(map), n (union), bits (bit), z (time with time zone), nested (list<list<int32>>), ids "
            "(uuid[]); cast them in the "
            "source to use them");
  for (const auto& [column, type] : std::vector<std::pair<std::string, std::string>>{{"u", "uuid"},
                                                                                     {"b", "binary"},
                                                                                     {"i", "interval"},
                                                                                     {"s", "struct"},
                                                                                     {"m", "map"},
                                                                                     {"n", "union"}}) {
    TableSchema declared = schema("t.duckdb::things");
    declared.columns = {{column, std::nullopt}};
    expect_error(ErrorCode::kSpec, {"table 'things'", "column '" + column + "'", type, "cast"},
                 [&] { read(declared); });
  }
}

TEST_F(SourceTest, IntegersBeyond64BitsAreNamedForKeysAndDeclaredColumns) {
  sql({"ATTACH '{}/t.duckdb' AS t",
       "CREATE TABLE t.things AS SELECT unnest([1, 18446744073709551615]::UBIGINT[]) AS u, unnest([1, "
       "100000000000000000000]::HUGEINT[]) AS h"});
  const Table table = read("t.duckdb::things");
  EXPECT_EQ(table.column_names(), (Rows{"h"}));
  EXPECT_EQ(table.at("h").type, PhysicalType::kFloat64);
  EXPECT_EQ(table.at("h").floats, (std::vector<double>{1, 1e20}));
  ASSERT_EQ(report_.lines().size(), 1u);
  EXPECT_NE(report_.lines()[0].text.find("column 'u', row 2"), std::string::npos) << report_.lines()[0].text;

  TableSchema declared = schema("t.duckdb::things");
  declared.columns = {{"u", std::nullopt}};
  expect_error(ErrorCode::kData, {"table 'things', column 'u', row 2", "18446744073709551615"},
               [&] { read(declared); });
  TableSchema keyed = schema("t.duckdb::things");
  keyed.excluded_columns = {"u"};
  keyed.primary_key = "h";
  expect_error(ErrorCode::kData, {"column 'h', row 2", "100000000000000000000"}, [&] { read(keyed); });
}

TEST_F(SourceTest, WholeFloatsAreIntegersWhereTheyAreKeys) {
  text("t.csv", "id,parent\n1,1.0\n2,\n3,2.0\n");
  TableSchema keyed = schema("t.csv");
  keyed.primary_key = "id";
  keyed.foreign_keys = {{"parent", "other", "id"}};
  const Table table = read(keyed);
  EXPECT_EQ(table.at("parent").type, PhysicalType::kInt64);
  EXPECT_EQ(shown(table.at("parent")), (Rows{"1", "null", "2"}));
  text("u.csv", "id,parent\n1,1.0\n2,1.5\n");
  keyed.source = "u.csv";
  expect_error(ErrorCode::kData, {"column 'parent', row 2", "1.5"}, [&] { read(keyed); });
}

TEST_F(SourceTest, CsvTypesComeFromTheWholeFile) {
  std::string late = "id,code,word,empty\n";
  for (int i = 0; i < 30000; ++i) late += "1,007,x,\n";
  late += "2,008,7,\n";
  late[late.size() - 5] = 'y';  // 008,y
  late += "x3,9,\"a \"\"b\"\", c\",\n";
  text("t.csv", late);
  const Table table = read("t.csv");
  EXPECT_EQ(table.rows, 30002);
  EXPECT_EQ(table.at("id").type, PhysicalType::kString);
  EXPECT_EQ(table.at("id").display(30001), "x3");
  EXPECT_EQ(table.at("code").display(0), "007");
  EXPECT_EQ(table.at("word").display(30001), "a \"b\", c");
  EXPECT_EQ(table.at("empty").null_count(), table.rows);
}

TEST_F(SourceTest, CsvTimesAreIsoOrText) {
  text("t.csv",
       "day,moment,zoned,european,american,clock\n"
       "2020-01-02,2020-01-02 03:04:05,2020-01-02T03:04:05Z,13/01/2020,01-13-2020 10:00:00,12:30:00\n"
       "2020-01-03,2020-01-03T00:00:00.5,2020-01-02T03:04:05+02:00,02/01/2020,01-02-2020 11:00:00,\n");
  const Table table = read("t.csv");
  EXPECT_EQ(table.at("day").arrow_format, "tdD");
  EXPECT_EQ(table.at("moment").arrow_format, "tsu:");
  EXPECT_EQ(table.at("moment").ints, (std::vector<int64_t>{1577934245000000, 1578009600500000}));
  EXPECT_EQ(table.at("zoned").ints, (std::vector<int64_t>{1577934245000000, 1577927045000000}));
  EXPECT_EQ(table.at("european").type, PhysicalType::kString);
  EXPECT_EQ(table.at("american").type, PhysicalType::kString);
  EXPECT_EQ(table.at("clock").ints, (std::vector<int64_t>{45000000000, 0}));
}

TEST_F(SourceTest, CsvTimesInOtherFormatsStayText) {
  text("one/a.csv", "id,at\n1,02/01/2020 10:00:00\n2,13/01/2020 10:00:00\n");
  EXPECT_EQ(shown(read("one/a.csv").at("at")), (Rows{"02/01/2020 10:00:00", "13/01/2020 10:00:00"}));
  EXPECT_EQ(shown(read("one/*.csv").at("at")), (Rows{"02/01/2020 10:00:00", "13/01/2020 10:00:00"}));
}

TEST_F(SourceTest, CsvDialectsAreFound) {
  const Rows names = {"pear, ripe", "say \"hi\"", "two\nlines", "null"};
  const std::string header = "id;name;score\r\n",
                    body = "1;\"pear, ripe\";0.5\r\n2;\"say \"\"hi\"\"\";1\r\n3;\"two\nlines\";2\r\n4;;\r\n";
  text("d/a.csv", header + body);
  for (const std::string source : {"d/a.csv", "d/*.csv"}) {
    const Table table = read(source);
    EXPECT_EQ(table.column_names(), (Rows{"id", "name", "score"})) << source;
    EXPECT_EQ(shown(table.at("name")), names) << source;
    EXPECT_EQ(table.at("score").valid, (std::vector<uint8_t>{1, 1, 1, 0})) << source;
  }
  text("t.tsv", "a\tb\n1\tx y\n");
  EXPECT_EQ(shown(read("t.tsv").at("b")), (Rows{"x y"}));
  text("h.csv", "a,b\n");
  EXPECT_EQ(read("h.csv").rows, 0);
  EXPECT_EQ(read("h.csv").column_names(), (Rows{"a", "b"}));
}

TEST_F(SourceTest, TextIsReadAsATimeWhereDeclared) {
  parquet(
      "t.parquet",
      "SELECT unnest(['2020-01-02', NULL, '2020-01-02T03:04:05+02:00']) AS at, unnest(['a', 'b', 'c']) AS s");
  const Table table = read("t.parquet", {"at"});
  EXPECT_EQ(table.at("at").type, PhysicalType::kTimestamp);
  EXPECT_EQ(table.at("at").ints, (std::vector<int64_t>{1577923200000000, 0, 1577927045000000}));
  EXPECT_EQ(table.at("at").valid, (std::vector<uint8_t>{1, 0, 1}));

  TableSchema timed = schema("t.parquet");
  timed.time_column = "s";
  expect_error(ErrorCode::kData, {"table 'things', column 's', row 1", "'a' is no time", "ISO 8601"},
               [&] { read(timed); });
  timed.time_column.reset();
  timed.columns = {{"s", Dtype::kDatetime}};
  expect_error(ErrorCode::kData, {"column 's', row 1"}, [&] { read(timed); });
}

TEST_F(SourceTest, NumbersAreNoTimesButAnEmptyColumnIs) {
  parquet("t.parquet", "SELECT 5 AS n, NULL::INTEGER AS nothing");
  expect_error(ErrorCode::kSpec, {"column 'n'", "int32", "date"}, [&] { read("t.parquet", {"n"}); });
  const Table table = read("t.parquet", {"nothing"});
  EXPECT_EQ(table.at("nothing").type, PhysicalType::kTimestamp);
  EXPECT_EQ(shown(table.at("nothing")), (Rows{"null"}));
  parquet("i.parquet", "SELECT 'infinity'::TIMESTAMP AS t");
  expect_error(ErrorCode::kData, {"column 't', row 1", "infinite"}, [&] { read("i.parquet"); });
}

TEST_F(SourceTest, JsonInBothForms) {
  text("a.json",
       R"([{"id": 1, "s": "é", "t": "2020-01-02", "l": [1, 2]}, {"id": null, "s": null, "t": null}])");
  text("b.ndjson", "{\"id\": 1.5}\n{\"id\": 2}\n");
  const Table a = read("a.json");
  EXPECT_EQ(shown(a.at("id")), (Rows{"1", "null"}));
  EXPECT_EQ(shown(a.at("s")), (Rows{"é", "null"}));
  EXPECT_EQ(a.at("t").type, PhysicalType::kTimestamp);
  EXPECT_EQ(a.at("l").ints, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(read("b.ndjson").at("id").floats, (std::vector<double>{1.5, 2}));
}

TEST_F(SourceTest, JsonTimesAreIsoOrText) {
  text(
      "a.json",
      R"([{"iso": "2020-01-02 03:04:05", "zulu": "2020-01-02T03:04:05Z", "european": "02-01-2020 10:00:00", "n": 1},
                     {"iso": null, "zulu": null, "european": null, "n": null}])");
  const Table table = read("a.json");
  EXPECT_EQ(table.at("iso").ints, (std::vector<int64_t>{1577934245000000, 0}));
  EXPECT_EQ(table.at("zulu").ints, (std::vector<int64_t>{1577934245000000, 0}));
  EXPECT_EQ(shown(table.at("european")), (Rows{"02-01-2020 10:00:00", "null"}));
  EXPECT_EQ(table.at("n").ints, (std::vector<int64_t>{1, 0}));
}

TEST_F(SourceTest, GlobsUniteFilesByNameInOrder) {
  text("many/b.csv", "y,x\n2.5,3\n");
  text("many/a.csv", "x,y\n1,1\n2,2\n");
  const Table table = read("many/*.csv");
  EXPECT_EQ(shown(table.at("x")), (Rows{"1", "2", "3"}));
  EXPECT_EQ(table.at("y").floats, (std::vector<double>{1, 2, 2.5}));
  expect_error(ErrorCode::kSpec, {"many/*.parquet", "no file matches"}, [&] { read("many/*.parquet"); });
}

TEST_F(SourceTest, NamesWithQuotesAndWildCardsAreThemselves) {
  text("it's [1]*.csv", "a \"b\",it's\n1,2\n");
  text("it's 1x.csv", "wrong\n1\n");
  const Table table = read("it's [1]*.csv");
  EXPECT_EQ(table.columns.size(), 2u);
  EXPECT_EQ(table.at("it's").ints, (std::vector<int64_t>{2}));
}

TEST_F(SourceTest, RowsKeepTheSourcesOrder) {
  parquet("t.parquet", "SELECT hash(i) % 1000003 AS h, i FROM range(300000) r(i)");
  const Table table = read("t.parquet");
  for (int64_t row = 0; row < table.rows; ++row) ASSERT_EQ(table.at("i").ints[static_cast<size_t>(row)], row);
}

TEST_F(SourceTest, OnlyTheNamedColumnsAreRead) {
  parquet("t.parquet", "SELECT 1 AS a, 2 AS b, 3 AS c");
  TableSchema chosen = schema("t.parquet");
  chosen.all_columns = false;
  chosen.columns = {{"c", std::nullopt}};
  chosen.primary_key = "a";
  EXPECT_EQ(read(chosen).column_names(), (Rows{"a", "c"}));
  SourceReader reader(folder_);
  const Table none = reader.read(schema("t.parquet"), {}, {}, report_);
  EXPECT_EQ(none.rows, 1);
  EXPECT_TRUE(none.columns.empty());
}

TEST_F(SourceTest, ASampleIsFromAllOverAndTheSameEachTime) {
  parquet("t.parquet", "SELECT i, 'n' || i AS name FROM range(400000) r(i)");
  SourceReader reader(folder_);
  const auto sample = [&] { return reader.read_sample(schema("t.parquet"), {"i", "name"}, 0.25, report_); };
  const Table table = sample();
  EXPECT_GT(table.rows, 50'000);
  EXPECT_LT(table.rows, 150'000);
  for (int64_t from = 0; from < 400'000; from += 100'000)
    EXPECT_TRUE(std::any_of(table.at("i").ints.begin(), table.at("i").ints.end(), [&](int64_t i) {
      return i >= from && i < from + 100'000;
    })) << from;
  EXPECT_EQ(shown(sample().at("name")), shown(table.at("name")));
}

TEST_F(SourceTest, MissingThingsAreNamedWithTheNearest) {
  sql({"ATTACH '{}/shop.duckdb' AS t", "CREATE TABLE t.customers AS SELECT 1 AS customer_id",
       "CREATE SCHEMA t.old", "CREATE VIEW t.old.orders AS SELECT 2 AS order_id"});
  EXPECT_EQ(read("shop.duckdb::main.customers").rows, 1);
  EXPECT_EQ(read("shop.duckdb::old.orders").at("order_id").ints[0], 2);
  expect_error(ErrorCode::kSpec, {"'costumers'", "did you mean 'customers'?"},
               [&] { read("shop.duckdb::costumers"); });
  expect_error(ErrorCode::kSpec, {"shop.duckdb::TABLE"}, [&] { read("shop.duckdb"); });
  expect_error(ErrorCode::kSpec, {"did you mean 'shop.duckdb'?"}, [&] { read("shp.duckdb::customers"); });
  expect_error(ErrorCode::kSpec, {"no folder", "nowhere"}, [&] { read("nowhere/a.csv"); });
  expect_error(ErrorCode::kSpec, {"is a folder"}, [&] { read("."); });
  expect_error(ErrorCode::kSpec, {"ending", ".parquet"}, [&] { read("shop.xlsx"); });
  TableSchema wrong = schema("shop.duckdb::customers");
  wrong.primary_key = "customerid";
  expect_error(ErrorCode::kSpec, {"table 'things'", "'customerid'", "did you mean 'customer_id'?"},
               [&] { read(wrong); });
}

TEST_F(SourceTest, UnreadableFilesAreNamed) {
  text("bad.parquet", "this is no parquet file at all");
  text("bad.duckdb", std::string(20000, 'x'));
  text("empty.csv", "");
  text("ragged.csv", "a,b\n1,2\n3\n4,5,6\n");
  text("latin.csv", "a,b\n1,\xff\xfe\n");
  expect_error(ErrorCode::kSpec, {"bad.parquet", "cannot be read"}, [&] { read("bad.parquet"); });
  expect_error(ErrorCode::kSpec, {"bad.duckdb", "DuckDB database"}, [&] { read("bad.duckdb::t"); });
  expect_error(ErrorCode::kSpec, {"empty.csv", "empty"}, [&] { read("empty.csv"); });
  expect_error(ErrorCode::kSpec, {"ragged.csv", "header"}, [&] { read("ragged.csv"); });
  expect_error(ErrorCode::kData, {"latin.csv", "ine: 2", "unicode"}, [&] { read("latin.csv"); });
}

TEST_F(SourceTest, ADatabaseOfANewerVersionGetsAdvice) {
  const std::string message =
      "IO Error: Trying to read a database file with version number 69, but we can only read versions "
      "between 64 and 68.\n"
      "The database file was created with a newer version of DuckDB.";
  expect_error(ErrorCode::kSpec,
               {"'a.duckdb'", "newer DuckDB", "v1.5.6", "STORAGE_VERSION", "version number 69"},
               [&] { fail_attach("a.duckdb", "v1.5.6", message); });
  expect_error(ErrorCode::kIo, {"in use by another process"},
               [&] { fail_attach("a.duckdb", "v1.5.6", "IO Error: Could not set lock on file"); });
}

TEST_F(SourceTest, ACancelledReadStops) {
  parquet("t.parquet", "SELECT i FROM range(5000) r(i)");
  SourceReader reader(folder_);
  CancelToken cancel;
  cancel.request();
  expect_error(ErrorCode::kInterrupted, {"things"},
               [&] { reader.read(schema("t.parquet"), {"i"}, {}, report_, &cancel); });
}

TEST_F(SourceTest, ColumnsShowNamesAndTypes) {
  parquet("t.parquet",
          "SELECT 1::BIGINT AS id, '2020-01-01'::TIMESTAMPTZ AS t, [1.5]::FLOAT[] AS l, uuid() AS u");
  SourceReader reader(folder_);
  const auto columns = reader.columns("t.parquet");
  ASSERT_EQ(columns.size(), 4u);
  EXPECT_EQ(columns[0].type_name, "int64");
  EXPECT_EQ(columns[1].type_name, "timestamp[us, UTC]");
  EXPECT_EQ(columns[2].type_name, "list<float32>");
  EXPECT_EQ(columns[2].item_format, "f");
  EXPECT_EQ(columns[0].item_format, "");
  EXPECT_EQ(columns[3].type_name, "uuid");
  EXPECT_EQ(columns[3].readable, false);
  EXPECT_EQ(duckdb_version().front(), 'v');
}

}  // namespace
}  // namespace rle::ingest
