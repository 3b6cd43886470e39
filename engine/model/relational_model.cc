#include "model/relational_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/pass.h"
#include "tensor/arena.h"

namespace rle {

std::vector<ParameterStore::Entry> parameter_entries(const ModelDefinition& definition) {
  ParameterStore parameters;
  const Modules modules(definition, parameters);
  return parameters.entries();
}

struct RelationalModel::Impl {
  Impl(ModelDefinition d, uint64_t seed) : definition(std::move(d)), modules(definition, parameters) {
    parameters.freeze(seed);
  }

  ModelDefinition definition;
  ParameterStore parameters;
  Modules modules;
  Arena arena;
  StepMarks* marks = nullptr;
  std::vector<float> embeddings;

  void keep_embeddings(ConstMatrix vectors) {
    embeddings.assign(vectors.data, vectors.data + vectors.size());
  }
};

RelationalModel::RelationalModel(ModelDefinition definition, uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(definition), seed)) {}

RelationalModel::~RelationalModel() = default;

const ModelDefinition& RelationalModel::definition() const { return impl_->definition; }
ParameterStore& RelationalModel::parameters() { return impl_->parameters; }
const ParameterStore& RelationalModel::parameters() const { return impl_->parameters; }
const std::vector<float>& RelationalModel::embeddings() const { return impl_->embeddings; }

void RelationalModel::set_marks(StepMarks* marks) { impl_->marks = marks; }

StepResult RelationalModel::train_step(const ModelInput& input, LossKind loss, const LossTargets& targets,
                                       RngKey dropout, ThreadPool& pool) {
  impl_->arena.reset();
  impl_->parameters.zero_gradients();
  Step step{
      impl_->parameters, impl_->arena, pool, true, dropout, impl_->marks, impl_->definition.config.precision};
  Pass pass(impl_->definition, impl_->modules, input, step);
  const Matrix outputs = pass.forward();
  const Matrix doutputs = new_matrix(impl_->arena, outputs.rows, outputs.cols);
  StepResult result;
  result.loss = loss_and_gradient(loss, outputs.rows, outputs.cols, outputs.data, targets, doutputs.data);
  impl_->keep_embeddings(pass.seed_vectors());
  step.mark("head and loss");
  if (!std::isfinite(result.loss)) {
    result.finite = false;
    result.first_not_finite = pass.first_not_finite();
    if (result.first_not_finite.empty()) result.first_not_finite = "loss";
    return result;
  }
  pass.backward(doutputs);
  return result;
}

std::string RelationalModel::predict(const ModelInput& input, ThreadPool& pool, std::vector<float>& outputs) {
  impl_->arena.reset();
  Step step{
      impl_->parameters, impl_->arena, pool, false, RngKey(0), nullptr, impl_->definition.config.precision};
  Pass pass(impl_->definition, impl_->modules, input, step);
  const Matrix out = pass.forward();
  outputs.assign(out.data, out.data + out.size());
  impl_->keep_embeddings(pass.seed_vectors());
  const bool finite = std::all_of(outputs.begin(), outputs.end(), [](float x) { return std::isfinite(x); });
  return finite ? "" : pass.first_not_finite();
}

}  // namespace rle
