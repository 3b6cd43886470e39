// What the host tells of sources, of itself and of how it is doing.
#include <sqlite3.h>
#include <unistd.h>

#include <fstream>

#include "base/thread_pool.h"
#include "job/spec_sections.h"
#include "server/host_impl.h"

namespace rle {
namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(std::min(line.find(": ") + 2, line.size()));
  return "unknown";
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

Json Host::describe(const Json& request) {
  require_members(request, "", {"source", "data_source"});
  const std::string source = text_member(request, "source", "source", "");
  const std::string data_source = text_member(request, "data_source", "data_source", "");
  if (source.empty())
    throw Problem(422, "invalid-request", "source: is missing: a file or a table", "source");
  impl_->roots.require_inside(resolve_source(data_source, source), "source");
  Json document = places_document(impl_->folders);
  document.update({{"action", "describe"}, {"source", source}, {"data_source", data_source}});
  return impl_->scheduler.run_task(std::move(document));
}

HostMetrics Host::metrics() const {
  HostMetrics out;
  impl_->store.read([&](const StateTables& tables) {
    out.jobs_by_state = tables.jobs_by_state();
    out.engines = static_cast<int64_t>(tables.engines().size());
    return true;
  });
  out.attempts = impl_->scheduler.attempts();
  out.queued_seconds_total_ms = impl_->scheduler.queued_milliseconds();
  out.resident_bytes = resident_bytes();
  out.seeds_per_second = impl_->scheduler.seeds_per_second();
  return out;
}

Json Host::about() const {
  return {{"version", RLE_VERSION},
          {"api", "v1"},
          {"parts", {{"sqlite", sqlite3_libversion()}}},
          {"cpu", {{"name", cpu_name()}, {"threads", available_cpus()}}},
          {"pid", ::getpid()},
          {"started_at", time_text(impl_->started_us)},
          {"state_folder", impl_->folder.path().string()},
          {"data_roots", [&] {
             Json roots = Json::array();
             for (const auto& root : impl_->options.data_roots) roots.push_back(root.string());
             return roots;
           }()}};
}

}  // namespace rle
