// The tables that a prediction makes beside that of its predictions, and how a job tells of its outputs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ingest/writer.h"
#include "task/task.h"

namespace rle {

// Embeddings of one table's rows. column: the column of the label tables that holds their keys.
struct EmbeddingsOutput {
  OutputTarget target;
  std::string entity_table, column;
};

// Where the embeddings of a task go that are made with `predictions`: of the entities and, of a link task, of
// the targets. Beside it, named EMBEDDINGS_<COLUMN>_<ALIAS>: the column in upper case, what is neither a
// letter nor a digit as _, at most 64 characters; the alias: the predictions' own name without PREDICTIONS_,
// likewise. Where both columns would give one name, the targets' is EMBEDDINGS_<COLUMN>_TARGET_<ALIAS>.
std::vector<EmbeddingsOutput> embeddings_outputs(const OutputTarget& predictions, const TaskSpec& task);

// {"kind": parquet | csv | duckdb, "path", "table"? (SCHEMA.TABLE)}, and back.
nlohmann::ordered_json output_json(const OutputTarget& target);
OutputTarget output_of_json(const nlohmann::ordered_json& output);

}  // namespace rle
