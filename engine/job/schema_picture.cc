// The schema of an inspection as pictures. Node names are t0, t1, ...: a table's own name may hold anything.
#include "job/inspect.h"

namespace rle {
namespace {

// Text inside double quotes; in Mermaid a quote is an entity.
std::string escaped(const std::string& text, std::string_view quote, std::string_view line_break) {
  std::string out;
  for (const char c : text) {
    if (c == '"')
      out += quote;
    else if (c == '\n' || c == '\r')
      out += line_break;
    else if (c == '\\' && quote[0] == '\\')
      out += "\\\\";
    else
      out += c;
  }
  return out;
}

std::string mermaid(const std::string& text) { return escaped(text, "#quot;", " "); }
std::string graphviz(const std::string& text) { return escaped(text, "\\\"", " "); }

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
