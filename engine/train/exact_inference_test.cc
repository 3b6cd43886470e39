// Exact inference against sampling with fanouts above every degree, over random databases, times and models.
#include "train/exact_inference.h"

#include <gtest/gtest.h>

#include <cmath>

#include "sample/random_graphs.h"
#include "train/test_data.h"

namespace rle {
namespace {

// A random database whose rows have a number each, as a data set to be scored; the labels hold entities more
// than once, at several times.
struct Case {
  Dataset dataset;
  LabelTable labels;
  ModelDefinition definition;
};

Dataset random_dataset(test::RandomDatabaseMaker& maker, RngStream& random, bool timed) {
  std::vector<Table> tables = maker.make().tables;
  for (Table& table : tables) {
    Column number = test_data::floats("number", {});
    for (number.rows = 0; number.rows < table.rows; ++number.rows)
      number.floats.edit().push_back(random.normal());
    if (table.schema.type == TableType::kNode) table.columns.push_back(std::move(number));
  }
  ThreadPool pool(1);
  ReportLines report;
  Dataset dataset;
  dataset.graph = Graph::build(tables, pool, report);
  for (const Table& table : tables)
    if (table.schema.type == TableType::kNode)
      dataset.features.emplace_back(table, fit_statistics(table, Visibility{}, report));
  const std::vector<NodeTypeInfo>& types = dataset.graph.schema().node_types;
  dataset.shallow_rows.resize(types.size());
  dataset.entity_type = NodeTypeId(static_cast<int32_t>(maker.below(static_cast<int64_t>(types.size()))));
  dataset.task.type = dataset.encoding.type = TaskType::kRegression;
  dataset.task.current_time = maker.below(2) == 0;
  if (timed) dataset.task.time_column = "at";
  return dataset;
}

ModelConfig random_config(test::RandomDatabaseMaker& maker) {
  constexpr Aggregation kAggregations[] = {Aggregation::kMean, Aggregation::kMax, Aggregation::kSum};
  ModelConfig config;
  config.channels = 8;
  config.encoder_blocks = maker.below(2);
  config.gnn_layers = 1 + maker.below(3);
  config.conv_aggregation = kAggregations[maker.below(3)];
  config.hetero_conv_aggregation = kAggregations[maker.below(3)];
  config.gnn_norm = maker.below(2) == 0 ? Norm::kLayer : Norm::kBatch;
  config.head_layers = 1 + maker.below(2);
  if (maker.below(3) == 0) config.shallow_embeddings = {"t0"};
  return config;
}

Case random_case(uint64_t number) {
  test::RandomDatabaseMaker maker(RngKey(number).with("database"));
  RngStream random(RngKey(number).with("numbers"));
  const bool timed = maker.below(5) != 0;
  Case c{random_dataset(maker, random, timed), {}, {}};
  const NodeTypeInfo& entities = c.dataset.graph.schema().node_types[c.dataset.entity_type.index()];
  for (int64_t time = 0; time < (timed ? 4 : 1); ++time)
    for (int64_t n = maker.below(25); n > 0; --n) {
      c.labels.entity.push_back(static_cast<NodeId>(maker.below(entities.nodes)));
      if (timed) c.labels.time_us.push_back((time * 8 - 3) * 700'000);
      ++c.labels.rows;
    }
  c.definition.graph = c.dataset.graph.schema();
  for (const TableFeatures& features : c.dataset.features)
    c.definition.statistics.push_back(features.statistics());
  c.definition.entity_type = c.dataset.entity_type;
  c.definition.task_has_time = timed;
  c.definition.config = random_config(maker);
  c.definition.config.use_temporal_encoder = timed;
  return c;
}

// Moves parameters and running statistics away from their initial values.
void randomise(RelationalModel& model, uint64_t number) {
  RngStream random(RngKey(number).with("parameters"));
  for (float& value : model.parameters().values())
    value += static_cast<float>(0.1 * std::tanh(random.normal()));
}

ScoreOptions all_neighbours(const Case& c) {
  ScoreOptions options;
  options.sampler.fanouts.assign(static_cast<size_t>(c.definition.config.gnn_layers), 1'000'000);
  options.batch_size = 7;
  return options;
}

template <typename T>
void expect_near(const std::vector<T>& a, const std::vector<T>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    const double found = a[i], wanted = b[i];
    ASSERT_NEAR(found, wanted, 2e-5 * std::max(1.0, std::abs(wanted))) << i;
  }
}

TEST(ExactInference, EqualsSamplingOfAllNeighbours) {
  ThreadPool pool(1);
  int64_t rows = 0;
  for (uint64_t number = 0; number < 150; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    RelationalModel model(c.definition, number);
    randomise(model, number);
    ScoredVectors vectors, exact_vectors;
    ScoreOptions options = all_neighbours(c);
    options.vectors = &vectors;
    const std::vector<double> sampled = score_rows(model, c.dataset, c.labels, options, pool);
    options.vectors = &exact_vectors;
    ASSERT_NO_FATAL_FAILURE(
        expect_near(score_rows_exactly(model, c.dataset, c.labels, options, pool, 40), sampled));
    ASSERT_EQ(vectors.rows.size(), static_cast<size_t>(c.labels.rows * c.definition.config.channels));
    ASSERT_NO_FATAL_FAILURE(expect_near(exact_vectors.rows, vectors.rows));
    rows += c.labels.rows;
  }
  EXPECT_GT(rows, 3000);
}

TEST(ExactInference, BlocksChangeNothingButRoundingAndThreadsNotABit) {
  ThreadPool one(1), three(3);
  for (uint64_t number = 200; number < 230; ++number) {
    SCOPED_TRACE(number);
    const Case c = random_case(number);
    RelationalModel model(c.definition, number);
    randomise(model, number);
    const ScoreOptions options = all_neighbours(c);
    const std::vector<double> whole = score_rows_exactly(model, c.dataset, c.labels, options, one);
    ASSERT_EQ(score_rows_exactly(model, c.dataset, c.labels, options, three), whole);
    for (const int64_t nodes : {1, 40})
      ASSERT_NO_FATAL_FAILURE(
          expect_near(score_rows_exactly(model, c.dataset, c.labels, options, one, nodes), whole));
  }
}

TEST(ExactInference, IsChosenByTheOption) {
  ThreadPool pool(1);
  const Case c = random_case(3);
  RelationalModel model(c.definition, 3);
  randomise(model, 3);
  ScoreOptions options = all_neighbours(c);
  options.sampler.fanouts.assign(options.sampler.fanouts.size(), 1);
  const std::vector<double> sampled = score_rows(model, c.dataset, c.labels, options, pool);
  options.inference = InferenceMode::kExact;
  const std::vector<double> exact = score_rows(model, c.dataset, c.labels, options, pool);
  EXPECT_EQ(exact, score_rows_exactly(model, c.dataset, c.labels, options, pool));
  EXPECT_NE(exact, sampled);
}

TEST(ExactInference, IsRefusedForInstanceNormAndStopsWhenAsked) {
  ThreadPool pool(1);
  Case c = random_case(3);
  RelationalModel model(c.definition, 3);
  randomise(model, 3);
  ScoreOptions options = all_neighbours(c);
  CancelToken cancel;
  options.cancel = &cancel;
  cancel.request();
  const auto score = [&](RelationalModel& of) { score_rows_exactly(of, c.dataset, c.labels, options, pool); };
  EXPECT_TRUE(test_data::contains(test_data::error_of([&] { score(model); }, ErrorCode::kInterrupted),
                                  "interrupted after"));
  c.definition.config.gnn_norm = Norm::kInstance;
  RelationalModel normed(c.definition, 3);
  randomise(normed, 3);
  EXPECT_TRUE(
      test_data::contains(test_data::error_of([&] { score(normed); }, ErrorCode::kSpec), "instance_norm"));
}

}  // namespace
}  // namespace rle
