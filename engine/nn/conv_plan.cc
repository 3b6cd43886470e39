#include "nn/conv_plan.h"

#include <algorithm>

#include "base/error.h"

namespace rle {

PartLists part_lists(const Csr& by_target, const int32_t* index, int64_t targets, Arena& arena) {
  PartLists out;
  out.single = out.complete = true;
  const int32_t* offsets = by_target.offsets;
  for (int64_t i = 0; i < targets; ++i) {
    const int32_t degree = offsets[i + 1] - offsets[i];
    out.single &= degree <= 1;
    out.complete &= degree == 1;
  }
  const auto row = [&](int64_t entry) {
    const int32_t source = by_target.index[entry];
    return index == nullptr ? source : index[source];
  };
  const int64_t entries = offsets[targets];
  if (!out.single && index == nullptr) {
    out.lists = by_target;
    return out;
  }
  int32_t* rows = arena.allocate<int32_t>(out.single ? targets : entries);
  if (out.single)
    for (int64_t i = 0; i < targets; ++i) rows[i] = offsets[i] == offsets[i + 1] ? -1 : row(offsets[i]);
  else
    for (int64_t e = 0; e < entries; ++e) rows[e] = row(e);
  out.lists = {out.single ? nullptr : offsets, rows};
  return out;
}

const int32_t* sources_by_row(const int32_t* index, const int32_t* row, int64_t targets, int64_t rows,
                              Arena& arena) {
  constexpr int32_t kUnseen = -2;
  int32_t* out = arena.allocate<int32_t>(rows);
  std::fill(out, out + rows, kUnseen);
  for (int64_t i = 0; i < targets; ++i) {
    int32_t& source = out[row[i]];
    if (source == kUnseen) source = index[i];
    if (source != index[i]) return nullptr;
  }
  for (int64_t r = 0; r < rows; ++r) out[r] = std::max(out[r], -1);
  return out;
}

bool same_ages(const int32_t* index, const int64_t* source_ages, const int32_t* target_index,
               const int64_t* target_ages, int64_t targets) {
  for (int64_t i = 0; i < targets; ++i)
    if (source_ages[index[i]] != target_ages[target_index[i]]) return false;
  return true;
}

namespace {

ConvTerm& add_term(ConvTerms& conv, size_t group, size_t type, size_t part, const ConvFactor& factor) {
  ConvTerm& term = conv.terms.emplace_back();
  term.type = type;
  term.part = part;
  term.group = group;
  term.factors.push_back(factor);
  conv.groups[group].terms.push_back(conv.terms.size() - 1);
  return term;
}

void add_root_terms(ConvTerms& conv, size_t g) {
  const ConvGroup& group = conv.groups[g];
  for (size_t p = 0; p < conv.parts[group.type].size(); ++p) {
    const NodePart& part = conv.parts[group.type][p].part;
    ConvTerm& term = add_term(conv, g, group.type, p, {group.root, group.droot, part.map});
    term.identity = part.index == nullptr;
    term.lists = {nullptr, part.index};
  }
}

// Neighbours of exactly one each, as old as the target itself: their ages' term is the root's, with W of
// both.
bool joins_ages(ConvTerms& conv, size_t g, const PartLists& lists, const NodePart& source,
                const ConvFactor& factor) {
  if (source.ages == nullptr || source.map == nullptr || !lists.single || !lists.complete) return false;
  for (size_t t : conv.groups[g].terms) {
    ConvTerm& term = conv.terms[t];
    if (term.factors[0].weight.data != conv.groups[g].root.data) break;  // roots come first
    const NodePart& own = conv.parts[term.type][term.part].part;
    if (own.ages == nullptr || own.map == nullptr || own.index == nullptr) continue;
    if (!same_ages(lists.lists.index, source.ages, own.index, own.ages, conv.groups[g].targets)) return false;
    term.factors.push_back(factor);
    return true;
  }
  return false;
}

struct Scales {
  float *mean, *times;  // 1 / degree; how often a bias counts
};

Scales degree_scales(const Csr& by_target, int64_t targets, bool mean, Arena& arena) {
  Scales out{arena.allocate<float>(targets), arena.allocate<float>(targets)};
  for (int64_t i = 0; i < targets; ++i) {
    const float degree = static_cast<float>(by_target.offsets[i + 1] - by_target.offsets[i]);
    out.mean[i] = degree == 0 ? 0.0f : 1.0f / degree;
    out.times[i] = mean ? std::min(degree, 1.0f) : degree;
  }
  return out;
}

void add_edge_terms(Step& step, ConvTerms& conv, size_t g, const GroupEdge& edge, Reduce reduce) {
  const int64_t targets = conv.groups[g].targets;
  const Csr& by_target = edge.edges->by_target;
  if (edge.edges->count == 0 || by_target.offsets[targets] == 0) return;
  const bool mean = reduce == Reduce::kMean;
  const Scales scales = degree_scales(by_target, targets, mean, step.arena);
  for (size_t p = 0; p < conv.parts[edge.source].size(); ++p) {
    const NodePart& part = conv.parts[edge.source][p].part;
    const ConvFactor factor{edge.neighbour, edge.dneighbour, part.map};
    if (reduce == Reduce::kMax) {
      RLE_CHECK(conv.parts[edge.source].size() == 1 && part.index == nullptr && part.map == nullptr);
      ConvTerm& term = add_term(conv, g, edge.source, p, factor);
      term.order = TermOrder::kMaximum;
      term.lists = by_target;
      continue;
    }
    const PartLists lists = part_lists(by_target, part.index, targets, step.arena);
    if (step.training && joins_ages(conv, g, lists, part, factor)) continue;
    ConvTerm& term = add_term(conv, g, edge.source, p, factor);
    term.lists = lists.lists;
    term.scale = mean && !lists.single ? scales.mean : nullptr;
    term.times = lists.complete ? nullptr : scales.times;
  }
}

// A map is multiplied into the weights (channels more rows for each use, and the same in the gradients) or
// applied to the values first.
void choose_folds(Step& step, ConvTerms& conv) {
  for (std::vector<ConvPart>& parts : conv.parts)
    for (ConvPart& part : parts) {
      part.values = part.part.values;
      if (part.part.map == nullptr) continue;
      bool must = false;  // several factors: only their sum is applied
      for (size_t t : part.terms) must |= conv.terms[t].factors.size() > 1;
      const int64_t uses = static_cast<int64_t>(part.terms.size());
      part.folded = !step.training || must || uses * conv.channels < part.values.rows;
      if (part.folded || uses == 0) continue;
      part.values = map_values(step, part.part.values, *part.part.map);
      if (step.training && !part.part.constant)
        part.map_backward = pack(step.weight(part.part.map->weight, conv.channels, conv.channels), step.arena,
                                 step.precision);
      for (size_t t : part.terms) conv.terms[t].factors[0].map = nullptr;
    }
}

// The group's term that maps the target type's distinct rows first; terms of single sources that its rows
// determine are added to its map.
void choose_row_terms(Step& step, ConvTerms& conv, ConvGroup& group) {
  for (size_t t : group.terms) {
    const ConvTerm& term = conv.terms[t];
    const bool rows = term.factors[0].weight.data == group.root.data && !term.identity &&
                      term.order == TermOrder::kMapFirst &&
                      conv.parts[term.type][term.part].part.ages == nullptr;
    if (!rows) continue;
    group.row_term = static_cast<int64_t>(t);
    break;
  }
  if (group.row_term < 0) return;
  const ConvTerm& rows = conv.terms[static_cast<size_t>(group.row_term)];
  const int64_t count = conv.parts[rows.type][rows.part].values.rows;
  std::vector<size_t> rest;
  for (size_t t : group.terms) {
    ConvTerm& term = conv.terms[t];
    const bool candidate = &term != &rows && term.order == TermOrder::kMapFirst &&
                           term.lists.offsets == nullptr &&
                           conv.parts[term.type][term.part].part.ages == nullptr;
    const int32_t* by_row =
        candidate ? sources_by_row(term.lists.index, rows.lists.index, group.targets, count, step.arena)
                  : nullptr;
    if (by_row == nullptr) {
      rest.push_back(t);
      continue;
    }
    term.by_row = true;
    term.lists = {nullptr, by_row};
    group.row_terms.push_back(t);
  }
  group.terms = rest;
}

}  // namespace

void add_group_terms(Step& step, size_t group, const std::vector<GroupEdge>& edges, Reduce reduce,
                     ConvTerms& conv) {
  add_root_terms(conv, group);
  for (const GroupEdge& edge : edges) add_edge_terms(step, conv, group, edge, reduce);
}

void choose_orders(Step& step, ConvTerms& conv) {
  for (size_t t = 0; t < conv.terms.size(); ++t)
    conv.parts[conv.terms[t].type][conv.terms[t].part].terms.push_back(t);
  choose_folds(step, conv);
  for (ConvTerm& term : conv.terms) {
    const ConvPart& part = conv.parts[term.type][term.part];
    const bool distinct = part.part.index != nullptr;
    const bool fewer = part.values.rows <= conv.groups[term.group].targets;
    if (term.identity)
      term.summed = part.values.slice(0, conv.groups[term.group].targets);
    else if (term.order != TermOrder::kMaximum && (step.training ? fewer : distinct))
      term.order = TermOrder::kMapFirst;
  }
  if (!step.training) return;
  for (ConvGroup& group : conv.groups) choose_row_terms(step, conv, group);
}

}  // namespace rle
