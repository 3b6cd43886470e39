#include "model/relational_model.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "model/pass.h"
#include "tensor/arena.h"

namespace rle {

std::vector<ParameterStore::Entry> parameter_entries(const ModelDefinition& definition) {
  ParameterStore parameters;
  const Modules modules(definition, parameters);
  return parameters.entries();
}

namespace {

// Absent: the batch has nothing to learn from.
std::optional<double> loss_of(LossKind kind, const PassOutputs& outputs, const LossTargets& targets,
                              const PassOutputs& doutputs) {
  if ((kind == LossKind::kBpr || kind == LossKind::kFusion) && targets.pairs.count == 0) return std::nullopt;
  if (kind == LossKind::kBpr) return bpr_loss(outputs.seeds, targets.pairs, doutputs.seeds);
  if (kind == LossKind::kFusion)
    return fusion_loss(outputs.seeds, outputs.targets, targets.pairs, doutputs.seeds, doutputs.targets);
  const Matrix scored = outputs.seeds.data != nullptr ? outputs.seeds : outputs.targets;
  const Matrix dscored = outputs.seeds.data != nullptr ? doutputs.seeds : doutputs.targets;
  if (scored.rows == 0) return std::nullopt;
  return loss_and_gradient(kind, scored.rows, scored.cols, scored.data, targets, dscored.data);
}

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

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
  const PassOutputs outputs = pass.forward();
  const auto like = [&](Matrix m) {
    return m.rows == 0 ? Matrix() : new_matrix(impl_->arena, m.rows, m.cols);
  };
  const PassOutputs doutputs{like(outputs.seeds), like(outputs.targets)};
  StepResult result;
  const std::optional<double> value = loss_of(loss, outputs, targets, doutputs);
  result.loss = value.value_or(0);
  impl_->keep_embeddings(pass.seed_vectors());
  step.mark("head and loss");
  if (!std::isfinite(result.loss)) {
    result.finite = false;
    result.first_not_finite = pass.first_not_finite();
    if (result.first_not_finite.empty()) result.first_not_finite = "loss";
    return result;
  }
  if (value) pass.backward(doutputs);
  return result;
}

std::string RelationalModel::predict(const ModelInput& input, ThreadPool& pool, ModelOutputs& outputs) {
  impl_->arena.reset();
  Step step{
      impl_->parameters, impl_->arena, pool, false, RngKey(0), nullptr, impl_->definition.config.precision};
  Pass pass(impl_->definition, impl_->modules, input, step);
  const PassOutputs out = pass.forward();
  outputs.seeds.assign(out.seeds.data, out.seeds.data + out.seeds.size());
  outputs.targets.assign(out.targets.data, out.targets.data + out.targets.size());
  impl_->keep_embeddings(pass.seed_vectors());
  return all_finite(outputs.seeds) && all_finite(outputs.targets) ? "" : pass.first_not_finite();
}

std::string RelationalModel::embed(const ModelInput& input, ThreadPool& pool, std::vector<float>& vectors) {
  impl_->arena.reset();
  Step step{
      impl_->parameters, impl_->arena, pool, false, RngKey(0), nullptr, impl_->definition.config.precision};
  Pass pass(impl_->definition, impl_->modules, input, step);
  ConstMatrix out = pass.embed();
  if (has_towers(impl_->definition.readout)) out = impl_->modules.seed_head[0].forward(step, out).output;
  vectors.assign(out.data, out.data + out.size());
  if (all_finite(vectors)) return "";
  const std::string before = pass.first_not_finite();
  return before.empty() ? "head" : before;
}

}  // namespace rle
