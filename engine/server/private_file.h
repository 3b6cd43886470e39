// Small files that only their owner may read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace rle {

// Puts the whole text in the place of `path`, mode 0600, or leaves it as it was. Error{kIo}.
void replace_private_file(const std::filesystem::path& path, std::string_view text);

// As above, where there is no such file yet; false where there is.
bool make_private_file(const std::filesystem::path& path, std::string_view text);

// At most 64 KiB. Error{kIo}: it isn't there, isn't the user's own, or others may read it.
std::string read_private_file(const std::filesystem::path& path);

}  // namespace rle
