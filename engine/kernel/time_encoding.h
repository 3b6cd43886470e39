// Sinusoidal features of time differences and of calendar parts (docs/model.md, temporal encoder and datetime
// columns).
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/matrix.h"

namespace rle {

// The frequencies f_i = 10000^(-i/(d/2-1)), i < d/2, of an encoding of width d (even).
std::vector<float> time_frequencies(int64_t width);

// out (n, d): sin(v f_i) for i < d/2, then cos(v f_i), with v = float(delta_s) / 86400, all in fp32 as the
// reference does (PyG's PositionalEncoding).
void encode_time_deltas(const int64_t* delta_s, int64_t n, const std::vector<float>& frequencies, Matrix out);

// The plain loop, for tests: the same contract.
void encode_time_deltas_oracle(const int64_t* delta_s, int64_t n, const std::vector<float>& frequencies,
                               Matrix out);

inline constexpr int64_t kCalendarParts =
    7;  // year - min_year, month - 1, day - 1, weekday, hour, minute, second
inline constexpr int64_t kCalendarFeatures = 56;  // 8 each

// out (n, 56) from parts (n, 7): the year by four sines and four cosines of v * 10000^(-2i/8), the others,
// divided by 12, 31, 7, 24, 60, 60, by sin(k pi v) and cos(2 k pi v), k = 1..4 (PyTorch Frame's
// TimestampEncoder).
void encode_calendar(const float* parts, int64_t n, Matrix out);

}  // namespace rle
