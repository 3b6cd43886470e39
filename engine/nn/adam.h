// Adam with coupled L2 as torch.optim.Adam's `weight_decay` (Kingma & Ba 2015; the gradient becomes g + decay
// * w).
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "nn/parameter_store.h"

namespace rle {

struct AdamConfig {
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.0;
};

// Two moments a value, and the number of steps: with the parameters all that the next step depends on.
struct AdamState {
  std::vector<float> first, second;
  int64_t steps = 0;
};

// Owns its state; one thread drives it.
class Adam {
 public:
  Adam(const ParameterStore& parameters, AdamConfig config);

  // One update of every trained parameter from its gradient.
  void step(ParameterStore& parameters, double lr, ThreadPool& pool);

  int64_t steps() const { return state_.steps; }
  const AdamState& state() const { return state_; }
  // Error{kInternal}: moments of another number of values.
  void restore(AdamState state);

 private:
  AdamConfig config_;
  AdamState state_;
};

// Cosine annealing in closed form: eta_min + (lr - eta_min) (1 + cos(pi epoch / t_max)) / 2, eta_min from
// t_max on.
double cosine_lr(double lr, double eta_min, int64_t t_max, int64_t epoch);

}  // namespace rle
