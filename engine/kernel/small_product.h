// Products of a matrix with single vectors: folding a numeric column's weight into the first layer, and its
// gradient. y and x are contiguous; w (rows, cols) may be a slice of a wider matrix.
#pragma once

#include "tensor/matrix.h"

namespace rle {

// y (rows) = w x (cols)
void multiply_vector(ConstMatrix w, const float* x, float* y);
// x (cols) += w^T y (rows)
void add_transposed_product(ConstMatrix w, const float* y, float* x);
// w += y (rows) outer x (cols)
void add_outer_product(const float* y, const float* x, Matrix w);

// Two products in one pass over w: what a numeric column's weight and bias need.
struct VectorPair {
  float *first, *second;
};
struct ConstVectorPair {
  const float *first, *second;
};
void multiply_two_vectors(ConstMatrix w, ConstVectorPair x, VectorPair y);
void add_two_transposed_products(ConstMatrix w, ConstVectorPair y, VectorPair x);
void add_two_outer_products(ConstVectorPair y, ConstVectorPair x, Matrix w);

// The plain loops, for tests: the same contracts.
void multiply_vector_oracle(ConstMatrix w, const float* x, float* y);
void add_transposed_product_oracle(ConstMatrix w, const float* y, float* x);
void add_outer_product_oracle(const float* y, const float* x, Matrix w);

}  // namespace rle
