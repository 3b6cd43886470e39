#include "server/file_sender.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace rle {
namespace {

constexpr size_t kPiece = 256 << 10;

void send_piece(const std::shared_ptr<Descriptor>& file, const std::shared_ptr<Responder>& responder) {
  if (responder->closed()) return;
  std::string piece(kPiece, '\0');
  const ssize_t count = ::read(file->get(), piece.data(), piece.size());
  if (count < 0) return;  // the responder's end cuts the answer short, which the client notices
  if (count == 0) return responder->finish();
  piece.resize(static_cast<size_t>(count));
  responder->write(std::move(piece));
  responder->when_drained([file, responder] { send_piece(file, responder); });
}

}  // namespace

void send_file(const std::filesystem::path& path, Response head,
               const std::shared_ptr<Responder>& responder) {
  auto file = std::make_shared<Descriptor>(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const int failure = errno;
  unlink(path.c_str());
  if (file->get() < 0) fail(ErrorCode::kIo, "{}: can't be read ({})", path.string(), std::strerror(failure));
  responder->begin(std::move(head));
  send_piece(file, responder);
}

}  // namespace rle
