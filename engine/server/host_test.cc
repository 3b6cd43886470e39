// The host with real children.
#include "server/host.h"

#include <csignal>
#include <fstream>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "server/host_testing.h"
#include "server/problem.h"

namespace rle {
namespace {

using namespace server_testing;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int64_t kForever = 1'000'000;  // epochs
constexpr int64_t kTestRows = 360;

double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

TEST_F(HostTest, FitThenPredict) {
  const std::string fit = create(request("fit"));
  const Json trained = finished(fit);
  ASSERT_EQ(trained["state"], "COMPLETED") << trained;
  EXPECT_EQ(trained["model_run_id"], fit);
  EXPECT_EQ(trained["result"]["epochs"], 2);
  EXPECT_TRUE(trained["result"]["validation_metrics"]["roc_auc"].is_number());
  EXPECT_EQ(trained["attempt"], 1);
  Json predict = request("predict", "first");
  predict["model"] = {{"run_id", fit}};
  predict["spec"]["task"].erase("train");
  predict["spec"]["task"].erase("validation");
  predict["options"] = {{"compute_test_metrics", true}, {"batch_size", 7}};
  const Json predicted = finished(create(predict));
  ASSERT_EQ(predicted["state"], "COMPLETED") << predicted;
  EXPECT_EQ(predicted["outputs"][0]["rows"], kTestRows);
  EXPECT_TRUE(predicted["result"]["test_metrics"]["roc_auc"].is_number());
  EXPECT_EQ(rows_of("PREDICTIONS_FIRST.parquet"), kTestRows);
  const fs::path copy = host().output_file(predicted["id"], {}, "csv");
  EXPECT_GT(fs::file_size(copy), 1000u);
  EXPECT_EQ(verdict([&] { host().output_file(fit, {}, "csv"); }), "409 conflict ");
  EXPECT_EQ(verdict([&] {
              host().output_file(predicted["id"], {"embeddings", ""}, "csv");
            }),
            "409 conflict ");
}

TEST_F(HostTest, RunningIsReachedAtOnceAndEventsWake) {
  host();
  const std::string id = create(request("fit"));
  const auto begin = Clock::now();
  ASSERT_TRUE(becomes(id, "RUNNING") || finished(id)["state"] == "COMPLETED");
  EXPECT_LT(since(begin), 0.3);
  std::atomic<int> woken{0};
  const auto handle = host().when_events(id, 3, [&] { ++woken; });
  ASSERT_TRUE(eventually([&] { return woken == 1; }));
  finished(id);
  const Host::Events events = host().events(id, 1, 1000);
  EXPECT_TRUE(events.final);
  EXPECT_EQ(events.events.front().body["state"], "QUEUED");
  EXPECT_EQ(events.events.back().body["state"], "COMPLETED");
  EXPECT_TRUE(host().events(id, events.events.back().seq + 1, 10).events.empty());
}

TEST_F(HostTest, OutputsAreNewOrReplaced) {
  Json fit = request("fit_predict");
  fit["output"] = duckdb_output("a1");
  ASSERT_EQ(finished(create(fit))["state"], "COMPLETED");
  EXPECT_EQ(rows_of("PREDICTIONS_A1"), kTestRows);
  EXPECT_EQ(verdict([&] { host().create_job(fit, "", ""); }), "409 conflict output.alias");
  fit["output"]["alias"] = "a2";
  ASSERT_EQ(finished(create(fit))["state"], "COMPLETED");
  fit["options"] = {{"overwrite", true}};
  ASSERT_EQ(finished(create(fit))["state"], "COMPLETED");
  EXPECT_EQ(rows_of("PREDICTIONS_A2"), kTestRows);
}

TEST_F(HostTest, EmbeddingsBesidePredictions) {
  for (const bool database : {false, true}) {
    Json wanted = request("fit_predict", "e");
    if (database) wanted["output"] = duckdb_output("e");
    wanted["options"] = {{"extract_embeddings", true}};
    const Json job = finished(create(wanted));
    ASSERT_EQ(job["state"], "COMPLETED") << job;
    ASSERT_EQ(job["outputs"].size(), 2u);
    const Json& told = job["outputs"][1];
    EXPECT_EQ(told["role"], "embeddings");
    EXPECT_EQ(told["rows"], kTestRows);
    EXPECT_EQ(told["entity_table"], "customers");
    EXPECT_EQ(told["column"], "id");
    EXPECT_EQ(rows_of(database ? "EMBEDDINGS_ID_E" : "EMBEDDINGS_ID_E.parquet"), kTestRows);
    for (const char* of : {"", "customers", "id"})
      EXPECT_GT(fs::file_size(host().output_file(job["id"], {"embeddings", of}, "parquet")), 1000u) << of;
    EXPECT_EQ(verdict([&] {
                host().output_file(job["id"], {"embeddings", "orders"}, "csv");
              }),
              "422 invalid-request table");
    EXPECT_EQ(verdict([&] { host().create_job(wanted, "", ""); }), "409 conflict output.alias");
    if (!database) {
      fs::remove(folder_ / "PREDICTIONS_E.parquet");
      EXPECT_EQ(verdict([&] { host().create_job(wanted, "", ""); }), "409 conflict output.alias");
    }
    wanted["options"]["overwrite"] = true;
    EXPECT_EQ(finished(create(wanted))["state"], "COMPLETED");
  }
}

TEST_F(HostTest, AnOutputThatAJobWillWriteIsTaken) {
  const std::string running = create(request("fit", "", kForever));
  const std::string holder = create(request("fit_predict", "a1"));
  const auto refusal = [&]() -> std::string {
    try {
      host().create_job(request("fit_predict", "A1"), "", "");
    } catch (const Problem& problem) {
      return fmt::format("{} {} {}", problem.status, problem.field, problem.detail);
    }
    return "accepted";
  };
  EXPECT_TRUE(refusal().starts_with(
      fmt::format("409 output.alias output.alias: job {} (QUEUED) will write '", holder)))
      << refusal();
  EXPECT_EQ(verdict([&] { host().validate(request("fit_predict", "a1")); }), "409 conflict output.alias");
  Json replacing = request("fit_predict", "a1");
  replacing["options"] = {{"overwrite", true}};
  const std::string later = create(replacing);
  host().cancel_job(holder);
  EXPECT_NE(refusal().find(later), std::string::npos)
      << "the one that replaces writes there as well: " << refusal();
  host().cancel_job(later);
  const std::string free_again = create(request("fit_predict", "a1"));
  host().cancel_job(running);
  EXPECT_EQ(finished(free_again)["state"], "COMPLETED");
  EXPECT_EQ(refusal().substr(0, 16), "409 output.alias");
}

TEST_F(HostTest, WhatSourcesTellIsRefusedAtSubmission) {
  Json wrong = request("fit");
  wrong["spec"]["tables"]["orders"]["time_column"] = "on";
  EXPECT_EQ(verdict([&] { host().create_job(wrong, "", ""); }),
            "422 invalid-specification spec.tables.orders");
  EXPECT_EQ(verdict([&] { host().validate(wrong); }), "422 invalid-specification spec.tables.orders");
  Json warned = request("fit");
  warned["spec"]["config"]["device"] = "cuda";
  EXPECT_EQ(host().validate(warned)["warnings"].size(), 1u);
  const Json job = finished(create(warned));
  EXPECT_EQ(job["warnings"].size(), 1u) << job;
  EXPECT_EQ(job["device"], (Json{{"requested", "cuda"}, {"used", "cpu"}}));
  EXPECT_EQ(host().jobs({}).jobs.size(), 1u);
  const Json described = host().describe({{"source", (folder_ / "o.parquet").string()}});
  EXPECT_EQ(described["rows"], 900);
  EXPECT_EQ(described["columns"].size(), 4u);
  EXPECT_EQ(verdict([&] {
              host().describe({{"source", (folder_ / "none.parquet").string()}});
            }),
            "422 invalid-specification source");
}

TEST_F(HostTest, TheSameKeyMakesOneJob) {
  const Json one = request("fit"), other = request("fit", "", 3);
  std::vector<std::thread> threads;
  std::mutex mutex;
  std::set<std::string> ids;
  int made = 0;
  host();
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const Host::Created created = host().create_job(one, "u", "key");
      const std::lock_guard lock(mutex);
      ids.insert(created.job["id"]);
      made += created.is_new ? 1 : 0;
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 1u);
  EXPECT_EQ(made, 1);
  EXPECT_EQ(verdict([&] { host().create_job(other, "u", "key"); }), "409 conflict ");
  EXPECT_EQ(verdict([&] { host().create_job(one, "u", "", *ids.begin()); }), "409 conflict id");
  EXPECT_EQ(finished(*ids.begin())["state"], "COMPLETED");
}

TEST_F(HostTest, CancelWithinTwoSecondsLeavesNothing) {
  const std::string running = create(request("fit_predict", "x", kForever)), queued = create(request("fit"));
  ASSERT_TRUE(becomes(running, "RUNNING"));
  ASSERT_TRUE(eventually([&] { return !host().job(running)["progress"].is_null(); }));
  EXPECT_EQ(host().job(queued)["queue_position"], 1);
  EXPECT_EQ(host().cancel_job(queued)["state"], "CANCELED");
  EXPECT_EQ(host().cancel_job(queued)["state"], "CANCELED");
  EXPECT_EQ(verdict([&] { host().delete_job(running); }), "409 conflict ");
  const auto begin = Clock::now();
  host().cancel_job(running);
  ASSERT_EQ(finished(running)["state"], "CANCELED");
  EXPECT_LT(since(begin), 2.5);
  EXPECT_FALSE(fs::exists(state() / "jobs" / running));
  EXPECT_FALSE(fs::exists(folder_ / "PREDICTIONS_X.parquet"));
  host().delete_job(running);
  EXPECT_EQ(verdict([&] { host().job(running); }), "404 not-found ");
}

TEST_F(HostTest, AStoppedChildIsEndedAfterItsGrace) {
  const std::string id = create(request("fit", "", kForever));
  const pid_t child = child_of(id);
  ASSERT_GT(child, 0);
  ::kill(child, SIGSTOP);  // takes no SIGTERM
  const auto begin = Clock::now();
  host().cancel_job(id);
  ASSERT_EQ(finished(id)["state"], "CANCELED");
  EXPECT_LT(since(begin), 3.5);
}

TEST_F(HostTest, AChildInheritsNothingAndSecretsStayUnseen) {
  Json wanted = request("fit", "", kForever);
  wanted["secrets"] = {{"token", "hunter2"}};
  const std::string id = create(wanted);
  const fs::path process = fmt::format("/proc/{}", child_of(id));
  for (const auto& descriptor : fs::directory_iterator(process / "fd")) {
    const std::string file = fs::read_symlink(descriptor.path()).string();
    EXPECT_TRUE(file != (state() / "lock").string() && file.find("state.sqlite") == std::string::npos)
        << file;
  }
  const auto content = [](const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  };
  for (const char* seen : {"cmdline", "environ"})
    EXPECT_EQ(content(process / seen).find("hunter2"), std::string::npos) << seen;
  stop();
  for (const auto& file : fs::recursive_directory_iterator(state()))
    if (file.is_regular_file()) {
      EXPECT_EQ(content(file.path()).find("hunter2"), std::string::npos) << file.path();
    }
  EXPECT_EQ(finished(id)["error"]["type"], "urn:gnn-rle:problem:lost-credentials");
}

TEST_F(HostTest, AKilledChildIsTold) {
  const std::string id = create(request("fit", "", kForever));
  ASSERT_TRUE(eventually([&] { return !host().job(id)["progress"].is_null(); }));
  ::kill(child_of(id), SIGKILL);
  const Json job = finished(id);
  EXPECT_EQ(job["state"], "FAILED");
  EXPECT_EQ(job["error"]["type"], "urn:gnn-rle:problem:killed");
  EXPECT_TRUE(job["error"]["detail"].get<std::string>().starts_with("killed, probably out of memory"));
  EXPECT_EQ(finished(create(request("fit")))["state"], "COMPLETED");
}

TEST_F(HostTest, AnEnginesMemoryLimitHolds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer reserves more memory than any limit";
#endif
  fs::create_directories(state());
  std::ofstream(state() / "sizes.json")
      << R"({"HIGHMEM_X64_S": {}, "TINY": {"threads": 1, "memory_limit": "100MiB"},
             "LEAST": {"memory_limit": "32MiB"}})";
  for (const char* size : {"TINY", "LEAST"}) {
    host().create_engine({{"name", size}, {"size", size}}, "");
    Json wanted = request("fit");
    wanted["engine"] = size;
    const Json job = finished(create(wanted));
    EXPECT_EQ(job["state"], "FAILED") << job;
    EXPECT_NE(job["error"]["type"], "urn:gnn-rle:problem:killed") << job;
    EXPECT_NE(job["error"]["detail"].get<std::string>().find("memory"), std::string::npos) << job;
  }
  EXPECT_EQ(finished(create(request("fit")))["state"], "COMPLETED");
}

TEST_F(HostTest, Engines) {
  EXPECT_EQ(host().engines(std::nullopt).size(), 1u);
  EXPECT_EQ(
      host().create_engine({{"name", "Big"}, {"settings", {{"auto_suspend_mins", nullptr}}}}, "u")["state"],
      "READY");
  EXPECT_EQ(verdict([&] { host().create_engine({{"name", "bIG"}}, ""); }), "409 conflict name");
  EXPECT_EQ(verdict([&] {
              host().create_engine({{"name", "x"}, {"size", "XXL"}}, "");
            }),
            "422 invalid-request size");
  EXPECT_EQ(verdict([&] {
              host().create_engine({{"name", "x"}, {"settings", {{"auto_suspend_mins", 0}}}}, "");
            }),
            "422 invalid-request settings.auto_suspend_mins");
  EXPECT_EQ(verdict([&] { host().delete_engine("default", true); }), "409 conflict ");
  EXPECT_EQ(verdict([&] { host().engine("none"); }), "404 not-found engine");
  EXPECT_EQ(host().suspend_engine("BIG", false)["state"], "SUSPENDED");
  Json wanted = request("fit", "", kForever);
  wanted["engine"] = "big";
  EXPECT_EQ(verdict([&] { host().create_job(wanted, "", ""); }), "409 conflict engine");
  host().suspend_engine("default", false);
  EXPECT_EQ(finished(create(request("fit")))["state"], "COMPLETED");  // resumes by itself
  EXPECT_EQ(host().engine("default")["state"], "READY");
  host().resume_engine("big");
  const std::string a = create(wanted), b = create(wanted);
  EXPECT_EQ(verdict([&] { host().suspend_engine("big", false); }), "409 conflict ");
  host().delete_engine("big", true);
  EXPECT_EQ(finished(a)["state"], "CANCELED");
  EXPECT_EQ(finished(b)["state"], "CANCELED");
  EXPECT_EQ(host().engines(EngineState::kReady).size(), 1u);
}

TEST_F(HostTest, OneHostAFolder) {
  host();
  try {
    Host second(options_);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("in use by another host"), std::string::npos);
  }
}

TEST_F(HostTest, SigtermOfTheHostKeepsTheTraining) {
  const std::string whole = create(request("fit", "", 40));
  ASSERT_EQ(finished(whole)["state"], "COMPLETED");
  const std::string id = create(request("fit", "", 40));
  ASSERT_TRUE(eventually([&] {
    const Json progress = host().job(id)["progress"];
    return progress.is_object() && progress.value("epoch", 0) >= 2;
  }));
  const auto begin = Clock::now();
  stop();
  EXPECT_LT(since(begin), 10);
  EXPECT_EQ(host().job(id)["state"], "RUNNING");
  const Json job = finished(id);
  EXPECT_EQ(job["state"], "COMPLETED");
  EXPECT_EQ(job["attempt"], 2);
  const auto model = [&](const std::string& run) {
    std::ifstream file(state() / "jobs" / run / "model" / "model.safetensors", std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_TRUE(model(id) == model(whole)) << "another model after a stop";
}

enum class Out { kFile, kTable, kFiles, kTables, kReplaced };  // the last three: embeddings too

class KilledTest : public HostTest, public ::testing::WithParamInterface<std::tuple<const char*, Out>> {
 protected:
  const char* place() const { return std::get<0>(GetParam()); }
  Out out() const { return std::get<1>(GetParam()); }
  bool database() const { return out() == Out::kTable || out() == Out::kTables; }
  bool several() const { return out() != Out::kFile && out() != Out::kTable; }

  Json wanted() const {
    Json wanted = request("fit_predict", "k");
    if (database()) wanted["output"] = duckdb_output("k");
    if (several()) wanted["options"]["extract_embeddings"] = true;
    if (out() != Out::kReplaced) return wanted;
    for (const std::string& name : names()) std::ofstream(folder_ / name) << kOld;
    wanted["options"]["overwrite"] = true;
    return wanted;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names{"PREDICTIONS_K"};
    if (several()) names.emplace_back("EMBEDDINGS_ID_K");
    for (std::string& name : names)
      if (!database()) name += ".parquet";
    return names;
  }
  // All outputs are the job's, or all are as they were before it; and nothing else is left.
  void expect_outputs(bool committed) {
    stop();
    const std::vector<std::string> files = files_in(folder_);
    for (const std::string& file : files)
      EXPECT_FALSE(file.ends_with(".part") || file.ends_with(".wal")) << file;
    const auto has = [&](const std::string& name) {
      return std::find(files.begin(), files.end(), name) != files.end();
    };
    for (const std::string& name : names()) {
      if (committed) {
        EXPECT_EQ(rows_of(name), kTestRows);
      } else if (out() == Out::kReplaced) {
        std::ifstream file(folder_ / name);
        EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), kOld);
      } else {
        EXPECT_FALSE(has(database() ? "out.duckdb" : name));
      }
    }
  }

  static constexpr const char* kOld = "old";
};

// Between renames there is a place only where several files are written.
auto kill_places(std::vector<const char*> places) {
  std::vector<std::tuple<const char*, Out>> out;
  for (const Out kind : {Out::kFile, Out::kTable, Out::kFiles, Out::kTables, Out::kReplaced})
    for (const char* place : places)
      if (std::string(place) != "between-renames" || kind == Out::kFiles || kind == Out::kReplaced)
        out.emplace_back(place, kind);
  return ::testing::ValuesIn(out);
}

class KilledHost : public KilledTest {};

// Wherever host and child are killed: the job is done, once.
TEST_P(KilledHost, LosesNothingAndDoesNothingTwice) {
  const std::string id =
      run_host_that_dies(wanted(), {fmt::format("RLE_KILL_AT={}", place()), "RLE_KILL_HOST=1",
                                    fmt::format("RLE_KILL_MARK={}", (folder_ / "mark").string())});
  const Json job = finished(id);
  EXPECT_EQ(job["state"], "COMPLETED") << job;
  EXPECT_EQ(job["attempt"], 2);
  EXPECT_EQ(job["outputs"].size(), names().size());
  for (const Json& output : job["outputs"]) EXPECT_EQ(output["rows"], kTestRows);
  EXPECT_EQ(job["result"]["epochs"], 2);
  expect_outputs(true);
  EXPECT_FALSE(fs::exists(state() / "jobs" / id / "intent.json"));
}

INSTANTIATE_TEST_SUITE_P(Places, KilledHost,
                         kill_places({"started", "fit-done", "before-output", "before-commit",
                                      "between-renames", "after-commit", "before-result"}));

class KilledChild : public KilledTest {};

// The child alone is killed: committed outputs count, and of others nothing is left.
TEST_P(KilledChild, IsFailedOrDone) {
  ::setenv("RLE_KILL_AT", place(), 1);
  const Json job = finished(create(wanted()));
  ::unsetenv("RLE_KILL_AT");
  const bool committed = std::string(place()) != "before-commit" && std::string(place()) != "before-output";
  EXPECT_EQ(job["state"], committed ? "COMPLETED" : "FAILED") << job;
  expect_outputs(committed);
}

INSTANTIATE_TEST_SUITE_P(Places, KilledChild,
                         kill_places({"before-output", "before-commit", "between-renames", "after-commit",
                                      "before-result"}));

TEST_F(HostTest, AHostKilledWhileTrainingGoesOnFromACheckpoint) {
  std::string queued;
  const std::string id =
      run_host_that_dies(request("fit", "", 40), {}, [&](pid_t host, const std::string& job) {
        const pid_t child = child_of(job);
        const fs::path resume = state() / "jobs" / job / "model" / "resume";
        EXPECT_TRUE(eventually([&] {
          std::error_code error;
          for (const auto& file : fs::directory_iterator(resume, error))
            if (file.path().filename().string().starts_with("step-") && file.path().extension() == ".json")
              return true;
          return false;
        }));
        ::kill(host, SIGKILL);
        EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; })) << "the child outlived its host";
      });
  const Json job = finished(id);
  EXPECT_EQ(job["state"], "COMPLETED") << job;
  EXPECT_EQ(job["attempt"], 2);
}

}  // namespace
}  // namespace rle
