#include "train/batch_loader.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "train/test_data.h"

namespace rle {
namespace {

class BatchLoaderTest : public ::testing::Test {
 protected:
  Batch load(const LabelTable& labels, int64_t row) {
    const BatchLoader loader(dataset_, labels, {.fanouts = {2, 2}});
    LoadedBatch out;
    loader.load({row}, RngKey(7), pool_, out);
    return out.batch;
  }

  ThreadPool pool_{1};
  ReportLines report_;
  test_data::Shop shop_ = test_data::make_shop();
  Dataset dataset_ = test_data::shop_dataset(shop_, test_data::shop_task(), pool_, report_);
};

TEST_F(BatchLoaderTest, ASeedsSubgraphDoesNotDependOnWhereItsRowStands) {
  const LabelTable& labels = *dataset_.train;
  LabelTable reversed = labels;
  std::reverse(reversed.entity.begin(), reversed.entity.end());
  std::reverse(reversed.time_us.begin(), reversed.time_us.end());
  int different = 0;
  for (int64_t row = 0; row < labels.rows; ++row) {
    const Batch a = load(labels, row), b = load(reversed, labels.rows - 1 - row),
                other = load(labels, (row + 1) % labels.rows);
    for (size_t t = 0; t < a.nodes.size(); ++t) {
      ASSERT_EQ(a.nodes[t].distinct, b.nodes[t].distinct);
      different += a.nodes[t].distinct != other.nodes[t].distinct;
    }
  }
  EXPECT_GT(different, labels.rows / 2);
}

TEST_F(BatchLoaderTest, StatisticsOfATaskWithoutCurrentTimeLeaveOutTheLastTrainingTimeItself) {
  // One order at exactly the last training time: seen by a seed of that time only where the current time
  // counts.
  Table& orders = shop_.tables.at(1);
  const Column* time = orders.find(*orders.schema.time_column);
  ASSERT_NE(time, nullptr);
  const int64_t last = *dataset_.last_training_time_us;
  TaskSpec strict = test_data::shop_task();
  strict.current_time = false;
  const auto visible = [&](const TaskSpec& task) {
    test_data::Shop shop = shop_;
    for (Column& column : shop.tables.at(1).columns)
      if (column.name == time->name) std::fill(column.ints.edit().begin(), column.ints.edit().end(), last);
    return test_data::shop_dataset(shop, task, pool_, report_).features.at(1).statistics().columns.size();
  };
  EXPECT_GT(visible(test_data::shop_task()), 0u);
  EXPECT_EQ(visible(strict), 0u) << "no row is visible, so no column has a value";
}

}  // namespace
}  // namespace rle
