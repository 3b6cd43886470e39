#include "table/features.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "table/table_builder.h"

namespace rle {
namespace {

const double kInf = std::numeric_limits<double>::infinity();
const double kNan = std::numeric_limits<double>::quiet_NaN();
using Texts = std::vector<std::string>;

// One column's encoding of a row as plain numbers, by the formulas of the documentation.
using Plain = std::vector<float>;

Plain naive(const Column& column, const ColumnStatistics& s, int64_t row) {
  const size_t i = static_cast<size_t>(row);
  const auto code = [&s](const std::string& text) {
    for (size_t v = 0; v < s.vocabulary.size(); ++v)
      if (s.vocabulary[v] == text) return static_cast<float>(v + 1);
    return 0.0f;
  };
  if (s.dtype == Dtype::kDatetime) {
    const CivilTime t = civil_from_micros(column.is_null(row) ? s.median_us : column.ints[i]);
    Plain out;
    for (int part : {t.year - s.min_year, t.month - 1, t.day - 1, t.weekday, t.hour, t.minute, t.second})
      out.push_back(static_cast<float>(part));
    return out;
  }
  if (s.dtype == Dtype::kMultiCategorical) {
    std::set<float> out;  // a list is a set of its elements
    for (int64_t e = column.offsets[i]; e < column.offsets[i + 1]; ++e)
      if (const float c = code(std::string(column.strings->at(column.codes[static_cast<size_t>(e)]))); c > 0)
        out.insert(c);
    return Plain(out.begin(), out.end());
  }
  if (s.dtype == Dtype::kCategory) return {column.is_null(row) ? 0.0f : code(column.display(row))};
  if (s.dtype == Dtype::kEmbedding) {
    Plain out(static_cast<size_t>(s.dimension) + 1);
    if (column.is_null(row)) return out;
    out[0] = 1;
    for (size_t k = 0; k + 1 < out.size(); ++k)
      out[k + 1] = column.floats32[static_cast<size_t>(column.offsets[i]) + k];
    return out;
  }
  const double x =
      column.type == PhysicalType::kInt64 ? static_cast<double>(column.ints[i]) : column.floats[i];
  if (column.is_null(row) || !std::isfinite(x)) return {0, 0};
  return {1, static_cast<float>((x - s.mean) / (s.std + 1e-6))};
}

// The same from a gather.
Plain gathered(const ColumnRows& rows, const ColumnStatistics& s, size_t i) {
  switch (s.dtype) {
    case Dtype::kDatetime: {
      const auto from = rows.datetime.parts.begin() + 7 * rows.datetime.index[i];
      return Plain(from, from + 7);
    }
    case Dtype::kMultiCategorical: {
      Plain out;
      const MultiCategoryRows& lists = rows.multi_category;
      for (int32_t e = lists.offsets[i]; e < lists.offsets[i + 1]; ++e)
        out.push_back(
            static_cast<float>(lists.distinct[static_cast<size_t>(lists.index[static_cast<size_t>(e)])]));
      return out;
    }
    case Dtype::kCategory: {
      const int32_t index = rows.category.index[i];
      return {index < 0 ? 0.0f : static_cast<float>(rows.category.distinct[static_cast<size_t>(index)])};
    }
    case Dtype::kEmbedding: {
      Plain out = {rows.embedding.present[i]};
      const auto from = rows.embedding.value.begin() + static_cast<int64_t>(i) * s.dimension;
      out.insert(out.end(), from, from + s.dimension);
      return out;
    }
    default:
      return {rows.numeric.present[i], rows.numeric.value[i]};
  }
}

Table random_table(uint64_t seed, int64_t rows) {
  RngStream rng(RngKey(seed).with("features"));
  const auto maybe = [&rng](auto value) { return rng.below(7) == 0 ? std::nullopt : std::optional(value); };
  Nullable<int64_t> at, born, count, kind;
  Nullable<double> size;
  Nullable<std::string> word;
  Nullable<Texts> tags;
  Nullable<std::vector<float>> vector;
  for (int64_t i = 0; i < rows; ++i) {
    at.emplace_back(i * kMicrosPerDay / 7);
    born.push_back(maybe(static_cast<int64_t>(rng.below(400)) * 3'600'123'456 - 100 * kMicrosPerDay));
    count.push_back(maybe(static_cast<int64_t>(rng.below(1000)) - 500));
    kind.push_back(maybe(static_cast<int64_t>(rng.below(i < rows / 2 ? 4 : 8))));
    size.push_back(maybe(rng.below(9) == 0 ? kInf : rng.normal()));
    word.push_back(maybe(fmt::format("w{}", rng.below(i < rows / 2 ? 5 : 9))));
    tags.push_back(maybe(Texts{fmt::format("g{}", rng.below(i < rows / 2 ? 5 : 9)), "g1"}));
    vector.push_back(maybe(std::vector<float>{static_cast<float>(rng.normal()), 2}));
  }
  return make_table("t",
                    {time_column("at", at), time_column("born", born), int_column("count", count),
                     int_column("kind", kind), float_column("size", size), string_column("word", word),
                     string_list_column("tags", tags), float_list_column("vector", vector)},
                    "at");
}

void expect_naive(const Table& table, const TableFeatures& features, const std::vector<NodeId>& ids,
                  const FeatureRows& out) {
  ASSERT_EQ(out.rows, static_cast<int64_t>(ids.size()));
  for (size_t c = 0; c < out.columns.size(); ++c) {
    const ColumnStatistics& s = features.statistics().columns[c];
    for (size_t i = 0; i < ids.size(); ++i)
      ASSERT_EQ(gathered(out.columns[c], s, i), naive(table.at(s.column), s, ids[i]))
          << s.column << " row " << ids[i];
  }
}

std::vector<NodeId> draw_ids(RngStream& rng, uint64_t rows, uint64_t count) {
  std::vector<NodeId> ids;
  for (uint64_t i = 0; i < count; ++i) ids.push_back(static_cast<NodeId>(rng.below(rows)));
  return ids;
}

TEST(TableFeatures, GatherEqualsEncodingEachRowByItself) {
  for (uint64_t seed = 0; seed < 4; ++seed) {
    const Table table = random_table(seed, 600);
    ReportLines report;
    const TableFeatures features(table, fit_statistics(table, {300 * kMicrosPerDay / 7}, report));
    ASSERT_EQ(features.statistics().columns.size(), table.columns.size());
    RngStream rng(RngKey(seed).with("ids"));
    FeatureRows out;
    for (uint64_t count : {50, 900, 1, 0, 300}) {
      const std::vector<NodeId> ids = draw_ids(rng, 600, count);
      features.gather(ids, out);
      expect_naive(table, features, ids, out);
    }
  }
}

TEST(TableFeatures, GatherListsOnlyWhatOccursAndEachOnce) {
  const Table table = random_table(5, 600);
  ReportLines report;
  const TableFeatures features(table, fit_statistics(table, {}, report));
  FeatureRows out;
  features.gather({7, 7, 7}, out);
  for (size_t c = 0; c < out.columns.size(); ++c) {
    EXPECT_LE(out.columns[c].category.distinct.size(), 1u);
    EXPECT_LE(out.columns[c].datetime.parts.size(), 7u);
    EXPECT_LE(out.columns[c].multi_category.distinct.size(), 2u);
  }
  features.gather(std::vector<NodeId>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20},
                  out);
  for (const ColumnRows& rows : out.columns)
    for (const std::vector<int32_t>* distinct : {&rows.category.distinct, &rows.multi_category.distinct}) {
      const std::set<int32_t> once(distinct->begin(), distinct->end());
      EXPECT_EQ(once.size(), distinct->size());
      EXPECT_EQ(once.count(0), 0u);
    }
}

TEST(TableFeatures, GathersFromSeveralThreadsIntoOutputsOfTheirOwn) {
  const Table table = random_table(6, 600);
  ReportLines report;
  const TableFeatures features(table, fit_statistics(table, {}, report));
  std::vector<std::thread> threads;
  std::vector<FeatureRows> out(4);
  std::vector<std::vector<NodeId>> ids(4);
  for (uint64_t t = 0; t < 4; ++t) {
    RngStream rng(RngKey(17).with(t));
    ids[t] = draw_ids(rng, 600, 500);
    threads.emplace_back([&, t] {
      for (int repeat = 0; repeat < 20; ++repeat) features.gather(ids[t], out[t]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (size_t t = 0; t < 4; ++t) expect_naive(table, features, ids[t], out[t]);
}

FeatureRows all_rows(const Table& table, const TableStatistics& statistics) {
  std::vector<NodeId> ids;
  for (int64_t i = 0; i < table.rows; ++i) ids.push_back(static_cast<NodeId>(i));
  FeatureRows out;
  TableFeatures(table, statistics).gather(ids, out);
  return out;
}

TableStatistics with_column(ColumnStatistics column) { return {"t", {std::move(column)}}; }

TEST(TableFeatures, EncodeCalendarParts) {
  const Table table = make_table("t", {time_column("at", {micros_from_civil(2024, 2, 29, 23, 59, 58, 999'999),
                                                          micros_from_civil(1969, 12, 31), std::nullopt})});
  ColumnStatistics s;
  s.column = "at";
  s.dtype = Dtype::kDatetime;
  s.min_year = 1970;
  s.median_us = micros_from_civil(2000, 1, 1, 6);
  const FeatureRows out = all_rows(table, with_column(s));
  EXPECT_EQ(gathered(out.columns[0], s, 0), (Plain{54, 1, 28, 3, 23, 59, 58}));
  EXPECT_EQ(gathered(out.columns[0], s, 1), (Plain{-1, 11, 30, 2, 0, 0, 0}));
  EXPECT_EQ(gathered(out.columns[0], s, 2), (Plain{30, 0, 0, 5, 6, 0, 0}));
}

TEST(TableFeatures, NormaliseWithTheEpsilonAndEncodeConstantsAsZero) {
  ColumnStatistics s;
  s.column = "x";
  s.mean = 3;
  const Table table = make_table("t", {float_column("x", {3.0, 4.0, std::nullopt, kNan, -kInf, 1e300})});
  const FeatureRows constant = all_rows(table, with_column(s));
  EXPECT_EQ(constant.columns[0].numeric.value, (Plain{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(constant.columns[0].numeric.present, (Plain{1, 1, 0, 0, 0, 1}));
  s.std = 0.5;
  const FeatureRows spread = all_rows(table, with_column(s));
  EXPECT_EQ(spread.columns[0].numeric.value, (Plain{0, static_cast<float>(1 / (0.5 + 1e-6)), 0, 0, 0, 0}));
  EXPECT_EQ(spread.columns[0].numeric.present, (Plain{1, 1, 0, 0, 0, 0}));
}

TEST(TableFeatures, MatchCategoriesByTheirTextAcrossTypes) {
  ColumnStatistics s;
  s.column = "k";
  s.dtype = Dtype::kCategory;
  s.vocabulary = {"7", "5000000000", "-1"};
  const auto codes = [&s](const Column& column) {
    const Table table = make_table("t", {column});
    const FeatureRows out = all_rows(table, with_column(s));
    Plain result;
    for (size_t i = 0; i < static_cast<size_t>(table.rows); ++i)
      result.push_back(gathered(out.columns[0], s, i)[0]);
    return result;
  };
  EXPECT_EQ(codes(int_column("k", {-1, 7, 8, std::nullopt, 5'000'000'000})), (Plain{3, 1, 0, 0, 2}));
  EXPECT_EQ(codes(float_column("k", {-1.0, 7.0, 7.5, kNan, 5e9})), (Plain{3, 1, 0, 0, 2}));
  EXPECT_EQ(codes(string_column("k", {"-1", "7", "8", std::nullopt, "5000000000"})), (Plain{3, 1, 0, 0, 2}));
  s.vocabulary = {"7", "5", "-1"};
  EXPECT_EQ(codes(int_column("k", {-1, 7, 8, std::nullopt, INT64_MIN})), (Plain{3, 1, 0, 0, 0}));
}

TEST(TableFeatures, RefuseAColumnThatCantCarryTheTrainedDtypeOrLength) {
  ColumnStatistics s;
  s.column = "v";
  s.dtype = Dtype::kEmbedding;
  s.dimension = 3;
  const Table lists = make_table("t", {float_list_column("v", {std::nullopt, std::vector<float>{1, 2}})});
  try {
    TableFeatures(lists, with_column(s));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kData);
    EXPECT_NE(std::string(error.what()).find("row 2 holds a list of 2 elements"), std::string::npos)
        << error.what();
  }
  try {
    TableFeatures(make_table("t", {string_column("v", {"x"})}), with_column(s));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
  }
}

}  // namespace
}  // namespace rle
