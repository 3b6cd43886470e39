// rle_bench SPEC [--steps N] [--threads N] [--set key=value]: ingest rows/s, graph build, sampler seeds/s,
// milliseconds of a training step with its split, seeds/s, peak memory. Wall times of one process; medians
// over the steps after one to warm up.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "job/load_data.h"
#include "kernel/isa.h"
#include "nn/adam.h"
#include "train/batch_loader.h"
#include "train/dataset.h"
#include "train/outputs.h"

namespace rle {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0.0 : values[values.size() / 2];
}

class Silent : public Report {
 public:
  void line(Severity, std::string_view) override {}
};

// Milliseconds of each part of each step.
class Marks : public StepMarks {
 public:
  void start() { last_ = now(); }
  void mark(const char* part) override {
    const double time = now();
    if (parts_.find(part) == parts_.end()) order_.push_back(part);
    parts_[part].push_back((time - last_) * 1e3);
    last_ = time;
  }
  void drop_warm_up() { parts_.clear(), order_.clear(); }
  void print() const {
    for (const std::string& part : order_)
      std::printf("  %-28s %9.1f ms\n", part.c_str(), median(parts_.at(part)));
  }

 private:
  double last_ = 0;
  std::vector<std::string> order_;
  std::map<std::string, std::vector<double>> parts_;
};

struct Options {
  std::string spec;
  std::vector<std::string> overrides;
  int64_t steps = 10;
  int threads = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool takes_value = word == "--steps" || word == "--threads" || word == "--set";
    if (takes_value && i + 1 == argc) fail(ErrorCode::kSpec, "{} needs a value", word);
    if (word == "--steps")
      options.steps = std::max<int64_t>(1, std::atoll(argv[++i]));
    else if (word == "--threads")
      options.threads = std::atoi(argv[++i]);
    else if (word == "--set")
      options.overrides.emplace_back(argv[++i]);
    else
      options.spec = word;
  }
  if (options.spec.empty())
    fail(ErrorCode::kSpec, "usage: rle_bench SPEC [--steps N] [--threads N] [--set key=value]");
  return options;
}

Dataset load(const JobSpec& spec, ThreadPool& pool) {
  Silent report;
  SourceReader reader(spec.base_folder);
  const SplitChoice splits{true, true, false, false};
  double start = now();
  LoadedData data = load_data(reader, spec, splits, report, nullptr);
  const double read_s = now() - start;
  int64_t rows = 0;
  for (const Table& table : data.tables) rows += table.rows;
  std::printf("  %-28s %9.0f rows/s  (%lld rows in %.2f s, canonical order included)\n", "ingest",
              static_cast<double>(rows) / read_s, static_cast<long long>(rows), read_s);
  start = now();
  Graph::build(data.tables, pool, report);
  const double graph_s = now() - start;
  std::printf("  %-28s %9.0f rows/s  (%.3f s)\n", "graph build", static_cast<double>(rows) / graph_s,
              graph_s);
  start = now();
  Dataset dataset = build_training_dataset(
      {std::move(data.tables), *spec.task, &*data.train, &*data.validation, nullptr, spec.visible_until_us},
      pool, report);
  std::printf("  %-28s %9.3f s\n", "graph, statistics, encoding", now() - start);
  return dataset;
}

void bench_steps(const Dataset& dataset, const TrainConfig& config, int64_t steps, ThreadPool& pool) {
  const BatchLoader loader(dataset, *dataset.train, config.sampler);
  RelationalModel model(make_definition(dataset, config), config.seed);
  Adam adam(model.parameters(), {.weight_decay = config.weight_decay});
  const Permutation order(static_cast<uint64_t>(dataset.train->rows), RngKey(config.seed));
  Marks marks;
  model.set_marks(&marks);
  LoadedBatch batch;
  std::vector<double> load_s, step_s;
  int64_t seeds = 0;
  for (int64_t s = 0; s <= steps; ++s) {
    std::vector<int64_t> rows;
    for (int64_t i = 0; i < config.train_batch_size; ++i)
      rows.push_back(static_cast<int64_t>(
          order.at(static_cast<uint64_t>((s * config.train_batch_size + i) % dataset.train->rows))));
    const double start = now();
    loader.load(rows, RngKey(static_cast<uint64_t>(s)), pool, batch);
    const double loaded = now();
    marks.start();
    model.train_step(batch.input(), loss_kind(dataset.encoding.type), batch.targets(0),
                     RngKey(static_cast<uint64_t>(s)), pool);
    adam.step(model.parameters(), config.lr, pool);
    marks.mark("optimizer");
    if (s == 0) {
      marks.drop_warm_up();
      continue;
    }
    load_s.push_back(loaded - start);
    step_s.push_back(now() - start);
    seeds = batch.size();
  }
  int64_t nodes = 0, distinct = 0;
  for (const NodeBlock& block : batch.batch.nodes) {
    nodes += block.nodes();
    distinct += static_cast<int64_t>(block.distinct.size());
  }
  std::printf("  %-28s %9.0f seeds/s (%lld nodes, %lld distinct rows a batch)\n", "sample and gather",
              static_cast<double>(seeds) / median(load_s), static_cast<long long>(nodes),
              static_cast<long long>(distinct));
  std::printf("  %-28s %9.1f ms\n", "training step", median(step_s) * 1e3);
  std::printf("  %-28s %9.1f ms\n", "sample and gather", median(load_s) * 1e3);
  marks.print();
  std::printf("  %-28s %9.0f seeds/s\n", "training", static_cast<double>(seeds) / median(step_s));
}

void run(const Options& options) {
  const JobSpec spec = load_job_spec(options.spec, options.overrides);
  if (!spec.task || !spec.task->train || !spec.task->validation)
    fail(ErrorCode::kSpec, "{}: a task with training and validation tables is needed", options.spec);
  ThreadPool pool(options.threads > 0 ? options.threads : spec.threads > 0 ? spec.threads : available_cpus());
  std::printf("%s: batch %lld, %lld encoder blocks, %lld channels, %d threads, %s\n", options.spec.c_str(),
              static_cast<long long>(spec.train.train_batch_size),
              static_cast<long long>(spec.train.model.encoder_blocks),
              static_cast<long long>(spec.train.model.channels), pool.threads(),
              std::string(to_string(active_isa())).c_str());
  const Dataset dataset = load(spec, pool);
  bench_steps(dataset, spec.train, options.steps, pool);
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("  %-28s %9.2f GiB\n", "peak memory", static_cast<double>(usage.ru_maxrss) / (1 << 20));
}

}  // namespace
}  // namespace rle

int main(int argc, char** argv) {
  try {
    rle::run(rle::parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
