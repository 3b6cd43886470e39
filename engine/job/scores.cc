#include "job/scores.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "job/inspect.h"

namespace rle {
namespace {

using Json = nlohmann::ordered_json;

const std::optional<LabelTable>& labels_of(const Dataset& dataset, const std::string& split) {
  return split == "train" ? dataset.train : split == "validation" ? dataset.validation : dataset.test;
}

// Baselines from training labels, and from validation labels too where they come before the split.
std::vector<BaselineResult> baselines_of(const Dataset& dataset, const std::string& split,
                                         const LabelTable& target) {
  std::vector<BaselineResult> out;
  if (!dataset.train || !dataset.train->labelled) return out;
  const auto add = [&](const std::vector<const LabelTable*>& history) {
    for (BaselineResult& result : evaluate_baselines(dataset.task, dataset.encoding, history, target)) {
      const auto same = [&](const BaselineResult& known) {
        return known.name == result.name && known.labels == result.labels;
      };
      if (std::none_of(out.begin(), out.end(), same)) out.push_back(std::move(result));
    }
  };
  add({&*dataset.train});
  if (split == "test" && dataset.validation && dataset.validation->labelled)
    add({&*dataset.train, &*dataset.validation});
  return out;
}

const BaselineResult* best_baseline(const SplitScore& score) {
  const BaselineResult* best = nullptr;
  const bool higher = higher_is_better(score.metric);
  for (const BaselineResult& baseline : score.baselines) {
    const double value = metric_of(baseline.metrics, score.metric);
    if (std::isnan(value)) continue;
    if (best == nullptr) {
      best = &baseline;
      continue;
    }
    const double so_far = metric_of(best->metrics, score.metric);
    if (higher ? value > so_far : value < so_far) best = &baseline;
  }
  return best;
}

std::string name_of(const BaselineResult& baseline) {
  return fmt::format("{}, {} labels", baseline.name, baseline.labels);
}

enum class Verdict { kNone, kModel, kEqual, kBaseline };

Verdict verdict_of(const SplitScore& score) {
  const BaselineResult* best = best_baseline(score);
  const double model = metric_of(score.metrics, score.metric);
  if (best == nullptr || std::isnan(model)) return Verdict::kNone;
  const double value = metric_of(best->metrics, score.metric);
  if (model == value) return Verdict::kEqual;
  return (higher_is_better(score.metric) ? model > value : model < value) ? Verdict::kModel
                                                                          : Verdict::kBaseline;
}

std::string verdict_text(const SplitScore& score) {
  const Verdict verdict = verdict_of(score);
  if (verdict == Verdict::kNone) return "";
  const BaselineResult& best = *best_baseline(score);
  const std::string figures = fmt::format("{} {:.4f} against {:.4f} of the best baseline ({})", score.metric,
                                          metric_of(score.metrics, score.metric),
                                          metric_of(best.metrics, score.metric), name_of(best));
  switch (verdict) {
    case Verdict::kModel:
      return fmt::format("  The model is better than every baseline: {}.\n", figures);
    case Verdict::kEqual:
      return fmt::format("  The model is as good as a baseline: {}.\n", figures);
    default:
      return fmt::format("  A BASELINE WINS here: the model has {}.\n", figures);
  }
}

std::string score_text(const SplitScore& score) {
  constexpr size_t kColumn = 9;
  size_t width = 5;
  for (const BaselineResult& baseline : score.baselines) width = std::max(width, name_of(baseline).size());
  std::string out = fmt::format("{} ({} rows", score.split, grouped(score.rows));
  if (score.left_out > 0) out += fmt::format(", {} without a usable label left out", grouped(score.left_out));
  out += fmt::format(")\n  {:<{}}", "", width);
  for (const MetricValue& metric : score.metrics)
    out += fmt::format("  {:>{}}", metric.name, std::max(kColumn, metric.name.size()));
  const auto row = [&](const std::string& name, const std::vector<MetricValue>& metrics) {
    out += fmt::format("\n  {:<{}}", name, width);
    for (const MetricValue& column : score.metrics) {
      const double value = metric_of(metrics, column.name);
      const std::string text = std::isnan(value) ? "-" : fmt::format("{:.4f}", value);
      out += fmt::format("  {:>{}}", text, std::max(kColumn, column.name.size()));
    }
  };
  row("model", score.metrics);
  for (const BaselineResult& baseline : score.baselines) row(name_of(baseline), baseline.metrics);
  return out.append("\n").append(verdict_text(score));
}

Json score_json(const SplitScore& score) {
  Json out{{"split", score.split},
           {"rows", score.rows},
           {"left_out", score.left_out},
           {"metric", score.metric},
           {"metrics", metrics_json(score.metrics)},
           {"baselines", baselines_json(score.baselines)}};
  const Verdict verdict = verdict_of(score);
  if (verdict != Verdict::kNone)
    out["winner"] = verdict == Verdict::kModel ? "model" : verdict == Verdict::kEqual ? "equal" : "baseline";
  return out;
}

}  // namespace

double metric_of(const std::vector<MetricValue>& metrics, const std::string& name) {
  for (const MetricValue& metric : metrics)
    if (metric.name == name) return metric.value;
  return std::numeric_limits<double>::quiet_NaN();
}

Json metrics_json(const std::vector<MetricValue>& metrics) {
  Json out = Json::object();
  for (const MetricValue& metric : metrics)
    out[metric.name] = std::isfinite(metric.value) ? Json(metric.value) : Json(nullptr);
  return out;
}

Json baselines_json(const std::vector<BaselineResult>& baselines) {
  Json out = Json::array();
  for (const BaselineResult& baseline : baselines)
    out.push_back(
        {{"name", baseline.name}, {"labels", baseline.labels}, {"metrics", metrics_json(baseline.metrics)}});
  return out;
}

std::vector<SplitScore> score_splits(RelationalModel& model, const Dataset& dataset,
                                     const std::string& metric, const ScoreOptions& options,
                                     const std::vector<std::string>& wanted, ThreadPool& pool) {
  std::vector<SplitScore> scores;
  for (const std::string& split : wanted) {
    const std::optional<LabelTable>& labels = labels_of(dataset, split);
    if (!labels || !labels->labelled) continue;
    const Evaluation evaluation = evaluate(model, dataset, *labels, options, pool);
    SplitScore score{split, evaluation.rows, evaluation.left_out, metric, evaluation.metrics, {}};
    score.windows_unknown = dataset.task.time_column && !dataset.task.horizon_us;
    score.baselines = baselines_of(dataset, split, *labels);
    scores.push_back(std::move(score));
  }
  return scores;
}

std::string scores_text(const std::vector<SplitScore>& scores) {
  std::string out;
  for (const SplitScore& score : scores) out.append(out.empty() ? "" : "\n").append(score_text(score));
  const auto unknown = [](const SplitScore& score) { return score.windows_unknown; };
  if (std::any_of(scores.begin(), scores.end(), unknown))
    out +=
        "\nThe task has no horizon, so when a label becomes known is unknown: the baselines use training "
        "labels "
        "earlier than the whole split, and those may tell of times within it. Set task.horizon.\n";
  return out;
}

Json scores_json(const std::vector<SplitScore>& scores) {
  Json out = Json::array();
  for (const SplitScore& score : scores) out.push_back(score_json(score));
  return out;
}

}  // namespace rle
