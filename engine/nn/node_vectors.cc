#include "nn/node_vectors.h"

#include "base/error.h"
#include "kernel/gemm.h"
#include "kernel/segment.h"

namespace rle {
namespace {

// values is whole rows of a type's nodes, in their order.
Matrix sum_by_row(Step& step, const NodePart& part, ConstMatrix dx, Matrix out, SegmentMode mode) {
  const int64_t rows = part.values.rows;
  int32_t* identity = nullptr;
  if (part.index == nullptr) {
    identity = step.arena.allocate<int32_t>(dx.rows);
    for (int64_t i = 0; i < dx.rows; ++i) identity[i] = static_cast<int32_t>(i);
  }
  const Csr lists =
      transpose_gather(part.index == nullptr ? identity : part.index, dx.rows, rows, step.arena);
  step.pool.for_chunks(rows, kTileRows, [&](int64_t begin, int64_t end) {
    segment_sum(lists, nullptr, dx, begin, end, mode, out);
  });
  return out;
}

}  // namespace

Matrix map_values(Step& step, ConstMatrix values, const LinearParameters& map) {
  const Matrix out = new_matrix(step.arena, values.rows, values.cols);
  const PackedMatrix weight =
      pack_transposed(step.weight(map.weight, values.cols, values.cols), step.arena, step.precision);
  const ListTerm bias{step.value(map.bias)};
  step.pool.for_chunks(values.rows, kTileRows, [&](int64_t begin, int64_t end) {
    list_sum({&bias, 1}, begin, end, SegmentMode::kOverwrite, out.slice(begin, end));
    gemm(values.slice(begin, end), weight, out.slice(begin, end), GemmMode::kAccumulate);
  });
  return out;
}

ExpandedNodes expand_nodes(Step& step, const NodeVectors& from, int64_t nodes) {
  RLE_CHECK(!from.parts.empty() && nodes <= from.nodes);
  ExpandedNodes out;
  out.from = from;
  std::vector<ListTerm> terms;
  for (const NodePart& part : from.parts) {
    out.mapped.push_back(part.map == nullptr ? part.values : map_values(step, part.values, *part.map));
    const int32_t* index = part.index;
    if (index == nullptr) {
      int32_t* identity = step.arena.allocate<int32_t>(nodes);
      for (int64_t i = 0; i < nodes; ++i) identity[i] = static_cast<int32_t>(i);
      index = identity;
    }
    terms.push_back({out.mapped.back().data, nullptr, index});
  }
  out.x = new_matrix(step.arena, nodes, from.parts[0].values.cols);
  step.pool.for_chunks(nodes, kTileRows, [&](int64_t begin, int64_t end) {
    list_sum(terms, begin, end, SegmentMode::kOverwrite, out.x.slice(begin, end));
  });
  return out;
}

void expand_nodes_backward(Step& step, const ExpandedNodes& expanded, ConstMatrix dx,
                           NodeGradients& gradients) {
  for (size_t p = 0; p < expanded.from.parts.size(); ++p) {
    const NodePart& part = expanded.from.parts[p];
    PartGradient& out = gradients[p];
    const SegmentMode mode = out.started ? SegmentMode::kAccumulate : SegmentMode::kOverwrite;
    if (part.map == nullptr) {
      if (part.constant) continue;
      sum_by_row(step, part, dx, out.data, mode);
      out.started = true;
      continue;
    }
    const int64_t channels = dx.cols;
    const Matrix dmapped = sum_by_row(step, part, dx, new_matrix(step.arena, part.values.rows, channels),
                                      SegmentMode::kOverwrite);
    add_linear_gradient(step, dmapped, part.values,
                        {step.weight_gradient(part.map->weight, channels, channels),
                         step.gradient(part.map->bias), step.precision});
    if (part.constant) continue;
    parallel_gemm(step, dmapped,
                  pack(step.weight(part.map->weight, channels, channels), step.arena, step.precision),
                  out.data, out.started ? GemmMode::kAccumulate : GemmMode::kOverwrite);
    out.started = true;
  }
}

}  // namespace rle
