#include "nn/parameter_store.h"

#include <algorithm>

#include "base/error.h"

namespace rle {
namespace {

void fill(const ParameterStore::Entry& entry, RngKey key, float* out) {
  RngStream stream(key);
  const double scale = entry.init.scale;
  int64_t begin = 0;
  switch (entry.init.kind) {
    case Init::Kind::kZero:
      std::fill_n(out, entry.size, 0.0f);
      return;
    case Init::Kind::kOne:
      std::fill_n(out, entry.size, 1.0f);
      return;
    case Init::Kind::kUniform:
      for (int64_t i = 0; i < entry.size; ++i)
        out[i] = static_cast<float>((2.0 * stream.uniform() - 1.0) * scale);
      return;
    case Init::Kind::kEmbedding:
      begin = entry.shape.empty() || entry.shape[0] == 0 ? 0 : entry.size / entry.shape[0];
      std::fill_n(out, begin, 0.0f);
      [[fallthrough]];
    case Init::Kind::kNormal:
      for (int64_t i = begin; i < entry.size; ++i) out[i] = static_cast<float>(stream.normal() * scale);
      return;
  }
}

}  // namespace

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) {
    RLE_CHECK(extent >= 0);
    RLE_CHECK(!__builtin_mul_overflow(count, extent, &count));
  }
  return count;
}

ParameterId ParameterStore::add(std::string name, Shape shape, Init init) {
  RLE_CHECK(values_.empty());  // after freeze, handles point into fixed memory
  if (find(name) != nullptr)
    fail(ErrorCode::kInternal, "internal error: the parameter '{}' was added twice; please report it", name);
  Entry entry;
  entry.size = element_count(shape);
  entry.offset = entries_.empty() ? 0 : entries_.back().offset + entries_.back().size;
  entry.name = std::move(name);
  entry.shape = std::move(shape);
  entry.init = init;
  entries_.push_back(std::move(entry));
  return ParameterId{static_cast<int32_t>(entries_.size()) - 1};
}

ParameterId ParameterStore::add_buffer(std::string name, Shape shape, Init init) {
  const ParameterId id = add(std::move(name), std::move(shape), init);
  entries_.back().trained = false;
  return id;
}

ParameterId ParameterStore::add_rows(std::string name, Shape shape, Init init) {
  RLE_CHECK(shape.size() == 2);
  const ParameterId id = add(std::move(name), std::move(shape), init);
  entries_.back().by_row = true;
  return id;
}

void ParameterStore::freeze(uint64_t seed) {
  const int64_t total = entries_.empty() ? 0 : entries_.back().offset + entries_.back().size;
  values_.assign(static_cast<size_t>(total), 0.0f);
  gradients_.assign(static_cast<size_t>(total), 0.0f);
  const RngKey key = RngKey(seed).with("init");
  for (const Entry& entry : entries_) fill(entry, key.with(entry.name), values_.data() + entry.offset);
}

const ParameterStore::Entry* ParameterStore::find(std::string_view name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

void ParameterStore::zero_gradients() {
  for (const Entry& entry : entries_)
    if (!entry.by_row) std::fill_n(gradients_.data() + entry.offset, entry.size, 0.0f);
  for (const ParameterRows& touched : touched_) {
    const int64_t cols = entries_[static_cast<size_t>(touched.id.value)].shape[1];
    for (int32_t row : touched.rows) std::fill_n(gradient(touched.id) + row * cols, cols, 0.0f);
  }
  touched_.clear();
}

void ParameterStore::touch(ParameterId id, std::span<const int32_t> rows, ThreadPool& pool) {
  RLE_CHECK(entries_[static_cast<size_t>(id.value)].by_row);
  touched_.push_back({id, {rows.begin(), rows.end()}});
  if (updates_ != nullptr) updates_->catch_up(touched_.back(), pool);
}

}  // namespace rle
