#include "server/v1alpha1/dataset.h"

#include <gtest/gtest.h>

#include "job/job_spec.h"
#include "server/v1alpha1/payload.h"

namespace rle::v1alpha1 {
namespace {

// Formula 1, as releases of the public client send it.
Json key_lists() {
  return Json::parse(R"({
    "connector": {"name": "parquet", "dataset_name": "f1", "experiment_name": "f1_regression_position"},
    "tables": [
      {"name": "drivers", "source": "/data/drivers.parquet", "type": "node",
       "columns": [{"name": "driverId", "dtype": "integer"}, {"name": "code", "dtype": "text"},
                   {"name": "driverRef", "dtype": "text"}],
       "candidate_keys": [{"name": "driverRef"}, {"name": "driverId"}]},
      {"name": "results", "source": "/data/results.parquet", "type": "node", "time_column": "date",
       "columns": [{"name": "resultId", "dtype": "integer"}, {"name": "driverId", "dtype": "integer"},
                   {"name": "points", "dtype": "float"}, {"name": "date", "dtype": "datetime"}],
       "candidate_keys": [{"name": "resultId"}],
       "foreign_keys": [{"name": "driverId", "link_to": "drivers.driverId", "is_feature": true}]}],
    "task": {"name": "position", "source": {"train": "/t/train.parquet", "validation": "/t/validation.parquet", "test": null},
       "columns": [{"name": "date", "dtype": "datetime"}, {"name": "driverId", "dtype": "integer"},
                   {"name": "position", "dtype": "float"}],
       "time_column": "date", "task_type": "regression", "current_time": false, "label_column": "position",
       "target_entity_column": "driverId", "target_link_to": "drivers.driverId",
       "evaluation_metric": {"name": "mae"}}})");
}

// The same in the form of the protocol's own page.
Json key_types() {
  Json metadata = key_lists();
  metadata["tables"][0].erase("candidate_keys");
  metadata["tables"][0]["columns"][0]["key_type"] = "primary_key";
  metadata["tables"][1].erase("candidate_keys");
  metadata["tables"][1].erase("foreign_keys");
  metadata["tables"][1]["columns"][0]["key_type"] = "primary_key";
  metadata["tables"][1]["columns"][1]["key_type"] = "foreign_key";
  metadata["tables"][1]["columns"][1]["link_to"] = "drivers.driverId";
  Json& task = metadata["task"];
  for (const char* key : {"label_column", "target_entity_column", "target_link_to"}) task.erase(key);
  task["target_column"] = "position";
  task["target_table"] = "drivers";
  task["columns"][1]["key_type"] = "primary_key";
  return metadata;
}

// The drivers' results as links: which results each driver will have; as releases send it, and in the form of
// the protocol's own page.
Json link_lists() {
  Json metadata = key_lists();
  Json& task = metadata["task"];
  for (const char* key : {"label_column", "target_entity_column", "target_link_to"}) task.erase(key);
  task["task_type"] = "link_prediction";
  task["columns"] =
      Json::parse(R"([{"name": "date", "dtype": "datetime"}, {"name": "driver", "dtype": "integer"},
    {"name": "results", "dtype": "integer"}])");
  task["source_entity_column"] = "driver";
  task["source_link_to"] = "drivers.driverId";
  task["target_entity_column"] = "results";
  task["target_link_to"] = "results.resultId";
  task["evaluation_metric"] = {{"name", "link_prediction_recall"}, {"eval_at_k", 5}};
  task["source"] = {{"train", "/t/links.parquet"}, {"validation", "/t/links.parquet"}};
  return metadata;
}

Json link_types() {
  Json metadata = key_types();
  const Json lists = link_lists()["task"];
  Json& task = metadata["task"];
  for (const char* key : {"task_type", "columns", "evaluation_metric", "source"}) task[key] = lists[key];
  task["source_table"] = "drivers";
  task["source_column"] = "driver";
  task["target_table"] = "results";
  task["target_column"] = "results";
  return metadata;
}

Json describe(const std::string& source) {
  const auto column = [](const char* name, const char* type, const char* dtype, int64_t distinct) {
    return Json{{"name", name}, {"type", type}, {"dtype", dtype}, {"distinct", distinct}};
  };
  Json columns = Json::array();
  if (source == "/data/drivers.parquet")
    columns = {column("driverId", "BIGINT", "category", 8), column("code", "VARCHAR", "text", 90),
               column("driverRef", "VARCHAR", "text", 90)};
  else if (source == "/data/results.parquet")
    columns = {column("resultId", "BIGINT", "integer", 900), column("driverId", "BIGINT", "integer", 90),
               column("points", "DOUBLE", "float", 20), column("date", "TIMESTAMP", "datetime", 50)};
  else if (source == "/t/links.parquet")
    columns = {column("date", "VARCHAR", "datetime", 50), column("driver", "BIGINT", "category", 9),
               column("results", "BIGINT[]", "multi_categorical", 90)};
  else
    columns = {column("date", "VARCHAR", "datetime", 50), column("driverId", "BIGINT", "integer", 90),
               column("position", "DOUBLE", "float", 20)};
  return {{"source", source}, {"columns", columns}};
}

std::string problem_of(const Json& metadata) {
  try {
    specification_of(metadata);
  } catch (const Problem& problem) {
    return detail_of(problem);
  }
  return "";
}

TEST(V1alpha1Dataset, BecomesASpecificationThatTheEngineTakes) {
  const Json spec = specification_of(key_lists());
  EXPECT_EQ(spec["dataset"], "f1");
  const Json& drivers = spec["tables"]["drivers"];
  EXPECT_EQ(drivers["primary_key"], "driverId") << "the key that others refer to, not the first";
  EXPECT_EQ(drivers["candidate_keys"], Json({"driverRef"}));
  EXPECT_EQ(drivers["columns"], Json({{"code", "text"}})) << "keys are no features";
  const Json& results = spec["tables"]["results"];
  EXPECT_EQ(results["foreign_keys"]["driverId"],
            Json({{"link_to", "drivers.driverId"}, {"is_feature", true}}));
  EXPECT_EQ(results["columns"]["driverId"], "integer") << "a key that is a feature keeps its dtype";
  EXPECT_EQ(spec["task"]["target"], "position");
  EXPECT_EQ(spec["task"]["current_time"], false);
  EXPECT_FALSE(spec["task"].contains("test"));
  const JobSpec parsed = parse_job_spec(spec.dump(), SpecFormat::kJson, "/", {});
  EXPECT_EQ(parsed.tables.size(), 2);
  EXPECT_EQ(parsed.task->entity_table, "drivers");
}

TEST(V1alpha1Dataset, BothDialectsMeanTheSame) {
  Json lists = key_lists();
  lists["tables"][0]["candidate_keys"] = {{{"name", "driverId"}}};
  lists["tables"][1]["foreign_keys"][0].erase("is_feature");
  EXPECT_EQ(dialect_of(lists), Dialect::kKeyLists);
  EXPECT_EQ(dialect_of(key_types()), Dialect::kKeyTypes);
  EXPECT_EQ(specification_of(lists), specification_of(key_types()));
}

TEST(V1alpha1Dataset, ASpecificationGoesRoundInBothDialects) {
  for (const auto& [metadata, dialect] :
       {std::pair(key_lists(), Dialect::kKeyLists), std::pair(key_types(), Dialect::kKeyTypes)}) {
    const Json spec = specification_of(metadata);
    const Json back = metadata_of(spec, dialect, "parquet", "f1_regression_position", describe);
    EXPECT_EQ(dialect_of(back), dialect);
    EXPECT_EQ(specification_of(back), spec);
    EXPECT_EQ(back["task"]["columns"][0], Json({{"name", "date"}, {"dtype", "datetime"}}));
  }
}

TEST(V1alpha1Dataset, LinksBecomeASpecificationThatTheEngineTakes) {
  const Json spec = specification_of(link_lists());
  const Json task =
      Json::parse(R"({"name": "position", "type": "link_prediction", "entity": "drivers.driverId",
    "entity_column": "driver", "target_entity": "results.resultId", "target": "results", "time_column": "date",
    "current_time": false, "metric": "link_prediction_recall", "eval_at_k": 5,
    "train": "/t/links.parquet", "validation": "/t/links.parquet"})");
  EXPECT_EQ(spec["task"], task);
  const JobSpec parsed = parse_job_spec(spec.dump(), SpecFormat::kJson, "/", {});
  EXPECT_EQ(parsed.task->target_table, "results");
  EXPECT_EQ(parsed.task->eval_k, 5);
  EXPECT_EQ(dialect_of(link_types()), Dialect::kKeyTypes);
  EXPECT_EQ(specification_of(link_types())["task"], task);
}

TEST(V1alpha1Dataset, LinksGoRoundInBothDialects) {
  for (const auto& [metadata, dialect] :
       {std::pair(link_lists(), Dialect::kKeyLists), std::pair(link_types(), Dialect::kKeyTypes)}) {
    Json spec = specification_of(metadata);
    const Json back = metadata_of(spec, dialect, "parquet", "f1_link_prediction_position", describe);
    EXPECT_EQ(dialect_of(back), dialect);
    EXPECT_EQ(specification_of(back), spec);
    EXPECT_EQ(back["task"]["columns"], metadata["task"]["columns"])
        << "keys of the dtype of the key, lists of them too: releases take nothing else";
    spec["task"].erase("metric");
    spec["task"].erase("eval_at_k");
    EXPECT_EQ(metadata_of(spec, dialect, "parquet", "e", describe)["task"]["evaluation_metric"],
              Json::parse(R"({"name": "link_prediction_map", "eval_at_k": 12})"));
  }
}

TEST(V1alpha1Dataset, LinksToPredictForNeedNotNameTheirTargets) {
  Json lists = link_lists(), types = link_types();
  for (const char* key : {"target_entity_column", "target_link_to"}) lists["task"].erase(key);
  for (const char* key : {"target_column", "target_table"}) types["task"].erase(key);
  for (const Json& metadata : {lists, types}) {
    const Json spec = specification_of(metadata);
    EXPECT_FALSE(spec["task"].contains("target") || spec["task"].contains("target_entity"));
    EXPECT_EQ(spec["task"]["entity"], "drivers.driverId");
  }
}

TEST(V1alpha1Dataset, WhatASpecificationLeavesOpenIsAsked) {
  const Json spec = Json::parse(R"({"dataset": "f1", "data": {"source": "/data"},
    "tables": {"drivers": {"source": "drivers.parquet", "primary_key": "driverId", "exclude": ["code"]}},
    "task": {"name": "p", "type": "regression", "entity": "drivers.driverId", "target": "position",
             "train": "/t/train.parquet", "validation": "/t/v.parquet"}})");
  const Json metadata = metadata_of(spec, Dialect::kKeyLists, "parquet", "e", describe);
  EXPECT_EQ(metadata["tables"][0]["source"], "/data/drivers.parquet");
  EXPECT_EQ(metadata["tables"][0]["columns"], Json::parse(R"([{"name": "driverId", "dtype": "integer"},
    {"name": "driverRef", "dtype": "text"}])"));
  EXPECT_EQ(metadata["task"]["evaluation_metric"]["name"], "rmse");
}

TEST(V1alpha1Dataset, FetchedDtypesSuitKeys) {
  const auto dtype = [](const char* type, Json inferred, int64_t distinct) {
    return fetched_dtype({{"name", "x"}, {"type", type}, {"dtype", inferred}, {"distinct", distinct}});
  };
  EXPECT_EQ(dtype("BIGINT", "category", 3), "integer");
  EXPECT_EQ(dtype("VARCHAR", "category", 900), "text");
  EXPECT_EQ(dtype("VARCHAR", "category", 4), "category");
  EXPECT_EQ(dtype("BOOLEAN", "category", 2), "category");
  EXPECT_EQ(dtype("DOUBLE", nullptr, 0), nullptr);
}

TEST(V1alpha1Dataset, WhatIsWrongIsNamed) {
  Json metadata = key_lists();
  metadata["tables"][1].erase("source");
  EXPECT_EQ(problem_of(metadata), "missing required tables.results.source");
  metadata = key_lists();
  metadata["task"]["task_type"] = "link_prediction";
  EXPECT_EQ(problem_of(metadata), "missing required task.source_link_to");
  metadata = link_types();
  metadata["task"]["source_table"] = "riders";
  EXPECT_NE(problem_of(metadata).find("task.source_table: table 'riders' not found"), std::string::npos);
  metadata = key_types();
  metadata["task"]["target_table"] = "riders";
  EXPECT_NE(problem_of(metadata).find("table 'riders' not found"), std::string::npos);
  metadata = key_types();
  metadata["tables"][0]["columns"][0]["key_type"] = "main";
  EXPECT_NE(problem_of(metadata).find("tables.drivers.columns.driverId.key_type"), std::string::npos);
  metadata = key_lists();
  metadata["tables"][1]["candidate_keys"][0]["is_feature"] = true;
  EXPECT_NE(problem_of(metadata).find("unsupported: tables.results.candidate_keys"), std::string::npos);
}

}  // namespace
}  // namespace rle::v1alpha1
