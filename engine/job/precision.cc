#include "job/precision.h"

#include "base/error.h"
#include "kernel/isa.h"

namespace rle {
namespace {

// What is wrong, where the instruction set in use has no products of bf16; else "".
std::string without_bf16() {
  if (active_isa() == Isa::kAvx512Bf16) return "";
  if (supported_isa() == Isa::kAvx512Bf16)
    return fmt::format("the environment variable RLE_ISA keeps this run on {}", to_string(active_isa()));
  return fmt::format("this CPU has no AVX512-BF16 (only {})", to_string(supported_isa()));
}

}  // namespace

void check_precision(const JobSpec& spec) {
  if (spec.train.model.precision != Precision::kBf16) return;
  const std::string why = without_bf16();
  if (why.empty()) return;
  const bool lowered = supported_isa() == Isa::kAvx512Bf16;
  fail(ErrorCode::kSpec,
       "config.precision: bf16 is asked for, and {}; {}, or set it to fp32 (--set "
       "config.precision=fp32)",
       why, lowered ? "unset RLE_ISA" : "use a CPU that has it (`grep avx512_bf16 /proc/cpuinfo` tells)");
}

Precision inference_precision(const JobSpec& spec, const TrainedModel& model, Report& report) {
  check_precision(spec);
  if (spec.precision_is_set) return spec.train.model.precision;
  const Precision trained = model.config.model.precision;
  if (trained != Precision::kBf16) return trained;
  const std::string why = without_bf16();
  if (why.empty()) return trained;
  report.info("the model was trained in bf16, and {}: it is computed in fp32", why);
  return Precision::kFp32;
}

}  // namespace rle
