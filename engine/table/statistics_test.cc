#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "table/features.h"
#include "table/moments.h"
#include "table/table_builder.h"

namespace rle {
namespace {

const double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::string>;

ColumnStatistics statistics_of(const Column& column, Dtype dtype, std::vector<uint8_t> visible = {}) {
  if (visible.empty()) visible.assign(static_cast<size_t>(column.rows), 1);
  return compute_statistics(make_table("t", {column}), column, dtype, visible);
}

TEST(NumericStatistics, AgreeWithTwoPassesOverVisibleFiniteValues) {
  RngStream rng(RngKey(3));
  Nullable<double> values;
  std::vector<uint8_t> visible;
  std::vector<long double> seen;
  for (int i = 0; i < 150'000; ++i) {
    const uint64_t kind = rng.below(20);
    const double x = kind == 0 ? kNan : 1e8 + rng.normal();
    visible.push_back(rng.below(3) == 0 ? 0 : 1);
    values.emplace_back(kind == 1 ? std::nullopt : std::optional(x));
    if (visible.back() != 0 && kind > 1) seen.push_back(x);
  }
  long double sum = 0, squares = 0;
  for (long double x : seen) sum += x;
  const long double mean = sum / static_cast<long double>(seen.size());
  for (long double x : seen) squares += (x - mean) * (x - mean);
  const ColumnStatistics s = statistics_of(float_column("x", values), Dtype::kFloat, visible);
  EXPECT_NEAR(s.mean, static_cast<double>(mean), 1e-6);
  EXPECT_NEAR(s.std, std::sqrt(static_cast<double>(squares / static_cast<long double>(seen.size()))), 1e-7);
  EXPECT_EQ(s.visible - s.nulls - s.non_finite, static_cast<int64_t>(seen.size()));
}

TEST(NumericStatistics, PartsMergeToTheWhole) {
  RngStream rng(RngKey(4));
  Moments whole, merged;
  for (int part = 0; part < 10; ++part) {
    Moments m;
    for (uint64_t i = 0; i < rng.below(50); ++i) {
      const double x = 100 + 5 * rng.normal();
      m.add(x);
      whole.add(x);
    }
    merged.merge(m);
  }
  EXPECT_EQ(merged.n, whole.n);
  EXPECT_NEAR(merged.mean, whole.mean, 1e-12 * 100);
  EXPECT_NEAR(merged.m2, whole.m2, 1e-9 * whole.m2);
  EXPECT_EQ(merged.min, whole.min);
  EXPECT_EQ(merged.max, whole.max);
}

TEST(NumericStatistics, OfEqualValuesHaveExactlyNoDeviation) {
  const ColumnStatistics s = statistics_of(float_column("x", Nullable<double>(200'000, 0.1)), Dtype::kFloat);
  EXPECT_EQ(s.mean, 0.1);
  EXPECT_EQ(s.std, 0.0);
}

TEST(NumericStatistics, RefuseValuesTooFarApart) {
  EXPECT_THROW(statistics_of(float_column("x", {1e308, -1e308}), Dtype::kFloat), Error);
}

TEST(CategoryStatistics, AreByFallingCountThenByValue) {
  EXPECT_EQ(statistics_of(int_column("a", {10, 9, 9, -1, 10, 2}), Dtype::kCategory).vocabulary,
            (Texts{"9", "10", "-1", "2"}));
  EXPECT_EQ(statistics_of(int_column("a", {10, INT64_MAX, INT64_MIN, 10}), Dtype::kCategory).vocabulary,
            (Texts{"10", "-9223372036854775808", "9223372036854775807"}));
  EXPECT_EQ(statistics_of(string_column("a", {"b", "a", "10", "9", "b", std::nullopt}), Dtype::kCategory)
                .vocabulary,
            (Texts{"b", "10", "9", "a"}));
  EXPECT_EQ(
      statistics_of(float_column("a", {2.5, -0.0, 0.0, 2.5, 10.0, 9.0, kNan}), Dtype::kCategory).vocabulary,
      (Texts{"0", "2.5", "9", "10"}));
}

TEST(CategoryStatistics, CountTheDistinctElementsOfEachList) {
  const Column lists = string_list_column("l", {Texts{"x", "y"}, std::nullopt, Texts{"y"}, Texts{}});
  EXPECT_EQ(statistics_of(lists, Dtype::kMultiCategorical).vocabulary, (Texts{"y", "x"}));
  using Ids = std::vector<int64_t>;
  const Column ids = int_list_column("l", {Ids{5, 4, 5, 5}, Ids{4}, Ids{5, 6, 4}});
  EXPECT_EQ(statistics_of(ids, Dtype::kMultiCategorical).vocabulary, (Texts{"4", "5", "6"}));
}

TEST(DatetimeStatistics, AreTheEarliestYearAndTheUpperMedian) {
  const int64_t day = kMicrosPerDay;
  const ColumnStatistics s =
      statistics_of(time_column("at", {30 * day, -day, 10 * day, 20 * day, std::nullopt}), Dtype::kDatetime);
  EXPECT_EQ(s.min_year, 1969);
  EXPECT_EQ(s.median_us, 20 * day);
  const ColumnStatistics text =
      statistics_of(string_column("at", {"1970-01-11", "soon", "1970-01-02"}), Dtype::kDatetime);
  EXPECT_EQ(text.median_us, 10 * day);
  EXPECT_EQ(text.non_finite, 1);
}

TEST(EmbeddingStatistics, RefuseUnequalLengthsNamingSourceRows) {
  Table table = make_table(
      "t", {float_list_column("v", {std::nullopt, std::vector<float>{1, 2}, std::vector<float>{1}})});
  table.source_rows = {4, 7, 2};
  try {
    compute_statistics(table, table.columns[0], Dtype::kEmbedding, {1, 1, 1});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_NE(std::string(error.what()).find("table 't', column 'v'"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("row 8 has 2 elements and row 3 has 1"), std::string::npos)
        << error.what();
  }
}

// Rows before `cut` are visible; what lies after depends on `seed`.
Table table_with_future(uint64_t seed, int64_t cut, int64_t rows) {
  Nullable<int64_t> at, small;
  Nullable<double> number, empty;
  Nullable<std::string> word;
  Nullable<std::vector<std::string>> tags;
  for (int64_t i = 0; i < rows; ++i) {
    RngStream rng(RngKey(i < cut ? 1 : seed).with(static_cast<uint64_t>(i)));
    const bool late = i >= cut;
    at.emplace_back(late && rng.below(9) == 0 ? std::nullopt : std::optional(i));
    small.emplace_back(static_cast<int64_t>(rng.below(late ? 1'000'000 : 5)));
    number.emplace_back(late ? 1e6 * rng.normal() : rng.normal());
    empty.emplace_back(late ? std::optional(1.0) : std::nullopt);
    word.emplace_back(fmt::format("w{}", rng.below(late ? 1'000'000 : 4)));
    tags.emplace_back(Texts(rng.below(3), fmt::format("g{}", rng.below(late ? 1000 : 6))));
  }
  return make_table(
      "t",
      {time_column("at", at), int_column("small", small), float_column("number", number),
       float_column("empty", empty), string_column("word", word), string_list_column("tags", tags)},
      "at");
}

std::string text_of(const TableStatistics& statistics) {
  std::string text;
  for (const ColumnStatistics& s : statistics.columns)
    text += fmt::format("{} {} {:a} {:a} [{}] {} {} {} {}/{}/{}\n", s.column, to_string(s.dtype), s.mean,
                        s.std, fmt::join(s.vocabulary, ","), s.min_year, s.median_us, s.dimension, s.visible,
                        s.nulls, s.non_finite);
  return text;
}

TEST(FitStatistics, DependsOnVisibleRowsOnly) {
  ReportLines first_lines, lines;
  const std::string first = text_of(fit_statistics(table_with_future(100, 700, 2000), {699}, first_lines));
  EXPECT_NE(first.find("small category"), std::string::npos);
  EXPECT_NE(first.find("word category"), std::string::npos);
  EXPECT_EQ(first.find("empty"), std::string::npos);
  for (uint64_t seed = 101; seed < 105; ++seed)
    EXPECT_EQ(text_of(fit_statistics(table_with_future(seed, 700, 2000), {699}, lines)), first);
  EXPECT_EQ(text_of(fit_statistics(table_with_future(100, 700, 700), {}, lines)), first);
  EXPECT_NE(text_of(fit_statistics(table_with_future(100, 700, 2000), {}, lines)), first);
}

TEST(FitStatistics, SaysWhatItLeavesOutAndWhatItFound) {
  const Table table = make_table(
      "t", {string_column("b", {"x", "y", "z"}), string_column("a", {"u", "v", "w"}),
            float_column("none", {std::nullopt, std::nullopt, std::nullopt}),
            float_column("same", {2.5, 2.5, std::nullopt}), float_column("wild", {kInf, kNan, 1.0})});
  ReportLines report;
  const TableStatistics statistics = fit_statistics(table, {}, report);
  ASSERT_EQ(statistics.columns.size(), 2u);
  EXPECT_EQ(statistics.left_out_text, (std::vector<std::string>{"a", "b"}));
  std::string text;
  for (const auto& line : report.lines())
    text += fmt::format("{} {}\n", line.severity == Severity::kWarning ? "W" : "I", line.text);
  EXPECT_EQ(
      text,
      "W table 't', column 'none' is left out: no visible row has a value (3 visible rows)\n"
      "I table 't', column 'same': every visible value is 2.5; it is encoded as 0\n"
      "I table 't', column 'wild': every visible value is 1; it is encoded as 0\n"
      "W table 't', column 'wild': 2 of 3 visible values are NaN or infinite; they are taken as null\n");
}

TEST(FitStatistics, OfATableWithoutVisibleRowsSaysSoOnce) {
  ReportLines report;
  const Table table = make_table("t", {time_column("at", {9, 9}), int_column("a", {1, 2})}, "at");
  EXPECT_TRUE(fit_statistics(table, {3}, report).columns.empty());
  ASSERT_EQ(report.lines().size(), 1u);
  EXPECT_EQ(report.lines()[0].text,
            "table 't': none of its 2 rows is visible in training; its 2 feature columns are left out");
}

}  // namespace
}  // namespace rle
