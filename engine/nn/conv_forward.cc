#include <algorithm>

#include "base/error.h"
#include "nn/conv_terms.h"

namespace rle {
namespace {

struct TermTile {
  size_t term;
  int64_t begin, end;
};

void add_tiles(size_t term, int64_t rows, std::vector<TermTile>& out) {
  for (int64_t begin = 0; begin < rows; begin += kTileRows)
    out.push_back({term, begin, std::min(rows, begin + kTileRows)});
}

// mapped = c + terms by row + values W^T, tile by tile.
void map_tile(const ConvTerms& conv, const TermTile& tile, std::vector<ListTerm>& sums) {
  const ConvTerm& term = conv.terms[tile.term];
  const ConvGroup& group = conv.groups[term.group];
  sums.clear();
  if (term.bias != nullptr) sums.push_back({term.bias});
  if (group.row_term == static_cast<int64_t>(tile.term))
    for (size_t r : group.row_terms)
      sums.push_back({conv.terms[r].mapped.data, nullptr, conv.terms[r].lists.index});
  const Matrix out = term.mapped.slice(tile.begin, tile.end);
  if (!sums.empty()) list_sum(sums, tile.begin, tile.end, SegmentMode::kOverwrite, out);
  const ConstMatrix values = conv.parts[term.type][term.part].values;
  gemm(values.slice(tile.begin, tile.end), term.forward, out,
       sums.empty() ? GemmMode::kOverwrite : GemmMode::kAccumulate);
}

void run_tiles(Step& step, const ConvTerms& conv, const std::vector<TermTile>& tiles) {
  step.pool.for_each(static_cast<int64_t>(tiles.size()), [&](int64_t i) {
    std::vector<ListTerm> sums;
    map_tile(conv, tiles[static_cast<size_t>(i)], sums);
  });
}

// scale_i * sum over list i of the given rows.
ListTerm list_term(const ConvTerm& term, ConstMatrix rows) {
  return {rows.data, term.lists.offsets, term.lists.index, term.scale};
}

}  // namespace

void prepare_terms(Step& step, ConvTerms& conv) {
  multiply_weights(step, conv);
  std::vector<TermTile> first, with_rows;
  for (size_t t = 0; t < conv.terms.size(); ++t) {
    ConvTerm& term = conv.terms[t];
    const ConvGroup& group = conv.groups[term.group];
    if (term.order != TermOrder::kMapFirst) {
      if (!term.identity) term.summed = ConstMatrix(new_matrix(step.arena, group.targets, conv.channels));
      if (term.order == TermOrder::kMaximum) term.ties = new_matrix(step.arena, group.targets, conv.channels);
      continue;
    }
    const int64_t rows = conv.parts[term.type][term.part].values.rows;
    term.mapped = new_matrix(step.arena, rows, conv.channels);
    const bool has_row_terms = group.row_term == static_cast<int64_t>(t) && !group.row_terms.empty();
    add_tiles(t, rows, has_row_terms ? with_rows : first);
  }
  run_tiles(step, conv, first);
  run_tiles(step, conv, with_rows);
}

void forward_group_tile(const ConvTerms& conv, const ConvGroup& group, int64_t begin, int64_t end) {
  const Matrix out = group.output.slice(begin, end);
  std::vector<ListTerm> sums{{group.bias}};
  for (size_t t : group.terms) {
    const ConvTerm& term = conv.terms[t];
    if (term.order == TermOrder::kMapFirst)
      sums.push_back(list_term(term, term.mapped));
    else if (term.bias != nullptr)
      sums.push_back({term.bias, nullptr, nullptr, term.times});
  }
  list_sum(sums, begin, end, SegmentMode::kOverwrite, out);
  for (size_t t : group.terms) {
    const ConvTerm& term = conv.terms[t];
    if (term.order == TermOrder::kMapFirst) continue;
    const ConstMatrix values = conv.parts[term.type][term.part].values;
    const Matrix summed(const_cast<float*>(term.summed.data), term.summed.rows, term.summed.cols);
    if (term.order == TermOrder::kMaximum) {
      segment_max(term.lists, values, begin, end, summed, term.ties);
    } else if (!term.identity) {
      const ListTerm list = list_term(term, values);
      list_sum({&list, 1}, begin, end, SegmentMode::kOverwrite, summed.slice(begin, end));
    }
    gemm(term.summed.slice(begin, end), term.forward, out, GemmMode::kAccumulate);
  }
  if (group.output_scale != 1.0f)
    for (int64_t i = 0; i < out.size(); ++i) out.data[i] *= group.output_scale;
}

}  // namespace rle
