#include "train/checkpoint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "train/test_data.h"

namespace rle {
namespace {
namespace fs = std::filesystem;
using namespace test_data;

class Checkpoint : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("rle_checkpoint_" + test + "_" + std::to_string(getpid()));
    fs::remove_all(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string bytes() {
    std::ifstream in(folder_ / kCheckpointFile, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // Loading after `change` must fail with kIo and say `part`.
  void expect_refused(const std::function<void(SafetensorsFile&)>& change, const std::string& part);
  // The same after one place of the description was changed.
  void expect_refused(const TrainedModel& model, const std::string& where, const nlohmann::json& value,
                      const std::string& part);

  fs::path folder_;
};

// Every field away from its default.
TrainedModel example() {
  const Shop shop = make_shop(6);
  ThreadPool pool(1);
  ReportLines report;
  const Dataset dataset = shop_dataset(shop, shop_task(), pool, report, std::nullopt, {"customers"});
  TrainedModel trained;
  trained.tables = dataset.tables;
  trained.shallow_keys = dataset.shallow_keys;
  trained.tables[0].schema.candidate_keys = {{"email", true}};
  trained.task = dataset.task;
  trained.task.current_time = false;
  trained.task.horizon_us = day(30);
  trained.task.metric = "f1";
  trained.encoding = dataset.encoding;
  trained.encoding.percentile_2 = 0.1;
  TrainConfig& config = trained.config = shop_config();
  config.seed = std::numeric_limits<uint64_t>::max();
  config.max_iters = 77;
  config.patience = std::nullopt;
  config.lr_schedule = LrSchedule::kConstant;
  config.t_max = 5;
  config.label_smoothing = true;
  config.clamp = {std::nullopt, 12.5, true, true};
  config.num_negative = 3;
  config.negative_sampling = NegativeSampling::kDegreeBased;
  config.model.conv_aggregation = Aggregation::kMax;
  config.model.hetero_conv_aggregation = Aggregation::kMean;
  config.model.gnn_norm = Norm::kInstance;
  config.model.head_norm = Norm::kLayer;
  config.model.use_temporal_encoder = false;
  config.model.shallow_embeddings = {"customers"};
  config.model.id_awareness = true;
  config.model.precision = Precision::kBf16;
  config.sampler.strategy = TemporalStrategy::kLast;
  config.sampler.bidirectional = true;
  trained.definition = make_definition(dataset, config);
  trained.definition.statistics[1].columns[0].mean = 0.1;
  trained.definition.statistics[1].columns[1].vocabulary = {"Räikkönen", "", "a\"b\n"};
  trained.bounds = {std::nullopt, 3.25};
  trained.last_training_time_us = day(70);
  trained.best_epoch = 3;
  trained.metric = "f1";
  trained.validation_metrics = {{"f1", 0.1}, {"roc_auc", NAN}};
  trained.parameters = {{"a", {2, 2}, {1, 2, 3, -0.5f}}, {"b", {0}, {}}};
  return trained;
}

// The same of customers who link to customers.
TrainedModel link_example() {
  TrainedModel trained = example();
  trained.task.type = trained.encoding.type = TaskType::kLinkPrediction;
  trained.task.target_table = "customers";
  trained.task.target_key = "id";
  trained.task.eval_k = 7;
  trained.task.metric = trained.metric = "link_prediction_recall";
  trained.encoding.classes.clear();
  trained.encoding.arrow_format = "i";
  trained.config.model.link_fusion = trained.definition.config.link_fusion = true;
  trained.validation_metrics = {{"link_prediction_recall", 0.5}};
  return trained;
}

void Checkpoint::expect_refused(const TrainedModel& model, const std::string& where,
                                const nlohmann::json& value, const std::string& part) {
  SafetensorsFile file = to_safetensors(model);
  nlohmann::json description = nlohmann::json::parse(file.metadata["model"]);
  description.at(nlohmann::json::json_pointer(where)) = value;
  file.metadata["model"] = description.dump();
  const std::string message = error_of([&] { from_safetensors(file, "file"); }, ErrorCode::kIo);
  EXPECT_TRUE(contains(message, part)) << where << ": " << message;
}

void Checkpoint::expect_refused(const std::function<void(SafetensorsFile&)>& change,
                                const std::string& part) {
  SafetensorsFile file = to_safetensors(example());
  change(file);
  fs::create_directories(folder_);
  write_safetensors(folder_ / kCheckpointFile, file);
  const std::string message = error_of([&] { load_model(folder_); }, ErrorCode::kIo);
  EXPECT_TRUE(contains(message, part)) << message;
  EXPECT_TRUE(contains(message, folder_.string())) << message;
}

TEST_F(Checkpoint, RoundTripKeepsEveryField) {
  const TrainedModel before = example();
  save_model(folder_, before);
  const std::string first = bytes();
  const TrainedModel after = load_model(folder_);
  save_model(folder_, after);
  EXPECT_EQ(bytes(), first);

  EXPECT_EQ(after.task.entity_table, "customers");
  EXPECT_EQ(after.task.entity_key, "id");
  EXPECT_EQ(after.task.time_column, "when");
  EXPECT_FALSE(after.task.current_time);
  EXPECT_EQ(after.task.horizon_us, day(30));
  EXPECT_EQ(after.encoding.classes, (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(after.encoding.percentile_2, 0.1);
  EXPECT_EQ(after.config.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(after.config.max_iters, 77);
  EXPECT_FALSE(after.config.patience);
  EXPECT_EQ(after.config.lr_schedule, LrSchedule::kConstant);
  EXPECT_FALSE(after.config.clamp.minimum);
  EXPECT_EQ(after.config.clamp.maximum, 12.5);
  EXPECT_EQ(after.config.num_negative, 3);
  EXPECT_EQ(after.config.negative_sampling, NegativeSampling::kDegreeBased);
  EXPECT_TRUE(after.definition.config.id_awareness);
  EXPECT_FALSE(after.definition.config.link_fusion);
  EXPECT_EQ(after.task.target_table, "");
  EXPECT_EQ(after.definition.config.gnn_norm, Norm::kInstance);
  EXPECT_EQ(after.definition.config.precision, Precision::kBf16);
  EXPECT_EQ(after.definition.config.conv_aggregation, Aggregation::kMax);
  EXPECT_FALSE(after.definition.config.use_temporal_encoder);
  EXPECT_EQ(after.config.sampler.fanouts, (std::vector<int64_t>{8, 4}));
  EXPECT_EQ(after.config.sampler.strategy, TemporalStrategy::kLast);
  EXPECT_EQ(after.definition.entity_type, before.definition.entity_type);
  EXPECT_EQ(after.definition.outputs, 1);
  EXPECT_TRUE(after.definition.task_has_time);
  EXPECT_EQ(after.definition.graph.node_types[1].has_time, true);
  EXPECT_EQ(after.definition.graph.node_types[0].nodes, 6);  // it has shallow embeddings
  EXPECT_EQ(after.definition.graph.node_types[1].nodes, 0);
  ASSERT_EQ(after.shallow_keys.size(), 1u);
  EXPECT_EQ(after.shallow_keys[0].table, "customers");
  EXPECT_EQ(after.shallow_keys[0].keys.name, "id");
  EXPECT_EQ(after.shallow_keys[0].keys.ints, (std::vector<int64_t>{100, 101, 102, 103, 104, 105}));
  ASSERT_EQ(after.definition.graph.edge_types.size(), before.definition.graph.edge_types.size());
  EXPECT_EQ(after.definition.graph.edge_types[0].name, before.definition.graph.edge_types[0].name);
  EXPECT_EQ(after.definition.graph.edge_types[0].target, before.definition.graph.edge_types[0].target);
  EXPECT_EQ(after.definition.statistics[1].columns[0].mean, 0.1);
  EXPECT_EQ(after.definition.statistics[1].columns[0].std, before.definition.statistics[1].columns[0].std);
  EXPECT_EQ(after.tables[0].schema.candidate_keys[0].column, "email");
  EXPECT_TRUE(after.tables[0].schema.candidate_keys[0].is_feature);
  EXPECT_EQ(after.tables[1].schema.foreign_keys[0].parent_table, "customers");
  EXPECT_EQ(after.tables[1].columns.size(), before.tables[1].columns.size());
  EXPECT_FALSE(after.bounds.minimum);
  EXPECT_EQ(after.bounds.maximum, 3.25);
  EXPECT_EQ(after.last_training_time_us, day(70));
  EXPECT_EQ(after.best_epoch, 3);
  EXPECT_EQ(after.validation_metrics[0].value, 0.1);
  EXPECT_TRUE(std::isnan(after.validation_metrics[1].value));
  EXPECT_EQ(after.parameters[0].values, before.parameters[0].values);
  EXPECT_EQ(after.parameters[1].shape, (Shape{0}));
}

TEST_F(Checkpoint, RoundTripOfALinkTask) {
  save_model(folder_, link_example());
  const std::string first = bytes();
  const TrainedModel after = load_model(folder_);
  save_model(folder_, after);
  EXPECT_EQ(bytes(), first);
  EXPECT_EQ(after.task.type, TaskType::kLinkPrediction);
  EXPECT_EQ(after.task.target_table, "customers");
  EXPECT_EQ(after.task.target_key, "id");
  EXPECT_EQ(after.task.eval_k, 7);
  EXPECT_EQ(after.encoding.type, TaskType::kLinkPrediction);
  EXPECT_EQ(after.encoding.arrow_format, "i");
  EXPECT_TRUE(after.definition.config.link_fusion);
  EXPECT_EQ(after.definition.readout, Readout::kFusion);
  EXPECT_TRUE(after.config.sampler.bidirectional);
  EXPECT_EQ(after.definition.target_type, after.definition.entity_type) << "customers link to customers";
}

// What was trained before there were link tasks has none of their fields.
TEST_F(Checkpoint, OlderFilesHaveNoFieldsOfLinks) {
  SafetensorsFile file = to_safetensors(example());
  nlohmann::json description = nlohmann::json::parse(file.metadata["model"]);
  for (const char* key : {"target_table", "target_key", "eval_k"}) description["task"].erase(key);
  for (const char* key : {"num_negative", "negative_sampling"}) description["config"].erase(key);
  for (const char* key : {"id_awareness", "link_fusion"}) description["config"]["model"].erase(key);
  description["config"]["sampler"].erase("bidirectional");
  file.metadata["model"] = description.dump();
  const TrainedModel old = from_safetensors(file, "file");
  EXPECT_EQ(old.config.num_negative, TrainConfig().num_negative);
  EXPECT_EQ(old.config.negative_sampling, NegativeSampling::kRandom);
  EXPECT_FALSE(old.config.model.id_awareness);
  EXPECT_FALSE(old.config.sampler.bidirectional);
}

TEST_F(Checkpoint, VocabulariesOfAnyText) {
  const TrainedModel before = example();
  save_model(folder_, before);
  const TrainedModel after = load_model(folder_);
  for (size_t t = 0; t < 2; ++t)
    for (size_t c = 0; c < before.definition.statistics[t].columns.size(); ++c) {
      const ColumnStatistics &a = before.definition.statistics[t].columns[c],
                             &b = after.definition.statistics[t].columns[c];
      if (a.dtype == Dtype::kCategory) {
        EXPECT_EQ(a.vocabulary, b.vocabulary) << a.column;
      }
    }
}

TEST_F(Checkpoint, KeysOfShallowEmbeddings) {
  TrainedModel before = example();
  const std::vector<std::string> texts{"z", "", "a/b", "Räikkönen", "b", "c"};
  before.shallow_keys[0].keys = key_column(texts);
  const TrainedModel after = from_safetensors(to_safetensors(before), "file");
  std::vector<std::string> found;
  for (int32_t code : after.shallow_keys.at(0).keys.codes)
    found.emplace_back(after.shallow_keys[0].keys.strings->at(code));
  EXPECT_EQ(found, texts);
  expect_refused(
      [](SafetensorsFile& f) {
        std::erase_if(f.tensors, [](const NamedTensor& t) { return t.name.starts_with("shallow_keys/"); });
      },
      "'shallow_keys/customers/bytes' is missing");
  expect_refused(
      [](SafetensorsFile& f) {
        std::string& text = f.metadata["model"];
        text.replace(text.find("\"nodes\":6"), 9, "\"nodes\":7");
      },
      "holds 6 keys for 7 embeddings");
}

TEST_F(Checkpoint, HoldsNoSources) {
  TrainedModel trained = example();
  for (const auto& [key, value] : to_safetensors(trained).metadata) EXPECT_FALSE(contains(value, "/")) << key;
}

TEST_F(Checkpoint, ForeignNewerAndDamagedFiles) {
  EXPECT_TRUE(contains(error_of([&] { load_model(folder_); }, ErrorCode::kIo), "there is no model in"));
  expect_refused([](SafetensorsFile& f) { f.metadata.clear(); }, "not a model that this program has trained");
  expect_refused([](SafetensorsFile& f) { f.metadata["format"] = "pt"; },
                 "not a model that this program has trained");
  expect_refused([](SafetensorsFile& f) { f.metadata["version"] = "2"; },
                 "written by a newer version of this program (format 2, this one reads up to 1)");
  expect_refused([](SafetensorsFile& f) { f.metadata["version"] = "x"; }, "format version is 'x'");
  expect_refused([](SafetensorsFile& f) { f.metadata["model"] = "{"; }, "description");
  expect_refused([](SafetensorsFile& f) { f.metadata["model"] = "{}"; }, "description");
  expect_refused(
      [](SafetensorsFile& f) {
        std::string& text = f.metadata["model"];
        text.replace(text.find("\"entity_type\":0"), 15, "\"entity_type\":9");
      },
      "a node type that is not there");
  expect_refused(
      [](SafetensorsFile& f) {
        std::erase_if(f.tensors, [](const NamedTensor& t) { return t.dtype == TensorDtype::kU8; });
      },
      "is missing or of another type");
  expect_refused(
      [](SafetensorsFile& f) {
        for (NamedTensor& t : f.tensors)
          if (t.dtype == TensorDtype::kI64) t.bytes.back() = 0x7f;
      },
      "offsets");
}

TEST_F(Checkpoint, PartsThatContradictEachOther) {
  using Json = nlohmann::json;
  const TrainedModel model = example();
  const auto refused = [&](const std::string& where, const Json& value, const std::string& part) {
    expect_refused(model, where, value, part);
  };
  refused("/config/model/channels", 7, "an odd number of channels");
  refused("/config/model/channels", 1000000, "1000000 where a whole number from 2 to 4096 belongs");
  refused("/config/model/channels", 2.5, "2.5 where a whole number");
  refused("/config/model/gnn_layers", uint64_t{1} << 63, "where a whole number from 1 to 16 belongs");
  refused("/config/model/dropout", 1.0, "a dropout of 1");
  refused("/config/model/precision", "fp16", "an unknown name \"fp16\"");
  refused("/config/model/head_norm", "instance", "an instance norm in the head");
  refused("/config/model/shallow_embeddings", {"customers", "customers"},
          "shallow embeddings of a table twice");
  refused("/config/sampler/fanouts", Json::array(), "0 fanouts");
  refused("/config/sampler/fanouts/0", -1, "-1 where a whole number");
  refused("/statistics/0/columns/0/min_year", 400000, "400000 where a whole number");
  refused("/statistics/0/table", "x", "table 'customers', node type 'customers' and the statistics of 'x'");
  refused("/statistics/1/columns/0/column", "x",
          "the features of table 'orders' are not those of its statistics");
  refused("/statistics", Json::array(), "table 'customers' has no node type");
  refused("/graph/node_types/1/has_time", false, "node type 'orders' and its table differ");
  refused("/tables/1/name", "customers", "a table is there twice");
  refused("/tables", Json::array(), "2 node types and 0 tables");
  refused("/task/entity_table", "orders", "the entity table is 'orders', its node type another");
  refused("/task/entity_key", "x", "'x' is no key of table 'customers'");
  refused("/task/type", "link_prediction", "the target table '' is no node type");
  refused("/task/target_table", "orders", "a target table in a binary_classification");
  refused("/config/model/link_fusion", true, "link fusion in a binary_classification");
  refused("/config/num_negative", 0, "0 where a whole number from 1 to 1000000 belongs");
  refused("/config/negative_sampling", "degree", "an unknown name \"degree\"");
  refused("/labels/classes", {"1"}, "a binary task without two classes");
}

TEST_F(Checkpoint, PartsOfALinkTaskThatContradictEachOther) {
  const TrainedModel model = link_example();
  expect_refused(model, "/task/type", "repeated_link_prediction",
                 "link fusion in a repeated_link_prediction");
  expect_refused(model, "/task/type", "regression", "link fusion in a regression");
  expect_refused(model, "/task/target_table", "x", "the target table 'x' is no node type");
  expect_refused(model, "/task/target_key", "x", "'x' is no key of table 'customers'");
  expect_refused(model, "/task/eval_k", 0, "0 where a whole number from 1 to 1000 belongs");
  expect_refused(model, "/labels/classes", {"0", "1"}, "a link task with classes");
}

TEST_F(Checkpoint, AGraphThatIsNotThatOfTheTables) {
  const Shop shop = make_shop(6);
  ThreadPool pool(1);
  ReportLines report;
  const Dataset dataset = shop_dataset(shop, shop_task(), pool, report);
  TrainedModel trained;
  trained.tables = dataset.tables;
  trained.task = dataset.task;
  trained.encoding = dataset.encoding;
  trained.definition = make_definition(dataset, shop_config());
  const auto read = [&] {
    DatasetInput input;
    input.tables = shop.tables;
    build_inference_dataset(std::move(input), trained, pool, report);
  };
  read();
  trained.definition.graph.edge_types.pop_back();
  EXPECT_TRUE(contains(error_of(read, ErrorCode::kIo), "its graph is not that of its tables"));
}

TEST_F(Checkpoint, ParametersOfAnotherModel) {
  const Shop shop = make_shop(6);
  ThreadPool pool(1);
  ReportLines report;
  TrainedModel trained;
  trained.config = shop_config();
  trained.definition = make_definition(shop_dataset(shop, shop_task(), pool, report), trained.config);
  trained.parameters = copy_parameters(RelationalModel(trained.definition, 1).parameters());
  EXPECT_EQ(restore_model(trained)->parameters().values(),
            RelationalModel(trained.definition, 1).parameters().values());
  const auto message = [&] { return error_of([&] { restore_model(trained); }, ErrorCode::kIo); };
  trained.definition.config.channels = kMaxChannels;
  EXPECT_TRUE(contains(message(), "of another shape than its description asks for")) << message();
  trained.definition.graph.edge_types.push_back(trained.definition.graph.edge_types[0]);
  EXPECT_TRUE(contains(message(), "was added twice")) << message();
  trained.definition.graph.edge_types.pop_back();
  trained.parameters.pop_back();
  EXPECT_TRUE(contains(message(), "parameters, its description asks for")) << message();
}

}  // namespace
}  // namespace rle
