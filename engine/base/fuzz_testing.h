// For tests: input damaged at random, as much of it as there is time for. Iteration i of a test is a function
// of (seed, name of the test, i) alone; what goes wrong, a crash or a hang too, names seed and iteration.
//   RLE_FUZZ_SECONDS=N  each test for N seconds, not for its own number of iterations (make fuzz)
//   RLE_FUZZ_SEED=N     other damage (default 1)
//   RLE_FUZZ_ONLY=I     iteration I alone: to repeat what was found
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fuzz_damage.h"
#include "base/rng.h"

namespace rle::fuzz_testing {

inline constexpr unsigned kHangSeconds = 60;  // an iteration that takes longer is a finding

inline char g_place[256];

extern "C" inline void tell_place(int signal) {
  [[maybe_unused]] const ssize_t written = ::write(2, g_place, std::strlen(g_place));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

inline uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Calls body(RngStream&) for iteration 0, 1, ... until one fails a check or throws. How many there were.
template <typename Body>
int64_t fuzz(int64_t iterations, Body&& body) {
  for (int signal : {SIGABRT, SIGALRM, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) {  // those that no sanitizer took
    const auto before = std::signal(signal, tell_place);
    if (before != SIG_DFL) std::signal(signal, before);
  }
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  const std::string name = fmt::format("{}.{}", test.test_suite_name(), test.name());
  const uint64_t seed = setting("RLE_FUZZ_SEED", 1), seconds = setting("RLE_FUZZ_SECONDS", 0);
  const uint64_t only = setting("RLE_FUZZ_ONLY", UINT64_MAX), first = only == UINT64_MAX ? 0 : only;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  int64_t done = 0;
  for (uint64_t i = first; !testing::Test::HasFailure(); ++i, ++done) {
    const bool enough = only != UINT64_MAX ? done > 0
                        : seconds > 0      ? std::chrono::steady_clock::now() >= end
                                           : done >= iterations;
    if (enough) break;
    *fmt::format_to_n(g_place, sizeof g_place - 1, "\nfuzz: {} with RLE_FUZZ_SEED={} RLE_FUZZ_ONLY={}\n",
                      name, seed, i)
         .out = 0;
    ::alarm(kHangSeconds);
    RngStream random(RngKey(seed).with(name).with(i));
    try {
      body(random);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    if (testing::Test::HasFailure()) ADD_FAILURE() << g_place;
  }
  ::alarm(0);
  if (seconds > 0) fmt::print("fuzz: {} did {} iterations with RLE_FUZZ_SEED={}\n", name, done, seed);
  return done;
}

}  // namespace rle::fuzz_testing
