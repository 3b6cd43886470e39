#include "bench/batch_builder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <numeric>
#include <set>

#include "bench/batch_testing.h"
#include "nn/safetensors.h"
#include "train/batch_loader.h"
#include "train/test_data.h"

namespace rle {
namespace {
using namespace test_data;

constexpr int64_t kHops = 2;

struct BatchFiles : testing::Test {
  BatchFiles() : shop(make_shop()), dataset(build({})) {
    const BatchLoader loader(dataset, *dataset.train, shop_config().sampler);
    std::vector<int64_t> rows{3, 77, 150, 20, 63};
    loader.load(rows, RngKey(5), pool, loaded);
    file = file_of(dataset, loaded);
  }

  Dataset build(std::optional<int64_t> visible_until_us) {
    DatasetInput input;
    input.tables = shop.tables;
    input.task = shop_task();
    input.train = &shop.train;
    input.visible_until_us = visible_until_us;
    input.keep_source_rows = true;
    return build_training_dataset(std::move(input), pool, report);
  }

  std::string check_error(const BatchFile& wrong, int64_t hops = kHops) {
    return error_of([&] { BatchBuilder(dataset, hops).check(wrong, pool); }, ErrorCode::kData);
  }
  BatchFile::Edges& edges(const std::string& name) {
    const auto& types = dataset.graph.schema().edge_types;
    for (size_t e = 0; e < types.size(); ++e)
      if (types[e].name == name) return file.edges[e];
    throw std::runtime_error("no edge type " + name);
  }
  BatchFile::Nodes& orders() { return file.nodes[1]; }

  ThreadPool pool{1};
  ReportLines report;
  Shop shop;
  Dataset dataset;
  LoadedBatch loaded;
  BatchFile file;
};

TEST_F(BatchFiles, InTheSamplersOrderGiveTheSamplersBatch) {
  ASSERT_FALSE(shop.tables[1].source_rows.empty());  // the canonical order is not the source's
  ASSERT_GT(loaded.batch.edges[0].edges(), 20);
  BatchBuilder builder(dataset, kHops);
  builder.check(file, pool);
  Batch built;
  builder.build(file, pool, built);
  expect_equal(built, loaded.batch);
}

// Per type the nodes of each hop as (seed, row, age), and the edges as pairs of those.
using NodeKey = std::array<int64_t, 4>;  // hop, seed, node, age
struct Content {
  std::vector<std::vector<NodeKey>> nodes;
  std::vector<std::multiset<std::pair<NodeKey, NodeKey>>> edges;
};

Content content_of(const Batch& batch, const GraphSchema& schema) {
  Content content;
  for (const NodeBlock& block : batch.nodes) {
    std::vector<NodeKey>& keys = content.nodes.emplace_back();
    int64_t hop = 0;
    for (size_t i = 0; i < block.row.size(); ++i) {
      while (static_cast<int64_t>(i) >= block.hop_end[static_cast<size_t>(hop)]) ++hop;
      keys.push_back({hop, block.seed[i], block.distinct[static_cast<size_t>(block.row[i])],
                      block.delta.empty() ? 0 : block.delta_s[static_cast<size_t>(block.delta[i])]});
    }
  }
  for (size_t e = 0; e < batch.edges.size(); ++e) {
    auto& pairs = content.edges.emplace_back();
    const EdgeBlock& block = batch.edges[e];
    for (size_t target = 0; target + 1 < block.offsets.size(); ++target)
      for (int32_t j = block.offsets[target]; j < block.offsets[target + 1]; ++j)
        pairs.insert({content.nodes[schema.edge_types[e].source.index()]
                                   [static_cast<size_t>(block.source[static_cast<size_t>(j)])],
                      content.nodes[schema.edge_types[e].target.index()][target]});
  }
  for (auto& keys : content.nodes)
    std::sort(keys.begin() + (&keys == &content.nodes[0] ? batch.seeds : 0), keys.end());
  return content;
}

TEST_F(BatchFiles, AnyOrderOfNodesAndEdgesGivesTheSameSubgraphs) {
  const GraphSchema& schema = dataset.graph.schema();
  BatchFile mixed = file;
  std::vector<std::vector<int32_t>> moved_to;
  for (size_t t = 0; t < file.nodes.size(); ++t) {
    const size_t fixed = t == dataset.entity_type.index() ? file.seed_row.size() : 0;
    const size_t free = file.nodes[t].row.size() - fixed;
    const Permutation order(std::max<size_t>(free, 1), RngKey(9 + t));
    std::vector<int32_t>& to = moved_to.emplace_back(file.nodes[t].row.size());
    std::iota(to.begin(), to.end(), 0);
    for (size_t i = 0; i < free; ++i) to[fixed + i] = static_cast<int32_t>(fixed + order.at(i));
    for (size_t i = 0; i < to.size(); ++i) {
      mixed.nodes[t].row[static_cast<size_t>(to[i])] = file.nodes[t].row[i];
      mixed.nodes[t].seed[static_cast<size_t>(to[i])] = file.nodes[t].seed[i];
    }
  }
  for (size_t e = 0; e < file.edges.size(); ++e) {
    const size_t count = file.edges[e].source.size();
    const Permutation order(std::max<size_t>(count, 1), RngKey(77 + e));
    for (size_t i = 0; i < count; ++i) {
      const size_t from = order.at(i);
      mixed.edges[e].source[i] =
          moved_to[schema.edge_types[e].source.index()][static_cast<size_t>(file.edges[e].source[from])];
      mixed.edges[e].target[i] =
          moved_to[schema.edge_types[e].target.index()][static_cast<size_t>(file.edges[e].target[from])];
    }
  }
  ASSERT_NE(mixed.nodes[1].row, file.nodes[1].row);
  BatchBuilder builder(dataset, kHops);
  builder.check(mixed, pool);
  Batch built;
  builder.build(mixed, pool, built);
  const Content a = content_of(built, schema), b = content_of(loaded.batch, schema);
  EXPECT_EQ(a.nodes, b.nodes);
  EXPECT_EQ(a.edges, b.edges);
  for (size_t t = 0; t < built.nodes.size(); ++t) {
    EXPECT_EQ(built.nodes[t].hop_end, loaded.batch.nodes[t].hop_end);
    EXPECT_TRUE(std::is_sorted(built.nodes[t].delta_s.begin(), built.nodes[t].delta_s.end()));
  }
}

TEST_F(BatchFiles, SeedsAreCheckedByName) {
  BatchFile wrong = file;
  wrong.nodes[0].seed[2] = 1;
  EXPECT_TRUE(contains(check_error(wrong), "made.safetensors: node 2 of 'customers' is row"));
  wrong = file;
  wrong.label[1] = 0.5f;
  EXPECT_TRUE(contains(check_error(wrong), "label 0.5 of seed 1; expected 0 or 1"));
  wrong = file;
  wrong.seed_time_s[0] = INT64_MAX / 2;
  EXPECT_TRUE(contains(check_error(wrong), "is no time in seconds since 1970"));
  wrong = BatchFile{};
  wrong.path = "x";
  wrong.nodes.resize(2);
  wrong.edges.resize(2);
  EXPECT_TRUE(contains(check_error(wrong), "x: no seed"));
}

TEST_F(BatchFiles, NodesThatTheSamplerWouldNotGiveAreRefused) {
  const BatchFile right = file;
  orders().seed[4] = 5;
  EXPECT_TRUE(contains(check_error(file), "node.orders.seed[4] is 5; there are 5 seeds"));
  file = right;
  orders().row[4] = static_cast<int32_t>(shop.tables[1].rows);
  EXPECT_TRUE(
      contains(check_error(file), "node.orders.row[4] is 720, a row that the table's source does not have"));
  file = right;
  orders().row[1] = orders().row[0];
  orders().seed[1] = orders().seed[0];
  EXPECT_TRUE(contains(check_error(file), "node.orders holds row"));
  file = right;
  file.seed_time_s[0] -= 86'400 * 69;
  EXPECT_TRUE(contains(check_error(file), "which seed 0 may not see yet"));
}

TEST_F(BatchFiles, RowsAfterVisibleUntilAreNotThere) {
  dataset = build(day(20));
  EXPECT_TRUE(contains(check_error(file), "or only after visible_until"));
}

TEST_F(BatchFiles, EdgesThatAreNoForeignKeyOfOneSubgraphAreRefused) {
  const BatchFile right = file;
  BatchFile::Edges& up = edges("f2p_customer");
  up.source[0] = static_cast<int32_t>(orders().row.size());
  EXPECT_TRUE(contains(check_error(file), "edge.orders.f2p_customer.customers joins nodes"));
  file = right;
  up.source[1] = up.source[0];
  up.target[1] = up.target[0];
  EXPECT_TRUE(contains(check_error(file), "twice"));
  file = right;
  up.target[0] = up.target.back();
  EXPECT_TRUE(contains(check_error(file), "joins the subgraphs of two seeds in column 0"));
  file = right;
  orders().row[static_cast<size_t>(up.source[0])] = [&] {  // another customer's first order is as old
    for (int32_t row = 0; row < shop.tables[1].rows; ++row)
      if (const int64_t node = std::find(dataset.source_rows[1].begin(), dataset.source_rows[1].end(),
                                         static_cast<uint32_t>(row)) -
                               dataset.source_rows[1].begin();
          node < 40 && shop.tables[1].at("customer").ints[static_cast<size_t>(node)] !=
                           100 + file.seed_row[static_cast<size_t>(up.target[0])])
        return row;
    return -1;
  }();
  EXPECT_TRUE(contains(check_error(file), "does not refer to row"));
}

TEST_F(BatchFiles, SubgraphsFitTheHops) {
  EXPECT_EQ(check_error(file, 3), "");
  const BatchFile right = file;
  edges("f2p_customer").source.pop_back();
  edges("f2p_customer").target.pop_back();
  EXPECT_TRUE(contains(check_error(file), "no path of 2 edges or fewer (fanouts) leads from node"));
  // Orders are one hop from their seeds, and have edges from customers: too far for one hop.
  EXPECT_TRUE(contains(check_error(right, 1), "1 hops from its seed; fanouts has 1 numbers"));
}

// ---- the files themselves

template <typename T>
NamedTensor tensor(std::string name, TensorDtype dtype, std::vector<int64_t> shape,
                   const std::vector<T>& values) {
  NamedTensor made{std::move(name), dtype, std::move(shape), {}};
  made.bytes.resize(values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(made.bytes.data(), values.data(), made.bytes.size());
  return made;
}

SafetensorsFile tensors_of(const BatchFile& file, const GraphSchema& schema) {
  SafetensorsFile out;
  const int64_t seeds = file.seeds();
  const std::vector<int64_t> wide(file.seed_row.begin(), file.seed_row.end());
  out.tensors.push_back(tensor("seed_row", TensorDtype::kI64, {seeds}, wide));
  out.tensors.push_back(tensor("seed_time", TensorDtype::kI64, {seeds}, file.seed_time_s));
  out.tensors.push_back(tensor("label", TensorDtype::kF32, {seeds}, file.label));
  for (size_t t = 0; t < file.nodes.size(); ++t) {
    const std::string name = "node." + schema.node_types[t].name;
    const std::vector<int64_t> shape{static_cast<int64_t>(file.nodes[t].row.size())};
    out.tensors.push_back(tensor(name + ".row", TensorDtype::kI32, shape, file.nodes[t].row));
    out.tensors.push_back(tensor(name + ".seed", TensorDtype::kI32, shape, file.nodes[t].seed));
  }
  for (size_t e = 0; e < file.edges.size(); ++e) {
    const EdgeTypeInfo& type = schema.edge_types[e];
    std::vector<int32_t> both = file.edges[e].source;
    both.insert(both.end(), file.edges[e].target.begin(), file.edges[e].target.end());
    out.tensors.push_back(tensor("edge." + schema.node_types[type.source.index()].name + "." + type.name +
                                     "." + schema.node_types[type.target.index()].name,
                                 TensorDtype::kI32, {2, static_cast<int64_t>(both.size() / 2)}, both));
  }
  return out;
}

struct BatchFilesOnDisk : BatchFiles {
  BatchFilesOnDisk() {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    tensors = tensors_of(file, dataset.graph.schema());
  }
  ~BatchFilesOnDisk() override { std::filesystem::remove_all(folder); }

  BatchFile read() {
    write_safetensors(folder / "0.safetensors", tensors);
    return read_batch_file(folder / "0.safetensors", dataset.graph.schema());
  }
  NamedTensor& named(const std::string& name) {
    return *std::find_if(tensors.tensors.begin(), tensors.tensors.end(),
                         [&](const NamedTensor& t) { return t.name == name; });
  }
  std::string read_error() {
    return error_of([&] { read(); }, ErrorCode::kData);
  }

  std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "rle_batch_files";
  SafetensorsFile tensors;
};

TEST_F(BatchFilesOnDisk, ReadAsWritten) {
  const BatchFile got = read();
  EXPECT_EQ(got.seed_row, file.seed_row);
  EXPECT_EQ(got.seed_time_s, file.seed_time_s);
  EXPECT_EQ(got.label, file.label);
  for (size_t t = 0; t < file.nodes.size(); ++t) {
    EXPECT_EQ(got.nodes[t].row, file.nodes[t].row);
    EXPECT_EQ(got.nodes[t].seed, file.nodes[t].seed);
  }
  for (size_t e = 0; e < file.edges.size(); ++e) {
    EXPECT_EQ(got.edges[e].source, file.edges[e].source);
    EXPECT_EQ(got.edges[e].target, file.edges[e].target);
  }
}

TEST_F(BatchFilesOnDisk, TensorsThatAreMissingUnknownOrMisshapenAreNamed) {
  const SafetensorsFile right = tensors;
  std::swap(named("node.orders.seed"), tensors.tensors.back());
  tensors.tensors.pop_back();
  EXPECT_TRUE(contains(read_error(), "tensor 'node.orders.seed' is missing"));
  tensors = right;
  tensors.tensors.push_back(named("label"));
  tensors.tensors.back().name = "node.order.row";
  EXPECT_TRUE(contains(read_error(), "'node.order.row' belongs to no table"));
  EXPECT_TRUE(contains(read_error(), "did you mean 'node.orders.row'"));
  tensors = right;
  named("label").dtype = TensorDtype::kI32;
  EXPECT_TRUE(contains(read_error(), "'label' has another type than float32"));
  tensors = right;
  named("edge.orders.f2p_customer.customers").shape = {
      1, named("edge.orders.f2p_customer.customers").shape[1] * 2};
  EXPECT_TRUE(contains(read_error(), "expected [2, -1]"));
  tensors = right;
  named("seed_row") = tensor<int64_t>("seed_row", TensorDtype::kI64, {1}, {int64_t{1} << 33});
  EXPECT_TRUE(contains(read_error(), "is beyond 32 bits"));
}

TEST_F(BatchFilesOnDisk, AFolderListsItsFilesByName) {
  EXPECT_TRUE(contains(error_of([&] { batch_files(folder); }, ErrorCode::kIo), "holds no batch file"));
  EXPECT_TRUE(contains(error_of([&] { batch_files(folder / "no"); }, ErrorCode::kIo), "holds no batch file"));
  for (const char* name : {"b.safetensors", "a.safetensors", "notes.txt"}) {
    write_safetensors(folder / name, tensors);
  }
  EXPECT_EQ(batch_files(folder),
            (std::vector<std::filesystem::path>{folder / "a.safetensors", folder / "b.safetensors"}));
}

}  // namespace
}  // namespace rle
