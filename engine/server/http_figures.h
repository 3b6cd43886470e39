// What /metrics tells about requests: counts and how long they took, by route.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "http/server.h"
#include "server/host.h"

namespace rle {

// Thread-safe.
class HttpFigures {
 public:
  void count(const Exchange& exchange);
  // In the text format of Prometheus.
  std::string text(size_t connections) const;

  static constexpr std::array<double, 11> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,   0.25,   0.5,   1,    2.5};

 private:
  struct Histogram {
    std::array<int64_t, kBounds.size() + 1> counts{};
    double seconds = 0;
  };

  mutable std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, int64_t> counts_;  // route, method, status
  std::map<std::string, Histogram> seconds_;
};

// The host's own figures, likewise.
std::string metrics_text(const HostMetrics& metrics);

}  // namespace rle
