// Shallow embeddings belong to rows by primary key, so that data with more, fewer or other rows find them
// again. Only rows that are visible at the last training time have one; others have the zero vector.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/report.h"
#include "graph/graph.h"
#include "table/features.h"

namespace rle {

// Row i of the table's embedding is that of the row with the key `keys[i]`: integers or strings, named as the
// primary key, without nulls.
struct ShallowKeys {
  std::string table;
  Column keys;
};

Column key_column(std::vector<int64_t> keys);
Column key_column(const std::vector<std::string>& keys);

// Error{kSpec}: one of `names` is no table of type node with a primary key.
void require_keys(const std::vector<std::string>& names, const std::vector<Table>& tables);

// The keys of a table's visible rows, in its order. Expects canonical order.
ShallowKeys visible_keys(const std::string& name, const std::vector<Table>& tables,
                         const Visibility& visibility);

// Per node type and node: the row of its embedding, or kNoNode; empty for types without. One line tells how
// many have none.
std::vector<std::vector<NodeId>> find_shallow_rows(const std::vector<ShallowKeys>& keys, const Graph& graph,
                                                   Report& report);

}  // namespace rle
