// How much memory a run will need, from the sizes of its sources (which takes a pass over
// them), before a row is kept; and the refusal where
// the user allows less. What comes mapped from a snapshot counts as nothing: the system drops it when memory
// is short.
#pragma once

#include <cstdint>
#include <vector>

#include "base/snapshot_folder.h"
#include "ingest/source.h"
#include "job/job_spec.h"
#include "job/load_data.h"

namespace rle {

// A table that is going to be read.
struct TablePlan {
  TableSchema schema;
  std::vector<std::string> columns;
  SnapshotKey key;             // place 0: nothing of it is kept
  bool kept = false;           // its rows are in the snapshot
  bool features_kept = false;  // or it has none
};

// In bytes; upper bounds, of what lies in memory at one time.
struct MemoryNeed {
  int64_t tables = 0;    // while they are read and sorted
  int64_t graph = 0;     // keys and neighbour lists
  int64_t features = 0;  // encoded
  int64_t labels = 0;
  int64_t model = 0;      // parameters, optimizer, copies for checkpoints, and the largest batch
  int64_t negatives = 0;  // of the model's: what a batch of training draws
  int64_t total = 0;      // the most at any time, with the program itself and its threads
};

// Of all label tables together; a link counts as one row. embedded: those that get a vector, which is
// written.
struct LabelRows {
  int64_t rows = 0, embedded = 0;
};

// Of a vector: as scored, in the output table, and waiting to be written.
inline constexpr int64_t kVectorCopies = 3;

MemoryNeed memory_need(SourceReader& reader, const JobSpec& spec, const std::vector<TablePlan>& tables,
                       bool graph_kept, LabelRows labels, const LoadUse& use);

// Error{kSpec}: more than spec.memory_limit_bytes, with the figure that would do.
void check_memory(const MemoryNeed& need, const JobSpec& spec);

}  // namespace rle
