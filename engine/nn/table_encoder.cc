#include "nn/table_encoder.h"

#include <cmath>

#include "base/error.h"
#include "kernel/segment.h"

namespace rle {
namespace {

void add_bias(const float* bias, Matrix m) {
  for (int64_t i = 0; i < m.rows; ++i) std::copy(bias, bias + m.cols, m.row(i));
}

void add_matrix(ConstMatrix x, Matrix y) {
  for (int64_t i = 0; i < x.size(); ++i) y.data[i] += x.data[i];
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
  if (blocks == 0) {
    const LinearParameters input = add_linear(parameters, name + ".input", channels, width);
    sides_.push_back({false, input.weight, input.bias});
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
    sides_.push_back({false, block.lin1.weight, block.lin1.bias});
    if (width == channels) {
      sides_.push_back({true, {}, {}});
    } else {
      const LinearParameters shortcut = add_linear(parameters, prefix + ".shortcut", channels, width);
      sides_.push_back({false, shortcut.weight, shortcut.bias});
    }
  }
  output_norm_ = add_norm(parameters, name + ".output.norm", channels);
  output_ = add_linear(parameters, name + ".output.linear", channels, channels);
  collect_tile_gradients();
}

// ---- layout

void TableEncoder::add_tile_gradient(ParameterId id, int64_t size) {
  tile_gradients_.push_back({id, tile_gradient_size_, size});
  tile_gradient_size_ += size;
}

void TableEncoder::collect_tile_gradients() {
  const int64_t square = channels_ * channels_;
  for (size_t b = 0; b < blocks_.size(); ++b) {
    const Block& block = blocks_[b];
    if (b > 0) {
      add_tile_gradient(block.lin1.weight, square);
      add_tile_gradient(block.lin1.bias, channels_);
    }
    add_tile_gradient(block.lin2.weight, square);
    add_tile_gradient(block.lin2.bias, channels_);
    for (const NormIds& norm : {block.norm1, block.norm2}) {
      add_tile_gradient(norm.weight, channels_);
      add_tile_gradient(norm.bias, channels_);
    }
  }
  add_tile_gradient(output_norm_.weight, channels_);
  add_tile_gradient(output_norm_.bias, channels_);
  add_tile_gradient(output_.weight, square);
  add_tile_gradient(output_.bias, channels_);
}

int64_t TableEncoder::tile_gradient(ParameterId id) const {
  for (const TileGradient& gradient : tile_gradients_)
    if (gradient.id.value == id.value) return gradient.offset;
  RLE_CHECK(false);
  return 0;
}

TableEncoder::Context TableEncoder::prepare(Step& step, const TableValues& table) const {
  Context context;
  context.table = table;
  context.slots = Slots(table.rows);
  context.kept = step.training;
  context.fold = fold_.prepare(step, context.table, sides_);
  const auto pack_both = [&](ParameterId weight) {
    const ConstMatrix w = step.weight(weight, channels_, channels_);
    context.forward.push_back(pack_transposed(w, step.arena));
    context.backward.push_back(step.training ? pack(w, step.arena) : PackedMatrix{});
  };
  for (size_t b = 0; b < blocks_.size(); ++b) {
    if (b > 0)
      pack_both(blocks_[b].lin1.weight);
    else
      context.forward.emplace_back(), context.backward.emplace_back();
    pack_both(blocks_[b].lin2.weight);
  }
  pack_both(output_.weight);

  // Evaluation keeps nothing: one tile of memory per slot serves every norm.
  const int64_t kept = step.training ? table.rows : context.slots.count * kTileRows;
  for (int64_t n = 0; n < norms(); ++n) {
    if (!step.training && n > 0) {
      context.saved.push_back(context.saved[0]);
      continue;
    }
    context.saved.push_back({new_matrix(step.arena, kept, channels_), step.arena.allocate<float>(kept),
                             step.arena.allocate<uint8_t>(kept * channels_), 1.0f});
  }
  if (step.training) {
    for (size_t b = 1; b < blocks_.size(); ++b)
      context.hidden.push_back(new_matrix(step.arena, table.rows, channels_));
    for (size_t site = 0; dropout_ > 0 && site < 2 * blocks_.size(); ++site) {
      uint32_t* keys = step.arena.allocate<uint32_t>(table.rows);
      const RngKey key = step.dropout.with(name_key_).with(site);
      for (int64_t i = 0; i < table.rows; ++i)
        keys[i] = static_cast<uint32_t>(key.bits(table.row_ids[i]) >> 32);
      context.row_keys.push_back(keys);
    }
  }
  context.output = new_matrix(step.arena, table.rows, channels_);
  context.scratch = step.arena.allocate<float>(context.slots.count * scratch_size());
  return context;
}

NormReluSaved TableEncoder::saved_tile(const Context& context, size_t norm, int64_t begin, int64_t end,
                                       int64_t slot) const {
  const int64_t first = context.kept ? begin : slot * kTileRows;
  NormReluSaved saved = context.saved[norm].slice(first, first + end - begin);
  saved.scale = norm < context.row_keys.size() ? 1.0f / (1.0f - dropout_) : 1.0f;
  return saved;
}

// ---- forward

void TableEncoder::forward_slot(const Step& step, Context& context, int64_t slot) const {
  for_tiles(context.slots.begin(slot), context.slots.end(slot),
            [&](int64_t begin, int64_t end) { forward_tile(step, context, slot, begin, end); });
}

void TableEncoder::forward_tile(const Step& step, Context& context, int64_t slot, int64_t begin,
                                int64_t end) const {
  float* scratch = context.scratch + slot * scratch_size();
  const int64_t rows = end - begin, tile = kTileRows * channels_;
  const Matrix z(scratch, rows, channels_), y(scratch + tile, rows, channels_);
  Matrix hidden(scratch + 2 * tile, rows, channels_);
  float* features = scratch + 4 * tile;

  const auto norm = [&](size_t n, const NormIds& ids) {
    const bool drops = n < context.row_keys.size();
    const Dropout dropout{drops ? dropout_ : 0.0f, drops ? context.row_keys[n] + begin : nullptr};
    norm_relu_forward(z, {step.value(ids.weight), step.value(ids.bias)}, dropout,
                      saved_tile(context, n, begin, end, slot), y);
  };

  if (blocks_.empty())
    fold_.forward_tile(step, context.table, context.fold, sides_[0], 0, begin, end, features, hidden);
  for (size_t b = 0; b < blocks_.size(); ++b) {
    if (b == 0) {
      fold_.forward_tile(step, context.table, context.fold, sides_[0], 0, begin, end, features, z);
    } else {
      if (context.kept) std::copy(hidden.data, hidden.data + hidden.size(), context.hidden[b - 1].row(begin));
      add_bias(step.value(blocks_[b].lin1.bias), z);
      gemm(hidden, context.forward[2 * b], z, GemmMode::kAccumulate);
    }
    norm(2 * b, blocks_[b].norm1);
    add_bias(step.value(blocks_[b].lin2.bias), z);
    gemm(y, context.forward[2 * b + 1], z, GemmMode::kAccumulate);
    norm(2 * b + 1, blocks_[b].norm2);
    if (b == 0)
      fold_.forward_tile(step, context.table, context.fold, sides_[1], 1, begin, end, features, hidden);
    add_matrix(y, hidden);
  }
  std::copy(hidden.data, hidden.data + hidden.size(), z.data);
  norm(2 * blocks_.size(), output_norm_);
  const Matrix out = context.output.slice(begin, end);
  add_bias(step.value(output_.bias), out);
  gemm(y, context.forward.back(), out, GemmMode::kAccumulate);
}

// ---- backward

void TableEncoder::prepare_backward(Step& step, Context& context, Matrix doutput) const {
  context.doutput = doutput;
  for (size_t s = 0; s < sides_.size(); ++s)
    context.dside.push_back(new_matrix(step.arena, context.table.rows, channels_));
  context.slot_gradients = step.arena.allocate<float>(context.slots.count * tile_gradient_size_);
}

void TableEncoder::backward_slot(const Step& step, Context& context, int64_t slot) const {
  float* gradients = context.slot_gradients + slot * tile_gradient_size_;
  std::fill(gradients, gradients + tile_gradient_size_, 0.0f);
  for_tiles(context.slots.begin(slot), context.slots.end(slot),
            [&](int64_t begin, int64_t end) { backward_tile(step, context, slot, begin, end); });
}

void TableEncoder::backward_tile(const Step& step, Context& context, int64_t slot, int64_t begin,
                                 int64_t end) const {
  float* gradients = context.slot_gradients + slot * tile_gradient_size_;
  float* scratch = context.scratch + slot * scratch_size();
  const int64_t rows = end - begin, tile = kTileRows * channels_;
  const Matrix dhidden(scratch, rows, channels_), work(scratch + tile, rows, channels_);
  const Matrix rebuilt(scratch + 2 * tile, rows, channels_);

  const Matrix dout = context.doutput.slice(begin, end);
  const NormReluSaved saved = saved_tile(context, 2 * blocks_.size(), begin, end, slot);
  norm_relu_rebuild(saved, {step.value(output_norm_.weight), step.value(output_norm_.bias)}, rebuilt);
  gemm_at_b(dout, rebuilt, Matrix(gradients + tile_gradient(output_.weight), channels_, channels_));
  add_column_sums(dout, gradients + tile_gradient(output_.bias));
  gemm(dout, context.backward.back(), work, GemmMode::kOverwrite);
  norm_relu_backward(work, saved, step.value(output_norm_.weight),
                     gradients + tile_gradient(output_norm_.weight),
                     gradients + tile_gradient(output_norm_.bias), dhidden);

  for (size_t b = blocks_.size(); b-- > 0;)
    backward_block(step, context, b, gradients, dhidden, work, rebuilt, slot, begin, end);
  const size_t last_side = sides_.size() - 1;  // the shortcut, or the only map of an encoder without blocks
  std::copy(dhidden.data, dhidden.data + dhidden.size(), context.dside[last_side].row(begin));
}

void TableEncoder::backward_block(const Step& step, Context& context, size_t b, float* gradients,
                                  Matrix dhidden, Matrix work, Matrix rebuilt, int64_t slot, int64_t begin,
                                  int64_t end) const {
  const Block& block = blocks_[b];
  const NormReluSaved saved1 = saved_tile(context, 2 * b, begin, end, slot);
  const NormReluSaved saved2 = saved_tile(context, 2 * b + 1, begin, end, slot);
  norm_relu_backward(dhidden, saved2, step.value(block.norm2.weight),
                     gradients + tile_gradient(block.norm2.weight),
                     gradients + tile_gradient(block.norm2.bias), work);
  norm_relu_rebuild(saved1, {step.value(block.norm1.weight), step.value(block.norm1.bias)}, rebuilt);
  gemm_at_b(work, rebuilt, Matrix(gradients + tile_gradient(block.lin2.weight), channels_, channels_));
  add_column_sums(work, gradients + tile_gradient(block.lin2.bias));
  gemm(work, context.backward[2 * b + 1], rebuilt, GemmMode::kOverwrite);
  const Matrix dz = b == 0 ? context.dside[0].slice(begin, end) : work;
  norm_relu_backward(rebuilt, saved1, step.value(block.norm1.weight),
                     gradients + tile_gradient(block.norm1.weight),
                     gradients + tile_gradient(block.norm1.bias), dz);
  if (b == 0) return;
  gemm_at_b(dz, context.hidden[b - 1].slice(begin, end),
            Matrix(gradients + tile_gradient(block.lin1.weight), channels_, channels_));
  add_column_sums(dz, gradients + tile_gradient(block.lin1.bias));
  gemm(dz, context.backward[2 * b], dhidden, GemmMode::kAccumulate);
}

void TableEncoder::finish_backward(Step& step, Context& context) const {
  if (context.table.rows == 0) return;
  float* sum = step.arena.allocate_zero<float>(tile_gradient_size_);
  add_slots(step.pool, context.slot_gradients, context.slots.count, tile_gradient_size_, sum);
  for (const TileGradient& gradient : tile_gradients_) {
    float* out = step.gradient(gradient.id);
    for (int64_t i = 0; i < gradient.size; ++i) out[i] += sum[gradient.offset + i];
  }
  fold_.backward(step, context.table, context.fold, sides_, {context.dside.begin(), context.dside.end()});
}

}  // namespace rle
