#include "nn/link_loss.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"

namespace rle {
namespace {

double dot(const float* a, const float* b, int64_t n) {
  float sum[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int64_t j = 0; j < 8; ++j) sum[j] += a[i + j] * b[i + j];
  double total = 0;
  for (const float part : sum) total += part;
  for (; i < n; ++i) total += double{a[i]} * double{b[i]};
  return total;
}

void add_scaled(float* to, const float* from, double factor, int64_t n) {
  const auto f = static_cast<float>(factor);
  for (int64_t i = 0; i < n; ++i) to[i] += f * from[i];
}

void clear(Matrix m) { std::fill(m.data, m.data + m.size(), 0.0f); }

// One candidate of a fused softmax.
struct Candidate {
  double score = 0;
  int32_t row = -1;   // of the seeds' vectors; -1: inside the subgraph
  int32_t node = -1;  // of the target type
};

// The candidates of pair i, the positive first.
void list_candidates(ConstMatrix vectors, ConstMatrix logits, const LinkPairs& pairs, int64_t i,
                     std::vector<Candidate>& out) {
  const int64_t channels = vectors.cols - 1;
  const float* source = vectors.row(pairs.source[i]);
  const auto outside = [&](int32_t row, double more) {
    out.push_back({dot(source, vectors.row(row), channels) + source[channels] + more, row, -1});
  };
  const auto inside = [&](int32_t node) { out.push_back({logits.data[node], -1, node}); };
  out.clear();
  const int32_t positive = pairs.seen_positive[i];
  positive >= 0 ? inside(positive) : outside(pairs.positive[i], 0.0);
  for (int32_t e = pairs.seen_offsets[i]; e < pairs.seen_offsets[i + 1]; ++e)
    if (pairs.seen[e] != positive) inside(pairs.seen[e]);
  for (int64_t k = 0; k < pairs.negatives; ++k)
    if (const int32_t row = pairs.negative[i * pairs.negatives + k]; row >= 0)
      outside(row, pairs.log_weight[i]);
}

}  // namespace

double bpr_loss(ConstMatrix vectors, const LinkPairs& pairs, Matrix dvectors) {
  RLE_CHECK(pairs.count > 0 && pairs.negatives > 0);
  clear(dvectors);
  const int64_t channels = vectors.cols;
  const double share = 1.0 / static_cast<double>(pairs.count * pairs.negatives);
  double loss = 0;
  for (int64_t i = 0; i < pairs.count; ++i) {
    const float* source = vectors.row(pairs.source[i]);
    const float* positive = vectors.row(pairs.positive[i]);
    float* dsource = dvectors.row(pairs.source[i]);
    const double score = dot(source, positive, channels);
    double dpositive = 0;
    for (int64_t k = 0; k < pairs.negatives; ++k) {
      const int32_t row = pairs.negative[i * pairs.negatives + k];
      const float* negative = vectors.row(row);
      const double difference = score - dot(source, negative, channels);
      const double small = std::exp(-std::abs(difference));
      loss += std::max(-difference, 0.0) + std::log1p(small);
      // d loss / d difference = -sigmoid(-difference)
      const double d = -share * (difference >= 0 ? small : 1.0) / (1.0 + small);
      dpositive += d;
      add_scaled(dsource, negative, -d, channels);
      add_scaled(dvectors.row(row), source, -d, channels);
    }
    add_scaled(dsource, positive, dpositive, channels);
    add_scaled(dvectors.row(pairs.positive[i]), source, dpositive, channels);
  }
  return loss * share;
}

double fusion_loss(ConstMatrix vectors, ConstMatrix logits, const LinkPairs& pairs, Matrix dvectors,
                   Matrix dlogits) {
  RLE_CHECK(pairs.count > 0);
  clear(dvectors);
  clear(dlogits);
  const int64_t channels = vectors.cols - 1;
  const double share = 1.0 / static_cast<double>(pairs.count);
  double loss = 0;
  std::vector<Candidate> candidates;
  for (int64_t i = 0; i < pairs.count; ++i) {
    list_candidates(vectors, logits, pairs, i, candidates);
    double highest = candidates[0].score, total = 0;
    for (const Candidate& c : candidates) highest = std::max(highest, c.score);
    for (const Candidate& c : candidates) total += std::exp(c.score - highest);
    loss += highest + std::log(total) - candidates[0].score;
    const float* source = vectors.row(pairs.source[i]);
    float* dsource = dvectors.row(pairs.source[i]);
    for (const Candidate& c : candidates) {
      const double d = share * (std::exp(c.score - highest) / total - (&c == candidates.data() ? 1.0 : 0.0));
      if (c.row < 0) {
        dlogits.data[c.node] += static_cast<float>(d);
        continue;
      }
      add_scaled(dsource, vectors.row(c.row), d, channels);
      add_scaled(dvectors.row(c.row), source, d, channels);
      dsource[channels] += static_cast<float>(d);
    }
  }
  return loss * share;
}

}  // namespace rle
