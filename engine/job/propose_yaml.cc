// A proposal as text for a person to go on with.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "job/inspect.h"
#include "job/propose.h"
#include "job/spec_tree.h"

namespace rle {
namespace {

// Plain where YAML reads it back as this text, else in double quotes.
std::string scalar(const std::string& text) {
  const auto plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '/';
  };
  const bool simple = !text.empty() && std::all_of(text.begin(), text.end(), plain);
  if (simple && parse_spec_value(text).kind == SpecNode::Kind::kText) return text;
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The text after "# ", where a line break would end the comment.
std::string comment(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

void write_links(const std::vector<ProposedLink>& links, std::string& out) {
  if (links.empty()) return;
  out += "    foreign_keys:\n";
  for (const ProposedLink& link : links) {
    out += fmt::format("      {}: {}", scalar(link.column),
                       scalar(link.parent_table + "." + link.parent_column));
    if (link.dangling > 0) out += fmt::format("  # {} of its values have no parent", grouped(link.dangling));
    out += "\n";
  }
}

void write_table(const ProposedTable& table, std::string& out) {
  out += fmt::format("  {}:  # {} rows\n    source: {}\n", scalar(table.name), grouped(table.rows),
                     scalar(table.source));
  if (table.primary_key) out += fmt::format("    primary_key: {}\n", scalar(*table.primary_key));
  write_links(table.links, out);
  if (table.time_column) out += fmt::format("    time_column: {}\n", scalar(*table.time_column));
  for (const std::string& time : table.other_times)
    out += fmt::format("    # {} is a time as well, and used as a feature\n", comment(time));
  if (!table.time_column)
    out += table.other_times.empty()
               ? ""
               : "    # no time_column: its rows are visible at all times; name one if they came over time\n";
}

bool has_key(const ProposedTable& table) { return table.primary_key || !table.links.empty(); }

std::string example_entity(const std::vector<ProposedTable>& tables) {
  for (const ProposedTable& table : tables)
    if (table.primary_key) return comment(table.name + "." + *table.primary_key);
  return "TABLE.KEY";
}

constexpr const char* kTask = R"(
# What to predict is yours to say; `rle inspect` works without it. Labels lie in tables of their own, one a split, with a column
# for the entity's key, one for the time of the prediction and one for the label.
# task:
#   name: my-task
#   type: binary_classification        # multiclass_classification, multilabel_classification, regression; of links
#                                      # to rows of another table (target_entity): link_prediction, repeated_link_prediction
#   entity: {}
#   target: label
#   time_column: date
#   horizon: 30d                       # how long after its time a label is known
#   train: labels/train.parquet
#   validation: labels/validation.parquet
#   test: labels/test.parquet

config:
  preset: sdk                          # or relbench
)";

}  // namespace

std::string proposal_yaml(const std::string& dataset, const std::string& data_source,
                          const std::vector<ProposedTable>& tables) {
  std::string out =
      "# Proposed from the data. Check keys, links and times; dtypes are inferred (`rle inspect` shows them "
      "and why),\n"
      "# and can be declared under columns (docs/spec.md).\n";
  out += fmt::format("dataset: {}\ndata: {{source: {}}}\n", scalar(dataset), scalar(data_source));
  if (std::any_of(tables.begin(), tables.end(), has_key))
    out += "tables:\n";
  else
    out += "tables: {}  # no table has a column that could be its key: name one for each\n";
  for (const ProposedTable& table : tables) {
    if (has_key(table)) {
      write_table(table, out);
      continue;
    }
    out += fmt::format(
        "  # {} ({} rows, {}): no column is unique and named like a key, and none links to another table;\n",
        comment(table.name), grouped(table.rows), comment(table.source));
    out += "  # name its primary_key or foreign_keys to use it\n";
  }
  return out + fmt::format(fmt::runtime(kTask), example_entity(tables));
}

}  // namespace rle
