// The encoder of one table: column vectors, B residual blocks
//   lin1 -> LayerNorm -> ReLU -> dropout -> lin2 -> LayerNorm -> ReLU -> dropout, plus shortcut,
// then LayerNorm -> ReLU, and a last linear map (PyTorch Frame's ResNet; Gorishniy et al. 2021, arXiv
// 2106.11959). B = 0: one linear map in place of the blocks. The last map is left to what reads the vectors
// (nn/node_vectors.h): it may be multiplied into the maps that come next. Each distinct row of a batch is
// encoded once. Forward a few dozen rows go through all layers, a product straight into its normalisation,
// while they are in L1; backward tiles of kTileRows stay in L2 until the products that sum over them have
// read them.
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
        backward;                      // lin1, lin2 per block (lin1 of block 0 is folded)
    std::vector<NormReluSaved> saved;  // two per block, then the output's
    std::vector<Matrix> hidden;        // input of each block from the second on; training only
    std::vector<RngKey> dropout_keys;  // two sites per block; training only
    Matrix output;                     // (rows, channels) before the last map
    Matrix dfold;                      // (rows, fold width) gradient of the folded maps' outputs
    Matrix doutput;
    float* slot_gradients = nullptr;  // (slots, slot_gradient_size)
    float* scratch = nullptr;         // (slots, scratch_size)
  };

  const LinearParameters& output_map() const { return output_; }

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
  // One parameter whose gradient is summed in the slots' buffers, behind the fold's dense gradient.
  struct SlotGradient {
    ParameterId id;
    int64_t offset = 0, size = 0;
  };
  // The rows of a tile, and the memory of the slot that computes it.
  struct Tile {
    int64_t begin, end;
    float* scratch;
    float* gradients;
    int64_t rows() const { return end - begin; }
  };

  size_t norms() const { return 2 * blocks_.size() + 1; }
  int64_t scratch_size(bool training) const;
  float* slot_gradient(const Tile& tile, ParameterId id) const;
  void collect_slot_gradients();
  void add_slot_gradient(ParameterId id, int64_t size);
  void pack_weights(Step& step, Context& context) const;
  NormReluSaved saved_rows(const Context& context, size_t norm, const Tile& tile, int64_t slot) const;
  void forward_tile(const Step& step, Context& context, int64_t slot, const Tile& tile) const;
  void backward_tile(const Step& step, Context& context, const Tile& tile) const;
  void backward_output(const Step& step, Context& context, const Tile& tile, Matrix dhidden) const;
  void backward_block(const Step& step, Context& context, size_t block, const Tile& tile,
                      Matrix dhidden) const;

  InputFold fold_;
  std::vector<Block> blocks_;
  NormIds output_norm_;
  LinearParameters output_;
  std::vector<SlotGradient> slot_gradients_;
  int64_t slot_gradient_size_ = 0;
  int64_t channels_;
  float dropout_;
  uint64_t name_key_;
};

}  // namespace rle
