#include "job/table_snapshots.h"

#include "ingest/test_folder.h"

namespace rle {
namespace {

class TableSnapshotsTest : public ingest::FolderTest {
 protected:
  // Looks at the source, calls `between`, and reads.
  template <typename Between>
  Table read(const std::string& source, Between between) {
    SnapshotFolder snapshots(folder_ / "kept", report_);
    SourceReader reader(folder_);
    TableSnapshots tables(snapshots, reader, report_);
    const TableSchema things = schema(source);
    const std::vector<std::string> columns = reader.used_columns(things, report_);
    const SnapshotKey key = tables.key(things, columns, {});
    between();
    Table table = tables.read(key, things, columns, {}, nullptr);
    EXPECT_EQ(table.source_place != 0, table.source_content != 0);
    return table;
  }
  Table read(const std::string& source) {
    return read(source, [] {});
  }
  bool keeps_any() const {
    std::error_code ignored;
    for (std::filesystem::directory_iterator it(folder_ / "kept", ignored), end; it != end; ++it)
      if (it->path().extension() == ".manifest") return true;
    return false;
  }
  bool told(const std::string& part) const {
    for (const ReportLines::Line& line : report_.lines())
      if (line.text.find(part) != std::string::npos) return true;
    return false;
  }
};

TEST_F(TableSnapshotsTest, AViewOrAGeneratedColumnIsReadAndNeverKept) {
  parquet("t.parquet", "SELECT i FROM range(4) r(i)");
  sql({"ATTACH '{}/d.duckdb' AS d", "CREATE VIEW d.v AS SELECT i FROM read_parquet('{}/t.parquet')",
       "CREATE TABLE d.g (i INTEGER, j INTEGER GENERATED ALWAYS AS (i + 1))", "INSERT INTO d.g VALUES (5)",
       "CREATE TABLE d.plain AS SELECT 1 AS i"});
  EXPECT_EQ(read("d.duckdb::v").rows, 4);
  EXPECT_TRUE(told("its source is a view"));
  parquet("t.parquet", "SELECT i FROM range(7) r(i)");
  const Table view = read("d.duckdb::v");
  EXPECT_EQ(view.rows, 7);
  EXPECT_EQ(view.source_place, 0u);
  EXPECT_EQ(read("d.duckdb::g").source_place, 0u);
  EXPECT_TRUE(told("its source is a table with generated columns"));
  EXPECT_FALSE(keeps_any());
  EXPECT_NE(read("d.duckdb::plain").source_place, 0u);
  EXPECT_TRUE(keeps_any());
}

TEST_F(TableSnapshotsTest, AFileThatIsGoneFromAGlobIsAChange) {
  parquet("a.parquet", "SELECT 1 AS i");
  parquet("b.parquet", "SELECT 2 AS i");
  const Table table = read("*.parquet", [&] { std::filesystem::remove(folder_ / "b.parquet"); });
  EXPECT_EQ(table.rows, 1);
  EXPECT_EQ(table.source_place, 0u);
  EXPECT_TRUE(told("its files changed while they were read"));
  EXPECT_FALSE(keeps_any());
}

TEST_F(TableSnapshotsTest, AFileThatChangedOrIsGoneAfterItWasReadIsAChange) {
  parquet("a.parquet", "SELECT 1 AS i");
  EXPECT_EQ(read("a.parquet", [&] { parquet("a.parquet", "SELECT 2 AS i"); }).source_place, 0u);
  sql({"ATTACH '{}/d.duckdb' AS d", "CREATE TABLE d.t AS SELECT 1 AS i"});
  const Table table = read("d.duckdb::t", [&] { std::filesystem::remove(folder_ / "d.duckdb"); });
  EXPECT_EQ(table.rows, 1);
  EXPECT_EQ(table.source_place, 0u);
  EXPECT_FALSE(keeps_any());
}

}  // namespace
}  // namespace rle
