// The least work that a training step of a batch is known to need, part by part: what a machine's peaks allow
// at best. The formulas are explained in docs/performance.md (cost model).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "bench/peaks.h"
#include "model/relational_model.h"

namespace rle {

// Floating point operations in matrix products (a multiply-add is 2), and bytes read and written.
struct Cost {
  double flop = 0, bytes = 0;  // of products in fp32
  double bf16_flop = 0;        // of those with bf16 operands, besides

  double all_flop() const { return flop + bf16_flop; }
};

// By the names of StepMarks and of BatchSource's parts.
using StepCosts = std::vector<std::pair<std::string, Cost>>;

// parameters: how many values Adam updates in the step.
StepCosts step_costs(const ModelDefinition& definition, const ModelInput& input, int64_t parameters);

// Adds `other` (the same parts) to `sum`, which may be empty.
void add_costs(const StepCosts& other, StepCosts& sum);

// Seconds that no implementation can beat: products at the peaks of multiply-adds or bytes at that of a copy,
// whichever takes longer.
double least_seconds(const Cost& cost, const Peaks& peaks);

}  // namespace rle
