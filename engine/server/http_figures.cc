#include "server/http_figures.h"

#include <fmt/format.h>

#include <algorithm>

namespace rle {
namespace {

std::string head(const char* name, const char* type, const char* help) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

template <typename Value>
std::string alone(const char* name, const char* type, const char* help, Value value) {
  return head(name, type, help) + fmt::format("{} {}\n", name, value);
}

}  // namespace

void HttpFigures::count(const Exchange& exchange) {
  // What a client made up must not become a label: there would be no end of them.
  const std::string route = exchange.route.empty() ? "other" : exchange.route;
  const std::string method = exchange.route.empty() ? "other" : exchange.method;
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), exchange.seconds);
  const std::lock_guard lock(mutex_);
  ++counts_[{route, method, exchange.status}];
  Histogram& histogram = seconds_[route];
  ++histogram.counts[static_cast<size_t>(bound - kBounds.begin())];
  histogram.seconds += exchange.seconds;
}

std::string HttpFigures::text(size_t connections) const {
  const std::lock_guard lock(mutex_);
  std::string out = alone("rle_http_connections", "gauge", "Open connections.", connections);
  out += head("rle_http_requests_total", "counter", "Requests by route, method and status.");
  for (const auto& [key, count] : counts_)
    out += fmt::format("rle_http_requests_total{{route=\"{}\",method=\"{}\",status=\"{}\"}} {}\n",
                       std::get<0>(key), std::get<1>(key), std::get<2>(key), count);
  out += head("rle_http_request_seconds", "histogram", "From a request's first byte to its answer's last.");
  for (const auto& [route, histogram] : seconds_) {
    int64_t sum = 0;
    for (size_t i = 0; i < kBounds.size(); ++i) {
      sum += histogram.counts[i];
      out += fmt::format("rle_http_request_seconds_bucket{{route=\"{}\",le=\"{}\"}} {}\n", route, kBounds[i],
                         sum);
    }
    sum += histogram.counts.back();
    out += fmt::format("rle_http_request_seconds_bucket{{route=\"{}\",le=\"+Inf\"}} {}\n", route, sum);
    out += fmt::format("rle_http_request_seconds_sum{{route=\"{}\"}} {}\n", route, histogram.seconds);
    out += fmt::format("rle_http_request_seconds_count{{route=\"{}\"}} {}\n", route, sum);
  }
  return out;
}

std::string metrics_text(const HostMetrics& metrics) {
  std::string out = head("rle_jobs", "gauge", "Jobs by state.");
  for (const auto& [state, count] : metrics.jobs_by_state)
    out += fmt::format("rle_jobs{{state=\"{}\"}} {}\n", state, count);
  out += alone("rle_engines", "gauge", "Engines.", metrics.engines);
  out += alone("rle_attempts_total", "counter", "Attempts of jobs that were started.", metrics.attempts);
  out += alone("rle_queue_seconds_total", "counter", "How long jobs waited before they ran, in sum.",
               static_cast<double>(metrics.queued_seconds_total_ms) / 1000);
  out += alone("rle_seeds_per_second", "gauge", "Training speed of the jobs that run.",
               metrics.seeds_per_second);
  out += alone("rle_resident_bytes", "gauge", "Resident memory of the host.", metrics.resident_bytes);
  return out;
}

}  // namespace rle
