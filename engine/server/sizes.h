// sizes.json: what the size of an engine means on this machine.
//   {"HIGHMEM_X64_S": {"threads": 0, "memory_limit": null, "device": "cpu"}, ...}
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "server/records.h"

namespace rle {

struct EngineSize {
  std::string name;
  int threads = 0;  // 0: all CPUs
  std::optional<int64_t> memory_limit_bytes;
  std::string device = "cpu";  // "cuda"
};

inline constexpr const char* kDefaultSize = "HIGHMEM_X64_S";

class Sizes {
 public:
  // Reads the file; writes it with its defaults where it is missing. Error{kSpec}: what is wrong in it, and
  // where.
  explicit Sizes(const std::filesystem::path& file);

  const EngineSize* find(std::string_view name) const;  // nullptr: none of that name
  std::vector<std::string> names() const;
  std::vector<Json> json() const;

 private:
  std::vector<EngineSize> sizes_;
};

}  // namespace rle
