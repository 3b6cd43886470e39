// The column encoders and the first linear maps behind them, folded (docs/model.md, same mathematics with
// less work): a column's vector is linear in its raw value, so W_c (x w_c + b_c) = x (W_c w_c) + W_c b_c.
// Numeric and embedding columns become one narrow product; categories, calendar columns and lists become one
// product per distinct value of the batch and a gather.
//
// Conventions: parameters' gradients are added to; a "side" is one linear map on the concatenation of column
// vectors (the first block's lin1, its shortcut, or the input map of an encoder without blocks).
#pragma once

#include <string>
#include <vector>

#include "kernel/gemm.h"
#include "kernel/segment.h"
#include "nn/columns.h"
#include "nn/step.h"

namespace rle {

// A linear map (channels, columns * channels) with bias; identity (of a single column's vector, no
// parameters) where a table has one column and the shortcut is none.
struct FoldSide {
  bool identity = false;
  ParameterId weight, bias;
};

class InputFold {
 public:
  // Adds the columns' parameters "<prefix>.columns.<name>.{weight,bias,embedding}".
  InputFold(ParameterStore& parameters, const std::string& prefix, std::vector<ColumnShape> columns,
            int64_t channels);

  int64_t columns() const { return static_cast<int64_t>(columns_.size()); }

  // What one batch needs: folded matrices, products of distinct values. Lives in the step's arena.
  struct Context {
    struct Distinct {                     // per column; empty for numeric and embedding
      Matrix value;                       // (distinct, channels) the column's vectors
      Matrix calendar;                    // (distinct, 56) datetime only
      std::vector<Matrix> product;        // per side: (distinct, channels) value W_c^T
      const float* list_scale = nullptr;  // multi-category: (rows) 1 / length
    };
    std::vector<Matrix> dense;         // per side: (dense width, channels)
    std::vector<PackedMatrix> packed;  // the same, packed
    std::vector<Distinct> distinct;
  };

  Context prepare(Step& step, const TableValues& table, const std::vector<FoldSide>& sides) const;

  // out = the side's map of rows [begin, end) of the table, bias included. scratch: dense_width() * rows
  // floats.
  void forward_tile(const Step& step, const TableValues& table, const Context& context, const FoldSide& side,
                    size_t side_index, int64_t begin, int64_t end, float* scratch, Matrix out) const;

  // Width of the dense part: 2 a numeric column, dimension + 1 an embedding.
  int64_t dense_width() const { return dense_width_; }

  // Adds the gradients of columns, sides' weights and biases. dsides: per side (rows, channels).
  void backward(Step& step, const TableValues& table, const Context& context,
                const std::vector<FoldSide>& sides, const std::vector<ConstMatrix>& dsides) const;

 private:
  struct ColumnParameters {
    ParameterId weight,
        bias;  // numeric (channels) both; datetime (56, channels), embedding (dimension, channels), + bias
    ParameterId embedding;      // (vocabulary + 1, channels)
    int64_t dense_offset = -1;  // first row in the dense part
  };

  bool is_dense(size_t column) const { return parameters_[column].dense_offset >= 0; }
  ConstMatrix side_slice(const Step& step, const FoldSide& side, size_t column) const;
  Matrix side_gradient_slice(Step& step, const FoldSide& side, size_t column) const;
  void fill_dense(const TableValues& table, int64_t begin, int64_t end, Matrix features) const;

  void fold_dense_column(Step& step, size_t column, const FoldSide& side, Matrix dense) const;
  void unfold_dense_column(Step& step, size_t column, const FoldSide& side, ConstMatrix ddense) const;
  void encode_distinct(Step& step, const TableValues& table, size_t column, Context::Distinct& out) const;
  void add_dense_gradient(Step& step, const TableValues& table, const FoldSide& side,
                          ConstMatrix dside) const;
  Matrix distinct_gradient(Step& step, const TableValues& table, const Context& context, size_t column,
                           ConstMatrix dside) const;
  void backward_distinct(Step& step, const TableValues& table, const Context& context, size_t column,
                         const std::vector<FoldSide>& sides, const std::vector<ConstMatrix>& dsides) const;

  std::vector<ColumnShape> columns_;
  std::vector<ColumnParameters> parameters_;
  int64_t channels_ = 0, dense_width_ = 0;
};

}  // namespace rle
