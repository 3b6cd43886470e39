// DuckDB that may open what lies in some folders and nothing else.
#include "ingest/test_folder.h"
#include "ingest/writer.h"

namespace rle::ingest {
namespace {

class ConfineTest : public FolderTest {
 protected:
  ConfineTest() {
    std::filesystem::create_directories(folder_ / "in");
    std::filesystem::create_directory_symlink(folder_ / "in", folder_ / "link");
    parquet("out.parquet", "SELECT 1 AS a");
    parquet("in/t.parquet", "SELECT 2 AS a");
    sql({"ATTACH '{}/in/d.duckdb' AS d", "CREATE TABLE d.t AS SELECT 3 AS a", "USE d",
         "CREATE VIEW inner_view AS SELECT a + 1 AS a FROM t",
         "CREATE VIEW d.near AS SELECT * FROM read_parquet('{}/in/t.parquet')",
         "CREATE VIEW d.far AS SELECT * FROM read_parquet('{}/out.parquet')",
         "CREATE VIEW d.dots AS SELECT * FROM read_parquet('{}/in/../out.parquet')",
         "CREATE VIEW d.passwords AS SELECT content AS a FROM read_text('/etc/passwd')",
         "CREATE VIEW d.names AS SELECT file AS a FROM glob('/etc/*')"});
    confine_duckdb({folder_ / "in"});
  }
  ~ConfineTest() override { confine_duckdb({}); }

  std::vector<std::string> rows(const std::string& source) { return shown(read(source).at("a")); }
};

TEST_F(ConfineTest, WhatLiesInsideIsReadByAnyNameThatLeadsThere) {
  const std::vector<std::string> two{"2"};
  for (const char* source :
       {"in/t.parquet", "in/*.parquet", "link/t.parquet", "link/t*.parquet", "in/../link/t.parquet"})
    EXPECT_EQ(rows(source), two) << source;
  EXPECT_EQ(rows("in/d.duckdb::near"), two);
  EXPECT_EQ(rows("link/d.duckdb::t"), std::vector<std::string>{"3"});
  EXPECT_EQ(rows("in/d.duckdb::inner_view"), std::vector<std::string>{"4"});
}

TEST_F(ConfineTest, NothingOutsideIsRead) {
  for (const char* source : {"in/d.duckdb::far", "in/d.duckdb::dots", "in/d.duckdb::passwords",
                             "in/d.duckdb::names", "out.parquet", "*.parquet"})
    expect_error(ErrorCode::kSpec, {"outside the data roots"}, [&] { read(source); });
}

TEST_F(ConfineTest, OutputsAreWrittenInsideOnly) {
  const Table table = read("in/t.parquet");
  for (const char* output : {"in/new.parquet", "in/new.csv", "in/new.duckdb::p", "in/d.duckdb::p"})
    write_table(parse_output(output, "", folder_), table);
  EXPECT_EQ(rows("in/d.duckdb::p"), std::vector<std::string>{"2"});
  expect_error(ErrorCode::kIo, {"out2.parquet"},
               [&] { write_table(parse_output("out2.parquet", "", folder_), table); });
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out2.parquet"));
  WriteOptions marked;
  marked.mark = "m";
  write_table(parse_output("in/marked.duckdb::p", "", folder_), table, marked);
  EXPECT_EQ(rows("in/marked.duckdb::p"), std::vector<std::string>{"2"});
}

}  // namespace
}  // namespace rle::ingest
