#include <limits>

#include "base/error.h"
#include "table/column.h"

namespace rle {

StringPool::StringPool(const std::vector<std::string_view>& sorted) {
  RLE_CHECK(sorted.size() < static_cast<size_t>(std::numeric_limits<int32_t>::max()));
  size_t bytes = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    RLE_CHECK(i == 0 || sorted[i - 1] < sorted[i]);
    bytes += sorted[i].size();
  }
  std::vector<char> all;
  std::vector<int64_t> offsets{0};
  all.reserve(bytes);
  offsets.reserve(sorted.size() + 1);
  for (std::string_view text : sorted) {
    all.insert(all.end(), text.begin(), text.end());
    offsets.push_back(static_cast<int64_t>(all.size()));
  }
  bytes_ = std::move(all);
  offsets_ = std::move(offsets);
}

int32_t StringPool::find(std::string_view text) const {
  int64_t low = 0, high = size();
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (at(middle) < text)
      low = middle + 1;
    else
      high = middle;
  }
  return low < size() && at(low) == text ? static_cast<int32_t>(low) : -1;
}

}  // namespace rle
