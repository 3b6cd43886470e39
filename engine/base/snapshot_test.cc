#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <new>

#include "base/snapshot_folder.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

struct Part {
  std::string name;
  Array<double> numbers;
  std::optional<int32_t> maybe;
  static auto members(auto& self) { return std::tie(self.name, self.numbers, self.maybe); }
};

struct Whole {
  Array<int64_t> longs;
  std::vector<Part> parts;
  std::shared_ptr<const Part> shared;
  bool flag = false;
  static auto members(auto& self) { return std::tie(self.longs, self.parts, self.shared, self.flag); }
};

Whole sample(int64_t first = 1) {
  Whole whole{{first, 2, 3}, {{"a", {0.5, -1}, 7}, {"", {}, std::nullopt}}, nullptr, true};
  whole.shared = std::make_shared<const Part>(Part{"s", {4}, 1});
  return whole;
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

class SnapshotTest : public ::testing::Test {
 protected:
  SnapshotTest() : folder_(fs::temp_directory_path() / fmt::format("rle-snapshot-{}", ::getpid())) {
    fs::remove_all(folder_);
  }
  ~SnapshotTest() override { fs::remove_all(folder_); }

  Whole keep(uint64_t content, int64_t first = 1) {
    SnapshotFolder snapshots(folder_, lines_);
    return snapshots.keep({"whole", "the whole", 5, content}, [&](Report& report) {
      report.info("made");
      ++made_;
      return sample(first);
    });
  }
  std::vector<fs::path> files(const char* ending) const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(folder_))
      if (entry.path().extension() == ending) out.push_back(entry.path());
    return out;
  }

  fs::path folder_;
  ReportLines lines_;
  int made_ = 0;
};

TEST_F(SnapshotTest, GivesBackWhatWasKeptAndTellsTheLinesAgain) {
  EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample()));
  EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample()));
  EXPECT_EQ(made_, 1);
  ASSERT_EQ(lines_.lines().size(), 2u);
  EXPECT_EQ(lines_.lines()[1].text, "made");
}

TEST_F(SnapshotTest, OtherContentIsAnotherSnapshotAndTheFormerIsRemovedWhileItIsUsed) {
  const Whole former = keep(1, 10);
  EXPECT_EQ(keep(2, 20).longs[0], 20);
  EXPECT_EQ(files(".data").size(), 1u);
  EXPECT_EQ(files(".manifest").size(), 1u);
  EXPECT_EQ(former.longs[0], 10);
  fs::remove_all(folder_);
  EXPECT_EQ(former.longs[2], 3);
}

TEST_F(SnapshotTest, TruncatedAnywhereItIsMadeAgain) {
  keep(1);
  for (const char* ending : {".data", ".manifest"}) {
    const fs::path file = files(ending).at(0);
    const std::string bytes = read_file(file);
    for (size_t size = 0; size < bytes.size(); ++size) {
      write_file(file, bytes.substr(0, size));
      const int before = made_;
      EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample())) << ending << " of " << size << " bytes";
      EXPECT_EQ(made_, before + 1) << ending << " of " << size << " bytes";
      EXPECT_NE(lines_.lines().at(lines_.lines().size() - 2).text.find("damaged"), std::string::npos);
    }
    EXPECT_EQ(read_file(file), bytes);
  }
}

TEST_F(SnapshotTest, WithAnyFlippedBitItIsMadeAgainOrTheSame) {
  keep(1);
  for (const char* ending : {".data", ".manifest"}) {
    const fs::path file = files(ending).at(0);
    const std::string bytes = read_file(file);
    for (size_t at = 0; at < bytes.size(); at += 3) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
      write_file(file, flipped);
      EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample())) << ending << ", byte " << at;
    }
    write_file(file, bytes);
  }
  EXPECT_GT(made_, 50);
}

TEST_F(SnapshotTest, WithoutADataFileOrInAnUnusableFolderTheRunGoesOn) {
  keep(1);
  fs::remove(files(".data").at(0));
  EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample()));
  EXPECT_EQ(made_, 2);
  fs::remove_all(folder_);
  write_file(folder_, "not a folder");
  EXPECT_EQ(checksum_of(keep(1)), checksum_of(sample()));
  EXPECT_NE(lines_.lines().back().text.find("no snapshot of the whole is kept"), std::string::npos);
}

TEST_F(SnapshotTest, WhatKilledWritersLeftIsRemovedAndWhatOthersWriteIsNot) {
  keep(1);
  const fs::path left = folder_ / "whole-1.data.tmp-1";
  write_file(left, "rest");
  SnapshotFolder snapshots(folder_, lines_);
  keep(2);
  EXPECT_FALSE(fs::exists(left));
}

TEST_F(SnapshotTest, AnInputThatChangedMeanwhileIsNotKept) {
  SnapshotFolder snapshots(folder_, lines_);
  snapshots.keep(
      {"whole", "the whole", 5, 1}, [](Report&) { return sample(); }, [] { return false; });
  EXPECT_FALSE(snapshots.has({"whole", "", 5, 0}));
  keep(1);
  EXPECT_TRUE(snapshots.has({"whole", "", 5, 0}));
  EXPECT_FALSE(snapshots.has({"whole", "", 5, 2}));
}

struct Less {
  Array<int64_t> longs;
  static auto members(auto& self) { return std::tie(self.longs); }
};

TEST_F(SnapshotTest, OneWithMoreMembersThanAreReadIsMadeAgain) {
  keep(1);
  SnapshotFolder snapshots(folder_, lines_);
  const Less less = snapshots.keep({"whole", "the whole", 5, 1}, [](Report&) { return Less{{8, 9}}; });
  EXPECT_EQ(less.longs, (Array<int64_t>{8, 9}));
  EXPECT_NE(lines_.lines().back().text.find("it holds more members"), std::string::npos);
}

struct Heavy {
  int64_t number = 0;
  static auto members(auto& self) {
    if (self.number == 7) throw std::bad_alloc();
    return std::tie(self.number);
  }
};

TEST_F(SnapshotTest, WithoutMemoryToWriteTheRunGoesOn) {
  SnapshotFolder snapshots(folder_, lines_);
  EXPECT_EQ(snapshots.keep({"whole", "the whole", 5, 1}, [](Report&) { return Heavy{7}; }).number, 7);
  EXPECT_NE(lines_.lines().back().text.find("no snapshot of the whole is kept"), std::string::npos);
  EXPECT_TRUE(files(".manifest").empty());
}

TEST(Array, AMappedOneIsReadLikeAVectorAndCopiedWhenChanged) {
  Array<int64_t> own{1, 2, 3};
  own.edit().push_back(4);
  own.truncate(3);
  EXPECT_EQ(own, (Array<int64_t>{1, 2, 3}));
  EXPECT_EQ(own.back(), 3);
}

}  // namespace
}  // namespace rle
