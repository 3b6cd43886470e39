#include "kernel/isa.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"
#include "kernel/isa_testing.h"

namespace rle {
namespace {

TEST(Isa, NamesAreThoseOfTheEnvironmentVariable) {
  EXPECT_EQ(to_string(Isa::kBaseline), "baseline");
  EXPECT_EQ(to_string(Isa::kAvx2), "avx2");
  EXPECT_EQ(to_string(Isa::kAvx512), "avx512");
  EXPECT_EQ(to_string(Isa::kAvx512Bf16), "avx512_bf16");
}

TEST(Isa, ScopesNestAndEndInReverse) {
  const Isa before = active_isa();
  {
    const ScopedIsa outer(supported_isa());
    EXPECT_EQ(active_isa(), supported_isa());
    {
      const ScopedIsa inner(Isa::kBaseline);
      EXPECT_EQ(active_isa(), Isa::kBaseline);
    }
    EXPECT_EQ(active_isa(), supported_isa());
  }
  EXPECT_EQ(active_isa(), before);
}

TEST(Isa, AnIsaThatTheCpuLacksCannotBeForced) {
  if (supported_isa() == Isa::kAvx512Bf16) GTEST_SKIP() << "this CPU has all of them";
  EXPECT_THROW(ScopedIsa(Isa::kAvx512Bf16), Error);
}

// The variable is read once a process: each case is a child process of its own, which ends by the exit code
// of what it saw.
int child_result(const char* value) {
  if (value == nullptr)
    unsetenv("RLE_ISA");
  else
    setenv("RLE_ISA", value, 1);
  try {
    return static_cast<int>(active_isa());
  } catch (const Error& error) {
    std::fputs(error.what(), stderr);
    return error.code() == ErrorCode::kSpec ? 100 : 101;
  }
}

class IsaChoice : public ::testing::Test {
 protected:
  void SetUp() override { ::testing::GTEST_FLAG(death_test_style) = "threadsafe"; }
};

TEST_F(IsaChoice, DefaultsToTheBestSupported) {
  const int best = static_cast<int>(supported_isa());
  EXPECT_EXIT(std::_Exit(child_result(nullptr)), ::testing::ExitedWithCode(best), "");
  EXPECT_EXIT(std::_Exit(child_result("")), ::testing::ExitedWithCode(best), "");
}

TEST_F(IsaChoice, CanBeLoweredByTheEnvironment) {
  for (Isa isa : usable_isas())
    EXPECT_EXIT(std::_Exit(child_result(std::string(to_string(isa)).c_str())),
                ::testing::ExitedWithCode(static_cast<int>(isa)), "");
}

TEST_F(IsaChoice, RefusesANameItDoesNotKnow) {
  EXPECT_EXIT(std::_Exit(child_result("sse9")), ::testing::ExitedWithCode(100),
              "RLE_ISA=sse9: unknown instruction set; use baseline, avx2, avx512 or avx512_bf16");
}

TEST_F(IsaChoice, RefusesWhatTheCpuLacks) {
  if (supported_isa() == Isa::kAvx512Bf16) GTEST_SKIP() << "this CPU has all of them";
  EXPECT_EXIT(std::_Exit(child_result("avx512_bf16")), ::testing::ExitedWithCode(100),
              "this CPU has at most");
}

}  // namespace
}  // namespace rle
