#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "model/golden_fixture.h"

namespace rle {
namespace {

int64_t channels_of(const ModelDefinition& definition) { return definition.config.channels; }

Aggregation aggregation(const std::string& name) {
  return name == "sum" ? Aggregation::kSum : name == "mean" ? Aggregation::kMean : Aggregation::kMax;
}

Readout readout(const std::string& name) {
  return name == "towers"    ? Readout::kTowers
         : name == "targets" ? Readout::kTargets
         : name == "fusion"  ? Readout::kFusion
                             : Readout::kSeeds;
}

LossKind loss_named(const std::string& name) {
  return name == "l1"                         ? LossKind::kL1
         : name == "cross_entropy"            ? LossKind::kCrossEntropy
         : name == "multilabel_cross_entropy" ? LossKind::kMultilabelCrossEntropy
         : name == "bpr"                      ? LossKind::kBpr
         : name == "fusion"                   ? LossKind::kFusion
                                              : LossKind::kBinaryCrossEntropy;
}

Norm norm(const std::string& name) {
  return name == "batch_norm" ? Norm::kBatch : name == "layer_norm" ? Norm::kLayer : Norm::kInstance;
}

// index of each row among the distinct values of `codes` (-1 stays), and those values.
void distinct_codes(const std::vector<int32_t>& codes, std::vector<int32_t>& index,
                    std::vector<int32_t>& distinct) {
  for (int32_t code : codes) {
    if (code < 0) {
      index.push_back(-1);
      continue;
    }
    const auto found = std::find(distinct.begin(), distinct.end(), code + 1);
    index.push_back(static_cast<int32_t>(found - distinct.begin()));
    if (found == distinct.end()) distinct.push_back(code + 1);
  }
}

}  // namespace

std::string GoldenFixture::folder() { return std::string(RLE_SOURCE_DIR) + "/engine/model/testdata"; }

GoldenFixture::GoldenFixture(const std::string& name) {
  std::ifstream json(folder() + "/" + name + ".json");
  about_ = nlohmann::json::parse(json);
  file_ = read_safetensors(folder() + "/" + name + ".safetensors");
  read_definition();
  read_batch();
  for (size_t t = 0; t < definition_.graph.node_types.size(); ++t) read_features(t);
  add_places();
  read_gradients();
  read_outputs();
}

std::vector<float> GoldenFixture::last_vectors(NodeTypeId type) const {
  return read<float>("out.layer." + std::to_string(definition_.config.gnn_layers - 1) + "." +
                     definition_.graph.node_types[type.index()].name);
}

void GoldenFixture::read_outputs() {
  const bool only_targets = definition_.readout == Readout::kTargets;
  (only_targets ? outputs_.targets : outputs_.seeds) = read<float>("out.head");
  if (definition_.readout == Readout::kFusion) outputs_.targets = read<float>("out.target_head");
  evaluation_outputs_ = module_output("eval.head");
  if (reads_targets(definition_.readout)) target_vectors_ = last_vectors(definition_.target_type);
  if (only_targets) return;
  std::vector<NodeTypeId> types{definition_.entity_type};
  if (definition_.target_type != definition_.entity_type) types.push_back(definition_.target_type);
  for (const NodeTypeId type : types) {
    const int64_t seeds = batch_.nodes[type.index()].hop_end[0];
    if (seeds == 0) continue;
    const std::vector<float> vectors = last_vectors(type);
    seed_vectors_.insert(seed_vectors_.end(), vectors.begin(),
                         vectors.begin() + seeds * definition_.config.channels);
  }
}

template <typename T>
std::vector<T> GoldenFixture::read(const std::string& name) const {
  const NamedTensor* tensor = file_.find(name);
  if (tensor == nullptr) fail(ErrorCode::kInternal, "the fixture has no tensor {}", name);
  std::vector<T> out(tensor->bytes.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), tensor->bytes.data(), tensor->bytes.size());
  return out;
}

void GoldenFixture::read_definition() {
  const nlohmann::json& c = about_["config"];
  ModelConfig& config = definition_.config;
  config.channels = c["channels"];
  config.encoder_blocks = c["encoder_blocks"];
  config.dropout = 0;
  config.gnn_layers = c["gnn_layers"];
  config.conv_aggregation = aggregation(c["conv_aggregation"]);
  config.hetero_conv_aggregation = aggregation(c["hetero_conv_aggregation"]);
  config.gnn_norm = norm(c["gnn_norm"]);
  config.head_layers = c["head_layers"];
  config.head_norm = norm(c["head_norm"]);
  config.use_temporal_encoder = c["use_temporal_encoder"];
  config.shallow_embeddings = c["shallow_embeddings"].get<std::vector<std::string>>();
  config.id_awareness = c["id_awareness"];
  definition_.readout = readout(about_["readout"]);
  definition_.outputs = about_["outputs"];
  for (const auto& type : about_["node_types"]) {
    definition_.graph.node_types.push_back({type["name"], type["nodes"], type["has_time"]});
    TableStatistics table{type["name"], {}};
    for (const auto& column : type["columns"]) {
      if (column["name"] == "__const__") continue;
      ColumnStatistics statistics;
      statistics.column = column["name"];
      const std::string stype = column["stype"];
      statistics.dtype = stype == "numerical"     ? Dtype::kFloat
                         : stype == "categorical" ? Dtype::kCategory
                         : stype == "timestamp"   ? Dtype::kDatetime
                         : stype == "embedding"   ? Dtype::kEmbedding
                                                  : Dtype::kMultiCategorical;
      if (column.contains("mean")) statistics.mean = column["mean"];
      if (column.contains("std")) statistics.std = column["std"];
      if (column.contains("categories")) statistics.vocabulary.resize(column["categories"].get<size_t>());
      if (column.contains("dimension")) statistics.dimension = column["dimension"];
      if (column.contains("min_year")) statistics.min_year = column["min_year"];
      table.columns.push_back(statistics);
    }
    definition_.statistics.push_back(table);
  }
  for (const auto& edge : about_["edge_types"])
    definition_.graph.edge_types.push_back(
        {edge["name"], definition_.graph.find_node_type(edge["source"].get<std::string>()),
         definition_.graph.find_node_type(edge["target"].get<std::string>()), 0, 0, 0});
  definition_.entity_type = definition_.graph.find_node_type(about_["entity"].get<std::string>());
  definition_.target_type = definition_.entity_type;
  if (about_.contains("target"))
    definition_.target_type = definition_.graph.find_node_type(about_["target"].get<std::string>());
  loss_ = loss_named(about_["loss"]["kind"]);
}

void GoldenFixture::read_batch() {
  batch_.seeds = about_["seeds"];
  for (const NodeTypeInfo& type : definition_.graph.node_types) {
    const std::string prefix = "node." + type.name + ".";
    NodeBlock block;
    block.row = read<int32_t>(prefix + "row");
    block.seed = read<int32_t>(prefix + "seed");
    block.hop_end = read<int64_t>(prefix + "hop_end");
    for (int64_t id : read<int64_t>(prefix + "distinct")) block.distinct.push_back(static_cast<NodeId>(id));
    if (type.has_time) {
      block.delta = read<int32_t>(prefix + "delta");
      block.delta_s = read<int64_t>(prefix + "delta_s");
    }
    batch_.nodes.push_back(std::move(block));
  }
  for (const EdgeTypeInfo& edge : definition_.graph.edge_types) {
    const std::string prefix = "edge." + definition_.graph.node_types[edge.source.index()].name + "." +
                               edge.name + "." + definition_.graph.node_types[edge.target.index()].name + ".";
    batch_.edges.push_back({read<int32_t>(prefix + "offsets"), read<int32_t>(prefix + "source")});
  }
  read_labels();
}

void GoldenFixture::read_labels() {
  if (loss_ == LossKind::kCrossEntropy) {
    class_ = read<int32_t>("label");
  } else if (!has_towers(definition_.readout)) {
    label_ = read<float>("label");
  } else {
    for (const char* list : {"source", "positive", "negative"})
      pairs_[list] = read<int32_t>(std::string("pairs.") + list);
    if (loss_ != LossKind::kFusion) return;
    for (const char* list : {"seen_offsets", "seen", "seen_positive"})
      pairs_[list] = read<int32_t>(std::string("pairs.") + list);
    log_weight_ = read<float>("pairs.log_weight");
  }
}

LossTargets GoldenFixture::targets() const {
  LossTargets targets;
  targets.label_smoothing = about_["loss"]["label_smoothing"];
  if (loss_ == LossKind::kCrossEntropy)
    targets.class_id = class_.data();
  else if (loss_ == LossKind::kMultilabelCrossEntropy)
    targets.multi_hot = label_.data();
  else
    targets.value = label_.data();
  if (!has_towers(definition_.readout)) return targets;
  LinkPairs& pairs = targets.pairs;
  pairs.count = static_cast<int64_t>(pairs_.at("source").size());
  pairs.source = pairs_.at("source").data();
  pairs.positive = pairs_.at("positive").data();
  pairs.negatives = static_cast<int64_t>(pairs_.at("negative").size()) / pairs.count;
  pairs.negative = pairs_.at("negative").data();
  if (loss_ != LossKind::kFusion) return targets;
  pairs.seen_offsets = pairs_.at("seen_offsets").data();
  pairs.seen = pairs_.at("seen").data();
  pairs.seen_positive = pairs_.at("seen_positive").data();
  pairs.log_weight = log_weight_.data();
  return targets;
}

void GoldenFixture::read_features(size_t type) {
  FeatureRows rows;
  rows.rows = static_cast<int64_t>(batch_.nodes[type].distinct.size());
  const TableStatistics& table = definition_.statistics[type];
  for (size_t c = 0; c < table.columns.size(); ++c) {
    rows.columns.emplace_back();
    read_column(table.table, about_["node_types"][type]["columns"][c], table.columns[c], rows.columns.back());
  }
  features_.push_back(std::move(rows));
}

void GoldenFixture::read_column(const std::string& table, const nlohmann::json& column,
                                const ColumnStatistics& statistics, ColumnRows& rows) const {
  const std::string name = "in." + table + "." + statistics.column;
  if (statistics.dtype == Dtype::kFloat) {
    for (float x : read<float>(name)) {
      rows.numeric.present.push_back(std::isnan(x) ? 0.0f : 1.0f);
      rows.numeric.value.push_back(
          std::isnan(x) ? 0.0f : static_cast<float>((double{x} - statistics.mean) / (statistics.std + 1e-6)));
    }
  } else if (statistics.dtype == Dtype::kCategory) {
    distinct_codes(read<int32_t>(name), rows.category.index, rows.category.distinct);
  } else if (statistics.dtype == Dtype::kMultiCategorical) {
    rows.multi_category.offsets = read<int32_t>(name + ".offsets");
    distinct_codes(read<int32_t>(name + ".values"), rows.multi_category.index, rows.multi_category.distinct);
  } else if (statistics.dtype == Dtype::kEmbedding) {
    rows.embedding.value = read<float>(name);
    for (size_t i = 0; i < rows.embedding.value.size(); i += static_cast<size_t>(statistics.dimension))
      rows.embedding.present.push_back(std::isnan(rows.embedding.value[i]) ? 0.0f : 1.0f);
    for (float& x : rows.embedding.value) x = std::isnan(x) ? 0.0f : x;
  } else {
    const std::vector<int32_t> parts = read<int32_t>(name);
    for (size_t row = 0; row * 7 < parts.size(); ++row) {
      const bool null = parts[row * 7] < 0;
      rows.datetime.index.push_back(static_cast<int32_t>(row));
      for (size_t p = 0; p < 7; ++p) {
        const int part = null ? column["median"][p].get<int>() : parts[row * 7 + p];
        rows.datetime.parts.push_back(static_cast<float>(p == 0 ? part - statistics.min_year : part));
      }
    }
  }
}

// ---- parameters

void GoldenFixture::add_place(const std::string& ours, const std::string& theirs) {
  const NamedTensor* tensor = file_.find("param." + theirs);
  if (tensor == nullptr) return;  // the loss doesn't reach it: any value will do
  places_[ours] = {theirs, 0, static_cast<int64_t>(tensor->bytes.size() / sizeof(float)) / 2, false};
}

void GoldenFixture::add_norm_places(const std::string& ours, const std::string& theirs, Norm kind) {
  const std::string module = theirs + (kind == Norm::kBatch ? ".module" : "");
  add_linear_places(ours, module);
  for (const char* statistic : {".running_mean", ".running_var"})
    if (const NamedTensor* tensor = file_.find("buffer." + module + statistic); tensor != nullptr)
      places_[ours + statistic] = {module + statistic, 0,
                                   static_cast<int64_t>(tensor->bytes.size() / sizeof(float)), false};
}

void GoldenFixture::add_linear_places(const std::string& ours, const std::string& theirs, bool bias) {
  add_place(ours + ".weight", theirs + ".weight");
  if (bias) add_place(ours + ".bias", theirs + ".bias");
}

void GoldenFixture::add_column_places(const std::string& table, const nlohmann::json& column) {
  const int64_t channels = channels_of(definition_);
  const std::string stype = column["stype"], name = column["name"];
  const std::string ours = "encoder." + table + ".columns." + (name == "__const__" ? "__constant__" : name);
  const std::string theirs = "encoder.encoders." + table + ".encoder.encoder_dict." + stype;
  const int64_t index = column["index"];
  if (stype == "numerical") {
    places_[ours + ".weight"] = {theirs + ".weight", index * channels, channels, false};
    places_[ours + ".bias"] = {theirs + ".bias", index * channels, channels, false};
  } else if (stype == "timestamp") {
    places_[ours + ".weight"] = {theirs + ".weight", index * 56 * channels, 56 * channels, false};
    places_[ours + ".bias"] = {theirs + ".bias", index * channels, channels, false};
  } else if (stype == "embedding") {
    add_place(ours + ".weight", theirs + ".weight_list." + std::to_string(index));
    places_[ours + ".bias"] = {theirs + ".biases", index * channels, channels, false};
  } else {
    const bool list = stype == "multicategorical";
    places_[ours + ".embedding"] = {
        list ? theirs + ".embs." + std::to_string(index) + ".weight" : theirs + ".emb.weight",
        (list ? 1 : column["first_row"].get<int64_t>()) * channels,
        column["categories"].get<int64_t>() * channels, true};
  }
}

void GoldenFixture::add_places() {
  for (const auto& type : about_["node_types"]) {
    const std::string table = type["name"], ours = "encoder." + table, theirs = "encoder.encoders." + table;
    for (const auto& column : type["columns"]) add_column_places(table, column);
    for (int64_t b = 0; b < definition_.config.encoder_blocks; ++b)
      for (const char* part : {"lin1", "norm1", "lin2", "norm2", "shortcut"})
        add_linear_places(ours + ".blocks." + std::to_string(b) + "." + part,
                          theirs + ".backbone." + std::to_string(b) + "." + part);
    add_linear_places(ours + ".output.norm", theirs + ".decoder.0");
    add_linear_places(ours + ".output.linear", theirs + ".decoder.2");
    add_linear_places("temporal." + table, "temporal.lin_dict." + table);
    add_place("shallow." + table + ".weight", "shallow." + table + ".weight");
    for (int64_t l = 0; l < definition_.config.gnn_layers; ++l) {
      const std::string layer = std::to_string(l);
      add_norm_places("gnn." + layer + ".norm." + table, "gnn.norms." + layer + "." + table,
                      definition_.config.gnn_norm);
    }
  }
  for (int64_t l = 0; l < definition_.config.gnn_layers; ++l)
    for (const auto& edge : about_["edge_types"]) {
      const std::string source = edge["source"], name = edge["name"], target = edge["target"];
      const std::string ours = "gnn." + std::to_string(l) + "." + source + "." + name + "." + target;
      const std::string theirs =
          "gnn.convs." + std::to_string(l) + ".convs.<" + source + "___" + name + "___" + target + ">";
      add_linear_places(ours + ".neighbour", theirs + ".lin_l");
      add_linear_places(ours + ".root", theirs + ".lin_r", false);
    }
  for (const std::string head : {"head", "target_head"})
    for (int64_t i = 0; i < definition_.config.head_layers; ++i) {
      const std::string layer = std::to_string(i);
      add_linear_places(head + "." + layer, head + ".lins." + layer);
      add_norm_places(head + "." + layer + ".norm", head + ".norms." + layer, definition_.config.head_norm);
    }
  add_place("id_awareness.weight", "id_awareness.weight");
}

std::vector<float> GoldenFixture::take(Half half, const Place& place) const {
  const std::string tensor = (half == Half::kBuffer ? "buffer." : "param.") + place.name;
  if (file_.find(tensor) == nullptr) return {};
  const std::vector<float> all = read<float>(tensor);
  const auto begin =
      all.begin() + place.offset + (half == Half::kGradient ? static_cast<int64_t>(all.size()) / 2 : 0);
  std::vector<float> out;
  if (place.embedding) out.assign(static_cast<size_t>(channels_of(definition_)), 0.0f);
  out.insert(out.end(), begin, begin + place.size);
  return out;
}

std::vector<float> GoldenFixture::module_output(const std::string& name) const {
  return file_.find(name) == nullptr ? std::vector<float>{} : read<float>(name);
}

bool GoldenFixture::has_parameter(const std::string& name) const {
  const auto place = places_.find(name);
  return place != places_.end() && file_.find("param." + place->second.name) != nullptr;
}

void GoldenFixture::set_parameters(ParameterStore& store) const {
  for (const ParameterStore::Entry& entry : store.entries()) {
    const auto place = places_.find(entry.name);
    if (place == places_.end()) continue;
    const std::vector<float> values = take(entry.trained ? Half::kValue : Half::kBuffer, place->second);
    if (values.empty()) continue;
    RLE_CHECK(static_cast<int64_t>(values.size()) == entry.size);
    std::copy(values.begin(), values.end(), store.values().begin() + entry.offset);
  }
}

void GoldenFixture::read_gradients() {
  for (const auto& [ours, place] : places_) {
    std::vector<float> gradient = take(Half::kGradient, place);
    if (gradient.empty()) continue;
    if (std::any_of(about_["zero_gradient"].begin(), about_["zero_gradient"].end(),
                    [&](const auto& name) { return name == place.name; }) ||
        std::all_of(gradient.begin(), gradient.end(), [](float g) { return g == 0.0f; }))
      zero_gradient_.insert(ours);
    gradients_[ours] = std::move(gradient);
  }
}

}  // namespace rle
