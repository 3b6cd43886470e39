#include "job/memory_need.h"

#include "base/thread_pool.h"
#include "ingest/test_folder.h"
#include "job/load_data.h"

namespace rle {
namespace {

class MemoryNeedTest : public ingest::FolderTest {
 protected:
  MemoryNeedTest() {
    spec_.task.emplace();
    spec_.threads = 1;
  }
  TablePlan plan(const std::string& source, const std::vector<ColumnSpec>& declared = {}) {
    TablePlan plan;
    plan.schema = schema(source);
    plan.schema.columns = declared;
    SourceReader reader(folder_);
    plan.columns = reader.used_columns(plan.schema, report_);
    return plan;
  }
  MemoryNeed need(const std::vector<TablePlan>& plans, const LoadUse& use = {}, LabelRows labels = {}) {
    SourceReader reader(folder_);
    return memory_need(reader, spec_, plans, false, labels, use);
  }
  int64_t vectors(int64_t count) const { return count * spec_.train.model.channels * 4 * 9; }

  JobSpec spec_;
};

TEST_F(MemoryNeedTest, EveryRowOfAShallowEmbeddingIsAVector) {
  parquet("t.parquet", "SELECT i::DOUBLE AS f FROM range(20000) r(i)");
  const int64_t without = need({plan("t.parquet")}).model;
  spec_.train.model.shallow_embeddings = {"things"};
  EXPECT_EQ(need({plan("t.parquet")}).model - without, vectors(20000));
}

TEST_F(MemoryNeedTest, VocabulariesOfListsAndOfNumbersDeclaredCategoryCount) {
  parquet("t.parquet",
          "SELECT i::DOUBLE AS f, [i, i % 3] AS l, ['x' || i] AS s, [i::DOUBLE] AS e FROM range(3000) r(i)");
  const auto model = [&](const std::string& column, std::optional<Dtype> dtype) {
    TablePlan one = plan("t.parquet", {{column, dtype}});
    one.columns = {column};
    return need({one}).model;
  };
  const int64_t none = model("f", std::nullopt);
  EXPECT_LE(model("e", std::nullopt) - none, vectors(1));  // an embedding, not a vocabulary
  EXPECT_EQ(model("l", Dtype::kEmbedding), none);
  EXPECT_GE(model("l", std::nullopt) - none, vectors(3000));
  EXPECT_GE(model("s", Dtype::kMultiCategorical) - none, vectors(3000));
  EXPECT_GE(model("f", Dtype::kCategory) - none, vectors(3000));
  EXPECT_LE(model("f", Dtype::kCategory) - none, vectors(3001));
}

TEST_F(MemoryNeedTest, EmbeddingsCountWhereTheyAreMade) {
  parquet("t.parquet", "SELECT i::DOUBLE AS f FROM range(10) r(i)");
  const int64_t without = need({plan("t.parquet")}, {}, {1000}).labels;
  const int64_t with = need({plan("t.parquet")}, {}, {1000, 700}).labels;
  EXPECT_EQ(with - without, 700 * spec_.train.model.channels * 4 * 3);
}

TEST_F(MemoryNeedTest, NegativesCountInTraining) {
  parquet("t.parquet", "SELECT i::DOUBLE AS f FROM range(10) r(i)");
  spec_.task->type = TaskType::kLinkPrediction;
  spec_.train.num_negative = 1000;
  const int64_t few = need({plan("t.parquet")}).model;
  spec_.train.num_negative = 3000;
  EXPECT_GE(need({plan("t.parquet")}).model - few, 2000 * spec_.train.train_batch_size * 24);
}

TEST_F(MemoryNeedTest, DistinctTimesCount) {
  parquet("t.parquet", "SELECT TIMESTAMP '2020-01-01' + INTERVAL 1 SECOND * i AS t FROM range(50000) r(i)");
  const int64_t made = need({plan("t.parquet")}).features;
  EXPECT_GE(made, 50000 * (4 + 8 + 16));
}

TEST_F(MemoryNeedTest, AModelBringsItsConfigurationAndItsOwnParametersInFewerCopies) {
  parquet("t.parquet", "SELECT 'x' || i AS c FROM range(30000) r(i)");
  const std::vector<TablePlan> plans{plan("t.parquet", {{"c", Dtype::kCategory}})};
  TrainedModel model;
  model.config.model.channels = 8;
  model.parameters.push_back({"all", {}, std::vector<float>(1000)});
  const int64_t trained = need(plans, {.model = &model}).model;
  model.parameters[0].values.resize(1'001'000);
  const int64_t larger = need(plans, {.model = &model}).model;
  EXPECT_GE(larger - trained, 4'000'000 * 3);
  EXPECT_LT(larger - trained, 4'000'000 * 9);
  EXPECT_LT(larger, need(plans).model);
}

TEST_F(MemoryNeedTest, StacksOfThreadsCount) {
  parquet("t.parquet", "SELECT 1 AS i");
  const int64_t one = need({plan("t.parquet")}).total;
  spec_.threads = 65;
  EXPECT_EQ(need({plan("t.parquet")}).total - one, 64 * thread_stack_bytes());
}

TEST_F(MemoryNeedTest, EachTableIsMappedOrStays) {
  parquet("t.parquet", "SELECT i, i + 1 AS j, i + 2 AS k FROM range(400000) r(i)");
  spec_.task.reset();
  TablePlan stays = plan("t.parquet"), kept = stays;
  stays.schema.columns =
      kept.schema.columns = {{"i", Dtype::kInteger}, {"j", Dtype::kInteger}, {"k", Dtype::kInteger}};
  kept.key = {"table", "", 1, 1};
  const int64_t both_stay = need({stays, stays}).total, both_kept = need({kept, kept}).total;
  for (const auto& mixed : {need({kept, stays}).total, need({stays, kept}).total}) {
    EXPECT_GT(mixed, both_kept);
    EXPECT_LT(mixed, both_stay);
  }
}

}  // namespace
}  // namespace rle
