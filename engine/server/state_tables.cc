#include "server/state_tables.h"

#include <fmt/format.h>

#include <cctype>

#include "base/error.h"

namespace rle {
namespace {

constexpr std::string_view kEngineColumns =
    "id, name, size, state, created_by, created_us, updated_us, auto_suspend_minutes";
constexpr std::string_view kJobColumns =
    "place, id, kind, engine, state, attempt, created_us, updated_us, started_us, finished_us, created_by, "
    "experiment_name, request, device, progress, result, outputs, warnings, error, cancel_requested, "
    "idempotency_key, model_run_id, needs_secrets, last_event";
constexpr std::string_view kActive = "state IN ('QUEUED', 'RUNNING')";

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string dump_or_empty(const Json& json) { return json.is_null() ? "" : dump(json); }

Json parse_or(const std::string& text, Json fallback) {
  if (text.empty()) return fallback;
  Json out = Json::parse(text, nullptr, false);
  return out.is_discarded() ? fallback : out;
}

template <typename Value>
Value known(const std::optional<Value>& value, std::string_view what) {
  if (!value) fail(ErrorCode::kIo, "state.sqlite holds a {} that this program does not know", what);
  return *value;
}

EngineRecord engine_of(const SqliteStatement& row) {
  EngineRecord out;
  out.id = row.text(0);
  out.name = row.text(1);
  out.size = row.text(2);
  out.state = known(engine_state_of(row.text(3)), "state of an engine");
  out.created_by = row.text(4);
  out.created_us = row.integer(5);
  out.updated_us = row.integer(6);
  out.auto_suspend_minutes = row.integer_or_null(7);
  return out;
}

JobRecord job_of(const SqliteStatement& row) {
  JobRecord out;
  out.place = row.integer(0);
  out.id = row.text(1);
  out.kind = known(job_kind_of(row.text(2)), "kind of job");
  out.engine = row.text(3);
  out.state = known(job_state_of(row.text(4)), "state of a job");
  out.attempt = row.integer(5);
  out.created_us = row.integer(6);
  out.updated_us = row.integer(7);
  out.started_us = row.integer_or_null(8);
  out.finished_us = row.integer_or_null(9);
  out.created_by = row.text(10);
  out.experiment_name = row.text(11);
  out.request_text = row.text(12);
  out.device = parse_or(row.text(13), nullptr);
  out.progress = parse_or(row.text(14), nullptr);
  out.result = parse_or(row.text(15), nullptr);
  out.outputs = parse_or(row.text(16), Json::array());
  out.warnings = parse_or(row.text(17), Json::array());
  out.error = parse_or(row.text(18), nullptr);
  out.cancel_requested = row.integer(19) != 0;
  out.idempotency_key = row.text(20);
  out.model_run_id = row.text(21);
  out.needs_secrets = row.integer(22) != 0;
  out.last_event = row.integer(23);
  return out;
}

}  // namespace

std::string folded(std::string_view name) {
  std::string out(name);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::vector<EngineRecord> StateTables::engines() const {
  SqliteStatement rows(connection_, fmt::format("SELECT {} FROM engines ORDER BY rowid", kEngineColumns));
  std::vector<EngineRecord> out;
  while (rows.step()) out.push_back(engine_of(rows));
  return out;
}

std::optional<EngineRecord> StateTables::engine(std::string_view name) const {
  SqliteStatement row(connection_,
                      fmt::format("SELECT {} FROM engines WHERE folded_name = ?", kEngineColumns));
  row.bind(std::string_view(folded(name)));
  if (!row.step()) return std::nullopt;
  return engine_of(row);
}

void StateTables::insert(const EngineRecord& engine) const {
  SqliteStatement(connection_, fmt::format("INSERT INTO engines({}, folded_name) VALUES (?,?,?,?,?,?,?,?,?)",
                                           kEngineColumns))
      .bind(std::string_view(engine.id))
      .bind(std::string_view(engine.name))
      .bind(std::string_view(engine.size))
      .bind(to_string(engine.state))
      .bind(std::string_view(engine.created_by))
      .bind(engine.created_us)
      .bind(engine.updated_us)
      .bind(engine.auto_suspend_minutes)
      .bind(std::string_view(folded(engine.name)))
      .run();
}

void StateTables::update(const EngineRecord& engine) const {
  SqliteStatement(connection_, "UPDATE engines SET state = ?, updated_us = ? WHERE id = ?")
      .bind(to_string(engine.state))
      .bind(engine.updated_us)
      .bind(std::string_view(engine.id))
      .run();
}

void StateTables::remove_engine(const std::string& id) const {
  SqliteStatement(connection_, "DELETE FROM engines WHERE id = ?").bind(std::string_view(id)).run();
}

std::vector<JobRecord> StateTables::select_jobs(SqliteStatement& statement) const {
  std::vector<JobRecord> out;
  while (statement.step()) out.push_back(job_of(statement));
  return out;
}

std::optional<JobRecord> StateTables::job(const std::string& id) const {
  SqliteStatement row(connection_, fmt::format("SELECT {} FROM jobs WHERE id = ?", kJobColumns));
  row.bind(std::string_view(id));
  if (!row.step()) return std::nullopt;
  return job_of(row);
}

std::optional<JobRecord> StateTables::job_of_key(const std::string& idempotency_key) const {
  SqliteStatement row(connection_, fmt::format("SELECT {} FROM jobs WHERE idempotency_key = ?", kJobColumns));
  row.bind(std::string_view(idempotency_key));
  if (!row.step()) return std::nullopt;
  return job_of(row);
}

std::vector<JobRecord> StateTables::jobs(const JobQuery& query) const {
  std::string where = "1";
  if (query.state) where += fmt::format(" AND state = '{}'", to_string(*query.state));
  if (query.kind) where += fmt::format(" AND kind = '{}'", to_string(*query.kind));
  if (query.before_place) where += fmt::format(" AND place < {}", *query.before_place);
  if (!query.engine.empty()) where += " AND lower(engine) = ?";
  SqliteStatement rows(connection_, fmt::format("SELECT {} FROM jobs WHERE {} ORDER BY place DESC LIMIT {}",
                                                kJobColumns, where, query.limit));
  if (!query.engine.empty()) rows.bind(std::string_view(folded(query.engine)));
  return select_jobs(rows);
}

std::vector<JobRecord> StateTables::active_jobs(const std::string& engine) const {
  SqliteStatement rows(connection_, fmt::format("SELECT {} FROM jobs WHERE {}{} ORDER BY place", kJobColumns,
                                                kActive, engine.empty() ? "" : " AND engine = ?"));
  if (!engine.empty()) rows.bind(std::string_view(engine));
  return select_jobs(rows);
}

std::optional<JobRecord> StateTables::next_queued(const std::string& engine) const {
  SqliteStatement row(
      connection_,
      fmt::format("SELECT {} FROM jobs WHERE engine = ? AND state = 'QUEUED' ORDER BY place LIMIT 1",
                  kJobColumns));
  row.bind(std::string_view(engine));
  if (!row.step()) return std::nullopt;
  return job_of(row);
}

std::vector<std::string> StateTables::engines_with_queued_jobs() const {
  SqliteStatement rows(connection_, "SELECT DISTINCT engine FROM jobs WHERE state = 'QUEUED'");
  std::vector<std::string> out;
  while (rows.step()) out.push_back(rows.text(0));
  return out;
}

bool StateTables::has_active_jobs(const std::string& engine) const {
  SqliteStatement row(connection_,
                      fmt::format("SELECT 1 FROM jobs WHERE engine = ? AND {} LIMIT 1", kActive));
  return row.bind(std::string_view(engine)).step();
}

std::optional<JobRecord> StateTables::active_job_of_output(const std::string& output) const {
  SqliteStatement row(connection_,
                      fmt::format("SELECT {} FROM jobs WHERE output = ? AND {} ORDER BY place LIMIT 1",
                                  kJobColumns, kActive));
  row.bind(std::string_view(output));
  if (!row.step()) return std::nullopt;
  return job_of(row);
}

int64_t StateTables::queue_position(const JobRecord& job) const {
  SqliteStatement row(connection_,
                      "SELECT count(*) FROM jobs WHERE engine = ? AND state = 'QUEUED' AND place <= ?");
  row.bind(std::string_view(job.engine)).bind(job.place);
  return row.step() ? row.integer(0) : 0;
}

std::vector<std::pair<std::string, int64_t>> StateTables::jobs_by_state() const {
  std::vector<std::pair<std::string, int64_t>> out;
  for (const JobState state : {JobState::kQueued, JobState::kRunning, JobState::kCompleted, JobState::kFailed,
                               JobState::kCanceled}) {
    SqliteStatement row(connection_, "SELECT count(*) FROM jobs WHERE state = ?");
    row.bind(to_string(state)).step();
    out.emplace_back(to_string(state), row.integer(0));
  }
  return out;
}

void StateTables::insert(JobRecord& job) const {
  SqliteStatement(
      connection_,
      "INSERT INTO jobs(id, kind, engine, state, attempt, created_us, updated_us, created_by, "
      "experiment_name, request, outputs, warnings, cancel_requested, idempotency_key, model_run_id, "
      "needs_secrets, output, last_event) VALUES (?,?,?,?,0,?,?,?,?,?,'[]',?,0,?,?,?,?,0)")
      .bind(std::string_view(job.id))
      .bind(to_string(job.kind))
      .bind(std::string_view(job.engine))
      .bind(to_string(job.state))
      .bind(job.created_us)
      .bind(job.updated_us)
      .bind(std::string_view(job.created_by))
      .bind(std::string_view(job.experiment_name))
      .bind(std::string_view(job.request_text))
      .bind(std::string_view(dump(job.warnings)))
      .bind_text_or_null(job.idempotency_key)
      .bind_text_or_null(job.model_run_id)
      .bind(int64_t{job.needs_secrets})
      .bind_text_or_null(job.output)
      .run();
  job.place = connection_.last_row();
}

void StateTables::update(const JobRecord& job) const {
  {
    SqliteStatement row(connection_, "SELECT state FROM jobs WHERE place = ?");
    RLE_CHECK(row.bind(job.place).step());
    const JobState from = known(job_state_of(row.text(0)), "state of a job");
    RLE_CHECK(from == job.state || may_become(from, job.state));
  }
  SqliteStatement(connection_,
                  "UPDATE jobs SET state=?, attempt=?, updated_us=?, started_us=?, finished_us=?, device=?, "
                  "progress=?, result=?, outputs=?, warnings=?, error=?, cancel_requested=?, model_run_id=?, "
                  "last_event=? WHERE place=?")
      .bind(to_string(job.state))
      .bind(job.attempt)
      .bind(job.updated_us)
      .bind(job.started_us)
      .bind(job.finished_us)
      .bind_text_or_null(dump_or_empty(job.device))
      .bind_text_or_null(dump_or_empty(job.progress))
      .bind_text_or_null(dump_or_empty(job.result))
      .bind_text_or_null(dump_or_empty(job.outputs))
      .bind_text_or_null(dump_or_empty(job.warnings))
      .bind_text_or_null(dump_or_empty(job.error))
      .bind(int64_t{job.cancel_requested})
      .bind_text_or_null(job.model_run_id)
      .bind(job.last_event)
      .bind(job.place)
      .run();
}

void StateTables::remove_job(int64_t place) const {
  SqliteStatement(connection_, "DELETE FROM events WHERE job = ?").bind(place).run();
  SqliteStatement(connection_, "DELETE FROM jobs WHERE place = ?").bind(place).run();
}

std::vector<std::pair<int64_t, std::string>> StateTables::outdated_jobs(int64_t keep,
                                                                        int64_t ended_before_us) const {
  SqliteStatement rows(
      connection_,
      fmt::format(
          "SELECT place, id FROM jobs WHERE NOT {0} AND (finished_us < ?1 OR place NOT IN (SELECT place "
          "FROM jobs WHERE NOT {0} ORDER BY place DESC LIMIT ?2)) ORDER BY place LIMIT 500",
          kActive));
  rows.bind(ended_before_us).bind(keep);
  std::vector<std::pair<int64_t, std::string>> out;
  while (rows.step()) out.emplace_back(rows.integer(0), rows.text(1));
  return out;
}

void StateTables::append_event(JobRecord& job, int64_t time_us, std::string_view type,
                               const Json& body) const {
  ++job.last_event;
  SqliteStatement(connection_,
                  "INSERT INTO events(job, seq, attempt, time_us, type, body) VALUES (?,?,?,?,?,?)")
      .bind(job.place)
      .bind(job.last_event)
      .bind(job.attempt)
      .bind(time_us)
      .bind(type)
      .bind(std::string_view(dump(body)))
      .run();
}

std::vector<EventRecord> StateTables::events(int64_t place, int64_t from, int64_t limit) const {
  SqliteStatement rows(
      connection_,
      "SELECT seq, attempt, time_us, type, body FROM events WHERE job = ? AND seq >= ? ORDER BY "
      "seq LIMIT ?");
  rows.bind(place).bind(from).bind(limit);
  std::vector<EventRecord> out;
  while (rows.step())
    out.push_back({rows.integer(0), rows.integer(1), rows.integer(2), rows.text(3),
                   parse_or(rows.text(4), Json::object())});
  return out;
}

void StateTables::thin_events(int64_t place, std::string_view type, int64_t keep) const {
  SqliteStatement(
      connection_,
      "DELETE FROM events WHERE job = ?1 AND type = ?2 AND seq NOT IN (SELECT seq FROM events WHERE "
      "job = ?1 AND type = ?2 ORDER BY seq DESC LIMIT ?3)")
      .bind(place)
      .bind(type)
      .bind(keep)
      .run();
}

}  // namespace rle
