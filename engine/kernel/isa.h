// The instruction set that kernels run on. Sources named *_simd.cc are compiled once per instruction set into
// a namespace of its name; each op's .cc holds its plain scalar oracle and dispatches, with RLE_DISPATCH, at
// one place.
#pragma once

#include <string_view>

namespace rle {

enum class Isa { kBaseline, kAvx2, kAvx512 };

std::string_view to_string(Isa isa);  // "baseline", "avx2", "avx512"

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

#define RLE_DISPATCH(call)       \
  switch (::rle::active_isa()) { \
    case ::rle::Isa::kAvx512:    \
      return avx512::call;       \
    case ::rle::Isa::kAvx2:      \
      return avx2::call;         \
    default:                     \
      return baseline::call;     \
  }
