// What the parts of the Host share. Included by host*.cc alone.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/file.h"
#include "server/child_launcher.h"
#include "server/data_roots.h"
#include "server/event_hub.h"
#include "server/host.h"
#include "server/job_document.h"
#include "server/scheduler.h"
#include "server/sizes.h"
#include "server/store.h"
#include "server/submission.h"

namespace rle {

inline constexpr const char* kDefaultEngine = "default";

// The state folder while a host has it.
class StateFolder {
 public:
  // Makes it (0700), locks it. Error{kIo}: it can't be, another host has it.
  explicit StateFolder(std::filesystem::path path);
  const std::filesystem::path& path() const { return path_; }
  // Emptied at the start.
  std::filesystem::path temporary() const { return path_ / "tmp"; }

 private:
  std::filesystem::path path_;
  Descriptor lock_{-1};
};

class Host::Impl {
 public:
  explicit Impl(HostOptions given);

  JobRecord require_job(const std::string& id) const;
  static EngineRecord require_engine(const StateTables& tables, const std::string& name);
  Json told(const StateTables& tables, const JobRecord& job) const;
  Json told(const JobRecord& job) const;
  EventHub::Progress progress_of(const std::string& job) const;

  // The job that the key made before, if the request is the same. Problem{conflict}: another request.
  std::optional<Created> created_before(const std::string& key, const Json& request) const;
  // What is predicted need not be named again: it is the model's.
  void take_target_of_model(Submission& submission) const;
  // Problem{conflict}: a job that waits or runs will write there, and nobody asked to replace it.
  static void require_free_output(const StateTables& tables, const Submission& submission);
  // The checks of a submission; what it will be warned of.
  Json check(Submission& submission);
  Created insert(const Submission& submission, const std::string& user, const std::string& key,
                 const std::string& id, Json warnings);
  // Inside a change: QUEUED to CANCELED, or a cancel that the scheduler will see.
  bool cancel(Store::Change& change, JobRecord& job) const;
  // Cancels what is active, or refuses. Inside a change. Appends the jobs that are CANCELED then.
  void free_engine(Store::Change& change, const EngineRecord& engine, bool force, std::string_view what,
                   std::vector<std::string>& canceled) const;
  void make_default_engine();

  const HostOptions options;
  const int64_t started_us;
  StateFolder folder;
  DataRoots roots;
  HostFolders folders;
  Sizes sizes;
  EventHub hub;
  Store store;
  ChildLauncher launcher;
  Scheduler scheduler;
  std::atomic<bool> running{false};
};

}  // namespace rle
