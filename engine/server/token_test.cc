#include "server/token.h"

#include <sys/stat.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/temporary_folder.h"
#include "server/private_file.h"

namespace rle {
namespace {

class TokenTest : public ::testing::Test {
 protected:
  std::filesystem::path file() const { return folder_ / "token"; }
  static unsigned mode_of(const std::filesystem::path& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }

  TemporaryFolder temporary_;
  const std::filesystem::path folder_ = temporary_.path();
};

TEST_F(TokenTest, OneIsMadeForItsOwnerAlone) {
  Token token(file());
  EXPECT_EQ(mode_of(file()), 0600u);
  const std::string text = Token::read(file());
  EXPECT_EQ(text.size(), 64u);
  EXPECT_TRUE(token.matches(text));
  EXPECT_FALSE(token.matches("") || token.matches(text + "x") || token.matches(text.substr(1)));
  EXPECT_TRUE(Token(file()).matches(text));
}

TEST_F(TokenTest, AnotherOneCountsWithinASecond) {
  Token token(file());
  const std::string former = Token::read(file()), next = Token::rotate(file());
  EXPECT_NE(former, next);
  EXPECT_EQ(mode_of(file()), 0600u);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(token.matches(next));
  EXPECT_FALSE(token.matches(former));
}

TEST_F(TokenTest, WhatOthersMayReadIsRefused) {
  Token made(file());
  chmod(file().c_str(), 0640);
  EXPECT_THROW(Token::read(file()), Error);
  EXPECT_THROW(Token second(file()), Error);
  chmod(file().c_str(), 0600);
  std::ofstream(file()) << "short\n";
  EXPECT_THROW(Token::read(file()), Error);
  EXPECT_THROW(Token::read(folder_ / "none"), Error);
}

TEST_F(TokenTest, PrivateFilesAreReplacedWhole) {
  EXPECT_TRUE(make_private_file(folder_ / "a", "one"));
  EXPECT_FALSE(make_private_file(folder_ / "a", "two"));
  replace_private_file(folder_ / "a", "three");
  EXPECT_EQ(read_private_file(folder_ / "a"), "three");
  EXPECT_EQ(mode_of(folder_ / "a"), 0600u);
  std::filesystem::create_symlink("/etc/passwd", folder_ / "link");
  EXPECT_FALSE(make_private_file(folder_ / "link", "x"));
  EXPECT_THROW(replace_private_file(folder_ / "none" / "a", "x"), Error);
}

}  // namespace
}  // namespace rle
