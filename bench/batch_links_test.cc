// Batch files of links: seeds of two tables, and pairs of them.
#include <gtest/gtest.h>

#include "bench/batch_builder.h"
#include "bench/batch_testing.h"
#include "train/link_loader.h"
#include "train/link_test_data.h"

namespace rle {
namespace {
using namespace test_data;

constexpr int64_t kHops = 2;

struct BatchLinks : testing::Test {
  BatchLinks() : shop(make_link_shop()) {
    DatasetInput input;
    input.tables = shop.tables;
    input.task = link_task();
    input.train = &shop.train;
    input.keep_source_rows = true;
    dataset.emplace(build_training_dataset(std::move(input), pool, report));
    std::vector<int64_t> rows;
    for (int64_t row = 0; row < dataset->train->rows && rows.size() < 9; row += 11)
      if (const auto at = static_cast<size_t>(row);
          dataset->train->target_offsets[at] < dataset->train->target_offsets[at + 1])
        rows.push_back(row);
    LinkLoader(*dataset, *dataset->train, link_config()).load(rows, RngKey(5), pool, loaded);
    file = file_of(*dataset, loaded);
  }

  std::string check_error(const BatchFile& wrong) {
    return error_of([&] { BatchBuilder(*dataset, kHops).check(wrong, pool); }, ErrorCode::kData);
  }

  ThreadPool pool{1};
  ReportLines report;
  LinkShop shop;
  std::optional<Dataset> dataset;
  LoadedBatch loaded;
  BatchFile file;
};

TEST_F(BatchLinks, InTheSamplersOrderGiveTheSamplersBatch) {
  ASSERT_GT(file.sources(), 4);
  ASSERT_GT(file.targets, file.sources());
  ASSERT_EQ(file.negatives(), link_config().num_negative);
  ASSERT_NE(file.seed_time_s.front(), file.seed_time_s[static_cast<size_t>(file.sources()) - 1]);
  BatchBuilder builder(*dataset, kHops);
  builder.check(file, pool);
  Batch built;
  builder.build(file, pool, built);
  expect_equal(built, loaded.batch);
}

TEST_F(BatchLinks, SeedsOfTheTargetTableAreItsFirstNodes) {
  BatchFile wrong = file;
  wrong.seed_row.back() = wrong.seed_row[wrong.seed_row.size() - 2];
  EXPECT_TRUE(contains(check_error(wrong), "of 'products' is row"));
  wrong = file;
  ++wrong.targets;  // the last source is taken for a target
  EXPECT_TRUE(contains(check_error(wrong), "the first nodes must be the seeds"));
}

TEST_F(BatchLinks, PairsAreOfOneTime) {
  BatchFile wrong = file;
  wrong.negative[1] = file.positive.back();
  EXPECT_TRUE(contains(check_error(wrong), "seed 0 is paired with target seed"));
}

}  // namespace
}  // namespace rle
