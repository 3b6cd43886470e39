#include "nn/table_encoder.h"

#include <cmath>

#include "base/error.h"

namespace rle {
namespace {

// Rows whose products are normalised while they are in L1.
constexpr int64_t kBlockRows = 48;

// Calls body(begin, end) for blocks of [begin, end) in order.
template <typename Body>
void for_blocks(int64_t begin, int64_t end, Body&& body) {
  for (int64_t first = begin; first < end; first += kBlockRows)
    body(first, std::min(end, first + kBlockRows));
}

}  // namespace

LinearParameters add_linear(ParameterStore& parameters, const std::string& name, int64_t out, int64_t in) {
  const Init init{Init::Kind::kUniform, 1.0 / std::sqrt(static_cast<double>(in))};
  return {parameters.add(name + ".weight", {out, in}, init), parameters.add(name + ".bias", {out}, init)};
}

NormIds add_norm(ParameterStore& parameters, const std::string& name, int64_t channels) {
  return {parameters.add(name + ".weight", {channels}, {Init::Kind::kOne, 1.0}),
          parameters.add(name + ".bias", {channels}, {Init::Kind::kZero, 0.0})};
}

TableEncoder::TableEncoder(ParameterStore& parameters, const std::string& name,
                           std::vector<ColumnShape> columns, int64_t channels, int64_t blocks, float dropout)
    : fold_(parameters, name, std::move(columns), channels),
      channels_(channels),
      dropout_(dropout),
      name_key_(hash_name(name)) {
  const int64_t width = fold_.columns() * channels;
  std::vector<FoldSide> sides;
  if (blocks == 0) {
    const LinearParameters input = add_linear(parameters, name + ".input", channels, width);
    sides.push_back({false, input.weight, input.bias});
  }
  for (int64_t b = 0; b < blocks; ++b) {
    const std::string prefix = name + ".blocks." + std::to_string(b);
    Block block;
    block.lin1 = add_linear(parameters, prefix + ".lin1", channels, b == 0 ? width : channels);
    block.norm1 = add_norm(parameters, prefix + ".norm1", channels);
    block.lin2 = add_linear(parameters, prefix + ".lin2", channels, channels);
    block.norm2 = add_norm(parameters, prefix + ".norm2", channels);
    blocks_.push_back(block);
    if (b > 0) continue;
    sides.push_back({false, block.lin1.weight, block.lin1.bias});
    if (width == channels) {
      sides.push_back({true, {}, {}});
    } else {
      const LinearParameters shortcut = add_linear(parameters, prefix + ".shortcut", channels, width);
      sides.push_back({false, shortcut.weight, shortcut.bias});
    }
  }
  output_norm_ = add_norm(parameters, name + ".output.norm", channels);
  output_ = add_linear(parameters, name + ".output.linear", channels, channels);
  fold_.set_sides(std::move(sides));
  collect_slot_gradients();
}

// ---- layout

void TableEncoder::add_slot_gradient(ParameterId id, int64_t size) {
  slot_gradients_.push_back({id, slot_gradient_size_, size});
  slot_gradient_size_ += size;
}

void TableEncoder::collect_slot_gradients() {
  const int64_t square = channels_ * channels_;
  slot_gradient_size_ = fold_.dense_width() * fold_.width();
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const Block& block = blocks_[b];
    if (b > 0) {
      add_slot_gradient(block.lin1.weight, square);
      add_slot_gradient(block.lin1.bias, channels_);
    }
    add_slot_gradient(block.lin2.weight, square);
    add_slot_gradient(block.lin2.bias, channels_);
    for (const NormIds& norm : {block.norm1, block.norm2}) {
      add_slot_gradient(norm.weight, channels_);
      add_slot_gradient(norm.bias, channels_);
    }
  }
  add_slot_gradient(output_norm_.weight, channels_);
  add_slot_gradient(output_norm_.bias, channels_);
}

float* TableEncoder::slot_gradient(const Tile& tile, ParameterId id) const {
  for (const SlotGradient& gradient : slot_gradients_)
    if (gradient.id.value == id.value) return tile.gradients + gradient.offset;
  RLE_CHECK(false);
  return nullptr;
}

int64_t TableEncoder::scratch_size(bool training) const {
  const int64_t forward = kBlockRows * (2 * channels_ + 2 * fold_.width() + fold_.dense_width());
  const int64_t backward = kTileRows * (2 * channels_ + fold_.dense_width()) + kBlockRows * channels_;
  return training ? std::max(forward, backward) : forward;
}

void TableEncoder::pack_weights(Step& step, Context& context) const {
  const auto pack_both = [&](ParameterId weight) {
    const ConstMatrix w = step.weight(weight, channels_, channels_);
    context.forward.push_back(pack_transposed(w, step.arena, step.precision));
    context.backward.push_back(step.training ? pack(w, step.arena, step.precision) : PackedMatrix{});
  };
  for (size_t b = 0; b < blocks_.size(); ++b) {
    if (b > 0)
      pack_both(blocks_[b].lin1.weight);
    else
      context.forward.emplace_back(), context.backward.emplace_back();
    pack_both(blocks_[b].lin2.weight);
  }
}

TableEncoder::Context TableEncoder::prepare(Step& step, const TableValues& table) const {
  Context context;
  context.table = table;
  context.slots = Slots(table.rows);
  context.kept = step.training;
  context.output = new_matrix(step.arena, table.rows, channels_);
  context.fold = fold_.prepare(step, context.table);
  if (table.rows == 0) return context;
  pack_weights(step, context);

  // Evaluation keeps nothing: one block of memory per slot serves every norm.
  const int64_t kept = step.training ? table.rows : context.slots.count * kBlockRows;
  const float scale = dropout_ > 0 && step.training ? 1.0f / (1.0f - dropout_) : 1.0f;
  for (size_t n = 0; n < norms(); ++n) {
    const bool drops = n + 1 < norms();  // not the output's
    if (!step.training && n > 0)
      context.saved.push_back(context.saved[0]);
    else
      context.saved.push_back({new_matrix(step.arena, kept, channels_), step.arena.allocate<float>(kept),
                               step.arena.allocate<uint8_t>(kept * mask_bytes(channels_)),
                               drops ? scale : 1.0f});
    if (drops && dropout_ > 0 && step.training)
      context.dropout_keys.push_back(step.dropout.with(name_key_).with(n));
  }
  for (size_t b = 1; b < blocks_.size() && step.training; ++b)
    context.hidden.push_back(new_matrix(step.arena, table.rows, channels_));
  context.scratch = step.arena.allocate<float>(context.slots.count * scratch_size(step.training));
  return context;
}

NormReluSaved TableEncoder::saved_rows(const Context& context, size_t norm, const Tile& tile,
                                       int64_t slot) const {
  const int64_t first = context.kept ? tile.begin : slot * kBlockRows;
  return context.saved[norm].slice(first, first + tile.rows());
}

// ---- forward

void TableEncoder::forward_slot(const Step& step, Context& context, int64_t slot) const {
  float* scratch = context.scratch + slot * scratch_size(context.kept);
  for_blocks(context.slots.begin(slot), context.slots.end(slot), [&](int64_t begin, int64_t end) {
    forward_tile(step, context, slot, {begin, end, scratch, nullptr});
  });
}

void TableEncoder::forward_tile(const Step& step, Context& context, int64_t slot, const Tile& tile) const {
  const int64_t rows = tile.rows(), size = kBlockRows * channels_;
  const Matrix z(tile.scratch, rows, channels_), other(tile.scratch + size, rows, channels_);
  const Matrix folded(tile.scratch + 2 * size, rows, fold_.width());
  float* features = tile.scratch + 2 * size + kBlockRows * fold_.width();

  const auto norm = [&](size_t n, const NormIds& ids, ConstMatrix x, ConstMatrix shortcut, Matrix y) {
    uint32_t row_keys[kBlockRows];
    const bool drops = n < context.dropout_keys.size();
    for (int64_t i = 0; drops && i < rows; ++i)
      row_keys[i] =
          static_cast<uint32_t>(context.dropout_keys[n].bits(context.table.row_ids[tile.begin + i]) >> 32);
    norm_relu_forward({x,
                       {step.value(ids.weight), step.value(ids.bias)},
                       {drops ? dropout_ : 0.0f, row_keys},
                       saved_rows(context, n, tile, slot),
                       y,
                       shortcut,
                       !context.kept});
  };

  fold_.forward_tile(context.table, context.fold, tile.begin, tile.end, features, folded);
  Matrix hidden = folded.columns(fold_.width() - channels_, fold_.width());
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const Block& block = blocks_[b];
    if (b > 0) gemm_bias(hidden, context.forward[2 * b], step.value(block.lin1.bias), z);
    norm(2 * b, block.norm1, b > 0 ? z : folded.columns(0, channels_), {}, z);
    gemm_bias(z, context.forward[2 * b + 1], step.value(block.lin2.bias), other);
    // The last block's output is not kept; what it adds to, its input, may be.
    const Matrix next = b < context.hidden.size() ? context.hidden[b].slice(tile.begin, tile.end)
                        : context.kept            ? z
                                                  : hidden;
    norm(2 * b + 1, block.norm2, other, hidden, next);
    hidden = next;
  }
  norm(2 * blocks_.size(), output_norm_, hidden, {}, context.output.slice(tile.begin, tile.end));
}

// ---- backward

void TableEncoder::prepare_backward(Step& step, Context& context, Matrix doutput) const {
  context.doutput = doutput;
  context.dfold = new_matrix(step.arena, context.table.rows, fold_.width());
  context.slot_gradients = step.arena.allocate<float>(context.slots.count * slot_gradient_size_);
}

void TableEncoder::backward_slot(const Step& step, Context& context, int64_t slot) const {
  float* gradients = context.slot_gradients + slot * slot_gradient_size_;
  float* scratch = context.scratch + slot * scratch_size(true);
  std::fill(gradients, gradients + slot_gradient_size_, 0.0f);
  for_tiles(context.slots.begin(slot), context.slots.end(slot), [&](int64_t begin, int64_t end) {
    backward_tile(step, context, {begin, end, scratch, gradients});
  });
}

void TableEncoder::backward_tile(const Step& step, Context& context, const Tile& tile) const {
  const int64_t width = fold_.width();
  const Matrix dfold = context.dfold.slice(tile.begin, tile.end);
  // What goes through the shortcuts, and at last out of the shortcut of the first block or, without blocks,
  // out of the only map.
  const Matrix dhidden = dfold.columns(width - channels_, width);
  backward_output(step, context, tile, dhidden);
  for (size_t b = blocks_.size(); b-- > 0;) backward_block(step, context, b, tile, dhidden);
  fold_.backward_tile(context.table, tile.begin, tile.end, tile.scratch, dfold,
                      Matrix(tile.gradients, fold_.dense_width(), width));
}

void TableEncoder::backward_output(const Step& step, Context& context, const Tile& tile,
                                   Matrix dhidden) const {
  norm_relu_backward({context.doutput.slice(tile.begin, tile.end),
                      context.saved.back().slice(tile.begin, tile.end),
                      {step.value(output_norm_.weight), step.value(output_norm_.bias)},
                      slot_gradient(tile, output_norm_.weight),
                      slot_gradient(tile, output_norm_.bias),
                      dhidden});
}

void TableEncoder::backward_block(const Step& step, Context& context, size_t b, const Tile& tile,
                                  Matrix dhidden) const {
  const Block& block = blocks_[b];
  const int64_t size = kTileRows * channels_;
  const Matrix rebuilt(tile.scratch, tile.rows(), channels_),
      dz2(tile.scratch + size, tile.rows(), channels_);
  const Matrix dz1 = context.dfold.slice(tile.begin, tile.end).columns(0, channels_);
  for_blocks(0, tile.rows(), [&](int64_t first, int64_t last) {
    const int64_t begin = tile.begin + first, end = tile.begin + last;
    const Matrix dy(tile.scratch + 2 * size, last - first, channels_);
    norm_relu_backward({dhidden.slice(first, last),
                        context.saved[2 * b + 1].slice(begin, end),
                        {step.value(block.norm2.weight), step.value(block.norm2.bias)},
                        slot_gradient(tile, block.norm2.weight),
                        slot_gradient(tile, block.norm2.bias),
                        dz2.slice(first, last),
                        slot_gradient(tile, block.lin2.bias)});
    gemm(dz2.slice(first, last), context.backward[2 * b + 1], dy, GemmMode::kOverwrite);
    norm_relu_backward({dy,
                        context.saved[2 * b].slice(begin, end),
                        {step.value(block.norm1.weight), step.value(block.norm1.bias)},
                        slot_gradient(tile, block.norm1.weight),
                        slot_gradient(tile, block.norm1.bias),
                        dz1.slice(first, last),
                        b > 0 ? slot_gradient(tile, block.lin1.bias) : nullptr,
                        rebuilt.slice(first, last)});
    if (b > 0)
      gemm(dz1.slice(first, last), context.backward[2 * b], dhidden.slice(first, last),
           GemmMode::kAccumulate);
  });
  gemm_at_b(dz2, rebuilt, Matrix(slot_gradient(tile, block.lin2.weight), channels_, channels_),
            step.precision);
  if (b > 0)
    gemm_at_b(dz1, context.hidden[b - 1].slice(tile.begin, tile.end),
              Matrix(slot_gradient(tile, block.lin1.weight), channels_, channels_), step.precision);
}

void TableEncoder::finish_backward(Step& step, Context& context) const {
  if (context.table.rows == 0) return;
  const auto sum_slots = [&](int64_t offset, int64_t size, float* out) {
    for (int64_t slot = 0; slot < context.slots.count; ++slot) {
      const float* from = context.slot_gradients + slot * slot_gradient_size_ + offset;
      for (int64_t i = 0; i < size; ++i) out[i] += from[i];
    }
  };
  step.pool.for_each(static_cast<int64_t>(slot_gradients_.size()), [&](int64_t g) {
    const SlotGradient& gradient = slot_gradients_[static_cast<size_t>(g)];
    sum_slots(gradient.offset, gradient.size, step.gradient(gradient.id));
  });
  const Matrix ddense = new_zero_matrix(step.arena, fold_.dense_width(), fold_.width());
  sum_slots(0, ddense.size(), ddense.data);
  fold_.backward(step, context.table, context.fold, ddense, context.dfold);
}

}  // namespace rle
