// What `rle inspect` finds out about a specification and its data: a plain description, and its forms as
// text, JSON and pictures.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/report.h"
#include "base/thread_pool.h"
#include "job/job_spec.h"
#include "task/task.h"

namespace rle {

// Of the values that are not null; absent where there is none.
struct TimeRange {
  std::optional<int64_t> first_us, last_us;
  int64_t nulls = 0;
};

struct InspectedColumn {
  std::string name, type;     // physical type as read
  std::string dtype, reason;  // dtype empty: left out
  int64_t nulls = 0;
};

struct InspectedLink {
  std::string column, parent_table, parent_column;
  int64_t nulls = 0, dangling = 0;
};

struct InspectedTable {
  std::string name, source;
  TableType type = TableType::kNode;
  int64_t rows = 0, visible_rows = 0;
  std::optional<std::string> primary_key, time_column;
  TimeRange time;
  std::vector<InspectedLink> links;
  std::vector<InspectedColumn> columns;  // features, by name
};

struct InspectedSplit {
  std::string name, source;
  int64_t rows = 0, entities = 0, unlabelled = 0;
  TimeRange time;
  std::vector<std::pair<std::string, int64_t>> classes;  // classification: label and rows
  std::vector<std::pair<std::string, double>>
      distribution;  // regression: minimum, median, mean, maximum;
                     // links: the same of targets a row, "targets_..."
};

struct Inspection {
  std::string dataset;
  std::optional<int64_t> visible_until_us;  // statistics look at rows up to here; absent: at all rows
  std::vector<InspectedTable> tables;
  std::optional<TaskSpec> task;
  std::vector<InspectedSplit> splits;
};

// Reads every table and label table of the specification. Errors as load_data's, Graph::build's and
// make_label_table's.
Inspection inspect(const JobSpec& spec, ThreadPool& pool, Report& report, const CancelToken* cancel);

std::string inspection_text(const Inspection& inspection);
nlohmann::ordered_json inspection_json(const Inspection& inspection);

// The schema as a Mermaid flowchart, and as a Graphviz digraph: a box a table, an arrow a foreign key.
std::string mermaid_picture(const Inspection& inspection);
std::string graphviz_picture(const Inspection& inspection);

// 1234567 -> "1,234,567"
std::string grouped(int64_t number);

}  // namespace rle
