#include "job/memory_need.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/memory.h"
#include "base/thread_pool.h"

namespace rle {
namespace {

// The program with DuckDB; and what DuckDB reads ahead, as a part of a table.
constexpr int64_t kProgram = int64_t{96} << 20;
constexpr int64_t kReadAhead = 4;
constexpr int64_t kSortBytes = 16 + 8 + 8;  // a row: an entry, its new place, the longest column again
constexpr int64_t kLabelBytes = 64;         // a label as read, encoded, in its order, and its score
constexpr int64_t kModelCopies = 9;    // value, gradient, two moments, the best one; four for a checkpoint
constexpr int64_t kTrainedCopies = 5;  // the file as read, the model and a copy of it, value, gradient
constexpr int64_t kNodesPerSeed = 256;
constexpr int64_t kNegativeBytes = 64;  // a negative as drawn, sorted and numbered, in arrays that grow
constexpr int64_t kTextBytes = 48;      // of a text besides its letters

struct TableNeed {
  int64_t rows = 0, table = 0, keys = 0, features = 0, embeddings = 0;  // embeddings: rows of vectors
};

std::optional<Dtype> declared(const TableSchema& schema, const std::string& column) {
  for (const ColumnSpec& spec : schema.columns)
    if (spec.name == column) return spec.dtype;
  return std::nullopt;
}

// Whether a column may be encoded as this dtype (docs/dtypes.md).
bool may_be(std::optional<Dtype> dtype, ColumnSize::Kind kind, Dtype asked) {
  if (dtype) return *dtype == asked;
  using Kind = ColumnSize::Kind;
  switch (asked) {
    case Dtype::kCategory:
      return kind == Kind::kInteger || kind == Kind::kText;
    case Dtype::kMultiCategorical:
      return kind == Kind::kList;
    case Dtype::kDatetime:
      return kind == Kind::kTime || kind == Kind::kText;
    default:
      return false;
  }
}

// What one column adds as a feature. texts: bytes of its distinct values.
void add_feature(const ColumnSize& column, std::optional<Dtype> dtype, int64_t rows, int64_t elements,
                 int64_t distinct, int64_t texts, TableNeed& need) {
  const bool list = column.kind == ColumnSize::Kind::kList;
  need.features += rows * 4 + (list ? rows * 8 + elements * 4 : 0);
  if (may_be(dtype, column.kind, Dtype::kDatetime)) need.features += (distinct + 1) * 8;
  if (may_be(dtype, column.kind, Dtype::kCategory) || may_be(dtype, column.kind, Dtype::kMultiCategorical)) {
    need.embeddings += distinct + 1;
    need.features += texts;
  }
}

TableNeed need_of(const TablePlan& plan, const SourceSize& size) {
  TableNeed need;
  need.rows = size.rows;
  need.table = size.rows * 8;  // where each row stood
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    const ColumnSize& column = size.columns[c];
    const bool text = column.kind == ColumnSize::Kind::kText, list = column.kind == ColumnSize::Kind::kList;
    const auto elements = static_cast<int64_t>(std::ceil(static_cast<double>(size.rows) * column.length));
    // The estimate errs by an eighth.
    const int64_t estimate = column.distinct == 0 ? 0 : column.distinct + column.distinct / 2 + 16;
    const int64_t distinct = std::min(list ? elements : size.rows, estimate);
    const auto texts =
        static_cast<int64_t>(static_cast<double>(distinct) * (kTextBytes + (text ? column.length : 0)));
    need.table += text ? size.rows * 5 + texts : size.rows * 9 + (list ? elements * 12 : 0);
    const bool key = plan.schema.is_key(plan.columns[c]);
    if (key) need.keys += size.rows * 16;
    if (key && !plan.schema.is_feature_key(plan.columns[c])) continue;
    add_feature(column, declared(plan.schema, plan.columns[c]), size.rows, elements, distinct, texts, need);
  }
  return need;
}

// embeddings: rows of vectors that training makes; a trained model has its own.
int64_t model_bytes(const JobSpec& spec, const LoadUse& use, int64_t embeddings, int64_t rows) {
  const TrainConfig& config = use.model == nullptr ? spec.train : use.model->config;
  const int64_t channels = config.model.channels, blocks = config.model.encoder_blocks;
  int64_t parameters = embeddings * channels * 4 * kModelCopies;
  // Two towers: a positive and the negatives have subgraphs of their own.
  const bool pairs = spec.task && spec.task->type == TaskType::kLinkPrediction;
  const int64_t trees = pairs ? 2 + config.num_negative : 1;
  int64_t batch = std::max(config.train_batch_size * trees, config.val_batch_size);
  if (use.model != nullptr) {
    parameters = 0;
    for (const NamedParameter& parameter : use.model->parameters)
      parameters += static_cast<int64_t>(parameter.values.size()) * 4 * kTrainedCopies;
    batch = config.val_batch_size;
  }
  const int64_t nodes = std::min(rows, batch * kNodesPerSeed);
  return parameters + nodes * channels * 4 * (6 + 4 * blocks);
}

// Of training with two towers.
int64_t negatives_bytes(const JobSpec& spec, const LoadUse& use) {
  const bool pairs = spec.task && spec.task->type == TaskType::kLinkPrediction;
  if (!pairs || use.model != nullptr || !use.makes_features) return 0;
  return spec.train.train_batch_size * spec.train.num_negative * kNegativeBytes;
}

int64_t stack_bytes(const JobSpec& spec) {
  const int threads = spec.threads > 0 ? spec.threads : available_cpus();
  return (threads - 1) * thread_stack_bytes();
}

// Of training: a vector for each row of such a table.
int64_t shallow_rows(const JobSpec& spec, const std::string& table, int64_t rows) {
  const std::vector<std::string>& names = spec.train.model.shallow_embeddings;
  return std::find(names.begin(), names.end(), table) != names.end() ? rows : 0;
}

}  // namespace

MemoryNeed memory_need(SourceReader& reader, const JobSpec& spec, const std::vector<TablePlan>& tables,
                       bool graph_kept, LabelRows labels, const LoadUse& use) {
  MemoryNeed out;
  int64_t read = 0, features_stay = 0, features_made = 0, rows = 0, embeddings = 0;  // read: tables that stay
  bool all_kept = true;
  for (const TablePlan& plan : tables) {
    const TableNeed need = need_of(plan, reader.size(plan.schema, plan.columns));
    const bool keeps = plan.key.place != 0;
    all_kept = all_kept && keeps;
    rows += need.rows;
    embeddings += need.embeddings + shallow_rows(spec, plan.schema.name, need.rows);
    if (!plan.kept)
      out.tables =
          std::max(out.tables, read + need.table + std::max(need.table / kReadAhead, need.rows * kSortBytes));
    if (!keeps) read += need.table;
    if (!graph_kept) out.graph += need.keys + need.rows * 8;
    if (plan.features_kept) continue;
    features_made = std::max(features_made, (keeps ? need.features : 0) + need.rows * 16);
    if (!keeps) features_stay += need.features;
  }
  const TrainConfig& config = use.model == nullptr ? spec.train : use.model->config;
  out.labels = labels.rows * kLabelBytes + labels.embedded * config.model.channels * 4 * kVectorCopies;
  out.negatives = negatives_bytes(spec, use);
  out.model = spec.task && use.makes_features ? model_bytes(spec, use, embeddings, rows) + out.negatives : 0;
  const int64_t graph_stays = all_kept ? 0 : out.graph;
  out.features = features_stay + features_made;
  out.total = kProgram + stack_bytes(spec) +
              std::max({out.tables, read + out.graph, read + graph_stays + out.labels + out.features,
                        graph_stays + features_stay + out.labels + out.model});
  return out;
}

void check_memory(const MemoryNeed& need, const JobSpec& spec) {
  if (!spec.memory_limit_bytes || need.total <= *spec.memory_limit_bytes) return;
  const bool of_negatives = need.negatives > need.model / 2;
  const char* advice = of_negatives           ? ", or lower config.num_negative or config.train_batch_size"
                       : spec.snapshot_folder ? ""
                                              : "; --snapshot DIR lets later runs do with less";
  fail(ErrorCode::kSpec,
       "config.memory_limit: the run needs up to {} (tables {}, graph {}, features {}, labels {}, model {}), "
       "the limit is {}; set it to {} at least{}",
       bytes_text(need.total), bytes_text(need.tables), bytes_text(need.graph), bytes_text(need.features),
       bytes_text(need.labels), bytes_text(need.model), bytes_text(*spec.memory_limit_bytes),
       bytes_text(need.total), advice);
}

}  // namespace rle
