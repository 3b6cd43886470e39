#include "server/migrations.h"

#include <array>

#include "base/error.h"

namespace rle {
namespace {

// Steps are only ever added. Jobs are ordered by `place`, which no clock decides. A text that is null is
// absent.
constexpr std::array kSteps{
    R"sql(
CREATE TABLE engines(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, folded_name TEXT NOT NULL UNIQUE, size TEXT NOT NULL,
  state TEXT NOT NULL, created_by TEXT NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,
  auto_suspend_minutes INTEGER);
CREATE TABLE jobs(
  place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, engine TEXT NOT NULL,
  state TEXT NOT NULL, attempt INTEGER NOT NULL, created_us INTEGER NOT NULL, updated_us INTEGER NOT NULL,
  started_us INTEGER, finished_us INTEGER, created_by TEXT NOT NULL, experiment_name TEXT NOT NULL,
  request TEXT NOT NULL, device TEXT, progress TEXT, result TEXT, outputs TEXT, warnings TEXT, error TEXT,
  cancel_requested INTEGER NOT NULL, idempotency_key TEXT UNIQUE, model_run_id TEXT, needs_secrets INTEGER NOT NULL,
  last_event INTEGER NOT NULL);
CREATE INDEX jobs_by_engine ON jobs(engine, state, place);
CREATE INDEX jobs_by_state ON jobs(state, engine, place);
CREATE TABLE events(
  job INTEGER NOT NULL, seq INTEGER NOT NULL, attempt INTEGER NOT NULL, time_us INTEGER NOT NULL,
  type TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY(job, seq)) WITHOUT ROWID;
)sql",
    R"sql(
ALTER TABLE jobs ADD COLUMN output TEXT;
CREATE INDEX jobs_by_output ON jobs(output) WHERE state IN ('QUEUED', 'RUNNING');
)sql"};

}  // namespace

int64_t state_version() { return static_cast<int64_t>(kSteps.size()); }

void migrate(const SqliteConnection& connection) {
  const int64_t version = connection.query_integer("PRAGMA user_version");
  if (version > state_version())
    fail(ErrorCode::kSpec,
         "state.sqlite has version {} and this program knows {}: a newer one wrote it; start that one, or "
         "name "
         "another state folder",
         version, state_version());
  for (int64_t step = version; step < state_version(); ++step) {
    connection.execute("BEGIN IMMEDIATE");
    try {
      connection.execute(kSteps[static_cast<size_t>(step)]);
      connection.execute(fmt::format("PRAGMA user_version = {}", step + 1).c_str());
      connection.execute("COMMIT");
    } catch (...) {
      connection.execute("ROLLBACK");
      throw;
    }
  }
}

}  // namespace rle
