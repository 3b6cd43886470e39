#include "train/checkpoint.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <system_error>

#include "base/error.h"
#include "train/checkpoint_json.h"

namespace rle {
namespace {

constexpr const char* kFormat = "gnn-rle model";
constexpr std::string_view kVocabulary = "vocabulary/", kShallowKeys = "shallow_keys/";

bool has_vocabulary(const ColumnStatistics& column) {
  return column.dtype == Dtype::kCategory || column.dtype == Dtype::kMultiCategorical;
}

std::string vocabulary_name(const TableStatistics& table, const ColumnStatistics& column) {
  return fmt::format("{}{}/{}", kVocabulary, table.table, column.column);
}

template <typename T>
std::vector<uint8_t> bytes_of(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

template <typename T>
std::vector<T> values_of(const NamedTensor& tensor) {
  std::vector<T> values(tensor.bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  return values;
}

void add_integers(std::string name, const std::vector<int64_t>& values, SafetensorsFile& file) {
  file.tensors.push_back(
      {std::move(name), TensorDtype::kI64, {static_cast<int64_t>(values.size())}, bytes_of(values)});
}

// As two tensors: name/bytes, name/offsets.
template <typename Strings>
void add_strings(const std::string& name, const Strings& strings, SafetensorsFile& file) {
  std::vector<uint8_t> bytes;
  std::vector<int64_t> offsets{0};
  for (const auto& value : strings) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    offsets.push_back(static_cast<int64_t>(bytes.size()));
  }
  const auto size = static_cast<int64_t>(bytes.size());
  file.tensors.push_back({name + "/bytes", TensorDtype::kU8, {size}, std::move(bytes)});
  add_integers(name + "/offsets", offsets, file);
}

void add_keys(const ShallowKeys& keys, SafetensorsFile& file) {
  const std::string name = std::string(kShallowKeys) + keys.table;
  const Array<int64_t>& integers = keys.keys.ints;
  if (keys.keys.type == PhysicalType::kInt64)
    return add_integers(name + "/integers", {integers.begin(), integers.end()}, file);
  std::vector<std::string_view> texts;
  for (int32_t code : keys.keys.codes) texts.push_back(keys.keys.strings->at(code));
  add_strings(name, texts, file);
}

const NamedTensor& tensor_of(const SafetensorsFile& file, const std::string& tensor, TensorDtype dtype,
                             const std::string& name) {
  const NamedTensor* found = file.find(tensor);
  if (found == nullptr || found->dtype != dtype)
    fail(ErrorCode::kIo, "the model file '{}' is damaged: tensor '{}' is missing or of another type", name,
         tensor);
  return *found;
}

std::vector<std::string> read_strings(const SafetensorsFile& file, const std::string& tensor,
                                      const std::string& name) {
  const std::vector<uint8_t>& bytes = tensor_of(file, tensor + "/bytes", TensorDtype::kU8, name).bytes;
  const auto offsets = values_of<int64_t>(tensor_of(file, tensor + "/offsets", TensorDtype::kI64, name));
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != static_cast<int64_t>(bytes.size()) ||
      !std::is_sorted(offsets.begin(), offsets.end()))
    fail(ErrorCode::kIo, "the model file '{}' is damaged: the offsets in '{}/offsets' do not fit", name,
         tensor);
  std::vector<std::string> strings;
  for (size_t i = 0; i + 1 < offsets.size(); ++i)
    strings.emplace_back(bytes.begin() + offsets[i], bytes.begin() + offsets[i + 1]);
  return strings;
}

// Of a table that the description gives shallow embeddings.
ShallowKeys read_keys(const SafetensorsFile& file, const TrainedModel& trained, const std::string& table,
                      const std::string& name) {
  const std::string tensor = std::string(kShallowKeys) + table;
  const auto signature = std::find_if(trained.tables.begin(), trained.tables.end(),
                                      [&](const TableSignature& t) { return t.schema.name == table; });
  const auto type =
      std::find_if(trained.definition.graph.node_types.begin(), trained.definition.graph.node_types.end(),
                   [&](const NodeTypeInfo& t) { return t.name == table; });
  if (signature == trained.tables.end() || !signature->schema.primary_key ||
      type == trained.definition.graph.node_types.end())
    fail(ErrorCode::kIo,
         "the model file '{}' is damaged: '{}' has shallow embeddings, but is no table of type node with a "
         "primary key",
         name, table);
  const std::string integers = tensor + "/integers";
  ShallowKeys keys{table, {}};
  if (file.find(integers) != nullptr)
    keys.keys = key_column(values_of<int64_t>(tensor_of(file, integers, TensorDtype::kI64, name)));
  else
    keys.keys = key_column(read_strings(file, tensor, name));
  keys.keys.name = *signature->schema.primary_key;
  if (keys.keys.rows != type->nodes)
    fail(ErrorCode::kIo, "the model file '{}' is damaged: '{}' holds {} keys for {} embeddings", name, tensor,
         keys.keys.rows, type->nodes);
  return keys;
}

void check_format(const SafetensorsFile& file, const std::string& name) {
  const auto format = file.metadata.find("format");
  const auto version = file.metadata.find("version");
  if (format == file.metadata.end() || format->second != kFormat || version == file.metadata.end())
    fail(ErrorCode::kIo, "'{}' is a safetensors file, but not a model that this program has trained", name);
  const std::string& text = version->second;
  const bool number =
      !text.empty() && text.size() <= 6 && text.find_first_not_of("0123456789") == std::string::npos;
  const int value = number ? std::stoi(text) : 0;
  if (value > kCheckpointVersion)
    fail(ErrorCode::kIo,
         "the model '{}' was written by a newer version of this program (format {}, this one reads up to "
         "{}): update it",
         name, value, kCheckpointVersion);
  if (value < 1)
    fail(ErrorCode::kIo, "the model file '{}' is damaged: its format version is '{}'", name, text);
}

// Compares with what the definition asks for before there is memory for it.
void check_parameters(const TrainedModel& trained) {
  std::map<std::string, Shape> asked;
  try {
    for (ParameterStore::Entry& entry : parameter_entries(trained.definition))
      asked.emplace(std::move(entry.name), std::move(entry.shape));
  } catch (const Error& error) {  // two of one name, or too large a one
    fail(ErrorCode::kIo, "the model file is damaged: {}", error.what());
  }
  if (asked.size() != trained.parameters.size())
    fail(ErrorCode::kIo, "the model file is damaged: it has {} parameters, its description asks for {}",
         trained.parameters.size(), asked.size());
  for (const NamedParameter& parameter : trained.parameters) {
    const auto entry = asked.find(parameter.name);
    if (entry == asked.end() || entry->second != parameter.shape)
      fail(ErrorCode::kIo, "the model file is damaged: parameter '{}' is {} its description asks for",
           parameter.name, entry == asked.end() ? "not one that" : "of another shape than");
  }
}

}  // namespace

std::vector<NamedParameter> copy_parameters(const ParameterStore& store) {
  std::vector<NamedParameter> parameters;
  for (const ParameterStore::Entry& entry : store.entries()) {
    const float* begin = store.values().data() + entry.offset;
    parameters.push_back({entry.name, entry.shape, std::vector<float>(begin, begin + entry.size)});
  }
  std::sort(parameters.begin(), parameters.end(),
            [](const NamedParameter& a, const NamedParameter& b) { return a.name < b.name; });
  return parameters;
}

std::unique_ptr<RelationalModel> restore_model(const TrainedModel& trained) {
  check_parameters(trained);
  auto model = std::make_unique<RelationalModel>(trained.definition, trained.config.seed);
  ParameterStore& store = model->parameters();
  for (const NamedParameter& parameter : trained.parameters)
    std::copy(parameter.values.begin(), parameter.values.end(),
              store.values().begin() + store.find(parameter.name)->offset);
  return model;
}

SafetensorsFile to_safetensors(const TrainedModel& trained) {
  SafetensorsFile file;
  file.metadata = {{"format", kFormat},
                   {"version", std::to_string(kCheckpointVersion)},
                   {"model", describe_model(trained)}};
  for (const NamedParameter& parameter : trained.parameters) {
    RLE_CHECK(!parameter.name.starts_with(kVocabulary) && !parameter.name.starts_with(kShallowKeys));
    file.tensors.push_back({parameter.name, TensorDtype::kF32, parameter.shape, bytes_of(parameter.values)});
  }
  for (const TableStatistics& table : trained.definition.statistics)
    for (const ColumnStatistics& column : table.columns)
      if (has_vocabulary(column)) add_strings(vocabulary_name(table, column), column.vocabulary, file);
  for (const ShallowKeys& keys : trained.shallow_keys) add_keys(keys, file);
  return file;
}

TrainedModel from_safetensors(const SafetensorsFile& file, const std::string& name) {
  check_format(file, name);
  const auto description = file.metadata.find("model");
  TrainedModel trained =
      parse_description(description == file.metadata.end() ? "" : description->second, name);
  for (TableStatistics& table : trained.definition.statistics)
    for (ColumnStatistics& column : table.columns)
      if (has_vocabulary(column))
        column.vocabulary = read_strings(file, vocabulary_name(table, column), name);
  for (const std::string& table : trained.config.model.shallow_embeddings)
    trained.shallow_keys.push_back(read_keys(file, trained, table, name));
  for (const NamedTensor& tensor : file.tensors) {
    if (tensor.name.starts_with(kVocabulary) || tensor.name.starts_with(kShallowKeys)) continue;
    if (tensor.dtype != TensorDtype::kF32)
      fail(ErrorCode::kIo, "the model file '{}' is damaged: parameter '{}' is not F32", name, tensor.name);
    trained.parameters.push_back({tensor.name, tensor.shape, values_of<float>(tensor)});
  }
  return trained;
}

void save_model(const std::filesystem::path& folder, const TrainedModel& trained) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) fail(ErrorCode::kIo, "cannot make the folder '{}': {}", folder.string(), error.message());
  write_safetensors(folder / kCheckpointFile, to_safetensors(trained));
}

TrainedModel load_model(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path path = folder / kCheckpointFile;
  if (!std::filesystem::exists(path, error))
    fail(ErrorCode::kIo, "there is no model in '{}' (no file {} there); train one with `rle fit`",
         folder.string(), kCheckpointFile);
  return from_safetensors(read_safetensors(path), path.string());
}

}  // namespace rle
