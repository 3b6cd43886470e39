// The encoder of one table: column vectors, B residual blocks
//   lin1 -> LayerNorm -> ReLU -> dropout -> lin2 -> LayerNorm -> ReLU -> dropout, plus shortcut,
// then LayerNorm -> ReLU -> Linear (PyTorch Frame's ResNet; Gorishniy et al. 2021, arXiv 2106.11959). B = 0:
// one linear map in place of the blocks. Each distinct row of a batch is encoded once, in tiles that stay in
// L2.
//
// The model drives several tables at once: prepare all, run every (table, slot) on the pool, finish all.
#pragma once

#include <string>
#include <vector>

#include "kernel/norm_relu.h"
#include "nn/input_fold.h"

namespace rle {

struct LinearParameters {
  ParameterId weight, bias;  // (out, in), (out)
};
struct NormIds {
  ParameterId weight, bias;  // (channels)
};

// Adds "<name>.weight" and "<name>.bias", uniform in +-1/sqrt(in).
LinearParameters add_linear(ParameterStore& parameters, const std::string& name, int64_t out, int64_t in);
// Adds "<name>.weight" (ones) and "<name>.bias" (zeros).
NormIds add_norm(ParameterStore& parameters, const std::string& name, int64_t channels);

class TableEncoder {
 public:
  // columns: at least one. dropout in [0, 1).
  TableEncoder(ParameterStore& parameters, const std::string& name, std::vector<ColumnShape> columns,
               int64_t channels, int64_t blocks, float dropout);

  // Everything of one batch: what the backward pass needs, packed weights, scratch memory per slot.
  struct Context {
    TableValues table;
    Slots slots{0};
    bool kept = false;  // training: every row's values are kept, else one tile a slot
    InputFold::Context fold;
    std::vector<PackedMatrix> forward,
        backward;  // lin1, lin2 per block (lin1 of block 0 is folded), then the output map
    std::vector<NormReluSaved> saved;  // two per block, then the output's; training only
    std::vector<Matrix> hidden;        // input of each block from the second on; training only
    std::vector<uint32_t*> row_keys;   // two dropout sites per block
    Matrix output;                     // (rows, channels)
    std::vector<Matrix> dside;         // gradients of the folded maps' outputs
    Matrix doutput;
    float* slot_gradients = nullptr;  // (slots, tile_gradient_size)
    float* scratch = nullptr;         // (slots, scratch_size)
  };

  // Folds and packs; lays out memory. `table` is borrowed until the step ends.
  Context prepare(Step& step, const TableValues& table) const;
  // One slot of the forward pass; slots may run at once.
  void forward_slot(const Step& step, Context& context, int64_t slot) const;
  // Lays out the backward pass for d output (rows, channels).
  void prepare_backward(Step& step, Context& context, Matrix doutput) const;
  void backward_slot(const Step& step, Context& context, int64_t slot) const;
  // Adds all gradients to the store.
  void finish_backward(Step& step, Context& context) const;

 private:
  struct Block {
    LinearParameters lin1, lin2;
    NormIds norm1, norm2;
  };
  // One parameter whose gradient is summed in the slots' buffers.
  struct TileGradient {
    ParameterId id;
    int64_t offset = 0, size = 0;
  };

  int64_t norms() const { return 2 * static_cast<int64_t>(blocks_.size()) + 1; }
  int64_t scratch_size() const { return kTileRows * (4 * channels_ + fold_.dense_width()); }
  int64_t tile_gradient(ParameterId id) const;
  void collect_tile_gradients();
  void add_tile_gradient(ParameterId id, int64_t size);
  NormReluSaved saved_tile(const Context& context, size_t norm, int64_t begin, int64_t end,
                           int64_t slot) const;
  void forward_tile(const Step& step, Context& context, int64_t slot, int64_t begin, int64_t end) const;
  void backward_tile(const Step& step, Context& context, int64_t slot, int64_t begin, int64_t end) const;
  void backward_block(const Step& step, Context& context, size_t block, float* gradients, Matrix dhidden,
                      Matrix work, Matrix rebuilt, int64_t slot, int64_t begin, int64_t end) const;

  InputFold fold_;
  std::vector<FoldSide> sides_;
  std::vector<Block> blocks_;
  NormIds output_norm_;
  LinearParameters output_;
  std::vector<TileGradient> tile_gradients_;
  int64_t tile_gradient_size_ = 0;
  int64_t channels_;
  float dropout_;
  uint64_t name_key_;
};

}  // namespace rle
