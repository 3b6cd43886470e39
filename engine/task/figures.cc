#include "task/figures.h"

#include <algorithm>

namespace rle {

void add_label(const LabelRef& label, TaskType type, double* sums) {
  const auto row = static_cast<size_t>(label.row);
  const LabelTable& table = *label.table;
  if (type == TaskType::kMulticlass) {
    sums[table.class_id[row]] += 1.0;
  } else if (type == TaskType::kMultilabel) {
    for (int32_t l = table.label_offsets[row]; l < table.label_offsets[row + 1]; ++l)
      sums[table.label_ids[static_cast<size_t>(l)]] += 1.0;
  } else {
    sums[0] += static_cast<double>(table.value[row]);
  }
}

void MeanFigure::clear() {
  labels_ = 0;
  std::fill(sums_.begin(), sums_.end(), 0.0);
}

void MeanFigure::add(const LabelRef& label) {
  ++labels_;
  add_label(label, type_, sums_.data());
}

bool MeanFigure::write(double* score) const {
  if (labels_ == 0) return false;
  for (size_t i = 0; i < sums_.size(); ++i) score[i] = sums_[i] / static_cast<double>(labels_);
  return true;
}

void MedianFigure::clear() {
  low_ = {};
  high_ = {};
}

void MedianFigure::add(const LabelRef& label) {
  const auto value = static_cast<double>(label.table->value[static_cast<size_t>(label.row)]);
  if (low_.empty() || value <= low_.top())
    low_.push(value);
  else
    high_.push(value);
  if (low_.size() > high_.size() + 1) {
    high_.push(low_.top());
    low_.pop();
  } else if (high_.size() > low_.size()) {
    low_.push(high_.top());
    high_.pop();
  }
}

bool MedianFigure::write(double* score) const {
  if (low_.empty()) return false;
  *score = low_.size() > high_.size() ? low_.top() : 0.5 * (low_.top() + high_.top());
  return true;
}

bool LastFigure::write(double* score) const {
  if (last_.table == nullptr) return false;
  std::fill(score, score + outputs_, 0.0);
  add_label(last_, type_, score);
  return true;
}

}  // namespace rle
