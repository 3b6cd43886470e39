// What keys say together: an option that would change nothing is refused where the user set it, or told.
// Defaults and presets say nothing.
#include <algorithm>

#include "base/error.h"
#include "job/same_source.h"
#include "job/spec_sections.h"
#include "train/dataset.h"

namespace rle {
namespace {

// A section's key where it is written, null or not.
std::optional<SpecValue> given(const SpecObject& root, std::string_view section, std::string_view key) {
  const std::optional<SpecValue> found = root.find(section);
  const SpecNode* node = found ? found->node->find(key) : nullptr;
  if (node == nullptr) return std::nullopt;
  return SpecValue{node, fmt::format("{}.{}", section, key)};
}

bool is_true(const std::optional<SpecValue>& value) { return value && value->node->boolean; }

bool is_set(const std::optional<SpecValue>& value) { return value && !value->is_null(); }

void check_schedule(const SpecObject& root, const TrainConfig& train) {
  const auto minimum = given(root, "config", "eta_min"), period = given(root, "config", "T_max");
  if (train.lr_schedule == LrSchedule::kConstant) {
    const bool by_preset = !given(root, "config", "lr_schedule");
    const std::string why = fmt::format(
        "it is of the cosine, and lr_schedule is constant{}; take it out, or set lr_schedule to cosine",
        by_preset ? " (preset relbench)" : "");
    if (is_set(period)) period->refuse(why);
    if (minimum) minimum->refuse(why);
    return;
  }
  if (train.eta_min <= train.lr) return;
  if (minimum)
    minimum->refuse(fmt::format("{} is above lr ({}), so the learning rate would rise; set it lower",
                                train.eta_min, train.lr));
  given(root, "config", "lr")
      ->refuse(fmt::format(
          "{} is below eta_min ({}, its default), so the learning rate would rise; set eta_min as well",
          train.lr, train.eta_min));
}

void check_loss(const SpecObject& root, const JobSpec& spec) {
  const auto smoothing = given(root, "config", "label_smoothing");
  const auto alpha = given(root, "config", "label_smoothing_alpha");
  const bool bounded = !spec.task || spec.task->type == TaskType::kRegression;
  if (spec.task && (bounded || is_link(spec.task->type)) && is_true(smoothing))
    smoothing->refuse(
        fmt::format("a {} has no classes to smooth; set it to false", to_string(spec.task->type)));
  if (alpha && !spec.train.label_smoothing)
    alpha->refuse(
        "label_smoothing is false, so it would not be used; set label_smoothing to true, or take it out");
  if (bounded) return;
  const std::string why = fmt::format("it bounds a regression's outputs, and the task is a {}; take it out",
                                      to_string(spec.task->type));
  for (const char* key : {"clamp_min", "clamp_max"})
    if (const auto bound = given(root, "config", key); is_set(bound)) bound->refuse(why);
  if (const auto percentiles = given(root, "config", "clamp_percentiles"); is_true(percentiles))
    percentiles->refuse(why);
}

// Only a link_prediction draws negatives, and only it has two towers to fuse with.
void check_links(const SpecObject& root, const JobSpec& spec) {
  if (!spec.task || spec.task->type == TaskType::kLinkPrediction) return;
  const std::string why =
      fmt::format("it is of link_prediction, and the task is a {}; take it out", to_string(spec.task->type));
  const TrainConfig plain;
  const auto refuse = [&](const char* key, bool changed) {
    if (const auto found = given(root, "config", key); found && changed) found->refuse(why);
  };
  refuse("num_negative", spec.train.num_negative != plain.num_negative);
  refuse("negative_sampling_strategy", spec.train.negative_sampling != plain.negative_sampling);
  refuse("link_fusion", spec.train.model.link_fusion);
}

// What only a seed's own subgraph has: nullptr, or the option or task type that asks for it.
const char* needs_own_subgraph(const JobSpec& spec) {
  if (spec.train.model.id_awareness) return "id_awareness marks the seed";
  if (spec.train.model.link_fusion) return "link_fusion scores what is in it";
  if (spec.task && spec.task->type == TaskType::kRepeatedLinkPrediction)
    return "a repeated_link_prediction scores what is in it";
  return nullptr;
}

// Targets that are scored in a seed's own subgraph have to hear of the seed, wherever they lie in it.
void default_subgraph_type(const SpecObject& root, JobSpec& spec) {
  if (is_set(given(root, "config", "subgraph_type"))) return;
  spec.train.sampler.bidirectional =
      spec.task && reads_targets(readout_of(spec.task->type, spec.train.model));
}

void check_model(const SpecObject& root, JobSpec& spec) {
  const ModelConfig& model = spec.train.model;
  const auto dropout = given(root, "config", "dropout");
  if (dropout && model.dropout > 0 && model.encoder_blocks == 0)
    dropout->refuse("it is inside the residual blocks, and encoder_blocks is 0; set one of the two");
  if (given(root, "config", "head_norm") && model.head_layers == 1)
    spec.warnings.emplace_back(
        "config.head_norm is not used: a head of one layer (config.head_layers) is one linear map");
  const size_t hops = spec.train.sampler.fanouts.size(), layers = static_cast<size_t>(model.gnn_layers);
  if (layers < hops && model.gnn_norm == Norm::kLayer && !spec.train.sampler.bidirectional)
    spec.warnings.push_back(
        fmt::format("config.gnn_layers is {} and config.fanouts has {} hops: the last {} are sampled and not "
                    "used; give as many layers as hops",
                    layers, hops, hops - layers));
  if (const auto inference = given(root, "config", "inference");
      inference && spec.inference == InferenceMode::kExact && model.gnn_norm == Norm::kInstance)
    inference->refuse(
        "exact inference has one subgraph for all seeds, and gnn_norm is instance_norm, which is over each "
        "seed's own; use sampled");
  if (const auto inference = given(root, "config", "inference");
      inference && spec.inference == InferenceMode::kExact && needs_own_subgraph(spec) != nullptr)
    inference->refuse(fmt::format("exact inference has one subgraph for all seeds, and {}; use sampled",
                                  needs_own_subgraph(spec)));
  if (model.gnn_norm == Norm::kInstance)
    spec.warnings.push_back(fmt::format(
        "config.gnn_norm is instance_norm: a table with one row in a seed's subgraph, such as the entity's "
        "own{}, becomes constant under it; layer_norm has no such limit",
        spec.task ? fmt::format(" ('{}')", spec.task->entity_table) : ""));
}

void check_shallow(const SpecObject& root, const JobSpec& spec) {
  const auto shallow = given(root, "config", "shallow_embeddings_list");
  if (!shallow) return;
  for (size_t i = 0; i < spec.train.model.shallow_embeddings.size(); ++i) {
    const std::string& name = spec.train.model.shallow_embeddings[i];
    const SpecValue where{&shallow->node->items[i], fmt::format("{}[{}]", shallow->path, i)};
    const TableSchema* table = spec.find_table(name);
    if (table == nullptr)
      where.refuse(fmt::format("there is no table '{}'{}", name, suggestion(name, spec.table_names())));
    if (table->type == TableType::kEdge)
      where.refuse(fmt::format("'{}' is a table of type edge: it has no nodes", name));
    if (!table->primary_key)
      where.refuse(
          fmt::format("table '{}' has no primary key, by which a row's embedding is found again; declare its "
                      "primary_key, "
                      "or take it out of the list",
                      name));
  }
}

void check_timeless(const SpecObject& root, const JobSpec& spec) {
  const auto timed = [](const TableSchema& table) { return table.time_column.has_value(); };
  const auto until = given(root, "config", "visible_until");
  if (is_set(until) && std::none_of(spec.tables.begin(), spec.tables.end(), timed))
    until->refuse("no table has a time_column, so no row is later than any time; take it out");
  if (!spec.task || spec.task->time_column) return;
  const std::string why = "the task has no time_column, so it would change nothing; take it out";
  if (const auto encoder = given(root, "config", "use_temporal_encoder"); is_true(encoder))
    encoder->refuse(why);
  if (const auto strategy = given(root, "config", "temporal_strategy");
      strategy && spec.train.sampler.strategy == TemporalStrategy::kLast)
    strategy->refuse(why);
  for (const char* key : {"current_time", "horizon"})
    if (const auto found = given(root, "task", key)) found->refuse(why);
}

void check_output(const SpecObject& root, const JobSpec& spec) {
  if (const auto flatten = given(root, "output", "flatten"); is_true(flatten) && !predicts_lists(spec))
    flatten->refuse(fmt::format("a {} has one number a row, so there is nothing to flatten; take it out",
                                to_string(spec.task->type)));
}

void note_equal_splits(JobSpec& spec) {
  const TaskSpec& task = *spec.task;
  const auto compare = [&](const char* earlier, const std::optional<std::string>& a, const char* later,
                           const std::optional<std::string>& b, const char* meaning) {
    if (a && b && same_source(*a, *b, spec.base_folder))
      spec.warnings.push_back(
          fmt::format("task.{} and task.{} are the same source ({}): {}", later, earlier, *b, meaning));
  };
  compare(
      "train", task.train, "validation", task.validation,
      "the best epoch is chosen on what the model was trained on, so the validation metrics are too good");
  compare("train", task.train, "test", task.test,
          "the model is tested on what it was trained on, so the test metrics are too good");
  compare("validation", task.validation, "test", task.test,
          "the best epoch is chosen on what it is tested on, so the test metrics are too good");
}

}  // namespace

bool predicts_lists(const JobSpec& spec) {
  return !spec.task || spec.task->type == TaskType::kMulticlass || spec.task->type == TaskType::kMultilabel ||
         is_link(spec.task->type);
}

void check_rules(const SpecObject& root, JobSpec& spec) {
  default_subgraph_type(root, spec);
  check_schedule(root, spec.train);
  check_loss(root, spec);
  check_links(root, spec);
  check_model(root, spec);
  check_shallow(root, spec);
  check_timeless(root, spec);
  check_output(root, spec);
  if (spec.task) note_equal_splits(spec);
}

}  // namespace rle
