// rle_sampler_bench SPEC [--batch N] [--batches N] [--threads N] [--set key=value]: how fast batches of
// training seeds are sampled, and the features of their rows gathered. One JSON object a line: "loaded",
// "ready", one "pass" over the same batches for each line read, "summary" at the end of the input.
// bench/bench_sampler.py drives it.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "job/load_data.h"
#include "train/batch_loader.h"
#include "train/dataset.h"

namespace rle {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void say(const nlohmann::ordered_json& message) { std::cout << message.dump() << std::endl; }

class Silent : public Report {
 public:
  void line(Severity, std::string_view) override {}
};

struct Options {
  std::string spec;
  std::vector<std::string> overrides;
  int64_t batch = 512, batches = 20;
  int threads = 1;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      options.spec = word;
      continue;
    }
    if (i + 1 == argc) fail(ErrorCode::kSpec, "{} needs a value", word);
    const std::string value = argv[++i];
    if (word == "--set")
      options.overrides.push_back(value);
    else if (word == "--batch")
      options.batch = std::max<int64_t>(1, std::atoll(value.c_str()));
    else if (word == "--batches")
      options.batches = std::max<int64_t>(1, std::atoll(value.c_str()));
    else if (word == "--threads")
      options.threads = std::max(1, std::atoi(value.c_str()));
    else
      fail(ErrorCode::kSpec, "there is no {}: --batch, --batches, --threads, --set", word);
  }
  if (options.spec.empty())
    fail(ErrorCode::kSpec, "usage: rle_sampler_bench SPEC [--batch N] [--batches N] ...");
  return options;
}

Dataset load(const JobSpec& spec, ThreadPool& pool) {
  Silent report;
  SourceReader reader(spec.base_folder);
  LoadedData data = load_data(reader, spec, SplitChoice{.train = true}, report, nullptr);
  return build_training_dataset(
      {std::move(data.tables), *spec.task, &*data.train, nullptr, nullptr, spec.visible_until_us}, pool,
      report);
}

// Milliseconds of each batch of one pass; a number that any change of a batch changes.
struct Pass {
  std::vector<double> sample_ms, gather_ms;
  int64_t nodes = 0, edges = 0, distinct = 0;
  uint64_t checksum = 0;

  void mix(const auto& values) {
    for (const auto value : values) checksum = mix64(checksum ^ static_cast<uint64_t>(value));
  }
  void count(const Batch& batch) {
    for (const NodeBlock& block : batch.nodes)
      nodes += block.nodes(), distinct += static_cast<int64_t>(block.distinct.size());
    for (const EdgeBlock& block : batch.edges) edges += block.edges();
  }
  void sum_up(const Batch& batch) {
    for (const NodeBlock& block : batch.nodes) {
      mix(block.row), mix(block.seed), mix(block.delta);
      mix(block.hop_end), mix(block.distinct), mix(block.delta_s);
    }
    for (const EdgeBlock& block : batch.edges) mix(block.offsets), mix(block.source);
  }
};

Pass run_pass(const Dataset& dataset, const BatchLoader& loader, const Options& options, ThreadPool& pool,
              LoadedBatch& batch, bool sum_up = false) {
  const Permutation order(static_cast<uint64_t>(dataset.train->rows), RngKey(42));
  Pass pass;
  for (int64_t b = 0; b < options.batches; ++b) {
    std::vector<int64_t> rows;
    for (int64_t i = b * options.batch; i < (b + 1) * options.batch; ++i)
      rows.push_back(static_cast<int64_t>(order.at(static_cast<uint64_t>(i % dataset.train->rows))));
    const double start = now();
    loader.sample(rows, RngKey(static_cast<uint64_t>(b)), pool, batch);
    const double sampled = now();
    loader.gather(pool, batch);
    pass.sample_ms.push_back((sampled - start) * 1e3);
    pass.gather_ms.push_back((now() - sampled) * 1e3);
    pass.count(batch.batch);
    if (sum_up) pass.sum_up(batch.batch);
  }
  return pass;
}

void run(const Options& options) {
  const JobSpec spec = load_job_spec(options.spec, options.overrides);
  if (!spec.task || !spec.task->train)
    fail(ErrorCode::kSpec, "{}: a task with a training table is needed", options.spec);
  ThreadPool pool(options.threads);
  const double start = now();
  const Dataset dataset = load(spec, pool);
  say({{"event", "loaded"}, {"seconds", now() - start}, {"threads", pool.threads()}});
  const BatchLoader loader(dataset, *dataset.train, spec.train.sampler);
  LoadedBatch batch;
  // Later passes sample the same batches; reading them all would tell on the time of the next.
  say({{"event", "ready"}, {"checksum", run_pass(dataset, loader, options, pool, batch, true).checksum}});
  for (std::string line; std::getline(std::cin, line);) {
    const Pass pass = run_pass(dataset, loader, options, pool, batch);
    const auto per_batch = [&](int64_t sum) { return sum / options.batches; };
    say({{"event", "pass"},
         {"sample_ms", median(pass.sample_ms)},
         {"gather_ms", median(pass.gather_ms)},
         {"nodes", per_batch(pass.nodes)},
         {"edges", per_batch(pass.edges)},
         {"distinct", per_batch(pass.distinct)}});
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  say({{"event", "summary"}, {"peak_gib", static_cast<double>(usage.ru_maxrss) / (1 << 20)}});
}

}  // namespace
}  // namespace rle

int main(int argc, char** argv) {
  try {
    rle::run(rle::parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
