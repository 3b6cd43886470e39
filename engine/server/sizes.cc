#include "server/sizes.h"

#include "base/error.h"
#include "base/memory.h"
#include "job/output_commit.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

Json default_sizes() {
  Json out = Json::object();
  for (const char* name : {kDefaultSize, "HIGHMEM_X64_M", "HIGHMEM_X64_L", "HIGHMEM_X64_SL"})
    out[name] = {{"threads", 0}, {"memory_limit", nullptr}, {"device", "cpu"}};
  for (const char* name : {"GPU_NV_S", "GPU_NV_M", "GPU_NV_L", "GPU_NV_SM"})
    out[name] = {{"threads", 0}, {"memory_limit", nullptr}, {"device", "cuda"}};
  return out;
}

class SizesReader {
 public:
  explicit SizesReader(const fs::path& file) : file_(file.string()) {}

  template <typename... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail(ErrorCode::kSpec, "{}: {}; mend it, or remove it to have its defaults", file_,
         fmt::format(format, std::forward<Args>(args)...));
  }

  EngineSize size(const std::string& name, const Json& json) const {
    if (!json.is_object()) refuse("{}: expected an object such as {{\"threads\": 0}}", name);
    EngineSize out;
    out.name = name;
    for (const auto& [key, value] : json.items())
      if (key == "threads") {
        if (!value.is_number_integer() || value < 0 || value > 1024)
          refuse("{}.threads: expected a whole number from 0 (all CPUs) to 1024, found {}", name,
                 value.dump());
        out.threads = value.get<int>();
      } else if (key == "memory_limit") {
        if (value.is_null()) continue;
        if (value.is_string()) out.memory_limit_bytes = parse_bytes(value.get<std::string>());
        if (!out.memory_limit_bytes)
          refuse("{}.memory_limit: expected null or a size such as \"4GiB\", found {}", name, value.dump());
        if (const std::string problem = too_little_memory(*out.memory_limit_bytes); !problem.empty())
          refuse("{}.memory_limit: {}", name, problem);
      } else if (key == "device") {
        if (value != "cpu" && value != "cuda")
          refuse("{}.device: expected \"cpu\" or \"cuda\", found {}", name, value.dump());
        out.device = value.get<std::string>();
      } else {
        refuse("{}.{}: unknown key; there are threads, memory_limit, device", name, key);
      }
    return out;
  }

 private:
  std::string file_;
};

}  // namespace

Sizes::Sizes(const fs::path& file) {
  if (!fs::exists(file)) write_json_file(file, default_sizes());
  const SizesReader reader(file);
  const std::optional<Json> json = read_json_file(file);
  if (!json) reader.refuse("is no JSON");
  if (!json->is_object()) reader.refuse("expected an object, a member a size");
  for (const auto& [name, value] : json->items()) sizes_.push_back(reader.size(name, value));
  if (find(kDefaultSize) == nullptr)
    reader.refuse("{} is missing, the size of an engine that names none", kDefaultSize);
}

const EngineSize* Sizes::find(std::string_view name) const {
  for (const EngineSize& size : sizes_)
    if (size.name == name) return &size;
  return nullptr;
}

std::vector<std::string> Sizes::names() const {
  std::vector<std::string> out;
  for (const EngineSize& size : sizes_) out.push_back(size.name);
  return out;
}

std::vector<Json> Sizes::json() const {
  std::vector<Json> out;
  for (const EngineSize& size : sizes_)
    out.push_back({{"name", size.name},
                   {"threads", size.threads},
                   {"memory_limit",
                    size.memory_limit_bytes ? Json(bytes_text(*size.memory_limit_bytes)) : Json(nullptr)},
                   {"device", size.device}});
  return out;
}

}  // namespace rle
