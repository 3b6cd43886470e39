// What no driver should send: told by the column's name, before an importer follows a pointer or an offset.
#include "ingest/arrow_check.h"

#include <gtest/gtest.h>

#include "ingest/adbc.h"
#include "ingest/arrow_testing.h"
#include "ingest/arrow_type.h"

namespace rle::ingest {
namespace {

// The message of the DriverError for a batch of this one column; "" where there is none.
std::string refusal(Field& column) {
  ArrowSchema schema{};
  ArrowSchema* field = &column.schema;
  schema.format = "+s";
  schema.n_children = 1;
  schema.children = &field;
  ArrowArray batch{};
  ArrowArray* array = &column.array;
  batch.length = array->length;
  batch.n_children = 1;
  batch.children = &array;
  try {
    check_schema(schema);
    check_batch(schema, batch);
  } catch (const DriverError& error) {
    return error.what();
  }
  return "";
}

void expect_refused(Field& column, const std::string& part) {
  const std::string message = refusal(column);
  EXPECT_NE(message.find("malformed Arrow data: column 'c': " + part), std::string::npos) << message;
}

const int64_t kNumbers[] = {1, 2, 3, 4};

TEST(ArrowCheckTest, CountsAndPointersOfAnyArray) {
  Field good("l", 3, {nullptr, kNumbers}, 1);
  EXPECT_EQ(refusal(good), "");
  Field negative("l", 3, {nullptr, kNumbers}, -1);
  expect_refused(negative, "3 rows from row -1 on");
  Field far("l", 3, {nullptr, kNumbers}, INT64_MAX - 1);
  expect_refused(far, "3 rows from row 9223372036854775806 on");
  Field one_buffer("l", 3, {kNumbers});
  expect_refused(one_buffer, "1 buffers where 2 are needed");
  Field no_values("l", 3, {nullptr, nullptr});
  expect_refused(no_values, "its values are missing");
  Field empty("l", 0, {nullptr, nullptr});
  EXPECT_EQ(refusal(empty), "");
  Field no_buffers("n", 3, {nullptr});
  no_buffers.array.buffers = nullptr;
  expect_refused(no_buffers, "1 buffers where 0 are needed");
}

TEST(ArrowCheckTest, BatchesWhoseColumnsDiffer) {
  Field column("l", 4, {nullptr, kNumbers});
  ArrowSchema schema{};
  ArrowSchema* field = &column.schema;
  schema.format = "+s";
  schema.n_children = 1;
  schema.children = &field;
  ArrowArray batch{};
  ArrowArray* array = &column.array;
  batch.length = 3;
  batch.n_children = 1;
  batch.children = &array;
  EXPECT_THROW(check_batch(schema, batch), DriverError) << "4 rows in a batch of 3";
  batch.length = 4;
  check_batch(schema, batch);
  batch.n_children = 0;
  EXPECT_THROW(check_batch(schema, batch), DriverError);
  batch.n_children = 1;
  array = nullptr;
  EXPECT_THROW(check_batch(schema, batch), DriverError);
}

TEST(ArrowCheckTest, Schemas) {
  Field nameless("l", 0, {nullptr, nullptr});
  nameless.schema.name = nullptr;
  EXPECT_NE(refusal(nameless).find("has no name"), std::string::npos);
  Field formatless("l", 0, {nullptr, nullptr});
  formatless.schema.format = nullptr;
  EXPECT_NE(refusal(formatless).find("column 'c' has no format"), std::string::npos);
  EXPECT_THROW(check_schema(nameless.schema), DriverError) << "no struct";
  std::vector<ArrowSchema> levels(100);
  std::vector<ArrowSchema*> pointers;
  for (ArrowSchema& level : levels) {
    level.format = "+l";
    level.name = "deep";
    pointers.push_back(&level);
  }
  for (size_t i = 0; i + 1 < levels.size(); ++i) {
    levels[i].n_children = 1;
    levels[i].children = &pointers[i + 1];
  }
  levels[0].format = "+s";
  EXPECT_THROW(check_schema(levels[0]), DriverError);
}

TEST(ArrowCheckTest, OffsetsOfStringsAndLists) {
  const int32_t falling[] = {0, 4, 2}, below[] = {-1, 0, 1}, rising[] = {0, 1, 3};
  for (const int32_t* ends : {falling, below}) {
    Field text("u", 2, {nullptr, ends, "pears"});
    expect_refused(text, "its offsets fall");
  }
  Field no_bytes("u", 2, {nullptr, rising, nullptr});
  expect_refused(no_bytes, "its bytes are missing");
  Field items("l", 2, {nullptr, kNumbers});
  Field list("+l", 2, {nullptr, rising});
  list.child(items);
  expect_refused(list, "an offset of 3 where there are 2 items");
  items.array.length = 3;
  EXPECT_EQ(refusal(list), "");
  Field fixed("+w:2", 2, {nullptr});
  fixed.child(items);
  expect_refused(fixed, "2 lists of 2 from 3 items");
  fixed.array.n_children = 0;
  expect_refused(fixed, "a list of 0 children");
}

TEST(ArrowCheckTest, IndicesIntoDictionaries) {
  const int32_t ends[] = {0, 1, 2};
  Field words("u", 2, {nullptr, ends, "ab"});
  const int8_t indices[] = {0, 2, -1};
  const uint8_t first_only[] = {0b001};
  Field null_rows("c", 3, {first_only, indices});
  null_rows.dictionary(words);
  EXPECT_EQ(refusal(null_rows), "") << "of null rows the index is anything";
  Field outside("c", 3, {nullptr, indices});
  outside.dictionary(words);
  expect_refused(outside, "index 2 into a dictionary of 2 entries");
  outside.array.dictionary = nullptr;
  expect_refused(outside, "its dictionary is missing");
}

TEST(ArrowCheckTest, StringViewsInsideTheirBuffers) {
  const std::string bytes(40, 'x');
  const int64_t size[] = {40};
  int32_t view[] = {30, 0, 0, 10};
  Field text("vu", 1, {nullptr, view, bytes.data(), size});
  EXPECT_EQ(refusal(text), "");
  view[3] = 11;
  expect_refused(text, "a string outside its data buffer (bytes 11 to 41 of 40)");
  view[2] = 1;
  expect_refused(text, "a string in data buffer 1 of 1");
  view[0] = -5;
  expect_refused(text, "a string of -5 bytes");
}

TEST(ArrowTypeTest, FormatsThatMeanNothingAreUnreadable) {
  for (const char* format :
       {"+w:-1", "+w:", "+w:99999999999", "d:", "d:9", "d:9,x", "d:9,2,", "d:9,2,128,1", "d:9,-2147483648"})
    EXPECT_EQ(parse_arrow_format(format).kind, ArrowKind::kOther) << format;
  EXPECT_EQ(parse_arrow_format("d:9,2,128").kind, ArrowKind::kDecimal128);
  const int32_t ends[] = {0, 1};
  Field words("u", 1, {nullptr, ends, "a"}), by_text("u", 1, {nullptr, ends, "a"});
  by_text.dictionary(words);
  EXPECT_FALSE(is_readable(by_text.schema)) << "indices are integers";
}

}  // namespace
}  // namespace rle::ingest
