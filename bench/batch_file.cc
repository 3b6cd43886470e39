#include "bench/batch_file.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "nn/safetensors.h"

namespace rle {
namespace {

using Path = std::filesystem::path;

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text;
  for (int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : ", ", extent);
  return "[" + text + "]";
}

template <typename T>
std::vector<T> values_of(const NamedTensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

// Takes tensors out of a file by name.
class TensorReader {
 public:
  TensorReader(const Path& path, const SafetensorsFile& file) : path_(path.string()), file_(file) {}

  std::vector<int32_t> int32s(const std::string& name, const std::vector<int64_t>& shape) {
    const NamedTensor& tensor = find(name, shape);
    if (tensor.dtype == TensorDtype::kI32) return values_of<int32_t>(tensor);
    std::vector<int32_t> values;
    for (int64_t value : int64s(name, shape)) {
      if (value != static_cast<int32_t>(value))
        fail(ErrorCode::kData, "{}: tensor '{}' holds {}, which is beyond 32 bits", path_, name, value);
      values.push_back(static_cast<int32_t>(value));
    }
    return values;
  }

  std::vector<int64_t> int64s(const std::string& name, const std::vector<int64_t>& shape) {
    const NamedTensor& tensor = find(name, shape);
    if (tensor.dtype == TensorDtype::kI64) return values_of<int64_t>(tensor);
    if (tensor.dtype != TensorDtype::kI32) wrong_type(name, "int32 or int64");
    const std::vector<int32_t> values = values_of<int32_t>(tensor);
    return {values.begin(), values.end()};
  }

  std::vector<float> floats(const std::string& name, const std::vector<int64_t>& shape) {
    const NamedTensor& tensor = find(name, shape);
    if (tensor.dtype != TensorDtype::kF32) wrong_type(name, "float32");
    return values_of<float>(tensor);
  }

  void refuse_unknown() const {
    std::vector<std::string> known(seen_.begin(), seen_.end());
    for (const NamedTensor& tensor : file_.tensors)
      if (seen_.count(tensor.name) == 0)
        fail(ErrorCode::kData,
             "{}: tensor '{}' belongs to no table and no foreign key of the specification{}", path_,
             tensor.name, suggestion(tensor.name, known));
  }

 private:
  // An extent of -1 may be any.
  const NamedTensor& find(const std::string& name, const std::vector<int64_t>& shape) {
    const NamedTensor* tensor = file_.find(name);
    if (tensor == nullptr)
      fail(ErrorCode::kData,
           "{}: tensor '{}' is missing; every table and both directions of every foreign key are expected, "
           "empty ones too",
           path_, name);
    bool fits = tensor->shape.size() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i) fits = shape[i] < 0 || tensor->shape[i] == shape[i];
    if (!fits)
      fail(ErrorCode::kData, "{}: tensor '{}' has the shape {}, expected {} (-1: any)", path_, name,
           shape_text(tensor->shape), shape_text(shape));
    seen_.insert(name);
    return *tensor;
  }

  [[noreturn]] void wrong_type(const std::string& name, const char* expected) const {
    fail(ErrorCode::kData, "{}: tensor '{}' has another type than {}", path_, name, expected);
  }

  std::string path_;
  const SafetensorsFile& file_;
  std::set<std::string> seen_;
};

// The targets' seeds behind the sources', and the pairs by their places among all seeds.
void read_links(TensorReader& reader, BatchFile& file) {
  const auto sources = static_cast<int32_t>(file.seeds());
  const std::vector<int32_t> rows = reader.int32s("target_row", {-1});
  file.targets = static_cast<int64_t>(rows.size());
  const std::vector<int64_t> times = reader.int64s("target_time", {file.targets});
  file.seed_row.insert(file.seed_row.end(), rows.begin(), rows.end());
  file.seed_time_s.insert(file.seed_time_s.end(), times.begin(), times.end());
  file.positive = reader.int32s("positive", {sources});
  file.negative = reader.int32s("negative", {sources, -1});
  for (std::vector<int32_t>* places : {&file.positive, &file.negative})
    for (int32_t& place : *places) {
      if (place < 0 || place >= file.targets)
        fail(ErrorCode::kData, "{}: positive and negative name target {}; there are {}", file.path, place,
             file.targets);
      place += sources;
    }
}

}  // namespace

BatchFile read_batch_file(const Path& path, const GraphSchema& schema, bool links) {
  const SafetensorsFile tensors = read_safetensors(path);
  TensorReader reader(path, tensors);
  BatchFile file;
  file.path = path.string();
  file.seed_row = reader.int32s("seed_row", {-1});
  file.seed_time_s = reader.int64s("seed_time", {file.seeds()});
  if (links)
    read_links(reader, file);
  else
    file.label = reader.floats("label", {file.seeds()});
  for (const NodeTypeInfo& type : schema.node_types) {
    BatchFile::Nodes nodes;
    nodes.row = reader.int32s("node." + type.name + ".row", {-1});
    nodes.seed = reader.int32s("node." + type.name + ".seed", {static_cast<int64_t>(nodes.row.size())});
    file.nodes.push_back(std::move(nodes));
  }
  for (const EdgeTypeInfo& type : schema.edge_types) {
    const std::string name = "edge." + schema.node_types[type.source.index()].name + "." + type.name + "." +
                             schema.node_types[type.target.index()].name;
    const std::vector<int32_t> both = reader.int32s(name, {2, -1});
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(both.size() / 2);
    file.edges.push_back({{both.begin(), middle}, {middle, both.end()}});
  }
  reader.refuse_unknown();
  return file;
}

std::vector<Path> batch_files(const Path& folder) {
  std::vector<Path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  if (files.empty())
    fail(ErrorCode::kIo, "'{}' holds no batch file (*.safetensors){}", folder.string(),
         error ? ": " + error.message() : "");
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace rle
