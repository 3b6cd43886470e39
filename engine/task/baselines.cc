#include "task/baselines.h"

#include <algorithm>

#include "task/label_history.h"
#include "task/link_baselines.h"

namespace rle {
namespace {

class Baselines {
 public:
  Baselines(const LabelEncoding& encoding, const LabelHistory& history, const LabelTable& target)
      : encoding_(encoding), history_(history), target_(target) {}

  std::vector<double> global(Figure& figure) const {
    const int64_t outputs = encoding_.outputs();
    std::vector<double> score(static_cast<size_t>(target_.rows * outputs), neutral());
    history_.sweep(figure, [&](int64_t row) { figure.write(score.data() + row * outputs); });
    return score;
  }

  // Where the entity has no label yet the fallback stays.
  std::vector<double> per_entity(Figure& figure, std::vector<double> fallback) const {
    const int64_t outputs = encoding_.outputs();
    history_.sweep_entities(figure, [&](int64_t row) { figure.write(fallback.data() + row * outputs); });
    return fallback;
  }

  BaselineResult result(std::string name, const std::vector<double>& score) const {
    return {std::move(name), history_.splits(),
            compute_metrics(labelled_predictions(encoding_, target_, score))};
  }

 private:
  double neutral() const {
    if (encoding_.type == TaskType::kRegression) return 0.0;
    return encoding_.type == TaskType::kMulticlass ? 1.0 / static_cast<double>(encoding_.outputs()) : 0.5;
  }

  const LabelEncoding& encoding_;
  const LabelHistory& history_;
  const LabelTable& target_;
};

}  // namespace

std::vector<BaselineResult> evaluate_baselines(const TaskSpec& task, const LabelEncoding& encoding,
                                               const std::vector<const LabelTable*>& history,
                                               const LabelTable& target) {
  const bool labelled = target.labelled && std::find(target.has_label.begin(), target.has_label.end(), 1) !=
                                               target.has_label.end();
  if (!labelled) return {};
  const LabelHistory usable(task, history, target);
  if (usable.empty()) return {};
  if (is_link(encoding.type)) return link_baselines(task, usable, target);
  const Baselines baselines(encoding, usable, target);
  const TaskType type = encoding.type;
  MeanFigure mean(type, encoding.outputs()), entity_mean(type, encoding.outputs());
  LastFigure last(type, encoding.outputs());
  std::vector<BaselineResult> results;
  const std::vector<double> prior = baselines.global(mean);
  if (type == TaskType::kRegression) {
    MedianFigure median, entity_median;
    const std::vector<double> middle = baselines.global(median);
    results.push_back(baselines.result("global mean", prior));
    results.push_back(baselines.result("global median", middle));
    results.push_back(baselines.result("entity mean", baselines.per_entity(entity_mean, prior)));
    results.push_back(baselines.result("entity median", baselines.per_entity(entity_median, middle)));
    results.push_back(baselines.result("last label", baselines.per_entity(last, middle)));
    return results;
  }
  const bool multiclass = type == TaskType::kMulticlass;
  results.push_back(baselines.result(multiclass ? "majority" : "prior", prior));
  results.push_back(baselines.result(multiclass ? "entity majority" : "entity mean",
                                     baselines.per_entity(entity_mean, prior)));
  if (type != TaskType::kMultilabel)
    results.push_back(baselines.result("last label", baselines.per_entity(last, prior)));
  return results;
}

}  // namespace rle
