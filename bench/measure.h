// What the benchmarks measure with: a clock, medians, what other processes did meanwhile, peak memory, the
// CPU.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace rle {

double now_s();  // of a steady clock

// The middle value (the mean of the two middle ones); 0 where there is none.
double median(std::vector<double> values);

// From its construction on: wall seconds, and how many CPUs other processes kept busy.
class Watch {
 public:
  Watch();
  double wall_s() const;
  // From /proc/stat less this process's own time; 0 where that file can't be read. In steps of 10 ms of CPU.
  double others() const;

 private:
  double start_, busy_;
};

// VmHWM: the most memory this process has ever had, ingest included.
int64_t peak_memory_bytes();

std::string cpu_name();
// Those of the CPU's flags that kernels could use: "avx2 fma avx512f ...".
std::string cpu_flags();

}  // namespace rle
