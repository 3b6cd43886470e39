// dataset_metadata of v1alpha1 clients, in both of its dialects, to and from our specification.
#pragma once

#include <functional>
#include <string>

#include "server/records.h"

namespace rle::v1alpha1 {

// How tables and tasks are written: older clients mark columns by key_type and name target_table, newer ones
// have lists of candidate_keys and foreign_keys and name target_link_to.
enum class Dialect { kKeyTypes, kKeyLists };

// The dialect that a dataset_metadata is written in.
Dialect dialect_of(const Json& metadata);

// {"dataset", "tables", "task"} of docs/spec.md. A dataset for prediction alone names no label column: then
// task.target is absent. Problem 422 names the path in the metadata.
Json specification_of(const Json& metadata);

// Its columns, {"name", "type", "dtype"} each, as POST /v1/describe tells them.
using DescribeSource = std::function<Json(const std::string& source)>;

// The dataset_metadata that a client of this dialect would have sent for the specification. connector: what
// clients call the kind of source ("parquet"). Columns that the specification leaves to inference, and those
// of label tables, are asked for.
Json metadata_of(const Json& specification, Dialect dialect, const std::string& connector,
                 const std::string& experiment_name, const DescribeSource& describe);

// A column's dtype as FETCH_TABLE tells it. Keys are not known there, and clients take only integer, float
// and text for one: integers are integers however few, strings with many distinct values are text.
Json fetched_dtype(const Json& described_column);

}  // namespace rle::v1alpha1
