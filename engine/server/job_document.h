// The documents that children read (job/job_request.h), made from what the host knows.
#pragma once

#include <filesystem>
#include <vector>

#include "server/records.h"
#include "server/sizes.h"

namespace rle {

// Where things of the host are.
struct HostFolders {
  std::filesystem::path jobs;                     // jobs/ID
  std::filesystem::path base;                     // of relative sources and outputs
  std::vector<std::filesystem::path> roots = {};  // that these lie in; empty: anywhere

  std::filesystem::path job(const std::string& id) const { return jobs / id; }
  std::filesystem::path model(const std::string& run_id) const;
};

// The members that tell a child where sources and outputs are.
Json places_document(const HostFolders& folders);

// The parts of a job's request that its children of any action take. model_run_id: empty where it trains.
Json request_document(const Json& request, std::string_view kind, const std::string& model_run_id,
                      const HostFolders& folders);

// What the next attempt of a job reads, without secrets. action: "", as its kind says; "settle".
Json job_document(const JobRecord& job, std::string_view action, const EngineSize& size,
                  const HostFolders& folders);

}  // namespace rle
