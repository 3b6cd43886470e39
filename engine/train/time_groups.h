// Rows of a label table that share a time: neighbours in its canonical order.
#pragma once

#include <cstdint>
#include <optional>

#include "task/task.h"

namespace rle {

// Rows [begin, end).
struct TimeGroup {
  int64_t begin = 0, end = 0;
  std::optional<int64_t> time_us;  // absent: a task without time
};

inline TimeGroup group_at(const LabelTable& labels, int64_t begin) {
  if (labels.time_us.empty()) return {begin, labels.rows, std::nullopt};
  const int64_t time_us = labels.time_us[static_cast<size_t>(begin)];
  int64_t end = begin + 1;
  while (end < labels.rows && labels.time_us[static_cast<size_t>(end)] == time_us) ++end;
  return {begin, end, time_us};
}

}  // namespace rle
