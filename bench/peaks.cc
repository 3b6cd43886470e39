#include "bench/peaks.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "bench/measure.h"

namespace rle {
namespace {

constexpr int kChains = 12;  // more than latency x units, so that no multiply-add waits for another
constexpr int64_t kRounds = 1'000'000;

// Each returns a value that depends on all it computed, so that nothing is left out.
float chain_baseline(int64_t rounds, float a, float b) {
  __m128 sums[kChains], x = _mm_set1_ps(a), y = _mm_set1_ps(b);
  for (__m128& sum : sums) sum = x;
  for (int64_t i = 0; i < rounds; ++i)
    for (__m128& sum : sums) sum = _mm_add_ps(_mm_mul_ps(sum, x), y);
  float total = 0;
  for (const __m128& sum : sums) total += _mm_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx2,fma"))) float chain_avx2(int64_t rounds, float a, float b) {
  __m256 sums[kChains], x = _mm256_set1_ps(a), y = _mm256_set1_ps(b);
  for (__m256& sum : sums) sum = x;
  for (int64_t i = 0; i < rounds; ++i)
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, x, y);
  float total = 0;
  for (const __m256& sum : sums) total += _mm256_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx512f"))) float chain_avx512(int64_t rounds, float a, float b) {
  __m512 sums[kChains], x = _mm512_set1_ps(a), y = _mm512_set1_ps(b);
  for (__m512& sum : sums) sum = x;
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, x, y);
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

__attribute__((target("avx512f,avx512bf16"))) float chain_bf16(int64_t rounds, float a, float b) {
  __m512 sums[kChains];
  const __m512bh x = _mm512_cvtne2ps_pbh(_mm512_set1_ps(a), _mm512_set1_ps(a));
  const __m512bh y = _mm512_cvtne2ps_pbh(_mm512_set1_ps(b), _mm512_set1_ps(b));
  for (__m512& sum : sums) sum = _mm512_set1_ps(a);
  for (int64_t i = 0; i < rounds; ++i)
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, x, y);
  float total = 0;
  for (const __m512& sum : sums) total += _mm512_cvtss_f32(sum);
  return total;
}

// Each round of a chain is `lanes` multiply-adds.
double gflop_s(float (*chain)(int64_t, float, float), int lanes) {
  double best = 1e9;
  volatile float kept = 0.5f;
  for (int run = 0; run < 25; ++run) {
    const double start = now_s();
    kept = chain(kRounds, 0.5f + kept * 1e-9f, 0.25f);
    best = std::min(best, now_s() - start);
  }
  return 2.0 * kChains * lanes * static_cast<double>(kRounds) / best * 1e-9;
}

double copy_gb_s() {
  const size_t size = size_t{128} << 20;
  const std::vector<char> from(size, 1);
  std::vector<char> to(size, 2);
  double best = 1e9;
  for (int run = 0; run < 9; ++run) {
    const double start = now_s();
    std::memcpy(to.data(), from.data(), size);
    best = std::min(best, now_s() - start);
  }
  return 2.0 * static_cast<double>(size) / best * 1e-9;
}

}  // namespace

Peaks measure_peaks(Isa isa) {
  Peaks peaks;
  peaks.fp32_gflop_s = isa == Isa::kBaseline ? gflop_s(chain_baseline, 4)
                       : isa == Isa::kAvx2   ? gflop_s(chain_avx2, 8)
                                             : gflop_s(chain_avx512, 16);
  if (isa == Isa::kAvx512Bf16) peaks.bf16_gflop_s = gflop_s(chain_bf16, 32);
  peaks.copy_gb_s = copy_gb_s();
  return peaks;
}

}  // namespace rle
