// What fit, evaluate and predict work on: the graph, the encoded features of every node type, and the label
// tables, all from tables in canonical order.
//
// Statistics, dtypes and vocabularies look only at rows that are visible at the last training time (the
// latest time of the training table), and never at rows later than visible_until. History frozen at
// visible_until: later rows of any table with a time column are treated as absent.
#pragma once

#include <optional>
#include <vector>

#include "base/report.h"
#include "base/snapshot_folder.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "model/relational_model.h"
#include "table/features.h"
#include "task/task.h"
#include "train/config.h"
#include "train/shallow_keys.h"
#include "train/signature.h"

namespace rle {

struct TrainedModel;

struct DatasetInput {
  std::vector<Table> tables;  // in canonical order (sort_canonically); taken over
  TaskSpec task;              // not read for inference: the model has it
  // Label tables as read, in the order of their source; nullptr: absent. Borrowed during the call.
  const Table* train = nullptr;
  const Table* validation = nullptr;
  const Table* test = nullptr;
  std::optional<int64_t> visible_until_us;
  std::vector<std::string> shallow_embeddings = {};  // tables; not read for inference: the model has them
  bool keep_source_rows = false;                     // Dataset::source_rows is filled (training only)
  SnapshotFolder* snapshots = nullptr;               // where graph and features are kept; nullptr: nowhere
};

// Immutable after it is built; thread-safe to read.
struct Dataset {
  Graph graph;
  std::vector<TableFeatures> features;  // per node type
  std::vector<TableSignature> tables;   // in the specification's order
  std::vector<ShallowKeys> shallow_keys;
  std::vector<std::vector<NodeId>> shallow_rows;  // as ModelInput; per node type
  TaskSpec task;
  LabelEncoding encoding;
  NodeTypeId entity_type;
  NodeTypeId target_type;  // links
  // Links: the key of each target node, and the target nodes in the order of their keys.
  Column target_keys;
  std::vector<NodeId> targets_by_key;
  std::optional<int64_t> last_training_time_us;  // absent: a task without time
  std::optional<LabelTable> train, validation, test;
  // Per node type: the position in its source of each node, 0 = the first row. Empty unless asked for: only
  // benchmarks that share batches with other programs need it.
  std::vector<std::vector<uint32_t>> source_rows;
};

// Error{kSpec}: no training table, an entity table that is not there, shallow embeddings of a table without a
// primary key; and what Graph::build, fit_statistics,
// fit_labels and make_label_table throw.
Dataset build_training_dataset(DatasetInput input, ThreadPool& pool, Report& report);

// Statistics, dtypes, label encoding and task come from the model. Tables may come in any order.
// Error{kSpec}: the schema differs (compare_schema). Error{kIo}: the model's graph is not that of its tables.
// Rows whose key is none of those with a shallow embedding are counted and reported.
Dataset build_inference_dataset(DatasetInput input, const TrainedModel& model, ThreadPool& pool,
                                Report& report);

// Drops the rows of a table in canonical order whose time is later than until_us; returns how many. A table
// without a time column, and rows without a time, stay.
int64_t drop_rows_after(Table& table, int64_t until_us);

// What a model of the task reads out.
Readout readout_of(TaskType type, const ModelConfig& config);

// Of a definition what follows from the task and the configuration: readout, outputs, whether there are
// times, config (with id awareness where the readout needs it).
void set_task(const TaskSpec& task, const LabelEncoding& encoding, const ModelConfig& config,
              ModelDefinition& definition);

// What decides the model's parameters, from the data and the configuration.
ModelDefinition make_definition(const Dataset& dataset, const TrainConfig& config);

}  // namespace rle
