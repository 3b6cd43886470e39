// The host's jobs: submitted, told of, canceled, forgotten; and their events.
#include <algorithm>

#include "base/error.h"
#include "job/job_request.h"
#include "server/host_impl.h"

namespace rle {
namespace {
namespace fs = std::filesystem;

constexpr int64_t kMostJobs = 1000;
constexpr size_t kMostKeyBytes = 255;

// Members in any order.
bool same_request(const Json& a, const Json& b) { return nlohmann::json(a) == nlohmann::json(b); }

Json chosen_output(const JobRecord& job, const OutputChoice& choice) {
  std::vector<Json> chosen;
  std::string there;
  for (const Json& output : job.outputs) {
    if (output.value("role", "") != choice.role) continue;
    const std::string table = output.value("entity_table", ""), column = output.value("column", "");
    there += fmt::format("{}{} (column {})", there.empty() ? "" : ", ", table, column);
    if (choice.of.empty() || choice.of == table || choice.of == column) chosen.push_back(output);
  }
  if (job.state != JobState::kCompleted || there.empty())
    throw Problem(409, "conflict",
                  fmt::format("job {} ({}, {}) has no {}", job.id, to_string(job.kind), to_string(job.state),
                              choice.role));
  if (chosen.size() == 1) return chosen[0];
  const std::string which = choice.of.empty() ? "name those you want"
                            : chosen.empty() ? fmt::format("there are none of '{}'", choice.of.substr(0, 100))
                                             : fmt::format("'{}' has several; name the column", choice.of);
  throw Problem(422, "invalid-request",
                fmt::format("table: {}; the job's {} are of {}", which, choice.role, there), "table");
}

}  // namespace

JobRecord Host::Impl::require_job(const std::string& id) const {
  std::optional<JobRecord> job =
      store.read([&](const StateTables& tables) { return tables.job(folded(id)); });
  if (!job) throw Problem(404, "not-found", fmt::format("there is no job '{}'", id.substr(0, 100)));
  return *job;
}

Json Host::Impl::told(const StateTables& tables, const JobRecord& job) const {
  const bool queued = job.state == JobState::kQueued;
  return to_json(job, queued ? std::optional<int64_t>(tables.queue_position(job)) : std::nullopt);
}

Json Host::Impl::told(const JobRecord& job) const {
  return store.read([&](const StateTables& tables) { return told(tables, job); });
}

std::optional<Host::Created> Host::Impl::created_before(const std::string& key, const Json& request) const {
  if (key.empty()) return std::nullopt;
  const std::optional<JobRecord> job =
      store.read([&](const StateTables& tables) { return tables.job_of_key(key); });
  if (!job) return std::nullopt;
  if (!same_request(job->request(), request))
    throw Problem(409, "conflict", "the idempotency key came before with another request", "",
                  "use a new key for each request");
  return Created{told(*job), false};
}

void Host::Impl::take_target_of_model(Submission& submission) const {
  Json& request = submission.request;
  const Json::json_pointer run("/model/run_id"), task("/spec/task");
  if (request.value("kind", Json()) != "predict" || !request.contains(task) || !request[task].is_object() ||
      !request.contains(run) || !request[run].is_string())
    return;
  const std::optional<JobRecord> trained = store.read(
      [&](const StateTables& tables) { return tables.job(folded(request[run].get<std::string>())); });
  const Json known = trained ? trained->request() : Json::object();
  const bool links = request[task].contains("type") && request[task]["type"].is_string() &&
                     request[task]["type"].get<std::string>().ends_with("link_prediction");
  for (const std::string key : {"target", "target_entity"})
    if ((key == "target" || links) && !request[task].contains(key) && known.contains(task / key))
      request[task][key] = known[task / key];
}

void Host::Impl::require_free_output(const StateTables& tables, const Submission& submission) {
  if (submission.output.empty() || submission.overwrite) return;
  const std::optional<JobRecord> other = tables.active_job_of_output(submission.output);
  if (other)
    throw output_is_taken(fmt::format("output.alias: job {} ({}) will write '{}'", other->id,
                                      to_string(other->state), submission.output));
}

Json Host::Impl::check(Submission& submission) {
  check_submission(submission, roots, folders);
  store.read([&](const StateTables& tables) {
    require_engine(tables, submission.engine);
    require_free_output(
        tables, submission);  // before the look at what is there: a job that ends meanwhile has written
    return true;
  });
  if (!submission.model_run_id.empty()) {
    const auto trained =
        store.read([&](const StateTables& tables) { return tables.job(submission.model_run_id); });
    if (trained && trained->state != JobState::kCompleted)
      throw Problem(422, "invalid-request",
                    fmt::format("model.run_id: job {} is {}", trained->id, to_string(trained->state)),
                    "model.run_id", "wait until it is COMPLETED");
  }
  Json document =
      request_document(submission.request, to_string(submission.kind), submission.model_run_id, folders);
  document["action"] = "check";
  try {
    return scheduler.run_task(std::move(document)).value("warnings", Json::array());
  } catch (const Problem& problem) {
    if (problem.field == kTakenOutput) throw output_is_taken(problem.detail);
    throw;
  }
}

Host::Created Host::Impl::insert(const Submission& submission, const std::string& user,
                                 const std::string& key, const std::string& id, Json warnings) {
  JobRecord job;
  job.id = id;
  job.kind = submission.kind;
  job.created_by = user;
  job.experiment_name = submission.experiment_name;
  job.set_request(submission.request);
  job.model_run_id = submission.model_run_id;
  job.needs_secrets = !submission.secrets.is_null();
  job.idempotency_key = key;
  job.output = submission.output;
  job.warnings = std::move(warnings);
  job.created_us = job.updated_us = options.now_us();
  return store.write([&](Store::Change& change) -> Created {
    if (const auto former = key.empty() ? std::nullopt : change.tables.job_of_key(key)) {
      if (!same_request(former->request(), submission.request))
        throw Problem(409, "conflict", "the idempotency key came before with another request");
      return {told(change.tables, *former), false};
    }
    if (change.tables.job(job.id))
      throw Problem(409, "conflict", fmt::format("there is a job {} already", job.id), "id");
    require_free_output(change.tables, submission);
    EngineRecord engine = require_engine(change.tables, submission.engine);
    if (engine.state == EngineState::kSuspended && engine.name != kDefaultEngine)
      throw Problem(409, "conflict", fmt::format("engine '{}' is suspended", engine.name), "engine",
                    "resume it first (resume_gnn, or POST /v1/engines/NAME/resume)");
    if (engine.state == EngineState::kSuspended) {
      engine.state = EngineState::kReady;
      engine.updated_us = std::max(options.now_us(), engine.updated_us + 1);
      change.tables.update(engine);
    }
    job.engine = engine.name;
    change.tables.insert(job);
    change_state(change, job, JobState::kQueued, options.now_us(), "");
    return {told(change.tables, job), true};
  });
}

Host::Created Host::create_job(const Json& request, const std::string& user,
                               const std::string& idempotency_key, const std::string& id) {
  if (idempotency_key.size() > kMostKeyBytes || !is_utf8_text(idempotency_key))
    throw Problem(422, "invalid-request",
                  fmt::format("the idempotency key: at most {} bytes of text", kMostKeyBytes));
  Submission submission = take_secrets(request);
  impl_->take_target_of_model(submission);
  if (std::optional<Created> former = impl_->created_before(idempotency_key, submission.request))
    return *former;
  const std::string chosen = id.empty() ? new_uuid() : checked_uuid(id, "id");
  Json warnings = impl_->check(submission);
  const bool secret = !submission.secrets.is_null();
  if (secret) impl_->scheduler.keep_secrets(chosen, submission.secrets);
  try {
    Created out = impl_->insert(submission, user, idempotency_key, chosen, std::move(warnings));
    if (secret && !out.is_new) impl_->scheduler.drop_secrets(chosen);
    impl_->scheduler.wake();
    return out;
  } catch (...) {
    if (secret) impl_->scheduler.drop_secrets(chosen);
    throw;
  }
}

Json Host::validate(const Json& request) {
  Submission submission = take_secrets(request);
  impl_->take_target_of_model(submission);
  return {{"warnings", impl_->check(submission)}};
}

Json Host::job(const std::string& id) const { return impl_->told(impl_->require_job(id)); }
Json Host::job_request(const std::string& id) const { return impl_->require_job(id).request(); }

JobPage Host::jobs(const JobFilter& filter) const {
  if (filter.limit < 1 || filter.limit > kMostJobs)
    throw Problem(422, "invalid-request",
                  fmt::format("limit: expected 1 to {}, found {}", kMostJobs, filter.limit), "limit");
  JobQuery query{filter.state, filter.kind, filter.engine, std::nullopt, filter.limit + 1};
  return impl_->store.read([&](const StateTables& tables) {
    if (!filter.before.empty()) {
      const std::optional<JobRecord> last = tables.job(folded(filter.before));
      if (!last) throw Problem(422, "invalid-request", "before: there is no such job", "before");
      query.before_place = last->place;
    }
    std::vector<JobRecord> found = tables.jobs(query);
    JobPage page;
    const bool more = static_cast<int64_t>(found.size()) > filter.limit;
    if (more) found.pop_back();
    if (more) page.next = found.back().id;
    for (const JobRecord& job : found) page.jobs.push_back(impl_->told(tables, job));
    return page;
  });
}

bool Host::Impl::cancel(Store::Change& change, JobRecord& job) const {
  if (is_final(job.state)) return false;
  job.cancel_requested = true;
  if (job.state == JobState::kQueued) {
    change_state(change, job, JobState::kCanceled, options.now_us(), "");
  } else {
    job.updated_us = std::max(options.now_us(), job.updated_us);
    change.tables.update(job);
    change.touched.push_back(job.id);
  }
  return true;
}

Json Host::cancel_job(const std::string& id) {
  const std::string known = impl_->require_job(id).id;
  Json out = impl_->store.write([&](Store::Change& change) {
    std::optional<JobRecord> job = change.tables.job(known);
    if (!job) throw Problem(404, "not-found", fmt::format("there is no job '{}'", known));
    if (job->state == JobState::kCompleted || job->state == JobState::kFailed)
      throw Problem(409, "conflict", fmt::format("job {} is {} already", known, to_string(job->state)));
    impl_->cancel(change, *job);
    return impl_->told(change.tables, *job);
  });
  if (out["state"] == "CANCELED") impl_->scheduler.drop_secrets(known);
  impl_->scheduler.wake();
  return out;
}

void Host::delete_job(const std::string& id) {
  const std::string known = impl_->require_job(id).id;
  impl_->store.write([&](Store::Change& change) {
    const std::optional<JobRecord> job = change.tables.job(known);
    if (!job) return true;
    if (!is_final(job->state))
      throw Problem(409, "conflict", fmt::format("job {} is {}", known, to_string(job->state)), "",
                    "cancel it first");
    change.tables.remove_job(job->place);
    change.touched.push_back(known);
    return true;
  });
}

Host::Events Host::events(const std::string& id, int64_t from, int64_t limit) const {
  const JobRecord job = impl_->require_job(id);  // before its events: final means that they are all there
  Events out;
  out.events =
      impl_->store.read([&](const StateTables& tables) { return tables.events(job.place, from, limit); });
  out.final = is_final(job.state);
  return out;
}

std::shared_ptr<void> Host::when_events(const std::string& id, int64_t from, std::function<void()> wake) {
  return impl_->hub.subscribe(impl_->require_job(id).id, from, std::move(wake));
}

fs::path Host::output_file(const std::string& id, const OutputChoice& choice, const std::string& format) {
  if (format != "parquet" && format != "csv")
    throw Problem(422, "invalid-request", fmt::format("format: expected parquet or csv, found '{}'", format),
                  "format");
  const JobRecord job = impl_->require_job(id);
  const fs::path file = impl_->folder.temporary() / fmt::format("{}.{}", new_uuid(), format);
  Json document = request_document(job.request(), to_string(job.kind), "", impl_->folders);
  document["action"] = "export";
  document["exported"] = chosen_output(job, choice);
  document["file"] = file.string();
  impl_->scheduler.run_task(std::move(document), std::chrono::seconds(600));
  return file;
}

}  // namespace rle
