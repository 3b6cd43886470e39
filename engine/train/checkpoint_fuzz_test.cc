// Damaged checkpoints: reading one, and predicting with what was read, succeeds or ends in an Error that is
// not internal; the memory taken follows from the file's size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/fuzz_testing.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/link_ranking.h"
#include "train/link_test_data.h"

namespace rle {
namespace {

using namespace fuzz_testing;
using namespace test_data;

const std::vector<std::string_view> kWords{"\"__metadata__\":{",
                                           "\"dtype\":\"F32\"",
                                           "\"shape\":[",
                                           "\"data_offsets\":[0,",
                                           "I64",
                                           "U8",
                                           "{",
                                           "}",
                                           "[",
                                           "]",
                                           ",",
                                           ":",
                                           "\"",
                                           "\\u0000",
                                           "\xff",
                                           "null",
                                           "true",
                                           "-1",
                                           "1e308",
                                           "18446744073709551615",
                                           "9007199254740993",
                                           "0"};

// A model for the dataset: untrained, which is as good here.
SafetensorsFile file_of(const Dataset& dataset, TrainConfig config) {
  TrainedModel model;
  model.tables = dataset.tables;
  model.shallow_keys = dataset.shallow_keys;
  model.task = dataset.task;
  model.encoding = dataset.encoding;
  model.config = std::move(config);
  model.config.model.channels = 8;
  model.definition = make_definition(dataset, model.config);
  model.metric = default_metric(model.task.type);
  model.validation_metrics = {{model.metric, 0.5}};
  model.parameters = copy_parameters(RelationalModel(model.definition, 7).parameters());
  return to_safetensors(model);
}

// A shop with a model for it.
class CheckpointFuzz : public testing::Test {
 protected:
  CheckpointFuzz() : shop_(make_shop(6)) {
    TrainConfig config = shop_config();
    config.model.shallow_embeddings = {"customers"};
    file_ = file_of(shop_dataset(shop_, shop_task(), pool_, report_, std::nullopt, {"customers"}), config);
  }

  bool predicts(const SafetensorsFile& file) { return predicts(file, shop_.tables, shop_.test); }

  // As `rle predict`: whether it came to predictions.
  bool predicts(const SafetensorsFile& file, const std::vector<Table>& tables, const Table& test) {
    try {
      const TrainedModel model = from_safetensors(file, "file");
      DatasetInput input;
      input.tables = tables;
      input.test = &test;
      const Dataset dataset = build_inference_dataset(std::move(input), model, pool_, report_);
      const std::unique_ptr<RelationalModel> network = restore_model(model);
      const ScoreOptions options{.sampler = model.config.sampler,
                                 .bounds = model.bounds,
                                 .seed = model.config.seed,
                                 .batch_size = model.config.val_batch_size};
      if (is_link(model.task.type)) {
        EXPECT_EQ(rank_links(*network, dataset, *dataset.test, options, pool_).rows(), dataset.test->rows);
        return true;
      }
      const std::vector<double> scores = score_rows(*network, dataset, *dataset.test, options, pool_);
      EXPECT_EQ(scores.size(), static_cast<size_t>(test.rows * model.encoding.outputs()));
      return true;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal) << error.what() << "\n" << file.metadata.at("model");
      EXPECT_NE(error.code(), ErrorCode::kInterrupted) << error.what();
      return false;
    }
  }

  ThreadPool pool_{1};
  ReportLines report_;
  Shop shop_;
  SafetensorsFile file_;
};

// The bytes as write_safetensors lays them out.
std::string bytes_of(const SafetensorsFile& file) {
  nlohmann::json header = {{"__metadata__", file.metadata}};
  std::string data;
  for (const NamedTensor& tensor : file.tensors) {
    const char* dtype = tensor.dtype == TensorDtype::kF32   ? "F32"
                        : tensor.dtype == TensorDtype::kI64 ? "I64"
                                                            : "U8";
    header[tensor.name] = {{"dtype", dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data.append(tensor.bytes.begin(), tensor.bytes.end());
  }
  const std::string text = header.dump();
  std::string bytes(8, '\0');
  const uint64_t size = text.size();
  std::memcpy(bytes.data(), &size, 8);
  return bytes + text + data;
}

TEST_F(CheckpointFuzz, DamagedBytesAreReadOrRefused) {
  const std::string whole = bytes_of(file_);
  uint64_t header = 0;
  std::memcpy(&header, whole.data(), 8);
  int64_t refused = 0;
  const int64_t done = fuzz(1500, [&](RngStream& random) {
    // Mostly the header, and with its length set right again: else that alone is what is refused.
    std::string bytes = whole;
    if (chance(random, 3)) {
      bytes = damaged(whole, kWords, random);
    } else {
      const std::string text = damaged(whole.substr(8, header), kWords, random);
      const uint64_t size = text.size();
      bytes.replace(8, header, text);
      std::memcpy(bytes.data(), &size, 8);
    }
    const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
    try {
      const SafetensorsFile file = parse_safetensors(exact, "file");
      size_t tensor_bytes = 0;
      for (const NamedTensor& tensor : file.tensors) tensor_bytes += tensor.bytes.size();
      EXPECT_LE(tensor_bytes, exact.size());
      refused += !file.metadata.contains("model") || !predicts(file);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
      ++refused;
    }
  });
  if (done < 100) return;
  EXPECT_GT(refused, done / 2);
}

// The file with its description damaged.
SafetensorsFile misdescribed(const SafetensorsFile& whole, RngStream& random) {
  SafetensorsFile file = whole;
  nlohmann::json changed = nlohmann::json::parse(whole.metadata.at("model"));
  damage_tree(changed, random);
  file.metadata["model"] = changed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (chance(random, 4)) file.metadata["model"] = damaged(file.metadata["model"], kWords, random);
  return file;
}

TEST_F(CheckpointFuzz, DamagedDescriptionsAreReadOrRefused) {
  ASSERT_TRUE(predicts(file_));
  int64_t predicted = 0;
  const int64_t done =
      fuzz(1500, [&](RngStream& random) { predicted += predicts(misdescribed(file_, random)); });
  if (done < 100) return;
  EXPECT_GT(predicted, done / 20) << "some damage is harmless";
  EXPECT_LT(predicted, done);
}

TEST_F(CheckpointFuzz, DamagedDescriptionsOfLinkTasksAreReadOrRefused) {
  LinkShop shop = make_link_shop();
  for (Column& column : shop.test.columns) column.truncate(4);
  shop.test.rows = 4;
  TrainConfig config = link_config();
  std::vector<SafetensorsFile> files;
  for (const bool fusion : {false, true}) {
    config.model.link_fusion = fusion;
    files.push_back(file_of(link_dataset(shop, link_task(), pool_, report_), config));
  }
  config.model.link_fusion = false;
  files.push_back(
      file_of(link_dataset(shop, link_task(TaskType::kRepeatedLinkPrediction), pool_, report_), config));
  for (const SafetensorsFile& file : files) ASSERT_TRUE(predicts(file, shop.tables, shop.test));
  int64_t predicted = 0;
  const int64_t done = fuzz(500, [&](RngStream& random) {
    predicted += predicts(misdescribed(files[random.below(files.size())], random), shop.tables, shop.test);
  });
  if (done < 100) return;
  EXPECT_GT(predicted, done / 20) << "some damage is harmless";
  EXPECT_LT(predicted, done);
}

TEST_F(CheckpointFuzz, DamagedTensorsAreReadOrRefused) {
  fuzz(1000, [&](RngStream& random) {
    SafetensorsFile file = file_;
    const size_t at = random.below(file.tensors.size());
    NamedTensor& tensor = file.tensors[at];
    switch (random.below(5)) {
      case 0:
        tensor.bytes.resize(tensor.bytes.size() / 2);
        if (!tensor.shape.empty()) tensor.shape[0] /= 2;
        break;
      case 1:
        std::swap(tensor.bytes, file.tensors[random.below(file.tensors.size())].bytes);
        break;
      case 2:
        file.tensors.push_back(tensor);
        break;
      case 3:
        file.tensors.erase(file.tensors.begin() + static_cast<int64_t>(at));
        break;
      default:
        for (int i = 0; i < 8 && !tensor.bytes.empty(); ++i)
          tensor.bytes[random.below(tensor.bytes.size())] = static_cast<uint8_t>(random.next());
    }
    try {
      const std::string bytes = bytes_of(file);
      predicts(parse_safetensors({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, "file"));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
    }
  });
}

}  // namespace
}  // namespace rle
