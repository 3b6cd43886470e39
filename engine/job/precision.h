// The precision that a run computes in: what its specification asks for, as far as this CPU has it.
#pragma once

#include "base/report.h"
#include "job/job_spec.h"
#include "train/checkpoint.h"

namespace rle {

// Error{kSpec} where the specification asks for bf16 and the instruction set in use has none.
void check_precision(const JobSpec& spec);

// Of evaluation and prediction: what the specification sets (checked as above); else what the model was
// trained in, or fp32, with a line that says so, where it is bf16 and the instruction set has none.
Precision inference_precision(const JobSpec& spec, const TrainedModel& model, Report& report);

}  // namespace rle
