// Keys: how they are found, and what is said of those that can't be.
#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/graph.h"
#include "graph/test_tables.h"

namespace rle {
namespace {

using test::int_column;
using test::string_column;

Table parents(Column key) {
  Table made = test::table("parents", {std::move(key)});
  made.schema.primary_key = "id";
  return made;
}

Table children(Column key) {
  Table made = test::table("children", {std::move(key)});
  made.schema.foreign_keys.push_back({made.columns[0].name, "parents", "id", false});
  return made;
}

Graph build(const std::vector<Table>& tables, ReportLines* lines = nullptr, int threads = 1) {
  ThreadPool pool(threads);
  ReportLines own;
  return Graph::build(tables, pool, lines != nullptr ? *lines : own);
}

// The message of the error that building ends with; fails where the code differs.
std::string refusal(const std::vector<Table>& tables, ErrorCode code) {
  try {
    build(tables);
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "built";
  return "";
}

void expect_says(const std::string& message, const std::vector<std::string>& parts) {
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << "'" << part << "' is missing in: " << message;
}

// Which parent each child has, by asking for one neighbour each.
std::vector<NodeId> parents_of(const Graph& graph, const std::string& edge) {
  for (size_t e = 0; e < graph.schema().edge_types.size(); ++e) {
    const EdgeTypeInfo& info = graph.schema().edge_types[e];
    if (info.name != edge) continue;
    SeedLimits limits;
    graph.seed_limits(nullptr, 1, true, limits);
    const RngKey key(0);
    std::vector<NodeId> found;
    HopAnswer answer;
    for (NodeId child = 0; child < graph.schema().node_types[info.target.index()].nodes; ++child) {
      const int32_t zero = 0;
      graph.sample({EdgeTypeId(static_cast<int32_t>(e)), 1, TemporalStrategy::kLast, &limits, &key, &child,
                    &zero, &zero, 1},
                   answer);
      found.push_back(answer.sources.empty() ? kNoNode : answer.sources[0]);
    }
    return found;
  }
  ADD_FAILURE() << "no edge type " << edge;
  return {};
}

TEST(KeyJoin, DenseIntegersAreFoundWithNegativesNullsAndStrangers) {
  const Graph graph = build({parents(int_column("id", {-3, 5, 0, 7})),
                             children(int_column("up", {5, {}, -3, 99, -4, 8, 7, 7, INT64_MIN, INT64_MAX}))});
  EXPECT_EQ(parents_of(graph, "rev_f2p_up"),
            (std::vector<NodeId>{1, kNoNode, 0, kNoNode, kNoNode, kNoNode, 3, 3, kNoNode, kNoNode}));
  const EdgeTypeInfo& edge = graph.schema().edge_types[0];
  EXPECT_EQ(edge.null_keys, 1);
  EXPECT_EQ(edge.dangling, 5);
  EXPECT_EQ(edge.edges, 4);
}

TEST(KeyJoin, WideIntegersAreFound) {
  test::Values<int64_t> ids, ups;
  for (int64_t i = 0; i < 5000; ++i) ids.push_back(static_cast<int64_t>(mix64(static_cast<uint64_t>(i))));
  ids.push_back(INT64_MIN);
  ids.push_back(INT64_MAX);
  for (int64_t i = 0; i < 5002; ++i) ups.push_back(ids[static_cast<size_t>(i * 7 % 5002)]);
  ups.push_back(12345);
  const std::vector<NodeId> found =
      parents_of(build({parents(int_column("id", ids)), children(int_column("up", ups))}), "rev_f2p_up");
  for (size_t i = 0; i < 5002; ++i) ASSERT_EQ(found[i], i * 7 % 5002);
  EXPECT_EQ(found[5002], kNoNode);
}

TEST(KeyJoin, StringsOfDifferentPoolsAreFound) {
  const Graph graph =
      build({parents(string_column("id", {"pear", "apple", "", "zebra"})),
             children(string_column("up", {"zebra", "aardvark", {}, "apple", "", "zz", "apple"}))});
  EXPECT_EQ(parents_of(graph, "rev_f2p_up"), (std::vector<NodeId>{3, kNoNode, kNoNode, 1, 2, kNoNode, 1}));
}

TEST(KeyJoin, FewStringsAgainstManyKeysAreFound) {
  test::Values<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(fmt::format("k{}", i));
  const Graph graph =
      build({parents(string_column("id", ids)), children(string_column("up", {"k999", "k", "k0", "l"}))});
  EXPECT_EQ(parents_of(graph, "rev_f2p_up"), (std::vector<NodeId>{999, kNoNode, 0, kNoNode}));
}

TEST(KeyJoin, OnePoolForBothColumnsIsFound) {
  Column id = string_column("id", {"b", "a"}), up = id;
  up.name = "up";
  up.codes = {0, 1};
  EXPECT_EQ(parents_of(build({parents(id), children(up)}), "rev_f2p_up"), (std::vector<NodeId>{1, 0}));
}

TEST(KeyJoin, CandidateKeysMayHoldNulls) {
  Table up = parents(int_column("id", {1, 2, 3}));
  up.columns.push_back(string_column("code", {"x", {}, {}}));
  up.schema.candidate_keys.push_back({"code", false});
  Table down = children(string_column("up", {"x", {}, "y"}));
  down.schema.foreign_keys[0].parent_column = "code";
  EXPECT_EQ(parents_of(build({up, down}), "rev_f2p_up"), (std::vector<NodeId>{0, kNoNode, kNoNode}));
}

TEST(KeyJoin, DuplicateKeyNamesTableColumnValueAndSourceRows) {
  Table up = parents(int_column("id", {4, 9, 4}));
  up.source_rows = {11, 3, 6};
  expect_says(refusal({up}, ErrorCode::kData),
              {"table 'parents'", "key 'id'", "value 4 twice", "rows 7 and 12"});
  expect_says(refusal({parents(string_column("id", {"a", "b", "b"}))}, ErrorCode::kData),
              {"value 'b' twice", "rows 2 and 3"});
  test::Values<int64_t> wide{int64_t{1} << 60, -5, 77, -5};
  expect_says(refusal({parents(int_column("id", wide))}, ErrorCode::kData),
              {"value -5 twice", "rows 2 and 4"});
}

TEST(KeyJoin, DuplicateCandidateKeyIsRefused) {
  Table up = parents(int_column("id", {1, 2}));
  up.columns.push_back(int_column("code", {8, 8}));
  up.schema.candidate_keys.push_back({"code", false});
  expect_says(refusal({up}, ErrorCode::kData), {"key 'code'", "value 8 twice", "rows 1 and 2"});
}

TEST(KeyJoin, NullPrimaryKeyNamesItsSourceRow) {
  Table up = parents(int_column("id", {1, {}}));
  up.source_rows = {1, 0};
  expect_says(refusal({up}, ErrorCode::kData),
              {"table 'parents'", "key 'id'", "null in row 1 of the source"});
}

TEST(KeyJoin, TheFirstTableInErrorIsNamedWithAnyNumberOfThreads) {
  Table a = parents(int_column("id", {1, 1})), b = a;
  b.schema.name = "others";
  for (int i = 0; i < 20; ++i) try {
      build({a, b}, nullptr, 4);
      ADD_FAILURE();
    } catch (const Error& error) {
      expect_says(error.what(), {"table 'parents'"});
    }
}

TEST(KeyJoin, MismatchedTypesNameBothColumns) {
  const std::string message =
      refusal({parents(int_column("id", {1})), children(string_column("up", {"1"}))}, ErrorCode::kSpec);
  expect_says(message,
              {"'children'", "'up'", "string", "'parents.id'", std::string(to_string(PhysicalType::kInt64))});
}

TEST(KeyJoin, KeysOfOtherTypesAreRefused) {
  Column id = int_column("id", {1}, PhysicalType::kTimestamp);
  expect_says(refusal({parents(id)}, ErrorCode::kSpec),
              {"'parents'", "'id'", std::string(to_string(PhysicalType::kTimestamp))});
}

TEST(KeyJoin, UnknownParentTableAndColumnSuggestTheNearest) {
  Table down = children(int_column("up", {1}));
  down.schema.foreign_keys[0].parent_table = "parnts";
  expect_says(refusal({parents(int_column("id", {1})), down}, ErrorCode::kSpec),
              {"'children'", "'up'", "did you mean 'parents'"});
  down = children(int_column("up", {1}));
  down.schema.foreign_keys[0].parent_column = "idd";
  expect_says(refusal({parents(int_column("id", {1})), down}, ErrorCode::kSpec),
              {"'parents' has no column 'idd'", "did you mean 'id'"});
}

TEST(KeyJoin, AColumnThatIsNoKeyIsRefusedNamingTheKeys) {
  Table up = parents(int_column("id", {1}));
  up.columns.push_back(int_column("age", {40}));
  Table down = children(int_column("up", {1}));
  down.schema.foreign_keys[0].parent_column = "age";
  expect_says(refusal({up, down}, ErrorCode::kSpec),
              {"'parents.age'", "neither the primary key nor a candidate key", "its keys: 'id'"});
}

TEST(KeyJoin, DanglingKeysAreReportedWithTheFirst) {
  ReportLines lines;
  Table down = children(int_column("up", {1, 6, {}, 7}));
  down.source_rows = {3, 2, 1, 0};
  build({parents(int_column("id", {1})), down}, &lines);
  ASSERT_EQ(lines.lines().size(), 1u);
  EXPECT_EQ(lines.lines()[0].severity, Severity::kWarning);
  expect_says(lines.lines()[0].text,
              {"'children'", "2 of 4 rows", "'up'", "'parents.id'", "first: 6 in row 3"});
}

TEST(Lookup, FindsKeysOfAnotherTable) {
  Table up = parents(int_column("id", {10, 20, 30}));
  up.columns.push_back(string_column("code", {"x", "y", "z"}));
  up.schema.candidate_keys.push_back({"code", false});
  const Graph graph = build({up, children(int_column("up", {10}))});
  EXPECT_EQ(graph.lookup(NodeTypeId(0), "id", int_column("driver", {30, 5, {}, 10})),
            (std::vector<NodeId>{2, kNoNode, kNoNode, 0}));
  EXPECT_EQ(graph.lookup(NodeTypeId(0), "code", string_column("c", {"z", "w"})),
            (std::vector<NodeId>{2, kNoNode}));
  try {
    graph.lookup(NodeTypeId(0), "id", string_column("driver", {"30"}));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    expect_says(error.what(),
                {"'driver'", "string", "'id'", "'parents'", std::string(to_string(PhysicalType::kInt64))});
  }
  try {
    graph.lookup(NodeTypeId(0), "cod", int_column("driver", {30}));
    ADD_FAILURE();
  } catch (const Error& error) {
    expect_says(error.what(), {"'cod'", "did you mean 'code'"});
  }
}

}  // namespace
}  // namespace rle
