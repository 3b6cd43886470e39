// Graph build: the racing database, and two parents with one child table of 15 million rows and two foreign
// keys.
#include <benchmark/benchmark.h>

#include "graph/graph.h"
#include "graph/test_tables.h"

namespace rle {
namespace {

void run(benchmark::State& state, const std::vector<Table>& tables, int64_t rows) {
  ThreadPool pool(static_cast<int>(state.range(0)));
  ReportLines report;
  for (auto _ : state) benchmark::DoNotOptimize(Graph::build(tables, pool, report));
  state.counters["rows/s"] =
      benchmark::Counter(static_cast<double>(rows * state.iterations()), benchmark::Counter::kIsRate);
}

void BM_BuildRacing(benchmark::State& state) { run(state, test::racing_tables(), 74'000); }
BENCHMARK(BM_BuildRacing)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

void BM_BuildTransactions(benchmark::State& state) {
  constexpr int64_t kRows = 15'000'000;
  Table customers = test::numbered("customers", 1'300'000), articles = test::numbered("articles", 105'000);
  Table transactions = test::numbered("transactions", kRows, 730);
  test::link(transactions, customers, RngKey(1));
  test::link(transactions, articles, RngKey(2), 3);
  // Keys of a wide range: found by hash.
  for (Table* table : {&customers, &transactions})
    for (Column& column : table->columns)
      if (column.name == (table == &customers ? "id" : "customersId"))
        for (int64_t& value : column.ints.edit())
          value = static_cast<int64_t>(mix64(static_cast<uint64_t>(value)));
  run(state, {customers, articles, transactions}, kRows);
}
BENCHMARK(BM_BuildTransactions)->Arg(1)->Arg(2)->Iterations(1)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace rle
