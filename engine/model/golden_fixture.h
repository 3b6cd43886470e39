// Reads one fixture of tools/golden and turns the reference's names and layouts into ours. For tests only.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "model/relational_model.h"
#include "nn/safetensors.h"

namespace rle {

class GoldenFixture {
 public:
  static std::string folder();
  explicit GoldenFixture(const std::string& name);

  const ModelDefinition& definition() const { return definition_; }
  ModelInput input() const { return {&batch_, &features_}; }
  LossKind loss() const { return loss_; }
  LossTargets targets() const;
  double loss_value() const { return about_["loss"]["value"].get<double>(); }

  void set_parameters(ParameterStore& store) const;
  const std::map<std::string, std::vector<float>>& gradients() const { return gradients_; }  // by our names
  bool is_zero_gradient(const std::string& name) const { return zero_gradient_.count(name) > 0; }
  const ModelOutputs& outputs() const { return outputs_; }
  const std::vector<float>& evaluation_outputs() const { return evaluation_outputs_; }
  // What the heads read: (seeds, channels), (nodes of the target type, channels); empty where none does.
  const std::vector<float>& seed_vectors() const { return seed_vectors_; }
  const std::vector<float>& target_vectors() const { return target_vectors_; }

  // A module's output as stored ("out.encoder.drivers"); empty where the fixture has none.
  std::vector<float> module_output(const std::string& name) const;
  // Whether the fixture has a value for this parameter of ours (the loss reaches it).
  bool has_parameter(const std::string& name) const;

 private:
  // Where a parameter of ours lies in a tensor of the reference: rows [begin, end) of `name`, each row_size
  // values.
  struct Place {
    std::string name;
    int64_t offset = 0, size = 0;  // in values
    bool embedding = false;        // row 0 is the shared null row, the others follow at offset
  };

  template <typename T>
  std::vector<T> read(const std::string& name) const;
  void read_definition();
  void read_batch();
  void read_labels();
  void read_outputs();
  std::vector<float> last_vectors(NodeTypeId type) const;
  void read_features(size_t type);
  void read_column(const std::string& table, const nlohmann::json& column, const ColumnStatistics& statistics,
                   ColumnRows& rows) const;
  void add_places();
  void add_column_places(const std::string& table, const nlohmann::json& column);
  void add_linear_places(const std::string& ours, const std::string& theirs, bool bias = true);
  void add_norm_places(const std::string& ours, const std::string& theirs, Norm kind);
  void add_place(const std::string& ours, const std::string& theirs);
  enum class Half { kValue, kGradient, kBuffer };  // of a parameter's tensor; a buffer's is whole
  std::vector<float> take(Half half, const Place& place) const;
  void read_gradients();

  nlohmann::json about_;
  SafetensorsFile file_;
  ModelDefinition definition_;
  Batch batch_;
  std::vector<FeatureRows> features_;
  LossKind loss_ = LossKind::kL1;
  std::vector<float> label_, evaluation_outputs_, seed_vectors_, target_vectors_;
  std::vector<int32_t> class_;
  std::map<std::string, std::vector<int32_t>> pairs_;  // lists of a LinkPairs, by name
  std::vector<float> log_weight_;
  ModelOutputs outputs_;
  std::map<std::string, Place> places_;  // by our names
  std::map<std::string, std::vector<float>> gradients_;
  std::set<std::string> zero_gradient_;
};

}  // namespace rle
