// What tests of all kinds of link tasks share. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "model/relational_model.h"
#include "task/task.h"

namespace rle::test_data {

inline TaskType link_type_of(Readout readout) {
  return readout == Readout::kTargets ? TaskType::kRepeatedLinkPrediction : TaskType::kLinkPrediction;
}

inline constexpr Readout kLinkReadouts[] = {Readout::kTowers, Readout::kTargets, Readout::kFusion};
inline std::string link_readout_name(const ::testing::TestParamInfo<Readout>& info) {
  return info.param == Readout::kTowers    ? "TwoTowers"
         : info.param == Readout::kTargets ? "Repeated"
                                           : "Fusion";
}

inline std::vector<int64_t> rows_with_targets(const LabelTable& labels) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < labels.rows; ++row)
    if (labels.target_offsets[static_cast<size_t>(row)] < labels.target_offsets[static_cast<size_t>(row) + 1])
      rows.push_back(row);
  return rows;
}

}  // namespace rle::test_data
