#include "job/job_spec.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/time.h"
#include "job/run_identity.h"

namespace rle {
namespace {

const char* kSpec = R"(
dataset: f1
data: {source: db}
tables:
  drivers:
    source: drivers.parquet
    primary_key: driverId
    candidate_keys: [code, {column: number, is_feature: true}]
    columns: {dob: datetime, number: integer, nationality: infer}
    exclude: [url]
  races: {source: races.parquet, primary_key: raceId, time_column: date, other_columns: ignore}
  results:
    source: results.parquet
    primary_key: resultId
    time_column: date
    foreign_keys: {raceId: races.raceId, driverId: {link_to: drivers.driverId, is_feature: true}}
    columns: {date: datetime}
task:
  name: driver-position
  type: regression
  entity: drivers.driverId
  target: position
  time_column: when
  horizon: 60d
  train: train.parquet
  validation: /abs/validation.parquet
  test: other.duckdb::test
config: {preset: relbench, fanouts: [8, 4, 2], visible_until: "2010-01-01"}
output: {database: out.duckdb}
)";

JobSpec parse(const std::vector<std::string>& overrides = {}, const std::string& text = kSpec) {
  return parse_job_spec(text, SpecFormat::kYaml, "/base", overrides);
}

// The message of the refusal, or "accepted".
std::string refusal(const std::vector<std::string>& overrides, const std::string& text = kSpec) {
  try {
    parse(overrides, text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    return error.what();
  }
  return "accepted";
}

#define EXPECT_REFUSED(message, ...) EXPECT_PRED2(contains, refusal(__VA_ARGS__), std::string(message))

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(JobSpec, ReadsTables) {
  const JobSpec spec = parse();
  ASSERT_EQ(spec.table_names(), (std::vector<std::string>{"drivers", "races", "results"}));
  const TableSchema& drivers = spec.tables[0];
  EXPECT_EQ(drivers.source, "db/drivers.parquet");
  EXPECT_EQ(drivers.primary_key, "driverId");
  ASSERT_EQ(drivers.candidate_keys.size(), 2u);
  EXPECT_FALSE(drivers.candidate_keys[0].is_feature);
  EXPECT_TRUE(drivers.candidate_keys[1].is_feature);
  ASSERT_EQ(drivers.columns.size(), 3u);
  EXPECT_EQ(drivers.columns[0].dtype, Dtype::kDatetime);
  EXPECT_EQ(drivers.columns[2].dtype, std::nullopt);
  EXPECT_EQ(drivers.excluded_columns, std::vector<std::string>{"url"});
  EXPECT_TRUE(drivers.all_columns);
  EXPECT_FALSE(spec.tables[1].all_columns);
  const TableSchema& results = spec.tables[2];
  ASSERT_EQ(results.foreign_keys.size(), 2u);
  EXPECT_EQ(results.foreign_keys[0].parent_table, "races");
  EXPECT_EQ(results.foreign_keys[1].parent_column, "driverId");
  EXPECT_TRUE(results.foreign_keys[1].is_feature);
  ASSERT_EQ(results.columns.size(), 1u) << "the time column is a declared datetime, once";
  EXPECT_EQ(results.columns[0].dtype, Dtype::kDatetime);
}

TEST(JobSpec, ReadsTaskAndConfigOverItsPreset) {
  const JobSpec spec = parse();
  EXPECT_EQ(spec.task->type, TaskType::kRegression);
  EXPECT_EQ(spec.task->entity_table, "drivers");
  EXPECT_EQ(spec.task->entity_key, "driverId");
  EXPECT_EQ(spec.task->entity_column, "driverId");
  EXPECT_EQ(spec.task->metric, "mae") << "preset relbench";
  EXPECT_EQ(spec.task->horizon_us, 60 * kMicrosPerDay);
  EXPECT_EQ(spec.task->train, "db/train.parquet");
  EXPECT_EQ(spec.task->validation, "/abs/validation.parquet");
  EXPECT_EQ(spec.task->test, "other.duckdb::test");
  EXPECT_EQ(spec.train.lr, 0.005);
  EXPECT_EQ(spec.train.train_batch_size, 512);
  EXPECT_EQ(spec.train.model.encoder_blocks, 4);
  EXPECT_EQ(spec.train.weight_decay, 0);
  EXPECT_EQ(spec.train.patience, std::nullopt);
  EXPECT_TRUE(spec.train.clamp.use_percentiles);
  EXPECT_EQ(spec.train.model.gnn_layers, 3) << "as many as fanouts";
  EXPECT_EQ(spec.visible_until_us, micros_from_civil(2010, 1, 1));
  EXPECT_EQ(spec.output.database, "out.duckdb");
}

TEST(JobSpec, SdkPresetIsTheDefault) {
  const JobSpec spec = parse({"config={}"});
  EXPECT_EQ(spec.preset, Preset::kSdk);
  EXPECT_EQ(spec.train.lr, 0.001);
  EXPECT_EQ(spec.train.weight_decay, 1e-4);
  EXPECT_EQ(spec.train.patience, 5);
  EXPECT_EQ(spec.train.model.gnn_layers, 2);
  EXPECT_EQ(spec.train.lr_schedule, LrSchedule::kCosine);
  EXPECT_FALSE(spec.train.clamp.use_percentiles);
  EXPECT_FALSE(spec.train.clamp.user_set);
  EXPECT_EQ(spec.train.clamp.maximum, 100);
  EXPECT_EQ(spec.task->metric, std::nullopt);
}

TEST(JobSpec, OverridesWin) {
  const JobSpec spec = parse({"config.lr=1", "config.clamp_min=-2", "task.current_time=false",
                              "config.lr_schedule=cosine", "config.T_max=5.0"});
  EXPECT_EQ(spec.train.lr, 1.0);
  EXPECT_EQ(spec.train.t_max, 5);
  EXPECT_TRUE(spec.train.clamp.user_set);
  EXPECT_FALSE(spec.train.clamp.use_percentiles);
  EXPECT_EQ(spec.train.clamp.minimum, -2);
  EXPECT_FALSE(spec.train.sampler.current_time);
}

TEST(JobSpec, SourcesOfADatabase) {
  const JobSpec spec =
      parse({"data.source=f1.duckdb", "tables.drivers.source=drivers", "task.train=main.train"});
  EXPECT_EQ(spec.tables[0].source, "f1.duckdb::drivers");
  EXPECT_EQ(spec.tables[1].source, "races.parquet") << "a file stays a file";
  EXPECT_EQ(spec.task->train, "f1.duckdb::main.train");
  EXPECT_EQ(spec.task->test, "other.duckdb::test");
}

TEST(JobSpec, UnknownKeysNameTheNearest) {
  EXPECT_REFUSED("config.learning_rat: unknown key", {"config.learning_rat=1"});
  EXPECT_REFUSED("config.encoder_block: unknown key; did you mean 'encoder_blocks'?",
                 {"config.encoder_block=1"});
  EXPECT_REFUSED("tables.drivers.primary_keys: unknown key; did you mean 'primary_key'?",
                 {"tables.drivers.primary_keys=x"});
  EXPECT_REFUSED("task.targets: unknown key; did you mean 'target'?", {"task.targets=x"});
  EXPECT_REFUSED("datas (line 2): unknown key; did you mean 'data'?", {}, "dataset: x\ndatas: {source: y}\n");
}

TEST(JobSpec, WrongTypesAndRanges) {
  EXPECT_REFUSED("config.lr: expected a number above 0, found the text 'fast'", {"config.lr=fast"});
  EXPECT_REFUSED("config.lr: expected a number above 0, found 0", {"config.lr=0"});
  EXPECT_REFUSED("config.dropout: expected a number of at least 0 and below 1, found 1",
                 {"config.dropout=1"});
  EXPECT_REFUSED("config.n_epochs: expected a whole number of at least 1, found 2.5",
                 {"config.n_epochs=2.5"});
  EXPECT_REFUSED("config.channels: expected an even number, found 31", {"config.channels=31"});
  EXPECT_REFUSED("config.fanouts[1]: expected a whole number from 1 to 1000000, found 0",
                 {"config.fanouts=[4, 0]"});
  EXPECT_REFUSED("config.fanouts: expected a list of 1 to 16 whole numbers", {"config.fanouts=[]"});
  EXPECT_REFUSED(
      "config.gnn_norm: expected one of batch_norm, layer_norm or instance_norm (did you mean 'layer_norm'?)",
      {"config.gnn_norm=layernorm"});
  EXPECT_REFUSED("config.visible_until: expected a time", {"config.visible_until=2010-02-30"});
  EXPECT_REFUSED("task.horizon: expected a duration", {"task.horizon=60"});
  EXPECT_REFUSED(
      "tables.races.time_column: expected one column's name, found a list of 2; a table has one time column",
      {"tables.races.time_column=[date, time]"});
  EXPECT_REFUSED("dataset: the name 'a/b' holds '/'", {"dataset=a/b"});
  EXPECT_REFUSED("config: expected a map", {"config=3"});
  EXPECT_REFUSED("the specification: expected a map", {}, "");
  EXPECT_REFUSED("the specification (line 1): 'dataset' is missing", {}, "tables: {}\n");
  EXPECT_REFUSED("clamp_min 5 is not below clamp_max 5", {"config.clamp_min=5", "config.clamp_max=5"});
}

TEST(JobSpec, PartsNotBuiltAreRefusedUnlessDefault) {
  EXPECT_REFUSED("config.text_embedder: only", {"config.text_embedder=bert-base-distill"});
  EXPECT_EQ(refusal({"config.text_embedder=model2vec-potion-base-4M", "config.device=cpu"}), "accepted");
}

const std::vector<std::string> kLinks{"task.type=link_prediction", "task.target_entity=races.raceId"};

std::vector<std::string> links(std::vector<std::string> overrides) {
  overrides.insert(overrides.begin(), kLinks.begin(), kLinks.end());
  return overrides;
}

TEST(JobSpec, SubgraphsAreBidirectionalWhereTargetsInThemAreScored) {
  const auto bidirectional = [](const std::vector<std::string>& overrides) {
    return parse(overrides).train.sampler.bidirectional;
  };
  EXPECT_FALSE(bidirectional({}));
  EXPECT_FALSE(bidirectional(links({})));
  EXPECT_TRUE(bidirectional(links({"config.link_fusion=true"})));
  EXPECT_TRUE(bidirectional(links({"task.type=repeated_link_prediction"})));
  EXPECT_TRUE(bidirectional(links({"config.link_fusion=true", "config.subgraph_type=null"})));
  EXPECT_FALSE(bidirectional(links({"config.link_fusion=true", "config.subgraph_type=directional"})));
  EXPECT_TRUE(bidirectional({"config.subgraph_type=bidirectional"}));
  EXPECT_REFUSED("config.subgraph_type", {"config.subgraph_type=induced"});
}

TEST(JobSpec, ReadsALinkTask) {
  const JobSpec spec = parse(
      links({"task.eval_at_k=10", "config.num_negative=3", "config.negative_sampling_strategy=degree_based",
             "config.id_awareness=true", "config.link_fusion=true"}));
  EXPECT_EQ(spec.task->type, TaskType::kLinkPrediction);
  EXPECT_EQ(spec.task->target_table, "races");
  EXPECT_EQ(spec.task->target_key, "raceId");
  EXPECT_EQ(spec.task->target_column, "position");
  EXPECT_EQ(spec.task->eval_k, 10);
  EXPECT_EQ(spec.task->metric, std::nullopt);
  EXPECT_EQ(spec.train.num_negative, 3);
  EXPECT_EQ(spec.train.negative_sampling, NegativeSampling::kDegreeBased);
  EXPECT_TRUE(spec.train.model.id_awareness);
  EXPECT_TRUE(spec.train.model.link_fusion);
  const JobSpec plain = parse(links({}));
  EXPECT_EQ(plain.task->eval_k, 12);
  EXPECT_EQ(plain.train.num_negative, 10);
  EXPECT_EQ(plain.train.negative_sampling, NegativeSampling::kRandom);
  EXPECT_EQ(parse(links({"task.type=repeated_link_prediction", "task.target_entity=drivers.driverId"}))
                .task->target_table,
            "drivers")
      << "the entities' own table";
  EXPECT_EQ(refusal(links({"task.target_entity=drivers.code"})), "accepted") << "a candidate key";
}

TEST(JobSpec, TargetsOfALinkTask) {
  EXPECT_REFUSED("task (line 19): 'target_entity' is missing", {"task.type=link_prediction"});
  EXPECT_REFUSED("task.target_entity: there is no table 'race'; did you mean 'races'?",
                 links({"task.target_entity=race.raceId"}));
  EXPECT_REFUSED("task.target_entity: 'raceID' is no key of table 'races'; did you mean 'raceId'?",
                 links({"task.target_entity=races.raceID"}));
  EXPECT_REFUSED("task.target_entity: expected TABLE.KEY", links({"task.target_entity=races"}));
  EXPECT_REFUSED(
      "table 'logs' has no primary_key to name its rows by",
      links({"tables.logs={source: x, foreign_keys: {d: drivers.driverId}}", "task.target_entity=logs.d"}));
  EXPECT_REFUSED(
      "task.target_entity: table 'logs' has no primary_key, by which each of its rows could be "
      "predicted; declare it",
      links({"tables.logs={source: x, candidate_keys: [c], foreign_keys: {d: drivers.driverId}}",
             "task.target_entity=logs.c"}));
  EXPECT_REFUSED("'pairs' is a table of type edge: its rows are no nodes",
                 links({"tables.pairs={source: p.csv, type: edge, foreign_keys: {a: drivers.driverId, b: "
                        "races.raceId}}",
                        "task.target_entity=pairs.a"}));
  EXPECT_REFUSED("task.target_entity: it is of link tasks, and the task is a regression; take it out",
                 {"task.target_entity=races.raceId"});
  EXPECT_REFUSED("task.eval_at_k: it is of link tasks", {"task.eval_at_k=12"});
  EXPECT_REFUSED("task.eval_at_k: expected a whole number from 1 to 1000, found 0",
                 links({"task.eval_at_k=0"}));
  EXPECT_REFUSED("task.eval_at_k: expected a whole number from 1 to 1000, found 1001",
                 links({"task.eval_at_k=1001"}));
  EXPECT_REFUSED("task.metric: expected one of link_prediction_map", links({"task.metric=mae"}));
  EXPECT_EQ(refusal(links({"task.metric=link_prediction_recall", "task.eval_at_k=1000"})), "accepted");
  EXPECT_REFUSED("config.num_negative: expected a whole number from 1 to 1000000, found 0",
                 links({"config.num_negative=0"}));
  EXPECT_REFUSED("config.num_negative: expected a whole number from 1 to 1000000, found 1000001",
                 links({"config.num_negative=1000001"}));
  EXPECT_REFUSED("config.negative_sampling_strategy: expected one of random or degree_based",
                 links({"config.negative_sampling_strategy=degree"}));
  EXPECT_REFUSED("config.link_fusion: expected true or false", links({"config.link_fusion=1"}));
}

// Another k chooses another best epoch; another way of drawing negatives trains another model.
TEST(JobSpec, LinkOptionsArePartOfARunsIdentity) {
  const auto identity = [](const std::vector<std::string>& overrides) {
    return specification_identity(parse(links(overrides)));
  };
  const auto plain = identity({});
  for (const char* set : {"task.target_entity=drivers.driverId", "task.eval_at_k=3", "config.num_negative=3",
                          "config.negative_sampling_strategy=degree_based", "config.id_awareness=true",
                          "config.link_fusion=true"})
    EXPECT_FALSE(json_differences(plain, identity({set})).empty()) << set;
  EXPECT_TRUE(json_differences(plain, identity({"config.num_negative=10"})).empty());
}

TEST(JobSpec, ADeviceThatIsNotHereIsToldOnce) {
  EXPECT_FALSE(parse().device.has_value());
  EXPECT_FALSE(parse({"config.device=null"}).device.has_value());
  EXPECT_EQ(parse({"config.device=cuda"}).device, Device::kCuda);
  EXPECT_REFUSED("config.device: expected one of cpu or cuda", {"config.device=gpu"});
  ReportLines report;
  EXPECT_EQ(tell_device(Device::kCpu, report), "cpu");
  EXPECT_EQ(tell_device(std::nullopt, report), "cpu");
  EXPECT_TRUE(report.lines().empty());
  EXPECT_EQ(tell_device(Device::kCuda, report), "cpu");
  ASSERT_EQ(report.lines().size(), 1u);
  EXPECT_EQ(report.lines()[0].severity, Severity::kWarning);
}

// A run in another precision is another run.
TEST(JobSpec, PrecisionIsPartOfARunsIdentity) {
  const JobSpec plain = parse(), fp32 = parse({"config.precision=fp32"}),
                bf16 = parse({"config.precision=bf16"});
  EXPECT_EQ(plain.train.model.precision, Precision::kFp32);
  EXPECT_FALSE(plain.precision_is_set);
  EXPECT_TRUE(fp32.precision_is_set);
  EXPECT_EQ(bf16.train.model.precision, Precision::kBf16);
  EXPECT_EQ(json_differences(specification_identity(plain), specification_identity(bf16)),
            std::vector<std::string>{R"(config.model.precision is "bf16" and was "fp32")"});
  EXPECT_EQ(specification_identity(plain), specification_identity(fp32));
  EXPECT_REFUSED("config.precision: expected one of fp32 or bf16", {"config.precision=fp16"});
}

TEST(JobSpec, LinksBetweenTables) {
  EXPECT_REFUSED("tables.results.foreign_keys.raceId: there is no table 'race'; did you mean 'races'?",
                 {"tables.results.foreign_keys.raceId=race.raceId"});
  EXPECT_REFUSED("'year' is no key of table 'races'", {"tables.results.foreign_keys.raceId=races.year"});
  EXPECT_REFUSED("expected TABLE.COLUMN, found the text 'races'",
                 {"tables.results.foreign_keys.raceId=races"});
  EXPECT_EQ(refusal({"tables.results.foreign_keys.raceId=drivers.code"}), "accepted") << "a candidate key";
  EXPECT_REFUSED("neither primary_key nor foreign_keys", {"tables.logs={source: x}"});
  EXPECT_REFUSED("'driverId' is a key, and keys are no features",
                 {"tables.drivers.columns.driverId=integer"});
  EXPECT_REFUSED("'date' is the time column, so its dtype is datetime, not text",
                 {"tables.races.columns={date: text}"});
  EXPECT_REFUSED("'dob' is listed in columns as well", {"tables.drivers.exclude=[dob]"});
  EXPECT_REFUSED("'driverId' is a key of the table", {"tables.drivers.exclude=[driverId]"});
}

TEST(JobSpec, EdgeTables) {
  const std::string edge =
      "tables.pairs={source: p.csv, type: edge, foreign_keys: {a: drivers.driverId, b: races.raceId}}";
  EXPECT_EQ(refusal({edge}), "accepted");
  EXPECT_REFUSED("exactly two foreign keys, found 1", {edge, "tables.pairs.foreign_keys={a: races.raceId}"});
  EXPECT_REFUSED("has no primary key", {edge, "tables.pairs.primary_key=id"});
  EXPECT_REFUSED("no features of its own", {edge, "tables.pairs.columns={weight: float}"});
  EXPECT_EQ(refusal({edge, "tables.pairs.time_column=t"}), "accepted");
  EXPECT_REFUSED("nothing can be predicted for it", {edge, "task.entity=pairs.a"});
}

TEST(JobSpec, TargetAmongTheFeaturesOfItsOwnTableIsALeak) {
  const char* leak =
      "task.target (line 22): 'position' is taken from db/results.parquet, which is table 'results'";
  EXPECT_REFUSED(leak, {"task.train=results.parquet"});
  EXPECT_REFUSED(leak, {"task.train=../db/results.parquet", "task.validation=./results.parquet"});
  EXPECT_REFUSED("(leak)", {"task.train=/x/results.parquet", "tables.results.source=/x/res*.parquet"});
  EXPECT_EQ(refusal({"task.train=results.parquet", "tables.results.exclude=[position]"}), "accepted");
  EXPECT_EQ(refusal({"task.train=results.parquet", "tables.results.other_columns=ignore"}), "accepted");
  EXPECT_REFUSED("(leak)", {"task.train=f.duckdb::main.results", "tables.results.source=f.duckdb::results"});
  EXPECT_EQ(refusal({"task.target=dob"}), "accepted") << "the same name in another table";
  EXPECT_EQ(refusal({"task.test=results.parquet"}), "accepted")
      << "its schema tells whether it holds the target";
}

TEST(JobSpec, TimesOnOneSideOnly) {
  EXPECT_REFUSED("task: 'time_column' is missing",
                 {"task={name: a, type: regression, entity: drivers.driverId, target: y}"});
  const std::string timeless =
      "dataset: x\ntables: {t: {source: a.csv, primary_key: id}}\n"
      "task: {name: a, type: regression, entity: t.id, target: y, time_column: when}\n";
  EXPECT_REFUSED("task.time_column (line 3): no table has a time_column", {}, timeless);
}

TEST(JobSpec, TaskRules) {
  EXPECT_REFUSED("task.metric: expected one of", {"task.metric=roc_auc"});
  EXPECT_EQ(refusal({"task.metric=r2"}), "accepted");
  EXPECT_REFUSED("task.entity: there is no table 'driver'; did you mean 'drivers'?",
                 {"task.entity=driver.driverId"});
  EXPECT_REFUSED("'dob' is no key of table 'drivers'", {"task.entity=drivers.dob"});
  EXPECT_REFUSED("a regression has no classes to smooth", {"config.label_smoothing=true"});
  EXPECT_REFUSED("there is no table 'driver'", {"config.shallow_embeddings_list=[driver]"});
  EXPECT_REFUSED("a column has one part", {"task.target=driverId"});
}

TEST(JobSpec, FilesThatAreNot) {
  const auto load = [](const std::filesystem::path& file) {
    try {
      load_job_spec(file, {});
    } catch (const Error& error) {
      return fmt::format("{} {}", exit_code(error.code()), error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(load("nowhere.yaml"), "2 nowhere.yaml: no such specification");
  EXPECT_TRUE(contains(load("/"), "/: a folder"));
}

}  // namespace
}  // namespace rle
