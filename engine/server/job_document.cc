#include "server/job_document.h"

#include "job/run_request.h"

namespace rle {

std::filesystem::path HostFolders::model(const std::string& run_id) const {
  return job(run_id) / kJobModelFolder;
}

Json places_document(const HostFolders& folders) {
  Json roots = Json::array();
  for (const std::filesystem::path& root : folders.roots) roots.push_back(root.string());
  return {{"base_folder", folders.base.string()}, {"data_roots", std::move(roots)}};
}

Json request_document(const Json& request, std::string_view kind, const std::string& model_run_id,
                      const HostFolders& folders) {
  Json out = places_document(folders);
  out["kind"] = kind;
  for (const char* key : {"spec", "output", "options"})
    if (request.contains(key)) out[key] = request[key];
  if (!model_run_id.empty()) out["model_folder"] = folders.model(model_run_id).string();
  return out;
}

Json job_document(const JobRecord& job, std::string_view action, const EngineSize& size,
                  const HostFolders& folders) {
  const std::string_view kind = to_string(job.kind);
  Json out = request_document(job.request(), kind, job.model_run_id, folders);
  out["job"] = job.id;
  out["attempt"] = job.attempt;
  out["action"] = action.empty() ? kind : action;
  out["job_folder"] = folders.job(job.id).string();
  out["threads"] = size.threads;
  if (size.memory_limit_bytes) out["memory_limit_bytes"] = *size.memory_limit_bytes;
  out["engine_device"] = size.device;
  return out;
}

}  // namespace rle
