// Distinct strings as they arrive, numbered in order of arrival; sorted into a StringPool at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "table/column.h"

namespace rle::ingest {

// Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

// One owner, one thread.
class StringInterner {
 public:
  StringInterner();

  // The number of `text`, new or known. One hash lookup.
  int32_t intern(std::string_view text);
  int32_t size() const { return static_cast<int32_t>(ends_.size()) - 1; }
  std::string_view at(int32_t number) const;

  // The strings in sorted order; code_of[number] is each one's place in it. Leaves this empty.
  std::shared_ptr<const StringPool> finish(std::vector<int32_t>& code_of);

 private:
  void grow();

  std::string bytes_;
  std::vector<int64_t> ends_{0};  // ends_[i], ends_[i + 1]: where string i begins and ends
  std::vector<uint32_t> hashes_;  // per string
  std::vector<int32_t> slots_;    // open addressing, -1 = free; a power of two, at most half full
};

}  // namespace rle::ingest
