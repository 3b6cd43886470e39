#include "base/memory.h"

#include <gtest/gtest.h>

namespace rle {
namespace {

TEST(Memory, SizesAreReadAsPeopleWriteThem) {
  EXPECT_EQ(parse_bytes("4GiB"), int64_t{4} << 30);
  EXPECT_EQ(parse_bytes("4 GiB"), int64_t{4} << 30);
  EXPECT_EQ(parse_bytes("1.5G"), int64_t{3} << 29);
  EXPECT_EQ(parse_bytes("2kB"), std::nullopt);
  EXPECT_EQ(parse_bytes("2KB"), 2000);
  EXPECT_EQ(parse_bytes("123"), 123);
  for (const char* wrong :
       {"", " ", "GiB", "-1GiB", "0", "4  GiB", "4GiB ", "4GBi", "1e300GiB", "nan", "inf"})
    EXPECT_EQ(parse_bytes(wrong), std::nullopt) << wrong;
}

TEST(Memory, WhatATextSaysSuffices) {
  for (int64_t bytes :
       {int64_t{1}, int64_t{1} << 20, (int64_t{1} << 30) - 1, (int64_t{1} << 30) + 1, int64_t{1} << 41})
    EXPECT_GE(parse_bytes(bytes_text(bytes)), bytes) << bytes_text(bytes);
}

}  // namespace
}  // namespace rle
