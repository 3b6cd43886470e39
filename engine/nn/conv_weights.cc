// Products of a layer's weights with the maps of the vectors it reads, and the gradients of both: fp32 in any
// precision, they are small, and rounded once.
#include <utility>

#include "kernel/small_product.h"
#include "nn/conv_terms.h"

namespace rle {
namespace {

// Maps, each packed once.
class PackedMaps {
 public:
  PackedMaps(Step& step, int64_t channels, bool transposed)
      : step_(step), channels_(channels), transposed_(transposed) {}
  PackedMatrix of(const LinearParameters& map) {
    for (const auto& [id, packed] : packed_)
      if (id == map.weight.value) return packed;
    const ConstMatrix weight = step_.weight(map.weight, channels_, channels_);
    packed_.emplace_back(map.weight.value,
                         transposed_ ? pack_transposed(weight, step_.arena) : pack(weight, step_.arena));
    return packed_.back().second;
  }

 private:
  Step& step_;
  int64_t channels_;
  bool transposed_;
  std::vector<std::pair<int32_t, PackedMatrix>> packed_;
};

// A term whose only factor has no map acts by the layer's weight itself.
bool needs_product(const ConvTerm& term) { return term.factors.size() > 1 || term.factors[0].map != nullptr; }

// W = sum of weight map, c = sum of weight b.
void multiply_factors(const Step& step, const std::vector<PackedMatrix>& maps, ConvTerm& term, Matrix weight,
                      float* bias, float* product) {
  const int64_t channels = weight.rows;
  for (size_t f = 0; f < term.factors.size(); ++f) {
    const ConvFactor& factor = term.factors[f];
    gemm(factor.weight, maps[f], weight, f == 0 ? GemmMode::kOverwrite : GemmMode::kAccumulate);
    multiply_vector(factor.weight, step.value(factor.map->bias), f == 0 ? bias : product);
    for (int64_t j = 0; f > 0 && j < channels; ++j) bias[j] += product[j];
  }
}

// One of a term's factors, with its map packed for the product that is asked for.
struct FactorOf {
  const ConvTerm* term;
  const ConvFactor* factor;
  PackedMatrix map;
};

// All that is added to one gradient: a weight's or a map's. The jobs of different gradients run at once.
struct GradientJob {
  float* gradient;
  bool of_map;
  std::vector<FactorOf> factors;
};

void run_job(const Step& step, const GradientJob& job, int64_t channels) {
  const Matrix out(job.gradient, channels, channels);
  for (const FactorOf& f : job.factors) {
    const ConvTerm& term = *f.term;
    const LinearParameters* map = f.factor->map;
    if (job.of_map) {
      gemm_at_b(f.factor->weight, term.dweight, out);
      add_transposed_product(f.factor->weight, term.dbias, step.gradient(map->bias));
    } else if (map != nullptr) {
      gemm(term.dweight, f.map, out, GemmMode::kAccumulate);
      add_outer_product(term.dbias, step.value(map->bias), out);
    } else {
      for (int64_t i = 0; i < out.size(); ++i) out.data[i] += term.dweight.data[i];
    }
  }
}

}  // namespace

void multiply_weights(Step& step, ConvTerms& conv) {
  const int64_t channels = conv.channels;
  PackedMaps maps(step, channels, false);
  struct Product {
    size_t term;
    std::vector<PackedMatrix> maps;
    Matrix weight;
    float *bias, *scratch;
  };
  std::vector<Product> products;
  for (size_t t = 0; t < conv.terms.size(); ++t) {
    ConvTerm& term = conv.terms[t];
    term.weight = term.factors[0].weight;
    if (!needs_product(term)) continue;
    Product product{t,
                    {},
                    new_matrix(step.arena, channels, channels),
                    step.arena.allocate<float>(channels),
                    step.arena.allocate<float>(channels)};
    for (const ConvFactor& factor : term.factors) product.maps.push_back(maps.of(*factor.map));
    term.weight = product.weight;
    term.bias = product.bias;
    products.push_back(std::move(product));
  }
  step.pool.for_each(static_cast<int64_t>(products.size()), [&](int64_t i) {
    Product& p = products[static_cast<size_t>(i)];
    multiply_factors(step, p.maps, conv.terms[p.term], p.weight, p.bias, p.scratch);
  });
  for (ConvTerm& term : conv.terms) {
    term.forward = pack_transposed(term.weight, step.arena, step.precision);
    if (step.training) term.backward = pack(term.weight, step.arena, step.precision);
  }
}

void add_weight_gradients(Step& step, ConvTerms& conv) {
  std::vector<GradientJob> jobs;
  const auto job = [&](float* gradient, bool of_map) -> GradientJob& {
    for (GradientJob& j : jobs)
      if (j.gradient == gradient) return j;
    return jobs.emplace_back(GradientJob{gradient, of_map, {}});
  };
  PackedMaps maps(step, conv.channels, true);
  for (const ConvTerm& term : conv.terms)
    for (const ConvFactor& factor : term.factors) {
      const PackedMatrix map = factor.map == nullptr ? PackedMatrix{} : maps.of(*factor.map);
      job(factor.dweight.data, false).factors.push_back({&term, &factor, map});
      if (factor.map != nullptr)
        job(step.gradient(factor.map->weight), true).factors.push_back({&term, &factor, {}});
    }
  step.pool.for_each(static_cast<int64_t>(jobs.size()),
                     [&](int64_t i) { run_job(step, jobs[static_cast<size_t>(i)], conv.channels); });
}

}  // namespace rle
