// Rows per second from a file to typed columns.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <filesystem>

#include "base/error.h"
#include "base/report.h"
#include "base/temporary_folder.h"
#include "ingest/duckdb_session.h"
#include "ingest/source.h"

namespace rle::ingest {
namespace {

constexpr int64_t kParquetRows = 5'000'000;
constexpr int64_t kCsvRows = 500'000;

// Files of six columns, made once and removed at the end.
class Files {
 public:
  Files() {
    make("t.parquet", "FORMAT parquet", kParquetRows);
    make("t.csv", "FORMAT csv, HEADER", kCsvRows);
  }

  TemporaryFolder temporary;
  const std::filesystem::path folder = temporary.path();

 private:
  void make(const std::string& file, const std::string& format, int64_t rows) {
    Connection connection = open_duckdb();
    connection.execute(fmt::format(
        "COPY (SELECT i AS id, (hash(i) % 100000)::INTEGER AS parent, i / 7 AS amount, (i % 1000 / "
        "3)::FLOAT AS price, TIMESTAMP '2020-01-01' + to_seconds(i) AS at, 'item ' || (hash(i) % "
        "20000) AS name FROM range({}) r(i)) TO '{}' ({})",
        rows, (folder / file).string(), format));
  }
};

void read_columns(benchmark::State& state, const std::string& file, const std::vector<std::string>& columns) {
  static const Files files;
  TableSchema schema;
  schema.name = "bench";
  schema.source = file;
  ReportLines report;
  int64_t rows = 0;
  for (auto _ : state) {
    SourceReader reader(files.folder);
    const Table table = reader.read(schema, columns, {}, report);
    rows += table.rows;
    benchmark::DoNotOptimize(table.columns.data());
  }
  state.SetItemsProcessed(rows);
}

void BM_ParquetNumbers(benchmark::State& state) {
  read_columns(state, "t.parquet", {"id", "parent", "amount", "price", "at"});
}
void BM_ParquetWithStrings(benchmark::State& state) {
  read_columns(state, "t.parquet", {"id", "parent", "amount", "price", "at", "name"});
}
void BM_Csv(benchmark::State& state) {
  read_columns(state, "t.csv", {"id", "parent", "amount", "price", "at", "name"});
}

BENCHMARK(BM_ParquetNumbers)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_ParquetWithStrings)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(BM_Csv)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace rle::ingest
