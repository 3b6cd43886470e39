// Sorting a table of transactions with day times (many ties) and gathering the rows of a batch from it.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "base/rng.h"
#include "base/time.h"
#include "table/features.h"

namespace rle {
namespace {

enum class SourceOrder { kSorted, kByTime, kMixed };

Column random_ints(const char* name, PhysicalType type, int64_t rows, uint64_t below, int64_t unit) {
  RngStream rng(RngKey(1).with(name));
  Column column;
  column.name = name;
  column.type = type;
  column.rows = rows;
  std::vector<int64_t>& values = column.ints.edit();
  values.resize(static_cast<size_t>(rows));
  for (int64_t& value : values) value = static_cast<int64_t>(rng.below(below)) * unit;
  return column;
}

Table transactions(int64_t rows, SourceOrder order) {
  Table table;
  table.rows = rows;
  table.schema.name = "transactions";
  table.schema.time_column = "at";
  table.columns.push_back(random_ints("article", PhysicalType::kInt64, rows, 100'000, 1));
  table.columns.push_back(random_ints("customer", PhysicalType::kInt64, rows, 1'300'000, 1));
  table.columns.push_back(random_ints("channel", PhysicalType::kInt64, rows, 2, 1));
  table.columns.push_back(random_ints("at", PhysicalType::kTimestamp, rows, 734, kMicrosPerDay));
  if (order == SourceOrder::kByTime)
    std::sort(table.columns.back().ints.edit().begin(), table.columns.back().ints.edit().end());
  if (order == SourceOrder::kSorted) {
    sort_canonically(table);
    table.source_rows = {};
  }
  return table;
}

void sort_rows(benchmark::State& state, SourceOrder order) {
  const Table source = transactions(state.range(0), order);
  for (auto _ : state) {
    state.PauseTiming();
    Table table = source;
    state.ResumeTiming();
    sort_canonically(table);
    benchmark::DoNotOptimize(table.columns[0].ints.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(sort_rows, sorted, SourceOrder::kSorted)->Arg(1'500'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sort_rows, by_time, SourceOrder::kByTime)->Arg(1'500'000)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(sort_rows, mixed, SourceOrder::kMixed)->Arg(1'500'000)->Unit(benchmark::kMillisecond);

void fit_and_encode(benchmark::State& state) {
  const Table table = transactions(state.range(0), SourceOrder::kSorted);
  for (auto _ : state) {
    ReportLines report;
    TableFeatures features(table, fit_statistics(table, {}, report));
    benchmark::DoNotOptimize(features.rows());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(fit_and_encode)->Arg(1'500'000)->Unit(benchmark::kMillisecond);

void gather_rows(benchmark::State& state) {
  constexpr int64_t kRows = 1'500'000;
  const Table table = transactions(kRows, SourceOrder::kSorted);
  ReportLines report;
  const TableFeatures features(table, fit_statistics(table, {}, report));
  std::vector<NodeId> ids;
  for (int64_t i = 0; i < state.range(0); ++i)
    ids.push_back(static_cast<NodeId>(i * (kRows / state.range(0))));
  FeatureRows out;
  for (auto _ : state) {
    features.gather(ids, out);
    benchmark::DoNotOptimize(out.columns.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(gather_rows)->Arg(31'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace rle
