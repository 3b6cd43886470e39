// The schema of an inspection as pictures. Node names are t0, t1, ...: a table's own name may hold anything.
#include <algorithm>

#include "job/inspect.h"

namespace rle {
namespace {

using Replacement = std::pair<char, std::string_view>;

// Text inside double quotes, on one line.
std::string escaped(const std::string& text, const std::vector<Replacement>& replacements) {
  std::string out;
  for (const char c : text) {
    const auto found = std::find_if(replacements.begin(), replacements.end(),
                                    [c](const Replacement& replacement) { return replacement.first == c; });
    if (found != replacements.end())
      out += found->second;
    else
      out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

// Labels are HTML, with entities that begin by "#".
std::string mermaid(const std::string& text) {
  return escaped(
      text, {{'"', "#quot;"}, {'<', "#lt;"}, {'>', "#gt;"}, {'&', "#amp;"}, {'#', "#35;"}, {'`', "#96;"}});
}

std::string graphviz(const std::string& text) { return escaped(text, {{'"', "\\\""}, {'\\', "\\\\"}}); }

size_t position(const Inspection& inspection, const std::string& table) {
  size_t at = 0;
  while (at < inspection.tables.size() && inspection.tables[at].name != table) ++at;
  return at;
}

}  // namespace

std::string mermaid_picture(const Inspection& inspection) {
  std::string out = "flowchart LR\n";
  for (size_t i = 0; i < inspection.tables.size(); ++i) {
    const InspectedTable& table = inspection.tables[i];
    const bool edge = table.type == TableType::kEdge;
    out += fmt::format("  t{}{}\"{}<br/>{} rows{}\"{}\n", i, edge ? "([" : "[", mermaid(table.name),
                       grouped(table.rows), table.time_column ? "<br/>by " + mermaid(*table.time_column) : "",
                       edge ? "])" : "]");
  }
  for (size_t i = 0; i < inspection.tables.size(); ++i)
    for (const InspectedLink& link : inspection.tables[i].links)
      out += fmt::format("  t{} -- \"{}\" --> t{}\n", i, mermaid(link.column),
                         position(inspection, link.parent_table));
  return out;
}

std::string graphviz_picture(const Inspection& inspection) {
  std::string out =
      fmt::format("digraph \"{}\" {{\n  rankdir=LR;\n  node [shape=box, fontname=\"Helvetica\"];\n",
                  graphviz(inspection.dataset));
  for (size_t i = 0; i < inspection.tables.size(); ++i) {
    const InspectedTable& table = inspection.tables[i];
    out += fmt::format("  t{} [label=\"{}\\n{} rows{}\"{}];\n", i, graphviz(table.name), grouped(table.rows),
                       table.time_column ? "\\nby " + graphviz(*table.time_column) : "",
                       table.type == TableType::kEdge ? ", style=rounded" : "");
  }
  for (size_t i = 0; i < inspection.tables.size(); ++i)
    for (const InspectedLink& link : inspection.tables[i].links)
      out += fmt::format("  t{} -> t{} [label=\"{}\"];\n", i, position(inspection, link.parent_table),
                         graphviz(link.column));
  return out + "}\n";
}

}  // namespace rle
