#include "server/http_figures.h"

namespace rle {
namespace {

TEST(HttpFigures, RequestsAreCountedByRoute) {
  HttpFigures figures;
  figures.count({"GET", "/v1/jobs/7", "/v1/jobs/{id}", "", 200, 10, 0.004, false});
  figures.count({"GET", "/v1/jobs/8", "/v1/jobs/{id}", "", 200, 10, 9, false});
  figures.count({"BREW", "/tea\"", "", "", 404, 10, 0.0001, false});
  const std::string text = figures.text(3);
  for (const char* line :
       {"rle_http_connections 3\n",
        "rle_http_requests_total{route=\"/v1/jobs/{id}\",method=\"GET\",status=\"200\"} 2\n",
        "rle_http_requests_total{route=\"other\",method=\"other\",status=\"404\"} 1\n",
        "rle_http_request_seconds_bucket{route=\"/v1/jobs/{id}\",le=\"0.0025\"} 0\n",
        "rle_http_request_seconds_bucket{route=\"/v1/jobs/{id}\",le=\"0.005\"} 1\n",
        "rle_http_request_seconds_bucket{route=\"/v1/jobs/{id}\",le=\"+Inf\"} 2\n",
        "rle_http_request_seconds_count{route=\"/v1/jobs/{id}\"} 2\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
  EXPECT_EQ(text.find("tea"), std::string::npos);
}

TEST(HttpFigures, TheHostsFiguresHaveTheirStates) {
  HostMetrics metrics;
  metrics.jobs_by_state = {{"QUEUED", 2}, {"RUNNING", 1}};
  metrics.queued_seconds_total_ms = 1500;
  const std::string text = metrics_text(metrics);
  EXPECT_NE(text.find("rle_jobs{state=\"QUEUED\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("rle_queue_seconds_total 1.5\n"), std::string::npos);
}

}  // namespace
}  // namespace rle
