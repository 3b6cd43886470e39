// Mini-batches in files, so that this engine and other programs train on the very same ones (the form is in
// docs/performance.md). What is read here is checked in names, types and shapes only; batch_builder.h checks
// it against the data.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace rle {

struct BatchFile {
  struct Nodes {
    std::vector<int32_t> row;   // (N) in the table's source, 0 = the first
    std::vector<int32_t> seed;  // (N) whose subgraph holds the node
  };
  struct Edges {
    std::vector<int32_t> source, target;  // (E) places among the nodes of their types
  };

  std::string path;
  std::vector<int32_t> seed_row;     // (S) of the entity table; links: the last `targets` of the target table
  std::vector<int64_t> seed_time_s;  // (S) since 1970, UTC
  std::vector<float> label;          // (S); links: none
  // Links: each source with one of its targets and as many that are none of its, as seeds.
  int64_t targets = 0;
  std::vector<int32_t> positive;  // (sources)
  std::vector<int32_t> negative;  // (sources, negatives)
  std::vector<Nodes> nodes;       // per node type of the schema
  std::vector<Edges> edges;       // per edge type

  int64_t seeds() const { return static_cast<int64_t>(seed_row.size()); }
  int64_t sources() const { return seeds() - targets; }
  int64_t negatives() const { return sources() == 0 ? 0 : static_cast<int64_t>(negative.size()) / sources(); }
};

// Error{kIo}: no safetensors file. Error{kData}: a tensor of the schema's tables and foreign keys that is
// missing, one that is none of theirs, a wrong type or shape.
BatchFile read_batch_file(const std::filesystem::path& path, const GraphSchema& schema, bool links = false);

// The *.safetensors files of a folder, by name. Error{kIo}: there is none.
std::vector<std::filesystem::path> batch_files(const std::filesystem::path& folder);

}  // namespace rle
