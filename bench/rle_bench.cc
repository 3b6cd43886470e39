// rle_bench SPEC: what one job costs: ingest, graph, and whole training steps with their parts, seeds/s, peak
// memory. With --json one JSON object a line: "loaded", one "pass" each, "summary".
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "bench/measure.h"
#include "bench/peaks.h"
#include "bench/training_bench.h"
#include "job/load_data.h"
#include "job/precision.h"
#include "kernel/isa.h"

namespace rle {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string spec, batches;
  std::vector<std::string> overrides;
  int64_t warm_up = 1, passes = 3, steps = 4;
  int threads = 0;
  bool json = false, turns = false, cost = false;
};

class Silent : public Report {
 public:
  void line(Severity, std::string_view) override {}
};

// Text for people, or a JSON line for programs.
class Output {
 public:
  explicit Output(bool json) : json_(json) {}
  template <typename... Args>
  void row(const char* name, fmt::format_string<Args...> format, Args&&... args) {
    if (!json_) fmt::print("  {:<28} {}\n", name, fmt::format(format, std::forward<Args>(args)...));
  }
  void heading(const std::string& text) {
    if (!json_) fmt::print("{}\n", text);
  }
  void object(const Json& object) {
    if (json_) fmt::print("{}\n", object.dump());
    std::fflush(stdout);
  }

 private:
  bool json_;
};

Json columns_of(const Dataset& dataset) {
  Json tables = Json::object();
  for (const TableFeatures& features : dataset.features) {
    Json columns = Json::object();
    for (const ColumnStatistics& column : features.statistics().columns)
      columns[column.column] = to_string(column.dtype);
    tables[features.statistics().table] = columns;
  }
  return tables;
}

Dataset load(const JobSpec& spec, bool keep_source_rows, ThreadPool& pool, Output& output, Json& loaded) {
  Silent report;
  SourceReader reader(spec.base_folder);
  double start = now_s();
  LoadedData data = load_data(reader, spec, {true, true, false, false}, report, nullptr);
  const double read_s = now_s() - start;
  int64_t rows = 0;
  for (const Table& table : data.tables) rows += table.rows;
  const auto speed = static_cast<double>(rows);
  output.row("ingest", "{:9.0f} rows/s  ({} rows in {:.2f} s, canonical order included)", speed / read_s,
             rows, read_s);
  start = now_s();
  Graph::build(data.tables, pool, report);
  const double graph_s = now_s() - start;
  output.row("graph build", "{:9.0f} rows/s  ({:.3f} s)", speed / graph_s, graph_s);
  start = now_s();
  DatasetInput input = dataset_input(data, spec);
  input.task = *spec.task;
  input.keep_source_rows = keep_source_rows;
  Dataset dataset = build_training_dataset(std::move(input), pool, report);
  output.row("graph, statistics, encoding", "{:9.3f} s", now_s() - start);
  loaded.update({{"rows", rows},
                 {"ingest_rows_s", speed / read_s},
                 {"graph_rows_s", speed / graph_s},
                 {"columns", columns_of(dataset)}});
  return dataset;
}

Json model_of(const TrainConfig& config) {
  const char* aggregation[] = {"mean", "max", "sum"};
  const ModelConfig& model = config.model;
  return {{"channels", model.channels},
          {"layers", model.gnn_layers > 0 ? model.gnn_layers : config.sampler.fanouts.size()},
          {"blocks", model.encoder_blocks},
          {"aggr", aggregation[static_cast<int>(model.conv_aggregation)]},
          {"lr", config.lr}};
}

void tell_pass(Output& output, const PassResult& pass, int64_t number) {
  output.row(fmt::format("pass {}", number).c_str(), "{:9.0f} seeds/s  (others kept {:.2f} CPUs busy{})",
             pass.seeds_per_s, pass.others, pass.others > 0.1 ? ": distrust it" : "");
  output.object(
      {{"event", "pass"}, {"seeds_s", pass.seeds_per_s}, {"others", pass.others}, {"losses", pass.losses}});
}

// How far each part is from what the machine's peaks allow (docs/performance.md, cost model).
Json tell_costs(Output& output, const StepCosts& costs, const TrainingBench& bench, const Peaks& peaks) {
  output.row("peaks between passes", "{:.0f} GFLOP/s fp32, {:.0f} bf16, copy {:.1f} GB/s", peaks.fp32_gflop_s,
             peaks.bf16_gflop_s, peaks.copy_gb_s);
  output.row("part", "{:>9} {:>9} {:>9} {:>9} {:>9}", "ms", "GFLOP", "MB", "limit ms", "of limit");
  Json parts = Json::object();
  double limit_ms = 0, step_ms = 0;
  const auto tell = [&](const std::string& name, double ms, const Cost& cost, double least_ms) {
    output.row(name.c_str(), "{:9.1f} {:9.2f} {:9.1f} {:9.1f} {:8.0f} %", ms, cost.all_flop() * 1e-9,
               cost.bytes * 1e-6, least_ms, ms > 0 ? 100 * least_ms / ms : 0.0);
    parts[name] = {
        {"ms", ms}, {"gflop", cost.all_flop() * 1e-9}, {"gbyte", cost.bytes * 1e-9}, {"limit_ms", least_ms}};
  };
  Cost whole;
  for (const auto& [name, ms] : bench.parts_ms()) {
    if (name == "step") step_ms = ms;
    const auto cost =
        std::find_if(costs.begin(), costs.end(), [&](const auto& c) { return c.first == name; });
    if (cost == costs.end()) continue;
    const double least_ms = least_seconds(cost->second, peaks) * 1e3;
    tell(name, ms, cost->second, least_ms);
    whole.flop += cost->second.all_flop();
    whole.bytes += cost->second.bytes;
    limit_ms += least_ms;
  }
  tell("step", step_ms, whole, limit_ms);
  return {{"fp32_gflop_s", peaks.fp32_gflop_s},
          {"bf16_gflop_s", peaks.bf16_gflop_s},
          {"copy_gb_s", peaks.copy_gb_s},
          {"parts", parts},
          {"of_limit", step_ms > 0 ? limit_ms / step_ms : 0.0}};
}

std::vector<double> run_passes(const Options& options, TrainingBench& bench, PeakSamples& peaks,
                               Output& output) {
  std::vector<double> speeds;
  const auto run_pass = [&] {
    if (options.cost) peaks.take();
    const PassResult pass = bench.pass(options.steps);
    speeds.push_back(pass.seeds_per_s);
    tell_pass(output, pass, static_cast<int64_t>(speeds.size()));
  };
  bench.warm_up(options.warm_up);
  output.object({{"event", "ready"}});
  if (options.turns)
    for (std::string line; std::getline(std::cin, line);) run_pass();
  else
    for (int64_t i = 0; i < options.passes; ++i) run_pass();
  return speeds;
}

void tell_summary(const Options& options, TrainingBench& bench, const std::vector<double>& speeds,
                  const PeakSamples& peaks, Output& output) {
  const int64_t peak = peak_memory_bytes();  // before the peaks are measured, which takes memory
  const BatchSize size = bench.batch_size();
  output.row("last batch", "{} seeds, {} nodes, {} distinct rows, {} edges", size.seeds, size.nodes,
             size.distinct, size.edges);
  Json parts = Json::object();
  for (const auto& [name, ms] : bench.parts_ms()) {
    output.row(name.c_str(), "{:9.1f} ms", ms);
    parts[name] = ms;
  }
  output.row("training", "{:9.0f} seeds/s", median(speeds));
  output.row("peak memory", "{:9.2f} GiB", static_cast<double>(peak) / (1 << 30));
  Json summary = {{"event", "summary"},        {"seeds_s", median(speeds)}, {"parts_ms", parts},
                  {"peak_memory_bytes", peak}, {"nodes", size.nodes},       {"distinct", size.distinct},
                  {"edges", size.edges}};
  if (options.cost) summary["cost"] = tell_costs(output, bench.costs(options.steps), bench, peaks.medians());
  output.object(summary);
}

void run(const Options& options) {
  const JobSpec spec = load_job_spec(options.spec, options.overrides);
  if (!spec.task || !spec.task->train || !spec.task->validation)
    fail(ErrorCode::kSpec, "{}: a task with training and validation tables is needed", options.spec);
  check_precision(spec);
  if (options.cost && options.threads != 1)
    fail(ErrorCode::kSpec, "--cost holds a step against the peaks of one core; give --threads 1 too");
  ThreadPool pool(options.threads > 0 ? options.threads : spec.threads > 0 ? spec.threads : available_cpus());
  Output output(options.json);
  const std::string isa(to_string(active_isa()));
  output.heading(fmt::format(
      "{}: {}, {} encoder blocks, {} channels, {}, {} threads, {}", options.spec,
      options.batches.empty() ? fmt::format("batch {}", spec.train.train_batch_size) : options.batches,
      spec.train.model.encoder_blocks, spec.train.model.channels, to_string(spec.train.model.precision),
      pool.threads(), isa));
  Json loaded = {{"event", "loaded"}};
  const Dataset dataset = load(spec, !options.batches.empty(), pool, output, loaded);
  const std::unique_ptr<BatchSource> batches =
      options.batches.empty() ? sampled_batches(dataset, spec.train)
                              : batches_of_folder(options.batches, dataset, spec.train, pool);
  TrainingBench bench(dataset, spec.train, *batches, pool);
  loaded.update({{"model", model_of(spec.train)},
                 {"parameters", bench.parameters()},
                 {"precision", to_string(spec.train.model.precision)},
                 {"threads", pool.threads()},
                 {"isa", isa},
                 {"cpu", cpu_name()},
                 {"cpu_flags", cpu_flags()}});
  output.object(loaded);
  PeakSamples peaks(active_isa());
  const std::vector<double> speeds = run_passes(options, bench, peaks, output);
  tell_summary(options, bench, speeds, peaks, output);
}

}  // namespace
}  // namespace rle

int main(int argc, char** argv) {
  rle::Options options;
  CLI::App app{"what one job costs: ingest, graph, training steps by part, peak memory"};
  app.add_option("spec", options.spec, "the job's specification")->required();
  app.add_option("--set", options.overrides, "config.key=value, as rle's")->allow_extra_args(false);
  app.add_option("--batches", options.batches,
                 "a folder of batch files; without it the sampler makes batches");
  app.add_option("--warm-up", options.warm_up, "steps before the first pass")->check(CLI::Range(0, 1000000));
  app.add_option("--passes", options.passes)->check(CLI::Range(1, 1000000));
  app.add_option("--steps", options.steps, "of a pass")->check(CLI::Range(1, 1000000));
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 1024));
  app.add_flag("--json", options.json, "a JSON object a line instead of a table");
  app.add_flag("--turns", options.turns, "one pass for each line of standard input");
  app.add_flag("--cost", options.cost,
               "how far each part is from what the machine's peaks allow (--threads 1)");
  CLI11_PARSE(app, argc, argv);
  try {
    rle::run(options);
  } catch (const rle::Error& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return rle::exit_code(error.code());
  } catch (const std::exception& error) {
    fmt::print(stderr, "error: {}\n", error.what());
    return 1;
  }
  return 0;
}
