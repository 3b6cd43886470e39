// A trained model as a file: safetensors with the parameters, the vocabularies and the keys of shallow
// embeddings, and a JSON description of all else that inference needs. No paths, no thread counts, no wall
// times: the same training gives the same bytes.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/relational_model.h"
#include "nn/safetensors.h"
#include "task/metrics.h"
#include "task/task.h"
#include "train/config.h"
#include "train/outputs.h"
#include "train/shallow_keys.h"
#include "train/signature.h"

namespace rle {

inline constexpr int kCheckpointVersion = 1;
inline constexpr const char* kCheckpointFile = "model.safetensors";

struct NamedParameter {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

struct TrainedModel {
  ModelDefinition definition;  // of the graph's counts only nodes with shallow embeddings are kept
  std::vector<TableSignature> tables;
  std::vector<ShallowKeys> shallow_keys;  // one per table with shallow embeddings
  TaskSpec task;                          // without sources
  LabelEncoding encoding;
  TrainConfig config;
  OutputBounds bounds;
  std::optional<int64_t> last_training_time_us;
  std::optional<int64_t> best_epoch;  // from 1; absent: interrupted before the first evaluation
  std::string metric;                 // that chose it
  std::vector<MetricValue> validation_metrics;
  std::vector<NamedParameter> parameters;  // by name
};

std::vector<NamedParameter> copy_parameters(const ParameterStore& store);

// The model with its parameters. Error{kIo}: a parameter is missing, additional or of another shape than its
// definition asks for.
std::unique_ptr<RelationalModel> restore_model(const TrainedModel& trained);

// Writes folder/model.safetensors atomically; makes the folder where it is missing. Error{kIo}.
void save_model(const std::filesystem::path& folder, const TrainedModel& trained);

// Error{kIo}: no such folder or file, not one of our models, written by a newer version, damaged.
TrainedModel load_model(const std::filesystem::path& folder);

SafetensorsFile to_safetensors(const TrainedModel& trained);
// `name` stands for the file in messages.
TrainedModel from_safetensors(const SafetensorsFile& file, const std::string& name);

}  // namespace rle
