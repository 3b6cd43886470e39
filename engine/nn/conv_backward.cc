// The gradients of conv_terms.h, pulled: every destination tile sums what reads it, in a fixed order.
// Weights' gradients are summed per slot of rows, then in slot order.
#include <algorithm>

#include "base/error.h"
#include "nn/conv_terms.h"

namespace rle {
namespace {

// What one slot of rows adds up: d W and d c of some terms, or other sums; `sums` are its places.
struct SlotSums {
  struct Place {
    float* out;
    int64_t size;
  };
  Slots slots{0};
  std::vector<Place> places;
  float* buffers = nullptr;
  int64_t size = 0;

  void add(float* out, int64_t count) {
    places.push_back({out, count});
    size += count;
  }
  float* slot(int64_t s) const { return buffers + s * size; }
};

struct Pullers {
  size_t type, part;
  SlotSums sums;
  float* scratch = nullptr;  // (slots, 2 tiles)
};

class Backward {
 public:
  Backward(Step& step, ConvTerms& conv, const std::vector<Matrix>& dz, std::vector<NodeGradients>& gradients)
      : step_(step), conv_(conv), dz_(dz), gradients_(gradients), channels_(conv.channels) {}

  void run() {
    prepare();
    run_targets();
    run_row_terms();
    run_parts();
    add_sums();
    add_weight_gradients(step_, conv_);
  }

 private:
  struct Work {
    size_t item;
    int64_t slot;
  };
  bool wanted(const ConvPart& part) const { return !part.part.constant || !part.folded; }
  ConvPart& part_of(const ConvTerm& term) const { return conv_.parts[term.type][term.part]; }

  void prepare();
  void prepare_term(ConvTerm& term);
  Csr transpose_term(const ConvTerm& term) const;
  void run_targets();
  void target_tile(const ConvGroup& group, ConstMatrix dz, float* sums, int64_t begin, int64_t end) const;
  void run_row_terms();
  void run_parts();
  void part_tile(const Pullers& pull, const ConvPart& part, int64_t slot, int64_t begin, int64_t end) const;
  ConstMatrix mapped_gradient(const ConvTerm& term, int64_t begin, int64_t end, Matrix scratch) const;
  void add_sums();

  // What reads a term that maps first: the targets' d z, or the row term's map.
  ConstMatrix readers(const ConvTerm& term) const {
    const ConvGroup& group = conv_.groups[term.group];
    return term.by_row ? ConstMatrix(conv_.terms[static_cast<size_t>(group.row_term)].dmapped)
                       : ConstMatrix(dz_[term.group]);
  }
  // Runs body(item, slot) for all slots of all sums, the largest first.
  template <typename Body>
  void for_slots(std::vector<SlotSums*>& sums, Body&& body);

  Step& step_;
  ConvTerms& conv_;
  const std::vector<Matrix>& dz_;
  std::vector<NodeGradients>& gradients_;
  int64_t channels_;
  std::vector<SlotSums> target_sums_;  // per group
  std::vector<Pullers> pullers_;       // per part that terms read
};

Csr Backward::transpose_term(const ConvTerm& term) const {
  const ConvGroup& group = conv_.groups[term.group];
  const int64_t rows = part_of(term).values.rows;
  const int64_t lists =
      term.by_row ? part_of(conv_.terms[static_cast<size_t>(group.row_term)]).values.rows : group.targets;
  return term.lists.offsets == nullptr ? transpose_gather(term.lists.index, lists, rows, step_.arena)
                                       : transpose(term.lists, lists, rows, step_.arena);
}

void Backward::prepare_term(ConvTerm& term) {
  const int64_t square = channels_ * channels_;
  term.dweight = Matrix(step_.arena.allocate_zero<float>(square + channels_), channels_, channels_);
  term.dbias = term.dweight.data + square;
  const ConvGroup& group = conv_.groups[term.group];
  if (term.order == TermOrder::kMapFirst) {
    term.transposed = transpose_term(term);
    if (!group.row_terms.empty() && &term == &conv_.terms[static_cast<size_t>(group.row_term)])
      term.dmapped = new_matrix(step_.arena, term.mapped.rows, channels_);
  } else if (wanted(part_of(term))) {
    if (!term.identity) term.transposed = transpose_term(term);
    term.dsummed = new_matrix(step_.arena, group.targets, channels_);
  }
}

void Backward::prepare() {
  const int64_t square = channels_ * channels_;
  for (ConvTerm& term : conv_.terms) prepare_term(term);
  for (ConvGroup& group : conv_.groups) {
    group.dbias = step_.arena.allocate_zero<float>(channels_);
    SlotSums& sums = target_sums_.emplace_back();
    sums.slots = Slots(group.targets);
    sums.add(group.dbias, channels_);
    for (size_t t : group.terms)
      if (conv_.terms[t].order != TermOrder::kMapFirst)
        sums.add(conv_.terms[t].dweight.data, square + channels_);
  }
  for (size_t t = 0; t < conv_.parts.size(); ++t)
    for (size_t p = 0; p < conv_.parts[t].size(); ++p) {
      const ConvPart& part = conv_.parts[t][p];
      if (part.terms.empty()) continue;
      Pullers& pull = pullers_.emplace_back(Pullers{t, p, {}, nullptr});
      pull.sums.slots = Slots(part.values.rows);
      for (size_t term : part.terms)
        if (conv_.terms[term].order == TermOrder::kMapFirst)
          pull.sums.add(conv_.terms[term].dweight.data, square + channels_);
      if (!part.folded) {
        pull.sums.add(step_.gradient(part.part.map->weight), square);
        pull.sums.add(step_.gradient(part.part.map->bias), channels_);
      }
      pull.scratch = step_.arena.allocate<float>(pull.sums.slots.count * 2 * kTileRows * channels_);
      if (!part.part.constant) RLE_CHECK(gradients_[t][p].data.rows == part.values.rows);
    }
}

template <typename Body>
void Backward::for_slots(std::vector<SlotSums*>& sums, Body&& body) {
  std::vector<Work> work;
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i]->buffers = step_.arena.allocate<float>(sums[i]->slots.count * sums[i]->size);
    for (int64_t s = 0; s < sums[i]->slots.count; ++s) work.push_back({i, s});
  }
  std::stable_sort(work.begin(), work.end(), [&](const Work& a, const Work& b) {
    return sums[a.item]->slots.rows_per_slot > sums[b.item]->slots.rows_per_slot;
  });
  step_.pool.for_each(static_cast<int64_t>(work.size()), [&](int64_t i) {
    const Work& w = work[static_cast<size_t>(i)];
    const SlotSums& own = *sums[w.item];
    std::fill(own.slot(w.slot), own.slot(w.slot) + own.size, 0.0f);
    for_tiles(own.slots.begin(w.slot), own.slots.end(w.slot),
              [&](int64_t begin, int64_t end) { body(w.item, w.slot, begin, end); });
  });
}

void Backward::run_targets() {
  std::vector<SlotSums*> sums;
  for (SlotSums& own : target_sums_) sums.push_back(&own);
  for_slots(sums, [&](size_t g, int64_t slot, int64_t begin, int64_t end) {
    target_tile(conv_.groups[g], dz_[g].slice(begin, end), target_sums_[g].slot(slot), begin, end);
  });
}

void Backward::target_tile(const ConvGroup& group, ConstMatrix dz, float* sums, int64_t begin,
                           int64_t end) const {
  add_column_sums(dz, sums);
  sums += channels_;
  for (size_t t : group.terms) {
    const ConvTerm& term = conv_.terms[t];
    if (term.order == TermOrder::kMapFirst) continue;
    gemm_at_b(dz, term.summed.slice(begin, end), Matrix(sums, channels_, channels_), step_.precision);
    sums += channels_ * channels_;
    if (term.bias != nullptr) add_column_sums(dz, sums, term.times == nullptr ? nullptr : term.times + begin);
    sums += channels_;
    if (term.dsummed.data != nullptr)
      gemm(dz, term.backward, term.dsummed.slice(begin, end), GemmMode::kOverwrite);
  }
}

void Backward::run_row_terms() {
  struct Tile {
    const ConvTerm* term;
    ConstMatrix dz;
    int64_t begin, end;
  };
  std::vector<Tile> tiles;
  for (const ConvGroup& group : conv_.groups) {
    if (group.row_terms.empty()) continue;
    const ConvTerm& term = conv_.terms[static_cast<size_t>(group.row_term)];
    for_tiles(0, term.dmapped.rows, [&](int64_t begin, int64_t end) {
      tiles.push_back({&term, dz_[term.group], begin, end});
    });
  }
  step_.pool.for_each(static_cast<int64_t>(tiles.size()), [&](int64_t i) {
    const Tile& tile = tiles[static_cast<size_t>(i)];
    const ListTerm list{tile.dz.data, tile.term->transposed.offsets, tile.term->transposed.index};
    list_sum({&list, 1}, tile.begin, tile.end, SegmentMode::kOverwrite,
             tile.term->dmapped.slice(tile.begin, tile.end));
  });
}

void Backward::run_parts() {
  std::vector<SlotSums*> sums;
  for (Pullers& pull : pullers_) sums.push_back(&pull.sums);
  for_slots(sums, [&](size_t i, int64_t slot, int64_t begin, int64_t end) {
    const Pullers& pull = pullers_[i];
    part_tile(pull, conv_.parts[pull.type][pull.part], slot, begin, end);
  });
  for (const Pullers& pull : pullers_)
    if (!conv_.parts[pull.type][pull.part].part.constant) gradients_[pull.type][pull.part].started = true;
}

ConstMatrix Backward::mapped_gradient(const ConvTerm& term, int64_t begin, int64_t end,
                                      Matrix scratch) const {
  if (term.dmapped.data != nullptr) return term.dmapped.slice(begin, end);
  const ListTerm list{readers(term).data, term.transposed.offsets, term.transposed.index, term.scale, true};
  list_sum({&list, 1}, begin, end, SegmentMode::kOverwrite, scratch);
  return scratch;
}

void Backward::part_tile(const Pullers& pull, const ConvPart& part, int64_t slot, int64_t begin,
                         int64_t end) const {
  float* sums = pull.sums.slot(slot);
  float* scratch = pull.scratch + slot * 2 * kTileRows * channels_;
  const Matrix work(scratch, end - begin, channels_);
  const PartGradient& gradient = gradients_[pull.type][pull.part];
  const bool direct = part.folded;  // what terms see are the values themselves
  const bool want = wanted(part), add = direct && gradient.started;
  const Matrix dvalues = !want    ? Matrix()
                         : direct ? gradient.data.slice(begin, end)
                                  : Matrix(scratch + kTileRows * channels_, end - begin, channels_);
  std::vector<ListTerm> lists;
  for (size_t t : part.terms) {
    const ConvTerm& term = conv_.terms[t];
    if (want && term.order == TermOrder::kSumFirst && !term.identity)
      lists.push_back({term.dsummed.data, term.transposed.offsets, term.transposed.index, term.scale, true});
  }
  if (want) list_sum(lists, begin, end, add ? SegmentMode::kAccumulate : SegmentMode::kOverwrite, dvalues);
  for (size_t t : part.terms) {
    const ConvTerm& term = conv_.terms[t];
    if (term.order == TermOrder::kMapFirst) {
      const ConstMatrix dmapped = mapped_gradient(term, begin, end, work);
      gemm_at_b(dmapped, part.values.slice(begin, end), Matrix(sums, channels_, channels_), step_.precision);
      if (term.bias != nullptr) add_column_sums(dmapped, sums + channels_ * channels_);
      sums += channels_ * channels_ + channels_;
      if (want) gemm(dmapped, term.backward, dvalues, GemmMode::kAccumulate);
    } else if (want && term.identity) {
      const int64_t last = std::min(end, term.dsummed.rows);
      for (int64_t i = begin * channels_; i < last * channels_; ++i)
        dvalues.data[i - begin * channels_] += term.dsummed.data[i];
    } else if (want && term.order == TermOrder::kMaximum) {
      segment_max_backward(term.transposed, term.dsummed.rows, part.values, term.summed, term.ties,
                           term.dsummed, begin, end, gradient.data);
    }
  }
  if (direct) return;
  gemm_at_b(dvalues, part.part.values.slice(begin, end), Matrix(sums, channels_, channels_), step_.precision);
  add_column_sums(dvalues, sums + channels_ * channels_);
  if (!part.part.constant)
    gemm(dvalues, part.map_backward, gradient.data.slice(begin, end),
         gradient.started ? GemmMode::kAccumulate : GemmMode::kOverwrite);
}

// One map may serve several parts; their sums are added one part after the other.
void Backward::add_sums() {
  std::vector<const SlotSums*> all;
  for (const SlotSums& sums : target_sums_) all.push_back(&sums);
  for (const Pullers& pull : pullers_) all.push_back(&pull.sums);
  struct Chunk {
    const SlotSums* sums;
    size_t place;
    int64_t offset;
  };
  std::vector<Chunk> chunks;
  for (const SlotSums* sums : all) {
    int64_t offset = 0;
    for (size_t p = 0; p < sums->places.size(); ++p) {
      chunks.push_back({sums, p, offset});
      offset += sums->places[p].size;
    }
  }
  step_.pool.for_each(static_cast<int64_t>(chunks.size()), [&](int64_t i) {
    const Chunk& chunk = chunks[static_cast<size_t>(i)];
    const SlotSums::Place& place = chunk.sums->places[chunk.place];
    for (int64_t s = 0; s < chunk.sums->slots.count; ++s) {
      const float* from = chunk.sums->slot(s) + chunk.offset;
      for (int64_t j = 0; j < place.size; ++j) place.out[j] += from[j];
    }
  });
}

}  // namespace

void backward_terms(Step& step, ConvTerms& conv, const std::vector<Matrix>& dz,
                    std::vector<NodeGradients>& gradients) {
  Backward(step, conv, dz, gradients).run();
}

}  // namespace rle
