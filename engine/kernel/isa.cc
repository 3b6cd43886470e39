#include "kernel/isa.h"

#include <atomic>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace rle {
namespace {

Isa requested_isa() {
  const char* wanted = std::getenv("RLE_ISA");
  const Isa best = supported_isa();
  if (wanted == nullptr || *wanted == '\0') return best;
  for (Isa isa : kAllIsas) {
    if (to_string(isa) != wanted) continue;
    if (isa > best)
      fail(ErrorCode::kSpec, "RLE_ISA={}: this CPU has at most {}; unset it, or name a lower one", wanted,
           to_string(best));
    return isa;
  }
  fail(ErrorCode::kSpec, "RLE_ISA={}: unknown instruction set; use baseline, avx2, avx512 or avx512_bf16",
       wanted);
}

std::atomic<int>& active() {
  static std::atomic<int> isa{static_cast<int>(requested_isa())};
  return isa;
}

}  // namespace

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::kAvx512Bf16:
      return "avx512_bf16";
    case Isa::kAvx512:
      return "avx512";
    case Isa::kAvx2:
      return "avx2";
    default:
      return "baseline";
  }
}

Isa supported_isa() {
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) return __builtin_cpu_supports("avx512bf16") ? Isa::kAvx512Bf16 : Isa::kAvx512;
  return avx2 ? Isa::kAvx2 : Isa::kBaseline;
}

Isa active_isa() { return static_cast<Isa>(active().load(std::memory_order_relaxed)); }

ScopedIsa::ScopedIsa(Isa isa) : former_(active_isa()) {
  RLE_CHECK(isa <= supported_isa());
  active().store(static_cast<int>(isa));
}

ScopedIsa::~ScopedIsa() { active().store(static_cast<int>(former_)); }

}  // namespace rle
