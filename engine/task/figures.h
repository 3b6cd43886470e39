// What a baseline keeps of the labels it has met so far: a figure that grows label by label. Internal to
// task/.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "task/task.h"

namespace rle {

// A label of a history table.
struct LabelRef {
  const LabelTable* table = nullptr;
  int64_t row = 0;
};

// Adds a label to `sums` (outputs): its value, or one for each of its classes.
void add_label(const LabelRef& label, TaskType type, double* sums);

// Not thread-safe.
class Figure {
 public:
  virtual ~Figure() = default;
  virtual void clear() = 0;
  virtual void add(const LabelRef& label) = 0;
  // Writes (outputs) scores; false, and nothing written, without a label.
  virtual bool write(double* score) const = 0;
};

// Mean of the values; share of each class.
class MeanFigure : public Figure {
 public:
  MeanFigure(TaskType type, int64_t outputs) : type_(type), sums_(static_cast<size_t>(outputs), 0.0) {}
  void clear() override;
  void add(const LabelRef& label) override;
  bool write(double* score) const override;

 private:
  TaskType type_;
  int64_t labels_ = 0;
  std::vector<double> sums_;
};

// Median of the values; of an even number the mean of the two in the middle. One output.
class MedianFigure : public Figure {
 public:
  void clear() override;
  void add(const LabelRef& label) override;
  bool write(double* score) const override;

 private:
  std::priority_queue<double> low_;  // the lower half; one more than the upper half where their number is odd
  std::priority_queue<double, std::vector<double>, std::greater<>> high_;
};

// The label added last.
class LastFigure : public Figure {
 public:
  LastFigure(TaskType type, int64_t outputs) : type_(type), outputs_(outputs) {}
  void clear() override { last_ = {}; }
  void add(const LabelRef& label) override { last_ = label; }
  bool write(double* score) const override;

 private:
  TaskType type_;
  int64_t outputs_;
  LabelRef last_;
};

}  // namespace rle
