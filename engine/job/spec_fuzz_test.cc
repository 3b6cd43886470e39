// Random damage to specifications: the parser accepts or refuses with Error{kSpec}; it never does anything
// else.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/fuzz_testing.h"
#include "job/job_spec.h"

namespace rle {
namespace {

using namespace fuzz_testing;

const char* kYaml = R"(dataset: f1
data: {source: db}
tables:
  drivers: {source: d.parquet, primary_key: id, candidate_keys: [code, {column: number, is_feature: true}]}
  results:
    source: r.csv
    time_column: date
    foreign_keys: {driver: drivers.id, other: {link_to: drivers.code, is_feature: true}}
    columns: {points: float, "odd name": infer}
    exclude: [x, 'y']
task: {name: t, type: regression, entity: drivers.id, target: y, time_column: when, horizon: 1d 2h, metric: mae, train: a}
config: {preset: relbench, lr: 5e-3, fanouts: [8, 4], visible_until: "2010-01-01", patience: null, seed: 0x10}
output: {database: o.duckdb, flatten: false} # end
)";

const char* kLinks = R"(dataset: shop
tables:
  customers: {source: c.parquet, primary_key: id}
  articles: {source: a.parquet, primary_key: id}
  orders: {source: o.parquet, time_column: at, foreign_keys: {who: customers.id, what: articles.id}}
task: {name: t, type: link_prediction, entity: customers.id, target_entity: articles.id, target: bought,
       time_column: at, eval_at_k: 7, metric: link_prediction_recall}
config: {num_negative: 3, negative_sampling_strategy: degree_based, id_awareness: true, link_fusion: true}
)";

const char* kJson =
    R"({"dataset": "f1", "tables": {"t": {"source": "a", "primary_key": "id", "columns": {"c\u00e9": "float"}}},
 "config": {"lr": 1e-3, "fanouts": [1, 2], "label_smoothing": false, "max_iters": null, "seed": 12345678901234567890}})";

const std::vector<std::string_view> kWords{": ",        "{",         "}",         "[",
                                           "]",         ",",         "- ",        "#",
                                           "&a ",       "*a",        "!!str ",    "|\n",
                                           ">-\n",      "'",         "\"",        "%YAML 1.2",
                                           "---\n",     "...\n",     "? ",        "<<: ",
                                           "\n",        "\n  ",      "\t",        "\\u0000",
                                           "\\ud800",   "\xc3\xa9",  "\xff",      "\xc3",
                                           "null",      "~",         ".nan",      "-.inf",
                                           "1e999",     "0x",        "0o17",      "2010-01-01",
                                           "tables",    "task",      "config",    "output",
                                           "source",    "link_to",   "columns",   "primary_key",
                                           "horizon",   "type: ",    "edge",      "metric",
                                           "threshold", "clamp_min", "[[[[[[[[[", "{a: {a: {a: ",
                                           "1d 2h",     "@`",        "eval_at_k", "target_entity",
                                           "regression"};

std::string example(const std::string& name) {
  std::ifstream in(std::string(RLE_SOURCE_DIR) + "/examples/f1/" + name + ".yaml");
  return {std::istreambuf_iterator<char>(in), {}};
}

// Whether the text was refused, as it should be.
bool refuses(const std::string& text, SpecFormat format, const std::vector<std::string>& overrides = {}) {
  try {
    parse_job_spec(text, format, ".", overrides);
    return false;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec) << error.what() << "\n" << text;
    EXPECT_STRNE(error.what(), "");
    return true;
  }
}

// Some damage is harmless, most is not.
void expect_most(int64_t refused, int64_t done) {
  if (done < 100) return;
  EXPECT_GT(refused, done / 2);
  EXPECT_LT(refused, done);
}

TEST(SpecFuzz, DamagedYamlIsReadOrRefused) {
  const std::vector<std::string> texts{kYaml, kLinks, example("driver-position"),
                                       example("driver-circuit-compete")};
  int64_t refused = 0;
  const int64_t done = fuzz(1500, [&](RngStream& random) {
    const std::string& text = texts[random.below(texts.size())];
    refused += refuses(damaged(text, kWords, random), SpecFormat::kYaml);
  });
  expect_most(refused, done);
}

TEST(SpecFuzz, DamagedJsonIsReadOrRefused) {
  int64_t refused = 0;
  const int64_t done = fuzz(4000, [&](RngStream& random) {
    refused += refuses(damaged(kJson, kWords, random), SpecFormat::kJson);
  });
  expect_most(refused, done);
}

TEST(SpecFuzz, ValuesOfAnotherKindAreReadOrRefused) {
  nlohmann::json whole = nlohmann::json::parse(kJson);
  whole["config"]["seed"] = 42;
  whole["tables"]["t"]["time_column"] = "at";
  whole["task"] = {{"name", "t"},
                   {"type", "binary_classification"},
                   {"entity", "t.id"},
                   {"target", "y"},
                   {"entity_column", "who"},
                   {"time_column", "when"},
                   {"horizon", "1d 2h"},
                   {"metric", "roc_auc"},
                   {"train", "b"}};
  whole["output"] = {{"database", "o.duckdb"}, {"flatten", false}};
  ASSERT_NO_THROW(parse_job_spec(whole.dump(), SpecFormat::kJson, ".", {}));
  int64_t refused = 0;
  const int64_t done = fuzz(4000, [&](RngStream& random) {
    nlohmann::json changed = whole;
    damage_tree(changed, random);
    const auto replace = nlohmann::json::error_handler_t::replace;
    refused += refuses(changed.dump(-1, ' ', false, replace), SpecFormat::kJson);
  });
  expect_most(refused, done);
}

TEST(SpecFuzz, DamagedOverridesAreReadOrRefused) {
  fuzz(1000, [&](RngStream& random) {
    refuses(kYaml, SpecFormat::kYaml,
            {damaged("tables.results.columns={a: [1, 2], b: {c: x}}", kWords, random)});
  });
}

}  // namespace
}  // namespace rle
