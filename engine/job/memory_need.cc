#include "job/memory_need.h"

#include <algorithm>

#include "base/error.h"
#include "base/memory.h"

namespace rle {
namespace {

// The program with DuckDB, stacks of threads; and what DuckDB reads ahead, as a part of a table.
constexpr int64_t kProgram = int64_t{96} << 20;
constexpr int64_t kReadAhead = 4;
constexpr int64_t kSortBytes = 16 + 8 + 8;  // a row: an entry, its new place, the longest column again
constexpr int64_t kLabelBytes = 64;         // a label as read, encoded, in its order, and its score
constexpr int64_t kModelCopies = 9;  // value, gradient, two moments, the best one; four for a checkpoint
constexpr int64_t kNodesPerSeed = 256;

struct TableNeed {
  int64_t rows = 0, table = 0, keys = 0, features = 0, vocabulary = 0;
};

std::optional<Dtype> declared(const TableSchema& schema, const std::string& column) {
  for (const ColumnSpec& spec : schema.columns)
    if (spec.name == column) return spec.dtype;
  return std::nullopt;
}

TableNeed need_of(const TablePlan& plan, const SourceSize& size) {
  TableNeed need;
  need.rows = size.rows;
  need.table = size.rows * 8;  // where each row stood
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    const ColumnSize& column = size.columns[c];
    const auto texts = static_cast<int64_t>(static_cast<double>(column.distinct) * (column.length + 48));
    const auto elements = static_cast<int64_t>(static_cast<double>(size.rows) * column.length);
    if (column.kind == ColumnSize::Kind::kText)
      need.table += size.rows * 5 + texts;
    else
      need.table += size.rows * 9 + (column.kind == ColumnSize::Kind::kList ? elements * 12 : 0);
    const bool key = plan.schema.is_key(plan.columns[c]);
    if (key) need.keys += size.rows * 16;
    if (key && !plan.schema.is_feature_key(plan.columns[c])) continue;
    need.features += size.rows * 4 + (column.kind == ColumnSize::Kind::kList ? elements * 4 : 0);
    const std::optional<Dtype> dtype = declared(plan.schema, plan.columns[c]);
    if (!dtype || *dtype == Dtype::kCategory) need.vocabulary += column.distinct;
  }
  return need;
}

int64_t model_bytes(const JobSpec& spec, int64_t vocabulary, int64_t rows) {
  const int64_t channels = spec.train.model.channels, blocks = spec.train.model.encoder_blocks;
  const int64_t batch = std::max(spec.train.train_batch_size, spec.train.val_batch_size);
  const int64_t nodes = std::min(rows, batch * kNodesPerSeed);
  return vocabulary * channels * 4 * kModelCopies + nodes * channels * 4 * (6 + 4 * blocks);
}

}  // namespace

MemoryNeed memory_need(SourceReader& reader, const JobSpec& spec, const std::vector<TablePlan>& tables,
                       bool graph_kept, int64_t label_rows) {
  MemoryNeed out;
  int64_t read = 0, features_made = 0, rows = 0, vocabulary = 0;  // read: tables that stay in memory
  for (const TablePlan& plan : tables) {
    const TableNeed need = need_of(plan, reader.size(plan.schema, plan.columns));
    rows += need.rows;
    vocabulary += need.vocabulary;
    if (!plan.kept)
      out.tables =
          std::max(out.tables, read + need.table + std::max(need.table / kReadAhead, need.rows * kSortBytes));
    if (plan.key.place == 0) read += need.table;
    if (!graph_kept) out.graph += need.keys + need.rows * 8;
    if (plan.features_kept) continue;
    features_made = std::max(features_made, need.features + need.rows * 16);
    if (plan.key.place == 0) out.features += need.features;
  }
  const bool snapshots = !tables.empty() && tables[0].key.place != 0;
  out.labels = label_rows * kLabelBytes;
  out.model = spec.task ? model_bytes(spec, vocabulary, rows) : 0;
  const int64_t graph_stays = snapshots ? 0 : out.graph;
  out.features = std::max(out.features, features_made);
  out.total =
      kProgram + std::max({out.tables, read + out.graph, read + graph_stays + out.labels + out.features,
                           graph_stays + (snapshots ? 0 : out.features) + out.labels + out.model});
  return out;
}

void check_memory(const MemoryNeed& need, const JobSpec& spec) {
  if (!spec.memory_limit_bytes || need.total <= *spec.memory_limit_bytes) return;
  const char* advice = spec.snapshot_folder ? "" : "; --snapshot DIR lets later runs do with less";
  fail(ErrorCode::kSpec,
       "config.memory_limit: the run needs up to {} (tables {}, graph {}, features {}, labels {}, model {}), "
       "the limit is {}; set it to {} at least{}",
       bytes_text(need.total), bytes_text(need.tables), bytes_text(need.graph), bytes_text(need.features),
       bytes_text(need.labels), bytes_text(need.model), bytes_text(*spec.memory_limit_bytes),
       bytes_text(need.total), advice);
}

}  // namespace rle
