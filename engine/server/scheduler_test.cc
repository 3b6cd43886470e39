#include "server/scheduler_testing.h"

#include <fstream>
#include <set>

#include "server/problem.h"
#include "server/scheduler.h"

namespace rle {
namespace {

using namespace server_testing;
using std::chrono::milliseconds;

class SchedulerTest : public FolderOfTest {
 protected:
  SchedulerTest() : sizes_(folder_ / "sizes.json"), store_(folder_ / "state.sqlite", {}) {
    options_.folders = {folder_ / "jobs", folder_};
    options_.now_us = [this] { return now_us_.load(); };
    options_.cancel_grace = milliseconds(50);
    options_.stop_grace = milliseconds(200);
    add_engine("default");
  }

  void add_engine(const std::string& name, std::optional<int64_t> minutes = std::nullopt) {
    EngineRecord engine;
    engine.id = engine.name = name;
    engine.size = kDefaultSize;
    engine.auto_suspend_minutes = minutes;
    store_.write([&](Store::Change& change) {
      change.tables.insert(engine);
      return true;
    });
  }

  std::string add_job(const std::string& engine = "default", bool secrets = false) {
    JobRecord job;
    job.id = new_uuid();
    job.engine = engine;
    job.set_request({{"spec", Json::object()}});
    job.needs_secrets = secrets;
    job.created_us = job.updated_us = now_us_;
    store_.write([&](Store::Change& change) {
      change.tables.insert(job);
      change_state(change, job, JobState::kQueued, now_us_, "");
      return true;
    });
    if (scheduler_) scheduler_->wake();
    return job.id;
  }

  void cancel(const std::string& id) {
    store_.write([&](Store::Change& change) {
      JobRecord job = *change.tables.job(id);
      job.cancel_requested = true;
      change.tables.update(job);
      return true;
    });
    scheduler_->wake();
  }

  void start() {
    scheduler_ = std::make_unique<Scheduler>(store_, launcher_, sizes_, options_);
    scheduler_->start();
  }

  JobRecord job(const std::string& id) {
    return *store_.read([&](const StateTables& tables) { return tables.job(id); });
  }
  bool becomes(const std::string& id, JobState state) {
    return eventually([&] { return job(id).state == state; });
  }
  std::vector<EventRecord> events(const std::string& id) {
    const int64_t place = job(id).place;
    return store_.read([&](const StateTables& tables) { return tables.events(place, 1, 10'000); });
  }
  // The document of the n-th attempt names its job.
  std::string job_of(size_t n) { return launcher_.at(n).document["job"]; }
  void write_intent(const std::string& id) { std::ofstream(folder_ / "jobs" / id / "intent.json") << "{}"; }

  std::atomic<int64_t> now_us_{1'000'000'000'000'000};
  Sizes sizes_;
  Store store_;
  PuppetLauncher launcher_;
  SchedulerOptions options_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, FirstInFirstOutInAnEngineAndEnginesBesideEachOther) {
  add_engine("other");
  const std::string a = add_job(), b = add_job(), c = add_job("other");
  start();
  launcher_.at(1);
  EXPECT_EQ((std::set{job_of(0), job_of(1)}), (std::set{a, c}));
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(launcher_.count(), 2u);
  EXPECT_EQ(job(b).state, JobState::kQueued);
  launcher_.at(job_of(0) == a ? 0 : 1).complete();
  EXPECT_EQ(job_of(2), b);
  EXPECT_TRUE(becomes(a, JobState::kCompleted));
  EXPECT_EQ(job(a).model_run_id, a);
  EXPECT_EQ(job(a).result["epochs"], 1);
  EXPECT_TRUE(becomes(b, JobState::kRunning));
}

TEST_F(SchedulerTest, EventsBecomeColumnsAndAreNumberedOverTheJob) {
  const std::string id = add_job();
  start();
  Puppet& puppet = launcher_.at(0);
  puppet.tell({{"type", "device"}, {"requested", "cuda"}, {"used", "cpu"}});
  puppet.tell({{"type", "log"}, {"severity", "WARNING"}, {"text", "slow"}});
  puppet.tell({{"type", "progress"}, {"epoch", 1}, {"epochs", 3}, {"loss", 0.5}, {"seeds_per_second", 7.0}});
  puppet.other("from a library");
  puppet.tell({{"type", "result"},
               {"result", {{"epochs", 3}}},
               {"outputs", {{{"role", "predictions"}, {"rows", 2}}}}});
  puppet.end();
  ASSERT_TRUE(becomes(id, JobState::kCompleted));
  const JobRecord now = job(id);
  EXPECT_EQ(now.device["used"], "cpu");
  EXPECT_EQ(now.warnings, Json::array({"slow"}));
  EXPECT_EQ(now.progress["loss"], 0.5);
  EXPECT_EQ(now.outputs[0]["rows"], 2);
  std::string types;
  int64_t seq = 0;
  for (const EventRecord& event : events(id)) {
    EXPECT_EQ(event.seq, ++seq);
    types += event.type + " ";
  }
  EXPECT_EQ(types, "state state device log progress log output state ");
  EXPECT_EQ(now.last_event, seq);
}

TEST_F(SchedulerTest, LinesOfAnotherAttemptAndRepeatedOnesAreRefused) {
  const std::string id = add_job();
  start();
  Puppet& puppet = launcher_.at(0);
  const auto log = [](const char* text) {
    return Json{{"type", "log"}, {"severity", "INFO"}, {"text", text}};
  };
  Json old = log("of an older attempt"), again = log("again"), good = log("good");
  old["attempt"] = 0;
  old["seq"] = 9;
  good["seq"] = 5;
  again["seq"] = 5;
  for (const Json& line : {old, good, again}) puppet.tell(line);
  puppet.tell({{"type", "result"}, {"result", 1}, {"attempt", 7}, {"seq", 10}});
  puppet.end({.exit_code = 3});
  ASSERT_TRUE(becomes(id, JobState::kFailed));
  EXPECT_EQ(job(id).error["type"], "urn:gnn-rle:problem:internal");
  int logs = 0;
  for (const EventRecord& event : events(id)) logs += event.type == "log" && event.body["severity"] == "INFO";
  EXPECT_EQ(logs, 1);
}

TEST_F(SchedulerTest, ACancelAsksAndThenKills) {
  const std::string polite = add_job(), deaf = add_job();
  start();
  EXPECT_EQ(job_of(0), polite);
  cancel(polite);
  ASSERT_TRUE(becomes(polite, JobState::kCanceled));
  EXPECT_EQ(launcher_.at(0).killed, 0);
  EXPECT_EQ(job_of(1), deaf);
  launcher_.at(1).obeys = false;
  cancel(deaf);
  ASSERT_TRUE(becomes(deaf, JobState::kCanceled));
  EXPECT_EQ(launcher_.at(1).asked_to_stop, 1);
  EXPECT_EQ(launcher_.at(1).killed, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "jobs" / deaf));
  EXPECT_TRUE(job(deaf).error.is_null());
}

TEST_F(SchedulerTest, AResultThatCameBeforeTheCancelStands) {
  const std::string id = add_job();
  start();
  Puppet& puppet = launcher_.at(0);
  puppet.obeys = false;
  cancel(id);
  ASSERT_TRUE(eventually([&] { return puppet.asked_to_stop == 1; }));
  puppet.complete();
  EXPECT_TRUE(becomes(id, JobState::kCompleted));
}

TEST_F(SchedulerTest, ASignalNobodySentFailsTheJobWithItsLastLines) {
  const std::string id = add_job(), crashed = add_job();
  start();
  launcher_.at(0).tell({{"type", "log"}, {"severity", "INFO"}, {"text", "reading orders"}});
  launcher_.at(0).end({.signal = SIGKILL});
  ASSERT_TRUE(becomes(id, JobState::kFailed));
  EXPECT_EQ(job(id).error["type"], "urn:gnn-rle:problem:killed");
  const std::string detail = job(id).error["detail"];
  EXPECT_EQ(detail, "killed, probably out of memory; its last lines:\nreading orders");
  launcher_.at(1).other("terminate called");
  launcher_.at(1).end({.signal = SIGABRT});
  ASSERT_TRUE(becomes(crashed, JobState::kFailed));
  EXPECT_NE(job(crashed).error["detail"].get<std::string>().find("signal 6 (Aborted)"), std::string::npos);
  EXPECT_NE(job(crashed).error["detail"].get<std::string>().find("terminate called"), std::string::npos);
}

TEST_F(SchedulerTest, WhatAKilledAttemptLeftIsSettled) {
  const std::string committed = add_job(), not_committed = add_job();
  start();
  launcher_.at(0);
  write_intent(committed);
  launcher_.at(0).end({.signal = SIGSEGV});
  EXPECT_EQ(launcher_.at(1).document["action"], "settle");
  EXPECT_EQ(launcher_.at(1).document["attempt"], 1);
  launcher_.at(1).complete();
  ASSERT_TRUE(becomes(committed, JobState::kCompleted));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "jobs" / committed / "intent.json"));
  EXPECT_EQ(job_of(2), not_committed);
  write_intent(not_committed);
  launcher_.at(2).end({.signal = SIGSEGV});
  launcher_.at(3).tell({{"type", "result"}});
  launcher_.at(3).end();
  ASSERT_TRUE(becomes(not_committed, JobState::kFailed));
  EXPECT_EQ(job(not_committed).error["type"], "urn:gnn-rle:problem:killed");
}

TEST_F(SchedulerTest, AStoppedHostGoesOnWithTheNextAttemptFirst) {
  const std::string running = add_job(), queued = add_job(), deaf = add_job("default");
  start();
  EXPECT_EQ(job_of(0), running);
  scheduler_.reset();
  EXPECT_EQ(job(running).state, JobState::kRunning);
  EXPECT_EQ(job(running).attempt, 1);
  EXPECT_EQ(job(queued).state, JobState::kQueued);
  start();
  EXPECT_EQ(job_of(1), running);
  EXPECT_EQ(launcher_.at(1).document["attempt"], 2);
  launcher_.at(1).complete();
  ASSERT_TRUE(becomes(running, JobState::kCompleted));
  EXPECT_EQ(job(running).attempt, 2);
  EXPECT_EQ(job_of(2), queued);
  launcher_.at(2).obeys = false;
  scheduler_.reset();  // killed after its time
  EXPECT_EQ(launcher_.at(2).killed, 1);
  EXPECT_EQ(job(queued).state, JobState::kRunning);
  EXPECT_EQ(job(deaf).state, JobState::kQueued);
}

TEST_F(SchedulerTest, ACancelSurvivesTheHost) {
  const std::string id = add_job();
  start();
  launcher_.at(0).obeys = false;
  scheduler_.reset();
  JobRecord record = job(id);
  record.cancel_requested = true;
  store_.write([&](Store::Change& change) {
    change.tables.update(record);
    return true;
  });
  start();
  EXPECT_EQ(launcher_.at(1).document["action"], "settle");
  launcher_.at(1).tell({{"type", "result"}});
  launcher_.at(1).end();
  ASSERT_TRUE(becomes(id, JobState::kCanceled));
  EXPECT_EQ(job(id).attempt, 1);
}

TEST_F(SchedulerTest, SecretsReachTheAttemptAndNothingElse) {
  start();
  JobRecord record;
  const std::string id = new_uuid();
  scheduler_->keep_secrets(id, {{"password", "hunter2"}});
  record.id = id;
  record.engine = "default";
  record.set_request({{"spec", Json::object()}});
  record.needs_secrets = true;
  store_.write([&](Store::Change& change) {
    change.tables.insert(record);
    return true;
  });
  scheduler_->wake();
  EXPECT_EQ(launcher_.at(0).document["secrets"]["password"], "hunter2");
  const std::string waiting = add_job("default", true);
  scheduler_.reset();
  EXPECT_EQ(job(id).request_text.find("hunter2"), std::string::npos);
  start();  // they did not survive
  ASSERT_TRUE(becomes(id, JobState::kFailed));
  ASSERT_TRUE(becomes(waiting, JobState::kFailed));
  EXPECT_EQ(job(waiting).error["type"], "urn:gnn-rle:problem:lost-credentials");
  EXPECT_EQ(launcher_.count(), 1u);
}

TEST_F(SchedulerTest, AnIdleEngineSuspendsItselfAndABusyOneDoesNot) {
  options_.minute = milliseconds(30);
  add_engine("idle", 1);
  add_engine("busy", 1);
  const std::string id = add_job("busy");
  start();
  const auto state = [&](const char* name) {
    return store_.read([&](const StateTables& tables) { return tables.engine(name)->state; });
  };
  EXPECT_TRUE(eventually([&] { return state("idle") == EngineState::kSuspended; }));
  EXPECT_EQ(state("default"), EngineState::kReady);  // never
  EXPECT_EQ(state("busy"), EngineState::kReady);
  launcher_.at(0).complete();
  EXPECT_TRUE(eventually([&] { return state("busy") == EngineState::kSuspended; }));
}

TEST_F(SchedulerTest, FinishedJobsArePrunedByCountAndAge) {
  std::vector<std::string> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(add_job());
  start();
  for (size_t i = 0; i < 4; ++i) launcher_.at(i).complete();
  ASSERT_TRUE(becomes(ids[3], JobState::kCompleted));
  const std::string queued = add_job();
  scheduler_.reset();
  const auto left = [&] {
    return store_.read([](const StateTables& tables) { return tables.jobs({.limit = 100}).size(); });
  };
  options_.keep_jobs = 2;
  start();
  EXPECT_TRUE(eventually([&] { return left() == 3; }));
  EXPECT_FALSE(store_.read([&](const StateTables& tables) { return tables.job(ids[0]).has_value(); }));
  scheduler_.reset();
  options_.keep_days = 1;
  now_us_ += int64_t{2} * 86'400 * 1'000'000;
  start();
  EXPECT_TRUE(eventually([&] { return left() == 1; }));
  EXPECT_EQ(job(queued).id, queued);
}

TEST_F(SchedulerTest, AClockSetBackReordersNothing) {
  const std::string first = add_job();
  now_us_ -= int64_t{86'400} * 1'000'000;
  const std::string second = add_job();
  start();
  EXPECT_EQ(job_of(0), first);
  launcher_.at(0).complete();
  EXPECT_EQ(job_of(1), second);
  launcher_.at(1).complete();
  ASSERT_TRUE(becomes(second, JobState::kCompleted));
  EXPECT_GE(*job(first).finished_us, *job(first).started_us);
  const auto newest = store_.read([](const StateTables& tables) { return tables.jobs({.limit = 10}); });
  EXPECT_EQ(newest[0].id, second);
  int64_t last = 0;
  for (const EventRecord& event : events(first)) {
    EXPECT_GE(event.time_us, last);
    last = event.time_us;
  }
}

TEST_F(SchedulerTest, ShortTasks) {
  start();
  std::thread caller([&] {
    EXPECT_EQ(scheduler_->run_task({{"action", "check"}})["warnings"].size(), 0u);
    try {
      scheduler_->run_task({{"action", "check"}});
      ADD_FAILURE();
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.status, 422);
      EXPECT_EQ(problem.field, "spec.task");
    }
    EXPECT_THROW(scheduler_->run_task({{"action", "check"}}), Problem);
    EXPECT_THROW(scheduler_->run_task({{"action", "check"}}, std::chrono::seconds(0)), Problem);
  });
  launcher_.at(0).tell({{"attempt", 1}, {"type", "result"}, {"warnings", Json::array()}});
  launcher_.at(0).end();
  launcher_.at(1).tell({{"attempt", 1},
                        {"type", "error"},
                        {"name", "invalid-specification"},
                        {"detail", "no"},
                        {"field", "spec.task"}});
  launcher_.at(1).end({.exit_code = 1});
  launcher_.at(2).end({.signal = SIGSEGV});
  caller.join();
  EXPECT_EQ(launcher_.at(3).killed, 1);
}

}  // namespace
}  // namespace rle
