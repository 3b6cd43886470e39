#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "base/time.h"
#include "table/features.h"
#include "table/table_builder.h"

namespace rle {
namespace {

const double kInf = std::numeric_limits<double>::infinity();

// `rows` values of(i).
template <typename Of>
auto values(int64_t rows, Of of) {
  Nullable<decltype(of(int64_t{}))> out;
  for (int64_t i = 0; i < rows; ++i) out.emplace_back(of(i));
  return out;
}

Nullable<int64_t> cycle(int64_t rows, int64_t distinct) {
  return values(rows, [distinct](int64_t i) { return i % distinct; });
}
Nullable<std::string> cycle_text(int64_t rows, int64_t distinct) {
  return values(rows, [distinct](int64_t i) { return fmt::format("s{}", i % distinct); });
}

DtypeDecision decide_one(Column column, std::optional<Dtype> declared = std::nullopt) {
  const std::string name = column.name;
  Table table = make_table("t", {std::move(column)});
  if (declared) table.schema.columns = {{name, declared}};
  return decide_dtypes(table, {}).at(0);
}

std::optional<Dtype> inferred(Column column) { return decide_one(std::move(column)).dtype; }

TEST(InferDtype, IntegersAreCategoriesOnlyWhereFewRepeat) {
  EXPECT_EQ(inferred(int_column("a", cycle(100, 10))), Dtype::kCategory);
  EXPECT_EQ(inferred(int_column("a", cycle(99, 10))), Dtype::kInteger);
  EXPECT_EQ(inferred(int_column("a", cycle(1000, 11))), Dtype::kInteger);
  Column boolean = int_column("a", {1, 0});
  boolean.arrow_format = std::string("b");
  EXPECT_EQ(inferred(boolean), Dtype::kCategory);
}

TEST(InferDtype, StringsAreTimesCategoriesOrText) {
  EXPECT_EQ(inferred(string_column("a", cycle_text(20, 10))), Dtype::kCategory);
  EXPECT_EQ(decide_one(string_column("a", cycle_text(19, 10))).left_out, LeftOut::kText);
  EXPECT_EQ(inferred(string_column("a", cycle_text(4000, 200))), Dtype::kCategory);
  EXPECT_EQ(decide_one(string_column("a", cycle_text(4000, 201))).left_out, LeftOut::kText);
  EXPECT_EQ(inferred(string_column("a", {"2020-01-01", std::nullopt, "2020-01-02T10:00:00Z"})),
            Dtype::kDatetime);
  EXPECT_NE(inferred(string_column("a", {"2020-01-01", "2020-13-01"})), Dtype::kDatetime);
}

TEST(InferDtype, OtherTypesHaveOneAnswer) {
  EXPECT_EQ(inferred(float_column("a", {1.0, 1.0})), Dtype::kFloat);
  EXPECT_EQ(inferred(time_column("a", {0})), Dtype::kDatetime);
  EXPECT_EQ(inferred(int_list_column("a", {std::vector<int64_t>{1}})), Dtype::kMultiCategorical);
  EXPECT_EQ(inferred(string_list_column("a", {std::vector<std::string>{"x"}})), Dtype::kMultiCategorical);
  EXPECT_EQ(
      inferred(float_list_column("a", {std::vector<float>{1, 2}, std::nullopt, std::vector<float>{3, 4}})),
      Dtype::kEmbedding);
}

TEST(InferDtype, LeavesOutWhatHasNoValueOrFitsNothing) {
  EXPECT_EQ(decide_one(float_column("a", {std::nullopt, kInf})).left_out, LeftOut::kNoValue);
  EXPECT_EQ(decide_one(int_list_column("a", {std::vector<int64_t>{}, std::nullopt})).left_out,
            LeftOut::kNoValue);
  const DtypeDecision lists =
      decide_one(float_list_column("a", {std::vector<float>{1}, std::vector<float>{1, 2}}));
  EXPECT_EQ(lists.left_out, LeftOut::kUnfit);
  EXPECT_EQ(lists.reason, "lists of floats of unequal length (1 and 2)");
}

TEST(InferDtype, LooksAtTheWholeVisiblePartNotAtTheHead) {
  // The first half repeats five values; the second half is all different.
  const auto late = values(40'000, [](int64_t i) { return i < 20'000 ? i % 5 : i; });
  EXPECT_EQ(inferred(int_column("a", late)), Dtype::kInteger);
  // Only the last row holds a value.
  Nullable<int64_t> rare(50'000, std::nullopt);
  rare.back() = 3;
  EXPECT_EQ(inferred(int_column("a", rare)), Dtype::kInteger);
}

TEST(InferDtype, TakesFeatureColumnsByNameWithoutKeys) {
  Table table = make_table("t",
                           {int_column("z", {1, 2}), int_column("id", {1, 2}), int_column("team", {1, 2}),
                            int_column("city", {1, 2}), time_column("at", {5, 6})},
                           "at", "id");
  table.schema.foreign_keys = {{"team", "teams", "id", false}, {"city", "cities", "id", true}};
  std::vector<std::string> names;
  for (const auto& decision : decide_dtypes(table, {})) names.push_back(decision.column);
  EXPECT_EQ(names, (std::vector<std::string>{"at", "city", "z"}));
}

TEST(DeclaredDtype, IsTakenAndSaidToBeDeclared) {
  const DtypeDecision decision = decide_one(int_column("a", {1, 2}), Dtype::kCategory);
  EXPECT_EQ(decision.dtype, Dtype::kCategory);
  EXPECT_EQ(decision.reason, "declared");
  const DtypeDecision text = decide_one(string_column("a", {"x", "x", "x", "x"}), Dtype::kText);
  EXPECT_EQ(text.left_out, LeftOut::kText);
  EXPECT_EQ(text.reason, "declared; text columns are left out until text embedding is built");
}

TEST(DeclaredDtype, ThatTheTypeCantCarryIsRefusedWithWhatWouldDo) {
  try {
    decide_one(string_column("name", {"x"}), Dtype::kInteger);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    EXPECT_STREQ(error.what(),
                 "table 't', column 'name': its values are of type string and can't be encoded as integer; "
                 "declare one of: "
                 "text, category, datetime, or leave the dtype out to have it inferred");
  }
}

TEST(DeclaredDtype, EachTypeCarriesWhatTheDocumentationSays) {
  const std::vector<std::pair<Column, std::string>> cases = {
      {int_column("a", {1}), "integer float category"},
      {float_column("a", {1.5}), "integer float category"},
      {time_column("a", {1}), "datetime"},
      {string_column("a", {"2020-01-01"}), "text category datetime"},
      {int_list_column("a", {std::vector<int64_t>{1}}), "multi_categorical embedding"},
      {string_list_column("a", {std::vector<std::string>{"x"}}), "multi_categorical"},
      {float_list_column("a", {std::vector<float>{1}}), "embedding"},
  };
  for (const auto& [column, carried] : cases) {
    for (const char* name :
         {"text", "integer", "float", "category", "multi_categorical", "embedding", "datetime"}) {
      const bool expected = fmt::format(" {} ", carried).find(fmt::format(" {} ", name)) != std::string::npos;
      bool taken = true;
      try {
        decide_one(column, dtype_from_string(name));
      } catch (const Error&) {
        taken = false;
      }
      EXPECT_EQ(taken, expected) << to_string(column.type) << " as " << name;
    }
  }
}

TEST(Visibility, EndsAtTheGivenTimeInclusiveAndNeverHoldsNullTimes) {
  const Table table = make_table("t", {time_column("at", {1, 5, 6, std::nullopt})}, "at");
  EXPECT_EQ(visible_rows(table, {5}), (std::vector<uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(visible_rows(table, {}), (std::vector<uint8_t>{1, 1, 1, 0}));
  EXPECT_EQ(visible_rows(make_table("t", {int_column("a", {1, 2})}), {5}), (std::vector<uint8_t>{1, 1}));
  try {
    visible_rows(make_table("t", {int_column("year", {2020})}, "year"), {});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    EXPECT_NE(std::string(error.what()).find("table 't', time column 'year': its values are of type integer"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace rle
