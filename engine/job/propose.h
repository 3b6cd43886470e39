// `rle init`: a specification proposed from data alone. Primary keys by uniqueness and name, times by type
// and name, foreign keys by containment of values and likeness of names. What is left to a person stands in
// it as comments.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "job/column_family.h"

namespace rle {

// Distinct values of a column that may be a key, in order; one of the two lists is used.
struct KeyValues {
  std::vector<int64_t> integers;
  std::vector<std::string> texts;
  int64_t nulls = 0, rows = 0;

  int64_t distinct() const { return static_cast<int64_t>(integers.size() + texts.size()); }
  bool unique() const { return nulls == 0 && rows > 0 && distinct() == rows; }
};

struct CandidateColumn {
  std::string name;
  ColumnFamily family = ColumnFamily::kOther;
  KeyValues values;  // integers and texts only
};

struct ProposedLink {
  std::string column, parent_table, parent_column;
  int64_t dangling = 0;  // distinct values without a parent
};

struct ProposedTable {
  std::string name, source;
  int64_t rows = 0;
  std::vector<CandidateColumn> columns;
  std::optional<std::string> primary_key, time_column;
  std::vector<ProposedLink> links;
  std::vector<std::string> other_times;  // of a time's type, and not taken
};

// The tables of a folder's data files or of a .duckdb file, their columns read. data_source: what data.source
// will be. Error{kSpec}: no such folder, nothing in it.
std::vector<ProposedTable> read_candidates(const std::filesystem::path& folder, Report& report,
                                           const CancelToken* cancel);

// Chooses keys, times and links; a pure function of names, types and values.
void propose_keys(std::vector<ProposedTable>& tables);

// The specification as YAML. `inspect` accepts it as it stands; tables without any key are in comments.
std::string proposal_yaml(const std::string& dataset, const std::string& data_source,
                          const std::vector<ProposedTable>& tables);

}  // namespace rle
