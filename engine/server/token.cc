#include "server/token.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>

#include "base/error.h"
#include "server/private_file.h"

namespace rle {
namespace {

constexpr size_t kFewest = 16;
constexpr int64_t kSecond = 1'000'000'000;

std::string new_token() {
  unsigned char bytes[32];
  size_t done = 0;
  while (done < sizeof bytes) {
    const ssize_t count = getrandom(bytes + done, sizeof bytes - done, 0);
    if (count < 0 && errno != EINTR)
      fail(ErrorCode::kIo, "the system gives no random numbers for the host's token");
    if (count > 0) done += static_cast<size_t>(count);
  }
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::array<unsigned char, 32> hash_of(std::string_view text) {
  std::array<unsigned char, 32> out{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data());
  return out;
}

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec;
}

}  // namespace

Token::Token(std::filesystem::path file) : file_(std::move(file)) {
  make_private_file(file_, new_token() + "\n");
  load();
}

std::string Token::read(const std::filesystem::path& file) {
  std::string text = read_private_file(file);
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  if (text.size() < kFewest)
    fail(ErrorCode::kIo, "{}: a token of at least {} characters is expected; `rle token rotate` makes one",
         file.string(), kFewest);
  return text;
}

std::string Token::rotate(const std::filesystem::path& file) {
  std::string token = new_token();
  replace_private_file(file, token + "\n");
  return token;
}

void Token::load() {
  struct stat info {};
  if (stat(file_.c_str(), &info) != 0)
    fail(ErrorCode::kIo, "{}: the host's token is not there", file_.string());
  hash_ = hash_of(read(file_));
  inode_ = info.st_ino;
  changed_ns_ = info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec;
  looked_ns_ = now_ns();
}

void Token::look_again() {
  if (now_ns() - looked_ns_ < kSecond) return;
  looked_ns_ = now_ns();
  struct stat info {};
  if (stat(file_.c_str(), &info) != 0) return;
  if (info.st_ino == inode_ && info.st_mtim.tv_sec * kSecond + info.st_mtim.tv_nsec == changed_ns_) return;
  try {
    load();
  } catch (const Error&) {  // half written, or of a wrong mode: the former one goes on
  }
}

bool Token::matches(std::string_view presented) {
  const Hash hash = hash_of(presented);
  const std::lock_guard lock(mutex_);
  look_again();
  return CRYPTO_memcmp(hash.data(), hash_.data(), hash.size()) == 0;
}

}  // namespace rle
