// Outputs end to end: written, then read again.
#include "ingest/writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include "ingest/test_folder.h"

namespace rle::ingest {
namespace {

using Rows = std::vector<std::string>;

class WriterTest : public FolderTest {
 protected:
  // One column of every kind, with nulls, over more rows than one exported batch.
  Table sample(int64_t rows = 70000) {
    const std::string nullable = "CASE WHEN i % 7 = 3 THEN NULL ELSE {} END";
    std::string columns;
    for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
             {"i8", "(i % 100)::TINYINT"},
             {"u16", "(i % 60000)::USMALLINT"},
             {"i32", "(i * 3)::INTEGER"},
             {"i64", "i * 1000000007"},
             {"flag", "i % 3 = 0"},
             {"huge", "i::DECIMAL(38,0)"},
             {"price", "(i / 100)::DECIMAL(9,2)"},
             {"f", "(i / 3)::FLOAT"},
             {"g", "i / 7"},
             {"s", "'word ' || (i % 1000)"},
             {"day", "DATE '2000-01-01' + (i % 9000)::INTEGER"},
             {"clock", "TIME '00:00:00' + to_seconds(i % 86400)"},
             {"secs", "'2000-01-01'::TIMESTAMP_S + to_seconds(i)"},
             {"nanos", "make_timestamp_ns(i * 1000)"},
             {"zoned", "'2000-01-01'::TIMESTAMPTZ + to_seconds(i)"},
             {"li", "[i, i + 1]"},
             {"lf", "[i / 2, 0.5]::FLOAT[]"},
             {"ls", "['a', 'b' || (i % 5)]"}}) {
      std::string cell = nullable;
      cell.replace(cell.find("{}"), 2, value);
      columns += (columns.empty() ? "" : ", ") + cell + " AS " + name;
    }
    sql({"ATTACH '{}/sample.duckdb' AS t",
         fmt::format("CREATE OR REPLACE TABLE t.things AS SELECT {} FROM range({}) r(i)", columns, rows)});
    return read("sample.duckdb::things");
  }

  OutputTarget target(const std::string& text) { return parse_output(text, {}, folder_); }

  void expect_same(const Table& a, const Table& b) {
    ASSERT_EQ(a.rows, b.rows);
    ASSERT_EQ(a.column_names(), b.column_names());
    for (size_t c = 0; c < a.columns.size(); ++c) {
      const Column &x = a.columns[c], &y = b.columns[c];
      EXPECT_EQ(x.type, y.type) << x.name;
      EXPECT_EQ(x.arrow_format, y.arrow_format) << x.name;
      EXPECT_EQ(x.valid, y.valid) << x.name;
      EXPECT_EQ(x.ints, y.ints) << x.name;
      EXPECT_EQ(x.floats, y.floats) << x.name;
      EXPECT_EQ(x.floats32, y.floats32) << x.name;
      EXPECT_EQ(x.codes, y.codes) << x.name;
      EXPECT_EQ(x.offsets, y.offsets) << x.name;
    }
  }
};

TEST_F(WriterTest, ATableComesBackFromDuckdbInTypeAndValue) {
  const Table table = sample();
  write_table(target("out.duckdb::results.predictions"), table);
  expect_same(table, read("out.duckdb::results.predictions"));
  write_table(target("out.duckdb::second"), table);
  EXPECT_EQ(read("out.duckdb::second").rows, table.rows);
  EXPECT_EQ(entries(), (Rows{"out.duckdb", "sample.duckdb"}));
}

TEST_F(WriterTest, ATableComesBackFromParquet) {
  const Table table = sample();
  write_table(target("out.parquet"), table);
  const Table back = read("out.parquet");
  EXPECT_EQ(back.at("huge").ints, table.at("huge").ints);
  EXPECT_EQ(back.at("nanos").arrow_format, "tsn:");
  EXPECT_EQ(back.at("day").arrow_format, "tdD");
  EXPECT_EQ(back.at("i32").arrow_format, "i");
  EXPECT_EQ(back.at("secs").ints, table.at("secs").ints);
  EXPECT_EQ(back.at("ls").codes, table.at("ls").codes);
  EXPECT_EQ(back.at("lf").floats32, table.at("lf").floats32);
  EXPECT_EQ(entries(), (Rows{"out.parquet", "sample.duckdb"}));
}

TEST_F(WriterTest, CsvIsPlainText) {
  text("in.csv", "id,name,at,score\n1,\"a, b\",2020-01-02 03:04:05,0.1\n2,,,\n");
  write_table(target("out.csv"), read("in.csv"));
  EXPECT_EQ(content("out.csv"), "id,name,at,score\n1,\"a, b\",2020-01-02 03:04:05,0.1\n2,,,\n");
}

TEST_F(WriterTest, TimesReadFromTextAreTextAgain) {
  parquet("in.parquet", "SELECT unnest(['2020-01-02', '2020-01-02T03:04:05+02:00', NULL]) AS at");
  write_table(target("out.parquet"), read("in.parquet", {"at"}));
  const Table back = read("out.parquet");
  EXPECT_EQ(shown(back.at("at")), (Rows{"2020-01-02", "2020-01-02 01:04:05", "null"}));
  EXPECT_EQ(back.at("at").type, PhysicalType::kString);
}

TEST_F(WriterTest, KeysKeepTheTypeTheyCameIn) {
  parquet("in.parquet", "SELECT unnest([1, NULL, 2]::DOUBLE[]) AS id");
  TableSchema keyed = schema("in.parquet");
  keyed.primary_key = "id";
  const Table table = read(keyed);
  ASSERT_EQ(table.at("id").type, PhysicalType::kInt64);
  write_table(target("out.parquet"), table);
  EXPECT_EQ(read("out.parquet").at("id").floats, (std::vector<double>{1, 0, 2}));
}

TEST_F(WriterTest, WhatExistsIsNotTouched) {
  const Table table = sample(10);
  for (const std::string name : {"out.parquet", "out.csv"}) {
    text(name, "precious");
    expect_error(ErrorCode::kSpec, {name, "exists already"}, [&] { check_output_is_new(target(name)); });
    expect_error(ErrorCode::kSpec, {name, "exists already"}, [&] { write_table(target(name), table); });
    EXPECT_EQ(content(name), "precious");
  }
  sql({"ATTACH '{}/out.duckdb' AS t", "CREATE TABLE t.Kept AS SELECT 42 AS a",
       "CREATE VIEW t.seen AS SELECT 1 AS a"});
  const std::string before = content("out.duckdb");
  for (const std::string name : {"out.duckdb::Kept", "out.duckdb::kept", "out.duckdb::seen"}) {
    expect_error(ErrorCode::kSpec, {name, "exists already"}, [&] { check_output_is_new(target(name)); });
    expect_error(ErrorCode::kSpec, {name, "exists already"}, [&] { write_table(target(name), table); });
  }
  EXPECT_EQ(content("out.duckdb"), before);
  check_output_is_new(target("out.duckdb::other"));
  check_output_is_new(target("new.duckdb::other"));
}

TEST_F(WriterTest, AFailedWriteLeavesNothing) {
  Table table = sample(100);
  table.columns[2].ints.edit()[50] = INT64_MAX;  // does not fit the int32 it says it is
  for (const std::string name : {"out.parquet", "out.csv", "out.duckdb::t", "out.duckdb::s.t"}) {
    EXPECT_THROW(write_table(target(name), table), Error) << name;
    EXPECT_EQ(entries(), (Rows{"sample.duckdb"})) << name;
  }
  sql({"ATTACH '{}/out.duckdb' AS t", "CREATE TABLE t.kept AS SELECT 42 AS a"});
  EXPECT_THROW(write_table(target("out.duckdb::s.t"), table), Error);
  expect_error(ErrorCode::kSpec, {"there are: kept"}, [&] { read("out.duckdb::zzzzzzzzzz"); });
}

TEST_F(WriterTest, PlacesThatCannotBeWrittenAreNamed) {
  const Table table = sample(10);
  text("file", "x");
  for (const std::string name : {"file/out.parquet", "nowhere/out.csv", "file/out.duckdb::t"}) {
    expect_error(ErrorCode::kIo, {name.substr(0, name.find(':'))}, [&] { write_table(target(name), table); });
  }
  text("not.duckdb", std::string(20000, 'x'));
  expect_error(ErrorCode::kSpec, {"not.duckdb"}, [&] { write_table(target("not.duckdb::t"), table); });
  if (geteuid() == 0) return;  // root may write everywhere
  std::filesystem::create_directory(folder_ / "locked");
  chmod(path("locked").c_str(), 0555);
  expect_error(ErrorCode::kIo, {"locked", "not writable"},
               [&] { write_table(target("locked/out.parquet"), table); });
}

TEST_F(WriterTest, SeveralTablesComeTogether) {
  const Table one = sample(10), two = sample(20);
  write_tables({{target("a.parquet"), &one}, {target("b.parquet"), &two}});
  write_tables({{target("new.duckdb::s.a"), &one}, {target("new.duckdb::s.b"), &two}}, {.mark = "m"});
  write_tables({{target("new.duckdb::c"), &one}, {target("new.duckdb::d"), &two}}, {.comment = "both"});
  EXPECT_EQ(read("a.parquet").rows, 10);
  EXPECT_EQ(read("b.parquet").rows, 20);
  expect_same(one, read("new.duckdb::s.a"));
  expect_same(two, read("new.duckdb::s.b"));
  for (const char* name : {"new.duckdb::c", "new.duckdb::d"}) EXPECT_EQ(table_comment(target(name)), "both");
  EXPECT_EQ(entries(), (Rows{"a.parquet", "b.parquet", "new.duckdb", "sample.duckdb"}));
}

TEST_F(WriterTest, OfSeveralTablesAllOrNoneAreWritten) {
  const Table good = sample(100);
  Table bad = good;
  bad.columns[2].ints.edit()[50] = INT64_MAX;  // does not fit the int32 it says it is
  text("taken.csv", "precious");
  sql({"ATTACH '{}/out.duckdb' AS t", "CREATE TABLE t.kept AS SELECT 42 AS a"});
  const auto refused = [&](const char* a, const char* b, const Table& second, WriteOptions options = {}) {
    EXPECT_THROW(write_tables({{target(a), &good}, {target(b), &second}}, options), Error) << a << " " << b;
    EXPECT_EQ(entries(), (Rows{"out.duckdb", "sample.duckdb", "taken.csv"})) << a << " " << b;
    EXPECT_EQ(content("taken.csv"), "precious");
  };
  refused("a.parquet", "b.parquet", bad);
  refused("a.csv", "taken.csv", good);
  refused("a.csv", "taken.csv", bad, {.replace = true});
  refused("x.duckdb::a", "x.duckdb::b", bad);
  refused("x.duckdb::a", "x.duckdb::b", bad, {.mark = "m"});
  refused("out.duckdb::a", "out.duckdb::b", bad);
  refused("out.duckdb::a", "out.duckdb::kept", good);
  expect_error(ErrorCode::kSpec, {"there are: kept"}, [&] { read("out.duckdb::zzzzzzzzzz"); });
}

// One of two renames fails, first or last.
TEST_F(WriterTest, WhatHasItsNameWhenAnotherFailsLosesIt) {
  const Table table = sample(10);
  for (const bool replace : {false, true})
    for (const char* in_the_way : {"a.csv", "b.csv"}) {
      const std::string other = in_the_way[0] == 'a' ? "b.csv" : "a.csv";
      if (replace) text(other, "old");
      WriteOptions options{.replace = replace};
      options.before_commit = [&](const std::vector<std::filesystem::path>& files) {
        EXPECT_EQ(files.size(), 2u);
        std::filesystem::create_directory(folder_ / in_the_way);
      };
      EXPECT_THROW(write_tables({{target("a.csv"), &table}, {target("b.csv"), &table}}, options), Error);
      EXPECT_EQ(entries(),
                replace ? (Rows{"a.csv", "b.csv", "sample.duckdb"}) : (Rows{in_the_way, "sample.duckdb"}));
      if (replace) {
        EXPECT_EQ(content(other), "old");
      }
      for (const char* name : {"a.csv", "b.csv"}) std::filesystem::remove(folder_ / name);
    }
}

TEST_F(WriterTest, ReplacedFilesGoWhenAllNewOnesAreThere) {
  const Table table = sample(10);
  text("a.csv", "old a");
  text("b.csv", "old b");
  WriteOptions options{.replace = true};
  options.between_renames = [&] {
    EXPECT_EQ(content("a.csv"), "old a") << "the first comes last";
    EXPECT_NE(content("b.csv"), "old b");
  };
  write_tables({{target("a.csv"), &table}, {target("b.csv"), &table}}, options);
  EXPECT_EQ(read("a.csv").rows, 10);
  EXPECT_EQ(entries(), (Rows{"a.csv", "b.csv", "sample.duckdb"}));
}

// What a process leaves that is killed once `published` of two files have their names.
TEST_F(WriterTest, AKilledWriteIsFinishedOrUndone) {
  const std::vector<OutputTarget> targets{target("a.csv"), target("b.csv")};
  const auto pending = [&](size_t i) { return unfinished_file(targets[i], "m").filename().string(); };
  const auto clean = [&] {
    for (const std::string& name : entries()) std::filesystem::remove(folder_ / name);
  };
  text(pending(0), "new a");
  text(pending(1), "new b");
  EXPECT_FALSE(finish_write(targets, {0, 0}, "m", false));
  clean();

  text(pending(0), "new a");
  text("b.csv", "new b");
  EXPECT_TRUE(finish_write(targets, {0, 1}, "m", false));
  EXPECT_EQ(content("a.csv") + content("b.csv"), "new anew b");
  EXPECT_EQ(entries(), (Rows{"a.csv", "b.csv"}));
  clean();

  text(pending(0), "new a");
  text("a.csv", "somebody's");
  text("b.csv", "new b");
  EXPECT_FALSE(finish_write(targets, {0, 1}, "m", false));
  EXPECT_EQ(content("a.csv"), "somebody's");
  EXPECT_EQ(entries(), Rows{"a.csv"});
  clean();

  for (const bool whole : {true, false}) {  // both were there before; b is replaced already
    if (whole) text(pending(0), "new a");
    text("a.csv", "old a");
    text("b.csv", "new b");
    text(pending(1), "old b");
    EXPECT_EQ(finish_write(targets, {0, 1}, "m", true), whole);
    EXPECT_EQ(content("a.csv") + content("b.csv"), whole ? "new anew b" : "old aold b");
    EXPECT_EQ(entries(), (Rows{"a.csv", "b.csv"}));
    clean();
  }
}

TEST_F(WriterTest, AnEmptyTableIsWritten) {
  Table table = sample(5);
  for (Column& column : table.columns) column = column.permuted({});
  table.rows = 0;
  write_table(target("out.parquet"), table);
  write_table(target("out.duckdb::t"), table);
  EXPECT_EQ(read("out.duckdb::t").rows, 0);
  EXPECT_EQ(read("out.parquet").column_names(), table.column_names());
}

TEST(OutputTargetTest, FormsOfATarget) {
  using Kind = OutputTarget::Kind;
  EXPECT_EQ(parse_output("p.parquet", {}, "/base").file, "/base/p.parquet");
  EXPECT_EQ(parse_output("p.csv", "db.duckdb", "/base").kind, Kind::kCsv);
  EXPECT_EQ(parse_output("/x/a.duckdb::s.t", {}, "/base").display(), "/x/a.duckdb::s.t");
  EXPECT_EQ(parse_output("t", "db.duckdb", "/base").display(), "/base/db.duckdb::t");
  EXPECT_EQ(parse_output("s.t", "db.duckdb", "/base").schema, "s");
  expect_error(ErrorCode::kSpec, {"'t'", "no database"}, [] { parse_output("t", {}, "/base"); });
  expect_error(ErrorCode::kSpec, {"p.pkl", "FILE.parquet"},
               [] { parse_output("p.pkl", "db.duckdb", "/base"); });
  expect_error(ErrorCode::kSpec, {"no table name"}, [] { parse_output("a.duckdb::bad name", {}, "/base"); });
  expect_error(ErrorCode::kSpec, {"no table name"},
               [] { parse_output("a.duckdb::" + std::string(129, 'x'), {}, "/base"); });
  expect_error(ErrorCode::kSpec, {"empty"}, [] { parse_output("", "db.duckdb", "/base"); });
}

}  // namespace
}  // namespace rle::ingest
