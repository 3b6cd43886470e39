// What one core of this machine can do at best, measured: the limits that parts of a step are held against.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/isa.h"

namespace rle {

struct Peaks {
  double fp32_gflop_s = 0;  // multiply-adds of registers only, a multiply-add counts 2
  double bf16_gflop_s = 0;  // products of bf16 pairs added up in fp32; 0 where `isa` has none
  double copy_gb_s = 0;     // streamed copy of a block far larger than the caches: read and written bytes
};

// On the calling thread, with vectors of `isa`; the best of several runs, half a second in all.
Peaks measure_peaks(Isa isa);

// What the core gave while something else was measured: on a virtual machine whose cores are shared, that is
// now this and now half of it. Samples are to be taken in turns with what is held against them.
class PeakSamples {
 public:
  explicit PeakSamples(Isa isa) : isa_(isa) {}
  // Multiply-adds only: 10 ms, no memory.
  void take();
  // Medians. Copies, which need 256 MiB, are made now.
  Peaks medians() const;

 private:
  Isa isa_;
  std::vector<double> fp32_, bf16_;
};

}  // namespace rle
