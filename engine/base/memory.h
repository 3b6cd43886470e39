// How much memory a process may hold, in bytes and as people write it. Counted is memory of its own: what is
// mapped from a file can be taken back at any time and is not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rle {

// "4GiB", "512 MiB", "1.5G", "2GB", "1000000"; nullopt: anything else, less than a byte, more than 2^62.
std::optional<int64_t> parse_bytes(std::string_view text);

// "1.4 GiB", "350 MiB": rounded up, so that what it says suffices.
std::string bytes_text(int64_t bytes);

// A limit below which the program ends by SIGSEGV while its libraries are loaded, rather than with a message:
// measured on 1, 2 and 16 threads as 22 MiB, and a clear refusal from 24 MiB on.
inline constexpr int64_t kLeastMemoryBytes = int64_t{32} << 20;
// Why so little is no limit; empty: it is one.
std::string too_little_memory(int64_t bytes);

// From now on memory beyond that is refused to this process (std::bad_alloc). The system counts what is
// reserved, stacks of threads too (RLIMIT_DATA).
void limit_memory(int64_t bytes);

// What the system allows this process now; nullopt: all there is.
std::optional<int64_t> memory_limit();

}  // namespace rle
