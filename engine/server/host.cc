#include "server/host.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/error.h"
#include "server/host_impl.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

int64_t system_now_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

HostOptions with_clock(HostOptions options) {
  if (!options.now_us) options.now_us = system_now_us;
  return options;
}

SchedulerOptions scheduler_options(const HostOptions& options, const HostFolders& folders) {
  SchedulerOptions out;
  out.folders = folders;
  out.keep_jobs = options.keep_jobs;
  out.keep_days = options.keep_days;
  out.now_us = options.now_us;
  return out;
}

}  // namespace

StateFolder::StateFolder(fs::path path) : path_(fs::absolute(std::move(path)).lexically_normal()) {
  std::error_code error;
  if (!fs::exists(path_, error)) {
    fs::create_directories(path_, error);
    ::chmod(path_.c_str(), 0700);
  }
  lock_.reset(::open((path_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock_.get() < 0)
    fail(ErrorCode::kIo, "the state folder '{}' cannot be written: {}", path_.string(), std::strerror(errno));
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    fail(ErrorCode::kIo,
         "the state folder '{}' is in use by another host; stop that one, or name another folder",
         path_.string());
  fs::create_directories(path_ / "jobs", error);
  fs::remove_all(temporary(), error);
  fs::create_directories(temporary(), error);
  if (error)
    fail(ErrorCode::kIo, "the state folder '{}' cannot be written: {}", path_.string(), error.message());
}

Host::Impl::Impl(HostOptions given)
    : options(with_clock(std::move(given))),
      started_us(options.now_us()),
      folder(options.state_folder),
      roots(options.data_roots),
      folders{folder.path() / "jobs", roots.base(), roots.folders()},
      sizes(folder.path() / "sizes.json"),
      hub([this](const std::string& job) { return progress_of(job); }),
      store(folder.path() / "state.sqlite",
            [this](const std::vector<std::string>& jobs) { hub.notify(jobs); }),
      launcher(options.self),
      scheduler(store, launcher, sizes, scheduler_options(options, folders)) {
  make_default_engine();
}

void Host::Impl::make_default_engine() {
  store.write([&](Store::Change& change) {
    if (change.tables.engine(kDefaultEngine)) return true;
    EngineRecord engine;
    engine.id = new_uuid();
    engine.name = kDefaultEngine;
    engine.size = kDefaultSize;
    engine.created_us = engine.updated_us = options.now_us();
    change.tables.insert(engine);
    return true;
  });
}

EventHub::Progress Host::Impl::progress_of(const std::string& job) const {
  const std::optional<JobRecord> record =
      store.read([&](const StateTables& tables) { return tables.job(job); });
  if (!record) return {0, true};
  return {record->last_event, is_final(record->state)};
}

Host::Host(HostOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Host::~Host() { stop(); }

void Host::start() {
  impl_->scheduler.start();
  impl_->running = true;
}

void Host::stop() {
  impl_->running = false;
  impl_->scheduler.stop();
}

bool Host::ready() const { return impl_->running; }

std::vector<Json> Host::sizes() const { return impl_->sizes.json(); }

}  // namespace rle
