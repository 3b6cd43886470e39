#include "ingest/arrow_export.h"

#include <cerrno>
#include <exception>
#include <memory>
#include <vector>

#include "base/error.h"
#include "ingest/arrow_abi.h"
#include "ingest/arrow_export_column.h"
#include "ingest/arrow_type.h"

namespace rle::ingest {
namespace {

constexpr int64_t kBatchRows = 61440;  // a multiple of DuckDB's 2048

// A schema node; owns its text and its children.
struct SchemaNode {
  std::string format, name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> pointers;
};

void release_schema(ArrowSchema* schema) {
  for (int64_t c = 0; c < schema->n_children; ++c) {
    if (schema->children[c]->release != nullptr) schema->children[c]->release(schema->children[c]);
  }
  delete static_cast<SchemaNode*>(schema->private_data);
  schema->release = nullptr;
}

void make_schema(ArrowSchema* out, std::string format, std::string name, size_t children) {
  auto node = std::make_unique<SchemaNode>();
  node->format = std::move(format);
  node->name = std::move(name);
  node->children.resize(children);
  for (ArrowSchema& child : node->children) node->pointers.push_back(&child);
  *out = {};
  out->format = node->format.c_str();
  out->name = node->name.c_str();
  out->flags = ARROW_FLAG_NULLABLE;
  out->n_children = static_cast<int64_t>(children);
  out->children = node->pointers.data();
  out->release = release_schema;
  out->private_data = node.release();
}

void make_column_schema(const Column& column, ArrowSchema* out) {
  const std::string format = export_format(column);
  make_schema(out, format, column.name, format == "+L" ? 1 : 0);
  if (format != "+L") return;
  const char* item = column.type == PhysicalType::kIntList     ? "l"
                     : column.type == PhysicalType::kFloatList ? "f"
                                                               : "U";
  make_schema(out->children[0], item, "item", 0);
}

struct StreamState {
  const Table* table;
  int64_t next_row = 0;
  std::string error;
};

StreamState& state_of(ArrowArrayStream* stream) { return *static_cast<StreamState*>(stream->private_data); }

int get_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  const Table& table = *state_of(stream).table;
  make_schema(out, "+s", "", table.columns.size());
  for (size_t c = 0; c < table.columns.size(); ++c) make_column_schema(table.columns[c], out->children[c]);
  return 0;
}

int get_next(ArrowArrayStream* stream, ArrowArray* out) {
  StreamState& state = state_of(stream);
  *out = {};
  const int64_t begin = state.next_row;
  const int64_t end = std::min(state.table->rows, begin + kBatchRows);
  if (begin == end) return 0;
  try {
    auto batch = std::make_unique<ExportedArray>();
    batch->buffers.emplace_back();
    for (const Column& column : state.table->columns)
      batch->children.push_back(export_rows(column, begin, end));
    hand_over(std::move(batch), end - begin, 0, out);
    state.next_row = end;
    return 0;
  } catch (const std::exception& error) {
    state.error = error.what();
    return EIO;
  }
}

const char* get_last_error(ArrowArrayStream* stream) {
  const std::string& error = state_of(stream).error;
  return error.empty() ? nullptr : error.c_str();
}

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamState*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

void export_table(const Table& table, ArrowArrayStream* out) {
  for (const Column& column : table.columns) RLE_CHECK(column.rows == table.rows);
  *out = {get_schema, get_next, get_last_error, release_stream, new StreamState{&table, 0, ""}};
}

}  // namespace rle::ingest
