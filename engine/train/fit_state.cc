#include "train/fit_state.h"

#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "nn/safetensors.h"

namespace rle {
namespace {
using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr const char* kFormat = "gnn-rle training state 1";
constexpr const char *kParameters = "parameters", *kFirst = "first_moments", *kSecond = "second_moments",
                     *kBest = "best_parameters";

// Decimal text knows neither infinity nor NaN.
uint64_t bits_of(double value) { return std::bit_cast<uint64_t>(value); }
double double_of(const Json& json) { return std::bit_cast<double>(json.get<uint64_t>()); }

Json metrics_json(const std::vector<MetricValue>& metrics) {
  Json out = Json::array();
  for (const MetricValue& metric : metrics)
    out.push_back({{"name", metric.name}, {"value", bits_of(metric.value)}});
  return out;
}

std::vector<MetricValue> metrics_of(const Json& json) {
  std::vector<MetricValue> metrics;
  for (const Json& metric : json) metrics.push_back({metric.at("name"), double_of(metric.at("value"))});
  return metrics;
}

Json epoch_json(const EpochRecord& record) {
  return {{"epoch", record.epoch},
          {"lr", bits_of(record.lr)},
          {"mean_loss", bits_of(record.mean_loss)},
          {"validation", metrics_json(record.validation)},
          {"best", record.best},
          {"seconds", bits_of(record.seconds)},
          {"seeds_per_second", bits_of(record.seeds_per_second)}};
}

EpochRecord epoch_of(const Json& json) {
  EpochRecord record;
  record.epoch = json.at("epoch");
  record.lr = double_of(json.at("lr"));
  record.mean_loss = double_of(json.at("mean_loss"));
  record.validation = metrics_of(json.at("validation"));
  record.best = json.at("best");
  record.seconds = double_of(json.at("seconds"));
  record.seeds_per_second = double_of(json.at("seeds_per_second"));
  return record;
}

std::string description(const FitState& state) {
  Json out = {{"epoch", state.cursor.epoch},
              {"step", state.cursor.step},
              {"loss_sum", bits_of(state.cursor.loss_sum)},
              {"seconds", bits_of(state.cursor.seconds)},
              {"steps", state.adam.steps},
              {"best_epoch", state.best.epoch ? Json(*state.best.epoch) : Json(nullptr)},
              {"best_value", bits_of(state.best.value)},
              {"since_improvement", state.best.since_improvement},
              {"best_metrics", metrics_json(state.best_metrics)},
              {"epochs", Json::array()}};
  for (const EpochRecord& record : state.epochs) out["epochs"].push_back(epoch_json(record));
  return out.dump();
}

void read_description(const std::string& text, FitState& state) {
  const Json json = Json::parse(text);
  state.cursor.epoch = json.at("epoch");
  state.cursor.step = json.at("step");
  state.cursor.loss_sum = double_of(json.at("loss_sum"));
  state.cursor.seconds = double_of(json.at("seconds"));
  state.adam.steps = json.at("steps");
  if (!json.at("best_epoch").is_null()) state.best.epoch = json.at("best_epoch").get<int64_t>();
  state.best.value = double_of(json.at("best_value"));
  state.best.since_improvement = json.at("since_improvement");
  state.best_metrics = metrics_of(json.at("best_metrics"));
  for (const Json& record : json.at("epochs")) state.epochs.push_back(epoch_of(record));
}

TensorView view(const char* name, const std::vector<float>& values) {
  return {name,
          TensorDtype::kF32,
          {static_cast<int64_t>(values.size())},
          values.data(),
          values.size() * sizeof(float)};
}

// nullopt where the file has no such tensor of floats.
std::optional<std::vector<float>> floats(const SafetensorsFile& file, const char* name) {
  const NamedTensor* tensor = file.find(name);
  if (tensor == nullptr || tensor->dtype != TensorDtype::kF32) return std::nullopt;
  std::vector<float> values(tensor->bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
  return values;
}

bool is_consistent(const FitState& state) {
  const size_t size = state.parameters.size();
  return state.adam.first.size() == size && state.adam.second.size() == size && state.adam.steps >= 0 &&
         state.cursor.epoch >= 0 && state.cursor.step >= 0 &&
         static_cast<int64_t>(state.epochs.size()) == state.cursor.epoch &&
         state.best.epoch.has_value() == (state.best_parameters != nullptr) &&
         (!state.best_parameters || state.best_parameters->size() == size);
}

}  // namespace

FileChecksum write_fit_state(const Path& path, const FitState& state) {
  std::vector<TensorView> tensors{view(kParameters, state.parameters), view(kFirst, state.adam.first),
                                  view(kSecond, state.adam.second)};
  if (state.best_parameters) tensors.push_back(view(kBest, *state.best_parameters));
  return write_safetensors(path, {{"format", kFormat}, {"state", description(state)}}, std::move(tensors),
                           FileCache::kPassed);
}

FitState read_fit_state(const Path& path) {
  const SafetensorsFile file = read_safetensors(path);
  const auto damaged = [&](std::string_view what) {
    fail(ErrorCode::kIo, "the training state '{}' is damaged: {}", path.string(), what);
  };
  const auto format = file.metadata.find("format"), text = file.metadata.find("state");
  if (format == file.metadata.end() || format->second != kFormat || text == file.metadata.end())
    damaged("it is not of this format");
  FitState state;
  try {
    read_description(text->second, state);
  } catch (const Json::exception& error) {
    damaged(error.what());
  }
  state.parameters = floats(file, kParameters).value_or(std::vector<float>());
  state.adam.first = floats(file, kFirst).value_or(std::vector<float>());
  state.adam.second = floats(file, kSecond).value_or(std::vector<float>());
  if (auto best = floats(file, kBest))
    state.best_parameters = std::make_shared<const std::vector<float>>(std::move(*best));
  if (!is_consistent(state)) damaged("its parts do not fit together");
  return state;
}

}  // namespace rle
