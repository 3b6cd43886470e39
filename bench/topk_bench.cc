// rle_topk_bench [--queries N] [--items N] [--width N] [--k N] [--passes N] [--threads N] [--full]: exact
// top-k of dot products (kernel/top_k.h) beside the bare product of the same matrices in the same blocks,
// whose scores nobody looks at; both in turns. And what it takes in memory over the embeddings.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/rng.h"
#include "bench/measure.h"
#include "kernel/isa.h"
#include "kernel/top_k.h"

namespace rle {
namespace {

struct Options {
  int64_t queries = 10'500, items = 75'000, width = 128, k = 12, passes = 3;
  int threads = 1;
  bool full = false;
};

Options parse(int argc, char** argv) {
  Options options;
  CLI::App app("Exact top-k of dot products beside the bare product");
  app.add_option("--queries", options.queries)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--items", options.items)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--width", options.width)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--k", options.k)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--passes", options.passes)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_flag("--full", options.full, "105,000 queries");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (options.full) options.queries = 105'000;
  return options;
}

Matrix embeddings(int64_t rows, int64_t width, Arena& arena, RngKey key) {
  RngStream stream(key);
  const Matrix m = new_matrix(arena, rows, width);
  for (int64_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(stream.normal());
  return m;
}

// The product of queries with all items, a block of scores over the other.
class BareProduct {
 public:
  explicit BareProduct(ConstMatrix items) {
    for (int64_t first = 0; first < items.rows; first += kTopKItems)
      blocks_.push_back(
          pack_transposed(items.slice(first, std::min(items.rows, first + kTopKItems)), arena_));
  }

  void run(ConstMatrix queries, ThreadPool& pool) const {
    pool.for_chunks(queries.rows, kTopKQueries, [&](int64_t begin, int64_t end) {
      Arena arena;
      const Matrix scores = new_matrix(arena, end - begin, kTopKItems);
      for (const PackedMatrix& block : blocks_)
        gemm(queries.slice(begin, end), block, scores.columns(0, block.n), GemmMode::kOverwrite);
    });
  }

 private:
  Arena arena_;
  std::vector<PackedMatrix> blocks_;
};

double seconds_of(const auto& work) {
  const double start = now_s();
  work();
  return now_s() - start;
}

struct Figures {
  std::vector<double> index_s, search_s, product_s;  // per pass
  int64_t memory_bytes = 0;                          // of index, search and result together, at most
  double others = 0;
};

Figures measure(const Options& options) {
  Arena arena;
  ThreadPool pool(options.threads);
  const Matrix queries = embeddings(options.queries, options.width, arena, RngKey(1));
  const Matrix items = embeddings(options.items, options.width, arena, RngKey(2));
  const int64_t before = peak_memory_bytes();
  const TopKRequest request{.queries = queries, .k = options.k};
  Figures figures;
  for (int64_t pass = 0; pass < options.passes; ++pass) {
    const Watch watch;
    {
      const double start = now_s();
      const TopKIndex index(items);
      figures.index_s.push_back(now_s() - start);
      figures.search_s.push_back(seconds_of([&] { index.search(request, pool); }));
      if (pass == 0) figures.memory_bytes = peak_memory_bytes() - before;
    }
    const BareProduct product(items);
    figures.product_s.push_back(seconds_of([&] { product.run(queries, pool); }));
    figures.others = std::max(figures.others, watch.others());
  }
  return figures;
}

void tell(const Options& options, const Figures& figures) {
  const double gflop = 2e-9 * static_cast<double>(options.queries * options.items * options.width);
  const double product = median(figures.product_s), index = median(figures.index_s),
               search = index + median(figures.search_s);
  const auto mib = [](int64_t bytes) { return static_cast<double>(bytes) / 1048576; };
  fmt::print("top-{} of {} queries x {} items x {}, {}, {}, {} passes in turns\n", options.k, options.queries,
             options.items, options.width,
             options.threads == 1 ? "one thread" : fmt::format("{} threads", options.threads),
             to_string(active_isa()), options.passes);
  fmt::print("  bare product {:8.2f} s  {:6.1f} GFLOP/s\n", product, gflop / product);
  fmt::print("  top-k        {:8.2f} s  {:6.1f} GFLOP/s, of it {:.3f} s to pack the items\n", search,
             gflop / search, index);
  fmt::print("  ratio        {:8.2f}    (at most 2)\n", search / product);
  fmt::print("  memory       {:8.0f} MiB over the embeddings of {:.0f} MiB (at most 1024)\n",
             mib(figures.memory_bytes), mib((options.queries + options.items) * options.width * 4));
  if (figures.others > 0.1)
    fmt::print("  other processes kept {:.1f} CPUs busy: distrust the times, not so much the ratio\n",
               figures.others);
}

}  // namespace
}  // namespace rle

int main(int argc, char** argv) {
  const rle::Options options = rle::parse(argc, argv);
  rle::tell(options, rle::measure(options));
  return 0;
}
