#include "server/data_roots.h"

#include <fmt/format.h>
#include <glob.h>

#include <algorithm>

#include "base/error.h"
#include "server/problem.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

constexpr const char* kWild = "*?[";

bool is_inside(const fs::path& path, const fs::path& root) {
  const auto [in_root, in_path] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  return in_root == root.end();
}

// A link on the way that leads to nothing yet could lead anywhere later.
bool has_dangling_link(const fs::path& path) {
  fs::path part;
  std::error_code ignored;
  for (const fs::path& step : path) {
    part /= step;
    if (fs::is_symlink(part, ignored) && !fs::exists(part, ignored)) return true;
  }
  return false;
}

std::vector<std::string> files_of(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> out;
  if (::glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; ++i) out.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return out;
}

}  // namespace

DataRoots::DataRoots(const std::vector<fs::path>& roots) {
  for (const fs::path& root : roots) {
    std::error_code error;
    if (!fs::is_directory(root, error)) fail(ErrorCode::kSpec, "data root '{}' is no folder", root.string());
    roots_.push_back(fs::canonical(root));
  }
}

void DataRoots::require_path(const fs::path& path, const std::string& shown, const std::string& field) const {
  std::error_code error;
  const fs::path real = fs::weakly_canonical(path, error);
  const bool inside =
      !error && !has_dangling_link(path) &&
      std::any_of(roots_.begin(), roots_.end(), [&](const fs::path& root) { return is_inside(real, root); });
  if (!inside)
    throw Problem(422, "invalid-request",
                  fmt::format("{}: '{}' is not inside a data root of the host", field, shown), field,
                  "name a path inside one of its --data-root folders");
}

void DataRoots::require_inside(const std::string& source, const std::string& field) const {
  const std::string file = source.substr(0, source.rfind("::"));
  const fs::path path = base() / file;
  if (path.is_relative())
    throw Problem(422, "invalid-request", fmt::format("{}: '{}' is a relative path", field, source), field,
                  "give the absolute path: the host has no --data-root that it could be inside");
  if (roots_.empty()) return;
  const size_t wild = file.find_first_of(kWild);
  std::error_code ignored;
  if (wild == std::string::npos || fs::exists(path, ignored)) return require_path(path, source, field);
  if (file.find("**") != std::string::npos)
    throw Problem(422, "invalid-request", fmt::format("{}: '**' in '{}'", field, source), field,
                  "name the folders; a host with data roots follows no '**'");
  require_path(base() / fs::path(file.substr(0, wild)).parent_path(), source, field);
  for (const std::string& match : files_of(path.string())) require_path(match, source, field);
}

void DataRoots::require_inside(const JobSpec& spec) const {
  for (const TableSchema& table : spec.tables)
    require_inside(table.source, fmt::format("spec.tables.{}.source", table.name));
  if (spec.task) {
    if (spec.task->train) require_inside(*spec.task->train, "spec.task.train");
    if (spec.task->validation) require_inside(*spec.task->validation, "spec.task.validation");
    if (spec.task->test) require_inside(*spec.task->test, "spec.task.test");
  }
  if (spec.snapshot_folder) require_inside(spec.snapshot_folder->string(), "spec.data.snapshot");
}

}  // namespace rle
