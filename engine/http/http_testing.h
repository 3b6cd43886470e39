// For tests of the server: a server with some handlers, raw sockets, a certificate.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/file.h"
#include "http/server.h"

namespace rle {

// A client that sends bytes as it likes.
class RawClient {
 public:
  explicit RawClient(uint16_t port, int receive_buffer = 0) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval limit{20, 0};
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  bool connected() const { return connected_; }
  int fd() const { return socket_.get(); }
  // False where the server has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
    return true;
  }
  // Until the text is there (it is kept), or the end.
  std::string read_until(std::string_view mark) {
    while (got_.find(mark) == std::string::npos)
      if (!read_some()) break;
    return got_;
  }
  std::string read_all() {
    while (read_some()) {
    }
    return got_;
  }
  // One answer with Content-Length, taken off what was read.
  std::string read_answer() {
    read_until("\r\n\r\n");
    const size_t head = got_.find("\r\n\r\n");
    if (head == std::string::npos) return std::exchange(got_, "");
    const size_t length = got_.find("Content-Length: ");
    const size_t body = length < head ? std::stoul(got_.substr(length + 16)) : 0;
    while (got_.size() < head + 4 + body)
      if (!read_some()) break;
    std::string answer = got_.substr(0, head + 4 + body);
    got_.erase(0, answer.size());
    return answer;
  }
  bool read_some() {
    char bytes[16384];
    const ssize_t count = recv(socket_.get(), bytes, sizeof bytes, 0);
    if (count > 0) got_.append(bytes, static_cast<size_t>(count));
    return count > 0;
  }

 private:
  Descriptor socket_;
  bool connected_ = false;
  std::string got_;
};

inline std::string get(std::string_view path, std::string_view more = "") {
  return fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n{}\r\n", path, more);
}

inline int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

// A key and a certificate of its own for 127.0.0.1, in PEM, in `folder`.
void write_certificate(const std::filesystem::path& folder);

}  // namespace rle
