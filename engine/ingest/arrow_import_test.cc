// What other senders than DuckDB use: arrays laid out by hand after the Arrow specification, with offsets and
// bitmaps.
#include "ingest/arrow_import.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/time.h"
#include "ingest/arrow_import_parts.h"
#include "ingest/arrow_testing.h"
#include "ingest/string_interner.h"
#include "ingest/test_folder.h"

namespace rle::ingest {
namespace {

Column import(const Field& field, bool is_time = false, bool is_key = false) {
  auto importer =
      make_importer(field.schema, {.table = "t", .column = "c", .is_key = is_key, .is_time = is_time});
  importer->append(field.array);
  return importer->finish();
}

TEST(ArrowImportTest, BatchesWithAndWithoutNullsJoin) {
  const int32_t values[] = {9, 1, 2, 3};
  const uint8_t bits[] = {0b1011};
  Field all("i", 3, {nullptr, values}, 1);
  Field some("i", 3, {bits, values}, 1);
  auto importer = make_importer(all.schema, {.table = "t", .column = "c"});
  importer->append(all.array);
  importer->append(some.array);
  importer->append(all.array);
  const Column column = importer->finish();
  EXPECT_EQ(column.rows, 9);
  EXPECT_EQ(column.ints, (std::vector<int64_t>{1, 2, 3, 1, 0, 3, 1, 2, 3}));
  EXPECT_EQ(column.valid, (std::vector<uint8_t>{1, 1, 1, 1, 0, 1, 1, 1, 1}));
}

TEST(ArrowImportTest, BitmapsWithoutANullLeaveNoValidity) {
  const int64_t values[] = {1, 2};
  const uint8_t bits[] = {0b11};
  EXPECT_TRUE(import(Field("l", 2, {bits, values})).valid.empty());
}

TEST(ArrowImportTest, TheNullTypeIsAllNull) {
  const Column column = import(Field("n", 3, {}));
  EXPECT_EQ(column.null_count(), 3);
  EXPECT_EQ(import(Field("n", 3, {}), true).type, PhysicalType::kTimestamp);
}

TEST(ArrowImportTest, HalfFloats) {
  const uint16_t values[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x7e00, 0x8000};
  const Column column = import(Field("e", 7, {nullptr, values}));
  EXPECT_EQ(column.floats[0], 1.0);
  EXPECT_EQ(column.floats[1], -2.0);
  EXPECT_EQ(column.floats[2], 65504.0);
  EXPECT_EQ(column.floats[3], std::ldexp(1.0, -24));
  EXPECT_TRUE(std::isinf(column.floats[4]));
  EXPECT_TRUE(std::isnan(column.floats[5]));
  EXPECT_TRUE(std::signbit(column.floats[6]));
}

TEST(ArrowImportTest, EveryTimeUnitBecomesMicroseconds) {
  const int64_t wide[] = {-1, 1500};
  const int32_t narrow[] = {-1, 1500};
  const auto ints = [&](const char* format, const void* data) {
    return import(Field(format, 2, {nullptr, data})).ints;
  };
  using Ints = std::vector<int64_t>;
  EXPECT_EQ(ints("tss:", wide), (Ints{-1000000, 1500000000}));
  EXPECT_EQ(ints("tsm:UTC", wide), (Ints{-1000, 1500000}));
  EXPECT_EQ(ints("tsu:", wide), (Ints{-1, 1500}));
  EXPECT_EQ(ints("tsn:Europe/Berlin", wide), (Ints{-1, 1}));
  EXPECT_EQ(ints("tdD", narrow), (Ints{-kMicrosPerDay, 1500 * kMicrosPerDay}));
  EXPECT_EQ(ints("tdm", wide), (Ints{-1000, 1500000}));
  EXPECT_EQ(ints("tts", narrow), (Ints{-1000000, 1500000000}));
  EXPECT_EQ(ints("ttm", narrow), (Ints{-1000, 1500000}));
  EXPECT_EQ(ints("ttu", wide), (Ints{-1, 1500}));
  EXPECT_EQ(ints("ttn", wide), (Ints{-1, 1}));
  const int64_t far[] = {0, INT64_MAX / 1000};
  expect_error(ErrorCode::kData, {"row 2", "too far"}, [&] { ints("tss:", far); });
}

TEST(ArrowImportTest, LargeStringsViewsAndDictionaries) {
  const char* bytes = "pearapple";
  const int64_t ends[] = {0, 4, 9};
  EXPECT_EQ(shown(import(Field("U", 2, {nullptr, ends, bytes}))),
            (std::vector<std::string>{"pear", "apple"}));

  const std::string longer = "a text of more than twelve bytes";
  char views[32] = {};
  const int32_t short_length = 4, long_length = static_cast<int32_t>(longer.size()), zero = 0;
  std::memcpy(views, &short_length, 4);
  std::memcpy(views + 4, "pear", 4);
  std::memcpy(views + 16, &long_length, 4);
  std::memcpy(views + 20, longer.data(), 4);
  std::memcpy(views + 24, &zero, 4);
  std::memcpy(views + 28, &zero, 4);
  const int64_t sizes[] = {long_length};
  EXPECT_EQ(shown(import(Field("vu", 2, {nullptr, views, longer.data(), sizes}))),
            (std::vector<std::string>{"pear", longer}));

  Field values("U", 2, {nullptr, ends, bytes});
  const int16_t indices[] = {1, 0, 1, 1};
  const uint8_t bits[] = {0b1101};
  Field dictionary("s", 4, {bits, indices});
  dictionary.dictionary(values);
  EXPECT_EQ(shown(import(dictionary)), (std::vector<std::string>{"apple", "null", "apple", "apple"}));
  const uint8_t no_pear[] = {0b10};
  Field holed("U", 2, {no_pear, ends, bytes});
  const int8_t both[] = {0, 1};
  Field with_hole("c", 2, {nullptr, both});
  with_hole.dictionary(holed);
  EXPECT_EQ(shown(import(with_hole)), (std::vector<std::string>{"null", "apple"}));
}

TEST(ArrowImportTest, ListsOfEveryLayout) {
  const float items[] = {1, 2, 3, 4, 5, 6};
  Field item("f", 6, {nullptr, items});
  const int64_t ends[] = {0, 1, 1, 4};
  Field large("+L", 2, {nullptr, ends}, 1);
  large.child(item);
  EXPECT_EQ(import(large).offsets, (std::vector<int64_t>{0, 0, 3}));
  EXPECT_EQ(import(large).floats32, (std::vector<float>{2, 3, 4}));
  const uint8_t bits[] = {0b101};
  Field fixed("+w:2", 3, {bits});
  fixed.child(item);
  EXPECT_EQ(import(fixed).floats32, (std::vector<float>{1, 2, 5, 6}));
  EXPECT_EQ(import(fixed).offsets, (std::vector<int64_t>{0, 2, 2, 4}));
  const Int128 cents[] = {150, -25, 0, 0, 0, 0};
  Field decimals("d:9,2", 6, {nullptr, cents});
  Field prices("+w:2", 1, {nullptr});
  prices.child(decimals);
  EXPECT_EQ(import(prices).floats32, (std::vector<float>{1.5f, -0.25f}));
}

TEST(ArrowImportTest, DecimalsInTheirScale) {
  const Int128 values[] = {123456789012345678, -5};
  EXPECT_EQ(import(Field("d:18,3", 2, {nullptr, values})).floats,
            (std::vector<double>{123456789012345.678, -0.005}));
  EXPECT_EQ(import(Field("d:18,-2", 1, {nullptr, values}, 1)).ints, (std::vector<int64_t>{-500}));
  EXPECT_EQ(import(Field("d:18,-2", 2, {nullptr, values})).floats,
            (std::vector<double>{12345678901234567800.0, -500}));
  const Int128 wide[] = {Int128{1} << 124,
                         -(Int128{1} << 124)};  // 10 times as much is more than 128 bits hold
  EXPECT_EQ(import(Field("d:38,-1", 2, {nullptr, wide})).floats,
            (std::vector<double>{std::ldexp(10.0, 124), -std::ldexp(10.0, 124)}));
}

TEST(ArrowImportTest, BrokenUtf8NamesItsRow) {
  const int32_t ends[] = {0, 2, 4};
  expect_error(ErrorCode::kData, {"table 't', column 'c', row 2", "UTF-8"}, [&] {
    import(Field("u", 2, {nullptr, ends, "ok\xc3\x28"}));
  });
}

TEST(Utf8Test, OnlyShortestFormsOfScalarValues) {
  for (const char* good :
       {"", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc3", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
}

TEST(StringInternerTest, NumbersByArrivalAndSortsAtTheEnd) {
  StringInterner interner;
  std::vector<std::string> texts;
  for (int i = 0; i < 1000; ++i) texts.push_back("word " + std::to_string((i * 7919) % 1000));
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(interner.intern(texts[static_cast<size_t>(i)]), i);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(interner.intern(texts[static_cast<size_t>(i)]), i);
  std::vector<int32_t> code_of;
  const auto pool = interner.finish(code_of);
  ASSERT_EQ(pool->size(), 1000);
  for (int i = 1; i < 1000; ++i) ASSERT_LT(pool->at(i - 1), pool->at(i));
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(pool->at(code_of[static_cast<size_t>(i)]), texts[static_cast<size_t>(i)]);
}

}  // namespace
}  // namespace rle::ingest
