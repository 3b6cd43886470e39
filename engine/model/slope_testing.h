// Gradients of a whole model against differences of its loss. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "model/relational_model.h"

namespace rle {

struct SlopesCompared {
  int parameters = 0, of = 0;  // the others' slopes are lost in fp32
};

// The loss is smooth but for kinks, where a ReLU or a maximum changes its branch: where a parameter moves
// along its gradient, that is the slope to one side at least, if need be over a shorter step. A wrong
// gradient is that of neither side. loss: a training step of the model, always the same one.
inline SlopesCompared expect_gradients_are_slopes(RelationalModel& model,
                                                  const std::function<double()>& loss) {
  constexpr double kWantedChange = 5e-5, kLongestStep = 0.002, kShortest = 8, kMostError = 0.05;
  SlopesCompared compared;
  const double start = loss();
  const std::vector<float> gradients = model.parameters().gradients();
  for (const ParameterStore::Entry& entry : model.parameters().entries()) {
    const float* g = gradients.data() + entry.offset;
    const double norm = std::sqrt(std::inner_product(g, g + entry.size, g, 0.0));
    ++compared.of;
    if (norm * kLongestStep < kWantedChange / 10) continue;
    float* value = model.parameters().values().data() + entry.offset;
    const std::vector<float> kept(value, value + entry.size);
    const double longest = std::min(kLongestStep, kWantedChange / norm);
    double nearest = norm;
    for (double step = longest; nearest > kMostError * norm && step >= longest / kShortest; step /= 2)
      for (const double side : {-step, step}) {
        for (int64_t i = 0; i < entry.size; ++i)
          value[i] = kept[static_cast<size_t>(i)] + static_cast<float>(side / norm * double{g[i]});
        nearest = std::min(nearest, std::abs((loss() - start) / side - norm));
      }
    std::copy(kept.begin(), kept.end(), value);
    EXPECT_LE(nearest, kMostError * norm) << entry.name;
    ++compared.parameters;
  }
  return compared;
}

}  // namespace rle
