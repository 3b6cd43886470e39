#include "job/same_source.h"

#include <fnmatch.h>
#include <glob.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace rle {
namespace fs = std::filesystem;

namespace {

// With links followed as far as the path is there.
std::string canonical(const fs::path& path) {
  std::error_code error;
  const fs::path out = fs::weakly_canonical(path, error);
  return (error ? path.lexically_normal() : out).string();
}

std::string absolute(const std::string& path, const fs::path& base_folder) {
  std::error_code error;
  const fs::path base = fs::absolute(base_folder.empty() ? fs::path(".") : base_folder, error);
  return (base / path).string();
}

// The table of a database as DuckDB looks it up: without regard to case, "main" being the default schema.
std::string table_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr std::string_view kMain = "main.";
  return name.starts_with(kMain) ? name.substr(kMain.size()) : name;
}

std::vector<std::string> files_of(const std::string& pattern) {
  glob_t found{};
  std::vector<std::string> files;
  if (glob(pattern.c_str(), 0, nullptr, &found) == 0)
    for (size_t i = 0; i < found.gl_pathc; ++i) files.push_back(canonical(found.gl_pathv[i]));
  globfree(&found);
  return files;
}

// "**" crosses folders.
bool takes(const std::string& pattern, const std::string& path) {
  const int flags = pattern.find("**") == std::string::npos ? FNM_PATHNAME : 0;
  return fnmatch(pattern.c_str(), path.c_str(), flags) == 0;
}

bool is_glob(const std::string& path) { return path.find_first_of("*?[") != std::string::npos; }

bool same_files(const std::string& a, const std::string& b) {
  const std::string left = canonical(a), right = canonical(b);
  if (left == right) return true;
  if (!is_glob(a) && !is_glob(b)) return false;
  if (takes(left, right) || takes(right, left)) return true;
  const std::vector<std::string> first = files_of(left), second = files_of(right);
  return std::any_of(first.begin(), first.end(), [&](const std::string& file) {
    return std::find(second.begin(), second.end(), file) != second.end();
  });
}

}  // namespace

bool same_source(const std::string& a, const std::string& b, const fs::path& base_folder) {
  const size_t in_a = a.rfind("::"), in_b = b.rfind("::");
  if ((in_a == std::string::npos) != (in_b == std::string::npos)) return false;
  if (in_a == std::string::npos) return same_files(absolute(a, base_folder), absolute(b, base_folder));
  return table_name(a.substr(in_a + 2)) == table_name(b.substr(in_b + 2)) &&
         canonical(absolute(a.substr(0, in_a), base_folder)) ==
             canonical(absolute(b.substr(0, in_b), base_folder));
}

}  // namespace rle
