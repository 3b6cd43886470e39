// A host on the network: its routes, its token, its server, its log. Owned by `rle serve`.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "server/host.h"
#include "server/host_log.h"

namespace rle {

struct ServiceOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;
  std::string certificate_file, key_file;  // both empty: no TLS
  std::filesystem::path token_file;
  std::string user;  // created_by of what clients make
};

class HostService {
 public:
  // Binds, and makes the token where there is none. Error{kSpec}, Error{kIo}.
  HostService(Host& host, HostLog& log, ServiceOptions options);
  ~HostService();

  std::string url() const;
  void start();
  // Takes no more requests, and gives answers that are under way `grace`.
  void stop(std::chrono::milliseconds grace);

  // Since a request ended; 0 while one is open that isn't answered yet, or is followed.
  double seconds_idle() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rle
