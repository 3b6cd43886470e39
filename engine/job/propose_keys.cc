// Which columns are keys, times and links: names are compared without case and separators, tables' names in
// the singular.
#include <algorithm>
#include <cctype>
#include <iterator>

#include "job/propose.h"

namespace rle {
namespace {

// At least this share of a foreign key's distinct values must be keys of the parent.
constexpr double kContained = 0.9;

// "driver_standings" -> "driverstandings"
std::string squeezed(const std::string& name) {
  std::string out;
  for (const char c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) || (c & 0x80) != 0)
      out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// "circuits" -> "circuit", "categories" -> "category", "boxes" -> "box"
std::string singular(const std::string& name) {
  if (ends_with(name, "ies")) return name.substr(0, name.size() - 3) + "y";
  for (const char* ending : {"ches", "shes", "sses", "xes"})
    if (ends_with(name, ending)) return name.substr(0, name.size() - 2);
  if (ends_with(name, "s") && !ends_with(name, "ss")) return name.substr(0, name.size() - 1);
  return name;
}

// "createdAt" and "created_at" -> created, at
std::vector<std::string> words(const std::string& name) {
  std::vector<std::string> out(1);
  char before = '_';
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    const bool is_break =
        !std::isalnum(u) || (std::isupper(u) && std::islower(static_cast<unsigned char>(before)));
    if (is_break && !out.back().empty()) out.emplace_back();
    if (std::isalnum(u)) out.back() += static_cast<char>(std::tolower(u));
    before = c;
  }
  return out;
}

bool is_one_of(const std::string& word, std::initializer_list<const char*> list) {
  return std::any_of(list.begin(), list.end(), [&](const char* other) { return word == other; });
}

// How much a unique column's name looks like the table's own key; 0: not at all.
int key_likeness(const ProposedTable& table, size_t position) {
  const std::string name = squeezed(table.columns[position].name);
  const std::string whole = squeezed(table.name), one = singular(whole);
  for (const char* ending : {"id", "key", "no", "nr", "code"})
    if (name == whole + ending || name == one + ending) return 4;
  if (name == "id" || name == "key") return 4;
  if (!ends_with(name, "id") && !ends_with(name, "key")) return position == 0 ? 1 : 0;
  return position == 0 ? 3 : 2;
}

void choose_primary_key(ProposedTable& table) {
  int best = 0;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (!table.columns[i].values.unique()) continue;
    const int likeness = key_likeness(table, i);
    if (likeness <= best) continue;
    best = likeness;
    table.primary_key = table.columns[i].name;
  }
}

// How much a name says "when this row came to be"; 0: nothing, or another time (a birth, an end).
int time_likeness(const std::string& name) {
  int likeness = 0;
  for (const std::string& word : words(name)) {
    if (is_one_of(word, {"dob", "birth", "born", "end", "ended", "due", "deadline", "expires", "expiry",
                         "updated", "modified", "deleted", "closed", "until", "last", "valid"}))
      return 0;
    if (is_one_of(word, {"timestamp", "datetime", "date", "ts"})) likeness = std::max(likeness, 3);
    if (is_one_of(word, {"time", "created", "occurred"})) likeness = std::max(likeness, 2);
    if (is_one_of(word, {"at", "on", "when", "day"})) likeness = std::max(likeness, 1);
  }
  return likeness;
}

void choose_time(ProposedTable& table) {
  int best = 0;
  for (const CandidateColumn& column : table.columns) {
    if (column.family != ColumnFamily::kDate) continue;
    const int likeness = time_likeness(column.name);
    if (likeness <= best) continue;
    best = likeness;
    table.time_column = column.name;
  }
  for (const CandidateColumn& column : table.columns)
    if (column.family == ColumnFamily::kDate && column.name != table.time_column)
      table.other_times.push_back(column.name);
}

// How much a column's name points to a parent's key; 0: not at all.
int link_likeness(const std::string& column, const ProposedTable& parent) {
  const std::string name = squeezed(column), key = squeezed(*parent.primary_key);
  const std::string whole = squeezed(parent.name), one = singular(whole);
  const bool key_names_parent = key.find(one) != std::string::npos;
  const std::string full = key_names_parent ? key : one + key;
  if (name == full || (name == key && key_names_parent)) return 4;
  if (name == whole + key || name == one || name == whole) return 3;
  if (ends_with(name, full)) return 2;
  return name == key && key != "id" && key != "key" ? 1 : 0;
}

template <typename Value>
int64_t missing(const std::vector<Value>& values, const std::vector<Value>& keys) {
  std::vector<Value> absent;
  std::set_difference(values.begin(), values.end(), keys.begin(), keys.end(), std::back_inserter(absent));
  return static_cast<int64_t>(absent.size());
}

void choose_link(ProposedTable& table, const CandidateColumn& column,
                 const std::vector<ProposedTable>& tables) {
  int best = 0;
  std::optional<ProposedLink> link;
  for (const ProposedTable& parent : tables) {
    if (!parent.primary_key || (parent.name == table.name && column.name == *parent.primary_key)) continue;
    const auto key =
        std::find_if(parent.columns.begin(), parent.columns.end(),
                     [&](const CandidateColumn& other) { return other.name == *parent.primary_key; });
    const int likeness = link_likeness(column.name, parent);
    if (key->family != column.family || likeness <= best) continue;
    const int64_t dangling = missing(column.values.integers, key->values.integers) +
                             missing(column.values.texts, key->values.texts);
    if (static_cast<double>(dangling) > (1 - kContained) * static_cast<double>(column.values.distinct()))
      continue;
    best = likeness;
    link = ProposedLink{column.name, parent.name, *parent.primary_key, dangling};
  }
  if (link) table.links.push_back(*link);
}

}  // namespace

void propose_keys(std::vector<ProposedTable>& tables) {
  for (ProposedTable& table : tables) {
    table.primary_key = table.time_column = std::nullopt;
    table.links.clear();
    table.other_times.clear();
    choose_primary_key(table);
    choose_time(table);
  }
  for (ProposedTable& table : tables)
    for (const CandidateColumn& column : table.columns)
      if (column.values.distinct() > 0 && column.name != table.primary_key)
        choose_link(table, column, tables);
}

}  // namespace rle
