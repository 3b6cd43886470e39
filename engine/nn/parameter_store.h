// Named parameters with their gradients, in one contiguous buffer each, so that an optimizer is one loop and
// a checkpoint one list. Initial values are keyed by (seed, name): a parameter more or less changes no other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/thread_pool.h"

namespace rle {

// Row-major shape of at most two dimensions in practice: (out, in) for linear maps, (rows, channels) for
// embeddings.
using Shape = std::vector<int64_t>;
int64_t element_count(const Shape& shape);

struct Init {
  enum class Kind {
    kZero,
    kOne,
    kNormal,     // N(0, scale^2)
    kUniform,    // [-scale, scale)
    kEmbedding,  // N(0, scale^2), row 0 zero (the null row)
  } kind = Kind::kZero;
  double scale = 1.0;
};

// A handle; stays valid while the store lives.
struct ParameterId {
  int32_t value = -1;
};

// Rows of one parameter.
struct ParameterRows {
  ParameterId id;
  std::vector<int32_t> rows;  // distinct
};

// Whoever updates rows of embeddings no earlier than they are read (nn/adam.h).
class RowUpdates {
 public:
  virtual ~RowUpdates() = default;
  virtual void catch_up(const ParameterRows& rows, ThreadPool& pool) = 0;
};

// Owns parameters and gradients. Reading is thread-safe; adding is not, and ends with `freeze`.
class ParameterStore {
 public:
  struct Entry {
    std::string name;
    Shape shape;
    Init init;
    int64_t offset = 0, size = 0;
    bool trained = true;  // false: a buffer (running statistics): saved, not optimised
    bool by_row = false;  // an embedding (rows, channels): a step reads some of its rows and names them
  };

  // Error{kInternal} on a duplicate name.
  ParameterId add(std::string name, Shape shape, Init init);
  ParameterId add_buffer(std::string name, Shape shape, Init init);
  // An embedding: training steps call `touch` before they read its rows.
  ParameterId add_rows(std::string name, Shape shape, Init init);
  // Allocates, and fills every parameter from its own stream.
  void freeze(uint64_t seed);

  float* value(ParameterId id) { return values_.data() + entries_[static_cast<size_t>(id.value)].offset; }
  const float* value(ParameterId id) const {
    return values_.data() + entries_[static_cast<size_t>(id.value)].offset;
  }
  float* gradient(ParameterId id) {
    return gradients_.data() + entries_[static_cast<size_t>(id.value)].offset;
  }
  const float* gradient(ParameterId id) const {
    return gradients_.data() + entries_[static_cast<size_t>(id.value)].offset;
  }

  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(std::string_view name) const;  // nullptr where absent

  int64_t size() const { return static_cast<int64_t>(values_.size()); }
  std::vector<float>& values() { return values_; }
  const std::vector<float>& values() const { return values_; }
  std::vector<float>& gradients() { return gradients_; }
  const std::vector<float>& gradients() const { return gradients_; }
  // Every gradient to zero; of embeddings the rows that were touched since the last call: others are.
  void zero_gradients();

  // A training step is about to read these distinct rows of an embedding, and to add to their gradients.
  void touch(ParameterId id, std::span<const int32_t> rows, ThreadPool& pool);
  const std::vector<ParameterRows>& touched() const { return touched_; }
  // Borrowed; nullptr: none.
  void set_row_updates(RowUpdates* updates) { updates_ = updates; }

 private:
  std::vector<Entry> entries_;
  std::vector<float> values_, gradients_;
  std::vector<ParameterRows> touched_;  // since the gradients were zero
  RowUpdates* updates_ = nullptr;
};

}  // namespace rle
