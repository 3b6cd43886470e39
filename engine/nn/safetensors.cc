#include "nn/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"

namespace rle {
namespace {
using Json = nlohmann::json;
using Path = std::filesystem::path;

constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // as the reference implementation

struct DtypeName {
  TensorDtype dtype;
  const char* name;
  uint64_t bytes;
};
constexpr DtypeName kDtypes[] = {{TensorDtype::kF32, "F32", 4},
                                 {TensorDtype::kI64, "I64", 8},
                                 {TensorDtype::kI32, "I32", 4},
                                 {TensorDtype::kU8, "U8", 1}};

const DtypeName& describe(TensorDtype dtype) {
  return *std::find_if(std::begin(kDtypes), std::end(kDtypes),
                       [&](const DtypeName& d) { return d.dtype == dtype; });
}

std::string reason(int error) { return std::strerror(error); }

// ---- writing
// ----------------------------------------------------------------------------------------------------------

// By falling element size, then by name.
void lay_out(std::vector<TensorView>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const TensorView& a, const TensorView& b) {
    const uint64_t x = describe(a.dtype).bytes, y = describe(b.dtype).bytes;
    return x != y ? x > y : a.name < b.name;
  });
}

std::string header_of(const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata, const Path& path) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const TensorView& tensor : tensors) {
    uint64_t size = describe(tensor.dtype).bytes;
    for (int64_t extent : tensor.shape) size *= static_cast<uint64_t>(extent);
    RLE_CHECK(size == tensor.bytes);
    RLE_CHECK(tensor.name != "__metadata__" && !header.contains(tensor.name));
    header[tensor.name] = {{"dtype", describe(tensor.dtype).name},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception&) {
    fail(ErrorCode::kIo, "cannot write '{}': a name or a metadata value is not UTF-8", path.string());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// ---- reading
// ----------------------------------------------------------------------------------------------------------

template <typename... Args>
[[noreturn]] void corrupt(const Path& path, fmt::format_string<Args...> format, Args&&... args) {
  fail(ErrorCode::kIo, "'{}' is not a valid safetensors file: {}", path.string(),
       fmt::format(format, std::forward<Args>(args)...));
}

std::vector<uint8_t> read_bytes(const Path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0)
    fail(ErrorCode::kIo, "cannot read '{}': {}", path.string(), reason(errno));
  if (!S_ISREG(status.st_mode)) fail(ErrorCode::kIo, "cannot read '{}': it is not a file", path.string());
  std::vector<uint8_t> bytes(static_cast<size_t>(status.st_size));
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(descriptor.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(ErrorCode::kIo, "cannot read '{}': {}", path.string(), reason(errno));
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return bytes;
}

Json parse_header(const Path& path, const char* begin, const char* end) {
  // Values of equal keys would silently shadow one another.
  std::vector<std::set<std::string>> keys;
  std::optional<std::string> twice;
  const auto watch = [&](int, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second)
      twice = value.get<std::string>();
    return true;
  };
  Json header;
  try {
    header = Json::parse(begin, end, watch);
  } catch (const Json::exception& error) {
    corrupt(path, "its header is not JSON ({})", error.what());
  }
  if (!header.is_object()) corrupt(path, "its header is not a JSON object");
  if (twice) corrupt(path, "its header names '{}' twice", *twice);
  return header;
}

std::optional<uint64_t> as_size(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const uint64_t size = value.get<uint64_t>();
  return size <= static_cast<uint64_t>(INT64_MAX) ? std::optional(size) : std::nullopt;
}

struct Extent {
  uint64_t begin, end;
};

// One tensor's entry, its offsets checked against its shape and the data's size.
Extent read_entry(const Path& path, const std::string& name, const Json& entry, uint64_t data_size,
                  NamedTensor& out) {
  if (!entry.is_object() || entry.size() != 3 || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    corrupt(path, "the entry of tensor '{}' is not {{dtype, shape, data_offsets}}", name);
  const Json &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
  const auto* known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                   [&](const DtypeName& d) { return dtype.is_string() && dtype == d.name; });
  if (known == std::end(kDtypes))
    corrupt(path, "tensor '{}' has dtype {}; F32, I64, I32 and U8 are read", name, dtype.dump());
  uint64_t size = known->bytes;
  if (!shape.is_array()) corrupt(path, "the shape of tensor '{}' is not a list", name);
  for (const Json& extent : shape) {
    const std::optional<uint64_t> value = as_size(extent);
    if (!value || __builtin_mul_overflow(size, *value, &size))
      corrupt(path, "the shape of tensor '{}' is {}", name, shape.dump());
    out.shape.push_back(static_cast<int64_t>(*value));
  }
  const std::optional<uint64_t> begin =
      offsets.is_array() && offsets.size() == 2 ? as_size(offsets[0]) : std::nullopt;
  const std::optional<uint64_t> end = begin ? as_size(offsets[1]) : std::nullopt;
  if (!end || *begin > *end) corrupt(path, "the data_offsets of tensor '{}' are {}", name, offsets.dump());
  if (*end > data_size)
    corrupt(path, "tensor '{}' ends at byte {} of {} bytes of data (is the file truncated?)", name, *end,
            data_size);
  if (*end - *begin != size)
    corrupt(path, "tensor '{}' has {} bytes, its shape {} needs {}", name, *end - *begin, shape.dump(), size);
  out.name = name;
  out.dtype = known->dtype;
  return {*begin, *end};
}

std::map<std::string, std::string> read_metadata(const Path& path, const Json& entry) {
  std::map<std::string, std::string> metadata;
  if (!entry.is_object()) corrupt(path, "its metadata is not a JSON object");
  for (const auto& [key, value] : entry.items()) {
    if (!value.is_string()) corrupt(path, "its metadata '{}' is not a string", key);
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// Tensors must tile the data: no overlap, no gap, nothing after the last.
void check_tiling(const Path& path, std::vector<std::pair<Extent, std::string>> extents, uint64_t data_size) {
  std::sort(extents.begin(), extents.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  uint64_t expected = 0;
  for (const auto& [extent, name] : extents) {
    if (extent.begin < expected) corrupt(path, "tensor '{}' overlaps the one before it", name);
    if (extent.begin > expected)
      corrupt(path, "{} unused bytes before tensor '{}'", extent.begin - expected, name);
    expected = extent.end;
  }
  if (expected != data_size) corrupt(path, "{} unused bytes after its last tensor", data_size - expected);
}

}  // namespace

const NamedTensor* SafetensorsFile::find(const std::string& name) const {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

FileChecksum write_safetensors(const Path& path, const std::map<std::string, std::string>& metadata,
                               std::vector<TensorView> tensors, FileCache cache) {
  lay_out(tensors);
  const std::string header = header_of(tensors, metadata, path);
  uint8_t length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<uint8_t>(header.size() >> (8 * i));

  DurableFile file(path, cache);
  Checksum checksum;
  uint64_t written = 0;
  const auto write = [&](const void* data, size_t bytes) {
    file.write(data, bytes);
    checksum.update(data, bytes);
    written += bytes;
  };
  write(length, sizeof length);
  write(header.data(), header.size());
  for (const TensorView& tensor : tensors) write(tensor.data, tensor.bytes);
  file.commit();
  return {written, checksum.text()};
}

void write_safetensors(const Path& path, const SafetensorsFile& file) {
  std::vector<TensorView> tensors;
  for (const NamedTensor& tensor : file.tensors)
    tensors.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.bytes.data(), tensor.bytes.size()});
  write_safetensors(path, file.metadata, std::move(tensors));
}

SafetensorsFile read_safetensors(const Path& path) { return parse_safetensors(read_bytes(path), path); }

SafetensorsFile parse_safetensors(std::span<const uint8_t> bytes, const Path& path) {
  if (bytes.size() < 8) corrupt(path, "it has {} bytes", bytes.size());
  uint64_t header_size = 0;
  for (int i = 0; i < 8; ++i) header_size |= static_cast<uint64_t>(bytes[static_cast<size_t>(i)]) << (8 * i);
  if (header_size > kMaxHeaderBytes || header_size > bytes.size() - 8)
    corrupt(path, "its header should have {} bytes, the file has {}", header_size, bytes.size());
  const char* const text = reinterpret_cast<const char*>(bytes.data()) + 8;
  const Json header = parse_header(path, text, text + header_size);
  const uint8_t* const data = bytes.data() + 8 + header_size;
  const uint64_t data_size = bytes.size() - 8 - header_size;

  SafetensorsFile file;
  std::vector<std::pair<Extent, std::string>> extents;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      file.metadata = read_metadata(path, entry);
      continue;
    }
    NamedTensor tensor;
    const Extent extent = read_entry(path, name, entry, data_size, tensor);
    tensor.bytes.assign(data + extent.begin, data + extent.end);
    extents.emplace_back(extent, name);
    file.tensors.push_back(std::move(tensor));
  }
  check_tiling(path, std::move(extents), data_size);
  return file;
}

}  // namespace rle
