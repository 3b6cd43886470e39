// Where requests may read and write: inside the host's data roots, once symbolic links are followed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "job/job_spec.h"

namespace rle {

// Immutable.
class DataRoots {
 public:
  // Empty: everywhere, by absolute paths. Error{kSpec}: a root that is no folder.
  explicit DataRoots(const std::vector<std::filesystem::path>& roots);

  // Of relative paths: the first root; empty without roots.
  std::filesystem::path base() const { return roots_.empty() ? std::filesystem::path() : roots_.front(); }

  const std::vector<std::filesystem::path>& folders() const { return roots_; }

  // source: a file, a glob, "file::table". Problem{invalid-request} naming the field.
  void require_inside(const std::string& source, const std::string& field) const;
  // Every path of a specification.
  void require_inside(const JobSpec& spec) const;

 private:
  void require_path(const std::filesystem::path& path, const std::string& shown,
                    const std::string& field) const;

  std::vector<std::filesystem::path> roots_;  // canonical
};

}  // namespace rle
