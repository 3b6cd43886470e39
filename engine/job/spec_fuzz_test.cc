// Random damage to specifications: the parser accepts or refuses with Error{kSpec}; it never does anything
// else.
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/rng.h"
#include "job/job_spec.h"

namespace rle {
namespace {

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

const char* kJson =
    R"({"dataset": "f1", "tables": {"t": {"source": "a", "primary_key": "id", "columns": {"c\u00e9": "float"}}},
 "config": {"lr": 1e-3, "fanouts": [1, 2], "label_smoothing": false, "max_iters": null, "seed": 12345678901234567890}})";

constexpr std::string_view kAlphabet = ":{}[],#&*!|>'\"%@`-?~.\n\t 0123456789eE+\\u\xc3\xa9\xff<=x";

std::string damaged(std::string text, RngStream& random) {
  const uint64_t edits = 1 + random.below(6);
  for (uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const size_t at = random.below(text.size());
    const size_t length = 1 + random.below(12);
    switch (random.below(4)) {
      case 0:
        text[at] = kAlphabet[random.below(kAlphabet.size())];
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, 1, kAlphabet[random.below(kAlphabet.size())]);
        break;
      default:
        text.insert(random.below(text.size()), text.substr(at, length));
    }
  }
  return text;
}

int refusals(const char* text, SpecFormat format, int runs) {
  int refused = 0;
  for (int run = 0; run < runs; ++run) {
    RngStream random(RngKey(7).with(static_cast<uint64_t>(run)));
    const std::string bad = damaged(text, random);
    try {
      parse_job_spec(bad, format, ".", {});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSpec) << error.what() << "\n" << bad;
      EXPECT_STRNE(error.what(), "");
      ++refused;
    }
  }
  return refused;
}

TEST(SpecFuzz, DamagedYamlIsReadOrRefused) {
  const int refused = refusals(kYaml, SpecFormat::kYaml, 4000);
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 4000) << "some damage is harmless";
}

TEST(SpecFuzz, DamagedJsonIsReadOrRefused) {
  const int refused = refusals(kJson, SpecFormat::kJson, 4000);
  EXPECT_GT(refused, 2000);
  EXPECT_LT(refused, 4000);
}

TEST(SpecFuzz, DamagedOverridesAreReadOrRefused) {
  for (int run = 0; run < 2000; ++run) {
    RngStream random(RngKey(8).with(static_cast<uint64_t>(run)));
    try {
      parse_job_spec(kYaml, SpecFormat::kYaml, ".",
                     {damaged("tables.results.columns={a: [1, 2], b: {c: x}}", random)});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kSpec) << error.what();
    }
  }
}

}  // namespace
}  // namespace rle
