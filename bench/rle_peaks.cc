// rle_peaks: what one core can do at best, and which CPU it is, as one JSON object.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "bench/measure.h"
#include "bench/peaks.h"

int main() {
  const rle::Isa isa = rle::active_isa();
  const rle::Peaks peaks = rle::measure_peaks(isa);
  const nlohmann::ordered_json object = {{"fp32_gflop_s", peaks.fp32_gflop_s},
                                         {"bf16_gflop_s", peaks.bf16_gflop_s},
                                         {"copy_gb_s", peaks.copy_gb_s},
                                         {"isa", rle::to_string(isa)},
                                         {"cpu", rle::cpu_name()},
                                         {"cpu_flags", rle::cpu_flags()}};
  fmt::print("{}\n", object.dump());
  return 0;
}
