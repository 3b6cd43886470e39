// What one core of this machine can do at best, measured: the limits that parts of a step are held against.
#pragma once

#include <cstdint>

#include "kernel/isa.h"

namespace rle {

struct Peaks {
  double fp32_gflop_s = 0;  // multiply-adds of registers only, a multiply-add counts 2
  double bf16_gflop_s = 0;  // products of bf16 pairs added up in fp32; 0 where `isa` has none
  double copy_gb_s = 0;     // streamed copy of a block far larger than the caches: read and written bytes
};

// On the calling thread, with vectors of `isa`; the best of several runs, half a second in all.
Peaks measure_peaks(Isa isa);

}  // namespace rle
