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

// GFLOP/s of one run (about 2 ms) each; a round of a chain is `lanes` multiply-adds.
void run_chain(float (*chain)(int64_t, float, float), int lanes, int runs, std::vector<double>& out) {
  volatile float kept = 0.5f;
  for (int run = 0; run < runs; ++run) {
    const double start = now_s();
    kept = chain(kRounds, 0.5f + kept * 1e-9f, 0.25f);
    out.push_back(2.0 * kChains * lanes * static_cast<double>(kRounds) / (now_s() - start) * 1e-9);
  }
}

void run_fp32(Isa isa, int runs, std::vector<double>& out) {
  if (isa == Isa::kBaseline)
    run_chain(chain_baseline, 4, runs, out);
  else if (isa == Isa::kAvx2)
    run_chain(chain_avx2, 8, runs, out);
  else
    run_chain(chain_avx512, 16, runs, out);
}

void run_bf16(Isa isa, int runs, std::vector<double>& out) {
  if (isa == Isa::kAvx512Bf16) run_chain(chain_bf16, 32, runs, out);
}

// GB/s of each copy.
std::vector<double> run_copies() {
  const size_t size = size_t{128} << 20;
  const std::vector<char> from(size, 1);
  std::vector<char> to(size, 2);
  std::vector<double> out;
  for (int run = 0; run < 9; ++run) {
    const double start = now_s();
    std::memcpy(to.data(), from.data(), size);
    out.push_back(2.0 * static_cast<double>(size) / (now_s() - start) * 1e-9);
  }
  return out;
}

double best_of(const std::vector<double>& rates) {
  return rates.empty() ? 0.0 : *std::max_element(rates.begin(), rates.end());
}
double median_of(const std::vector<double>& rates) { return rates.empty() ? 0.0 : median(rates); }

}  // namespace

Peaks measure_peaks(Isa isa) {
  std::vector<double> fp32, bf16;
  run_fp32(isa, 25, fp32);
  run_bf16(isa, 25, bf16);
  return {best_of(fp32), best_of(bf16), best_of(run_copies())};
}

void PeakSamples::take() {
  run_fp32(isa_, 5, fp32_);
  run_bf16(isa_, 5, bf16_);
}

Peaks PeakSamples::medians() const { return {median_of(fp32_), median_of(bf16_), median_of(run_copies())}; }

}  // namespace rle
