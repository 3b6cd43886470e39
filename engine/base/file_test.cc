#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "base/checksum.h"
#include "base/error.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

class Files : public testing::Test {
 protected:
  void SetUp() override {
    const std::string test = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = fs::path(testing::TempDir()) / ("rle_files_" + test + "_" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string content(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  int64_t entries() const { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); }

  fs::path folder_;
};

void write(const fs::path& path, std::string_view text) {
  DurableFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

TEST_F(Files, AreThereWholeOrNotAtAll) {
  {
    DurableFile file(folder_ / "a");
    file.write("new", 3);
    EXPECT_FALSE(fs::exists(folder_ / "a"));
  }
  EXPECT_EQ(entries(), 0);
  write(folder_ / "a", "old");
  {
    DurableFile file(folder_ / "a");
    file.write("new", 3);
    EXPECT_EQ(content("a"), "old");
    file.commit();
  }
  EXPECT_EQ(content("a"), "new");
  EXPECT_EQ(entries(), 1);
  EXPECT_THROW(DurableFile(folder_ / "nowhere" / "a"), Error);
}

TEST_F(Files, PastTheCacheAreTheSame) {
  std::string text(9'000'001, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * i % 251);
  for (const size_t size : {size_t{0}, size_t{7}, size_t{1} << 22, text.size()}) {
    DurableFile file(folder_ / "a", FileCache::kPassed);
    for (size_t at = 0; at < size; at += 1'234'567)
      file.write(text.data() + at, std::min<size_t>(1'234'567, size - at));
    file.commit();
    EXPECT_EQ(content("a"), text.substr(0, size));
  }
}

TEST_F(Files, ADiskThatTakesNoMoreLeavesTheFormerFile) {
  write(folder_ / "a", "old");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit former{};
  getrlimit(RLIMIT_FSIZE, &former);
  rlimit small = former;
  small.rlim_cur = 1000;
  setrlimit(RLIMIT_FSIZE, &small);
  std::string message;
  try {
    write(folder_ / "a", std::string(5000, 'x'));
  } catch (const Error& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &former);
  EXPECT_NE(message.find((folder_ / "a").string()), std::string::npos) << message;
  EXPECT_EQ(content("a"), "old");
  EXPECT_EQ(entries(), 1);
}

std::string checksum_of(std::string_view text) {
  Checksum checksum;
  checksum.update(text.data(), text.size());
  return checksum.text();
}

TEST(ChecksumOfBytes, DoesNotDependOnHowTheyAreCut) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text.push_back(static_cast<char>(i * 37));
  for (size_t piece : {1, 7, 63, 64, 65, 200}) {
    Checksum checksum;
    for (size_t begin = 0; begin < text.size(); begin += piece)
      checksum.update(text.data() + begin, std::min(piece, text.size() - begin));
    EXPECT_EQ(checksum.text(), checksum_of(text)) << piece;
  }
}

TEST(ChecksumOfBytes, SeesEveryBitEveryLengthAndTheOrder) {
  for (size_t size : {1, 8, 63, 64, 65, 128, 300}) {
    const std::string text(size, 'a');
    EXPECT_NE(checksum_of(text), checksum_of(text + '\0')) << size;
    for (size_t i = 0; i < size; ++i)
      for (int bit = 0; bit < 8; ++bit) {
        std::string other = text;
        other[i] = static_cast<char>(other[i] ^ (1 << bit));
        EXPECT_NE(checksum_of(text), checksum_of(other)) << size << " " << i << " " << bit;
      }
  }
  const std::string a(64, 'a'), b(64, 'b');
  EXPECT_NE(checksum_of(a + b), checksum_of(b + a));
  EXPECT_NE(checksum_of(std::string(64, '\0')), checksum_of(std::string(128, '\0')));
  Checksum ab_c, a_bc;
  for (const char* part : {"ab", "c"}) ab_c.add(std::string_view(part));
  for (const char* part : {"a", "bc"}) a_bc.add(std::string_view(part));
  EXPECT_NE(ab_c.text(), a_bc.text());
}

TEST_F(Files, ChecksumOfAFileIsThatOfItsBytes) {
  const std::string text(3'000'001, 'q');
  write(folder_ / "a", text);
  EXPECT_EQ(checksum_file(folder_ / "a"), (FileChecksum{text.size(), checksum_of(text)}));
  EXPECT_THROW(checksum_file(folder_ / "b"), Error);
  EXPECT_THROW(checksum_file(folder_), Error);
}

}  // namespace
}  // namespace rle
