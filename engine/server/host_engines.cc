// The host's engines: made, listed, resumed, suspended, deleted.
#include <algorithm>

#include "base/error.h"
#include "server/host_impl.h"

namespace rle {
namespace {

constexpr int64_t kMostMinutes = 525'600;  // a year

std::optional<int64_t> suspend_minutes_of(const Json& request) {
  const std::optional<int64_t> usual = EngineRecord().auto_suspend_minutes;
  if (!request.contains("settings") || request["settings"].is_null()) return usual;
  const Json& settings = request["settings"];
  require_members(settings, "settings", {"auto_suspend_mins"});
  if (!settings.contains("auto_suspend_mins")) return usual;
  const Json& minutes = settings["auto_suspend_mins"];
  if (minutes.is_null()) return std::nullopt;
  if (!minutes.is_number_integer() || minutes < 1 || minutes > kMostMinutes)
    throw Problem(
        422, "invalid-request",
        fmt::format(
            "settings.auto_suspend_mins: expected null (never) or a whole number from 1 to {}, found {}",
            kMostMinutes, minutes.dump(-1, ' ', false, Json::error_handler_t::replace)),
        "settings.auto_suspend_mins");
  return minutes.get<int64_t>();
}

void touch(EngineRecord& engine, EngineState state, int64_t now_us) {
  engine.state = state;
  engine.updated_us = std::max(now_us, engine.updated_us + 1);
}

}  // namespace

EngineRecord Host::Impl::require_engine(const StateTables& tables, const std::string& name) {
  std::optional<EngineRecord> engine = tables.engine(name);
  if (engine) return *engine;
  std::vector<std::string> names;
  for (const EngineRecord& other : tables.engines()) names.push_back(other.name);
  throw Problem(404, "not-found", fmt::format("there is no engine '{}'{}", name, suggestion(name, names)),
                "engine");
}

void Host::Impl::free_engine(Store::Change& change, const EngineRecord& engine, bool force,
                             std::string_view what, std::vector<std::string>& canceled) const {
  std::vector<JobRecord> active = change.tables.active_jobs(engine.name);
  if (!active.empty() && !force)
    throw Problem(409, "conflict",
                  fmt::format("engine '{}' has {} queued or running jobs and is not {}", engine.name,
                              active.size(), what),
                  "", "wait for them, or give force=true, which cancels them");
  for (JobRecord& job : active) {
    cancel(change, job);
    if (is_final(job.state)) canceled.push_back(job.id);
  }
}

std::vector<Json> Host::engines(std::optional<EngineState> state) const {
  std::vector<Json> out;
  for (const EngineRecord& engine :
       impl_->store.read([](const StateTables& tables) { return tables.engines(); }))
    if (!state || engine.state == *state) out.push_back(to_json(engine));
  return out;
}

Json Host::engine(const std::string& name) const {
  return impl_->store.read(
      [&](const StateTables& tables) { return to_json(Impl::require_engine(tables, name)); });
}

Json Host::create_engine(const Json& request, const std::string& user) {
  require_members(request, "", {"name", "size", "settings"});
  EngineRecord engine;
  engine.name = text_member(request, "name", "name", "");
  check_engine_name(engine.name);
  engine.size = text_member(request, "size", "size", kDefaultSize);
  if (impl_->sizes.find(engine.size) == nullptr)
    throw Problem(422, "invalid-request",
                  fmt::format("size: there is no size '{}'{}", engine.size,
                              suggestion(engine.size, impl_->sizes.names())),
                  "size");
  engine.auto_suspend_minutes = suspend_minutes_of(request);
  engine.id = new_uuid();
  engine.created_by = user;
  engine.created_us = engine.updated_us = impl_->options.now_us();
  impl_->store.write([&](Store::Change& change) {
    if (const auto taken = change.tables.engine(engine.name))
      throw Problem(409, "conflict", fmt::format("there is an engine '{}' already", taken->name), "name",
                    "names are compared without case: choose another");
    change.tables.insert(engine);
    return true;
  });
  impl_->scheduler.wake();
  return to_json(engine);
}

Json Host::resume_engine(const std::string& name) {
  Json out = impl_->store.write([&](Store::Change& change) {
    EngineRecord engine = Impl::require_engine(change.tables, name);
    if (engine.state != EngineState::kReady) {
      touch(engine, EngineState::kReady, impl_->options.now_us());
      change.tables.update(engine);
    }
    return to_json(engine);
  });
  impl_->scheduler.wake();
  return out;
}

Json Host::suspend_engine(const std::string& name, bool force) {
  std::vector<std::string> canceled;
  Json out = impl_->store.write([&](Store::Change& change) {
    EngineRecord engine = Impl::require_engine(change.tables, name);
    impl_->free_engine(change, engine, force, "suspended", canceled);
    if (engine.state != EngineState::kSuspended) {
      touch(engine, EngineState::kSuspended, impl_->options.now_us());
      change.tables.update(engine);
    }
    return to_json(engine);
  });
  for (const std::string& job : canceled) impl_->scheduler.drop_secrets(job);
  impl_->scheduler.wake();
  return out;
}

void Host::delete_engine(const std::string& name, bool force) {
  std::vector<std::string> canceled;
  impl_->store.write([&](Store::Change& change) {
    const EngineRecord engine = Impl::require_engine(change.tables, name);
    if (engine.name == kDefaultEngine)
      throw Problem(409, "conflict", "the engine 'default' cannot be deleted", "",
                    "suspend it, if it is not to run");
    impl_->free_engine(change, engine, force, "deleted", canceled);
    change.tables.remove_engine(engine.id);
    return true;
  });
  for (const std::string& job : canceled) impl_->scheduler.drop_secrets(job);
  impl_->scheduler.wake();
}

}  // namespace rle
