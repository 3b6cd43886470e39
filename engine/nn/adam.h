// Adam with coupled L2 as torch.optim.Adam's `weight_decay` (Kingma & Ba 2015; the gradient becomes g + decay
// * w). A step moves every value, those without a gradient too, by their moments. Rows of embeddings that a
// step does not read are left behind and catch up, step by step with the same roundings, when they are next
// read or the optimizer is settled: a step costs no more for a larger vocabulary.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernel/adam_update.h"
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

// Owns its state; one thread drives it. The parameters must outlive it, and stay where they are.
class Adam : private RowUpdates {
 public:
  Adam(ParameterStore& parameters, AdamConfig config);
  ~Adam() override;
  Adam(const Adam&) = delete;
  Adam& operator=(const Adam&) = delete;

  // One update of every trained parameter from its gradient.
  void step(double lr, ThreadPool& pool);
  // Lets all rows of embeddings catch up: before anything but a training step reads them.
  void settle(ThreadPool& pool);

  int64_t steps() const { return state_.steps; }
  // Error{kInternal}: not settled.
  const AdamState& state() const;
  // Error{kInternal}: moments of another number of values.
  void restore(AdamState state);

 private:
  // An embedding, and the step that each of its rows stands at; kUnmoved: as it began, and nothing moves it.
  struct Embedding {
    ParameterId id;
    int64_t offset, cols;
    std::vector<int64_t> row_steps;
  };
  static constexpr int64_t kUnmoved = -1;

  AdamFactors factors(double lr) const;
  Embedding& embedding(ParameterId id);
  void catch_up(const ParameterRows& rows, ThreadPool& pool) override;
  void catch_up_row(Embedding& embedding, int64_t row);
  void step_row(Embedding& embedding, int64_t row);

  ParameterStore& parameters_;
  AdamConfig config_;
  AdamState state_;
  std::vector<Embedding> embeddings_;
  std::vector<AdamFactors> since_settled_;  // of the steps that rows may be behind by
};

// Cosine annealing in closed form: eta_min + (lr - eta_min) (1 + cos(pi epoch / t_max)) / 2, eta_min from
// t_max on.
double cosine_lr(double lr, double eta_min, int64_t t_max, int64_t epoch);

}  // namespace rle
