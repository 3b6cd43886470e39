// The column encoders and the first linear maps behind them, folded (docs/model.md, same mathematics with
// less work): a column's vector is linear in its raw value, so W_c (x w_c + b_c) = x (W_c w_c) + W_c b_c.
// Numeric and embedding columns, and the maps' biases, become one narrow product over the rows; categories,
// calendar columns and lists become one product per distinct value of the batch and a gather.
//
// Conventions: parameters' gradients are added to; a "side" is one linear map on the concatenation of column
// vectors (the first block's lin1, its shortcut, or the input map of an encoder without blocks). Sides are
// computed side by side: matrices of width() = sides * channels columns.
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

  // The maps, once, before anything is computed.
  void set_sides(std::vector<FoldSide> sides) { sides_ = std::move(sides); }

  int64_t columns() const { return static_cast<int64_t>(columns_.size()); }
  int64_t width() const { return static_cast<int64_t>(sides_.size()) * channels_; }
  // Columns of the narrow product: 1 for the biases, 2 a numeric column, dimension + 1 an embedding.
  int64_t dense_width() const { return dense_width_; }

  // What one batch needs: folded matrices, products of distinct values. Lives in the step's arena.
  struct Context {
    struct Distinct {                     // per column; empty for numeric and embedding
      Matrix value;                       // categories: (distinct, channels) the column's vectors
      Matrix calendar;                    // datetime: (distinct, 56 + 1), the last 1
      Matrix product;                     // (distinct, width)
      const float* list_scale = nullptr;  // multi-category: (rows) 1 / length
    };
    PackedMatrix dense;  // (dense width, width)
    std::vector<Distinct> distinct;
    std::vector<ListTerm> gathers;  // rows' products of distinct values
  };

  Context prepare(Step& step, const TableValues& table) const;

  // out (rows, width) = the sides' maps of rows [begin, end) of the table, biases included. scratch:
  // dense_width() * rows floats.
  void forward_tile(const TableValues& table, const Context& context, int64_t begin, int64_t end,
                    float* scratch, Matrix out) const;

  // The part of the gradient that is summed tile by tile: ddense (dense_width, width) is added to.
  void backward_tile(const TableValues& table, int64_t begin, int64_t end, float* scratch, ConstMatrix dout,
                     Matrix ddense) const;
  // Adds the gradients of columns, sides' weights and biases. ddense: the sum over all rows. dout (rows,
  // width): contiguous.
  void backward(Step& step, const TableValues& table, const Context& context, ConstMatrix ddense,
                ConstMatrix dout) const;

 private:
  struct ColumnParameters {
    ParameterId weight,
        bias;  // numeric (channels) both; datetime (56, channels), embedding (dimension, channels), + bias
    ParameterId embedding;      // (vocabulary + 1, channels)
    int64_t features = 0;       // rows of the weight; 0: categories
    int64_t dense_offset = -1;  // first row in the dense part
  };

  bool is_dense(size_t column) const { return parameters_[column].dense_offset >= 0; }
  ConstMatrix side_slice(const Step& step, const FoldSide& side, size_t column) const;
  Matrix side_gradient_slice(Step& step, const FoldSide& side, size_t column) const;
  void fill_dense(const TableValues& table, int64_t begin, int64_t end, Matrix features) const;

  void fold_column(Step& step, size_t column, Matrix folded) const;
  void unfold_column(Step& step, size_t column, ConstMatrix dfolded) const;
  void encode_calendars(Step& step, const TableValues& table, size_t column, Context::Distinct& out) const;
  void encode_categories(Step& step, const TableValues& table, size_t column, Context::Distinct& out) const;
  std::vector<Matrix> distinct_gradients(Step& step, const TableValues& table, const Context& context,
                                         ConstMatrix dout) const;
  void backward_calendars(Step& step, const Context::Distinct& distinct, size_t column,
                          ConstMatrix dproduct) const;
  void backward_categories(Step& step, const TableValues& table, const Context::Distinct& distinct,
                           size_t column, ConstMatrix dproduct) const;

  std::vector<ColumnShape> columns_;
  std::vector<ColumnParameters> parameters_;
  std::vector<FoldSide> sides_;
  int64_t channels_ = 0, dense_width_ = 1;
};

}  // namespace rle
