// From a specification to typed tables: the sources' schemas are checked first, all of them, then rows are
// read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "base/snapshot_folder.h"
#include "ingest/source.h"
#include "job/job_spec.h"
#include "train/checkpoint.h"
#include "train/dataset.h"
#include "train/signature.h"

namespace rle {

struct LoadedData {
  std::unique_ptr<SnapshotFolder> snapshots;     // nullptr: the specification asks for none
  std::vector<Table> tables;                     // of the specification's order, rows in canonical order
  std::optional<Table> train, validation, test;  // label tables, rows in the source's order
};

// Which label tables to read, and which of them must have the target column.
struct SplitChoice {
  bool train = false, validation = false, test = false;
  bool test_needs_target = false;
};

// What the tables are loaded for, as far as it decides how much memory that takes.
struct LoadUse {
  const TrainedModel* model =
      nullptr;                 // that is applied, with its own configuration; nullptr: none, or training
  bool makes_features = true;  // false: a look at the tables
  bool embeddings = false;     // the test table's rows get vectors, which are written
};

// All that names and types in the sources tell: files and tables that are missing, columns (nearest offered),
// keys whose types can't match, time columns that are no time. One Error{kSpec} lists every mistake.
void check_sources(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits);

// The differences between the sources' schemas and the tables a model was trained on, as far as they tell
// before rows are read. Error{kSpec} as compare_schema's. spec: as use_model_columns leaves it.
void check_model_schema(SourceReader& reader, const std::vector<TableSignature>& trained,
                        const JobSpec& spec);

// One line where the time columns of tables and chosen label tables have a zone here and none there.
void note_time_zones(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits, Report& report);

// Keys in a list of entities that can never be keys of the task's entity table: text against numbers.
// Error{kSpec}.
void check_entity_keys(SourceReader& reader, const JobSpec& spec, const std::string& where,
                       const SourceColumn& keys);

// The error for each chosen split that the specification does not name. Error{kSpec}.
void require_splits(const JobSpec& spec, const SplitChoice& splits, std::string_view command);

// Reads every table, and the chosen label tables that the specification names. Errors as SourceReader's.
LoadedData load_data(SourceReader& reader, const JobSpec& spec, const SplitChoice& splits, Report& report,
                     const CancelToken* cancel, const LoadUse& use = {});

// What a dataset is built from: the tables are moved out of `data`, label tables and snapshots borrowed.
DatasetInput dataset_input(LoadedData& data, const JobSpec& spec);

// The columns a label table is read with: entity, time and target as far as the source has them.
TableSchema label_schema(const TaskSpec& task, std::string_view name, const std::string& source);

// The specification's tables with the columns that a model uses, as far as the sources have them: what is
// missing is then named by build_inference_dataset. Tables that the model does not know keep their keys only.
void use_model_columns(SourceReader& reader, const std::vector<TableSignature>& trained, JobSpec& spec);

}  // namespace rle
