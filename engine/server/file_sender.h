// Sends a temporary file to one client piece by piece, at the client's speed.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "http/server.h"

namespace rle {

// The file's name is removed at once; its content goes when it is sent. Error{kIo}.
void send_file(const std::filesystem::path& file, Response head, const std::shared_ptr<Responder>& responder);

}  // namespace rle
