// The instruction set that kernels run on. Sources named *_simd.cc are compiled once per instruction set into
// a namespace of its name; each op's .cc holds its plain scalar oracle and dispatches, with RLE_DISPATCH, at
// one place. AVX-512 BF16 is AVX-512 but for the products of *_bf16_simd.cc.
#pragma once

#include <string_view>

namespace rle {

enum class Isa { kBaseline, kAvx2, kAvx512, kAvx512Bf16 };
inline constexpr Isa kAllIsas[] = {Isa::kBaseline, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16};

std::string_view to_string(Isa isa);  // "baseline", "avx2", "avx512", "avx512_bf16"

// The best one this CPU supports.
Isa supported_isa();

// supported_isa(), or the lower one named by the environment variable RLE_ISA (read once). Error{kSpec} where
// the variable names none, or one that the CPU lacks.
Isa active_isa();

// For tests: kernels run on `isa` (at most supported_isa()) while this lives. Not thread-safe.
class ScopedIsa {
 public:
  explicit ScopedIsa(Isa isa);
  ~ScopedIsa();

 private:
  Isa former_;
};

}  // namespace rle

#define RLE_DECLARE_SIMD(declaration) \
  namespace baseline {                \
  declaration;                        \
  }                                   \
  namespace avx2 {                    \
  declaration;                        \
  }                                   \
  namespace avx512 {                  \
  declaration;                        \
  }

#define RLE_DISPATCH(call)        \
  switch (::rle::active_isa()) {  \
    case ::rle::Isa::kAvx512Bf16: \
    case ::rle::Isa::kAvx512:     \
      return avx512::call;        \
    case ::rle::Isa::kAvx2:       \
      return avx2::call;          \
    default:                      \
      return baseline::call;      \
  }

// Of *_bf16_simd.cc. Where the CPU has no instruction for products of bf16 pairs, they are computed exactly
// by others: slower than fp32, for tests.
#define RLE_DECLARE_BF16_SIMD(declaration) \
  RLE_DECLARE_SIMD(declaration)            \
  namespace avx512_bf16 {                  \
  declaration;                             \
  }

#define RLE_DISPATCH_BF16(call)                                                 \
  if (::rle::active_isa() == ::rle::Isa::kAvx512Bf16) return avx512_bf16::call; \
  RLE_DISPATCH(call)
