// The config section: one row of a table for each key.
#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/memory.h"
#include "base/time.h"
#include "job/spec_sections.h"

namespace rle {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr NumberRange kAboveZero{0, kInfinity, true, false};
constexpr NumberRange kFromZero{0, kInfinity, false, false};
constexpr NumberRange kAnyNumber{-kInfinity, kInfinity, false, false};

std::optional<int64_t> integer_or_null(const SpecValue& value, int64_t minimum, int64_t maximum) {
  if (value.is_null()) return std::nullopt;
  return integer_of(value, minimum, maximum);
}

std::optional<double> bound_or_null(const SpecValue& value) {
  if (value.is_null()) return std::nullopt;
  return number_of(value, kAnyNumber);
}

Aggregation aggregation_of(const SpecValue& value) {
  constexpr Aggregation kAll[] = {Aggregation::kMean, Aggregation::kMax, Aggregation::kSum};
  return kAll[choice_of(value, {"mean", "max", "sum"})];
}

std::vector<int64_t> fanouts_of(const SpecValue& value) {
  if (value.is_null()) return SamplerConfig().fanouts;
  const char* what = "a list of 1 to 16 whole numbers, one a hop";
  static_assert(kMaxLayers == 16, "as said here");
  const std::vector<SpecValue> items = list_of(value, what);
  if (items.empty() || items.size() > static_cast<size_t>(kMaxLayers)) value.expected(what);
  std::vector<int64_t> out;
  for (const SpecValue& item : items) out.push_back(integer_of(item, 1, kMaxFanout));
  return out;
}

std::vector<std::string> names_of(const SpecValue& value) {
  std::vector<std::string> out;
  for (const SpecValue& item : list_of(value, "a list of table names")) {
    out.push_back(text_of(item, "a table's name"));
    for (size_t i = 0; i + 1 < out.size(); ++i)
      if (out[i] == out.back()) item.refuse(fmt::format("'{}' is named twice", out.back()));
  }
  return out;
}

std::optional<int64_t> time_or_null(const SpecValue& value) {
  if (value.is_null()) return std::nullopt;
  const char* what = "a time such as \"2010-01-01\" or \"2010-01-01 12:30:00\"";
  const std::optional<int64_t> time = parse_time(text_of(value, what));
  if (!time) value.expected(what);
  return time;
}

std::optional<int64_t> bytes_or_null(const SpecValue& value) {
  if (value.is_null()) return std::nullopt;
  const char* what = "a size such as 4GiB or 500MiB";
  const std::optional<int64_t> bytes = parse_bytes(text_of(value, what));
  if (!bytes) value.expected(what);
  if (const std::string problem = too_little_memory(*bytes); !problem.empty()) value.refuse(problem);
  return bytes;
}

struct ConfigKey {
  const char* name;
  void (*read)(const SpecValue& value, JobSpec& spec);
};

constexpr int64_t kMany = std::numeric_limits<int64_t>::max();

const ConfigKey kTrainingKeys[] = {
    {"seed",
     [](const SpecValue& v, JobSpec& s) { s.train.seed = static_cast<uint64_t>(integer_of(v, 0, kMany)); }},
    {"n_epochs", [](const SpecValue& v, JobSpec& s) { s.train.n_epochs = integer_of(v, 1, kMany); }},
    {"max_iters", [](const SpecValue& v, JobSpec& s) { s.train.max_iters = integer_or_null(v, 1, kMany); }},
    {"train_batch_size",
     [](const SpecValue& v, JobSpec& s) { s.train.train_batch_size = integer_of(v, 1, kMaxBatchRows); }},
    {"val_batch_size",
     [](const SpecValue& v, JobSpec& s) { s.train.val_batch_size = integer_of(v, 1, kMaxBatchRows); }},
    {"eval_every", [](const SpecValue& v, JobSpec& s) { s.train.eval_every = integer_of(v, 1, kMany); }},
    {"patience", [](const SpecValue& v, JobSpec& s) { s.train.patience = integer_or_null(v, 1, kMany); }},
    {"lr", [](const SpecValue& v, JobSpec& s) { s.train.lr = number_of(v, kAboveZero); }},
    {"weight_decay", [](const SpecValue& v, JobSpec& s) { s.train.weight_decay = number_of(v, kFromZero); }},
    {"lr_schedule",
     [](const SpecValue& v, JobSpec& s) {
       s.train.lr_schedule =
           choice_of(v, {"cosine", "constant"}) == 0 ? LrSchedule::kCosine : LrSchedule::kConstant;
     }},
    {"T_max", [](const SpecValue& v, JobSpec& s) { s.train.t_max = integer_or_null(v, 1, kMany); }},
    {"eta_min", [](const SpecValue& v, JobSpec& s) { s.train.eta_min = number_of(v, kFromZero); }},
    {"label_smoothing", [](const SpecValue& v, JobSpec& s) { s.train.label_smoothing = boolean_of(v); }},
    {"label_smoothing_alpha",
     [](const SpecValue& v, JobSpec& s) {
       s.train.label_smoothing_alpha = number_of(v, {0, 1, true, true});
     }},
    {"num_negative",
     [](const SpecValue& v, JobSpec& s) { s.train.num_negative = integer_of(v, 1, kMaxNegatives); }},
    {"negative_sampling_strategy",
     [](const SpecValue& v, JobSpec& s) {
       s.train.negative_sampling = choice_of(v, {"random", "degree_based"}) == 0
                                       ? NegativeSampling::kRandom
                                       : NegativeSampling::kDegreeBased;
     }},
};

const ConfigKey kModelKeys[] = {
    {"channels",
     [](const SpecValue& v, JobSpec& s) {
       const int64_t channels = integer_or_null(v, 2, kMaxChannels).value_or(ModelConfig().channels);
       if (channels % 2 != 0) v.expected("an even number");
       s.train.model.channels = channels;
     }},
    {"encoder_blocks",
     [](const SpecValue& v, JobSpec& s) { s.train.model.encoder_blocks = integer_of(v, 0, kMaxLayers); }},
    {"dropout",
     [](const SpecValue& v, JobSpec& s) {
       s.train.model.dropout = number_of(v, {0, 1, false, true});
     }},
    {"gnn_layers",
     [](const SpecValue& v, JobSpec& s) {
       s.train.model.gnn_layers = integer_or_null(v, 1, kMaxLayers).value_or(0);
     }},
    {"fanouts", [](const SpecValue& v, JobSpec& s) { s.train.sampler.fanouts = fanouts_of(v); }},
    {"conv_aggregation",
     [](const SpecValue& v, JobSpec& s) { s.train.model.conv_aggregation = aggregation_of(v); }},
    {"hetero_conv_aggregation",
     [](const SpecValue& v, JobSpec& s) { s.train.model.hetero_conv_aggregation = aggregation_of(v); }},
    {"gnn_norm",
     [](const SpecValue& v, JobSpec& s) {
       constexpr Norm kAll[] = {Norm::kBatch, Norm::kLayer, Norm::kInstance};
       s.train.model.gnn_norm = kAll[choice_of(v, {"batch_norm", "layer_norm", "instance_norm"})];
     }},
    {"head_layers",
     [](const SpecValue& v, JobSpec& s) {
       s.train.model.head_layers = integer_or_null(v, 1, kMaxLayers).value_or(ModelConfig().head_layers);
     }},
    {"head_norm",
     [](const SpecValue& v, JobSpec& s) {
       s.train.model.head_norm =
           choice_of(v, {"batch_norm", "layer_norm"}) == 0 ? Norm::kBatch : Norm::kLayer;
     }},
    {"use_temporal_encoder",
     [](const SpecValue& v, JobSpec& s) { s.train.model.use_temporal_encoder = boolean_of(v); }},
    {"temporal_strategy",
     [](const SpecValue& v, JobSpec& s) {
       s.train.sampler.strategy =
           choice_of(v, {"uniform", "last"}) == 0 ? TemporalStrategy::kUniform : TemporalStrategy::kLast;
     }},
    {"subgraph_type",
     [](const SpecValue& v, JobSpec& s) {
       if (!v.is_null()) s.train.sampler.bidirectional = choice_of(v, {"directional", "bidirectional"}) == 1;
     }},
    {"shallow_embeddings_list",
     [](const SpecValue& v, JobSpec& s) { s.train.model.shallow_embeddings = names_of(v); }},
    {"id_awareness", [](const SpecValue& v, JobSpec& s) { s.train.model.id_awareness = boolean_of(v); }},
    {"link_fusion", [](const SpecValue& v, JobSpec& s) { s.train.model.link_fusion = boolean_of(v); }},
    {"visible_until", [](const SpecValue& v, JobSpec& s) { s.visible_until_us = time_or_null(v); }},
    {"inference",
     [](const SpecValue& v, JobSpec& s) {
       s.inference =
           choice_of(v, {"sampled", "exact"}) == 0 ? InferenceMode::kSampled : InferenceMode::kExact;
     }},
    {"precision",
     [](const SpecValue& v, JobSpec& s) {
       s.train.model.precision = choice_of(v, {"fp32", "bf16"}) == 0 ? Precision::kFp32 : Precision::kBf16;
       s.precision_is_set = true;
     }},
    {"checkpoint_every_steps",
     [](const SpecValue& v, JobSpec& s) { s.checkpoint.every_steps = integer_of(v, 0, kMany); }},
    {"checkpoint_every_seconds",
     [](const SpecValue& v, JobSpec& s) { s.checkpoint.every_seconds = number_of(v, kFromZero); }},
    {"memory_limit", [](const SpecValue& v, JobSpec& s) { s.memory_limit_bytes = bytes_or_null(v); }},
    {"device",
     [](const SpecValue& v, JobSpec& s) {
       if (v.is_null()) return;
       s.device = choice_of(v, {"cpu", "cuda"}) == 0 ? Device::kCpu : Device::kCuda;
     }},
    {"threads", [](const SpecValue& v,
                   JobSpec& s) { s.threads = static_cast<int>(integer_or_null(v, 1, 1024).value_or(0)); }},
};

// Keys whose part is not built: their default only.
struct FixedKey {
  const char* name;
  const char* value;  // a text
  const char* missing;
};

const FixedKey kFixedKeys[] = {
    {"text_embedder", "model2vec-potion-base-4M",
     "text embedding is not built yet, and text columns are left out"},
};

void check_fixed(const SpecValue& value, const FixedKey& key) {
  if (value.node->kind == SpecNode::Kind::kText && value.node->text == key.value) return;
  value.refuse(
      fmt::format("only {} is accepted, found {}: {}", key.value, value.node->describe(), key.missing));
}

void apply_preset(Preset preset, TrainConfig& train) {
  if (preset != Preset::kRelbench) return;
  train.n_epochs = 10;
  train.train_batch_size = train.val_batch_size = 512;
  train.patience.reset();
  train.lr = 0.005;
  train.lr_schedule = LrSchedule::kConstant;
  train.weight_decay = 0;
  train.clamp.use_percentiles = true;
  train.model.conv_aggregation = Aggregation::kSum;
  train.model.encoder_blocks = 4;
}

// A bound that the user sets replaces the percentiles, and the other bound's default.
void read_clamp(const SpecObject& object, Clamp& clamp) {
  const auto minimum = object.find("clamp_min"), maximum = object.find("clamp_max");
  const auto percentiles = object.find("clamp_percentiles");
  if (percentiles) {
    clamp.use_percentiles = boolean_of(*percentiles);
    if (clamp.use_percentiles && (minimum || maximum))
      percentiles->refuse("clamp_min or clamp_max is set as well; keep one of the two ways");
  }
  if (!minimum && !maximum) return;
  clamp.user_set = true;
  clamp.use_percentiles = false;
  clamp.minimum = minimum ? bound_or_null(*minimum) : std::nullopt;
  clamp.maximum = maximum ? bound_or_null(*maximum) : std::nullopt;
  if (clamp.minimum && clamp.maximum && *clamp.minimum >= *clamp.maximum)
    minimum->refuse(fmt::format("clamp_min {} is not below clamp_max {}", *clamp.minimum, *clamp.maximum));
}

std::vector<std::string> config_keys() {
  std::vector<std::string> keys{"preset", "clamp_min", "clamp_max", "clamp_percentiles"};
  for (const ConfigKey& key : kTrainingKeys) keys.emplace_back(key.name);
  for (const ConfigKey& key : kModelKeys) keys.emplace_back(key.name);
  for (const FixedKey& key : kFixedKeys) keys.emplace_back(key.name);
  return keys;
}

}  // namespace

void refuse_misplaced_config(const SpecNode& document) {
  const std::vector<std::string> keys = config_keys();
  for (const auto& [name, child] : document.members)
    if (std::find(keys.begin(), keys.end(), name) != keys.end())
      SpecValue{&child, name}.refuse(fmt::format("unknown key; did you mean 'config.{}'?", name));
}

void read_config(const SpecValue& value, JobSpec& spec) {
  const SpecObject object(value, config_keys());
  if (const auto preset = object.find("preset"))
    spec.preset = choice_of(*preset, {"sdk", "relbench"}) == 0 ? Preset::kSdk : Preset::kRelbench;
  apply_preset(spec.preset, spec.train);
  spec.train.model.gnn_layers = 0;
  for (const ConfigKey& key : kTrainingKeys)
    if (const auto found = object.find(key.name)) key.read(*found, spec);
  for (const ConfigKey& key : kModelKeys)
    if (const auto found = object.find(key.name)) key.read(*found, spec);
  for (const FixedKey& key : kFixedKeys)
    if (const auto found = object.find(key.name)) check_fixed(*found, key);
  read_clamp(object, spec.train.clamp);
  if (spec.train.model.gnn_layers == 0)
    spec.train.model.gnn_layers = static_cast<int64_t>(spec.train.sampler.fanouts.size());
}

}  // namespace rle
