#include "server/memory_group.h"

#include <sys/xattr.h>

#include <fstream>

#include "server/scheduler_testing.h"

namespace rle {
namespace {

namespace fs = std::filesystem;

// A folder that looks as a cgroup does; the system's own can't be had in every test.
class MemoryGroupTest : public server_testing::FolderOfTest {
 protected:
  void write(const fs::path& name, const std::string& text) { std::ofstream(folder_ / name) << text; }
  std::string content(const fs::path& name) {
    std::string text;
    std::getline(std::ifstream(folder_ / name), text);
    return text;
  }
};

TEST_F(MemoryGroupTest, NoneWhereNothingIsDelegated) {
  write("cgroup.controllers", "cpu memory pids\n");
  EXPECT_FALSE(MemoryGroups(folder_).usable());
  EXPECT_FALSE(MemoryGroups("").usable());
  EXPECT_EQ(MemoryGroups(folder_).make("x", 1), nullptr);
}

TEST_F(MemoryGroupTest, AGroupAChildWhereItIs) {
  write("cgroup.controllers", "cpu memory pids\n");
  if (::setxattr(folder_.c_str(), "user.delegate", "1", 1, 0) != 0)
    GTEST_SKIP() << "no attributes on this file system";
  const MemoryGroups groups(folder_);
  ASSERT_TRUE(groups.usable());
  EXPECT_EQ(content("host/cgroup.procs"), std::to_string(::getpid()));
  EXPECT_EQ(content("cgroup.subtree_control"), "+memory");
  const auto group = groups.make("a", 1000);
  ASSERT_NE(group, nullptr);
  EXPECT_EQ(content("job-a/memory.max"), "1000");
  EXPECT_EQ(group->entrance(), (folder_ / "job-a" / "cgroup.procs").string());
  EXPECT_FALSE(group->ran_out());
  write("job-a/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n");
  EXPECT_TRUE(group->ran_out());
}

TEST_F(MemoryGroupTest, NoneWithoutTheMemoryController) {
  write("cgroup.controllers", "cpu pids\n");
  if (::setxattr(folder_.c_str(), "user.delegate", "1", 1, 0) != 0)
    GTEST_SKIP() << "no attributes on this file system";
  EXPECT_FALSE(MemoryGroups(folder_).usable());
}

}  // namespace
}  // namespace rle
