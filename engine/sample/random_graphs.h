// Random databases for property tests, and their edges by brute force.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/report.h"
#include "graph/graph.h"
#include "graph/test_tables.h"

namespace rle::test {

// One row of a source seen by a target: when it becomes visible, and its id. Sorted lists are the graph's
// order.
using Visible = std::pair<int64_t, NodeId>;

struct RandomDatabase {
  std::vector<Table> tables;
  // By (source, name, target), then target row: all sources, sorted, never visible ones left out.
  std::map<std::vector<std::string>, std::map<NodeId, std::vector<Visible>>> edges;

  const Table& named(const std::string& name) const {
    return *std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.schema.name == name; });
  }
};

inline int64_t row_time(const Table& table, int64_t row) {
  if (!table.schema.time_column) return kAlwaysVisible;
  const Column& column = table.at(*table.schema.time_column);
  return column.is_null(row) ? kNeverVisible : column.ints[static_cast<size_t>(row)];
}

// Keys are i * 3 - 20 or "k<i>" in a random order; a fifth of foreign keys is null, a tenth dangling.
class RandomDatabaseMaker {
 public:
  explicit RandomDatabaseMaker(RngKey key) : random_(key) {}

  RandomDatabase make() {
    RandomDatabase made;
    const int64_t nodes = 1 + below(4), edges = below(3);
    for (int64_t i = 0; i < nodes; ++i) made.tables.push_back(node_table(fmt::format("t{}", i)));
    for (int64_t i = 0; i < nodes; ++i)
      for (int64_t k = below(3); k >= 0; --k)
        add_key(made.tables[static_cast<size_t>(i)], made.tables[static_cast<size_t>(below(nodes))]);
    std::vector<Table> link_tables;
    for (int64_t i = 0; i < edges; ++i) {
      Table links = table(fmt::format("links{}", i), {});
      links.rows = below(200);
      links.schema.type = TableType::kEdge;
      if (below(2) == 0) add_time(links);
      add_key(links, made.tables[static_cast<size_t>(below(nodes))]);
      add_key(links, made.tables[static_cast<size_t>(below(nodes))]);
      link_tables.push_back(std::move(links));
    }
    for (Table& links : link_tables)
      made.tables.insert(made.tables.begin() + below(nodes + 1), std::move(links));
    for (Table& each : made.tables) sort_canonically(each);
    for (const Table& each : made.tables) add_edges(made, each);
    return made;
  }

  int64_t below(int64_t n) { return static_cast<int64_t>(random_.below(static_cast<uint64_t>(n))); }

 private:
  Table node_table(std::string name) {
    Table made = table(std::move(name), {});
    made.rows = 1 + below(60);
    const bool strings = below(3) == 0;
    const Permutation order(static_cast<uint64_t>(made.rows), RngKey(random_.next()));
    std::vector<int64_t> numbers;
    for (int64_t row = 0; row < made.rows; ++row)
      numbers.push_back(static_cast<int64_t>(order.at(static_cast<uint64_t>(row))) * 3 - 20);
    made.columns.push_back(key_column("id", {numbers.begin(), numbers.end()}, strings));
    made.schema.primary_key = "id";
    if (below(3) != 0) add_time(made);
    return made;
  }

  static Column key_column(const std::string& name, const Values<int64_t>& numbers, bool strings) {
    if (!strings) return int_column(name, numbers);
    Values<std::string> texts;
    for (const auto& n : numbers) texts.push_back(n ? std::optional(fmt::format("k{}", *n)) : std::nullopt);
    return string_column(name, texts);
  }

  void add_time(Table& to) {
    Values<int64_t> times;
    for (int64_t row = 0; row < to.rows; ++row)
      times.push_back(below(8) == 0 ? std::nullopt : std::optional((below(30) - 5) * 700'000));
    to.columns.push_back(time_column("at", times));
    to.schema.time_column = "at";
  }

  void add_key(Table& child, const Table& parent) {
    Values<int64_t> numbers;
    for (int64_t row = 0; row < child.rows; ++row) {
      const int64_t parent_row = below(2) == 0 ? below(parent.rows) : below(1 + parent.rows / 8);
      numbers.push_back(below(5) == 0 ? std::nullopt : std::optional(parent_row * 3 - 20 + (below(10) == 0)));
    }
    const std::string name = fmt::format("key{}", child.schema.foreign_keys.size());
    child.columns.push_back(key_column(name, numbers, parent.at("id").type == PhysicalType::kString));
    child.schema.foreign_keys.push_back({name, parent.schema.name, "id", false});
  }

  static NodeId parent_row(const RandomDatabase& made, const Table& child, size_t key, int64_t row) {
    const ForeignKey& foreign = child.schema.foreign_keys[key];
    const Column &values = child.at(foreign.column), &ids = made.named(foreign.parent_table).at("id");
    for (int64_t parent = 0; !values.is_null(row) && parent < ids.rows; ++parent)
      if (values.display(row) == ids.display(parent)) return static_cast<NodeId>(parent);
    return kNoNode;
  }

  static void add_edges(RandomDatabase& made, const Table& child) {
    const bool is_edge = child.schema.type == TableType::kEdge;
    for (size_t k = 0; k < (is_edge ? 1 : child.schema.foreign_keys.size()); ++k) {
      const std::string second = child.schema.foreign_keys[is_edge ? 1 : k].parent_table;
      const std::string first = is_edge ? child.schema.foreign_keys[0].parent_table : child.schema.name;
      const std::string name = is_edge ? child.schema.name : "f2p_" + child.schema.foreign_keys[k].column;
      auto& forward = made.edges[{first, name, second}];
      auto& reverse = made.edges[{second, "rev_" + name, first}];
      for (int64_t row = 0; row < child.rows; ++row) {
        const NodeId a = is_edge ? parent_row(made, child, 0, row) : static_cast<NodeId>(row);
        const NodeId b = parent_row(made, child, is_edge ? 1 : k, row);
        if (a == kNoNode || b == kNoNode) continue;
        const int64_t own = is_edge ? row_time(child, row) : kAlwaysVisible;
        const int64_t from_a = std::max(own, row_time(made.named(first), a));
        const int64_t from_b = std::max(own, row_time(made.named(second), b));
        if (from_a != kNeverVisible) forward[b].emplace_back(from_a, a);
        if (from_b != kNeverVisible) reverse[a].emplace_back(from_b, b);
      }
      for (auto* lists : {&forward, &reverse})
        for (auto& [target, list] : *lists) std::sort(list.begin(), list.end());
    }
  }

  RngStream random_;
};

}  // namespace rle::test
