#include "server/store.h"

#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "base/error.h"
#include "server/event_hub.h"
#include "server/job_run.h"
#include "server/migrations.h"
#include "server/scheduler_testing.h"

namespace rle {
namespace {

using namespace server_testing;

JobRecord new_job(const std::string& engine = "default") {
  JobRecord job;
  job.id = new_uuid();
  job.engine = engine;
  return job;
}

void insert(Store& store, JobRecord job) {
  store.write([&](Store::Change& change) {
    change.tables.insert(job);
    return true;
  });
}

class StoreTest : public FolderOfTest {
 protected:
  std::filesystem::path file() const { return folder_ / "state.sqlite"; }
};

TEST_F(StoreTest, AnOlderFormIsBroughtToThisOne) {
  const JobRecord old = new_job();
  {
    Store store(file(), {});
    insert(store, old);
  }
  {
    const SqliteConnection connection(file(), false);
    connection.execute(
        "DROP INDEX jobs_by_output; ALTER TABLE jobs DROP COLUMN output; PRAGMA user_version = 1");
  }
  Store store(file(), {});
  JobRecord job = new_job();
  job.output = "/p.parquet";
  insert(store, job);
  store.read([&](const StateTables& tables) {
    EXPECT_EQ(tables.job(old.id)->state, JobState::kQueued);
    EXPECT_EQ(tables.active_job_of_output("/p.parquet")->id, job.id);
    EXPECT_FALSE(tables.active_job_of_output("/q.parquet"));
    return true;
  });
}

TEST_F(StoreTest, KeepsRecordsOverARestart) {
  JobRecord job = new_job();
  job.set_request({{"spec", {{"dataset", "größe"}}}});
  job.idempotency_key = "k";
  job.warnings = {"w"};
  job.needs_secrets = true;
  EngineRecord engine;
  engine.id = "e1";
  engine.name = "Big-One";
  engine.auto_suspend_minutes = std::nullopt;
  {
    Store store(file(), {});
    store.write([&](Store::Change& change) {
      change.tables.insert(engine);
      change.tables.insert(job);
      change_state(change, job, JobState::kQueued, 5, "why");
      return true;
    });
  }
  const Store store(file(), {});
  store.read([&](const StateTables& tables) {
    const JobRecord found = *tables.job(job.id);
    EXPECT_EQ(found.request(), job.request());
    EXPECT_EQ(found.warnings, job.warnings);
    EXPECT_TRUE(found.needs_secrets);
    EXPECT_EQ(found.last_event, 1);
    EXPECT_EQ(tables.job_of_key("k")->id, job.id);
    EXPECT_EQ(tables.engine("BIG-ONE")->name, "Big-One");
    EXPECT_FALSE(tables.engine("big-one")->auto_suspend_minutes.has_value());
    const std::vector<EventRecord> events = tables.events(found.place, 1, 10);
    EXPECT_EQ(events.size(), 1u);
    EXPECT_EQ(to_json(events[0])["reason"], "why");
    return true;
  });
}

TEST_F(StoreTest, AChangeThatThrowsLeavesNothingAndHurtsNoOther) {
  Store store(file(), {});
  JobRecord kept = new_job(), lost = new_job();
  store.post([&](Store::Change& change) { change.tables.insert(kept); });
  EXPECT_THROW(store.write([&](Store::Change& change) -> bool {
    change.tables.insert(lost);
    throw std::runtime_error("no");
  }),
               std::runtime_error);
  store.read([&](const StateTables& tables) {
    EXPECT_TRUE(tables.job(kept.id).has_value());
    EXPECT_FALSE(tables.job(lost.id).has_value());
    return true;
  });
}

TEST_F(StoreTest, OnlyTheEdgesOfTheStateMachineAreWritten) {
  Store store(file(), {});
  constexpr JobState kAll[] = {JobState::kQueued, JobState::kRunning, JobState::kCompleted, JobState::kFailed,
                               JobState::kCanceled};
  for (const JobState from : kAll)
    for (const JobState to : kAll) {
      JobRecord job = new_job();
      job.state = from;
      insert(store, job);
      const auto move = [&] {
        store.write([&](Store::Change& change) {
          JobRecord now = *change.tables.job(job.id);
          now.state = to;
          change.tables.update(now);
          return true;
        });
      };
      const bool edge =
          (from == JobState::kQueued && (to == JobState::kRunning || to == JobState::kCanceled)) ||
          (from == JobState::kRunning && is_final(to));
      EXPECT_EQ(may_become(from, to), edge);
      if (edge || from == to)
        EXPECT_NO_THROW(move());
      else
        EXPECT_THROW(move(), Error) << to_string(from) << " to " << to_string(to);
    }
}

TEST_F(StoreTest, ANewerVersionIsRefused) {
  {
    SqliteConnection connection(file(), false);
    migrate(connection);
    EXPECT_EQ(connection.query_integer("PRAGMA user_version"), state_version());
    migrate(connection);  // nothing to do
    connection.execute("PRAGMA user_version = 99");
  }
  try {
    Store store(file(), {});
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSpec);
    EXPECT_NE(std::string(error.what()).find("version 99"), std::string::npos);
  }
  std::ofstream(folder_ / "other.sqlite") << std::string(4096, 'x');
  EXPECT_THROW(Store(folder_ / "other.sqlite", {}), Error);
}

TEST_F(StoreTest, TwoKeysOfTheSameNameAreRefused) {
  Store store(file(), {});
  JobRecord a = new_job(), b = new_job();
  a.idempotency_key = b.idempotency_key = "k";
  insert(store, a);
  EXPECT_THROW(insert(store, b), Error);
}

// A process that is killed while it writes: what it was told is kept, and the file is whole.
TEST_F(StoreTest, AcknowledgedChangesSurviveAKill) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t writer = ::fork();
  if (writer == 0) {
    Store store(file(), {});
    while (true) {
      JobRecord job = new_job();
      store.write([&](Store::Change& change) {
        change.tables.insert(job);
        return true;
      });
      [[maybe_unused]] const ssize_t told = ::write(ends[1], job.id.data(), 36);
    }
  }
  ::close(ends[1]);
  std::vector<std::string> acknowledged;
  char id[36];
  while (acknowledged.size() < 20 && ::read(ends[0], id, 36) == 36) acknowledged.emplace_back(id, 36);
  ::kill(writer, SIGKILL);
  ::waitpid(writer, nullptr, 0);
  while (::read(ends[0], id, 36) == 36) acknowledged.emplace_back(id, 36);
  ::close(ends[0]);
  const Store store(file(), {});
  for (const std::string& each : acknowledged)
    EXPECT_TRUE(store.read([&](const StateTables& tables) { return tables.job(each).has_value(); }));
  EXPECT_EQ(SqliteConnection(file(), true)
                .query_integer("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
            1);
}

TEST_F(StoreTest, ManyThreadsWriteAndAsk) {
  Store store(file(), {});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) {
        insert(store, new_job());
        store.read([](const StateTables& tables) { return tables.jobs({.limit = 1000}).size(); });
      }
    });
  for (std::thread& thread : threads) thread.join();
  const auto all = store.read([](const StateTables& tables) { return tables.jobs({.limit = 1000}); });
  EXPECT_EQ(all.size(), 100u);
  for (size_t i = 1; i < all.size(); ++i) EXPECT_LT(all[i].place, all[i - 1].place);
}

TEST_F(StoreTest, QueriesAndPages) {
  Store store(file(), {});
  std::vector<JobRecord> jobs;
  for (int i = 0; i < 5; ++i) {
    jobs.push_back(new_job(i % 2 == 0 ? "default" : "Other"));
    insert(store, jobs.back());
  }
  store.read([&](const StateTables& tables) {
    EXPECT_EQ(tables.jobs({.engine = "other"}).size(), 2u);
    EXPECT_EQ(tables.jobs({.state = JobState::kRunning}).size(), 0u);
    EXPECT_EQ(tables.jobs({.kind = JobKind::kFit, .limit = 3}).size(), 3u);
    EXPECT_EQ(tables.next_queued("default")->id, jobs[0].id);
    EXPECT_EQ(tables.queue_position(*tables.job(jobs[4].id)), 3);
    EXPECT_EQ(tables.jobs({.before_place = tables.job(jobs[2].id)->place})[0].id, jobs[1].id);
    EXPECT_EQ(tables.engines_with_queued_jobs().size(), 2u);
    EXPECT_EQ(tables.jobs_by_state()[0], (std::pair<std::string, int64_t>("QUEUED", 5)));
    return true;
  });
}

TEST(EventHub, WakesOnceWhenThereIsSomething) {
  std::map<std::string, EventHub::Progress> jobs{{"a", {3, false}}};
  EventHub hub([&](const std::string& job) { return jobs.at(job); });
  int woken = 0;
  auto at_once = hub.subscribe("a", 3, [&] { ++woken; });
  EXPECT_EQ(woken, 1);
  auto later = hub.subscribe("a", 5, [&] { ++woken; });
  auto gone = hub.subscribe("a", 5, [&] { woken += 100; });
  gone.reset();
  jobs["a"].last_event = 4;
  hub.notify({"a"});
  EXPECT_EQ(woken, 1);
  jobs["a"].last_event = 5;
  hub.notify({"a", "b"});
  hub.notify({"a"});
  EXPECT_EQ(woken, 2);
  auto at_end = hub.subscribe("a", 99, [&] { ++woken; });
  jobs["a"].over = true;
  hub.notify({"a"});
  EXPECT_EQ(woken, 3);
}

TEST(Records, TimesAndStates) {
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(time_text(1'700'000'000'123'456), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(job_state_of("RUNNING"), JobState::kRunning);
  EXPECT_FALSE(job_state_of("running").has_value());
  EXPECT_EQ(to_string(JobKind::kFitPredict), "fit_predict");
}

}  // namespace
}  // namespace rle
