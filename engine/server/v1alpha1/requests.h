// What v1alpha1 clients ask (../wire-v1alpha1 in docs/wire.md), answered by the host: each payload_type
// becomes calls of Host with our own specification. Jobs made here are jobs like any others.
#pragma once

#include <string>

#include "server/host.h"
#include "server/v1alpha1/dataset.h"

namespace rle::v1alpha1 {

// Thread-safe. Borrows the host.
class Requests {
 public:
  explicit Requests(Host& host) : host_(host) {}

  // POST /v1alpha1/jobs/create/{job_id}: what "data" holds. Problem where the request is refused.
  Json create(const std::string& job_id, const Json& body, const std::string& user);
  // POST /v1alpha1/jobs/cancel/{job_id}.
  Json cancel(const std::string& job_id);

 private:
  Json fetch_table(const Json& payload);
  Json validate(const Json& payload);
  Json submit(const std::string& job_id, const Json& payload, const std::string& user);
  // Clients of the newer dialect wrap what they send, those of the older one don't.
  Json dataset_config(const Json& payload, Dialect dialect);
  Json status(const Json& payload);
  Json run_id(const Json& payload);
  Json queue();
  // The request of the job that trained a model.
  Json training_request(const std::string& run_id);

  Host& host_;
};

// A job as these clients know it: {"job_id", "status", "started_at", ...}.
Json job_result(const Json& job);

}  // namespace rle::v1alpha1
