// What matrix products round their operands to, and bf16 itself: the upper half of an fp32 value. Sums of
// products are fp32 in either case.
#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace rle {

enum class Precision { kFp32, kBf16 };

constexpr std::string_view to_string(Precision precision) {
  return precision == Precision::kBf16 ? "bf16" : "fp32";
}

// To the nearest, ties to even; what overflows becomes infinite, NaN stays NaN.
constexpr uint16_t to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = bits + 0x7fffu + (bits >> 16 & 1u);
  return static_cast<uint16_t>(x != x ? bits >> 16 | 0x40u : rounded >> 16);
}

constexpr float from_bf16(uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); }

}  // namespace rle
